use std::sync::Arc;

use crate::aggregate::{Aggregate, AggregateKind};
use crate::change_set::{ChangeSet, Record, RecordedEvent};
use crate::checkout::{Checkout, Reply, TenderChoice};
use crate::flush::tests::{
    changes, entry, fingerprint, message, now, of, owner, performance, receipt_key, reservation,
    response, seats, show, user, wallet,
};
use crate::id::{CheckoutId, EntryId};
use crate::ledger::{Booking, JournalEntry};
use crate::memory::{ManualClock, MemoryStore, MemoryStoreOptions};
use crate::money::{Currency, Money};
use crate::port::{CommitError, Committed, Store};
use crate::seat::SeatNo;
use crate::testing::block_on;
use crate::testing::model::ModelStore;

/// A change set of every kind of write.
fn purchase(n: u8) -> ChangeSet {
    changes(n)
        .save(reservation(n, 0))
        .claim(performance(0), seats(&[n.into()]), of(n))
        .allow(user(n), show(), 1, 2, owner(n))
        .post(entry(n, n, 50, None))
        .caused_by(message(n))
        .receipt(receipt_key(n), fingerprint(n), response("a"))
}

fn after(accepted: &[ChangeSet]) -> ModelStore {
    let mut model = ModelStore::new();
    for changes in accepted {
        model.must_accept(changes).unwrap();
    }
    model
}

/// The violation that a change set is, after which the model is as before.
#[track_caller]
fn violation(model: &mut ModelStore, changes: &ChangeSet) -> String {
    let before = model.clone();
    let violation = model.must_accept(changes).unwrap_err();
    assert_eq!(*model, before, "a refused change set left something behind");
    assert_eq!(violation.change_set, changes.id());
    violation.text
}

#[test]
fn what_a_store_must_not_write_is_named() {
    let id = |n: u8| format!("00000000-0000-0000-0000-{:012x}", n + 1);
    let mut model = after(&[purchase(1)]);
    let cases = [
        (purchase(1), "it was written before under the same id".to_owned()),
        (
            changes(2).receipt(receipt_key(1), fingerprint(2), response("a")),
            format!("call {} was made before with another request", receipt_key(1)),
        ),
        (
            changes(2).receipt(receipt_key(1), fingerprint(1), response("b")),
            format!("call {} was answered before", receipt_key(1)),
        ),
        (changes(2).caused_by(message(1)), format!("message {} was handled before", message(1))),
        (
            changes(2).save(reservation(1, 0)),
            format!("reservation {} is saved at version 0, it stands at 1", id(1)),
        ),
        (
            changes(2).guard(&reservation(1, 3)).caused_by(message(2)),
            format!("reservation {} is guarded at version 3, it stands at 1", id(1)),
        ),
        (changes(2).post(entry(1, 1, 5, None)), format!("entry {} is booked twice", id(1))),
        (
            changes(2).claim(performance(0), seats(&[0, 1]), of(2)),
            format!(
                "seat 1 of performance {} is pending for reservation {}, asked to claim it for reservation {}",
                id(0),
                id(1),
                id(2)
            ),
        ),
        (
            changes(2).sell(performance(0), seats(&[1]), owner(2)),
            format!(
                "seat 1 of performance {} is pending for reservation {}, asked to sell it to reservation {}",
                id(0),
                id(1),
                id(2)
            ),
        ),
        (
            changes(2).allow(user(1), show(), 2, 2, owner(2)),
            format!("user {} has 1 places in show {} and wants 2 more of 2", id(1), id(0)),
        ),
        (changes(2).post(entry(2, 1, -51, None)), format!("{} would stand at -1", wallet(1))),
    ];
    for (changes, text) in cases {
        assert_eq!(violation(&mut model, &changes), text);
    }
    model.must_accept(&changes(3).post(entry(3, 1, -50, Some(1)))).unwrap();
    let again = violation(&mut model, &changes(4).post(entry(4, 1, 1, Some(1))));
    assert_eq!(again, format!("entry {} resolves {} again", id(4), id(1)));
}

#[test]
fn events_have_neither_gaps_nor_repeats() {
    let saved = |changes: &ChangeSet| match changes.records().next() {
        Some(Record::Reservation(saved)) => saved.as_ref().clone(),
        _ => panic!("a reservation was saved"),
    };
    let first = changes(1).save(reservation(1, 0));
    let mut model = after(std::slice::from_ref(&first));
    let mut expired = saved(&first);
    let _ = expired.expire(false, now() + chrono::TimeDelta::days(1)).unwrap();
    let whole = changes(2).save(expired);

    let mut forgotten = whole.clone();
    forgotten.events.clear();
    let told = violation(&mut model, &forgotten);
    let name = reservation(1, 0).reference();
    assert_eq!(told, format!("{name} tells 1 of 2 recorded events"));
    let mut skipped = whole.clone();
    skipped.events[0].number = 3;
    assert_eq!(violation(&mut model, &skipped), format!("{name} tells event 3, expected 2"));
    let mut stranger = whole.clone();
    stranger.events[0].aggregate = reservation(2, 0).reference();
    stranger.events[0].number = 1;
    let told = violation(&mut model, &stranger);
    assert_eq!(told, format!("{name} tells 1 of 2 recorded events"));
    model.must_accept(&whole).unwrap();
    assert_eq!(model.version(name), 2);
}

#[test]
fn only_a_checkouts_last_event_may_come_after_those_of_others() {
    let made = || reservation(1, 0);
    let choice = TenderChoice { points: Currency::KRW.zero(), method: None, refund_account: None };
    let checkout = CheckoutId::from_uuid(uuid::Uuid::from_u128(9));
    let (mut saga, _) = Checkout::start(checkout, made().id(), made().user(), choice, now());
    saga.handle(Reply::UserRefused, now()).unwrap();
    let name = saga.reference();
    let around = changes(1).save_around(saga.clone(), |changes| changes.save(made()));
    let numbers: Vec<_> = around.events().iter().map(|told| told.number).collect();
    assert_eq!(numbers, [1, 1, 2]);
    let mut model = ModelStore::new();
    let mut late = around.clone();
    late.events.swap(0, 1);
    assert_eq!(violation(&mut model, &late), format!("{name} tells 0 of 2 recorded events"));

    let refused =
        |of| format!("{of} tells more than a checkout's last event after those of others");
    let mut two = around.clone();
    let third = two.events[2].clone();
    two.events.push(RecordedEvent { number: 3, ..third.clone() });
    assert_eq!(violation(&mut model, &two), refused(name));
    let mut twice = around.clone();
    twice.events.push(RecordedEvent { number: 2, ..twice.events[1].clone() });
    assert_eq!(violation(&mut model, &twice), refused(made().reference()));
    let mut thrice = around.clone();
    let other = changes(1).save(reservation(2, 0)).events[0].clone();
    thrice.events.extend([other, RecordedEvent { number: 3, ..third }]);
    assert_eq!(violation(&mut model, &thrice), refused(name));
    let mut expired = made();
    let _ = expired.expire(false, now() + chrono::TimeDelta::days(1)).unwrap();
    let of_reservation = changes(1).save_around(expired, |changes| changes.save(saga));
    assert_eq!(violation(&mut model, &of_reservation), refused(made().reference()));
    model.must_accept(&around).unwrap();
}

#[test]
fn an_entry_tells_its_event_once() {
    let booking = Booking { id: EntryId::from_uuid(uuid::Uuid::from_u128(8)), at: now() };
    let amount = Money::from_minor(50, Currency::KRW).unwrap();
    let booked = JournalEntry::top_up(booking, user(1), amount).unwrap();
    let posted = changes(1).post(booked).save(reservation(1, 0));
    let mut model = ModelStore::new();
    let mut twice = posted.clone();
    let name = twice.events[0].aggregate;
    assert_eq!(name.kind, AggregateKind::Entry);
    twice.events.push(twice.events[0].clone());
    assert_eq!(violation(&mut model, &twice), format!("{name} tells event 1, expected 2"));
    twice.events[2].number = 2;
    let text = "tells more than a checkout's last event after those of others";
    assert_eq!(violation(&mut model, &twice), format!("{name} {text}"));
    model.must_accept(&posted).unwrap();
}

#[test]
fn only_the_owner_releases_and_the_lowest_place_is_taken() {
    let mut model = after(&[purchase(1)]);
    model.must_accept(&changes(2).release(performance(0), seats(&[1]), of(2))).unwrap();
    assert!(model.claim(performance(0), SeatNo(1)).is_some(), "released by another");
    model.must_accept(&changes(3).allow(user(1), show(), 1, 2, owner(2))).unwrap();
    model.must_accept(&changes(4).give_back(user(1), show(), 5, owner(1))).unwrap();
    assert_eq!(model.places[&(user(1), show())], [(1, owner(2))]);
    model.must_accept(&changes(5).allow(user(1), show(), 2, 3, owner(3))).unwrap();
    assert_eq!(model.places[&(user(1), show())], [(0, owner(3)), (1, owner(2)), (2, owner(3))]);
    assert_eq!(model.allowance_used(user(1), show()), 3);
}

#[test]
fn what_is_kept_for_a_while_is_forgotten() {
    let mut model = after(&[purchase(1)]);
    model.forget_kept_before(now());
    assert!(model.is_committed(changes(1).id()), "decided at the instant, not before it");
    model.forget_kept_before(now() + chrono::TimeDelta::seconds(1));
    let again =
        changes(1).caused_by(message(1)).receipt(receipt_key(1), fingerprint(2), response("b"));
    assert_eq!(model.commit(&again).unwrap(), Committed::Done);
    let late = model.commit(&changes(2).save(reservation(1, 0)));
    assert!(matches!(late, Err(CommitError::Conflict(_))), "{late:?}");
}

#[test]
fn a_store_that_differs_is_told_in_what() {
    let clock = Arc::new(ManualClock::at(now()));
    let store = MemoryStore::new(clock, MemoryStoreOptions::default());
    let bought: Vec<ChangeSet> = (1..=3).map(purchase).collect();
    for changes in &bought {
        let _ = block_on(store.commit(changes.clone())).unwrap();
    }
    let texts = |model: &ModelStore| block_on(model.differences(&store)).unwrap();
    assert_eq!(texts(&after(&bought)), Vec::<String>::new());

    let missing = texts(&after(&bought[..2]));
    let about = |text: &str| missing.iter().filter(|found| found.contains(text)).count();
    assert_eq!(
        about(
            "seat 3 of performance 00000000-0000-0000-0000-000000000001: expected nothing more, the store has pending for reservation 00000000-0000-0000-0000-000000000004"
        ),
        1,
        "{missing:#?}"
    );
    assert_eq!(about("expected nothing more, the store has 1 places"), 1, "{missing:#?}");
    assert_eq!(about("entry 00000000-0000-0000-0000-000000000004"), 1, "{missing:#?}");
    assert_eq!(about("points held in KRW: expected -100 minor units, the store has -150"), 1);
    assert_eq!(about("wallet"), 1, "{missing:#?}");
    assert_eq!(about("has version 1"), 1, "{missing:#?}");
    assert_eq!(about("has 1 events"), 1, "{missing:#?}");
    assert_eq!(missing.len(), 7, "{missing:#?}");

    let sold = changes(9).sell(performance(0), seats(&[2]), owner(2)).post(entry(9, 2, 7, Some(1)));
    let changed = after(&[bought, vec![sold]].concat());
    let texts = texts(&changed);
    assert!(texts[0].contains("expected sold to") && texts[0].contains("has pending for"));
    assert!(texts.iter().any(|text| text.contains("expected resolved by")), "{texts:#?}");
    assert_eq!(texts.len(), 5, "a claim, an entry, a resolution, two balances: {texts:#?}");
}
