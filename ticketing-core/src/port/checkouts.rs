use async_trait::async_trait;
use chrono::{DateTime, Utc};

use crate::checkout::Checkout;
use crate::error::PortError;
use crate::id::{CheckoutId, ReservationId};
use crate::page::{Page, PageRequest};

/// Reads checkouts, from the primary.
#[cfg_attr(feature = "mock", mockall::automock)]
#[async_trait]
pub trait Checkouts: Send + Sync {
    /// One checkout.
    async fn find(&self, id: CheckoutId) -> Result<Option<Checkout>, PortError>;
    /// All checkouts of one reservation, in the order of ids; bounded by the policy's attempts.
    async fn of_reservation(&self, id: ReservationId) -> Result<Vec<Checkout>, PortError>;
    /// Checkouts that are not ended and last moved at or before `until`, in the order of (that
    /// instant, id).
    async fn stalled(
        &self,
        until: DateTime<Utc>,
        page: PageRequest,
    ) -> Result<Page<Checkout>, PortError>;
}
