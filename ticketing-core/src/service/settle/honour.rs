//! Money came in: it buys the tickets, or it goes back.

use super::{After, Also, Case, Decision, PERFORMANCE_MAX, free_all, post_if_any};
use crate::change_set::ChangeSet;
use crate::id::{RefundId, TicketId};
use crate::ledger::{JournalEntry, PaidSeats};
use crate::money::Money;
use crate::payment::{FailReason, Honoured, PaymentState, PendingReceipt};
use crate::policy::LatePayment;
use crate::refund::{NewRefund, Refund, RefundFor};
use crate::reservation::{CancelReason, ReservationState};
use crate::seat::ClaimOwner;
use crate::service::support::Failure;
use crate::ticket::Ticket;

impl Case<'_> {
    /// Points pay it all: no gateway was asked. Nothing happens where nothing can be bought.
    pub(super) fn points_alone(
        mut self,
        receipt: Option<&PendingReceipt>,
        refused: bool,
    ) -> Result<Option<Decision>, Failure> {
        let payable = *self.payment.state() == PaymentState::Created
            && self.payment.external().is_zero()
            && self.buys(refused) == Honoured::InTime;
        if !payable {
            return Ok(None);
        }
        if let Some(receipt) = receipt {
            self.payment.await_receipt(receipt.clone());
        }
        self.buy(Honoured::InTime).map(Some)
    }

    /// `amount` is all that the gateway captured and the bank left there. What is new of it is either
    /// exactly what was expected, or it is nobody's and goes back.
    pub(super) async fn captured(
        self,
        amount: Money,
        refused: bool,
    ) -> Result<Option<Decision>, Failure> {
        let Ok(new) = amount.sub(self.payment.received()) else {
            let lost = self.payment.received().sub(amount)?;
            return self.taken_back(lost).await;
        };
        if new.is_zero() {
            return Ok(None);
        }
        let may_succeed = match self.payment.state() {
            PaymentState::Created | PaymentState::Succeeded { .. } => false,
            PaymentState::Processing { .. }
            | PaymentState::Unknown { .. }
            | PaymentState::AwaitingDeposit { .. }
            | PaymentState::Failed { .. }
            | PaymentState::Expired
            | PaymentState::Cancelled
            | PaymentState::Reversed => true,
        };
        if !may_succeed || new != self.payment.external() {
            return self.unexpected(new).map(Some);
        }
        match self.buys(refused) {
            Honoured::No => self.not_honoured(new).map(Some),
            honoured @ (Honoured::InTime | Honoured::Late) => self.buy(honoured).map(Some),
        }
    }

    /// Lateness is the reservation's state, not a compared time.
    fn buys(&self, refused: bool) -> Honoured {
        if refused || self.performance.is_cancelled() {
            return Honoured::No;
        }
        let policy = self.performance.policy();
        match self.reservation.state() {
            ReservationState::Pending if self.reservation.payment() == Some(self.payment.id()) => {
                Honoured::InTime
            }
            ReservationState::Expired
                if policy.late_payment == LatePayment::TakeIfFree
                    && self.now < self.performance.starts_at() =>
            {
                Honoured::Late
            }
            ReservationState::Pending
            | ReservationState::Confirmed { .. }
            | ReservationState::Cancelled { .. }
            | ReservationState::Expired
            | ReservationState::Refunded { .. } => Honoured::No,
        }
    }

    /// One commit: payment, reservation, claims, tickets, journal.
    fn buy(mut self, honoured: Honoured) -> Result<Decision, Failure> {
        let late = honoured == Honoured::Late;
        let (id, now) = (self.payment.id(), self.now);
        self.payment.succeed(honoured, now).map_err(refused)?;
        let confirmed = if late {
            self.reservation.confirm_late(id, now)
        } else {
            self.reservation.confirm(id, now)
        };
        confirmed.map_err(refused)?;
        let reservation = &self.reservation;
        let (performance, seats) = (reservation.performance(), reservation.seats());
        let mut changes = self.changes().guard(&*self.performance);
        if late {
            let limit = self.performance.policy().tickets_per_user;
            let owner = ClaimOwner::Reservation(reservation.id());
            changes = changes.claim(performance, seats.clone(), owner).allow(
                reservation.user(),
                reservation.show(),
                reservation.seat_count(),
                limit,
                reservation.id(),
            );
        }
        changes = changes.sell(performance, seats.clone(), reservation.id());
        changes = post_if_any(changes, self.purchase(late)?);
        let issue = |seat| {
            let id = TicketId::generate(&*self.ports.ids);
            Also::Ticket(Ticket::issue(id, reservation, seat, now))
        };
        let tickets = seats.iter().map(issue).collect();
        let until = self.performance.starts_at() + PERFORMANCE_MAX;
        Ok(self.decided(changes, tickets, After::KeepSeats { seats, until }))
    }

    fn purchase(&self, late: bool) -> Result<Option<JournalEntry>, Failure> {
        let seats = PaidSeats {
            payment: self.payment.id(),
            seller: self.performance.seller(),
            rate: self.performance.commission(),
            lines: self.payment.shares(),
        };
        Ok(if late && self.payment.points_are_back() {
            JournalEntry::purchase_late(self.booking(), &seats, self.payment.user())?
        } else {
            JournalEntry::purchase(self.booking(), &seats, self.payment.points_entry())?
        })
    }

    /// The expected amount, but nothing to buy with it any more.
    fn not_honoured(mut self, amount: Money) -> Result<Decision, Failure> {
        self.payment.succeed(Honoured::No, self.now).map_err(refused)?;
        let (changes, refund) = self.owe_back(self.changes(), amount)?;
        let points = self.points_back()?;
        let mut changes = post_if_any(changes, points);
        let mut after = After::Nothing;
        // Another payment may be under way: then the sweeper ends both together.
        let is_its_own = self.reservation.payment().is_none_or(|id| id == self.payment.id());
        if self.reservation.is_pending() && self.performance.is_cancelled() && is_its_own {
            let reason = CancelReason::PerformanceCancelled;
            self.reservation.cancel(reason, false, self.now).map_err(refused)?;
            changes = free_all(changes, &self.reservation);
            after = After::FreeSeats(self.reservation.seats());
        } else {
            self.reservation.end_payment(self.payment.id());
        }
        Ok(self.decided(changes, vec![Also::Refund(refund)], after))
    }

    /// Money of another amount than expected: never a sale. A payment that was being confirmed has
    /// failed by it; one that awaits a deposit still does.
    fn unexpected(mut self, amount: Money) -> Result<Decision, Failure> {
        let (mut changes, refund) = self.owe_unexpected(self.changes(), amount)?;
        if self.payment.is_unsettled() {
            self.payment.fail(FailReason::WrongAmount, self.now).map_err(refused)?;
            self.reservation.end_payment(self.payment.id());
            let points = self.points_back()?;
            changes = post_if_any(changes, points);
        }
        Ok(self.decided(changes, vec![Also::Refund(refund)], After::Nothing))
    }

    /// Books money that came unexpected, and owes it back.
    pub(super) fn owe_unexpected(
        &mut self,
        changes: ChangeSet,
        amount: Money,
    ) -> Result<(ChangeSet, Refund), Failure> {
        self.payment.book_unexpected(amount, self.now).map_err(refused)?;
        self.owe_back(changes, amount)
    }

    fn owe_back(
        &mut self,
        changes: ChangeSet,
        amount: Money,
    ) -> Result<(ChangeSet, Refund), Failure> {
        self.payment.take_for_refund(amount).map_err(refused)?;
        let entry = JournalEntry::not_honoured(self.booking(), self.payment.id(), amount)?;
        let refund = Refund::request(
            NewRefund {
                id: RefundId::generate(&*self.ports.ids),
                payment: &self.payment,
                what: RefundFor::NotHonoured,
                external: amount,
                points: amount.currency().zero(),
                account_wait: self.performance.policy().deadlines.refund_account_wait,
            },
            self.now,
        );
        Ok((changes.post(entry), refund))
    }
}

/// A refusal that the checks before it rule out.
pub(in crate::service) fn refused(
    refusal: impl std::error::Error + Send + Sync + 'static,
) -> Failure {
    crate::error::PortError::new("settle", "decide", crate::error::Fault::Permanent)
        .because(refusal)
        .into()
}
