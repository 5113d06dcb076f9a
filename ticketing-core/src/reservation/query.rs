//! What can be asked of a reservation.

use chrono::{DateTime, Utc};

use super::{Reservation, ReservationState, SeatLine};
use crate::aggregate::{Aggregate, AggregateKind, AggregateRef, Root, StreamKey};
use crate::id::{CheckoutId, HoldToken, PaymentId, PerformanceId, ReservationId, ShowId, UserId};
use crate::money::Money;
use crate::seat::Seats;

impl Reservation {
    /// Its id.
    pub const fn id(&self) -> ReservationId {
        self.id
    }

    /// The performance.
    pub const fn performance(&self) -> PerformanceId {
        self.performance
    }

    /// The show, whose allowance it uses.
    pub const fn show(&self) -> ShowId {
        self.show
    }

    /// When the performance starts.
    pub const fn starts_at(&self) -> DateTime<Utc> {
        self.starts_at
    }

    /// Whose it is.
    pub const fn user(&self) -> UserId {
        self.user
    }

    /// Its seats with their prices, ascending.
    pub fn lines(&self) -> &[SeatLine] {
        &self.lines
    }

    /// All seats that it was made for.
    ///
    /// # Panics
    /// Never: the seats were checked when it was made.
    pub fn seats(&self) -> Seats {
        Seats::new(self.lines.iter().map(|line| line.seat)).expect("checked when made")
    }

    /// How many seats it was made for.
    ///
    /// # Panics
    /// Never: [`Seats::MAX`] fits.
    pub fn seat_count(&self) -> u16 {
        u16::try_from(self.lines.len()).expect("at most Seats::MAX")
    }

    /// The seats that are paid and not given up.
    pub const fn live_seats(&self) -> Option<&Seats> {
        match &self.state {
            ReservationState::Confirmed { live, .. } => Some(live),
            ReservationState::Pending
            | ReservationState::Cancelled { .. }
            | ReservationState::Expired
            | ReservationState::Refunded { .. } => None,
        }
    }

    /// The price of all seats, before discounts.
    pub const fn total(&self) -> Money {
        self.total
    }

    /// The hold that was taken or used.
    pub const fn hold(&self) -> HoldToken {
        self.hold
    }

    /// When it was made.
    pub const fn made_at(&self) -> DateTime<Utc> {
        self.made_at
    }

    /// Until when it can be paid.
    pub const fn expires_at(&self) -> DateTime<Utc> {
        self.expires_at
    }

    /// When it lapses whatever its payment does.
    pub const fn latest(&self) -> DateTime<Utc> {
        self.latest
    }

    /// The checkout that has it now.
    pub const fn checkout(&self) -> Option<CheckoutId> {
        self.checkout
    }

    /// How many checkouts were started, whatever became of them.
    pub(crate) const fn checkouts(&self) -> u16 {
        self.checkouts
    }

    /// The payment that is under way, or that paid it.
    pub const fn payment(&self) -> Option<PaymentId> {
        self.payment
    }

    /// Its state.
    pub const fn state(&self) -> &ReservationState {
        &self.state
    }

    /// Whether it is Pending.
    pub const fn is_pending(&self) -> bool {
        matches!(self.state, ReservationState::Pending)
    }
}

impl Aggregate for Reservation {
    fn reference(&self) -> AggregateRef {
        AggregateRef { kind: AggregateKind::Reservation, id: self.id.as_uuid() }
    }

    fn stream(&self) -> StreamKey {
        StreamKey(self.id.as_uuid())
    }

    fn root(&self) -> &Root {
        &self.root
    }

    fn root_mut(&mut self) -> &mut Root {
        &mut self.root
    }
}
