//! A reservation: a buyer's right to pay for seats until a deadline.

mod event;
mod query;
mod state;
#[cfg(test)]
pub(crate) mod tests;

pub use event::ReservationEvent;
pub use state::{CancelReason, EndCause, ReservationRefusal, ReservationState, SeatLine};

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::aggregate::{Applied, Root};
use crate::id::{CheckoutId, HoldToken, PaymentId, PerformanceId, ReservationId, ShowId, UserId};
use crate::money::{Money, MoneyError};
use crate::policy::Deadlines;
use crate::seat::{SeatNo, Seats};

/// What a new reservation is made of.
#[derive(Clone, Debug)]
pub struct NewReservation {
    /// Its id.
    pub id: ReservationId,
    /// The performance.
    pub performance: PerformanceId,
    /// The show that the performance belongs to.
    pub show: ShowId,
    /// When the performance starts; no deadline is later.
    pub starts_at: DateTime<Utc>,
    /// Whose it is.
    pub user: UserId,
    /// The seats with their prices, at least one.
    pub lines: Vec<SeatLine>,
    /// The hold that keeps others away from the seats.
    pub hold: HoldToken,
}

/// A buyer's right to pay for seats until a deadline. The price is fixed when it is made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reservation {
    root: Root,
    id: ReservationId,
    performance: PerformanceId,
    show: ShowId,
    starts_at: DateTime<Utc>,
    user: UserId,
    lines: Box<[SeatLine]>,
    total: Money,
    hold: HoldToken,
    made_at: DateTime<Utc>,
    expires_at: DateTime<Utc>,
    latest: DateTime<Utc>,
    grace_given: bool,
    checkout: Option<CheckoutId>,
    checkouts: u16,
    payment: Option<PaymentId>,
    deposit_due_at: Option<DateTime<Utc>>,
    given_up: Vec<(SeatNo, EndCause)>,
    state: ReservationState,
}

impl Reservation {
    /// Makes a reservation that is Pending until `now` plus the payment wait.
    ///
    /// # Errors
    /// [`MoneyError`] if the prices do not add up to an amount.
    ///
    /// # Panics
    /// If there is no line, or one seat twice: callers build the lines from [`Seats`].
    pub fn make(
        new: NewReservation,
        deadlines: &Deadlines,
        now: DateTime<Utc>,
    ) -> Result<Self, MoneyError> {
        assert!(!new.lines.is_empty(), "a reservation has at least one seat");
        let mut lines = new.lines;
        lines.sort_by_key(|line| line.seat);
        assert!(lines.windows(2).all(|pair| pair[0].seat < pair[1].seat), "seats are different");
        let currency = lines[0].price.currency();
        let total = Money::sum(currency, lines.iter().map(|line| line.price))?;
        let latest = (now + deadlines.card_max).min(new.starts_at);
        let expires_at = (now + deadlines.payment_wait).min(latest);
        let mut root = Root::new();
        root.record(
            now,
            ReservationEvent::Made {
                reservation: new.id,
                performance: new.performance,
                user: new.user,
                seats: lines.iter().map(|line| line.seat).collect(),
                total,
                expires_at,
            },
        );
        Ok(Self {
            root,
            id: new.id,
            performance: new.performance,
            show: new.show,
            starts_at: new.starts_at,
            user: new.user,
            lines: lines.into(),
            total,
            hold: new.hold,
            made_at: now,
            expires_at,
            latest,
            grace_given: false,
            checkout: None,
            checkouts: 0,
            payment: None,
            deposit_due_at: None,
            given_up: Vec::new(),
            state: ReservationState::Pending,
        })
    }

    /// Gives the reservation to a checkout: at most one at a time, at most `attempts_max` in all.
    ///
    /// # Errors
    /// Not Pending, past its deadline, another checkout or payment under way, or too many attempts.
    pub fn begin_checkout(
        &mut self,
        checkout: CheckoutId,
        attempts_max: u16,
        now: DateTime<Utc>,
    ) -> Result<Applied, ReservationRefusal> {
        if self.checkout == Some(checkout) {
            return Ok(Applied::Already);
        }
        self.must_be_free_to_check_out(attempts_max, now)?;
        self.checkout = Some(checkout);
        self.checkouts += 1;
        Ok(Applied::Now)
    }

    /// Refuses a checkout that could not begin.
    ///
    /// # Errors
    /// Those of [`Self::begin_checkout`].
    pub fn must_be_free_to_check_out(
        &self,
        attempts_max: u16,
        now: DateTime<Utc>,
    ) -> Result<(), ReservationRefusal> {
        self.must_be_payable(now)?;
        if let Some(other) = self.checkout {
            return Err(ReservationRefusal::CheckoutUnderWay(other));
        }
        if let Some(payment) = self.payment {
            return Err(ReservationRefusal::PaymentUnderWay(payment));
        }
        if self.checkouts >= attempts_max {
            return Err(ReservationRefusal::TooManyAttempts { max: attempts_max });
        }
        Ok(())
    }

    /// Takes the reservation back from a checkout that ended.
    pub fn end_checkout(&mut self, checkout: CheckoutId) -> Applied {
        if self.checkout == Some(checkout) {
            self.checkout = None;
            Applied::Now
        } else {
            Applied::Already
        }
    }

    /// Payment starts: the deadline moves to `now` plus the grace, once, never beyond its maximum.
    ///
    /// # Errors
    /// Not Pending, past its deadline, or another payment under way.
    pub fn start_payment(
        &mut self,
        payment: PaymentId,
        deadlines: &Deadlines,
        now: DateTime<Utc>,
    ) -> Result<Applied, ReservationRefusal> {
        if self.payment == Some(payment) {
            return Ok(Applied::Already);
        }
        self.must_be_payable(now)?;
        if let Some(other) = self.payment {
            return Err(ReservationRefusal::PaymentUnderWay(other));
        }
        self.payment = Some(payment);
        if !self.grace_given {
            self.grace_given = true;
            self.expires_at = self.expires_at.max(now + deadlines.grace).min(self.latest);
        }
        let expires_at = self.expires_at;
        let reservation = self.id;
        self.root
            .record(now, ReservationEvent::PaymentStarted { reservation, payment, expires_at });
        Ok(Applied::Now)
    }

    /// A deposit account was issued: the deadline is when the deposit is due plus the notice margin.
    ///
    /// # Errors
    /// Not Pending, another payment under way, or a deposit of this one is due at another time.
    pub fn await_deposit(
        &mut self,
        payment: PaymentId,
        due_at: DateTime<Utc>,
        deadlines: &Deadlines,
        now: DateTime<Utc>,
    ) -> Result<Applied, ReservationRefusal> {
        self.must_be_paid_by(payment)?;
        match self.deposit_due_at {
            Some(before) if before == due_at => return Ok(Applied::Already),
            Some(before) => return Err(ReservationRefusal::OtherDeposit { due_at: before }),
            None => self.deposit_due_at = Some(due_at),
        }
        // The gateway chose the time: it may be beyond all reckoning.
        self.expires_at = due_at.min(self.starts_at) + deadlines.notice_margin;
        self.expires_at = self.expires_at.min(self.starts_at);
        self.latest = self.expires_at;
        let (reservation, expires_at) = (self.id, self.expires_at);
        self.root.record(now, ReservationEvent::DeadlineMoved { reservation, expires_at });
        Ok(Applied::Now)
    }

    /// The payment ended without money: another may start until the deadline.
    pub fn end_payment(&mut self, payment: PaymentId) -> Applied {
        if self.payment == Some(payment) && self.state == ReservationState::Pending {
            self.payment = None;
            self.deposit_due_at = None;
            Applied::Now
        } else {
            Applied::Already
        }
    }

    /// Money came in time: the reservation's state counts, not the clock.
    ///
    /// # Errors
    /// Not Pending, or another payment under way.
    pub fn confirm(
        &mut self,
        payment: PaymentId,
        now: DateTime<Utc>,
    ) -> Result<Applied, ReservationRefusal> {
        if self.was_paid_by(payment) {
            return Ok(Applied::Already);
        }
        self.must_be_paid_by(payment)?;
        self.become_confirmed(payment, false, now);
        Ok(Applied::Now)
    }

    /// Money came late and the seats are taken again in the same commit.
    ///
    /// # Errors
    /// Not Expired.
    pub fn confirm_late(
        &mut self,
        payment: PaymentId,
        now: DateTime<Utc>,
    ) -> Result<Applied, ReservationRefusal> {
        if self.was_paid_by(payment) {
            return Ok(Applied::Already);
        }
        match self.state {
            ReservationState::Expired => {
                self.payment = Some(payment);
                self.become_confirmed(payment, true, now);
                Ok(Applied::Now)
            }
            ReservationState::Pending
            | ReservationState::Confirmed { .. }
            | ReservationState::Cancelled { .. }
            | ReservationState::Refunded { .. } => Err(self.refused("confirm late")),
        }
    }

    /// Ends the reservation before any money came. `in_flight` says whether its payment is
    /// Processing or Unknown.
    ///
    /// # Errors
    /// Not Pending; a payment in flight (only a cancelled performance may then only wait).
    pub fn cancel(
        &mut self,
        reason: CancelReason,
        in_flight: bool,
        now: DateTime<Utc>,
    ) -> Result<Applied, ReservationRefusal> {
        match self.state {
            ReservationState::Pending if in_flight => Err(ReservationRefusal::PaymentInProgress),
            ReservationState::Pending => {
                self.state = ReservationState::Cancelled { reason };
                self.checkout = None;
                let reservation = self.id;
                self.root.record(now, ReservationEvent::Cancelled { reservation, reason });
                Ok(Applied::Now)
            }
            ReservationState::Cancelled { reason: before } if before == reason => {
                Ok(Applied::Already)
            }
            ReservationState::Confirmed { .. }
            | ReservationState::Cancelled { .. }
            | ReservationState::Expired
            | ReservationState::Refunded { .. } => Err(self.refused("cancel")),
        }
    }

    /// The deadline passed. With a payment in flight only once the absolute maximum has passed.
    ///
    /// # Errors
    /// Not Pending, or not due yet.
    pub fn expire(
        &mut self,
        in_flight: bool,
        now: DateTime<Utc>,
    ) -> Result<Applied, ReservationRefusal> {
        match self.state {
            ReservationState::Pending => {
                let due_at = if in_flight { self.latest } else { self.expires_at };
                if now < due_at {
                    return Err(ReservationRefusal::NotDue { due_at });
                }
                self.state = ReservationState::Expired;
                self.checkout = None;
                let reservation = self.id;
                self.root.record(now, ReservationEvent::Expired { reservation });
                Ok(Applied::Now)
            }
            ReservationState::Expired => Ok(Applied::Already),
            ReservationState::Confirmed { .. }
            | ReservationState::Cancelled { .. }
            | ReservationState::Refunded { .. } => Err(self.refused("expire")),
        }
    }

    /// Gives up some of the live seats; Refunded when none is left. A cause gives up its seats once.
    ///
    /// # Errors
    /// Not Confirmed, a seat that is not live, or other seats than this cause gave up before.
    pub fn give_up(
        &mut self,
        seats: &Seats,
        cause: EndCause,
        now: DateTime<Utc>,
    ) -> Result<Applied, ReservationRefusal> {
        if let Ok(before) = Seats::new(self.given_up_by(cause)) {
            return if before == *seats {
                Ok(Applied::Already)
            } else {
                Err(ReservationRefusal::OtherSeats { before })
            };
        }
        match &self.state {
            ReservationState::Confirmed { by, live } => {
                if let Some(seat) = seats.iter().find(|&seat| !live.contains(seat)) {
                    return Err(ReservationRefusal::SeatNotLive(seat));
                }
                let by = *by;
                let rest = live.without(seats);
                let reservation = self.id;
                let given: Vec<SeatNo> = seats.iter().collect();
                let left = rest.as_ref().map_or(0, Seats::len);
                self.given_up.extend(seats.iter().map(|seat| (seat, cause)));
                self.state = match rest {
                    Some(live) => ReservationState::Confirmed { by, live },
                    None => ReservationState::Refunded { cause },
                };
                let event =
                    ReservationEvent::SeatsGivenUp { reservation, seats: given, left, cause };
                self.root.record(now, event);
                Ok(Applied::Now)
            }
            ReservationState::Pending
            | ReservationState::Cancelled { .. }
            | ReservationState::Expired
            | ReservationState::Refunded { .. } => Err(self.refused("give up seats of")),
        }
    }

    /// Refuses a gateway call for this reservation once its deadline has passed.
    ///
    /// # Errors
    /// Not Pending, or past its deadline.
    pub fn must_be_payable(&self, now: DateTime<Utc>) -> Result<(), ReservationRefusal> {
        if self.state != ReservationState::Pending {
            return Err(self.refused("pay for"));
        }
        if now >= self.expires_at {
            return Err(ReservationRefusal::DeadlinePassed { expires_at: self.expires_at });
        }
        Ok(())
    }

    fn must_be_paid_by(&self, payment: PaymentId) -> Result<(), ReservationRefusal> {
        if self.state != ReservationState::Pending {
            return Err(self.refused("pay for"));
        }
        match self.payment {
            Some(current) if current == payment => Ok(()),
            Some(other) => Err(ReservationRefusal::PaymentUnderWay(other)),
            None => Err(ReservationRefusal::NotItsPayment(payment)),
        }
    }

    fn was_paid_by(&self, payment: PaymentId) -> bool {
        let was_paid = match self.state {
            ReservationState::Confirmed { .. } | ReservationState::Refunded { .. } => true,
            ReservationState::Pending
            | ReservationState::Cancelled { .. }
            | ReservationState::Expired => false,
        };
        was_paid && self.payment == Some(payment)
    }

    fn given_up_by(&self, cause: EndCause) -> impl Iterator<Item = SeatNo> + '_ {
        self.given_up.iter().filter(move |(_, by)| *by == cause).map(|&(seat, _)| seat)
    }

    fn become_confirmed(&mut self, by: PaymentId, late: bool, now: DateTime<Utc>) {
        self.state = ReservationState::Confirmed { by, live: self.seats() };
        self.checkout = None;
        let (reservation, user, total) = (self.id, self.user, self.total);
        let event = ReservationEvent::Confirmed { reservation, user, payment: by, total, late };
        self.root.record(now, event);
    }

    fn refused(&self, command: &'static str) -> ReservationRefusal {
        ReservationRefusal::WrongState { command, state: self.state.name() }
    }
}
