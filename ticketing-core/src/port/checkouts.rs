use async_trait::async_trait;
use chrono::{DateTime, Utc};

use crate::checkout::Checkout;
use crate::error::PortError;
use crate::id::{CheckoutId, ReservationId};
use crate::page::{Page, PageRequest};

/// Reads checkouts, from the primary: what was committed is seen. Lists give each item once over all
/// pages.
///
/// An adapter MUST read a checkout as it was saved, and list those of a reservation whatever became of
/// them (`testing::reads::payments_and_checkouts_are_listed_by_reservation`).
#[cfg_attr(feature = "mock", mockall::automock)]
#[async_trait]
pub trait Checkouts: Send + Sync {
    /// One checkout.
    async fn find(&self, id: CheckoutId) -> Result<Option<Checkout>, PortError>;
    /// All checkouts of one reservation, in the order of ids; bounded by the policy's attempts.
    async fn of_reservation(&self, id: ReservationId) -> Result<Vec<Checkout>, PortError>;
    /// Checkouts that are not ended ([`Checkout::is_live`]) and last moved at or before `until`, in the
    /// order of ([`Checkout::moved_at`], id)
    /// (`testing::reads::stalled_checkouts_are_listed_until_they_end`).
    async fn stalled(
        &self,
        until: DateTime<Utc>,
        page: PageRequest,
    ) -> Result<Page<Checkout>, PortError>;
}
