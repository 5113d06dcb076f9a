//! Things that go wrong, by chance and from a seed, before any adapter.
//!
//! [`Weather`] puts a decorator before a port: a call fails, is late, is made twice, or takes effect
//! without an answer, as often as its [`FaultRates`] say. [`SkewedClock`] is a clock that jumps, and
//! [`lose_some`] makes any hold store forget.
//!
//! # Faults before an adapter of your own
//!
//! ```
//! use std::sync::Arc;
//!
//! use async_trait::async_trait;
//! use ticketing_core::error::{Fault, PortError};
//! use ticketing_core::id::UserId;
//! use ticketing_core::memory::{ManualClock, SeededRandom};
//! use ticketing_core::port::{UserDirectory, UserStatus};
//! use ticketing_core::testing::block_on;
//! use ticketing_core::testing::faults::{FaultRates, Weather};
//! use uuid::Uuid;
//!
//! /// Your adapter.
//! struct MyUsers;
//!
//! #[async_trait]
//! impl UserDirectory for MyUsers {
//!     async fn status(&self, _: UserId) -> Result<UserStatus, PortError> {
//!         Ok(UserStatus::Active)
//!     }
//! }
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! // One call in two fails; which ones, the seed says.
//! let mut rates = FaultRates::default();
//! rates.set("users.before", 50_000)?;
//!
//! let clock = Arc::new(ManualClock::at("2027-03-01T11:00:00Z".parse()?));
//! let random = Arc::new(SeededRandom::new(7));
//! let weather = Weather::new(clock.clone(), clock, random, rates);
//! let users = weather.users(0, Arc::new(MyUsers));
//!
//! let user = UserId::from_uuid(Uuid::from_u128(1));
//! let mut failures = 0;
//! for _ in 0..100 {
//!     match block_on(users.status(user)) {
//!         Ok(status) => assert_eq!(status, UserStatus::Active),
//!         Err(error) => {
//!             assert_eq!(error.fault(), Fault::Transient);
//!             failures += 1;
//!         }
//!     }
//! }
//! assert_eq!(weather.counts()["users.before"], failures);
//! assert!((20..80).contains(&failures));
//!
//! weather.calm();
//! assert!((0..100).all(|_| block_on(users.status(user)).is_ok()));
//! # Ok(())
//! # }
//! ```
//!
//! [`Weather::wrap`] does the same to all [`Ports`](crate::port::Ports) of a process. Delays wait on the
//! timer that the weather was made with, so a test with a manual clock moves it.

mod clock;
mod decorated;
mod failure;
mod holds;
mod ports_around;
mod ports_store;
mod rates;
mod stale;
#[cfg(test)]
mod tests;
mod weather;
mod wrap;

pub use clock::SkewedClock;
pub use holds::lose_some;
pub use rates::FaultRates;
pub use weather::Weather;
