use std::collections::BTreeSet;
use std::time::Duration;

use chrono::TimeDelta;

use super::*;
use crate::aggregate::Aggregate;
use crate::change_set::{Fingerprint, MessageKey, ReceiptKey, ReceiptState, Response};
use crate::checkout::Reply;
use crate::error::{Fault, PortError};
use crate::id::EntryId;
use crate::label::Label;
use crate::ledger::{Booking, JournalEntry};
use crate::page::{Cursor, Limit, Page, PageRequest};
use crate::port::{
    CommitError, Committed, Entered, Found, GatewayError, HoldOutcome, Joined, OutboxError,
    OutboxRow, Standing,
};
use crate::seat::{ClaimBits, ClaimOwner, ClaimStatus, SeatBits, SeatNo};

/// Every two of the values have different bytes.
#[track_caller]
fn assert_all_differ<T: Canon>(values: &[T]) {
    let different: BTreeSet<Vec<u8>> = values.iter().map(bytes).collect();
    let texts: Vec<String> = values.iter().map(text).collect();
    assert_eq!(different.len(), values.len(), "two of these have the same bytes: {texts:#?}");
}

fn message(id: &str) -> MessageKey {
    MessageKey { consumer: "gateway".parse().unwrap(), id: id.parse().unwrap() }
}

fn receipt_key(key: &str) -> ReceiptKey {
    ReceiptKey { caller: user(1), operation: "reserve".parse().unwrap(), key: key.parse().unwrap() }
}

#[test]
fn nothing_is_taken_for_something() {
    assert_all_differ(&[None, Some(0_u64), Some(1)]);
    assert_all_differ(&[Ok(0_u8), Ok(1), Err(0_u8), Err(1)]);
    assert_all_differ(&[None, Some(None), Some(Some(()))]);
    assert_all_differ(&[(None, Some(1_u8)), (Some(1), None)]);
}

#[test]
fn lists_end_where_they_end() {
    assert_all_differ(&[(vec![1_u8, 2], vec![3]), (vec![1], vec![2, 3]), (vec![], vec![1, 2, 3])]);
    let pair =
        |a: &str, b: &str| -> (Label<9>, Label<9>) { (a.parse().unwrap(), b.parse().unwrap()) };
    assert_all_differ(&[pair("ab", "c"), pair("a", "bc")]);
    assert_all_differ(&[seats([1]), seats([2]), seats([1, 2]), seats([258])]);
    let page = |items, next| Page { items, next };
    let cursor = Cursor::after(&1);
    assert_all_differ(&[
        page(vec![0_u8], None),
        page(vec![], None),
        page(vec![], Some(cursor.clone())),
    ]);
    let limit = |limit| Limit::new(limit).unwrap();
    assert_all_differ(&[
        PageRequest::first(limit(1)),
        PageRequest::first(limit(2)),
        PageRequest::next(Some(cursor), limit(1)),
    ]);
}

#[test]
fn bitmaps_say_their_capacity_and_every_seat() {
    let bits = |capacity, seats: &[u32]| {
        let mut bits = SeatBits::new(capacity);
        for seat in seats {
            bits.insert(SeatNo(*seat));
        }
        bits
    };
    assert_eq!(
        bytes(&bits(65, &[0, 63, 64])),
        bytes(&[65_u64, 1 | 1 << 63, 1].as_slice())[8..].to_vec()
    );
    assert_eq!(bytes(&bits(64, &[])).len(), 16);
    assert_all_differ(&[
        bits(0, &[]),
        bits(64, &[]),
        bits(65, &[]),
        bits(129, &[0]),
        bits(129, &[63]),
        bits(129, &[64]),
        bits(129, &[128]),
        bits(129, &[0, 128]),
    ]);
    let claims = |status: Option<ClaimStatus>| {
        let mut bits = ClaimBits::new(9);
        bits.set(SeatNo(3), status);
        bits
    };
    assert_all_differ(&[
        claims(None),
        claims(Some(ClaimStatus::Pending)),
        claims(Some(ClaimStatus::Sold)),
        claims(Some(ClaimStatus::House)),
    ]);
}

#[test]
fn variants_with_the_same_content_differ() {
    assert_all_differ(&[Joined::Numbered(1), Joined::Numbered(2), Joined::Accepted, Joined::Full]);
    assert_all_differ(&[
        Standing::Waiting { number: 1, ahead: 2 },
        Standing::Waiting { number: 2, ahead: 1 },
        Standing::Called { number: 1 },
        Standing::Absent,
        Standing::Accepted,
    ]);
    assert_all_differ(&[Entered::NotCalled, Entered::Full, Entered::Over]);
    let done = ReceiptState::Done(Response::of("yes").unwrap());
    assert_all_differ(&[
        Ok(Committed::Done),
        Ok(Committed::Replayed(ReceiptState::InProgress)),
        Ok(Committed::Replayed(done)),
        Ok(Committed::Duplicate(message("1"))),
        Err(CommitError::KeyReused),
        Err(CommitError::SeatTaken(seats([1]))),
        Err(CommitError::SeatTaken(seats([2]))),
        Err(CommitError::AllowanceExceeded { limit: 1 }),
        Err(CommitError::Unknown(change_set(1))),
        Err(CommitError::Conflict(checkout_with_account().reference())),
        Err(CommitError::Port(PortError::new("store", "commit", Fault::Transient))),
    ]);
    assert_all_differ(&[HoldOutcome::Taken(seats([1])), HoldOutcome::Taken(seats([1, 2]))]);
    assert_all_differ(&[Found::Declined, Found::Cancelled, Found::InProgress, Found::NotFound]);
    assert_all_differ(&[
        OutboxError::Fenced { partition: 1, epoch: 2 },
        OutboxError::NoSuchPartition { partitions: 1, got: 2 },
        OutboxError::Cursor { from: 1, to: 2, got: 3 },
        OutboxError::Cursor { from: 1, to: 3, got: 2 },
    ]);
}

#[test]
fn failures_are_told_apart_by_port_operation_and_fault_and_not_by_their_cause() {
    let error = |port, operation, fault| PortError::new(port, operation, fault);
    assert_all_differ(&[
        error("store", "commit", Fault::Transient),
        error("store", "commit", Fault::Permanent),
        error("store", "commit", Fault::Unknown),
        error("stores", "commit", Fault::Unknown),
        error("store", "find", Fault::Unknown),
    ]);
    let plain = error("store", "commit", Fault::Unknown);
    let caused = error("store", "commit", Fault::Unknown).because("connection 7 was lost");
    assert_eq!(bytes(&plain), bytes(&caused));
    let unknown = GatewayError::Unknown(Some("connection 7 was lost".into()));
    assert_eq!(bytes(&unknown), bytes(&GatewayError::Unknown(None)));
    let after = |seconds| GatewayError::Retryable { retry_after: seconds };
    let second = Duration::from_secs(1);
    let code = "no".parse().unwrap();
    assert_all_differ(&[
        unknown,
        after(None),
        after(Some(second)),
        GatewayError::Declined { code },
    ]);
}

#[test]
fn times_count_microseconds_and_what_is_kept_secret_counts_too() {
    let later = noon() + TimeDelta::microseconds(1);
    assert_all_differ(&[noon(), later, noon() - TimeDelta::days(365 * 100)]);
    assert_all_differ(&[Duration::ZERO, Duration::from_micros(1), Duration::MAX]);
    assert_all_differ(&[cancel_request(None), cancel_request(Some(refund_account()))]);
    let without = DepositAccount { secret: None, ..deposit_account() };
    assert_all_differ(&[deposit_account(), without]);
}

#[test]
fn an_aggregate_that_is_read_counts_by_its_version_and_events() {
    let made = checkout_with_account();
    let mut moved = made.clone();
    assert_eq!(bytes(&made), bytes(&moved));
    moved.root_mut().committed();
    assert_ne!(bytes(&made), bytes(&moved));
    let read = bytes(&moved);
    moved.handle(Reply::ReservationEnded, noon()).unwrap();
    assert_ne!(read, bytes(&moved));
}

#[test]
fn each_part_of_a_change_set_counts() {
    let (hall, owner) = (performance(1), ClaimOwner::Reservation(reservation(2)));
    let request = Fingerprint::of("request");
    let answer = |text| Response::of(text).unwrap();
    let booking = |number| Booking { id: EntryId::from_uuid(Uuid::from_u128(number)), at: noon() };
    let top_up =
        |number, amount| JournalEntry::top_up(booking(number), user(1), won(amount)).unwrap();
    let checkout = checkout_with_account();
    let mut other_checkout = checkout.clone();
    other_checkout.handle(Reply::UserActive, noon()).unwrap();
    assert_all_differ(&[
        changes(),
        ChangeSet::new(change_set(8), noon()),
        ChangeSet::new(change_set(9), noon() + TimeDelta::seconds(1)),
        changes().settles_money(),
        changes().save(checkout.clone()),
        changes().save(other_checkout.clone()),
        changes().save(checkout.clone()).save(checkout.clone()),
        changes().guard(&checkout),
        changes().claim(hall, seats([1]), owner),
        changes().claim(hall, seats([2]), owner),
        changes().claim(hall, seats([1]), ClaimOwner::House),
        changes().release(hall, seats([1]), owner),
        changes().sell(hall, seats([1]), reservation(2)),
        changes().vacant(hall, seats([1])),
        changes().allow(user(1), show(2), 1, 4, reservation(2)),
        changes().allow(user(1), show(2), 4, 1, reservation(2)),
        changes().give_back(user(1), show(2), 1, reservation(2)),
        changes().post(top_up(1, 500)),
        changes().post(top_up(1, 501)),
        changes().post(top_up(2, 500)),
        changes().caused_by(message("1")),
        changes().caused_by(message("2")),
        changes().begin_receipt(receipt_key("a"), request),
        changes().begin_receipt(receipt_key("a"), Fingerprint::of("another")),
        changes().receipt(receipt_key("a"), request, answer("yes")),
        changes().receipt(receipt_key("a"), request, answer("no")),
        changes().fill_receipt(receipt_key("a"), request, answer("yes")),
    ]);
}

#[test]
fn an_event_counts_with_its_payload() {
    let row = |payload: &[u8], number| OutboxRow {
        partition: 3,
        sequence: 17,
        stream: checkout_with_account().stream(),
        aggregate: checkout_with_account().reference(),
        number,
        name: "checkout.started".into(),
        occurred_at: noon(),
        change_set: change_set(1),
        payload: payload.into(),
    };
    assert_all_differ(&[row(b"{}", 1), row(b"[]", 1), row(b"", 1), row(b"{}", 2)]);
}

/// A port whose arguments or answers are no [`Canon`] could not be traced.
#[test]
fn all_that_ports_are_asked_and_answer_can_be_traced() {
    fn canon<T: Canon>() {}
    fn read<A: Canon>() {
        canon::<(UserId, ReservationId, PaymentId, PageRequest)>();
        canon::<Result<Option<A>, PortError>>();
        canon::<Result<Page<Arc<A>>, PortError>>();
        canon::<Result<Vec<A>, PortError>>();
    }
    read::<crate::venue::Venue>();
    read::<crate::show::Show>();
    read::<crate::performance::Performance>();
    read::<crate::reservation::Reservation>();
    read::<Checkout>();
    read::<crate::payment::Payment>();
    read::<crate::refund::Refund>();
    read::<crate::ticket::Ticket>();
    read::<JournalEntry>();
    read::<crate::port::HistoryLine>();
    read::<(SeatNo, crate::seat::Claim)>();
    read::<crate::change_set::Receipt>();
    read::<crate::port::HeldSeat>();
    canon::<(crate::ledger::AccountKey, EntryId, crate::port::Kept, Limit, DateTime<Utc>)>();
    canon::<Result<(ClaimBits, u16, u64, i64, usize, bool), PortError>>();
    canon::<(crate::port::OutboxLease, Label<64>, Duration, u32)>();
    canon::<Result<Option<crate::port::OutboxLease>, OutboxError>>();
    canon::<Result<Vec<OutboxRow>, OutboxError>>();
    canon::<(HoldRequest, DateTime<Utc>)>();
    canon::<Result<(HoldOutcome, crate::port::HoldChange, SeatBits), PortError>>();
    canon::<(crate::port::LineRules, crate::id::AdmissionId, u64)>();
    canon::<Result<Option<crate::port::LineRules>, PortError>>();
    canon::<Result<(Joined, Standing, crate::port::LineState, Entered), PortError>>();
    canon::<(crate::label::Token, crate::port::Quota, crate::port::RateDecision)>();
    canon::<(crate::port::ConfirmRequest, crate::port::IssueRequest, CancelRequest, GatewayKey)>();
    canon::<Result<(crate::port::Captured, DepositAccount, Found), GatewayError>>();
    canon::<Result<(crate::port::UserStatus, crate::port::FraudVerdict), PortError>>();
    canon::<(crate::port::FraudQuery, ReceiptKey, crate::id::SellerId, crate::id::VenueId)>();
    canon::<(ChangeSet, Result<Committed, CommitError>)>();
    canon::<(Uuid, &[u8], Vec<u8>)>();
}
