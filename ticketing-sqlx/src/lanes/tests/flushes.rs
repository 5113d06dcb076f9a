//! What goes into a flush, how much it reads, and how it fails.

use ticketing_core::error::{Fault as Kind, PortError};
use ticketing_core::port::CommitError;

use super::*;

#[tokio::test]
async fn what_queues_during_a_flush_goes_into_the_next() {
    let world = World::new();
    let lanes = world.lanes(limits());
    let first = queued(&lanes, claim(0, 0));
    world.flush_arrived().await;
    let others: Vec<_> = (1..10).map(|n| queued(&lanes, claim(n, 0))).collect();
    assert_eq!(lanes.stats().waiting, 9);
    world.let_go(2);
    for call in others.into_iter().chain([first]) {
        assert_done(&answer_of(call).await);
    }
    let sizes: Vec<_> = world.flushed().iter().map(Vec::len).collect();
    assert_eq!(sizes, [1, 9]);
    let stats = lanes.stats();
    assert_eq!((stats.flushes, stats.change_sets, stats.waiting), (2, 10, 0));
    assert_eq!((stats.reads, stats.full_reads), (2, 0));
}

#[tokio::test]
async fn a_flush_is_bounded_in_change_sets_and_rows() {
    for (change_sets, rows) in [(4, 8_192), (256, 8)] {
        let world = World::new();
        let batch = BatchLimits { change_sets, rows, ..BatchLimits::default() };
        let lanes = world.lanes(Limits { batch, ..limits() });
        // Two rows each: the claim and the id.
        let calls: Vec<_> = (0..10).map(|n| queued(&lanes, claim(n, 0))).collect();
        world.let_go(100);
        for call in calls {
            assert_done(&answer_of(call).await);
        }
        let sizes: Vec<_> = world.flushed().iter().map(Vec::len).collect();
        assert_eq!(sizes, [4, 4, 2], "{change_sets} change sets, {rows} rows");
    }
}

#[tokio::test]
async fn lanes_flush_at_the_same_time_and_a_stream_stays_in_its_lane() {
    let world = World::new();
    let lanes = world.lanes(Limits { lanes: 2, ..limits() });
    let lane = |n: usize| claim(n, 0).stream().partition(16) % 2;
    let calls: Vec<_> = (0..20).map(|n| queued(&lanes, claim(n, 0))).collect();
    world.flush_arrived().await;
    world.flush_arrived().await;
    world.let_go(100);
    for call in calls {
        assert_done(&answer_of(call).await);
    }
    for flush in world.flushed() {
        let lanes: FxHashSet<_> =
            flush.iter().map(|flushed| (0..20).find(|n| id(*n) == *flushed).map(lane)).collect();
        assert_eq!(lanes.len(), 1, "{flush:?}");
    }
}

#[tokio::test]
async fn every_key_is_read_while_batches_have_refusals() {
    let world = World::free();
    let lanes = world.lanes(limits());
    let reads = |world: &World| world.tables(|tables| std::mem::take(&mut tables.reads));
    assert_done(&lanes.commit(claim_seat(0, 0, 0)).await);
    assert_eq!(reads(&world), [false]);
    // A duplicate key tells of the refusal, then the first read is one of all keys.
    let taken = |answer| matches!(answer, Err(CommitError::SeatTaken(_)));
    assert!(taken(lanes.commit(claim_seat(1, 0, 0)).await));
    assert_eq!(reads(&world), [false, true]);
    assert!(taken(lanes.commit(claim_seat(2, 0, 0)).await));
    assert_eq!(reads(&world), [true]);
    for n in 3..12 {
        assert_done(&lanes.commit(claim_seat(n, 0, n)).await);
    }
    let expected: Vec<bool> = (0..9).map(|flush| flush < 8).collect();
    assert_eq!(reads(&world), expected);
    let stats = lanes.stats();
    assert_eq!((stats.raced, stats.reads, stats.full_reads), (1, 13, 10));
}

#[tokio::test]
async fn a_lost_deadlock_is_tried_again_and_counted() {
    let world = World::free();
    let lanes = world.lanes(limits());
    let lost = PortError::new("store", "commit", Kind::Transient);
    world.break_next(Fault::Fail(ExecError::Retry(lost)));
    assert_done(&lanes.commit(claim(0, 0)).await);
    let bad = PortError::new("store", "commit", Kind::Permanent);
    world.break_next(Fault::Fail(ExecError::Refused(bad)));
    assert!(matches!(lanes.commit(claim(1, 0)).await, Err(CommitError::Port(_))));
    world.break_next(Fault::Fail(ExecError::Unknown));
    assert!(matches!(lanes.commit(claim(2, 0)).await, Err(CommitError::Unknown(_))));
    let stats = lanes.stats();
    assert_eq!((stats.retried, stats.refused, stats.unknown), (1, 1, 1));
    assert_eq!((stats.flushes, stats.reads), (3, 4));
}

#[tokio::test]
async fn what_no_store_may_write_is_not_queued() {
    let lanes = World::new().lanes(limits());
    let answer = lanes.commit(ChangeSet::new(id(0), now())).await;
    assert!(matches!(answer, Err(CommitError::Invalid(_))), "{answer:?}");
    assert_eq!(lanes.stats().flushes, 0);
}

#[tokio::test(start_paused = true)]
async fn a_panic_is_unknown_for_its_batch_and_the_lane_goes_on() {
    let world = World::new();
    let lanes = world.lanes(limits());
    let first = queued(&lanes, claim(0, 0));
    world.flush_arrived().await;
    let others: Vec<_> = (1..4).map(|n| queued(&lanes, claim(n, 0))).collect();
    world.break_next(Fault::Panic);
    world.let_go(1);
    let answer = answer_of(first).await;
    assert!(matches!(answer, Err(CommitError::Unknown(of)) if of == id(0)), "{answer:?}");
    world.let_go(1);
    for call in others {
        assert_done(&answer_of(call).await);
    }
    let sessions = [&world.0.sessions, &world.0.dropped].map(|count| count.load(Ordering::SeqCst));
    assert_eq!(sessions, [2, 1], "opened, dropped");
    assert_eq!(lanes.stats().panicked, 1);
}

#[tokio::test(start_paused = true)]
async fn an_executor_that_cannot_be_made_is_made_again() {
    let world = World::free();
    let inner = Arc::clone(&world.0);
    let lanes = Lanes::start(limits(), move |turn| {
        let session = inner.sessions.fetch_add(1, Ordering::SeqCst);
        assert!(session >= 3, "asked to panic");
        Session(Arc::clone(&inner), turn)
    });
    assert_done(&answer_of(lanes.commit(claim(0, 0))).await);
    assert_eq!(lanes.stats().panicked, 3);
}
