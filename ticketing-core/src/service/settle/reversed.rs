//! The bank took a deposit back.

use super::honour::refused;
use super::{After, Also, Case, Decision};
use crate::change_set::ChangeSet;
use crate::ledger::{JournalEntry, PaidSeats};
use crate::money::Money;
use crate::page::{Limit, PageRequest};
use crate::payment::{Honoured, PaymentState};
use crate::refund::{Refund, RefundFor, RefundState};
use crate::reservation::EndCause;
use crate::seat::{ClaimOwner, Seats};
use crate::service::support::Failure;
use crate::ticket::{Ticket, TicketState};

impl Case<'_> {
    /// Unused tickets become void and their seats free; what was used or refunded before is lost,
    /// and a refund that was not sent yet is stopped.
    pub(super) async fn reversed(mut self) -> Result<Option<Decision>, Failure> {
        let PaymentState::Succeeded { honoured } = *self.payment.state() else {
            return Ok(None);
        };
        let tickets = self.ports.tickets.of_reservation(self.reservation.id()).await?;
        let refunds = self.refunds().await?;
        self.payment.reverse(self.now).map_err(refused)?;
        let mut changes = self.changes();
        let unused: Vec<Ticket> = tickets
            .into_iter()
            .filter(|ticket| *ticket.state() == TicketState::Issued)
            .filter(|_| honoured != Honoured::No)
            .collect();
        let mut also = Vec::new();
        let mut back = self.payment.external().currency().zero();
        let mut after = After::Nothing;
        if let Ok(seats) = Seats::new(unused.iter().map(Ticket::seat)) {
            (changes, back) = self.free(changes, &seats)?;
            let cause = EndCause::Reversal(self.payment.id());
            for mut ticket in unused {
                ticket.void(cause, false, self.now).map_err(refused)?;
                also.push(Also::Ticket(ticket));
            }
            after = After::FreeSeats(seats);
        }
        let lost = self.payment.external().sub(back)?;
        if !lost.is_zero() {
            let entry = JournalEntry::deposit_lost(self.booking(), self.payment.id(), lost)?;
            changes = changes.post(entry);
        }
        // Of money that bought nothing, one deposit is taken back: another of the same amount is still owed.
        let stopped_max = if honoured == Honoured::No { 1 } else { usize::MAX };
        let stopped = refunds.into_iter().filter(|refund| self.may_stop(refund, honoured));
        for mut refund in stopped.take(stopped_max) {
            refund.stop(self.now).map_err(refused)?;
            let (booking, amount) = (self.booking(), refund.external());
            changes = changes.post(JournalEntry::refund_stopped(booking, refund.id(), amount)?);
            also.push(Also::Refund(refund));
        }
        Ok(Some(self.decided(changes, also, after)))
    }

    /// Frees seats whose tickets were not used; says how much of the deposit had paid for them.
    fn free(
        &mut self,
        mut changes: ChangeSet,
        seats: &Seats,
    ) -> Result<(ChangeSet, Money), Failure> {
        let cause = EndCause::Reversal(self.payment.id());
        self.reservation.give_up(seats, cause, self.now).map_err(refused)?;
        let reservation = &self.reservation;
        let count = u16::try_from(seats.len()).unwrap_or(u16::MAX);
        changes = changes
            .release(
                reservation.performance(),
                seats.clone(),
                ClaimOwner::Reservation(reservation.id()),
            )
            .give_back(reservation.user(), reservation.show(), count, reservation.id());
        let lines = self.payment.shares_of(seats);
        let paid = PaidSeats {
            payment: self.payment.id(),
            seller: self.performance.seller(),
            rate: self.performance.commission(),
            lines: &lines,
        };
        let user = self.payment.user();
        if let Some(entry) = JournalEntry::deposit_reversed(self.booking(), &paid, user)? {
            changes = changes.post(entry);
        }
        let currency = self.payment.external().currency();
        let back = Money::sum(currency, lines.iter().map(crate::allocation::SeatShare::external))?;
        Ok((changes, back))
    }

    /// Whether a refund was not sent yet and is of this very deposit: money that came unexpected is
    /// another.
    fn may_stop(&self, refund: &Refund, honoured: Honoured) -> bool {
        let of_deposit = match refund.what() {
            RefundFor::Seats(_) => true,
            RefundFor::NotHonoured => {
                honoured == Honoured::No && refund.external() == self.payment.external()
            }
        };
        of_deposit
            && match refund.state() {
                RefundState::Requested
                | RefundState::NeedsAccount { .. }
                | RefundState::Failed { .. } => true,
                RefundState::Processing { .. }
                | RefundState::Unknown { .. }
                | RefundState::Succeeded { .. }
                | RefundState::Stopped => false,
            }
    }

    /// The refunds of the payment: at most one per seat and one per amount that came unexpected.
    async fn refunds(&self) -> Result<Vec<Refund>, Failure> {
        let page = PageRequest::first(Limit::new(Limit::MAX).expect("the largest limit"));
        Ok(self.ports.refunds.of_payment(self.payment.id(), page).await?.items)
    }
}
