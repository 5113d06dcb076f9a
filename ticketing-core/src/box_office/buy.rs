//! What buyers call.

use std::sync::Arc;

use super::{
    BoxOffice, CancelReservation, ConfirmPayment, HeldSeats, HoldSeats, RefundSeats, ReserveSeats,
    StartCheckout, TopUp,
};
use crate::id::{
    CheckoutId, PaymentId, PerformanceId, RefundId, ReservationId, ShowId, UserId, VenueId,
};
use crate::money::{Currency, Money};
use crate::page::{Page, PageRequest};
use crate::performance::Performance;
use crate::port::{Held, HistoryLine, Joined, RefundAccount};
use crate::refund::RefundState;
use crate::reservation::Reservation;
use crate::seat::Seats;
use crate::service::cancel::{self, CancelError, Cancelled};
use crate::service::checkout::{self, CheckoutError, CheckoutView};
use crate::service::confirm::{self, ConfirmError};
use crate::service::hold::{self, HoldError};
use crate::service::performances::{self, PerformanceError, Quote};
use crate::service::refund::{self, RefundError, RefundView};
use crate::service::reserve::{self, ReserveError, Reserved};
use crate::service::seat_map::{self, SeatMapError, SeatMapView};
use crate::service::shows::{self, ShowError};
use crate::service::tickets::{self, TicketError};
use crate::service::venues::{self, VenueError};
use crate::service::waiting::{self, Admitted, WaitingError};
use crate::service::wallet::{self, TopUpError, ToppedUp};
use crate::service::{Failure, PaymentView, reservations};
use crate::show::Show;
use crate::ticket::Ticket;
use crate::ticket_code::TicketCode;
use crate::venue::Venue;
use crate::waiting_line::{AdmissionPolicy, LineStatus};

impl BoxOffice {
    /// One venue.
    ///
    /// # Errors
    /// See [`venues::find`].
    pub async fn venue(&self, id: VenueId) -> Result<Arc<Venue>, VenueError> {
        venues::find(&self.ports, id).await
    }

    /// All venues.
    ///
    /// # Errors
    /// See [`venues::list`].
    pub async fn venues(&self, page: PageRequest) -> Result<Page<Arc<Venue>>, Failure> {
        venues::list(&self.ports, page).await
    }

    /// One show.
    ///
    /// # Errors
    /// See [`shows::find`].
    pub async fn show(&self, id: ShowId) -> Result<Arc<Show>, ShowError> {
        shows::find(&self.ports, id).await
    }

    /// All shows.
    ///
    /// # Errors
    /// See [`shows::list`].
    pub async fn shows(&self, page: PageRequest) -> Result<Page<Arc<Show>>, Failure> {
        shows::list(&self.ports, page).await
    }

    /// One performance.
    ///
    /// # Errors
    /// See [`performances::find`].
    pub async fn performance(
        &self,
        id: PerformanceId,
    ) -> Result<Arc<Performance>, PerformanceError> {
        performances::find(&self.ports, id).await
    }

    /// The performances of one show.
    ///
    /// # Errors
    /// See [`performances::list`].
    pub async fn performances(
        &self,
        show: ShowId,
        page: PageRequest,
    ) -> Result<Page<Arc<Performance>>, Failure> {
        performances::list(&self.ports, show, page).await
    }

    /// The status of every seat of a performance.
    ///
    /// # Errors
    /// See [`seat_map::read`].
    pub async fn seat_map(&self, id: PerformanceId) -> Result<SeatMapView, SeatMapError> {
        seat_map::read(&self.ports, id).await
    }

    /// What seats cost now.
    ///
    /// # Errors
    /// See [`performances::quote`].
    pub async fn quote(&self, id: PerformanceId, seats: &Seats) -> Result<Quote, PerformanceError> {
        performances::quote(&self.ports, id, seats).await
    }

    /// Joins the line of a performance.
    ///
    /// # Errors
    /// See [`waiting::join`].
    pub async fn join_line(&self, id: PerformanceId, user: UserId) -> Result<Joined, WaitingError> {
        waiting::join(&self.ports, id, user).await
    }

    /// Where a user stands in line.
    ///
    /// # Errors
    /// See [`waiting::poll`].
    pub async fn line_status(
        &self,
        id: PerformanceId,
        user: UserId,
        policy: &AdmissionPolicy,
    ) -> Result<LineStatus, WaitingError> {
        waiting::poll(&self.ports, id, user, policy).await
    }

    /// Lets a called user in, for once.
    ///
    /// # Errors
    /// See [`waiting::enter`].
    pub async fn enter(&self, id: PerformanceId, user: UserId) -> Result<Admitted, WaitingError> {
        waiting::enter(&self.ports, id, user).await
    }

    /// Takes a user out of the line or from inside.
    ///
    /// # Errors
    /// See [`waiting::leave`].
    pub async fn leave_line(&self, id: PerformanceId, user: UserId) -> Result<bool, Failure> {
        waiting::leave(&self.ports, id, user).await
    }

    /// Holds seats while a buyer decides.
    ///
    /// # Errors
    /// See [`hold::hold`].
    pub async fn hold(&self, request: HoldSeats) -> Result<Held, HoldError> {
        hold::hold(&self.ports, request).await
    }

    /// Gives a hold more time.
    ///
    /// # Errors
    /// See [`hold::extend`].
    pub async fn extend_hold(&self, held: HeldSeats) -> Result<Held, HoldError> {
        hold::extend(&self.ports, held).await
    }

    /// Frees held seats.
    ///
    /// # Errors
    /// See [`hold::release`].
    pub async fn release_hold(&self, held: HeldSeats) -> Result<usize, HoldError> {
        hold::release(&self.ports, held).await
    }

    /// Reserves seats: from here on they are the buyer's to pay.
    ///
    /// # Errors
    /// See [`reserve::reserve`].
    pub async fn reserve(&self, request: ReserveSeats) -> Result<Reserved, ReserveError> {
        reserve::reserve(&self.ports, request).await
    }

    /// One reservation of a user.
    ///
    /// # Errors
    /// See [`reservations::find`].
    pub async fn reservation(
        &self,
        user: UserId,
        id: ReservationId,
    ) -> Result<Option<Reservation>, Failure> {
        reservations::find(&self.ports, user, id).await
    }

    /// The reservations of a user.
    ///
    /// # Errors
    /// See [`reservations::list`].
    pub async fn reservations(
        &self,
        user: UserId,
        page: PageRequest,
    ) -> Result<Page<Reservation>, Failure> {
        reservations::list(&self.ports, user, page).await
    }

    /// Cancels a reservation that was not paid.
    ///
    /// # Errors
    /// See [`cancel::cancel`].
    pub async fn cancel_reservation(
        &self,
        request: CancelReservation,
    ) -> Result<Cancelled, CancelError> {
        cancel::cancel(&self.ports, request).await
    }

    /// Starts a checkout, up to a payment that can be confirmed.
    ///
    /// # Errors
    /// See [`checkout::start`].
    pub async fn checkout(&self, request: StartCheckout) -> Result<CheckoutView, CheckoutError> {
        checkout::start(&self.ports, request).await
    }

    /// Where a checkout stands.
    ///
    /// # Errors
    /// See [`checkout::status`].
    pub async fn checkout_status(
        &self,
        user: UserId,
        id: CheckoutId,
    ) -> Result<CheckoutView, CheckoutError> {
        checkout::status(&self.ports, user, id).await
    }

    /// Pays: by card, by a deposit account, or by points alone.
    ///
    /// # Errors
    /// See [`confirm::confirm`].
    pub async fn confirm(&self, request: ConfirmPayment) -> Result<PaymentView, ConfirmError> {
        confirm::confirm(&self.ports, request).await
    }

    /// Where a payment stands.
    ///
    /// # Errors
    /// See [`confirm::status`].
    pub async fn payment_status(
        &self,
        user: UserId,
        id: PaymentId,
    ) -> Result<PaymentView, ConfirmError> {
        confirm::status(&self.ports, user, id).await
    }

    /// Gives up paid seats.
    ///
    /// # Errors
    /// See [`refund::request`].
    pub async fn refund(&self, request: RefundSeats) -> Result<RefundView, RefundError> {
        refund::request(&self.ports, request).await
    }

    /// The refunds of a payment, asked for or not.
    ///
    /// # Errors
    /// See [`refund::list`].
    pub async fn refunds_of(
        &self,
        user: UserId,
        payment: PaymentId,
        page: PageRequest,
    ) -> Result<Page<RefundView>, RefundError> {
        refund::list(&self.ports, user, payment, page).await
    }

    /// Where a refund stands.
    ///
    /// # Errors
    /// See [`refund::status`].
    pub async fn refund_status(
        &self,
        user: UserId,
        id: RefundId,
    ) -> Result<RefundState, RefundError> {
        refund::status(&self.ports, user, id).await
    }

    /// Names the account that a refund is sent to.
    ///
    /// # Errors
    /// See [`refund::set_account`].
    pub async fn set_refund_account(
        &self,
        user: UserId,
        id: RefundId,
        account: RefundAccount,
    ) -> Result<(), RefundError> {
        refund::set_account(&self.ports, user, id, account).await
    }

    /// The tickets of a user.
    ///
    /// # Errors
    /// See [`tickets::of_user`].
    pub async fn tickets(&self, user: UserId, page: PageRequest) -> Result<Page<Ticket>, Failure> {
        tickets::of_user(&self.ports, user, page).await
    }

    /// The tickets of a user's reservation.
    ///
    /// # Errors
    /// See [`tickets::of_reservation`].
    pub async fn tickets_of(
        &self,
        user: UserId,
        id: ReservationId,
    ) -> Result<Vec<Ticket>, TicketError> {
        tickets::of_reservation(&self.ports, user, id).await
    }

    /// The code to print on a ticket.
    pub fn ticket_code(&self, ticket: &Ticket) -> TicketCode {
        tickets::code(&*self.ports.signer, ticket)
    }

    /// Turns money into points.
    ///
    /// # Errors
    /// See [`wallet::top_up`].
    pub async fn top_up(&self, request: TopUp) -> Result<ToppedUp, TopUpError> {
        wallet::top_up(&self.ports, request).await
    }

    /// How many points a user has.
    ///
    /// # Errors
    /// See [`wallet::balance`].
    pub async fn balance(&self, user: UserId, currency: Currency) -> Result<Money, Failure> {
        wallet::balance(&self.ports, user, currency).await
    }

    /// What changed a user's points, newest first.
    ///
    /// # Errors
    /// See [`wallet::history`].
    pub async fn wallet_history(
        &self,
        user: UserId,
        currency: Currency,
        page: PageRequest,
    ) -> Result<Page<HistoryLine>, Failure> {
        wallet::history(&self.ports, user, currency, page).await
    }
}
