use std::sync::Arc;

use async_trait::async_trait;

use crate::error::PortError;
use crate::id::{PerformanceId, SellerId, ShowId, VenueId};
use crate::page::{Page, PageRequest};
use crate::performance::Performance;
use crate::show::Show;
use crate::venue::Venue;

/// Reads venues, shows and performances. They change rarely and are shared, not copied. An adapter may
/// cache performances, which every buyer reads, and [`Layouts::fresh_performance`] reads past the
/// cache; venues and shows are read from the primary.
///
/// Lists are in the order of ids and MUST give each item once over all pages
/// (`testing::reads::pages_give_each_item_once`).
#[cfg_attr(feature = "mock", mockall::automock)]
#[async_trait]
pub trait Layouts: Send + Sync {
    /// One venue.
    async fn venue(&self, id: VenueId) -> Result<Option<Arc<Venue>>, PortError>;
    /// All venues.
    async fn venues(&self, page: PageRequest) -> Result<Page<Arc<Venue>>, PortError>;
    /// One show.
    async fn show(&self, id: ShowId) -> Result<Option<Arc<Show>>, PortError>;
    /// All shows.
    async fn shows(&self, page: PageRequest) -> Result<Page<Arc<Show>>, PortError>;
    /// The shows of one seller.
    async fn shows_of(
        &self,
        seller: SellerId,
        page: PageRequest,
    ) -> Result<Page<Arc<Show>>, PortError>;
    /// One performance; may come from a cache.
    async fn performance(&self, id: PerformanceId) -> Result<Option<Arc<Performance>>, PortError>;
    /// One performance, past every cache.
    async fn fresh_performance(
        &self,
        id: PerformanceId,
    ) -> Result<Option<Arc<Performance>>, PortError>;
    /// The performances of one show.
    async fn performances(
        &self,
        show: ShowId,
        page: PageRequest,
    ) -> Result<Page<Arc<Performance>>, PortError>;
    /// Cancelled performances that may still have reservations to end
    /// ([`Performance::is_wound_up`] is false)
    /// (`testing::reads::cancelled_performances_are_listed_until_wound_up`).
    async fn cancelled(&self, page: PageRequest) -> Result<Page<Arc<Performance>>, PortError>;
}
