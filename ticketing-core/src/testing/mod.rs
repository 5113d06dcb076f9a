//! What adapters and users test with: conformance functions for every port.
//!
//! Each function takes a [`Harness`] and fresh handles of the port it tests, and panics where the
//! port breaks its rule. Run all of a port with its `all` function, or single ones to find a fault.
//! [`store_conformance!`](crate::store_conformance) makes a `#[test]` of every rule of a store.

#![expect(clippy::missing_panics_doc, reason = "to panic is how a conformance function fails")]

pub mod clock;
pub mod gateway;
mod harness;
pub mod holds;
pub mod ids;
pub mod inspect;
pub mod outbox;
mod ports;
pub mod publisher;
pub mod random;
pub mod rate_limit;
pub mod reads;
pub mod sample;
pub mod signer;
pub mod store;
mod store_suite;
mod suite;
#[cfg(test)]
mod tests;
pub mod timer;
pub mod users;
pub mod waiting_room;

pub use harness::{Harness, Task};
pub use ports::StorePorts;
pub use store_suite::block_on;
