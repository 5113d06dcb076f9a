//! Settle a payment by what became known about it: the one place where money turns into tickets.
//!
//! Confirm, notices, the reconciler, the expiry and the closing of accounts all end here, so a fact
//! that arrives over several ways, twice or late, is decided once by the state that it finds.

mod ended;
mod fact;
mod honour;
mod reversed;
mod taken_back;
mod view;

pub(crate) use fact::Fact;
pub(super) use honour::refused;
pub use view::{PaymentStatus, PaymentView};

use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};

use super::support::{Attempt, Failure, Tries, change_set, commit, inconsistent};
use crate::aggregate::{Aggregate, Version};
use crate::change_set::{ChangeSet, MessageKey, Response};
use crate::error::{Fault, PortError};
use crate::id::{EntryId, HoldToken, PaymentId, PerformanceId, UserId};
use crate::ledger::{Booking, JournalEntry};
use crate::payment::Payment;
use crate::performance::Performance;
use crate::port::{CommitError, HoldChange, HoldRequest, Ports};
use crate::refund::Refund;
use crate::reservation::Reservation;
use crate::seat::{ClaimOwner, Seats};
use crate::ticket::{Ticket, TicketState};

/// How long after its start a performance is over at the latest: until then sold seats stay held.
const PERFORMANCE_MAX: TimeDelta = TimeDelta::hours(24);

/// What settling did.
#[derive(Debug)]
pub(crate) struct Settled {
    pub(crate) view: PaymentView,
    pub(crate) changed: bool,
    /// The payment moved on since the gateway was asked: what it said then says nothing now.
    pub(crate) outdated: bool,
}

/// A fact that the gateway was asked for, with the version of the payment that it was asked about.
#[derive(Debug)]
pub(crate) struct Asked {
    pub(crate) fact: Fact,
    pub(crate) version: Version,
}

/// A payment with all that its outcome depends on.
pub(super) struct Case<'a> {
    pub(super) ports: &'a Ports,
    pub(super) now: DateTime<Utc>,
    pub(super) payment: Payment,
    pub(super) reservation: Reservation,
    pub(super) performance: Arc<Performance>,
}

/// What is to be written, and what follows once it is.
pub(super) struct Decision {
    pub(super) changes: ChangeSet,
    pub(super) payment: Payment,
    pub(super) reservation: Reservation,
    pub(super) also: Vec<Also>,
    pub(super) after: After,
}

/// What is saved after the payment and the reservation, in order: their events come first.
pub(super) enum Also {
    Ticket(Ticket),
    Refund(Refund),
}

/// What follows a commit, best effort: holds are never the truth.
pub(super) enum After {
    Nothing,
    /// The buyer leaves the waiting room; the seats stay held until then.
    KeepSeats {
        seats: Seats,
        until: DateTime<Utc>,
    },
    /// These seats are free.
    FreeSeats(Seats),
}

/// Decides and commits what the gateway said when it was asked, unless the payment moved on meanwhile.
/// `message` makes a repeated notice harmless.
pub(crate) async fn settle_asked(
    ports: &Ports,
    id: PaymentId,
    asked: &Asked,
    message: Option<&MessageKey>,
) -> Result<Settled, Failure> {
    decide_and_commit(ports, id, &asked.fact, Some(asked.version), message, None).await
}

/// Decides and commits what a fact means for a payment: the answer to our own call, or that points pay it.
pub(crate) async fn settle(
    ports: &Ports,
    id: PaymentId,
    fact: &Fact,
    loaded: Option<(Payment, Reservation)>,
) -> Result<Settled, Failure> {
    decide_and_commit(ports, id, fact, None, None, loaded).await
}

async fn decide_and_commit(
    ports: &Ports,
    id: PaymentId,
    fact: &Fact,
    asked_at: Option<Version>,
    message: Option<&MessageKey>,
    mut loaded: Option<(Payment, Reservation)>,
) -> Result<Settled, Failure> {
    let mut tries = Tries::new();
    let mut refused = false;
    loop {
        let (payment, reservation) = match loaded.take() {
            Some(loaded) => loaded,
            None => load(ports, id).await?,
        };
        let performance = load_performance(ports, payment.performance(), &tries).await?;
        let unchanged = PaymentView::of(&payment, Vec::new());
        if asked_at.is_some_and(|version| version != payment.root().version()) {
            return Ok(Settled { view: unchanged, changed: false, outdated: true });
        }
        let now = ports.clock.now();
        let has_room = performance.policy().waiting_room;
        let case = Case { ports, now, payment, reservation, performance };
        let Some(decision) = case.decide(fact, refused).await? else {
            return Ok(Settled { view: unchanged, changed: false, outdated: false });
        };
        let (changes, view, follow) = decision.finish(message)?;
        match commit(ports, changes).await? {
            Attempt::Done => {
                follow.up(ports, has_room).await;
                return Ok(Settled { view, changed: true, outdated: false });
            }
            // An answered receipt means that another outcome was faster: reload and see it.
            Attempt::Stale | Attempt::Replayed(_) => tries.again()?,
            Attempt::Duplicate => {
                return Ok(Settled { view: unchanged, changed: false, outdated: false });
            }
            Attempt::Refused(
                CommitError::SeatTaken(_)
                | CommitError::AllowanceExceeded { .. }
                | CommitError::InsufficientFunds(_),
            ) if !refused => refused = true,
            Attempt::Refused(refusal) => return Err(inconsistent(refusal)),
        }
    }
}

impl Case<'_> {
    /// `refused` says that the store would not let the tickets be bought: then the money goes back.
    async fn decide(self, fact: &Fact, refused: bool) -> Result<Option<Decision>, Failure> {
        match fact {
            Fact::PointsAlone(receipt) => self.points_alone(receipt.as_ref(), refused),
            Fact::Captured(amount) => self.captured(*amount, refused).await,
            Fact::AccountIssued(account) => self.account_issued(account.clone()),
            Fact::Declined(_) | Fact::NotTaken | Fact::CancelledThere | Fact::NotFound => {
                self.ended(fact)
            }
            Fact::Reversed { left } => self.reversed(*left).await,
            Fact::AnswerLost => self.answer_lost(),
            Fact::NoNews => Ok(self.no_news()),
        }
    }

    pub(super) fn booking(&self) -> Booking {
        Booking { id: EntryId::generate(&*self.ports.ids), at: self.now }
    }

    pub(super) fn changes(&self) -> ChangeSet {
        change_set(self.ports, self.now).settles_money()
    }

    /// The entry that gives points back which no purchase used, once.
    pub(super) fn points_back(&mut self) -> Result<Option<JournalEntry>, Failure> {
        let booking = self.booking();
        points_back(&mut self.payment, booking)
    }

    pub(super) fn decided(self, changes: ChangeSet, also: Vec<Also>, after: After) -> Decision {
        let Self { payment, reservation, .. } = self;
        Decision { changes, payment, reservation, also, after }
    }
}

/// The entry that gives back the points of a payment that ends, once.
pub(crate) fn points_back(
    payment: &mut Payment,
    booking: Booking,
) -> Result<Option<JournalEntry>, Failure> {
    let Some(reserved) = payment.take_points_back() else { return Ok(None) };
    let entry = JournalEntry::points_given_back(
        booking,
        reserved,
        payment.reservation(),
        payment.user(),
        payment.points(),
    )?;
    Ok(Some(entry))
}

/// Adds an entry, if there is one.
pub(crate) fn post_if_any(changes: ChangeSet, entry: Option<JournalEntry>) -> ChangeSet {
    match entry {
        Some(entry) => changes.post(entry),
        None => changes,
    }
}

/// Frees all seats and the allowance of a reservation that ends unpaid.
pub(crate) fn free_all(changes: ChangeSet, reservation: &Reservation) -> ChangeSet {
    let owner = ClaimOwner::Reservation(reservation.id());
    changes.release(reservation.performance(), reservation.seats(), owner).give_back(
        reservation.user(),
        reservation.show(),
        reservation.seat_count(),
        reservation.id(),
    )
}

struct FollowUp {
    after: After,
    performance: PerformanceId,
    user: UserId,
    token: HoldToken,
}

impl Decision {
    /// Puts both aggregates into the change set, and the answer of the call that waits for it.
    fn finish(
        self,
        message: Option<&MessageKey>,
    ) -> Result<(ChangeSet, PaymentView, FollowUp), Failure> {
        let Self { mut changes, mut payment, reservation, also, after } = self;
        let issued = also.iter().filter_map(|also| match also {
            Also::Ticket(ticket) if *ticket.state() == TicketState::Issued => Some(ticket.id()),
            Also::Ticket(_) | Also::Refund(_) => None,
        });
        let view = PaymentView::of(&payment, issued.collect());
        if !payment.is_unsettled()
            && let Some(receipt) = payment.take_receipt()
        {
            let answer = Response::of(&view)?;
            changes = changes.fill_receipt(receipt.key, receipt.fingerprint, answer);
        }
        if let Some(message) = message {
            changes = changes.caused_by(message.clone());
        }
        let follow = FollowUp {
            after,
            performance: reservation.performance(),
            user: reservation.user(),
            token: reservation.hold(),
        };
        changes = changes.save(payment).save(reservation);
        for also in also {
            changes = match also {
                Also::Ticket(ticket) => changes.save(ticket),
                Also::Refund(refund) => changes.save(refund),
            };
        }
        Ok((changes, view, follow))
    }
}

impl FollowUp {
    async fn up(self, ports: &Ports, has_room: bool) {
        let Self { after, performance, user, token } = self;
        match after {
            After::Nothing => {}
            After::KeepSeats { seats, until } => {
                let now = ports.clock.now();
                let kept = ports.holds.extend(performance, seats.clone(), token, until, now).await;
                if matches!(kept, Ok(HoldChange::Lost)) {
                    let expires_at = until;
                    let again = HoldRequest { performance, seats, holder: user, token, expires_at };
                    drop(ports.holds.hold(again, now).await);
                }
                if has_room {
                    drop(ports.waiting_room.leave(performance, user).await);
                }
            }
            After::FreeSeats(seats) => drop(ports.holds.release(performance, seats, token).await),
        }
    }
}

pub(crate) async fn load(ports: &Ports, id: PaymentId) -> Result<(Payment, Reservation), Failure> {
    let payment = ports.payments.find(id).await?.ok_or_else(|| missing("payment", id))?;
    let reservation = ports.reservations.find(payment.reservation()).await?;
    let reservation = reservation.ok_or_else(|| missing("reservation", payment.reservation()))?;
    Ok((payment, reservation))
}

/// From the cache only at the first try: a stale guard must not be read again.
pub(super) async fn load_performance(
    ports: &Ports,
    id: PerformanceId,
    tries: &Tries,
) -> Result<Arc<Performance>, Failure> {
    let found = if tries.is_first() {
        ports.layouts.performance(id).await?
    } else {
        ports.layouts.fresh_performance(id).await?
    };
    found.ok_or_else(|| missing("performance", id))
}

/// What must be there is not: the store lost it.
pub(crate) fn missing(what: &'static str, id: impl std::fmt::Display) -> Failure {
    PortError::new("store", "read", Fault::Permanent).because(format!("no {what} {id}")).into()
}
