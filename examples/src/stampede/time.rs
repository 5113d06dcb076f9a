//! The clock of a run: the wall clock made faster, or the virtual one of a simulation.

use async_trait::async_trait;
use chrono::{DateTime, TimeDelta, Utc};
use ticketing_core::memory::ManualClock;
use ticketing_core::port::{Clock, Timer};

use super::clock::ScaledClock;

/// What time it is in the buyers' world.
#[derive(Clone, Debug)]
pub(crate) enum WorldClock {
    Scaled(ScaledClock),
    Virtual(ManualClock),
}

impl WorldClock {
    /// When somebody who waits until then goes on: in virtual time at a whole second, so that many go on at
    /// one instant, and everything that they do happens at once.
    pub(crate) fn meeting(&self, at: DateTime<Utc>) -> DateTime<Utc> {
        match self {
            Self::Scaled(_) => at,
            Self::Virtual(_) => match at.timestamp_subsec_nanos() {
                0 => at,
                nanos => at + TimeDelta::nanoseconds(1_000_000_000 - i64::from(nanos)),
            },
        }
    }
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
