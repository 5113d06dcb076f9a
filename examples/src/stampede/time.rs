//! The clock of a run: the wall clock made faster, or the virtual one of a simulation.

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use ticketing_core::memory::ManualClock;
use ticketing_core::port::{Clock, Timer};

use super::clock::ScaledClock;

/// What time it is in the buyers' world.
#[derive(Clone, Debug)]
pub(crate) enum WorldClock {
    Scaled(ScaledClock),
    Virtual(ManualClock),
}

impl Clock for WorldClock {
    fn now(&self) -> DateTime<Utc> {
        match self {
            Self::Scaled(clock) => clock.now(),
            Self::Virtual(clock) => clock.now(),
        }
    }
}

#[async_trait]
impl Timer for WorldClock {
    async fn sleep_until(&self, at: DateTime<Utc>) {
        match self {
            Self::Scaled(clock) => clock.sleep_until(at).await,
            Self::Virtual(clock) => clock.sleep_until(at).await,
        }
    }
}
