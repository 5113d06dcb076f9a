//! Ledgers, and change sets that a store accepts.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};

use super::*;
use crate::change_set::{ChangeSet, Record};
use crate::ledger::{Account, AccountKey, EntryKind};
use crate::memory::{ManualClock, MemoryStore, MemoryStoreOptions};
use crate::port::{Committed, Store};
use crate::testing::block_on;
use crate::verify::{VerifyOptions, verify};

const EVERY_KIND: [&str; 13] = [
    "TopUp",
    "PointsReserved",
    "PointsGivenBack",
    "Purchase",
    "PurchaseLate",
    "NotHonoured",
    "RefundAccepted",
    "RefundSent",
    "RefundAsPoints",
    "DepositReversed",
    "DepositLost",
    "RefundStopped",
    "Payout",
];

#[test]
fn ledgers_can_be_booked_in_their_order_and_have_every_flow() {
    let mut kinds = BTreeSet::new();
    for entries in draw(&ledgers(), 300) {
        let (mut balances, mut ids) = (BTreeMap::<AccountKey, i64>::new(), BTreeSet::new());
        let (mut pending, mut last) = (BTreeMap::new(), DateTime::UNIX_EPOCH);
        for entry in &entries {
            kinds.insert(format!("{:?}", entry.kind()));
            assert!(ids.insert(entry.id()), "{entry:?} has the id of another");
            assert!(entry.at() > last, "{entry:?} was booked before it was decided");
            last = entry.at();
            for (account, amount) in entry.lines() {
                let balance = balances.entry(account).or_default();
                *balance += amount;
                let is_owned = !matches!(
                    account.account,
                    Account::Clearing | Account::Promotion | Account::Loss | Account::Seller(_)
                );
                assert!(*balance >= 0 || !is_owned, "{account} is at {balance} after {entry:?}");
            }
            let held = entry.postings().iter().find(|it| it.account == Account::PointsHeld);
            match (entry.kind(), entry.resolves()) {
                (EntryKind::PointsReserved, None) => {
                    pending.insert(entry.id(), held.map(|it| it.amount));
                }
                (_, None) => assert_eq!(held, None, "{entry:?}"),
                (_, Some(of)) => {
                    let set_aside = pending.remove(&of).expect("a pending entry, once");
                    assert_eq!(held.map(|it| -it.amount), set_aside, "{entry:?}");
                }
            }
        }
    }
    assert_drawn(&kinds, &EVERY_KIND);
    assert_eq!(simplest(&ledgers()), []);
}

fn store() -> MemoryStore {
    let clock = Arc::new(ManualClock::at(DateTime::UNIX_EPOCH));
    MemoryStore::new(clock, MemoryStoreOptions::default())
}

#[track_caller]
fn accept(store: &MemoryStore, changes: &ChangeSet) {
    let answer = block_on(store.commit(changes.clone()));
    assert!(matches!(answer, Ok(Committed::Done)), "{answer:?} to {changes:?}");
}

/// What is saved and booked, by its kind and its state.
fn contents(changes: &ChangeSet) -> Vec<String> {
    let records = changes.records().map(|record| match record {
        Record::Venue(_) => "venue".to_owned(),
        Record::Show(_) => "show".to_owned(),
        Record::Performance(it) => format!("performance {:?}", PerformanceAt::of(it)),
        Record::Reservation(it) => format!("reservation {:?}", ReservationAt::of(it)),
        Record::Checkout(it) => format!("checkout {:?}", CheckoutAt::of(it)),
        Record::Payment(it) => format!("payment {:?}", PaymentAt::of(it)),
        Record::Refund(it) => format!("refund {:?}", RefundAt::of(it)),
        Record::Ticket(it) => format!("ticket {:?}", TicketAt::of(it)),
    });
    let entries = changes.entries().iter().map(|entry| format!("entry {:?}", entry.kind()));
    records.chain(entries).collect()
}

#[test]
fn an_empty_store_accepts_a_change_set() {
    let mut drawn = BTreeSet::new();
    for changes in draw(&change_sets(), 500) {
        assert_eq!(changes.check(), Ok(()));
        accept(&store(), &changes);
        drawn.extend(contents(&changes));
    }
    let kinds = ["venue", "show", "performance Scheduled", "performance WoundUp", "entry TopUp"];
    assert_drawn(&drawn, &kinds);
    assert_drawn(&drawn, &["reservation Pending", "reservation Confirmed", "ticket Issued"]);
    assert_drawn(&drawn, &["payment Succeeded", "refund Requested", "checkout Started"]);
    assert_eq!(contents(&simplest(&change_sets())), ["venue"]);
}

#[test]
fn a_store_accepts_a_history_and_is_sound_after_it() {
    let mut drawn = BTreeSet::new();
    for history in draw(&histories(), 300) {
        let (store, mut last) = (store(), DateTime::<Utc>::UNIX_EPOCH);
        for changes in &history {
            accept(&store, changes);
            drawn.extend(contents(changes));
            last = last.max(changes.decided_at());
        }
        let options = VerifyOptions { stuck_after: Duration::MAX, ..VerifyOptions::at(last) };
        let report = block_on(verify(&store, &options)).unwrap();
        assert!(report.is_sound(), "{report} after {history:#?}");
    }
    let everything = [
        "venue",
        "show",
        "performance Scheduled",
        "performance Cancelled",
        "performance WoundUp",
        "reservation Pending",
        "reservation Confirmed",
        "reservation Cancelled",
        "reservation Expired",
        "reservation Refunded",
        "checkout Started",
        "checkout Compensated",
        "checkout Completed",
        "payment Created",
        "payment Processing",
        "payment Unknown",
        "payment AwaitingDeposit",
        "payment Succeeded",
        "payment SucceededLate",
        "payment NotHonoured",
        "payment Failed",
        "payment Expired",
        "payment Cancelled",
        "payment Reversed",
        "refund Requested",
        "refund NeedsAccount",
        "refund Processing",
        "refund Succeeded",
        "ticket Issued",
        "ticket Used",
        "ticket Void",
        "entry TopUp",
        "entry PointsGivenBack",
        "entry Purchase",
        "entry NotHonoured",
        "entry RefundSent",
        "entry DepositReversed",
        "entry DepositLost",
    ];
    assert_drawn(&drawn, &everything);
    let simplest: Vec<String> = simplest(&histories()).iter().flat_map(contents).collect();
    assert_eq!(simplest, ["venue", "show", "performance Scheduled"]);
}
