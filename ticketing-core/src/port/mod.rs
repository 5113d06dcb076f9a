//! Ports: what the core needs from outside, one small trait each.
//!
//! Every trait says what an adapter MUST do; each line names the conformance function, in the
//! `testing` feature, that holds it. All are used as `Arc<dyn _>`.

mod checkouts;
mod claims;
mod clock;
mod fraud;
mod gateway;
mod holds;
mod ids;
mod inspect;
mod layouts;
mod ledger;
mod outbox;
mod payments;
mod publisher;
mod random;
mod rate_limit;
mod receipts;
mod refunds;
mod reservations;
mod retention;
mod signer;
mod store;
mod tickets;
mod timer;
mod users;
mod waiting_room;

pub use checkouts::*;
pub use claims::*;
pub use clock::*;
pub use fraud::*;
pub use gateway::*;
pub use holds::*;
pub use ids::*;
pub use inspect::*;
pub use layouts::*;
pub use ledger::*;
pub use outbox::*;
pub use payments::*;
pub use publisher::*;
pub use random::*;
pub use rate_limit::*;
pub use receipts::*;
pub use refunds::*;
pub use reservations::*;
pub use retention::*;
pub use signer::*;
pub use store::*;
pub use tickets::*;
pub use timer::*;
pub use users::*;
pub use waiting_room::*;

use std::sync::Arc;

/// All ports, wired by the binary.
#[derive(Clone)]
#[expect(missing_docs, reason = "each field is named after its trait")]
pub struct Ports {
    pub store: Arc<dyn Store>,
    pub layouts: Arc<dyn Layouts>,
    pub reservations: Arc<dyn Reservations>,
    pub checkouts: Arc<dyn Checkouts>,
    pub payments: Arc<dyn Payments>,
    pub refunds: Arc<dyn Refunds>,
    pub tickets: Arc<dyn Tickets>,
    pub ledger: Arc<dyn Ledger>,
    pub claims: Arc<dyn Claims>,
    pub receipts: Arc<dyn Receipts>,
    pub retention: Arc<dyn Retention>,
    pub outbox: Arc<dyn OutboxReader>,
    pub publisher: Arc<dyn EventPublisher>,
    pub holds: Arc<dyn SeatHolds>,
    pub waiting_room: Arc<dyn WaitingRoom>,
    pub rate_limit: Arc<dyn RateLimit>,
    pub gateway: Arc<dyn PaymentGateway>,
    pub users: Arc<dyn UserDirectory>,
    pub fraud: Arc<dyn FraudCheck>,
    pub clock: Arc<dyn Clock>,
    pub timer: Arc<dyn Timer>,
    pub ids: Arc<dyn IdGenerator>,
    pub random: Arc<dyn Random>,
    pub signer: Arc<dyn TokenSigner>,
}

impl std::fmt::Debug for Ports {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Ports(..)")
    }
}
