//! Money goes back to buyers.

use super::{Booking, Draft};
use crate::fee::RefundLine;
use crate::id::{RefundId, SellerId, UserId};
use crate::ledger::{Account, EntryError, EntryKind, EntrySubject, JournalEntry};
use crate::money::{BasisPoints, Money};

/// Seats of one refund. Every seat comes once.
#[derive(Clone, Copy, Debug)]
pub struct RefundedSeats<'a> {
    /// The refund.
    pub refund: RefundId,
    /// Who sold them.
    pub seller: SellerId,
    /// Who gets points back.
    pub user: UserId,
    /// What part of each price, and of each cancel fee, the platform keeps: that of the purchase.
    pub rate: BasisPoints,
    /// The seats with what goes back for each, in one currency.
    pub lines: &'a [RefundLine],
}

impl JournalEntry {
    /// A refund is accepted: for each seat the sale is undone, points go to the wallet, what goes
    /// back through the gateway to refund payable, and the cancel fee to the seller, less the
    /// platform's part of it. `None` if nothing moves, as with a fee of all that was paid.
    ///
    /// # Errors
    /// [`EntryError::NoSeats`], [`EntryError::CurrencyMismatch`].
    pub fn refund_accepted(
        booking: Booking,
        seats: &RefundedSeats<'_>,
    ) -> Result<Option<Self>, EntryError> {
        let first = seats.lines.first().ok_or(EntryError::NoSeats)?;
        let (kind, subject) = (EntryKind::RefundAccepted, EntrySubject::Refund(seats.refund));
        let seller = Account::Seller(seats.seller);
        seats
            .lines
            .iter()
            .fold(Draft::new(kind, subject, first.fee().currency()), |draft, line| {
                draft
                    .unsold(line.share(), seats.seller, seats.rate)
                    .gives(Account::Wallet(seats.user), line.to_points())
                    .gives(Account::RefundPayable, line.to_external())
                    .gives(seller, line.fee())
                    .moves(line.fee_commission(seats.rate), seller, Account::PlatformFee)
            })
            .book_if_any(booking)
    }

    /// A refund left through the gateway: refund payable -amount, clearing +amount.
    ///
    /// # Errors
    /// [`EntryError::Empty`] for nothing.
    pub fn refund_sent(
        booking: Booking,
        refund: RefundId,
        amount: Money,
    ) -> Result<Self, EntryError> {
        Draft::new(EntryKind::RefundSent, EntrySubject::Refund(refund), amount.currency())
            .moves(amount, Account::RefundPayable, Account::Clearing)
            .book(booking)
    }

    /// A refund that cannot be sent is given as points: refund payable -amount, wallet +amount.
    ///
    /// # Errors
    /// [`EntryError::Empty`] for nothing.
    pub fn refund_as_points(
        booking: Booking,
        refund: RefundId,
        user: UserId,
        amount: Money,
    ) -> Result<Self, EntryError> {
        Draft::new(EntryKind::RefundAsPoints, EntrySubject::Refund(refund), amount.currency())
            .moves(amount, Account::RefundPayable, Account::Wallet(user))
            .book(booking)
    }

    /// A refund not yet sent is stopped, because the bank took its deposit back: refund payable
    /// -amount, loss +amount, against the [`JournalEntry::deposit_lost`] of the same seats.
    ///
    /// # Errors
    /// [`EntryError::Empty`] for nothing.
    pub fn refund_stopped(
        booking: Booking,
        refund: RefundId,
        amount: Money,
    ) -> Result<Self, EntryError> {
        Draft::new(EntryKind::RefundStopped, EntrySubject::Refund(refund), amount.currency())
            .moves(amount, Account::RefundPayable, Account::Loss)
            .book(booking)
    }
}
