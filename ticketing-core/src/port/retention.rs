use async_trait::async_trait;
use chrono::{DateTime, Utc};

use crate::error::PortError;
use crate::page::Limit;

/// What a store keeps for a while only.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Kept {
    /// Answers of calls; 15 days.
    Receipts,
    /// Messages that were handled; 15 days.
    Messages,
    /// Ids of committed change sets; 15 days.
    ChangeSets,
}

/// Drops what was kept long enough.
#[cfg_attr(feature = "mock", mockall::automock)]
#[async_trait]
pub trait Retention: Send + Sync {
    /// Drops at most `limit` rows whose change set was decided before `before`; says how many
    /// (`testing::store::purge_is_bounded_and_spares_the_young`).
    async fn purge(
        &self,
        kept: Kept,
        before: DateTime<Utc>,
        limit: Limit,
    ) -> Result<usize, PortError>;
}
