//! Lanes as sessions of a database: what must be true once stays so.

use std::sync::Arc;
use std::task::Poll;

use super::crowd::{Call, call, poll};
use super::{store, write};
use crate::flush::tests::{
    changes, entry, message, of, owner, performance, reservation, seats, show, user, wallet,
};
use crate::flush::{Answer, ReadMode};
use crate::memory::store::{MemoryStore, MemoryStoreOptions, Race};
use crate::port::{CommitError, Committed, Ledger, Store};
use crate::seat::SeatNo;

fn racing(first: ReadMode) -> MemoryStore {
    let race = Some(Race { lanes: 4, first });
    store(MemoryStoreOptions { race, ..MemoryStoreOptions::default() })
}

/// Runs one task per number on as many threads.
fn storm<T: Send + 'static>(count: u8, task: impl Fn(u8) -> T + Send + Sync + 'static) -> Vec<T> {
    let task = Arc::new(task);
    let barrier = Arc::new(std::sync::Barrier::new(usize::from(count)));
    let threads: Vec<_> = (0..count)
        .map(|n| {
            let (task, barrier) = (Arc::clone(&task), Arc::clone(&barrier));
            std::thread::spawn(move || {
                barrier.wait();
                task(n)
            })
        })
        .collect();
    threads.into_iter().map(|thread| thread.join().unwrap()).collect()
}

const MODES: [ReadMode; 2] = [ReadMode::Optimistic, ReadMode::Full];

#[test]
fn one_of_many_lanes_wins_a_seat() {
    for first in MODES {
        let store = racing(first);
        let shared = store.clone();
        let answers = storm(24, move |n| {
            let take = changes(n).claim(performance(0), seats(&[1, u32::from(n) + 10]), of(n));
            pollster::block_on(shared.commit(take))
        });
        let won = answers.iter().filter(|answer| answer.is_ok()).count();
        assert_eq!(won, 1, "{answers:?}");
        for answer in answers.iter().filter(|answer| answer.is_err()) {
            assert!(
                matches!(answer, Err(CommitError::SeatTaken(seats)) if seats.contains(SeatNo(1)))
            );
        }
        assert_eq!(store.tables().claims.after(None).count(), 2);
    }
}

#[test]
fn an_allowance_a_message_and_a_resolution_are_given_once() {
    for first in MODES {
        let store = racing(first);
        let shared = store.clone();
        let allowed = storm(12, move |n| {
            let allow = changes(n).allow(user(0), show(), 1, 2, owner(n));
            pollster::block_on(shared.commit(allow))
        });
        assert_eq!(allowed.iter().filter(|answer| answer.is_ok()).count(), 2, "{allowed:?}");

        let shared = store.clone();
        let handled = storm(12, move |n| {
            pollster::block_on(shared.commit(changes(n + 50).caused_by(message(1)))).unwrap()
        });
        let done = |answer: &&Committed| matches!(answer, Committed::Done);
        assert_eq!(handled.iter().filter(done).count(), 1, "{handled:?}");

        let shared = store.clone();
        let resolved = storm(12, move |n| {
            let ends = changes(n + 100).post(entry(n + 100, 1, 10, Some(200)));
            pollster::block_on(shared.commit(ends))
        });
        assert_eq!(resolved.iter().filter(|answer| answer.is_ok()).count(), 1, "{resolved:?}");
        assert_eq!(pollster::block_on(store.balance(wallet(1))).unwrap(), 10);
    }
}

#[test]
fn a_wallet_is_spent_once_and_a_version_saved_once() {
    for first in MODES {
        let store = racing(first);
        let fill = changes(250).post(entry(250, 1, 25, None));
        write(&store, fill);
        let shared = store.clone();
        let spent = storm(12, move |n| {
            pollster::block_on(shared.commit(changes(n).post(entry(n, 1, -10, None))))
        });
        assert_eq!(spent.iter().filter(|answer| answer.is_ok()).count(), 2, "{spent:?}");
        assert_eq!(pollster::block_on(store.balance(wallet(1))).unwrap(), 5);

        write(&store, changes(251).save(reservation(1, 0)));
        let shared = store.clone();
        let saved = storm(12, move |n| {
            // Claims of different performances spread the savers over the lanes' queues alike.
            let change =
                changes(n + 50).save(reservation(1, 1)).claim(performance(n), seats(&[1]), of(1));
            pollster::block_on(shared.commit(change))
        });
        assert_eq!(saved.iter().filter(|answer| answer.is_ok()).count(), 1, "{saved:?}");
        assert_eq!(store.tables().claims.after(None).count(), 1);
    }
}

#[test]
fn a_save_and_those_that_guard_it_keep_out_of_each_others_way() {
    for round in 0..20_u8 {
        let store = racing(if round % 2 == 0 { ReadMode::Optimistic } else { ReadMode::Full });
        // The reservation stands for a performance: a house block saves it and demands a vacant seat,
        // a reserve guards it and claims the seat.
        write(&store, changes(250).save(reservation(1, 0)));
        let shared = store.clone();
        let answers = storm(8, move |n| {
            let change = if n == round % 8 {
                let block = changes(n).save(reservation(1, 1));
                block.vacant(performance(0), seats(&[1, 2, 3, 4, 5, 6, 7, 8]))
            } else {
                let seat = seats(&[u32::from(n) + 1]);
                changes(n).guard(&reservation(1, 1)).claim(performance(0), seat, of(n))
            };
            pollster::block_on(shared.commit(change))
        });
        let blocked = answers[usize::from(round % 8)].is_ok();
        let claims = store.tables().claims.after(None).count();
        let won = answers.iter().filter(|answer| answer.is_ok()).count() - usize::from(blocked);
        assert_eq!(claims, won);
        assert!(!blocked || claims == 0, "a block over taken seats: {answers:?}");
    }
}

/// Polls a call at most so often; its answer, if that came.
fn go_on(call: &mut Call<'_>, steps: usize) -> Option<Answer> {
    (0..steps).find_map(|_| match poll(call) {
        Poll::Ready(answer) => Some(answer),
        Poll::Pending => None,
    })
}

/// The same, wherever between its steps the one that guards is held up.
#[test]
fn a_guarded_row_is_not_saved_before_those_that_guard_it_are_written() {
    const ENOUGH: usize = 50;
    for (steps, n) in (0..12).flat_map(|steps| (0..8_u8).map(move |n| (steps, n))) {
        let store = racing(MODES[usize::from(n % 2)]);
        write(&store, changes(250).save(reservation(1, 0)));
        let seat = || seats(&[1]);
        let reserve = changes(n).guard(&reservation(1, 1)).claim(performance(0), seat(), of(n));
        let block = changes(n + 50).save(reservation(1, 1)).vacant(performance(0), seat());
        let (mut reserve, mut block) = (call(&store, reserve), call(&store, block));
        let reserved = go_on(&mut reserve, steps);
        let blocked = go_on(&mut block, ENOUGH);
        let reserved = reserved.or_else(|| go_on(&mut reserve, ENOUGH));
        let blocked = blocked.or_else(|| go_on(&mut block, ENOUGH)).expect("an answer");
        let reserved = reserved.or_else(|| go_on(&mut reserve, ENOUGH)).expect("an answer");
        let one_won = reserved.is_ok() != blocked.is_ok();
        assert!(one_won, "held up after {steps} steps: {reserved:?}, {blocked:?}");
    }
}

#[test]
fn lanes_number_their_partitions_without_gaps() {
    let store = racing(ReadMode::Optimistic);
    let shared = store.clone();
    let answers = storm(16, move |thread| {
        for n in 0..10 {
            let id = thread * 10 + n;
            write(&shared, changes(id).save(reservation(id, 0)));
        }
    });
    assert_eq!(answers.len(), 16);
    let tables = store.tables();
    let mut last = (0, 0);
    let mut rows = 0;
    for row in tables.outbox.after(None) {
        let expected = if row.partition == last.0 { last.1 + 1 } else { 1 };
        assert_eq!(row.sequence, expected);
        last = (row.partition, row.sequence);
        rows += 1;
    }
    assert_eq!(rows, 160);
}
