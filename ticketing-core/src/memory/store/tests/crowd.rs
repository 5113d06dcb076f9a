//! Many callers at once: gathering, room for settling money, dropped callers.

use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use super::store;
use crate::change_set::ChangeSet;
use crate::flush::Answer;
use crate::flush::tests::{changes, message, of, performance, seats};
use crate::memory::lock;
use crate::memory::store::{MemoryStore, MemoryStoreOptions, QueueLimits, Race, StoreFault};
use crate::port::{CommitError, Committed, Store};

pub(super) type Call<'a> = Pin<Box<dyn Future<Output = Answer> + Send + 'a>>;

pub(super) fn call(store: &MemoryStore, changes: ChangeSet) -> Call<'_> {
    Box::pin(store.commit(changes))
}

pub(super) fn poll(call: &mut Call<'_>) -> Poll<Answer> {
    call.as_mut().poll(&mut Context::from_waker(Waker::noop()))
}

/// Polls all in turn until each is answered.
fn run(mut calls: Vec<Option<Call<'_>>>) -> Vec<Answer> {
    let mut answers: Vec<Option<Answer>> = calls.iter().map(|_| None).collect();
    for _ in 0..10_000 {
        for (call, answer) in calls.iter_mut().zip(&mut answers) {
            if let Some(running) = call
                && let Poll::Ready(ready) = poll(running)
            {
                *answer = Some(ready);
                *call = None;
            }
        }
        if calls.iter().all(Option::is_none) {
            return answers.into_iter().flatten().collect();
        }
    }
    panic!("callers wait for ever");
}

fn claim(n: u8, seat: u32) -> ChangeSet {
    changes(n).claim(performance(0), seats(&[seat]), of(n))
}

fn gathering() -> MemoryStoreOptions {
    MemoryStoreOptions { gather: true, ..MemoryStoreOptions::default() }
}

/// Counts the flushes that come to their write, by the first change set of each.
fn count_refusals(store: &MemoryStore) -> Arc<AtomicUsize> {
    let asked = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&asked);
    store.fail_when(move |_| {
        counter.fetch_add(1, Ordering::Relaxed);
        Some(StoreFault::Refuse)
    });
    asked
}

#[test]
fn gathering_makes_one_batch_of_all_callers_of_a_thread() {
    let store = store(gathering());
    // Refused in halves, 8 in one batch are asked about 15 times; 8 batches of one, 8 times.
    let asked = count_refusals(&store);
    let answers = run((0..8).map(|n| Some(call(&store, claim(n, u32::from(n))))).collect());
    assert!(answers.iter().all(|answer| matches!(answer, Err(CommitError::Port(_)))));
    assert_eq!(asked.load(Ordering::Relaxed), 15);
}

#[test]
fn halves_isolate_the_change_set_that_is_refused() {
    let store = store(gathering());
    let bad = changes(5).id();
    store.fail_when(move |changes| (changes.id() == bad).then_some(StoreFault::Refuse));
    let answers = run((0..8).map(|n| Some(call(&store, claim(n, u32::from(n))))).collect());
    for (n, answer) in answers.iter().enumerate() {
        assert_eq!(answer.is_ok(), n != 5, "{n}: {answer:?}");
    }
    let taken = store.tables().claims.after(None).count();
    assert_eq!(taken, 7);
}

#[test]
fn a_lost_answer_is_unknown_and_sending_again_tells() {
    for written in [true, false] {
        let store = store(MemoryStoreOptions::default());
        store.fail_when(move |_| Some(StoreFault::LoseAnswer { written }));
        let answer = pollster::block_on(store.commit(claim(1, 1)));
        assert!(matches!(answer, Err(CommitError::Unknown(id)) if id == changes(1).id()));
        assert_eq!(store.tables().claims.after(None).count(), usize::from(written));
        store.fail_never();
        let again = pollster::block_on(store.commit(claim(1, 1)));
        assert_eq!(again.unwrap(), Committed::Done);
        assert_eq!(store.tables().claims.after(None).count(), 1);
    }
}

#[test]
fn a_deadlock_is_not_seen_by_the_caller() {
    let store = store(MemoryStoreOptions::default());
    let left = Mutex::new(2);
    store.fail_when(move |_| {
        let mut left = lock(&left);
        let deadlock = *left > 0;
        *left -= i32::from(deadlock);
        deadlock.then_some(StoreFault::Deadlock)
    });
    assert!(pollster::block_on(store.commit(claim(1, 1))).is_ok());
}

#[test]
fn a_full_queue_keeps_room_for_settling_money() {
    let retry_after = Duration::from_millis(70);
    let queue = QueueLimits { change_sets: 8, retry_after, ..QueueLimits::default() };
    let store = store(MemoryStoreOptions { queue, ..gathering() });
    let mut calls: Vec<Call<'_>> = (0..7).map(|n| call(&store, claim(n, u32::from(n)))).collect();
    for waiting in &mut calls[..6] {
        assert!(poll(waiting).is_pending());
    }
    let refused = poll(&mut calls[6]);
    let Poll::Ready(Err(CommitError::Overloaded(overloaded))) = refused else {
        panic!("expected an overload, got {refused:?}")
    };
    assert_eq!(overloaded.retry_after, retry_after);
    calls.pop();

    // Two use the last quarter, a third takes the place of the youngest that settles nothing.
    let settle = |n: u8| call(&store, changes(n).caused_by(message(n)).settles_money());
    let mut settling: Vec<Call<'_>> = (10..13).map(settle).collect();
    for waiting in &mut settling {
        assert!(poll(waiting).is_pending());
    }
    let answers = run(calls.into_iter().chain(settling).map(Some).collect());
    let refused: Vec<usize> =
        (0..9).filter(|&n| matches!(answers[n], Err(CommitError::Overloaded(_)))).collect();
    assert_eq!(refused, [5]);
    assert_eq!(answers.iter().filter(|answer| answer.is_ok()).count(), 8);
}

#[test]
fn a_queue_of_nothing_but_settling_money_is_bounded_too() {
    let queue = QueueLimits { change_sets: 4, ..QueueLimits::default() };
    let store = store(MemoryStoreOptions { queue, ..gathering() });
    let settle = |n: u8| call(&store, changes(n).caused_by(message(n)).settles_money());
    let mut calls: Vec<Call<'_>> = (0..5).map(settle).collect();
    let ready: Vec<bool> = calls.iter_mut().map(|call| poll(call).is_ready()).collect();
    assert_eq!(ready, [false, false, false, false, true]);
}

#[test]
fn a_small_performance_does_not_wait_behind_a_large_one() {
    let store = store(MemoryStoreOptions { batch_max: 4, ..gathering() });
    let large = (0..12).map(|n| changes(n).claim(performance(0), seats(&[u32::from(n)]), of(n)));
    let small = (12..14).map(|n| changes(n).claim(performance(1), seats(&[u32::from(n)]), of(n)));
    let mut calls: Vec<Call<'_>> = large.chain(small).map(|set| call(&store, set)).collect();
    for waiting in &mut calls {
        assert!(poll(waiting).is_pending());
    }
    let (batch, _) = lock(&store.shared.intake).take(0, 4);
    let ids: Vec<_> = batch.iter().map(ChangeSet::id).collect();
    assert_eq!(ids, [0, 12, 1, 13].map(|n| changes(n).id()));
}

#[test]
fn a_dropped_leader_leaves_its_batch_to_the_others() {
    let race = Some(Race { lanes: 1, ..Race::default() });
    for polls in 1..8 {
        let store = store(MemoryStoreOptions { race, ..gathering() });
        let mut calls: Vec<Call<'_>> =
            (0..4).map(|n| call(&store, claim(n, u32::from(n)))).collect();
        for waiting in &mut calls {
            assert!(poll(waiting).is_pending());
        }
        let mut leader = calls.remove(0);
        for _ in 0..polls {
            if poll(&mut leader).is_ready() {
                break;
            }
        }
        drop(leader);
        let answers = run(calls.into_iter().map(Some).collect());
        assert!(answers.iter().all(Result::is_ok), "{answers:?}");
        assert_eq!(store.tables().claims.after(None).count(), 4, "after {polls} polls");
    }
}

#[test]
fn callers_on_many_threads_are_all_answered() {
    let store = store(MemoryStoreOptions::default());
    let threads: Vec<_> = (0..8_u8)
        .map(|thread| {
            let store = store.clone();
            std::thread::spawn(move || {
                let mut won = 0;
                for n in 0..31_u8 {
                    let id = thread * 31 + n;
                    let answer = pollster::block_on(store.commit(claim(id, u32::from(n))));
                    match answer {
                        Ok(Committed::Done) => won += 1,
                        Err(CommitError::SeatTaken(_)) => {}
                        other => panic!("unexpected {other:?}"),
                    }
                }
                won
            })
        })
        .collect();
    let won: usize = threads.into_iter().map(|thread| thread.join().unwrap()).sum();
    assert_eq!(won, 31);
}

#[derive(Default)]
struct Woken(AtomicUsize);

impl std::task::Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

#[test]
fn a_dropped_leader_wakes_who_waits_and_nobody_waits_twice() {
    let race = Some(Race { lanes: 1, ..Race::default() });
    let store = store(MemoryStoreOptions { race, ..MemoryStoreOptions::default() });
    let mut leader = call(&store, claim(1, 1));
    let mut waiter = call(&store, claim(2, 2));
    let woken = Arc::new(Woken::default());
    let waker = Waker::from(Arc::clone(&woken));
    let mut context = Context::from_waker(&waker);
    // Each yields once to gather, then the first leads and the second waits.
    assert!(poll(&mut leader).is_pending());
    assert!(waiter.as_mut().poll(&mut context).is_pending());
    assert!(poll(&mut leader).is_pending());
    assert!(waiter.as_mut().poll(&mut context).is_pending());
    let before = woken.0.load(Ordering::Relaxed);
    drop(leader);
    assert_eq!(woken.0.load(Ordering::Relaxed), before + 1);
    assert_eq!(run(vec![Some(waiter)]).len(), 1);
    assert_eq!(store.tables().claims.after(None).count(), 2);
}
