use async_trait::async_trait;

use crate::error::PortError;
use crate::id::{PerformanceId, ReservationId, UserId};
use crate::money::Money;

/// What a fraud check is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FraudQuery {
    /// Who buys.
    pub user: UserId,
    /// What for.
    pub reservation: ReservationId,
    /// Of which performance.
    pub performance: PerformanceId,
    /// The total before discounts.
    pub total: Money,
}

/// What it says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FraudVerdict {
    /// Nothing odd.
    Clear,
    /// Do not sell.
    Suspected,
}

/// What the checkout asks about a purchase.
///
/// A failure of the port is never a verdict: an adapter that cannot reach its service MUST answer with
/// an error (`testing::fraud::failure_is_not_a_verdict`). It MUST answer what was asked, also when the
/// same query comes again or many come at once (`testing::fraud::verdict_is_of_the_query`).
#[cfg_attr(feature = "mock", mockall::automock)]
#[async_trait]
pub trait FraudCheck: Send + Sync {
    /// Whether the purchase looks honest.
    async fn check(&self, query: FraudQuery) -> Result<FraudVerdict, PortError>;
}
