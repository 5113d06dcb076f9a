use uuid::Uuid;

use super::*;
use crate::checkout::TenderChoice;
use crate::id::{CheckoutId, EntryId};
use crate::ledger::Booking;
use crate::payment::tests::{created, paid_by_card};
use crate::reservation::tests::{
    CHECKOUT, FIRST, PAYMENT, PERFORMANCE, RESERVATION, USER, both, confirmed, made, minute, won,
};

fn changes() -> ChangeSet {
    ChangeSet::new(ChangeSetId::from_uuid(Uuid::from_u128(77)), minute(0))
}

fn key() -> ReceiptKey {
    let text = |text| Label::new(text).unwrap();
    ReceiptKey { caller: USER, operation: text("reserve"), key: Label::new("client-1").unwrap() }
}

fn message() -> MessageKey {
    MessageKey { consumer: Label::new("webhook").unwrap(), id: Label::new("m-1").unwrap() }
}

fn top_up(entry: u128) -> JournalEntry {
    let booking = Booking { id: EntryId::from_uuid(Uuid::from_u128(entry)), at: minute(1) };
    JournalEntry::top_up(booking, USER, won(500)).unwrap()
}

fn checkout_of(reservation: ReservationId) -> Checkout {
    let choice = TenderChoice { points: won(0), method: None, refund_account: None };
    Checkout::start(CHECKOUT, reservation, USER, choice, minute(0)).0
}

#[test]
fn what_writes_nothing_is_refused() {
    assert_eq!(changes().check(), Err(ChangeSetError::Empty));
    assert_eq!(changes().guard(&made()).check(), Err(ChangeSetError::Empty));
    assert_eq!(changes().settles_money().check(), Err(ChangeSetError::Empty));
    for writes in [
        changes().save(made()),
        changes().vacant(PERFORMANCE, both()),
        changes().give_back(USER, made().show(), 1, RESERVATION),
        changes().post(top_up(1)),
        changes().caused_by(message()),
        changes().begin_receipt(key(), Fingerprint::of("a")),
    ] {
        assert_eq!(writes.check(), Ok(()), "{writes:?}");
    }
}

#[test]
fn an_aggregate_is_saved_once() {
    let twice = changes().save(made()).save(made());
    let expected = ChangeSetError::SavedTwice(made().reference());
    assert_eq!(twice.check(), Err(expected.clone()));
    let text = "reservation 00000000-0000-0000-0000-000000000001 is saved twice";
    assert_eq!(expected.to_string(), text);
}

#[test]
fn aggregates_of_two_streams_are_not_committed_together() {
    let other = checkout_of(ReservationId::from_uuid(Uuid::from_u128(404)));
    let mixed = changes().save(made()).save(other.clone());
    assert_eq!(mixed.check(), Err(ChangeSetError::MixedStreams(other.reference())));
    let wallet = changes().save(made()).post(top_up(1));
    assert!(matches!(wallet.check(), Err(ChangeSetError::MixedStreams(_))), "a wallet has its own");
    let one = changes().save(made()).save(created(None)).save(checkout_of(RESERVATION));
    assert_eq!(one.check(), Ok(()));
    assert_eq!(one.stream(), StreamKey(RESERVATION.as_uuid()));
    assert_eq!(changes().caused_by(message()).stream(), StreamKey(Uuid::from_u128(77)));
}

#[test]
fn the_first_flaw_is_told() {
    let other = checkout_of(ReservationId::from_uuid(Uuid::from_u128(404)));
    let flawed = changes().save(made()).save(made()).save(other);
    assert!(matches!(flawed.check(), Err(ChangeSetError::SavedTwice(_))));
}

#[test]
fn rows_are_counted_and_bounded() {
    let small = changes()
        .save(made())
        .claim(PERFORMANCE, both(), ClaimOwner::Reservation(RESERVATION))
        .allow(USER, made().show(), 2, 4, RESERVATION)
        .guard(&created(None))
        .caused_by(message())
        .begin_receipt(key(), Fingerprint::of("a"));
    // Its id; the reservation with one event; two claims, two places, a guard, a message, a receipt.
    assert_eq!(small.rows(), 10);
    let count = u16::try_from(ChangeSet::MAX_ROWS - 1).unwrap();
    let most = changes().give_back(USER, made().show(), count, RESERVATION);
    assert_eq!((most.rows(), most.check()), (ChangeSet::MAX_ROWS, Ok(())));
    let got = ChangeSet::MAX_ROWS + 1;
    let too_many = most.guard(&made());
    assert_eq!(too_many.check(), Err(ChangeSetError::TooManyRows { got }));
}

#[test]
fn an_answer_has_its_longest_length() {
    let quotes = 2;
    let longest = "a".repeat(Response::MAX_BYTES - quotes);
    let answer = Response::of(&longest).unwrap();
    assert_eq!(answer.as_bytes().len(), Response::MAX_BYTES);
    let got = Response::MAX_BYTES + 1;
    let too_long = ChangeSetError::ResponseTooLong { got };
    assert_eq!(Response::of(&format!("{longest}a")), Err(too_long.clone()));
    assert_eq!(Response::from_bytes(vec![b'1'; got]), Err(too_long));
    assert_eq!(format!("{answer:?}"), "Response(16384 bytes)", "an answer may hold private things");
}

#[test]
fn events_come_in_the_order_of_saves_and_count_on_per_aggregate() {
    let first = changes().save(confirmed()).save(created(None));
    let told = |changes: &ChangeSet| -> Vec<(&'static str, u64)> {
        changes.events().iter().map(|event| (event.name, event.number)).collect()
    };
    assert_eq!(
        told(&first),
        [
            ("reservation.made", 1),
            ("reservation.payment_started", 2),
            ("reservation.confirmed", 3),
            ("payment.created", 1),
        ]
    );
    let Some(Record::Reservation(saved)) = first.records().next() else {
        panic!("a reservation was saved first")
    };
    let mut saved = Reservation::clone(saved);
    assert_eq!((saved.root().version(), saved.root().pending().len()), (1, 0));
    let cause = crate::reservation::EndCause::Reversal(PAYMENT);
    saved.give_up(&Seats::one(FIRST), cause, minute(9)).unwrap();
    let second = changes().save(saved);
    assert_eq!(told(&second), [("reservation.seats_given_up", 4)]);
    assert_eq!(second.saves[0].expected, 1, "the version it was loaded at");
    assert_eq!(second.events()[0].occurred_at, minute(9));
}

#[test]
fn the_last_event_may_come_after_those_of_what_it_came_of() {
    let told = |changes: &ChangeSet| -> Vec<(&'static str, u64)> {
        changes.events().iter().map(|event| (event.name, event.number)).collect()
    };
    let around = changes().save_around(confirmed(), |changes| changes.save(created(None)));
    assert_eq!(
        told(&around),
        [
            ("reservation.made", 1),
            ("reservation.payment_started", 2),
            ("payment.created", 1),
            ("reservation.confirmed", 3),
        ]
    );
    assert_eq!((around.records().len(), around.check()), (2, Ok(())));
    let around = changes().save_around(made(), |changes| changes.save(created(None)));
    assert_eq!(told(&around), [("payment.created", 1), ("reservation.made", 1)]);
    let first = around.records().next().unwrap();
    assert!(matches!(first, Record::Payment(_)), "saved in the order in which they tell");
    let twice = changes().save_around(made(), |changes| changes.save(made()));
    assert!(matches!(twice.check(), Err(ChangeSetError::SavedTwice(_))));
}

#[test]
fn an_unchanged_aggregate_is_saved_without_events() {
    let first = changes().save(made());
    let Some(Record::Reservation(saved)) = first.records().next() else {
        panic!("a reservation was saved")
    };
    let again = changes().save(Reservation::clone(saved));
    assert_eq!((again.events().len(), again.check()), (0, Ok(())));
}

#[test]
fn bytes_count_what_a_queue_must_hold() {
    let answer = Response::of("done").unwrap();
    let before = changes().save(paid_by_card());
    let payloads: usize = before.events().iter().map(|event| event.payload.len()).sum();
    assert_eq!(before.bytes(), payloads + before.rows() * 64);
    let (bytes, fingerprint) = (before.bytes(), Fingerprint::of("a"));
    assert_eq!(before.clone().receipt(key(), fingerprint, answer.clone()).bytes(), bytes + 64 + 6);
    assert_eq!(before.clone().fill_receipt(key(), fingerprint, answer).bytes(), bytes + 64 + 6);
    assert_eq!(before.begin_receipt(key(), fingerprint).bytes(), bytes + 64);
}

#[test]
fn a_fingerprint_tells_requests_apart_and_keys_read_well() {
    let of = |seats: &[u32]| Fingerprint::of(&(PERFORMANCE, seats));
    assert_eq!(of(&[1, 2]), of(&[1, 2]));
    assert_ne!(of(&[1, 2]), of(&[12]));
    assert_eq!(format!("{:?}", Fingerprint::of("a")), "Fingerprint(ac8d8342bbb2)");
    assert_eq!(message().to_string(), "webhook/m-1");
    assert_eq!(key().to_string(), format!("{USER}/reserve/client-1"));
    let other = CheckoutId::from_uuid(Uuid::from_u128(1));
    assert_ne!(Fingerprint::of(&other), Fingerprint::of(&CHECKOUT));
}
