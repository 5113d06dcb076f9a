//! The cache of performances.

use std::sync::Arc;
use std::time::Duration;

use chrono::TimeDelta;
use proptest::strategy::{Strategy, ValueTree};
use proptest::test_runner::TestRunner;
use ticketing_core::aggregate::Aggregate;
use ticketing_core::change_set::{ChangeSet, Record};
use ticketing_core::id::ChangeSetId;
use ticketing_core::performance::Performance;
use ticketing_core::port::Layouts;
use ticketing_core::testing::strategies;
use uuid::Uuid;

use super::fixture::{Fixture, block_on, noon};
use crate::Options;
use crate::db::Value;
use crate::reads::Performances;
use crate::reads::cache::Asked;

/// A performance as a store has it after one more commit.
fn saved(performance: &Performance) -> Arc<Performance> {
    let changes = ChangeSet::new(ChangeSetId::from_uuid(Uuid::nil()), noon());
    let changes = changes.save(performance.clone());
    match changes.records().next() {
        Some(Record::Performance(saved)) => Arc::clone(saved),
        other => panic!("expected a performance, got {other:?}"),
    }
}

fn drawn<const N: usize>() -> [Arc<Performance>; N] {
    let mut runner = TestRunner::deterministic();
    std::array::from_fn(|_| {
        saved(&strategies::performances().new_tree(&mut runner).unwrap().current())
    })
}

async fn put(fixture: &Fixture, performance: &Performance) {
    let columns = [
        ("id", performance.id().as_uuid().into()),
        ("version", Value::count(performance.root().version())),
        ("replaced", Value::Int(0)),
        ("events", Value::Int(1)),
        ("saved_at", noon().into()),
        ("show_id", performance.show().as_uuid().into()),
        ("body", Value::text(serde_json::to_string(performance).unwrap())),
    ];
    fixture.put("tk_performance", &columns).await;
}

async fn read(fixture: &Fixture, of: &Performance) -> u64 {
    fixture.store.performance(of.id()).await.unwrap().unwrap().root().version()
}

#[test]
fn a_performance_is_kept_for_a_while_and_read_past_the_cache() {
    block_on(async {
        let fixture = Fixture::new(Options::default()).await;
        let [first] = drawn();
        assert_eq!(fixture.store.performance(first.id()).await.unwrap(), None);
        put(&fixture, &first).await;
        assert_eq!(read(&fixture, &first).await, 1, "that nothing was there is not kept");
        let second = saved(&first);
        put(&fixture, &second).await;
        fixture.clock.advance(Duration::from_micros(4_999_999));
        assert_eq!(read(&fixture, &first).await, 1, "young");
        fixture.clock.advance(Duration::from_micros(1));
        assert_eq!(read(&fixture, &first).await, 2, "too old");

        let third = saved(&second);
        put(&fixture, &third).await;
        assert_eq!(read(&fixture, &first).await, 2);
        let fresh = fixture.store.fresh_performance(first.id()).await.unwrap().unwrap();
        assert_eq!(fresh, third);
        assert_eq!(read(&fixture, &first).await, 3, "what was read past the cache is kept");
    });
}

#[test]
fn a_clock_that_jumped_back_makes_nothing_young() {
    let cache = Performances::new(&Options::default());
    let [performance] = drawn();
    cache.keep(&performance, noon());
    let ask = |seconds| cache.ask(performance.id(), noon() + TimeDelta::seconds(seconds));
    assert!(matches!(ask(0), Asked::Kept(_)));
    assert!(matches!(ask(-1), Asked::Read(_)));
    assert!(matches!(ask(5), Asked::Read(_)));
}

#[test]
fn what_came_first_goes_first() {
    let options = Options { performances_cached_max: 2, ..Options::default() };
    let cache = Performances::new(&options);
    let all: [_; 3] = drawn();
    let kept = || all.each_ref().map(|of| matches!(cache.ask(of.id(), noon()), Asked::Kept(_)));
    cache.keep(&all[0], noon());
    cache.keep(&all[1], noon());
    cache.keep(&all[0], noon());
    assert_eq!(kept(), [true, true, false]);
    cache.keep(&all[2], noon());
    assert_eq!(kept(), [false, true, true]);
    cache.keep(&all[0], noon());
    assert_eq!(kept(), [true, false, true]);
}

#[test]
fn a_read_that_was_overtaken_is_not_kept() {
    let cache = Performances::new(&Options::default());
    let [first] = drawn();
    let second = saved(&first);
    let version = |seconds| match cache.ask(first.id(), noon() + TimeDelta::seconds(seconds)) {
        Asked::Kept(kept) => kept.root().version(),
        Asked::Read(_) | Asked::Wait(_) => 0,
    };
    cache.keep(&second, noon());
    cache.keep(&first, noon() + TimeDelta::seconds(1));
    assert_eq!((version(1), version(5)), (2, 0), "the older version is not kept");
    cache.keep(&second, noon() + TimeDelta::seconds(2));
    assert_eq!((version(6), version(7)), (2, 0), "the same version was read again");
    cache.keep(&second, noon() - TimeDelta::seconds(60));
    assert_eq!(version(-60), 2, "the clock was set back");
    cache.keep(&first, noon() + TimeDelta::seconds(60));
    assert_eq!(version(60), 1, "a database that was set back is believed");
}

#[test]
fn one_reads_and_the_others_wait() {
    block_on(async {
        let cache = Performances::new(&Options::default());
        let [performance, other] = drawn();
        let ask = || cache.ask(performance.id(), noon());
        let Asked::Read(reading) = ask() else { panic!("nobody reads it") };
        let Asked::Wait(wait) = ask() else { panic!("it is read") };
        assert!(matches!(cache.ask(other.id(), noon()), Asked::Read(_)), "another is free");
        let mut wait = Box::pin(wait.ended());
        let early = tokio::time::timeout(Duration::from_millis(20), &mut wait).await;
        assert!(early.is_err(), "the read has not ended");
        // A reader that gave up brings nothing, and lets the next one read.
        drop(reading);
        tokio::time::timeout(Duration::from_secs(10), wait).await.expect("the read has ended");
        assert!(matches!(ask(), Asked::Read(_)));
    });
}

#[test]
fn many_callers_at_once_get_the_same_performance() {
    block_on(async {
        let fixture = Fixture::new(Options::default()).await;
        let [performance] = drawn();
        put(&fixture, &performance).await;
        let tasks: Vec<_> = (0..64)
            .map(|_| {
                let (store, id) = (fixture.store.clone(), performance.id());
                tokio::spawn(async move { store.performance(id).await.unwrap().unwrap() })
            })
            .collect();
        let mut got = Vec::new();
        for task in tasks {
            got.push(task.await.unwrap());
        }
        assert!(got.iter().all(|of| Arc::ptr_eq(of, &got[0])), "one read serves all");
    });
}

#[test]
fn a_cache_that_is_off_keeps_nothing_and_makes_nobody_wait() {
    let none = Options { performances_cached_max: 0, ..Options::default() };
    let no_time = Options { performances_cached_for: Duration::ZERO, ..Options::default() };
    for options in [none, no_time] {
        let cache = Performances::new(&options);
        let [performance] = drawn();
        cache.keep(&performance, noon());
        let first = cache.ask(performance.id(), noon());
        let second = cache.ask(performance.id(), noon());
        assert!(matches!((first, second), (Asked::Read(_), Asked::Read(_))));
    }
}
