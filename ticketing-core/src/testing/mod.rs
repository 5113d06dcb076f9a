//! What adapters and users test with: conformance functions for every port, models of some, faults and
//! simulations from a seed, strategies for property tests.
//!
//! Each function takes a [`Harness`] and fresh handles of the port it tests, and panics where the
//! port breaks its rule. Run all of a port with its `all` function, or single ones to find a fault.
//! [`store_conformance!`](crate::store_conformance) makes a `#[test]` of every rule of a store.
//!
//! There is no suite of an inbox, for it is no port: a message that was handled is part of the change set that
//! it caused ([`ChangeSet::caused_by`](crate::change_set::ChangeSet::caused_by)), so the suites of the store hold
//! it to being written once, and [`model`] makes messages, repeated ones too, in the change sets that it draws.
//!
//! # Test an adapter of your own
//!
//! A store is one type that implements all the ports of [`StorePorts`], or several types that are put
//! together there by hand. A test file of yours says how to get at a fresh one, and names its executor
//! where its driver needs one; here the store and the ports around it are those in memory:
//!
//! ```no_run,test_harness
//! use std::future::Future;
//! use std::sync::Arc;
//!
//! use ticketing_core::memory::ManualClock;
//! use ticketing_core::memory::{MemoryStore as MyStore, MemoryStoreOptions, MemoryUsers as MyUsers};
//! use ticketing_core::port::{Clock, UserDirectory};
//! use ticketing_core::testing::{Harness, StorePorts};
//!
//! fn my_store(clock: &Arc<dyn Clock>) -> Arc<MyStore> {
//!     Arc::new(MyStore::new(Arc::clone(clock), MemoryStoreOptions::default()))
//! }
//!
//! /// An adapter that any executor can drive: each task has a thread, and time stands until it is moved.
//! mod on_threads {
//!     use super::*;
//!
//!     fn clock() -> ManualClock {
//!         ManualClock::at("2027-03-01T11:00:00Z".parse().expect("an instant"))
//!     }
//!
//!     async fn fresh() -> (Harness, StorePorts) {
//!         let clock = clock();
//!         let shared: Arc<dyn Clock> = Arc::new(clock.clone());
//!         (Harness::threads(clock), StorePorts::of(&my_store(&shared)))
//!     }
//!
//!     // One `#[test]` for each rule of the store and of the ports that read what it wrote.
//!     ticketing_core::store_conformance!(fresh);
//!
//!     // The other ports: the name of a function that runs a test on a fresh port.
//!     fn run<F: Future<Output = ()>>(test: impl FnOnce(Harness, Arc<dyn UserDirectory>) -> F) {
//!         let users = MyUsers::new();
//!         users.set_failing(true);
//!         ticketing_core::testing::block_on(test(Harness::threads(clock()), Arc::new(users)));
//!     }
//!     ticketing_core::users_conformance!(run);
//! }
//! ```
//!
//! An adapter whose driver needs tokio names it, and lets time really pass:
//!
//! ```ignore
//! use tokio::runtime::Runtime;
//!
//! async fn fresh() -> (Harness, StorePorts) {
//!     let clock: Arc<dyn Clock> = Arc::new(SystemClock);
//!     let random = Arc::new(SeededRandom::from_entropy());
//!     let ids = Arc::new(ClockIds::new(Arc::clone(&clock), random));
//!     let ports = StorePorts::of(&my_store(&clock));
//!     let harness = Harness::new(
//!         clock,
//!         ids,
//!         |task| drop(tokio::spawn(task)),
//!         |by| Box::pin(tokio::time::sleep(by)),
//!     );
//!     (harness, ports)
//! }
//!
//! fn block_on(test: impl Future<Output = ()>) {
//!     Runtime::new().expect("a runtime of several threads").block_on(test);
//! }
//! ticketing_core::store_conformance!(fresh, block_on);
//! ```
//!
//! Every call of `fresh` may give the same database: no rule looks at rows but its own. The rules of
//! the other ports have macros like that of [`users`]; those of [`gateway`] and [`publisher`] are
//! called by their `all`, for they need the other side of the port as well.
//!
//! # Test your own code with any value
//!
//! [`strategies`] draws money, layouts, policies, aggregates in every state, ledgers and whole histories of
//! change sets for property tests of yours, and shrinks them to simple ones where a test fails.
//! `tests/tests/user_properties.rs` of the repository is such a test.

//!
//! # Run it beside its model
//!
//! The rules above try what their authors thought of. [`model`] tries the rest: from seeds it makes
//! sequences of calls over very few seats, users and keys, so that every answer comes up, and compares each
//! answer and all that the adapter holds with a model of it; then it lets many clients call at once and asks
//! [`linear`] whether some order of their calls explains what they saw. A failure names its seed, and where
//! the calls came one after another, the shortest sequence that shows it. Here every call of `fresh` MUST
//! give a store of its own, in which nothing was ever written:
//!
//! ```
//! use std::sync::Arc;
//!
//! use ticketing_core::memory::{ManualClock, MemoryStore as MyStore, MemoryStoreOptions};
//! use ticketing_core::testing::{Harness, StorePorts, block_on, model};
//!
//! async fn fresh() -> (Harness, StorePorts) {
//!     let clock = ManualClock::at("2027-03-01T11:00:00Z".parse().expect("an instant"));
//!     let store = MyStore::new(Arc::new(clock.clone()), MemoryStoreOptions::default());
//!     (Harness::threads(clock), StorePorts::of(&Arc::new(store)))
//! }
//!
//! block_on(async {
//!     let tally = model::store_matches_model(fresh, 0..2, 50).await;
//!     println!("{tally}");
//!     let came_to = model::store_is_linearizable(fresh, 0..2).await;
//!     assert_eq!(came_to.explained + came_to.given_up, 2);
//!     model::many_at_once_are_as_in_some_order(fresh, 0..1).await;
//!     model::outbox_matches_model(fresh, 0..1, 50).await;
//!     model::outbox_is_linearizable(fresh, 0..1).await;
//! });
//! ```
//!
//! Holds and the waiting room have the same two functions each, and need no store of their own.
//! [`model::ModelStore`] alone can follow a store that is in use: it tells of every change set that the store
//! wrote whether it may have, and in what the two differ.

#![expect(clippy::missing_panics_doc, reason = "to panic is how a conformance function fails")]

pub mod clock;
pub mod faults;
pub mod fraud;
pub mod gateway;
mod harness;
pub mod holds;
pub mod ids;
pub mod inspect;
pub mod linear;
pub mod model;
pub mod outbox;
mod ports;
pub mod publisher;
pub mod random;
pub mod rate_limit;
pub mod reads;
pub mod sample;
pub mod signer;
pub mod sim;
pub mod store;
mod store_suite;
pub mod strategies;
mod suite;
#[cfg(test)]
mod tests;
pub mod timer;
pub mod trace;
pub mod users;
pub mod waiting_room;

pub use harness::{Harness, Task};
pub use ports::StorePorts;
pub use store_suite::block_on;
