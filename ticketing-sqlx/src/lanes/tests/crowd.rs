//! Many callers: turns, room for settling money, callers that go away.

use ticketing_core::port::CommitError;

use super::*;

#[tokio::test]
async fn a_small_performance_is_flushed_soon_whatever_floods_the_queue() {
    const FLOOD: usize = 3_000;
    let world = World::new();
    let lanes = world.lanes(limits());
    let mut flood: Vec<_> = (0..FLOOD).map(|n| queued(&lanes, claim(n, 0))).collect();
    world.flush_arrived().await;
    let small = queued(&lanes, claim(FLOOD, 1));
    flood.extend((FLOOD + 1..FLOOD + 50).map(|n| queued(&lanes, claim(n, 0))));
    world.let_go(3);
    assert_done(&answer_of(small).await);
    let flushed = world.flushed();
    let place = flushed.iter().position(|flush| flush.contains(&id(FLOOD)));
    assert!(place.is_some_and(|place| place < 3), "flushed after {place:?} others");
    assert!(lanes.stats().waiting > 2_000, "the flood still waits");
    world.let_go(100);
    for call in flood {
        assert_done(&answer_of(call).await);
    }
}

#[tokio::test]
async fn each_of_many_floods_gets_its_share_of_every_flush() {
    let world = World::new();
    let lanes = world.lanes(limits());
    let calls: Vec<_> = (0..2_048).map(|n| queued(&lanes, claim(n, n / 256))).collect();
    world.let_go(100);
    for call in calls {
        assert_done(&answer_of(call).await);
    }
    for flush in world.flushed() {
        for performance in 0..8 {
            let of = |n: &usize| flush.contains(&id(*n));
            let share = (performance * 256..(performance + 1) * 256).filter(of).count();
            assert_eq!(share, 32, "performance {performance}");
        }
    }
}

fn is_overloaded(answer: &Answer) -> bool {
    matches!(answer, Err(CommitError::Overloaded(of)) if of.retry_after == RETRY_AFTER)
}

#[tokio::test]
async fn a_full_queue_keeps_room_for_settling_money() {
    let world = World::new();
    let queue = QueueLimits { change_sets: 8, ..limits().queue };
    let lanes = world.lanes(Limits { queue, lanes: 2, ..limits() });
    // One flush stands in each lane; from here on everything waits.
    let lane = |n: &usize| claim(*n, 0).stream().partition(16) % 2;
    let [even, odd] = [0, 1].map(|of| (0..100).find(|n| lane(n) == of).unwrap());
    let flushing = [even, odd].map(|n| queued(&lanes, claim(n, 0)));
    world.flush_arrived().await;
    world.flush_arrived().await;

    let mut reserves: Vec<_> = (100..106).map(|n| queued(&lanes, claim(n, 0))).collect();
    let refused = lanes.commit(claim(106, 0)).now_or_never().expect("it is refused at once");
    assert!(is_overloaded(&refused), "{refused:?}");
    let mut settling: Vec<_> = (200..202).map(|n| queued(&lanes, settle(n))).collect();
    assert!(reserves.iter_mut().all(|call| call.now_or_never().is_none()));
    // Full: each that settles money takes the place of one that does not, until there is none.
    for n in 202..208 {
        settling.push(queued(&lanes, settle(n)));
        let before = reserves.len();
        let mut left = Vec::new();
        for mut call in reserves {
            match call.as_mut().now_or_never() {
                Some(answer) => assert!(is_overloaded(&answer), "{answer:?}"),
                None => left.push(call),
            }
        }
        assert_eq!(left.len(), before - 1);
        reserves = left;
    }
    let refused = lanes.commit(settle(208)).now_or_never().expect("it is refused at once");
    assert!(is_overloaded(&refused), "{refused:?}");
    assert_eq!((lanes.stats().overloaded, lanes.stats().waiting), (8, 8));

    world.let_go(100);
    for call in flushing.into_iter().chain(settling) {
        assert_done(&answer_of(call).await);
    }
    assert!(world.flushed().concat().iter().all(|of| (100..107).all(|n| id(n) != *of)));
}

#[tokio::test]
async fn the_bytes_that_wait_are_bounded() {
    let world = World::new();
    // A claim counts 128 bytes; three quarters of these hold seven.
    let queue = QueueLimits { bytes: 1_200, ..limits().queue };
    let lanes = world.lanes(Limits { queue, ..limits() });
    let first = queued(&lanes, claim(0, 0));
    world.flush_arrived().await;
    let waiting: Vec<_> = (1..8).map(|n| queued(&lanes, claim(n, 0))).collect();
    assert!(is_overloaded(&lanes.commit(claim(8, 0)).await));
    world.let_go(2);
    for call in waiting.into_iter().chain([first]) {
        assert_done(&answer_of(call).await);
    }
    world.let_go(1);
    assert_done(&answer_of(lanes.commit(claim(8, 0))).await);
}

#[tokio::test]
async fn a_caller_that_is_dropped_drops_only_its_answer() {
    let world = World::new();
    let lanes = world.lanes(limits());
    let flushing = queued(&lanes, claim(0, 0));
    world.flush_arrived().await;
    let waiting = queued(&lanes, claim(1, 0));
    let stays = queued(&lanes, claim(2, 0));
    drop((flushing, waiting));
    world.let_go(2);
    assert_done(&answer_of(stays).await);
    assert_eq!(world.flushed(), [vec![id(0)], vec![id(1), id(2)]]);
}
