//! The read ports, one file each: what a port's calls ask the database.

mod cache;
mod checkouts;
mod claims;
mod gather;
mod layouts;
mod ledger;
mod payments;
#[cfg(any(test, feature = "testing"))]
pub(crate) mod plans;
pub(crate) mod query;
mod receipts;
mod refunds;
mod reservations;
mod retention;
pub(crate) mod rows;
#[cfg(all(test, feature = "sqlite"))]
mod tests;
mod tickets;

pub(crate) use cache::Performances;
pub(crate) use claims::{claim, seat};
pub(crate) use gather::Gathered;
pub(crate) use receipts::receipt;
