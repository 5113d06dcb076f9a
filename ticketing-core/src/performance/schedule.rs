//! What a new performance is made of, and why it cannot be scheduled.

use chrono::{DateTime, Utc};
use chrono_tz::Tz;

use crate::id::PerformanceId;
use crate::label::Grade;
use crate::layout::Layout;
use crate::money::Currency;
use crate::policy::{PolicyError, SalesPolicy};
use crate::show::{PriceList, Show};

/// What a new performance is made of.
#[derive(Clone, Debug)]
pub struct NewPerformance<'a> {
    /// Its id.
    pub id: PerformanceId,
    /// The show that is performed.
    pub show: &'a Show,
    /// The seating plan; it is copied.
    pub layout: &'a Layout,
    /// When it starts.
    pub starts_at: DateTime<Utc>,
    /// The zone of its calendar days.
    pub zone: Tz,
    /// When its sales open; they close at the start less the policy's sales stop.
    pub sales_open_at: DateTime<Utc>,
    /// Its own prices; `None`: the show's.
    pub prices: Option<PriceList>,
    /// Its own policy; `None`: the show's.
    pub policy: Option<SalesPolicy>,
}

/// Why a performance cannot be scheduled.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ScheduleError {
    /// It starts later than anybody plans.
    #[error("expected a start before {latest}, got {got}")]
    StartsTooFar {
        /// The latest start that is taken.
        latest: DateTime<Utc>,
        /// The start that was given.
        got: DateTime<Utc>,
    },
    /// It would start in the past.
    #[error("expected a start after {now}, got {starts_at}")]
    StartsInPast {
        /// The start that was given.
        starts_at: DateTime<Utc>,
        /// When it was to be scheduled.
        now: DateTime<Utc>,
    },
    /// It would never be on sale.
    #[error("expected sales to open before they close at {closes_at}, got {opens_at}")]
    NeverOnSale {
        /// When sales would open.
        opens_at: DateTime<Utc>,
        /// When sales would close: the start less the sales stop.
        closes_at: DateTime<Utc>,
    },
    /// Its policy is out of bounds.
    #[error(transparent)]
    Policy(#[from] PolicyError),
    /// Its prices are in another currency than its show's.
    #[error("expected prices in {expected}, got {got}")]
    OtherCurrency {
        /// The currency of the show.
        expected: Currency,
        /// The currency of the prices.
        got: Currency,
    },
    /// Seats have grades without a price.
    #[error("expected a price for every grade, got none for {0:?}")]
    Unpriced(
        /// All such grades, ascending.
        Vec<Grade>,
    ),
}
