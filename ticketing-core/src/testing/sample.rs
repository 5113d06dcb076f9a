//! Sample data that the suites commit. Every id is new, so that many runs share one store.

use chrono::{DateTime, TimeDelta, Utc};

use super::Harness;
use crate::change_set::{ChangeSet, Fingerprint, MessageKey, ReceiptKey, Response};
use crate::id::{ChangeSetId, EntryId, HoldToken, PerformanceId, ReservationId, ShowId, UserId};
use crate::label::Label;
use crate::ledger::{Account, AccountKey, Booking, EntrySubject, JournalEntry};
use crate::money::{Currency, Money};
use crate::policy::Deadlines;
use crate::reservation::{NewReservation, Reservation, SeatLine};
use crate::seat::{ClaimOwner, SeatNo, Seats};

/// A buyer at a performance.
#[derive(Clone, Debug)]
pub struct Sale {
    /// The performance, starting 30 days from now.
    pub performance: PerformanceId,
    /// Its show.
    pub show: ShowId,
    /// The buyer.
    pub user: UserId,
    /// When the performance starts.
    pub starts_at: DateTime<Utc>,
}

impl Sale {
    /// A new buyer at a new performance of a new show.
    pub fn new(h: &Harness) -> Self {
        Self {
            performance: PerformanceId::generate(h.ids()),
            show: ShowId::generate(h.ids()),
            user: UserId::generate(h.ids()),
            starts_at: h.now() + TimeDelta::days(30),
        }
    }

    /// A new buyer at the same performance.
    #[must_use]
    pub fn another_buyer(&self, h: &Harness) -> Self {
        Self { user: UserId::generate(h.ids()), ..self.clone() }
    }

    /// A reservation of seats at 50,000 won each, made now and not committed.
    pub fn reservation(&self, h: &Harness, seats: &Seats) -> Reservation {
        self.reservation_made(h, seats, h.now())
    }

    /// A reservation as if made at `at`: due ten minutes later.
    ///
    /// # Panics
    /// Never: the prices add up.
    pub fn reservation_made(&self, h: &Harness, seats: &Seats, at: DateTime<Utc>) -> Reservation {
        let price = won(50_000);
        let grade: Label<16> = Label::new("R").expect("a short grade");
        let new = NewReservation {
            id: ReservationId::generate(h.ids()),
            performance: self.performance,
            show: self.show,
            starts_at: self.starts_at,
            user: self.user,
            lines: seats
                .iter()
                .map(|seat| SeatLine { seat, grade: grade.clone(), price })
                .collect(),
            hold: HoldToken::generate(h.ids()),
        };
        Reservation::make(new, &Deadlines::default(), at).expect("prices that add up")
    }

    /// All that a reserve writes: the reservation, its claims and its places out of `limit`.
    ///
    /// # Panics
    /// Never: a reservation has at most [`Seats::MAX`] seats.
    pub fn reserve(&self, h: &Harness, reservation: &Reservation, limit: u16) -> ChangeSet {
        let (id, seats) = (reservation.id(), reservation.seats());
        let places = u16::try_from(seats.len()).expect("at most 1,000 seats");
        changes(h)
            .save(reservation.clone())
            .claim(self.performance, seats, ClaimOwner::Reservation(id))
            .allow(self.user, self.show, places, limit, id)
    }
}

/// An empty change set, decided now.
pub fn changes(h: &Harness) -> ChangeSet {
    ChangeSet::new(ChangeSetId::generate(h.ids()), h.now())
}

/// Seats by their numbers.
///
/// # Panics
/// If there is none, or one twice.
pub fn seats(numbers: impl IntoIterator<Item = u32>) -> Seats {
    Seats::new(numbers.into_iter().map(SeatNo)).expect("different seats")
}

/// A new owner of claims.
pub fn owner(h: &Harness) -> ClaimOwner {
    ClaimOwner::Reservation(ReservationId::generate(h.ids()))
}

/// A message of a new id.
///
/// # Panics
/// Never: the texts are short.
pub fn message(h: &Harness) -> MessageKey {
    MessageKey {
        consumer: Label::new("conformance").expect("a short name"),
        id: Label::new(&h.ids().next_id().to_string()).expect("a uuid is short"),
    }
}

/// A call of a new caller under a new key.
///
/// # Panics
/// Never: the texts are short.
pub fn receipt_key(h: &Harness) -> ReceiptKey {
    ReceiptKey {
        caller: UserId::generate(h.ids()),
        operation: Label::new("reserve").expect("a short name"),
        key: Label::new(&h.ids().next_id().to_string()).expect("a uuid is short"),
    }
}

/// The fingerprint of a request.
pub fn fingerprint(request: &str) -> Fingerprint {
    Fingerprint::of(request)
}

/// An answer.
///
/// # Panics
/// If it is longer than a store keeps.
pub fn answer(text: &str) -> Response {
    Response::of(text).expect("a short answer")
}

/// A buyer's wallet in won.
pub const fn wallet(user: UserId) -> AccountKey {
    AccountKey { account: Account::Wallet(user), currency: Currency::KRW }
}

/// So many won.
///
/// # Panics
/// Below zero, or beyond what money can be.
pub fn won(amount: i64) -> Money {
    Money::from_minor(amount, Currency::KRW).expect("an amount in range")
}

fn booking(h: &Harness) -> Booking {
    Booking { id: EntryId::generate(h.ids()), at: h.now() }
}

/// `amount` won become points.
///
/// # Panics
/// If that is nothing.
pub fn top_up(h: &Harness, user: UserId, amount: i64) -> JournalEntry {
    JournalEntry::top_up(booking(h), user, won(amount)).expect("an amount above zero")
}

/// `amount` points are set aside for a reservation: pending until an entry resolves it.
///
/// # Panics
/// If that is nothing.
pub fn points_reserved(
    h: &Harness,
    reservation: ReservationId,
    user: UserId,
    amount: i64,
) -> JournalEntry {
    let entry = JournalEntry::points_reserved(booking(h), reservation, user, won(amount));
    entry.expect("an amount above zero")
}

/// What a pending entry set aside goes back.
///
/// # Panics
/// If the entry is not one of [`points_reserved`].
pub fn points_given_back(h: &Harness, pending: &JournalEntry) -> JournalEntry {
    let EntrySubject::Reservation(reservation) = pending.subject() else {
        panic!("expected points set aside for a reservation, got {pending:?}")
    };
    let taken = pending.postings().iter().find_map(|posting| match posting.account {
        Account::Wallet(user) => Some((user, -posting.amount)),
        _ => None,
    });
    let (user, amount) = taken.unwrap_or_else(|| panic!("{pending:?} takes from no wallet"));
    let of = pending.id();
    let entry = JournalEntry::points_given_back(booking(h), of, reservation, user, won(amount));
    entry.expect("an amount above zero")
}
