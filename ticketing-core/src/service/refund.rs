//! Refund paid seats: the commit that gives them up, and the account to send the money to.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::settle::{missing, post_if_any};
use super::support::{Attempt, Call, Failure, Tries, answer_of, change_set, commit, inconsistent};
use crate::aggregate::{Aggregate, Applied};
use crate::allocation::SeatShare;
use crate::change_set::ChangeSet;
use crate::error::PortError;
use crate::fee::{CancelTime, FeeRefusal, RefundLine, RefundLineError, cancel_fee};
use crate::id::{EntryId, PaymentId, RefundId, ReservationId, UserId};
use crate::label::Token;
use crate::ledger::{Booking, JournalEntry, RefundedSeats};
use crate::money::Money;
use crate::page::{Page, PageRequest};
use crate::payment::{Honoured, Payment, PaymentRefusal};
use crate::performance::Performance;
use crate::port::{Ports, RefundAccount};
use crate::refund::{NewRefund, Refund, RefundFor, RefundRefusal, RefundState};
use crate::reservation::{EndCause, Reservation, ReservationRefusal};
use crate::seat::{ClaimOwner, SeatNo, Seats};
use crate::ticket::{Ticket, TicketRefusal};

/// Which paid seats to give up.
#[derive(Clone, Debug)]
pub struct RefundSeats {
    /// The buyer.
    pub user: UserId,
    /// The reservation.
    pub reservation: ReservationId,
    /// The seats; `None` for all that are left.
    pub seats: Option<Seats>,
    /// The client's idempotency key.
    pub key: Option<Token>,
}

impl RefundSeats {
    /// All seats that are left, without an idempotency key.
    pub const fn all(user: UserId, reservation: ReservationId) -> Self {
        Self { user, reservation, seats: None, key: None }
    }

    /// These seats, without an idempotency key.
    pub const fn some(user: UserId, reservation: ReservationId, seats: Seats) -> Self {
        Self { user, reservation, seats: Some(seats), key: None }
    }
}

/// A refund as its buyer sees it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RefundView {
    /// Which.
    pub refund: RefundId,
    /// Of which reservation.
    pub reservation: ReservationId,
    /// The seats that were given up.
    pub seats: Vec<SeatNo>,
    /// What the cancel costs.
    pub fee: Money,
    /// What became points again, at once.
    pub points: Money,
    /// What goes back through the gateway.
    pub external: Money,
    /// How far that has come.
    pub state: RefundState,
}

/// Why nothing was refunded.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RefundError {
    /// No such reservation of this user.
    #[error("no reservation {0} of this user")]
    NoSuchReservation(ReservationId),
    /// No such refund of this user.
    #[error("no refund {0} of this user")]
    NoSuchRefund(RefundId),
    /// The reservation is not paid.
    #[error("the reservation is not paid")]
    NotPaid,
    /// The reservation does not have these seats.
    #[error(transparent)]
    Reservation(#[from] ReservationRefusal),
    /// Somebody went in with one of the tickets.
    #[error(transparent)]
    Ticket(#[from] TicketRefusal),
    /// It is too late.
    #[error(transparent)]
    Fee(#[from] FeeRefusal),
    /// The fee does not fit.
    #[error(transparent)]
    Line(#[from] RefundLineError),
    /// The payment does not allow it.
    #[error(transparent)]
    Payment(#[from] PaymentRefusal),
    /// The refund does not allow it.
    #[error(transparent)]
    Refund(#[from] RefundRefusal),
    /// It failed for another reason.
    #[error(transparent)]
    Failed(#[from] Failure),
}

impl From<PortError> for RefundError {
    fn from(error: PortError) -> Self {
        Self::Failed(error.into())
    }
}

/// Gives up paid seats: one commit voids the tickets, frees the seats, credits points and books what is
/// owed. The refund worker sends it.
///
/// # Errors
/// [`RefundError`]; nothing changed.
pub async fn request(ports: &Ports, request: RefundSeats) -> Result<RefundView, RefundError> {
    let asked = (request.reservation, &request.seats);
    let call = Call::of(request.user, "refund", request.key.as_ref(), &asked);
    if let Some(answer) = Call::replay(call.as_ref(), ports).await? {
        return Ok(answer);
    }
    let found = ports.reservations.find(request.reservation).await?;
    if found.is_none_or(|found| found.user() != request.user) {
        return Err(RefundError::NoSuchReservation(request.reservation));
    }
    let wanted = request.seats;
    let why = Why::Buyer(call.as_ref());
    give_up(ports, request.reservation, wanted.as_ref(), why).await
}

/// Why seats are given up.
#[derive(Clone, Copy)]
pub(super) enum Why<'a> {
    /// The buyer asked: the policy's fee, unused tickets only.
    Buyer(Option<&'a Call>),
    /// The seller cancelled the performance: no fee, used tickets too.
    PerformanceCancelled,
}

pub(super) async fn give_up(
    ports: &Ports,
    id: ReservationId,
    wanted: Option<&Seats>,
    why: Why<'_>,
) -> Result<RefundView, RefundError> {
    let mut tries = Tries::new();
    loop {
        let found = ports.reservations.find(id).await?;
        let reservation = found.ok_or(RefundError::NoSuchReservation(id))?;
        let version = reservation.root().version();
        let (performance, hold) = (reservation.performance(), reservation.hold());
        let decided = decide(ports, reservation, wanted, why, &tries).await;
        let (changes, seats, answer) = match decided {
            Ok(decided) => decided,
            Err(RefundError::Failed(failure)) => return Err(failure.into()),
            Err(refusal) => {
                if let Why::Buyer(call) = why
                    && let Some(answer) = Call::replay(call, ports).await?
                {
                    return Ok(answer);
                }
                // All that gives seats up saves the reservation: what was read after it may be newer
                // and not fit it, and only a refusal of what fits is true.
                let now = ports.reservations.find(id).await?;
                if now.is_some_and(|now| now.root().version() == version) {
                    return Err(refusal);
                }
                tries.again()?;
                continue;
            }
        };
        match commit(ports, changes).await? {
            Attempt::Done => {
                // Best effort: a hold that stays ends by itself.
                drop(ports.holds.release(performance, seats, hold).await);
                return Ok(answer);
            }
            Attempt::Stale => tries.again()?,
            Attempt::Replayed(state) => return Ok(answer_of(&state)?),
            Attempt::Refused(refusal) => return Err(inconsistent(refusal).into()),
            Attempt::Duplicate => return Err(Failure::KeyReused.into()),
        }
    }
}

async fn decide(
    ports: &Ports,
    reservation: Reservation,
    wanted: Option<&Seats>,
    why: Why<'_>,
    tries: &Tries,
) -> Result<(ChangeSet, Seats, RefundView), RefundError> {
    let now = ports.clock.now();
    let paid = Paid::load(ports, reservation, tries).await?;
    let seats = paid.seats(wanted)?;
    let (changes, answer) = paid.give_up(ports, &seats, why, now)?;
    Ok((changes, seats, answer))
}

/// A reservation with all that its refund depends on.
struct Paid {
    reservation: Reservation,
    payment: Payment,
    since: DateTime<Utc>,
    tickets: Vec<Ticket>,
    performance: Arc<Performance>,
}

impl Paid {
    async fn load(
        ports: &Ports,
        reservation: Reservation,
        tries: &Tries,
    ) -> Result<Self, RefundError> {
        let payment = match reservation.payment() {
            None => return Err(RefundError::NotPaid),
            Some(payment) => ports.payments.find(payment).await?,
        };
        let payment = payment.ok_or(RefundError::NotPaid)?;
        let (Some(Honoured::InTime | Honoured::Late), Some(paid_at)) =
            (payment.honoured(), payment.paid_at())
        else {
            return Err(RefundError::NotPaid);
        };
        let tickets = ports.tickets.of_reservation(reservation.id()).await?;
        let performance = if tries.is_first() {
            ports.layouts.performance(reservation.performance()).await?
        } else {
            ports.layouts.fresh_performance(reservation.performance()).await?
        };
        let performance =
            performance.ok_or_else(|| missing("performance", reservation.performance()))?;
        Ok(Self { reservation, payment, since: paid_at, tickets, performance })
    }

    fn seats(&self, wanted: Option<&Seats>) -> Result<Seats, RefundError> {
        let live = self.reservation.live_seats();
        match (wanted, live) {
            (Some(wanted), Some(_)) => Ok(wanted.clone()),
            (None, Some(live)) => Ok(live.clone()),
            (_, None) => Err(ReservationRefusal::WrongState {
                command: "refund",
                state: self.reservation.state().name(),
            }
            .into()),
        }
    }

    fn lines(
        &self,
        seats: &Seats,
        why: Why<'_>,
        now: DateTime<Utc>,
    ) -> Result<Vec<RefundLine>, RefundError> {
        let time = CancelTime {
            now,
            paid_at: self.since,
            days_left: self.performance.days_left(now),
            started: now >= self.performance.starts_at(),
        };
        let policy = &self.performance.policy().refunds;
        let line = |share: SeatShare| {
            if self.is_in_full(why) {
                return Ok(RefundLine::in_full(share));
            }
            let fee = cancel_fee(policy, share.paid(), &time)?;
            Ok(RefundLine::new(share, fee)?)
        };
        self.payment.shares_of(seats).into_iter().map(line).collect()
    }

    /// Whether all goes back, for used tickets too: also to a buyer who asks before the sweeper comes.
    fn is_in_full(&self, why: Why<'_>) -> bool {
        matches!(why, Why::PerformanceCancelled) || self.performance.is_cancelled()
    }

    fn give_up(
        mut self,
        ports: &Ports,
        seats: &Seats,
        why: Why<'_>,
        now: DateTime<Utc>,
    ) -> Result<(ChangeSet, RefundView), RefundError> {
        let id = RefundId::generate(&*ports.ids);
        let cause = EndCause::Refund(id);
        let given_up = self.reservation.give_up(seats, cause, now)?;
        debug_assert_eq!(given_up, Applied::Now, "a new refund is a new cause");
        let lines = self.lines(seats, why, now)?;
        let currency = self.payment.external().currency();
        let sum = |amount: fn(&RefundLine) -> Money| {
            Money::sum(currency, lines.iter().map(amount)).map_err(Failure::from)
        };
        let (fee, points) = (sum(RefundLine::fee)?, sum(RefundLine::to_points)?);
        let external = sum(RefundLine::to_external)?;
        self.payment.take_for_refund(external)?;
        let mut changes = change_set(ports, now).guard(&*self.performance);
        let cancelled = self.is_in_full(why);
        let tickets = self.tickets.into_iter().filter(|ticket| seats.contains(ticket.seat()));
        for mut ticket in tickets {
            ticket.void(cause, cancelled, now)?;
            changes = changes.save(ticket);
        }
        let what = RefundFor::Seats(lines.clone());
        let account_wait = self.performance.policy().deadlines.refund_account_wait;
        let new = NewRefund { id, payment: &self.payment, what, external, points, account_wait };
        let refund = Refund::request(new, now);
        let refunded = RefundedSeats {
            refund: id,
            seller: self.performance.seller(),
            user: self.payment.user(),
            rate: self.performance.commission(),
            lines: &lines,
        };
        let booking = Booking { id: EntryId::generate(&*ports.ids), at: now };
        let entry = JournalEntry::refund_accepted(booking, &refunded).map_err(Failure::from)?;
        let reservation = &self.reservation;
        let count = u16::try_from(seats.len()).unwrap_or(u16::MAX);
        let owner = ClaimOwner::Reservation(reservation.id());
        let answer = RefundView {
            refund: id,
            reservation: reservation.id(),
            seats: seats.iter().collect(),
            fee,
            points,
            external,
            state: refund.state().clone(),
        };
        let changes = post_if_any(changes, entry)
            .release(reservation.performance(), seats.clone(), owner)
            .give_back(reservation.user(), reservation.show(), count, reservation.id())
            .save(self.payment)
            .save(self.reservation)
            .save(refund);
        let changes = match why {
            Why::Buyer(call) => Call::keep(call, changes, &answer)?,
            Why::PerformanceCancelled => changes,
        };
        Ok((changes, answer))
    }
}

/// The refunds of a user's payment, asked for or not: also those of money that bought nothing and of a
/// cancelled performance.
///
/// # Errors
/// [`RefundError::NotPaid`] for no payment of this user.
pub async fn list(
    ports: &Ports,
    user: UserId,
    payment: PaymentId,
    page: PageRequest,
) -> Result<Page<RefundView>, RefundError> {
    let found = ports.payments.find(payment).await?.filter(|payment| payment.user() == user);
    if found.is_none() {
        return Err(RefundError::NotPaid);
    }
    Ok(ports.refunds.of_payment(payment, page).await?.map(|refund| view(&refund)))
}

fn view(refund: &Refund) -> RefundView {
    let (seats, fee) = match refund.what() {
        RefundFor::Seats(lines) => {
            let fee = lines.iter().map(RefundLine::fee);
            let fee = Money::sum(refund.external().currency(), fee);
            (lines.iter().map(RefundLine::seat).collect(), fee.ok())
        }
        RefundFor::NotHonoured => (Vec::new(), None),
    };
    RefundView {
        refund: refund.id(),
        reservation: refund.reservation(),
        seats,
        fee: fee.unwrap_or(refund.external().currency().zero()),
        points: refund.points(),
        external: refund.to_send(),
        state: refund.state().clone(),
    }
}

/// Where a refund of a user stands.
///
/// # Errors
/// [`RefundError::NoSuchRefund`].
pub async fn status(ports: &Ports, user: UserId, id: RefundId) -> Result<RefundState, RefundError> {
    let found = ports.refunds.find(id).await?.filter(|refund| refund.user() == user);
    found.map(|refund| refund.state().clone()).ok_or(RefundError::NoSuchRefund(id))
}

/// Names the account that a refund is sent to. It is forgotten once the refund is sent.
///
/// # Errors
/// [`RefundError`]; nothing changed.
pub async fn set_account(
    ports: &Ports,
    user: UserId,
    id: RefundId,
    account: RefundAccount,
) -> Result<(), RefundError> {
    let mut tries = Tries::new();
    loop {
        let now = ports.clock.now();
        let found = ports.refunds.find(id).await?.filter(|refund| refund.user() == user);
        let mut refund = found.ok_or(RefundError::NoSuchRefund(id))?;
        if refund.set_account(account.clone(), now)? == Applied::Already {
            return Ok(());
        }
        match commit(ports, change_set(ports, now).save(refund)).await? {
            Attempt::Done => return Ok(()),
            Attempt::Stale => tries.again()?,
            Attempt::Refused(refusal) => return Err(inconsistent(refusal).into()),
            Attempt::Replayed(_) | Attempt::Duplicate => return Err(Failure::KeyReused.into()),
        }
    }
}
