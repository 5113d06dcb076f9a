//! Whether a performance takes place, and why a command is refused.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::label::Grade;
use crate::seat::SeatNo;
use crate::show::PriceListError;

/// Whether a performance takes place.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PerformanceState {
    /// It does.
    Scheduled,
    /// It does not; everybody is refunded.
    Cancelled {
        /// Since when.
        at: DateTime<Utc>,
        /// Whether every reservation was ended.
        wound_up: bool,
    },
}

/// Why a performance refused a command; nothing changed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PerformanceRefusal {
    /// It does not take place.
    #[error("the performance is cancelled")]
    Cancelled,
    /// It takes place, so there is nothing to wind up.
    #[error("the performance is not cancelled")]
    NotCancelled,
    /// Sales have not opened.
    #[error("sales open at {opens_at}")]
    NotOpen {
        /// When they do.
        opens_at: DateTime<Utc>,
    },
    /// Sales have closed.
    #[error("sales closed at {closed_at}")]
    Closed {
        /// When they did.
        closed_at: DateTime<Utc>,
    },
    /// It has started.
    #[error("the performance started at {starts_at}")]
    Started {
        /// When it did.
        starts_at: DateTime<Utc>,
    },
    /// It started too long ago to be cancelled.
    #[error("the performance could be cancelled until {until}")]
    Over {
        /// When it could at the latest.
        until: DateTime<Utc>,
    },
    /// Sales would never be open.
    #[error("expected sales to open before they close at {closes_at}, got {opens_at}")]
    NeverOnSale {
        /// When they would open.
        opens_at: DateTime<Utc>,
        /// When they close.
        closes_at: DateTime<Utc>,
    },
    /// There is no such seat.
    #[error("expected a seat below {capacity}, got {seat}")]
    NoSuchSeat {
        /// The first such seat.
        seat: SeatNo,
        /// How many seats there are.
        capacity: u32,
    },
    /// A grade has no price.
    #[error("grade {0} has no price")]
    Unpriced(
        /// The grade.
        Grade,
    ),
    /// A price that the price list refuses.
    #[error(transparent)]
    Price(#[from] PriceListError),
}
