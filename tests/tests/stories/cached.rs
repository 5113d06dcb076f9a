//! Layouts behind a cache that nobody empties.

use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use pollster::block_on;
use ticketing_core::error::PortError;
use ticketing_core::id::{PerformanceId, SellerId, ShowId, VenueId};
use ticketing_core::page::{Page, PageRequest};
use ticketing_core::performance::Performance;
use ticketing_core::port::Layouts;
use ticketing_core::show::Show;
use ticketing_core::venue::Venue;

use crate::world::World;

type Meanwhile = Box<dyn FnOnce() + Send>;

pub(crate) struct Cached {
    layouts: Arc<dyn Layouts>,
    performance: Arc<Performance>,
    meanwhile: Mutex<Option<Meanwhile>>,
}

impl Cached {
    /// Remembers the performance as it is now.
    pub(crate) fn of(world: &World) -> Self {
        let layouts = Arc::clone(&world.ports.layouts);
        let found = block_on(layouts.fresh_performance(world.performance));
        Self { layouts, performance: found.unwrap().unwrap(), meanwhile: Mutex::default() }
    }

    /// While it is read for the first time, this happens; then it is read as it is by then.
    pub(crate) fn meanwhile(self, happens: impl FnOnce() + Send + 'static) -> Self {
        Self { meanwhile: Mutex::new(Some(Box::new(happens))), ..self }
    }
}

#[async_trait]
impl Layouts for Cached {
    async fn venue(&self, id: VenueId) -> Result<Option<Arc<Venue>>, PortError> {
        self.layouts.venue(id).await
    }

    async fn venues(&self, page: PageRequest) -> Result<Page<Arc<Venue>>, PortError> {
        self.layouts.venues(page).await
    }

    async fn show(&self, id: ShowId) -> Result<Option<Arc<Show>>, PortError> {
        self.layouts.show(id).await
    }

    async fn shows(&self, page: PageRequest) -> Result<Page<Arc<Show>>, PortError> {
        self.layouts.shows(page).await
    }

    async fn shows_of(
        &self,
        seller: SellerId,
        page: PageRequest,
    ) -> Result<Page<Arc<Show>>, PortError> {
        self.layouts.shows_of(seller, page).await
    }

    async fn performance(&self, id: PerformanceId) -> Result<Option<Arc<Performance>>, PortError> {
        let meanwhile = self.meanwhile.lock().unwrap().take();
        if let Some(happens) = meanwhile {
            happens();
            return self.layouts.fresh_performance(id).await;
        }
        Ok(Some(Arc::clone(&self.performance)).filter(|known| known.id() == id))
    }

    async fn fresh_performance(
        &self,
        id: PerformanceId,
    ) -> Result<Option<Arc<Performance>>, PortError> {
        self.layouts.fresh_performance(id).await
    }

    async fn performances(
        &self,
        show: ShowId,
        page: PageRequest,
    ) -> Result<Page<Arc<Performance>>, PortError> {
        self.layouts.performances(show, page).await
    }

    async fn cancelled(&self, page: PageRequest) -> Result<Page<Arc<Performance>>, PortError> {
        self.layouts.cancelled(page).await
    }
}
