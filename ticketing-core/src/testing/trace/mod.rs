//! A record of all calls that go through the ports, so that two runs can be told apart or shown equal.
//!
//! A [`Tracer`] takes in every call, its arguments, its answer, and what happens to the world. Of all of it
//! it keeps a [`TraceHash`] and no more: a run of a hundred million calls costs no memory, and two runs from
//! one seed that differ anywhere differ in the hash. Who wants to see what happened
//! [`listen`](Tracer::listen)s and gets a [`TraceLine`] for each.
//!
//! Values go in through [`Canon`]: bytes that are the same on every machine and in every build, and a text
//! without secrets. All that the ports are asked and answer has it; [`Encoder`] is there for types of your
//! own.
//!
//! ```
//! use std::sync::Arc;
//!
//! use ticketing_core::id::UserId;
//! use ticketing_core::memory::SystemClock;
//! use ticketing_core::port::UserStatus;
//! use ticketing_core::testing::trace::Tracer;
//! use ticketing_core::uuid::Uuid;
//!
//! let run = |answer: UserStatus| {
//!     let tracer = Tracer::new(Arc::new(SystemClock));
//!     tracer.listen(|line| println!("{line}"));
//!     let user = UserId::from_uuid(Uuid::from_u128(7));
//!     let number = tracer.call(0, "users", "status", &user);
//!     tracer.answer(number, "users", "status", &answer);
//!     tracer.hash()
//! };
//! assert_eq!(run(UserStatus::Active), run(UserStatus::Active));
//! assert_ne!(run(UserStatus::Active), run(UserStatus::Inactive));
//! ```

mod aggregates;
mod canon;
mod changes;
mod encoder;
mod line;
mod ports;
mod summary;
#[cfg(test)]
mod tests;
mod tracer;
mod values;

pub use canon::{Canon, Shown};
pub use encoder::Encoder;
pub use line::{TraceHash, TraceKind, TraceLine};
pub use tracer::Tracer;
