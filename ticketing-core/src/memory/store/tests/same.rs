//! A batch means what its change sets mean one after another.

use proptest::prelude::*;

use super::{dump, store};
use crate::change_set::ChangeSet;
use crate::flush::tests::{
    changes, entry, fingerprint, message, of, owner, performance, receipt_key, reservation,
    response, seats, show, user,
};
use crate::flush::{self, Planner, ReadMode};
use crate::memory::lock;
use crate::memory::store::race::Session;
use crate::memory::store::{MemoryStore, MemoryStoreOptions};
use crate::seat::ClaimOwner;

fn some_seats() -> impl Strategy<Value = Vec<u32>> {
    proptest::sample::subsequence(vec![0_u32, 1, 2, 3, 4], 1..=3)
}

/// One operation over few keys, so that they meet often.
fn step() -> impl Strategy<Value = ChangeSet> {
    let claim = (0..2_u8, some_seats(), 0..4_u8).prop_map(|(at, list, who)| {
        let owner = if who == 3 { ClaimOwner::House } else { of(who) };
        changes(0).claim(performance(at), seats(&list), owner)
    });
    let sell = (0..2_u8, some_seats(), 0..3_u8)
        .prop_map(|(at, list, who)| changes(0).sell(performance(at), seats(&list), owner(who)));
    let release = (0..2_u8, some_seats(), 0..3_u8)
        .prop_map(|(at, list, who)| changes(0).release(performance(at), seats(&list), of(who)));
    let vacant = (0..2_u8, some_seats())
        .prop_map(|(at, list)| changes(0).vacant(performance(at), seats(&list)));
    let allow = (0..2_u8, 0..3_u16, 1..4_u16, 0..3_u8).prop_map(|(who, count, limit, by)| {
        changes(0).allow(user(who), show(), count, limit, owner(by))
    });
    let give_back = (0..2_u8, 0..3_u16, 0..3_u8)
        .prop_map(|(who, count, by)| changes(0).give_back(user(who), show(), count, owner(by)));
    let post = (0..12_u8, 0..2_u8, -40..60_i64, proptest::option::weighted(0.3, 0..4_u8))
        .prop_filter("an amount", |(_, _, amount, _)| *amount != 0)
        .prop_map(|(id, who, amount, resolves)| changes(0).post(entry(id, who, amount, resolves)));
    let guard =
        (0..2_u8, 0..4_u64).prop_map(|(of, version)| changes(0).guard(&reservation(of, version)));
    let caused = (0..6_u8).prop_map(|n| changes(0).caused_by(message(n)));
    let receipt = (0..3_u8, 0..8_u8, 0..3_u8).prop_map(|(key, print, how)| {
        let (key, print) = (receipt_key(key), fingerprint(print / 7));
        let answer = response(&format!("{how}"));
        match how {
            0 => changes(0).begin_receipt(key, print),
            1 => changes(0).receipt(key, print, answer),
            _ => changes(0).fill_receipt(key, print, answer),
        }
    });
    prop_oneof![
        4 => claim, 2 => sell, 2 => release, 1 => vacant, 2 => allow, 1 => give_back,
        3 => post, 1 => guard, 1 => caused, 1 => receipt,
    ]
}

/// A change set of few ids, often repeated, that may save a reservation.
fn change_set() -> impl Strategy<Value = ChangeSet> {
    let saved = proptest::option::weighted(0.4, (0..2_u8, 0..4_u64));
    (0..60_u8, saved, proptest::collection::vec(step(), 1..4)).prop_map(|(id, saved, steps)| {
        let mut set = changes(id);
        if let Some((of, version)) = saved {
            set = set.save(reservation(of, version));
        }
        for step in steps {
            set.claims.extend(step.claims);
            set.allowances.extend(step.allowances);
            set.entries.extend(step.entries);
            set.guards.extend(step.guards);
            set.message = step.message.or(set.message);
            set.receipt = step.receipt.or(set.receipt);
        }
        set
    })
}

fn run(store: &MemoryStore, batch: &[ChangeSet], first: ReadMode) -> Vec<String> {
    let shared = &store.shared;
    let mut session = Session::begin(shared, true, None);
    let mut planner = Planner::new(shared.options.partitions);
    let flushed = flush::flush(&mut session, &mut planner, batch, first);
    pollster::block_on(flushed).iter().map(|answer| format!("{answer:?}")).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_batch_equals_its_change_sets_one_by_one(
        all in proptest::collection::vec(change_set(), 1..40),
        batch_size in 1..24_usize,
    ) {
        let one_by_one = store(MemoryStoreOptions::default());
        let at_once = store(MemoryStoreOptions::default());
        let full = store(MemoryStoreOptions::default());
        let optimistic = store(MemoryStoreOptions::default());
        for batch in all.chunks(batch_size) {
            let expected: Vec<String> = batch
                .iter()
                .flat_map(|changes| one_by_one.flush_at_once(&mut [changes.clone()]))
                .map(|answer| format!("{answer:?}"))
                .collect();
            let answers = at_once.flush_at_once(&mut batch.to_vec());
            let answers: Vec<String> = answers.iter().map(|answer| format!("{answer:?}")).collect();
            prop_assert_eq!(&answers, &expected);
            prop_assert_eq!(&run(&full, batch, ReadMode::Full), &expected);
            prop_assert_eq!(&run(&optimistic, batch, ReadMode::Optimistic), &expected);
        }
        let expected = dump(&lock(&one_by_one.shared.tables));
        for other in [at_once, full, optimistic] {
            prop_assert_eq!(&dump(&lock(&other.shared.tables)), &expected);
        }
    }
}
