mod blocks;

use std::sync::Arc;

use ticketing_core::aggregate::{AggregateKind, AggregateRef, StreamKey};
use ticketing_core::id::ChangeSetId;
use ticketing_core::memory::ManualClock;
use ticketing_core::port::Clock;
use uuid::Uuid;

use super::block::Event;
use super::dropping::{DROP, DROPPED, OLDEST, SHORTEN};
use super::*;
use crate::fixture::{File, clock, minute};
use crate::{Options, fixture};

const TTL: Duration = Duration::from_secs(10);

fn name(name: &str) -> Label<64> {
    Label::new(name).unwrap()
}

fn limit(limit: usize) -> Limit {
    Limit::new(limit).unwrap()
}

async fn opened() -> (File, ManualClock, Store) {
    let file = File::migrated(&Options { partitions: 3, ..Options::default() }).await;
    let clock = clock();
    let store = file.store(&clock).await;
    (file, clock, store)
}

async fn taken(store: &Store, owner: &str) -> OutboxLease {
    store.lease(1, name(owner), TTL).await.unwrap().expect("nobody has it")
}

/// Puts events into partition 1, each at its minute, as so many flushes do.
async fn told(store: &Store, minutes: &[i64]) {
    for minute in minutes {
        told_at_once(store, &[*minute]).await;
    }
}

/// The same, as one flush does.
async fn told_at_once(store: &Store, minutes: &[i64]) {
    let payload = |n| format!("{{\"n\":{n}}}").into_bytes();
    let first = last(store).await + 1;
    let told: Vec<_> = (first..).zip(minutes).map(|(n, at)| (minute(*at), payload(n))).collect();
    put(store, told.iter().map(|(at, payload)| event(*at, payload)).collect()).await;
}

async fn last(store: &Store) -> i64 {
    let sql = "SELECT last FROM tk_outbox_part WHERE part = 1";
    store.database().fetch(sql, &[]).await.unwrap()[0].int(0).unwrap()
}

async fn put(store: &Store, events: Vec<Event<'_>>) {
    let first = last(store).await + 1;
    let sql = "UPDATE tk_outbox_part SET last = last + ? WHERE part = 1";
    store.database().execute(sql, &[size(events.len())]).await.unwrap();
    for (sql, values) in fixture::told(1, first, &events) {
        store.database().execute(&sql, &values).await.unwrap();
    }
}

fn event(occurred_at: DateTime<Utc>, payload: &[u8]) -> Event<'_> {
    let id = Uuid::from_u128;
    Event {
        change_set: ChangeSetId::from_uuid(id(3)),
        stream: StreamKey(id(1)),
        kind: 4,
        aggregate: id(2),
        number: 7,
        name: "reservation.made",
        occurred_at,
        payload,
    }
}

fn numbers(rows: &[OutboxRow]) -> Vec<u64> {
    rows.iter().map(|row| row.sequence).collect()
}

fn is_fenced<T: std::fmt::Debug>(answer: &Result<T, OutboxError>, epoch: u64) -> bool {
    matches!(answer, Err(OutboxError::Fenced { partition: 1, epoch: told }) if *told == epoch)
}

#[tokio::test]
async fn a_lease_is_for_one_owner_until_its_end() {
    let (_file, clock, store) = opened().await;
    let first = taken(&store, "a").await;
    assert_eq!((first.epoch, first.expires_at), (1, clock.now() + TTL));
    assert_eq!(store.lease(1, name("b"), TTL).await.unwrap(), None);
    clock.advance(Duration::from_micros(9_999_999));
    assert_eq!(store.lease(1, name("b"), TTL).await.unwrap(), None);
    let renewed = taken(&store, "a").await;
    assert_eq!((renewed.epoch, renewed.expires_at), (1, clock.now() + TTL));
    clock.advance(TTL);
    assert_eq!(taken(&store, "a").await.epoch, 1, "nobody took it over meanwhile");
    clock.advance(TTL);
    assert_eq!(taken(&store, "b").await.epoch, 2);
    let other = store.lease(2, name("a"), TTL).await.unwrap().unwrap();
    assert_eq!((other.partition, other.epoch), (2, 1));
}

#[tokio::test]
async fn a_lease_lasts_whole_microseconds_and_never_beyond_time() {
    let (_file, clock, store) = opened().await;
    let lease = store.lease(1, name("a"), Duration::from_nanos(1_999)).await.unwrap().unwrap();
    assert_eq!(lease.expires_at, clock.now() + Duration::from_micros(1));
    let lease = store.lease(1, name("a"), Duration::MAX).await.unwrap().unwrap();
    assert!(lease.expires_at > minute(1_000_000_000), "{lease:?}");
    assert_eq!(store.lease(1, name("b"), TTL).await.unwrap(), None);
}

#[tokio::test]
async fn a_lease_that_was_given_up_is_free_and_over() {
    let (_file, _clock, store) = opened().await;
    let lease = taken(&store, "a").await;
    store.give_up(lease.clone()).await.unwrap();
    assert!(is_fenced(&store.give_up(lease.clone()).await, 1));
    assert!(is_fenced(&store.read(lease.clone(), limit(1)).await, 1));
    assert!(is_fenced(&store.advance(lease, 0).await, 1));
    assert_eq!(taken(&store, "a").await.epoch, 2, "its own earlier lease is fenced off, too");
}

#[tokio::test]
async fn an_owner_that_was_taken_over_can_do_nothing() {
    let (_file, clock, store) = opened().await;
    told(&store, &[1, 2]).await;
    let old = taken(&store, "a").await;
    clock.advance(TTL);
    store.read(old.clone(), limit(1)).await.expect("it ran out, and nobody else has published");
    let new = taken(&store, "b").await;
    assert!(is_fenced(&store.read(old.clone(), limit(1)).await, 1));
    assert!(is_fenced(&store.advance(old.clone(), 1).await, 1));
    assert!(is_fenced(&store.give_up(old.clone()).await, 1));
    let stolen = OutboxLease { epoch: new.epoch, ..old };
    assert!(is_fenced(&store.advance(stolen, 1).await, 2), "another owner's epoch");
    assert_eq!(numbers(&store.read(new, limit(9)).await.unwrap()), [1, 2]);
}

#[tokio::test(flavor = "multi_thread")]
async fn of_many_processes_one_gets_a_free_partition() {
    let (file, clock, store) = opened().await;
    for round in 1..=5 {
        let mut tasks = Vec::new();
        for process in 0..6 {
            let store = file.store(&clock).await;
            let owner = name(&format!("process-{process}"));
            tasks.push(tokio::spawn(async move { store.lease(1, owner, TTL).await.unwrap() }));
        }
        let mut won = Vec::new();
        for task in tasks {
            won.extend(task.await.unwrap());
        }
        assert_eq!(won.len(), 1, "{won:?}");
        assert_eq!(won[0].epoch, round);
        store.give_up(won.remove(0)).await.unwrap();
    }
}

#[tokio::test]
async fn events_come_in_order_until_the_cursor_moves() {
    let (_file, _clock, store) = opened().await;
    let lease = taken(&store, "a").await;
    assert_eq!(store.read(lease.clone(), limit(5)).await.unwrap(), []);
    told(&store, &[3, 1, 2]).await;
    let rows = store.read(lease.clone(), limit(2)).await.unwrap();
    let id = Uuid::from_u128;
    let first = OutboxRow {
        partition: 1,
        sequence: 1,
        stream: StreamKey(id(1)),
        aggregate: AggregateRef { kind: AggregateKind::Reservation, id: id(2) },
        number: 7,
        name: "reservation.made".into(),
        occurred_at: minute(3),
        change_set: ChangeSetId::from_uuid(id(3)),
        payload: br#"{"n":1}"#.to_vec(),
    };
    assert_eq!((&rows[0], rows[1].sequence, rows.len()), (&first, 2, 2));
    assert_eq!(store.read(lease.clone(), limit(2)).await.unwrap(), rows);
    store.advance(lease.clone(), 2).await.unwrap();
    store.advance(lease.clone(), 2).await.unwrap();
    assert_eq!(numbers(&store.read(lease.clone(), limit(9)).await.unwrap()), [3]);
    store.give_up(lease).await.unwrap();
    let next = taken(&store, "b").await;
    assert_eq!(numbers(&store.read(next, limit(9)).await.unwrap()), [3]);
}

#[tokio::test]
async fn the_cursor_stays_between_its_bounds() {
    let (_file, _clock, store) = opened().await;
    told(&store, &[1, 2, 3]).await;
    let lease = taken(&store, "a").await;
    store.advance(lease.clone(), 2).await.unwrap();
    for wrong in [0, 1, 4, u64::MAX] {
        match store.advance(lease.clone(), wrong).await {
            Err(OutboxError::Cursor { from: 2, to: 3, got }) => assert_eq!(got, wrong),
            answer => panic!("{wrong}: {answer:?}"),
        }
    }
    assert_eq!(numbers(&store.read(lease.clone(), limit(9)).await.unwrap()), [3]);
    store.advance(lease, 3).await.unwrap();
}

/// Events that were lost by accident are not passed over in silence.
#[tokio::test]
async fn a_missing_event_is_an_error() {
    for lost in 1..=3 {
        let (_file, _clock, store) = opened().await;
        told(&store, &[1, 2, 3, 4]).await;
        let lease = taken(&store, "a").await;
        let sql = "DELETE FROM tk_outbox WHERE sequence = ?";
        store.database().execute(sql, &[Value::Int(lost)]).await.unwrap();
        let answer = store.read(lease, limit(9)).await;
        let Err(OutboxError::Port(error)) = answer else { panic!("{answer:?}") };
        assert_eq!(error.fault(), Fault::Permanent);
        let told = format!("expected event {lost} of partition 1, got {}", lost + 1);
        assert!(format!("{error:?}").contains(&told), "{error:?}");
    }
}

#[tokio::test]
async fn only_old_events_behind_the_cursor_are_dropped() {
    let (_file, _clock, store) = opened().await;
    told(&store, &[1, 2, 9, 3, 4]).await;
    let lease = taken(&store, "a").await;
    let dropped =
        async |before, size| store.drop_published(1, minute(before), limit(size)).await.unwrap();
    let kept = async || {
        let sql = "SELECT sequence FROM tk_outbox ORDER BY sequence";
        let rows = store.database().fetch(sql, &[]).await.unwrap();
        rows.iter().map(|row| row.int(0).unwrap()).collect::<Vec<_>>()
    };
    assert_eq!(dropped(100, 9).await, 0, "nothing was published");
    store.advance(lease.clone(), 4).await.unwrap();
    assert_eq!(dropped(1, 9).await, 0, "nothing happened before");
    assert_eq!(dropped(5, 1).await, 1);
    assert_eq!(kept().await, [2, 3, 4, 5]);
    assert_eq!(dropped(5, 9).await, 1, "up to the young one");
    assert_eq!(dropped(5, 9).await, 0);
    assert_eq!(kept().await, [3, 4, 5]);
    assert_eq!(dropped(100, 9).await, 2, "up to the cursor");
    assert_eq!(kept().await, [5]);
    assert_eq!(numbers(&store.read(lease.clone(), limit(9)).await.unwrap()), [5]);
    store.advance(lease, 5).await.unwrap();
    assert_eq!(dropped(100, 9).await, 1);
    assert_eq!(store.drop_published(0, minute(100), limit(9)).await.unwrap(), 0);
}

#[tokio::test]
async fn now_and_then_it_is_written_down_what_was_dropped() {
    let (_file, _clock, store) = opened().await;
    let sql = "INSERT INTO tk_outbox (part, sequence, events, occurred_at, body) \
               WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < 9000) \
               SELECT 1, n, 1, 1, '' FROM n";
    store.database().execute(sql, &[]).await.unwrap();
    let sql = "UPDATE tk_outbox_reader SET published = 8999 WHERE part = 1";
    store.database().execute(sql, &[]).await.unwrap();
    let mut seen = Vec::new();
    for count in [1_000; 8].into_iter().chain([999, 0]) {
        let dropped = store.drop_published(1, minute(1), limit(1_000)).await.unwrap();
        assert_eq!(dropped, count);
        let sql = "SELECT dropped FROM tk_outbox_reader WHERE part = 1";
        let rows = store.database().fetch(sql, &[]).await.unwrap();
        seen.push(rows[0].int(0).unwrap());
    }
    assert_eq!(seen, [0, 0, 0, 0, 0, 0, 0, 0, 8_999, 8_999]);
}

#[tokio::test]
async fn what_waits_is_counted_over_all_partitions() {
    let (_file, _clock, store) = opened().await;
    assert_eq!(store.waiting().await.unwrap(), 0);
    told(&store, &[1, 2, 3]).await;
    store
        .database()
        .execute("UPDATE tk_outbox_part SET last = 5 WHERE part = 2", &[])
        .await
        .unwrap();
    assert_eq!(store.waiting().await.unwrap(), 8);
    let lease = taken(&store, "a").await;
    store.advance(lease, 2).await.unwrap();
    assert_eq!(store.waiting().await.unwrap(), 6);
}

#[tokio::test]
async fn a_partition_that_is_not_there_is_named_with_how_many_there_are() {
    let (_file, clock, store) = opened().await;
    assert_eq!(store.partitions().await.unwrap(), 3);
    let (owner, expires_at) = (name("a"), clock.now());
    let lease = OutboxLease { partition: 3, owner: owner.clone(), epoch: 0, expires_at };
    let answers = [
        store.lease(3, owner, TTL).await.map(drop),
        store.give_up(lease.clone()).await,
        store.read(lease.clone(), limit(1)).await.map(drop),
        store.advance(lease, 0).await,
        store.drop_published(3, minute(0), limit(1)).await.map(drop),
    ];
    for answer in answers {
        let Err(OutboxError::NoSuchPartition { partitions: 3, got: 3 }) = answer else {
            panic!("{answer:?}")
        };
    }
}

/// No statement looks at more rows than it gives back, or sorts them.
#[tokio::test]
async fn every_statement_goes_by_the_primary_key() {
    let (_file, _clock, store) = opened().await;
    let lease = lease(Dialect::Sqlite);
    let reads = [lease, GIVE_UP, READ, READ_ON, BOUNDS, ADVANCE];
    for sql in reads.into_iter().chain([OLDEST, DROP, SHORTEN, DROPPED]) {
        let count = sql.matches('?').count();
        let values = vec![Value::Int(1); count];
        let rows = store.database().fetch(&format!("EXPLAIN QUERY PLAN {sql}"), &values).await;
        let plan: Vec<String> =
            rows.unwrap().iter().map(|row| row.text(3).unwrap().to_owned()).collect();
        let bad = |step: &&String| step.contains("TEMP B-TREE") || step.contains("SCAN");
        assert_eq!(plan.iter().find(bad), None, "{sql}\n{plan:#?}");
        assert!(plan.iter().any(|step| step.contains("PRIMARY KEY")), "{sql}\n{plan:#?}");
    }
}

#[tokio::test]
async fn two_stores_share_what_stands_in_the_database() {
    let (file, clock, store) = opened().await;
    let other = file.store(&clock).await;
    told(&store, &[1, 2]).await;
    let lease = taken(&store, "a").await;
    store.advance(lease.clone(), 1).await.unwrap();
    assert_eq!(numbers(&other.read(lease, limit(9)).await.unwrap()), [2]);
    let third = Store::connect(&file.url(), Options::default(), Arc::new(clock)).await.unwrap();
    assert_eq!(third.waiting().await.unwrap(), 1);
}
