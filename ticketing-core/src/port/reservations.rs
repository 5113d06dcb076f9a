use async_trait::async_trait;
use chrono::{DateTime, Utc};

use crate::error::PortError;
use crate::id::{PerformanceId, ReservationId, UserId};
use crate::page::{Page, PageRequest};
use crate::reservation::Reservation;

/// Reads reservations, from the primary: what was committed is seen
/// (`testing::reads::committed_is_seen`). Lists give each item once over all pages
/// (`testing::reads::pages_give_each_item_once`).
#[cfg_attr(feature = "mock", mockall::automock)]
#[async_trait]
pub trait Reservations: Send + Sync {
    /// One reservation.
    async fn find(&self, id: ReservationId) -> Result<Option<Reservation>, PortError>;
    /// The reservations of one user, in the order of ids.
    async fn of_user(
        &self,
        user: UserId,
        page: PageRequest,
    ) -> Result<Page<Reservation>, PortError>;
    /// The Pending and Confirmed reservations of one performance, in the order of ids.
    async fn live_of(
        &self,
        performance: PerformanceId,
        page: PageRequest,
    ) -> Result<Page<Reservation>, PortError>;
    /// Pending reservations with `expires_at <= now`, in the order of (`expires_at`, id)
    /// (`testing::reads::due_lists_only_what_is_due`).
    async fn due(
        &self,
        now: DateTime<Utc>,
        page: PageRequest,
    ) -> Result<Page<Reservation>, PortError>;
}
