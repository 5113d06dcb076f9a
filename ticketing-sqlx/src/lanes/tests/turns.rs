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
