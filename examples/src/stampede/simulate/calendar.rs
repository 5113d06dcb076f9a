//! Which performances are on sale when.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use chrono::{DateTime, Utc};
use ticketing_core::id::PerformanceId;

use crate::stampede::stage::OPENS_AFTER;
use crate::stampede::world::Sale;

/// How long a sale lasts at most: who still waits in line goes home.
pub(super) const SALE_MAX: Duration = Duration::from_mins(90);

/// From the opening of one sale to that of the next.
pub(super) const SALE_EVERY: Duration = Duration::from_mins(30);

/// The sales of a season, in the order in which they open.
pub(crate) struct Calendar(Vec<(Sale, AtomicBool)>);

impl Calendar {
    pub(super) fn of(sales: &[Sale]) -> Self {
        Self(sales.iter().map(|sale| (*sale, AtomicBool::new(false))).collect())
    }

    /// A performance, for jobs that are about no single one.
    pub(super) fn any(&self) -> PerformanceId {
        self.0[0].0.performance
    }

    /// The buyers of a sale are gone.
    pub(super) fn close(&self, place: usize) {
        self.0[place].1.store(true, Ordering::Relaxed);
    }

    /// The performances that are on sale, or soon will be.
    pub(super) fn open(&self, now: DateTime<Utc>) -> Vec<PerformanceId> {
        let begun = self.0.partition_point(|(sale, _)| sale.opens_at <= now + OPENS_AFTER);
        let open =
            self.0[..begun].iter().rev().take_while(|(sale, _)| sale.opens_at + 2 * SALE_MAX > now);
        open.filter(|(_, over)| !over.load(Ordering::Relaxed))
            .map(|(sale, _)| sale.performance)
            .collect()
    }
}
