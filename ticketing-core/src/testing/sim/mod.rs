//! Virtual time on one thread, everything from a seed: the executor of deterministic simulations.
//!
//! A [`Simulator`] runs tasks. It picks by its seed which of those that are ready runs next, and moves its
//! clock to the next instant somebody waits for only when nobody is ready: a year of waiting costs nothing,
//! and the same seed gives the same run. Tasks come in groups, and a group can be [killed](Handle::kill), as
//! a process dies: its tasks end between two awaits, wherever they are.
//!
//! The adapters of [`crate::memory`] never wait outside of what they are given, so they run here as they
//! are. The decorators of [`super::faults`] make every call of a port a place where another task can come
//! between.
//!
//! ```
//! use std::time::Duration;
//! use ticketing_core::port::{Clock, Timer};
//! use ticketing_core::testing::sim::Simulator;
//!
//! let opens_at = "2027-03-01T00:00:00Z".parse().unwrap();
//! let mut simulator = Simulator::new(7, opens_at);
//! let (handle, clock) = (simulator.handle(), simulator.clock());
//! let waited = simulator.block_on(async move {
//!     let group = handle.new_group();
//!     let sleeper = handle.spawn(group, {
//!         let clock = clock.clone();
//!         async move {
//!             clock.sleep_until(opens_at + Duration::from_hours(72)).await;
//!             clock.now() - opens_at
//!         }
//!     });
//!     sleeper.await.unwrap()
//! });
//! assert_eq!(waited.unwrap().num_days(), 3);
//! ```

mod executor;
mod inbox;
#[cfg(test)]
mod tests;

pub use executor::{Simulator, Stopped};
pub use inbox::{Group, Handle, Joined, Killed};
