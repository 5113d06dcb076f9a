use std::time::Duration;

use super::*;
use crate::flush::{BatchLimits, Queue, QueueLimits, Queued};

/// A queue whose answers are the numbers of the change sets.
fn queue(lanes: usize, change_sets: usize) -> Queue<u8> {
    Queue::new(lanes, QueueLimits { change_sets, ..QueueLimits::default() })
}

fn claim(n: u8, at: u8) -> Queued<u8> {
    let changes = changes(n).claim(performance(at), seats(&[u32::from(n)]), of(n));
    Queued { changes, answer: n }
}

fn settle(n: u8) -> Queued<u8> {
    Queued { changes: changes(n).caused_by(message(n)).settles_money(), answer: n }
}

/// A change set of a little more than `kib` KiB.
fn large(n: u8, kib: usize) -> ChangeSet {
    let answer = response(&"x".repeat(kib * 1_024));
    changes(n).receipt(receipt_key(n), fingerprint(n), answer)
}

fn numbers(refused: &[Queued<u8>]) -> Vec<u8> {
    refused.iter().map(|queued| queued.answer).collect()
}

fn drain(queue: &mut Queue<u8>, lane: usize) -> Vec<u8> {
    let limits = BatchLimits { change_sets: usize::MAX, ..BatchLimits::default() };
    queue.take(lane, &limits).1
}

#[test]
fn performances_take_turns_and_each_keeps_its_order() {
    let mut queue = queue(1, 100);
    for queued in (0..6).map(|n| claim(n, 0)).chain([claim(6, 1), claim(7, 1), settle(8)]) {
        assert!(queue.push(0, queued).unwrap().is_empty());
    }
    assert_eq!(queue.answers_of(0).count(), 9);
    let (batch, answers) = queue.take(0, &BatchLimits { change_sets: 4, ..BatchLimits::default() });
    assert_eq!(answers, [0, 6, 8, 1]);
    let ids: Vec<_> = batch.iter().map(ChangeSet::id).collect();
    assert_eq!(ids, [0, 6, 8, 1].map(|n| changes(n).id()));
    queue.put_back(0, batch, answers);
    assert_eq!((queue.len(), queue.len_of(0)), (9, 9));
    // Whose turn it is stays as it was.
    assert_eq!(drain(&mut queue, 0), [8, 6, 0, 7, 1, 2, 3, 4, 5]);
    assert!(queue.is_empty());
}

#[test]
fn a_batch_is_bounded_in_rows_and_bytes_and_what_is_too_large_goes_alone() {
    let limits = QueueLimits { bytes: 1 << 30, ..QueueLimits::default() };
    for by_rows in [true, false] {
        let mut queue = Queue::new(1, limits);
        for n in 0..5 {
            let wanted = if by_rows || n == 2 { 4 } else { 1 };
            let seats: Vec<u32> = (0..wanted).map(|seat| u32::from(n) * 4 + seat).collect();
            let claimed = changes(n).claim(performance(0), self::seats(&seats), of(n));
            let changes = if by_rows { claimed } else { large(n, if n == 2 { 12 } else { 4 }) };
            queue.push(0, Queued { changes, answer: n }).unwrap();
        }
        let bounds = if by_rows {
            // Five rows each: two fit, three do not.
            BatchLimits { rows: 14, ..BatchLimits::default() }
        } else {
            BatchLimits { bytes: 10 * 1_024, ..BatchLimits::default() }
        };
        let mut batches = Vec::new();
        for _ in 0..5 {
            batches.push(queue.take(0, &bounds).1.len());
        }
        let expected = if by_rows { [2, 2, 1, 0, 0] } else { [2, 1, 2, 0, 0] };
        assert_eq!(batches, expected, "by rows: {by_rows}");
    }
}

#[test]
fn bytes_are_bounded_but_a_large_one_finds_an_empty_queue() {
    let retry_after = Duration::from_millis(9);
    let mut queue = Queue::new(2, QueueLimits { change_sets: 100, bytes: 9_000, retry_after });
    let push = |queue: &mut Queue<u8>, changes| queue.push(0, Queued { changes, answer: 0 });
    assert!(push(&mut queue, large(1, 12)).is_ok());
    let refused = push(&mut queue, large(2, 1)).unwrap_err();
    assert_eq!(refused.retry_after, retry_after);
    assert_eq!(drain(&mut queue, 0).len(), 1);
    // 6,750 bytes for all, 9,000 for settling money.
    assert!(push(&mut queue, large(3, 5)).is_ok());
    assert!(push(&mut queue, large(4, 2)).is_err());
    assert!(push(&mut queue, large(4, 2).settles_money()).is_ok());
    assert_eq!(queue.len(), 2);
}

#[test]
fn settling_money_takes_the_place_of_others_in_whatever_lane_they_wait() {
    let mut queue = queue(2, 8);
    for n in 0..4 {
        queue.push(0, settle(n)).unwrap();
    }
    for n in 4..6 {
        queue.push(1, claim(n, 0)).unwrap();
    }
    assert!(queue.push(1, claim(6, 0)).is_err());
    for n in 6..8 {
        assert!(queue.push(0, settle(n)).unwrap().is_empty());
    }
    // The fullest lane has nothing but what settles money.
    assert_eq!(numbers(&queue.push(0, settle(8)).unwrap()), [5]);
    assert_eq!(numbers(&queue.push(1, settle(9)).unwrap()), [4]);
    assert!(queue.push(1, settle(10)).is_err());
    assert_eq!((queue.len(), queue.len_of(0), queue.len_of(1)), (8, 7, 1));
    assert_eq!(drain(&mut queue, 1), [9]);
    assert!(queue.push(1, claim(11, 0)).is_err(), "seven of eight, and a quarter is kept");
    assert_eq!(drain(&mut queue, 0), [0, 1, 2, 3, 6, 7, 8]);
    assert!(queue.push(1, claim(11, 0)).unwrap().is_empty());
}

#[test]
fn nobody_loses_a_place_to_what_would_not_find_room_all_the_same() {
    let retry_after = Duration::from_millis(9);
    let mut queue = Queue::new(1, QueueLimits { change_sets: 100, bytes: 8_500, retry_after });
    queue.push(0, settle(1)).unwrap();
    queue.push(0, claim(2, 0)).unwrap();
    let changes = large(3, 12).settles_money();
    assert!(queue.push(0, Queued { changes, answer: 3 }).is_err());
    assert_eq!(queue.len(), 2);
    let changes = large(4, 8).settles_money();
    assert_eq!(numbers(&queue.push(0, Queued { changes, answer: 4 }).unwrap()), [2]);
    assert_eq!(drain(&mut queue, 0), [1, 4]);
    // Alone it may be as large as it is.
    queue.push(0, claim(5, 0)).unwrap();
    let changes = large(6, 12).settles_money();
    assert_eq!(numbers(&queue.push(0, Queued { changes, answer: 6 }).unwrap()), [5]);
}
