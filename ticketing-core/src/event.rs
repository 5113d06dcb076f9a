//! Domain events: what the outbox carries.

use serde::{Deserialize, Serialize};

use crate::checkout::CheckoutEvent;
use crate::ledger::WalletEvent;
use crate::payment::PaymentEvent;
use crate::performance::PerformanceEvent;
use crate::refund::RefundEvent;
use crate::reservation::ReservationEvent;
use crate::show::ShowEvent;
use crate::ticket::TicketEvent;
use crate::venue::VenueEvent;

macro_rules! bodies {
    ($($variant:ident($event:ty)),* $(,)?) => {
        /// One event of any aggregate. In JSON the aggregate's own event, tagged by `type`, such as
        /// `{"type":"reservation.made", ...}`.
        #[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
        #[serde(untagged)]
        #[non_exhaustive]
        pub enum EventBody {
            $(#[doc = concat!("See [`", stringify!($event), "`].")] $variant($event)),*
        }

        impl EventBody {
            /// The event's name: the `type` of its JSON, such as `reservation.made`.
            pub const fn name(&self) -> &'static str {
                match self { $(Self::$variant(event) => event.name()),* }
            }
        }

        $(impl From<$event> for EventBody {
            fn from(event: $event) -> Self {
                Self::$variant(event)
            }
        })*
    };
}

bodies! {
    Venue(VenueEvent),
    Show(ShowEvent),
    Performance(PerformanceEvent),
    Reservation(ReservationEvent),
    Checkout(CheckoutEvent),
    Payment(PaymentEvent),
    Refund(RefundEvent),
    Ticket(TicketEvent),
    Wallet(WalletEvent),
}

/// Declares the events of one aggregate: an enum tagged by `type`, and the name of each variant.
macro_rules! events {
    (
        $(#[$doc:meta])* $name:ident {
            $($(#[$vdoc:meta])* $variant:ident = $text:literal { $($(#[$fdoc:meta])* $field:ident: $ty:ty),* $(,)? }),* $(,)?
        }
    ) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
        #[serde(tag = "type")]
        #[non_exhaustive]
        pub enum $name {
            $($(#[$vdoc])* #[serde(rename = $text)] $variant { $($(#[$fdoc])* $field: $ty),* }),*
        }

        impl $name {
            /// The `type` of the event's JSON.
            pub const fn name(&self) -> &'static str {
                match self { $(Self::$variant { .. } => $text),* }
            }
        }
    };
}
pub(crate) use events;
