//! Tickets are paid, or the bank takes a paid deposit back.

use super::{Booking, Draft};
use crate::allocation::SeatShare;
use crate::id::{EntryId, PaymentId, SellerId, UserId};
use crate::ledger::{Account, EntryError, EntryKind, EntrySubject, JournalEntry};
use crate::money::{BasisPoints, Money};

/// Seats of one payment. Every seat comes once.
#[derive(Clone, Copy, Debug)]
pub struct PaidSeats<'a> {
    /// The payment.
    pub payment: PaymentId,
    /// Who sells them.
    pub seller: SellerId,
    /// What part of each price the platform keeps.
    pub rate: BasisPoints,
    /// The seats with what was paid for each, in one currency.
    pub lines: &'a [SeatShare],
}

impl JournalEntry {
    /// Tickets are paid: points held -points, clearing -external, promotion -discount, seller
    /// +(price - fee), platform fee +fee, where the fee is rounded down per seat. Resolves the entry
    /// that `reserved` the points, of the same sum. `None` if all is for free: nothing is booked.
    ///
    /// # Errors
    /// [`EntryError::NotReserved`] for points that no entry reserved,
    /// [`EntryError::NothingToResolve`] for a reserving entry without points,
    /// [`EntryError::NoSeats`], [`EntryError::CurrencyMismatch`].
    pub fn purchase(
        booking: Booking,
        seats: &PaidSeats<'_>,
        reserved: Option<EntryId>,
    ) -> Result<Option<Self>, EntryError> {
        let draft = seats.draft(EntryKind::Purchase)?;
        let draft = seats.sold(draft, Account::PointsHeld);
        let points = seats.lines.iter().any(|share| !share.points().is_zero());
        match (reserved, points) {
            (Some(entry), true) => draft.resolves(entry).book_if_any(booking),
            (None, false) => draft.book_if_any(booking),
            (Some(got), false) => Err(EntryError::NothingToResolve { got }),
            (None, true) => Err(EntryError::NotReserved),
        }
    }

    /// Tickets are paid after the reservation had lapsed: as [`JournalEntry::purchase`], but the
    /// points come from the wallet, to which they were given back. `None` if all is for free.
    ///
    /// # Errors
    /// [`EntryError::NoSeats`], [`EntryError::CurrencyMismatch`].
    pub fn purchase_late(
        booking: Booking,
        seats: &PaidSeats<'_>,
        user: UserId,
    ) -> Result<Option<Self>, EntryError> {
        let draft = seats.draft(EntryKind::PurchaseLate)?;
        seats.sold(draft, Account::Wallet(user)).book_if_any(booking)
    }

    /// The bank takes a deposit back; these seats of it were live and unused: the purchase of each
    /// is undone, with its points in the wallet. `None` if all was for free.
    ///
    /// # Errors
    /// [`EntryError::NoSeats`], [`EntryError::CurrencyMismatch`].
    pub fn deposit_reversed(
        booking: Booking,
        seats: &PaidSeats<'_>,
        user: UserId,
    ) -> Result<Option<Self>, EntryError> {
        let draft = seats.draft(EntryKind::DepositReversed)?;
        seats
            .lines
            .iter()
            .fold(draft, |draft, share| {
                draft
                    .unsold(share, seats.seller, seats.rate)
                    .gives(Account::Wallet(user), share.points())
                    .gives(Account::Clearing, share.external())
            })
            .book_if_any(booking)
    }

    /// The bank takes a deposit back of which `amount` paid for seats that were used or refunded
    /// before: loss -amount, clearing +amount.
    ///
    /// # Errors
    /// [`EntryError::Empty`] for nothing.
    pub fn deposit_lost(
        booking: Booking,
        payment: PaymentId,
        amount: Money,
    ) -> Result<Self, EntryError> {
        Draft::new(EntryKind::DepositLost, EntrySubject::Payment(payment), amount.currency())
            .moves(amount, Account::Loss, Account::Clearing)
            .book(booking)
    }
}

impl PaidSeats<'_> {
    fn draft(&self, kind: EntryKind) -> Result<Draft, EntryError> {
        let first = self.lines.first().ok_or(EntryError::NoSeats)?;
        Ok(Draft::new(kind, EntrySubject::Payment(self.payment), first.currency()))
    }

    fn sold(&self, draft: Draft, points_from: Account) -> Draft {
        self.lines.iter().fold(draft, |draft, share| {
            let fee = share.platform_fee(self.rate);
            draft
                .takes(points_from, share.points())
                .takes(Account::Clearing, share.external())
                .takes(Account::Promotion, share.discount())
                .gives(Account::Seller(self.seller), share.price())
                .moves(fee, Account::Seller(self.seller), Account::PlatformFee)
        })
    }
}

impl Draft {
    /// Takes a seat's sale back from seller, platform and promotion; the buyer's part is open.
    pub(super) fn unsold(self, share: &SeatShare, seller: SellerId, rate: BasisPoints) -> Self {
        self.takes(Account::Seller(seller), share.price())
            .moves(share.platform_fee(rate), Account::PlatformFee, Account::Seller(seller))
            .gives(Account::Promotion, share.discount())
    }
}
