//! The bank took a deposit back.

use super::honour::refused;
use super::{After, Also, Case, Decision};
use crate::change_set::ChangeSet;
use crate::error::{Fault, PortError};
use crate::ledger::{JournalEntry, PaidSeats};
use crate::money::Money;
use crate::page::{Limit, PageRequest};
use crate::payment::{Honoured, PaymentState};
use crate::refund::{Refund, RefundFor};
use crate::reservation::EndCause;
use crate::seat::{ClaimOwner, Seats};
use crate::service::support::Failure;
use crate::ticket::{Ticket, TicketState};

/// The most pages of a payment's refunds: 16,000 deposits of another amount.
const REFUND_PAGES_MAX: usize = 16;

impl Case<'_> {
    /// Unused tickets become void and their seats free; what was used or refunded before is lost,
    /// and a refund that was not sent yet is stopped. `left` is what is there now, of other money.
    pub(super) async fn reversed(mut self, left: Money) -> Result<Option<Decision>, Failure> {
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
        let (of_deposit, others) = self.split(refunds, honoured);
        for mut refund in of_deposit {
            let amount = refund.left();
            changes = self.take_back(changes, &mut refund, amount)?;
            also.push(Also::Refund(refund));
        }
        let others_left = self.payment.unexpected();
        if left.minor() < others_left.minor() {
            let stopped;
            (changes, stopped) = self.lose(changes, others_left.sub(left)?, others)?;
            also.extend(stopped.into_iter().map(Also::Refund));
        } else if left.minor() > others_left.minor() {
            let refund;
            (changes, refund) = self.owe_unexpected(changes, left.sub(others_left)?)?;
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

    /// The refunds that are owed from this very deposit, and those of other money. Of money that bought
    /// nothing one deposit is taken back: another of the same amount is still owed.
    fn split(&self, refunds: Vec<Refund>, honoured: Honoured) -> (Vec<Refund>, Vec<Refund>) {
        let mut bought_nothing = usize::from(honoured == Honoured::No);
        refunds.into_iter().filter(|refund| !refund.left().is_zero()).partition(|refund| {
            match refund.what() {
                RefundFor::Seats(_) => true,
                RefundFor::NotHonoured => {
                    let is_it = refund.external() == self.payment.external() && bought_nothing > 0;
                    bought_nothing -= usize::from(is_it);
                    is_it
                }
            }
        })
    }

    /// The refunds of the payment: at most one per seat and one per amount that came unexpected.
    pub(super) async fn refunds(&self) -> Result<Vec<Refund>, Failure> {
        let limit = Limit::new(Limit::MAX).expect("the largest limit");
        let mut refunds = Vec::new();
        let mut page = PageRequest::first(limit);
        for _ in 0..REFUND_PAGES_MAX {
            let found = self.ports.refunds.of_payment(self.payment.id(), page).await?;
            refunds.extend(found.items);
            match found.next {
                Some(next) => page = PageRequest::next(Some(next), limit),
                None => return Ok(refunds),
            }
        }
        let error = PortError::new("settle", "read refunds", Fault::Permanent);
        Err(error.because("more refunds of one payment than deposits of a lifetime").into())
    }
}
