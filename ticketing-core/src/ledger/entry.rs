//! Journal entries: postings that sum to zero.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::aggregate::{AggregateKind, AggregateRef, StreamKey};
use crate::event::{EventBody, events};
use crate::id::{EntryId, PaymentId, RefundId, ReservationId, SellerId, UserId};
use crate::ledger::{Account, AccountKey};
use crate::money::{Currency, Money};

/// One line of an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Posting {
    /// Where it is booked.
    pub account: Account,
    /// Minor units, signed: more than zero is owed to the account's owner.
    pub amount: i64,
}

/// Which flow of money an entry books.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum EntryKind {
    /// Money became points.
    TopUp,
    /// Points were set aside; resolved by a purchase or by giving them back.
    PointsReserved,
    /// Points set aside went back to their wallet.
    PointsGivenBack,
    /// Tickets were paid.
    Purchase,
    /// Tickets were paid after the reservation had lapsed.
    PurchaseLate,
    /// Money came in that buys nothing.
    NotHonoured,
    /// A refund of seats was accepted.
    RefundAccepted,
    /// A refund left through the gateway.
    RefundSent,
    /// A refund that could not be sent became points.
    RefundAsPoints,
    /// The bank took a deposit back.
    DepositReversed,
    /// The bank took a deposit back that was already used or refunded.
    DepositLost,
    /// A refund was stopped before it was sent, because the bank took the deposit back.
    RefundStopped,
    /// A seller was paid.
    Payout,
}

/// What an entry is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum EntrySubject {
    /// A buyer's wallet.
    Wallet(UserId),
    /// A reservation whose checkout moves points.
    Reservation(ReservationId),
    /// A payment.
    Payment(PaymentId),
    /// A refund.
    Refund(RefundId),
    /// A seller's payout.
    Seller(SellerId),
}

/// Why an entry was refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum EntryError {
    /// The postings do not sum to zero.
    #[error("expected postings that sum to zero, got {got} minor units")]
    Unbalanced {
        /// Their sum.
        got: i128,
    },
    /// No posting has an amount.
    #[error("expected at least two postings, got none with an amount")]
    Empty,
    /// A posting is beyond [`Money::MAX_MINOR`] times 1,000.
    #[error("a posting of {got} minor units is out of range")]
    OutOfRange {
        /// Its amount.
        got: i128,
    },
    /// Two currencies in one entry.
    #[error("expected postings in {expected}, got {got}")]
    CurrencyMismatch {
        /// The currency of the first amount.
        expected: Currency,
        /// The other currency.
        got: Currency,
    },
    /// A flow over seats without any.
    #[error("expected at least one seat, got none")]
    NoSeats,
    /// Points are spent that no entry reserved.
    #[error("expected the entry that reserved the points, got none")]
    NotReserved,
    /// An entry reserved points, but none are spent.
    #[error("expected no entry that reserved points, got {got}")]
    NothingToResolve {
        /// The entry.
        got: EntryId,
    },
}

/// Postings that sum to zero in one currency. Never edited: what is wrong is booked back by another.
///
/// Only the constructors of the flows make one, and they and deserialisation check the sum.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "RawEntry")]
pub struct JournalEntry {
    id: EntryId,
    kind: EntryKind,
    subject: EntrySubject,
    currency: Currency,
    postings: Box<[Posting]>,
    resolves: Option<EntryId>,
    at: DateTime<Utc>,
}

#[derive(Deserialize)]
struct RawEntry {
    id: EntryId,
    kind: EntryKind,
    subject: EntrySubject,
    currency: Currency,
    postings: Vec<Posting>,
    resolves: Option<EntryId>,
    at: DateTime<Utc>,
}

impl TryFrom<RawEntry> for JournalEntry {
    type Error = EntryError;

    fn try_from(raw: RawEntry) -> Result<Self, EntryError> {
        let RawEntry { id, kind, subject, currency, postings, resolves, at } = raw;
        let postings = postings.iter().map(|posting| (posting.account, i128::from(posting.amount)));
        Self::balanced(id, kind, subject, currency, postings, resolves, at)
    }
}

impl JournalEntry {
    const POSTING_MAX: i128 = Money::MAX_MINOR as i128 * 1_000;

    /// Sums the postings per account, drops those of zero, and refuses what does not sum to zero.
    pub(super) fn balanced(
        id: EntryId,
        kind: EntryKind,
        subject: EntrySubject,
        currency: Currency,
        postings: impl IntoIterator<Item = (Account, i128)>,
        resolves: Option<EntryId>,
        at: DateTime<Utc>,
    ) -> Result<Self, EntryError> {
        let mut merged: Vec<(Account, i128)> = Vec::with_capacity(4);
        for (account, amount) in postings {
            match merged.iter_mut().find(|(known, _)| *known == account) {
                Some((_, sum)) => *sum += amount,
                None => merged.push((account, amount)),
            }
        }
        merged.retain(|(_, amount)| *amount != 0);
        let sum: i128 = merged.iter().map(|(_, amount)| amount).sum();
        if sum != 0 {
            return Err(EntryError::Unbalanced { got: sum });
        }
        if merged.is_empty() {
            return Err(EntryError::Empty);
        }
        let postings = merged
            .into_iter()
            .map(|(account, amount)| {
                let in_range = amount.abs() <= Self::POSTING_MAX;
                let minor = i64::try_from(amount).ok().filter(|_| in_range);
                minor
                    .map(|amount| Posting { account, amount })
                    .ok_or(EntryError::OutOfRange { got: amount })
            })
            .collect::<Result<Box<[Posting]>, EntryError>>()?;
        Ok(Self { id, kind, subject, currency, postings, resolves, at })
    }

    /// Its id.
    pub const fn id(&self) -> EntryId {
        self.id
    }

    /// The flow it books.
    pub const fn kind(&self) -> EntryKind {
        self.kind
    }

    /// What it is about.
    pub const fn subject(&self) -> EntrySubject {
        self.subject
    }

    /// The currency of all its postings.
    pub const fn currency(&self) -> Currency {
        self.currency
    }

    /// Its lines: at least two, none of zero, at most one per account.
    pub fn postings(&self) -> &[Posting] {
        &self.postings
    }

    /// Its lines with their full account keys.
    pub fn lines(&self) -> impl ExactSizeIterator<Item = (AccountKey, i64)> + '_ {
        self.postings.iter().map(|posting| {
            (AccountKey { account: posting.account, currency: self.currency }, posting.amount)
        })
    }

    /// The pending entry that this one ends; each is ended once.
    pub const fn resolves(&self) -> Option<EntryId> {
        self.resolves
    }

    /// When it was booked.
    pub const fn at(&self) -> DateTime<Utc> {
        self.at
    }

    /// The event that this entry alone tells: only a top-up has no aggregate that tells it.
    pub(crate) fn event(&self) -> Option<(AggregateRef, StreamKey, EventBody)> {
        let (EntryKind::TopUp, EntrySubject::Wallet(user)) = (self.kind, self.subject) else {
            return None;
        };
        let minor =
            self.postings.iter().find(|posting| posting.account == Account::Wallet(user))?;
        let amount = Money::from_minor(minor.amount, self.currency).ok()?;
        let reference = AggregateRef { kind: AggregateKind::Entry, id: self.id.as_uuid() };
        let event = WalletEvent::ToppedUp { entry: self.id, user, amount };
        Some((reference, StreamKey(user.as_uuid()), event.into()))
    }
}

events! {
    /// What happened to a wallet outside of any purchase.
    WalletEvent {
        /// Money became points.
        ToppedUp = "wallet.topped_up" {
            /// The entry that booked it.
            entry: EntryId,
            /// Whose wallet.
            user: UserId,
            /// How much.
            amount: Money,
        },
    }
}
