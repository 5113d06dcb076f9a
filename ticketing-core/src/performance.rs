//! A performance: one dated showing, with its own sales window and layout copy.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use serde::{Deserialize, Serialize};

use crate::aggregate::{Aggregate, AggregateKind, AggregateRef, Root, StreamKey};
use crate::event::events;
use crate::id::{PerformanceId, SellerId, ShowId};
use crate::money::{BasisPoints, Currency};
use crate::policy::SalesPolicy;

/// Whether it takes place.
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

/// One dated showing of a show.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Performance {
    root: Root,
    id: PerformanceId,
    show: ShowId,
    seller: SellerId,
    currency: Currency,
    commission: BasisPoints,
    starts_at: DateTime<Utc>,
    zone: Tz,
    sales_open_at: DateTime<Utc>,
    policy: Arc<SalesPolicy>,
    state: PerformanceState,
}

impl Performance {
    /// Its id.
    pub const fn id(&self) -> PerformanceId {
        self.id
    }

    /// Its show.
    pub const fn show(&self) -> ShowId {
        self.show
    }

    /// Whether it was cancelled.
    pub const fn is_cancelled(&self) -> bool {
        matches!(self.state, PerformanceState::Cancelled { .. })
    }

    /// Whether it was cancelled and every reservation was ended.
    pub const fn is_wound_up(&self) -> bool {
        matches!(self.state, PerformanceState::Cancelled { wound_up: true, .. })
    }
}

events! {
    /// What happened to a performance.
    PerformanceEvent {
        /// Its seller cancelled it.
        Cancelled = "performance.cancelled" {
            /// Which.
            performance: PerformanceId,
        },
    }
}

impl Aggregate for Performance {
    fn reference(&self) -> AggregateRef {
        AggregateRef { kind: AggregateKind::Performance, id: self.id.as_uuid() }
    }
    fn stream(&self) -> StreamKey {
        StreamKey(self.show.as_uuid())
    }
    fn root(&self) -> &Root {
        &self.root
    }
    fn root_mut(&mut self) -> &mut Root {
        &mut self.root
    }
}
