//! Use cases: each is one load, one decision, one commit around the external call that it needs.
//!
//! Functions over [`crate::port::Ports`]; [`crate::box_office::BoxOffice`] bundles them. What a client
//! calls takes an idempotency key; what a binary runs in a loop is a `sweep_..` that does one bounded
//! batch and may run in several processes at once.

pub mod cancel;
pub mod cancel_performance;
pub mod checkout;
pub mod confirm;
mod ending;
mod entry;
pub mod expire;
pub mod hold;
pub mod notice;
pub mod performances;
pub mod reconcile;
pub mod refund;
pub mod refund_worker;
pub mod relay;
pub mod reservations;
pub mod reserve;
pub mod retention;
pub mod seat_map;
mod settle;
pub mod shows;
mod support;
pub mod sweep_holds;
pub mod tickets;
pub mod venues;
pub mod waiting;
pub mod wallet;
mod write;

pub use entry::EntryRefusal;
pub use settle::{PaymentStatus, PaymentView};
pub use support::{Failure, Swept};
