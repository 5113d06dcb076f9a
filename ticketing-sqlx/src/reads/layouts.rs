//! Venues, shows and performances.

use std::sync::Arc;

use async_trait::async_trait;
use ticketing_core::error::PortError;
use ticketing_core::id::{PerformanceId, SellerId, ShowId, VenueId};
use ticketing_core::page::{Page, PageRequest};
use ticketing_core::performance::Performance;
use ticketing_core::port::Layouts;
use ticketing_core::show::Show;
use ticketing_core::venue::Venue;

use super::cache::Asked;
use super::gather::KeyColumn;
use super::query::{Point, Sql, indexed, list, one, points, queries, scan};
use super::rows::shared;
use crate::Store;

points! {
    VENUE = one!("tk_venue");
    SHOW = one!("tk_show");
    PERFORMANCE = one!("tk_performance");
}

queries! {
    VENUES = scan!("id, body", "tk_venue");
    SHOWS = scan!("id, body", "tk_show");
    SHOWS_OF = list!("tk_show", "by_seller", "seller = ?");
    PERFORMANCES = list!("tk_performance", "by_show", "show_id = ?");
    CANCELLED = list!("tk_performance", "to_wind_up", "winding_up = 1");
}

/// How often a caller waits for another's read that then brings nothing, before it reads by itself.
const WAITS_MAX: usize = 3;

impl Store {
    /// Reads a performance and keeps it.
    async fn read_performance(
        &self,
        operation: &'static str,
        id: PerformanceId,
    ) -> Result<Option<Arc<Performance>>, PortError> {
        // What is kept is as old as the moment before the read.
        let at = self.shared.clock.now();
        let found = self.reading("layouts", operation);
        let found = found.point(&PERFORMANCE, [id.as_uuid().into()], shared).await?;
        if let Some(found) = &found {
            self.shared.performances.keep(found, at);
        }
        Ok(found)
    }
}

#[async_trait]
impl Layouts for Store {
    async fn venue(&self, id: VenueId) -> Result<Option<Arc<Venue>>, PortError> {
        self.reading("layouts", "venue").point(&VENUE, [id.as_uuid().into()], shared).await
    }

    async fn venues(&self, page: PageRequest) -> Result<Page<Arc<Venue>>, PortError> {
        self.reading("layouts", "venues").page(VENUES, [], &page, shared).await
    }

    async fn show(&self, id: ShowId) -> Result<Option<Arc<Show>>, PortError> {
        self.reading("layouts", "show").point(&SHOW, [id.as_uuid().into()], shared).await
    }

    async fn shows(&self, page: PageRequest) -> Result<Page<Arc<Show>>, PortError> {
        self.reading("layouts", "shows").page(SHOWS, [], &page, shared).await
    }

    async fn shows_of(
        &self,
        seller: SellerId,
        page: PageRequest,
    ) -> Result<Page<Arc<Show>>, PortError> {
        let of = [seller.as_uuid().into()];
        self.reading("layouts", "shows_of").page(SHOWS_OF, of, &page, shared).await
    }

    async fn performance(&self, id: PerformanceId) -> Result<Option<Arc<Performance>>, PortError> {
        for _ in 0..WAITS_MAX {
            match self.shared.performances.ask(id, self.shared.clock.now()) {
                Asked::Kept(performance) => return Ok(Some(performance)),
                Asked::Read(_reading) => return self.read_performance("performance", id).await,
                Asked::Wait(reading) => reading.ended().await,
            }
        }
        self.read_performance("performance", id).await
    }

    async fn fresh_performance(
        &self,
        id: PerformanceId,
    ) -> Result<Option<Arc<Performance>>, PortError> {
        self.read_performance("fresh_performance", id).await
    }

    async fn performances(
        &self,
        show: ShowId,
        page: PageRequest,
    ) -> Result<Page<Arc<Performance>>, PortError> {
        let of = [show.as_uuid().into()];
        self.reading("layouts", "performances").page(PERFORMANCES, of, &page, shared).await
    }

    async fn cancelled(&self, page: PageRequest) -> Result<Page<Arc<Performance>>, PortError> {
        self.reading("layouts", "cancelled").page(CANCELLED, [], &page, shared).await
    }
}
