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

    /// Whether it tells an event of its own, the only one of its id; all other entries come with the events
    /// of an aggregate.
    pub fn tells_event(&self) -> bool {
        self.event().is_some()
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

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    const USER: UserId = UserId::from_uuid(Uuid::from_u128(1));
    const ENTRY: EntryId = EntryId::from_uuid(Uuid::from_u128(2));

    fn entry(postings: &[(Account, i128)]) -> Result<JournalEntry, EntryError> {
        let subject = EntrySubject::Wallet(USER);
        let postings = postings.iter().copied();
        let at = DateTime::UNIX_EPOCH;
        JournalEntry::balanced(ENTRY, EntryKind::TopUp, subject, Currency::KRW, postings, None, at)
    }

    fn top_up() -> JournalEntry {
        entry(&[(Account::Clearing, -500), (Account::Wallet(USER), 500)]).unwrap()
    }

    #[test]
    fn postings_of_one_account_become_one_and_those_of_zero_none() {
        let entry = entry(&[
            (Account::Clearing, -7),
            (Account::Loss, 3),
            (Account::Wallet(USER), 10),
            (Account::Clearing, -3),
            (Account::Loss, -3),
            (Account::Promotion, 0),
        ])
        .unwrap();
        let key = |account| AccountKey { account, currency: Currency::KRW };
        let lines: Vec<_> = entry.lines().collect();
        assert_eq!(lines, [(key(Account::Clearing), -10), (key(Account::Wallet(USER)), 10)]);
    }

    #[test]
    fn what_does_not_sum_to_zero_is_refused() {
        let error = entry(&[(Account::Clearing, -500), (Account::Wallet(USER), 499)]).unwrap_err();
        assert_eq!(error, EntryError::Unbalanced { got: -1 });
        assert_eq!(error.to_string(), "expected postings that sum to zero, got -1 minor units");
        assert_eq!(entry(&[(Account::Loss, 1)]), Err(EntryError::Unbalanced { got: 1 }));
    }

    #[test]
    fn nothing_to_book_is_refused() {
        assert_eq!(entry(&[]), Err(EntryError::Empty));
        assert_eq!(entry(&[(Account::Loss, 2), (Account::Loss, -2)]), Err(EntryError::Empty));
    }

    #[test]
    fn the_largest_posting_is_booked_and_one_more_is_refused_with_its_amount() {
        let most = 1_000 * i128::from(Money::MAX_MINOR);
        entry(&[(Account::Clearing, -most), (Account::Loss, most)]).unwrap();
        let over = entry(&[(Account::Clearing, -most - 1), (Account::Loss, most + 1)]);
        assert_eq!(over, Err(EntryError::OutOfRange { got: -most - 1 }));
        let beyond_i64 = i128::from(i64::MAX) + 1;
        let over = entry(&[(Account::Clearing, beyond_i64), (Account::Loss, -beyond_i64)]);
        assert_eq!(over, Err(EntryError::OutOfRange { got: beyond_i64 }));
    }

    #[test]
    fn json_round_trips_and_an_unbalanced_one_is_refused() {
        let json = serde_json::to_string(&top_up()).unwrap();
        assert_eq!(serde_json::from_str::<JournalEntry>(&json).unwrap(), top_up());
        let wrong = json.replace(r#""amount":500"#, r#""amount":501"#);
        assert_ne!(wrong, json);
        let error = serde_json::from_str::<JournalEntry>(&wrong).unwrap_err();
        assert_eq!(error.to_string(), "expected postings that sum to zero, got 1 minor units");
    }

    #[test]
    fn a_top_up_alone_tells_an_event() {
        let (reference, stream, body) = top_up().event().unwrap();
        assert_eq!((reference.kind, reference.id), (AggregateKind::Entry, ENTRY.as_uuid()));
        assert_eq!(stream, StreamKey(USER.as_uuid()));
        let amount = Money::from_minor(500, Currency::KRW).unwrap();
        assert_eq!(body, WalletEvent::ToppedUp { entry: ENTRY, user: USER, amount }.into());
        let reserved = JournalEntry { kind: EntryKind::PointsReserved, ..top_up() };
        assert!(reserved.event().is_none());
        assert!(top_up().tells_event() && !reserved.tells_event());
    }
}
