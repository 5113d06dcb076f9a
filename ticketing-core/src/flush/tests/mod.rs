//! A kit of small change sets, and the tests of planner and driver.

mod answers;
mod driver;
mod hope;
mod net;
mod queue;

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::json;
use uuid::Uuid;

use super::{Decision, Planner, ReadMode, Reads, Rows};
use crate::aggregate::{Aggregate, AggregateRef};
use crate::change_set::{ChangeSet, Fingerprint, MessageKey, ReceiptKey, Record, Response};
use crate::id::{ChangeSetId, EntryId, HoldToken, PerformanceId, ReservationId, ShowId, UserId};
use crate::label::Label;
use crate::ledger::{Account, AccountKey, JournalEntry};
use crate::money::{Currency, Money};
use crate::policy::Deadlines;
use crate::reservation::{NewReservation, Reservation, SeatLine};
use crate::seat::{Claim, ClaimOwner, ClaimStatus, SeatNo, Seats};

pub(crate) fn uuid(n: u8) -> Uuid {
    Uuid::from_u128(u128::from(n) + 1)
}

pub(crate) fn performance(n: u8) -> PerformanceId {
    PerformanceId::from_uuid(uuid(n))
}

pub(crate) fn owner(n: u8) -> ReservationId {
    ReservationId::from_uuid(uuid(n))
}

pub(crate) fn user(n: u8) -> UserId {
    UserId::from_uuid(uuid(n))
}

pub(crate) fn show() -> ShowId {
    ShowId::from_uuid(uuid(0))
}

pub(crate) fn entry_id(n: u8) -> EntryId {
    EntryId::from_uuid(uuid(n))
}

pub(crate) fn seats(list: &[u32]) -> Seats {
    Seats::new(list.iter().copied().map(SeatNo)).unwrap()
}

pub(crate) fn now() -> DateTime<Utc> {
    DateTime::UNIX_EPOCH + TimeDelta::days(20_000)
}

pub(crate) fn changes(n: u8) -> ChangeSet {
    ChangeSet::new(ChangeSetId::from_uuid(uuid(n)), now())
}

/// A reservation that was committed `version` times.
pub(crate) fn reservation(n: u8, version: u64) -> Reservation {
    let line = SeatLine {
        seat: SeatNo(1),
        grade: Label::new("R").unwrap(),
        price: Money::from_minor(1_000, Currency::KRW).unwrap(),
    };
    let new = NewReservation {
        id: owner(n),
        performance: performance(0),
        show: show(),
        starts_at: now() + TimeDelta::days(30),
        user: user(n),
        lines: vec![line],
        hold: HoldToken::from_uuid(uuid(n)),
    };
    let mut reservation = Reservation::make(new, &Deadlines::default(), now()).unwrap();
    for _ in 0..version {
        let saved = changes(0).save(reservation);
        let Some(Record::Reservation(record)) = saved.records().next() else { unreachable!() };
        reservation = Reservation::clone(record);
    }
    reservation
}

pub(crate) fn reference(n: u8) -> AggregateRef {
    reservation(n, 0).reference()
}

pub(crate) fn receipt_key(n: u8) -> ReceiptKey {
    let key = Label::new(&format!("key-{n}")).unwrap();
    ReceiptKey { caller: user(0), operation: Label::new("reserve").unwrap(), key }
}

pub(crate) fn fingerprint(n: u8) -> Fingerprint {
    Fingerprint([n; 32])
}

pub(crate) fn response(text: &str) -> Response {
    Response::of(text).unwrap()
}

pub(crate) fn message(n: u8) -> MessageKey {
    let id = Label::new(&format!("message-{n}")).unwrap();
    MessageKey { consumer: Label::new("webhook").unwrap(), id }
}

pub(crate) fn wallet(n: u8) -> AccountKey {
    AccountKey { account: Account::Wallet(user(n)), currency: Currency::KRW }
}

/// Moves `amount` from points held into a wallet, or out of it.
pub(crate) fn entry(n: u8, to: u8, amount: i64, resolves: Option<u8>) -> JournalEntry {
    serde_json::from_value(json!({
        "id": entry_id(n),
        "kind": "points_reserved",
        "subject": { "wallet": user(to) },
        "currency": "KRW",
        "postings": [
            { "account": { "wallet": user(to) }, "amount": amount },
            { "account": "points_held", "amount": -amount },
        ],
        "resolves": resolves.map(entry_id),
        "at": now(),
    }))
    .unwrap()
}

pub(crate) fn pending_of(n: u8) -> Claim {
    Claim { owner: ClaimOwner::Reservation(owner(n)), status: ClaimStatus::Pending }
}

pub(crate) fn sold_to(n: u8) -> Claim {
    Claim { owner: ClaimOwner::Reservation(owner(n)), status: ClaimStatus::Sold }
}

pub(crate) fn of(n: u8) -> ClaimOwner {
    ClaimOwner::Reservation(owner(n))
}

fn decide(batch: &[ChangeSet], rows: &Rows) -> Decision {
    Planner::new(4).decide(batch, rows)
}

#[test]
fn optimistic_reads_leave_out_what_the_write_finds_out() {
    let batch = [
        changes(1)
            .save(reservation(1, 0))
            .guard(&reservation(2, 1))
            .claim(performance(1), seats(&[5, 3]), of(1))
            .allow(user(1), show(), 1, 4, owner(1))
            .post(entry(1, 1, -10, Some(9)))
            .post(entry(2, 2, 10, None))
            .caused_by(message(1))
            .begin_receipt(receipt_key(1), fingerprint(1)),
        changes(2)
            .guard(&reservation(1, 1))
            .sell(performance(1), seats(&[7]), owner(1))
            .release(performance(1), seats(&[6]), of(1))
            .vacant(performance(0), seats(&[7]))
            .give_back(user(2), show(), 1, owner(2))
            .fill_receipt(receipt_key(2), fingerprint(1), response("a")),
    ];
    let optimistic = Reads::of(&batch, ReadMode::Optimistic);
    assert_eq!(optimistic.wallets, [wallet(1), wallet(2)], "debited or credited");
    let (one, two) = (performance(0), performance(1));
    assert_eq!(optimistic.claims, [(one, SeatNo(7)), (two, SeatNo(6))]);
    assert_eq!(optimistic.allowances, [(user(2), show())]);
    let first = [(reference(1), super::Lock::Shared)];
    assert_eq!(optimistic.aggregates, first, "of the one that reads seats");
    assert!(optimistic.receipts.is_empty());
    assert!(optimistic.change_sets.is_empty() && optimistic.messages.is_empty());
    assert!(optimistic.entries.is_empty() && optimistic.resolutions.is_empty());

    let credited = |mode| Reads::of(&[changes(1).post(entry(1, 1, 10, None))], mode).wallets;
    assert_eq!(credited(ReadMode::Optimistic), [], "written first, before anything else is locked");
    assert_eq!(credited(ReadMode::Full), [wallet(1)]);

    let full = Reads::of(&batch, ReadMode::Full);
    let locks = [(reference(1), super::Lock::Exclusive), (reference(2), super::Lock::Shared)];
    assert_eq!((&full.aggregates[..], full.wallets), (&locks[..], optimistic.wallets));
    let claims = [(one, 7), (two, 3), (two, 5), (two, 6), (two, 7)];
    assert_eq!(full.claims, claims.map(|(performance, seat)| (performance, SeatNo(seat))));
    assert_eq!(full.allowances, [(user(1), show()), (user(2), show())]);
    assert_eq!(full.receipts, [receipt_key(1), receipt_key(2)]);
    assert_eq!(full.change_sets, [batch[0].id, batch[1].id]);
    assert_eq!(full.messages, [message(1)]);
    assert_eq!(full.entries, [entry_id(1), entry_id(2)]);
    assert_eq!(full.resolutions, [entry_id(9)]);
}
