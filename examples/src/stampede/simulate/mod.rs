//! Seasons in virtual time: everything from a seed, everything checked.

pub mod args;
mod calendar;
mod chores;
mod failure;
mod left_over;
mod many;
mod memory;
mod mischief;
mod outcome;
mod outside;
mod process;
mod rates;
mod sale;
mod season;
mod seller;
mod shrink;
mod story;
#[cfg(test)]
mod tests;
mod watch;

use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};

use chrono::{DateTime, Utc};

pub(crate) use self::process::Processes;

pub use self::args::SimulateArgs;
pub use self::failure::{Failed, Simulated};
pub use self::many::{SimulateError, simulate};
pub use self::rates::{RateError, RateSetting};
pub use self::season::SeasonError;

use super::world::begins_at;

/// How far a run has come, for whoever shows it.
#[derive(Debug, Default)]
pub struct Progress {
    gone: AtomicU64,
    virtual_s: AtomicI64,
}

impl Progress {
    fn look(&self, gone: u64, now: DateTime<Utc>) {
        self.gone.store(gone, Ordering::Relaxed);
        self.virtual_s.store((now - begins_at()).num_seconds(), Ordering::Relaxed);
    }

    /// Buyers who have come and gone.
    pub(crate) fn gone(&self) -> u64 {
        self.gone.load(Ordering::Relaxed)
    }

    /// Virtual time since the beginning, in seconds.
    pub(crate) fn virtual_s(&self) -> i64 {
        self.virtual_s.load(Ordering::Relaxed)
    }
}
