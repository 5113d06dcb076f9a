//! Two sessions of a lane.

use super::*;

fn two_sessions() -> Limits {
    Limits { sessions: 2, ..limits() }
}

fn passing(world: &World) {
    world.0.passes.store(true, Ordering::SeqCst);
}

/// Long enough for a flush that may come to come.
async fn a_while() {
    for _ in 0..100 {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn the_next_session_works_while_one_commits() {
    let world = World::new();
    passing(&world);
    let lanes = world.lanes(two_sessions());
    let first = queued(&lanes, claim(1, 0));
    world.flush_arrived().await;
    let second = [queued(&lanes, claim(2, 0)), queued(&lanes, claim(3, 0))];
    world.flush_arrived().await;
    let third = queued(&lanes, claim(4, 0));
    a_while().await;
    assert_eq!(world.0.arrived.available_permits(), 0, "both sessions commit");
    world.let_go(3);
    assert_done(&answer_of(first).await);
    for call in second {
        assert_done(&answer_of(call).await);
    }
    assert_done(&answer_of(third).await);
    let mut flushed = world.flushed();
    flushed.sort_unstable();
    assert_eq!(flushed, [vec![id(1)], vec![id(2), id(3)], vec![id(4)]]);
    assert_eq!(world.0.sessions.load(Ordering::SeqCst), 2);
}

#[tokio::test]
async fn one_session_at_a_time_works() {
    let world = World::new();
    let lanes = world.lanes(two_sessions());
    let first = queued(&lanes, claim(1, 0));
    world.flush_arrived().await;
    let second = queued(&lanes, claim(2, 0));
    a_while().await;
    assert_eq!(world.0.arrived.available_permits(), 0, "the first has not passed its turn");
    world.let_go(2);
    assert_done(&answer_of(first).await);
    assert_done(&answer_of(second).await);
}

#[tokio::test]
async fn a_turn_ends_with_a_flush_that_panics() {
    let world = World::new();
    world.break_next(Fault::Panic);
    let lanes = world.lanes(two_sessions());
    let first = queued(&lanes, claim(1, 0));
    world.let_go(2);
    assert!(matches!(answer_of(first).await, Err(CommitError::Unknown(_))));
    assert_done(&answer_of(lanes.commit(claim(2, 0))).await);
}

#[tokio::test]
async fn a_lane_with_a_session_left_takes_change_sets_and_without_one_refuses() {
    let world = World::free();
    let lanes = world.lanes(two_sessions());
    lanes.tasks[0].abort();
    a_while().await;
    assert_done(&answer_of(lanes.commit(claim(1, 0))).await);
    lanes.tasks[1].abort();
    a_while().await;
    assert!(matches!(answer_of(lanes.commit(claim(2, 0))).await, Err(CommitError::Port(_))));
    assert_eq!(lanes.close(Duration::from_secs(1)).await, crate::Closed::default());
}

#[tokio::test]
async fn a_turn_that_was_passed_does_not_end_with_the_panic_of_who_passed_it() {
    let world = World::new();
    passing(&world);
    let lanes = world.lanes(two_sessions());
    let first = queued(&lanes, claim(1, 0));
    world.flush_arrived().await;
    world.0.passes.store(false, Ordering::SeqCst);
    let second = queued(&lanes, claim(2, 0));
    world.flush_arrived().await;
    world.break_next(Fault::Panic);
    world.let_go(1);
    assert!(matches!(answer_of(first).await, Err(CommitError::Unknown(_))));
    let third = queued(&lanes, claim(3, 0));
    a_while().await;
    assert_eq!(world.0.arrived.available_permits(), 0, "the second has its turn still");
    world.let_go(2);
    assert_done(&answer_of(second).await);
    assert_done(&answer_of(third).await);
}

#[tokio::test]
async fn closing_ends_both_sessions() {
    let world = World::new();
    passing(&world);
    let lanes = world.lanes(two_sessions());
    let first = queued(&lanes, claim(1, 0));
    world.flush_arrived().await;
    world.let_go(1);
    let closed = lanes.close(Duration::from_secs(10)).await;
    assert_eq!(closed, crate::Closed::default());
    assert_done(&answer_of(first).await);
    assert_eq!(world.0.dropped.load(Ordering::SeqCst), 2);
}

#[tokio::test(start_paused = true)]
async fn after_the_deadline_both_batches_are_unknown() {
    let world = World::new();
    passing(&world);
    let lanes = world.lanes(two_sessions());
    let first = queued(&lanes, claim(1, 0));
    world.flush_arrived().await;
    let second = queued(&lanes, claim(2, 0));
    world.flush_arrived().await;
    let third = queued(&lanes, claim(3, 0));
    let closed = lanes.close(Duration::from_secs(10)).await;
    assert_eq!(closed, crate::Closed { not_committed: 1, unknown: 2 });
    for call in [first, second] {
        assert!(matches!(answer_of(call).await, Err(CommitError::Unknown(_))));
    }
    assert!(matches!(answer_of(third).await, Err(CommitError::Port(_))));
}
