//! How a store ends.

use ticketing_core::error::Fault as Kind;
use ticketing_core::port::CommitError;

use super::*;
use crate::Closed;
use crate::lanes::queue::Shared;

const LONG: Duration = Duration::from_secs(20);

fn is_closed(answer: &Answer) -> bool {
    matches!(answer, Err(CommitError::Port(error)) if error.fault() == Kind::Transient)
}

fn dropped(world: &World) -> usize {
    world.0.dropped.load(Ordering::SeqCst)
}

/// Lets tasks of this thread run until `done`.
async fn until(done: impl Fn() -> bool) {
    for _ in 0..10_000 {
        if done() {
            return;
        }
        tokio::task::yield_now().await;
    }
    panic!("it does not come");
}

#[tokio::test]
async fn closing_commits_what_is_queued_and_takes_nothing_more() {
    let world = World::new();
    let lanes = world.lanes(Limits { lanes: 3, ..limits() });
    let calls: Vec<_> = (0..600).map(|n| queued(&lanes, claim(n, 0))).collect();
    let mut closing = Box::pin(lanes.close(LONG));
    assert!(closing.as_mut().now_or_never().is_none());
    assert!(is_closed(&answer_of(lanes.commit(claim(600, 0))).await));
    world.let_go(100);
    assert_eq!(closing.await, Closed::default());
    assert_eq!(dropped(&world), 3);
    for call in calls {
        assert_done(&answer_of(call).await);
    }
    assert_eq!(world.flushed().concat().len(), 600);
    assert_eq!(lanes.close(LONG).await, Closed::default());
}

#[tokio::test(start_paused = true)]
async fn idle_lanes_end_at_once() {
    let world = World::free();
    let lanes = world.lanes(Limits { lanes: 3, ..limits() });
    assert_done(&answer_of(lanes.commit(claim(0, 0))).await);
    let at_once = tokio::time::timeout(Duration::from_millis(1), lanes.close(LONG));
    assert_eq!(at_once.await, Ok(Closed::default()));
    assert_eq!(dropped(&world), 3);
}

#[test]
fn who_waits_is_told_at_the_deadline_even_if_a_lane_does_not_let_go() {
    // No lane ever runs here.
    let shared = Shared::new(limits());
    let answers: Vec<_> = (0..3).map(|n| shared.push(claim(n, 0)).unwrap()).collect();
    shared.close();
    shared.give_up();
    for answer in answers {
        let told = answer.now_or_never().expect("it is told at once");
        assert!(is_closed(&told.unwrap()));
    }
    assert_eq!(shared.closed(), Closed { not_committed: 3, unknown: 0 });
}

#[tokio::test(start_paused = true)]
async fn after_the_deadline_everybody_is_told_and_counted() {
    let world = World::new();
    let lanes = world.lanes(limits());
    let flushing: Vec<_> = (0..2).map(|n| queued(&lanes, claim(n, 0))).collect();
    world.flush_arrived().await;
    let waiting: Vec<_> = (2..7).map(|n| queued(&lanes, claim(n, 0))).collect();
    let closed = lanes.close(LONG).await;
    assert_eq!(closed, Closed { not_committed: 5, unknown: 2 });
    for (n, call) in flushing.into_iter().enumerate() {
        let answer = answer_of(call).await;
        assert!(matches!(answer, Err(CommitError::Unknown(of)) if of == id(n)), "{answer:?}");
    }
    for call in waiting {
        let answer = answer_of(call).await;
        assert!(is_closed(&answer), "{answer:?}");
    }
    assert_eq!((dropped(&world), world.flushed().len()), (1, 0));
}

#[tokio::test(start_paused = true)]
async fn a_lane_that_rests_after_a_panic_is_closed_too() {
    let world = World::free();
    let lanes = Lanes::start(limits(), |_| -> Session { panic!("asked to panic") });
    let waiting = queued(&lanes, claim(0, 0));
    let closed = lanes.close(LONG).await;
    assert_eq!(closed, Closed { not_committed: 1, unknown: 0 });
    assert!(is_closed(&answer_of(waiting).await));
    drop(world);
}

#[tokio::test]
async fn lanes_that_are_dropped_commit_what_is_queued_and_end() {
    let world = World::new();
    let lanes = world.lanes(Limits { lanes: 2, ..limits() });
    drop((0..20).map(|n| queued(&lanes, claim(n, 0))).collect::<Vec<_>>());
    drop(lanes);
    world.let_go(2);
    until(|| dropped(&world) == 2).await;
    assert_eq!(world.flushed().concat().len(), 20);
    assert_eq!(Arc::strong_count(&world.0), 1, "no task keeps anything");
}

#[test]
fn callers_outlive_the_runtime_of_the_lanes() {
    let runtime = || tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let (own, other) = (runtime(), runtime());
    let world = World::new();
    let lanes = own.block_on(async { world.lanes(limits()) });
    let flushing = queued(&lanes, claim(0, 0));
    own.block_on(world.flush_arrived());
    let waiting = queued(&lanes, claim(1, 0));
    drop(own);
    let answers = other.block_on(async {
        let late = answer_of(lanes.commit(claim(2, 0))).await;
        (answer_of(flushing).await, answer_of(waiting).await, late)
    });
    assert!(matches!(answers.0, Err(CommitError::Unknown(of)) if of == id(0)), "{answers:?}");
    assert!(is_closed(&answers.1) && is_closed(&answers.2), "{answers:?}");
}
