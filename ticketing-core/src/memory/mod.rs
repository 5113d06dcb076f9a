//! In-memory adapters for every port: real concurrency, the same errors as a database would give, no
//! durability. For tests, simulations, demos and single-process use.

mod by_name;
mod clock;
mod gateway;
mod holds;
mod ids;
mod people;
mod publisher;
mod random;
mod rate_limit;
mod store;
mod waiting_room;
mod wiring;

pub use clock::{ManualClock, SystemClock};
pub use gateway::*;
pub use holds::*;
pub use ids::ClockIds;
pub use people::*;
pub use publisher::*;
pub use random::SeededRandom;
pub use rate_limit::*;
pub use store::*;
pub use waiting_room::*;
pub use wiring::{Memory, MemoryBuilder};

pub(crate) use crate::sync::lock;
