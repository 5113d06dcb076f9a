//! Puts weather before ports.

use std::sync::Arc;

use super::decorated::Decorated;
use super::weather::Weather;
use crate::port::{
    Checkouts, Claims, EventPublisher, FraudCheck, Layouts, Ledger, OutboxReader, PaymentGateway,
    Payments, Ports, RateLimit, Receipts, Refunds, Reservations, Retention, SeatHolds, Store,
    Tickets, UserDirectory, WaitingRoom,
};

macro_rules! wrappers {
    ($($field:ident: $port:ident;)*) => {
        impl Weather {
            /// All ports of one process behind this weather, but for its clock, timer, ids, chance and
            /// signer. `process` is the name of the process in the trace.
            #[must_use]
            pub fn wrap(&self, process: u16, ports: &Ports) -> Ports {
                Ports {
                    $($field: self.$field(process, Arc::clone(&ports.$field)),)*
                    clock: Arc::clone(&ports.clock),
                    timer: Arc::clone(&ports.timer),
                    ids: Arc::clone(&ports.ids),
                    random: Arc::clone(&ports.random),
                    signer: Arc::clone(&ports.signer),
                }
            }

            $(
                #[doc = concat!("A [`", stringify!($port), "`] of one process behind this weather.")]
                #[must_use]
                pub fn $field(&self, process: u16, port: Arc<dyn $port>) -> Arc<dyn $port> {
                    let weather = self.clone();
                    Arc::new(Decorated { inner: port, weather, process, port: stringify!($field) })
                }
            )*
        }
    };
}

wrappers! {
    store: Store;
    layouts: Layouts;
    reservations: Reservations;
    checkouts: Checkouts;
    payments: Payments;
    refunds: Refunds;
    tickets: Tickets;
    ledger: Ledger;
    claims: Claims;
    receipts: Receipts;
    retention: Retention;
    outbox: OutboxReader;
    publisher: EventPublisher;
    holds: SeatHolds;
    waiting_room: WaitingRoom;
    rate_limit: RateLimit;
    gateway: PaymentGateway;
    users: UserDirectory;
    fraud: FraudCheck;
}
