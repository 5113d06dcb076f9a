//! What sellers and doors call.

use std::sync::Arc;

use chrono::{DateTime, Utc};

use super::{AdmitTicket, BoxOffice, CreateShow, CreateVenue, OpenLine, SchedulePerformance};
use crate::id::{PerformanceId, SellerId, ShowId, VenueId};
use crate::label::{Grade, Title};
use crate::layout::Layout;
use crate::money::Money;
use crate::page::{Page, PageRequest};
use crate::policy::SalesPolicy;
use crate::seat::Seats;
use crate::service::Failure;
use crate::service::cancel_performance::{self, CancelPerformanceError};
use crate::service::performances::{self, PerformanceError};
use crate::service::shows::{self, ShowError};
use crate::service::tickets::{self, TicketError};
use crate::service::venues::{self, VenueError};
use crate::service::waiting::{self, WaitingError};
use crate::show::{PriceList, Show};
use crate::ticket::Ticket;
use crate::ticket_code::{CodeRefusal, TicketClaims, TicketCode};

impl BoxOffice {
    /// Creates a venue.
    ///
    /// # Errors
    /// See [`venues::create`].
    pub async fn create_venue(&self, request: CreateVenue) -> Result<VenueId, VenueError> {
        venues::create(&self.ports, request).await
    }

    /// Gives a venue another name.
    ///
    /// # Errors
    /// See [`venues::rename`].
    pub async fn rename_venue(&self, id: VenueId, name: Title) -> Result<(), VenueError> {
        venues::rename(&self.ports, id, name).await
    }

    /// Gives a venue another seating plan.
    ///
    /// # Errors
    /// See [`venues::change_layout`].
    pub async fn change_venue_layout(
        &self,
        id: VenueId,
        layout: impl Into<Arc<Layout>> + Send,
    ) -> Result<(), VenueError> {
        venues::change_layout(&self.ports, id, layout).await
    }

    /// Creates a show.
    ///
    /// # Errors
    /// See [`shows::create`].
    pub async fn create_show(&self, request: CreateShow) -> Result<ShowId, ShowError> {
        shows::create(&self.ports, request).await
    }

    /// Gives a show another title.
    ///
    /// # Errors
    /// See [`shows::retitle`].
    pub async fn retitle_show(
        &self,
        seller: SellerId,
        id: ShowId,
        title: Title,
    ) -> Result<(), ShowError> {
        shows::retitle(&self.ports, seller, id, title).await
    }

    /// Gives a show other prices.
    ///
    /// # Errors
    /// See [`shows::reprice`].
    pub async fn reprice_show(
        &self,
        seller: SellerId,
        id: ShowId,
        prices: PriceList,
    ) -> Result<(), ShowError> {
        shows::reprice(&self.ports, seller, id, prices).await
    }

    /// Gives a show another policy.
    ///
    /// # Errors
    /// See [`shows::change_policy`].
    pub async fn change_show_policy(
        &self,
        seller: SellerId,
        id: ShowId,
        policy: SalesPolicy,
    ) -> Result<(), ShowError> {
        shows::change_policy(&self.ports, seller, id, policy).await
    }

    /// The shows of one seller.
    ///
    /// # Errors
    /// See [`shows::list_of`].
    pub async fn shows_of(
        &self,
        seller: SellerId,
        page: PageRequest,
    ) -> Result<Page<Arc<Show>>, Failure> {
        shows::list_of(&self.ports, seller, page).await
    }

    /// Schedules a performance.
    ///
    /// # Errors
    /// See [`performances::schedule`].
    pub async fn schedule(
        &self,
        request: SchedulePerformance,
    ) -> Result<PerformanceId, PerformanceError> {
        performances::schedule(&self.ports, request).await
    }

    /// Prices a grade of a performance anew.
    ///
    /// # Errors
    /// See [`performances::reprice`].
    pub async fn reprice(
        &self,
        seller: SellerId,
        id: PerformanceId,
        grade: Grade,
        price: Money,
    ) -> Result<(), PerformanceError> {
        performances::reprice(&self.ports, seller, id, grade, price).await
    }

    /// Gives seats another grade.
    ///
    /// # Errors
    /// See [`performances::regrade`].
    pub async fn regrade(
        &self,
        seller: SellerId,
        id: PerformanceId,
        seats: Seats,
        grade: Grade,
    ) -> Result<(), PerformanceError> {
        performances::regrade(&self.ports, seller, id, seats, grade).await
    }

    /// Keeps seats back from the sale.
    ///
    /// # Errors
    /// See [`performances::block`].
    pub async fn block(
        &self,
        seller: SellerId,
        id: PerformanceId,
        seats: Seats,
    ) -> Result<(), PerformanceError> {
        performances::block(&self.ports, seller, id, seats).await
    }

    /// Gives seats that were kept back to the sale.
    ///
    /// # Errors
    /// See [`performances::unblock`].
    pub async fn unblock(
        &self,
        seller: SellerId,
        id: PerformanceId,
        seats: Seats,
    ) -> Result<(), PerformanceError> {
        performances::unblock(&self.ports, seller, id, seats).await
    }

    /// Opens the sales at another time.
    ///
    /// # Errors
    /// See [`performances::move_sales_window`].
    pub async fn move_sales_window(
        &self,
        seller: SellerId,
        id: PerformanceId,
        opens_at: DateTime<Utc>,
    ) -> Result<(), PerformanceError> {
        performances::move_sales_window(&self.ports, seller, id, opens_at).await
    }

    /// Cancels a performance; everybody will be refunded.
    ///
    /// # Errors
    /// See [`cancel_performance::cancel_performance`].
    pub async fn cancel_performance(
        &self,
        seller: SellerId,
        id: PerformanceId,
    ) -> Result<(), CancelPerformanceError> {
        cancel_performance::cancel_performance(&self.ports, seller, id).await
    }

    /// Opens the line of a performance, or changes its rules.
    ///
    /// # Errors
    /// See [`waiting::configure`].
    pub async fn open_line(&self, request: OpenLine) -> Result<(), WaitingError> {
        waiting::configure(&self.ports, request).await
    }

    /// Whether a ticket code is genuine, without asking the store.
    ///
    /// # Errors
    /// See [`tickets::check`].
    pub fn check_ticket(
        &self,
        code: &TicketCode,
        performance: PerformanceId,
    ) -> Result<TicketClaims, CodeRefusal> {
        tickets::check(&*self.ports.signer, code, performance)
    }

    /// Lets one person in and uses the ticket up.
    ///
    /// # Errors
    /// See [`tickets::admit`].
    pub async fn admit(&self, request: AdmitTicket) -> Result<Ticket, TicketError> {
        tickets::admit(&self.ports, request).await
    }
}
