//! The flows of money: each is one constructor of [`JournalEntry`], and nothing else makes an entry.

#[cfg(test)]
mod properties;
mod purchase;
mod refund;
#[cfg(test)]
mod tests;

use chrono::{DateTime, Utc};

pub use purchase::PaidSeats;
pub use refund::RefundedSeats;

use crate::id::{EntryId, PaymentId, ReservationId, SellerId, UserId};
use crate::ledger::{Account, EntryError, EntryKind, EntrySubject, JournalEntry};
use crate::money::{Currency, Money};

/// Under which id and when an entry is booked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Booking {
    /// The entry's id.
    pub id: EntryId,
    /// When the flow was decided.
    pub at: DateTime<Utc>,
}

impl JournalEntry {
    /// Money becomes points: clearing -amount, wallet +amount.
    ///
    /// # Errors
    /// [`EntryError::Empty`] for nothing.
    pub fn top_up(booking: Booking, user: UserId, amount: Money) -> Result<Self, EntryError> {
        Draft::new(EntryKind::TopUp, EntrySubject::Wallet(user), amount.currency())
            .moves(amount, Account::Clearing, Account::Wallet(user))
            .book(booking)
    }

    /// Points are set aside for a reservation: wallet -amount, points held +amount.
    ///
    /// # Errors
    /// [`EntryError::Empty`] for nothing.
    pub fn points_reserved(
        booking: Booking,
        reservation: ReservationId,
        user: UserId,
        amount: Money,
    ) -> Result<Self, EntryError> {
        let subject = EntrySubject::Reservation(reservation);
        Draft::new(EntryKind::PointsReserved, subject, amount.currency())
            .moves(amount, Account::Wallet(user), Account::PointsHeld)
            .book(booking)
    }

    /// Points set aside by the entry `of` go back: points held -amount, wallet +amount. Reservation,
    /// user and amount are those of that entry.
    ///
    /// # Errors
    /// [`EntryError::Empty`] for nothing.
    pub fn points_given_back(
        booking: Booking,
        of: EntryId,
        reservation: ReservationId,
        user: UserId,
        amount: Money,
    ) -> Result<Self, EntryError> {
        let subject = EntrySubject::Reservation(reservation);
        Draft::new(EntryKind::PointsGivenBack, subject, amount.currency())
            .moves(amount, Account::PointsHeld, Account::Wallet(user))
            .resolves(of)
            .book(booking)
    }

    /// Money came in that buys nothing, late or of a wrong amount: clearing -amount, refund payable
    /// +amount.
    ///
    /// # Errors
    /// [`EntryError::Empty`] for nothing.
    pub fn not_honoured(
        booking: Booking,
        payment: PaymentId,
        amount: Money,
    ) -> Result<Self, EntryError> {
        Draft::new(EntryKind::NotHonoured, EntrySubject::Payment(payment), amount.currency())
            .moves(amount, Account::Clearing, Account::RefundPayable)
            .book(booking)
    }

    /// A seller is paid: seller -amount, payout clearing +amount.
    ///
    /// # Errors
    /// [`EntryError::Empty`] for nothing.
    pub fn payout(booking: Booking, seller: SellerId, amount: Money) -> Result<Self, EntryError> {
        Draft::new(EntryKind::Payout, EntrySubject::Seller(seller), amount.currency())
            .moves(amount, Account::Seller(seller), Account::PayoutClearing)
            .book(booking)
    }
}

/// An entry that is being put together. Keeps the first flaw until it is booked.
struct Draft {
    kind: EntryKind,
    subject: EntrySubject,
    currency: Currency,
    postings: Vec<(Account, i128)>,
    resolves: Option<EntryId>,
    flaw: Option<EntryError>,
}

impl Draft {
    const fn new(kind: EntryKind, subject: EntrySubject, currency: Currency) -> Self {
        Self { kind, subject, currency, postings: Vec::new(), resolves: None, flaw: None }
    }

    fn takes(mut self, account: Account, amount: Money) -> Self {
        self.push(account, amount, -1);
        self
    }

    fn gives(mut self, account: Account, amount: Money) -> Self {
        self.push(account, amount, 1);
        self
    }

    fn moves(self, amount: Money, from: Account, to: Account) -> Self {
        self.takes(from, amount).gives(to, amount)
    }

    const fn resolves(mut self, entry: EntryId) -> Self {
        self.resolves = Some(entry);
        self
    }

    fn book(self, booking: Booking) -> Result<JournalEntry, EntryError> {
        let Self { kind, subject, currency, postings, resolves, flaw } = self;
        match flaw {
            Some(flaw) => Err(flaw),
            None => JournalEntry::balanced(
                booking.id, kind, subject, currency, postings, resolves, booking.at,
            ),
        }
    }

    /// The same, where a flow over seats may add up to no posting at all.
    fn book_if_any(self, booking: Booking) -> Result<Option<JournalEntry>, EntryError> {
        match self.book(booking) {
            Ok(entry) => Ok(Some(entry)),
            Err(EntryError::Empty) => Ok(None),
            Err(error) => Err(error),
        }
    }

    fn push(&mut self, account: Account, amount: Money, sign: i128) {
        if amount.currency() != self.currency {
            let (expected, got) = (self.currency, amount.currency());
            self.flaw.get_or_insert(EntryError::CurrencyMismatch { expected, got });
        }
        self.postings.push((account, sign * i128::from(amount.minor())));
    }
}
