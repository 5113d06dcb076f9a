//! The queue in front of the flush: bounded, in turns, with room for settling money.

use std::collections::VecDeque;
use std::sync::Arc;
use std::task::Waker;
use std::time::Duration;

use rustc_hash::FxHashMap;

use super::answer::Slot;
use crate::change_set::ChangeSet;
use crate::error::Overloaded;
use crate::id::PerformanceId;

/// How much may wait to be committed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct QueueLimits {
    /// Change sets; default 4,096.
    pub change_sets: usize,
    /// Bytes, as [`ChangeSet::bytes`] counts them; default 16 MiB.
    pub bytes: usize,
    /// What a refused caller is told to wait; default 50 ms.
    pub retry_after: Duration,
}

impl Default for QueueLimits {
    fn default() -> Self {
        let retry_after = Duration::from_millis(50);
        Self { change_sets: 4_096, bytes: 16 * 1_024 * 1_024, retry_after }
    }
}

/// A change set that waits, and where its answer goes.
#[derive(Debug)]
pub(super) struct Queued {
    pub(super) changes: ChangeSet,
    pub(super) answer: Arc<Slot>,
}

/// Performances take turns: each gives one change set at a time. Without a crowd that is the order of
/// arrival but for ties; in a crowd a small performance does not wait behind a large one.
#[derive(Debug, Default)]
pub(super) struct Turns {
    lines: FxHashMap<Option<PerformanceId>, VecDeque<Queued>>,
    next: VecDeque<Option<PerformanceId>>,
}

impl Turns {
    fn push_back(&mut self, queued: Queued) {
        let performance = queued.changes.performance();
        let line = self.lines.entry(performance).or_default();
        if line.is_empty() {
            self.next.push_back(performance);
        }
        line.push_back(queued);
    }

    fn push_front(&mut self, queued: Queued) {
        let performance = queued.changes.performance();
        let line = self.lines.entry(performance).or_default();
        if line.is_empty() {
            self.next.push_front(performance);
        }
        line.push_front(queued);
    }

    fn pop(&mut self) -> Option<Queued> {
        let performance = self.next.pop_front()?;
        let line = self.lines.get_mut(&performance)?;
        let queued = line.pop_front();
        if line.is_empty() {
            self.lines.remove(&performance);
        } else {
            self.next.push_back(performance);
        }
        queued
    }

    /// Takes out the youngest change set that does not settle money, from the longest line that has one.
    fn evict(&mut self) -> Option<Queued> {
        let evictable = |queued: &Queued| !queued.changes.is_settling_money();
        let (_, performance, place) = self
            .lines
            .iter()
            .filter_map(|(performance, line)| {
                Some((line.len(), *performance, line.iter().rposition(evictable)?))
            })
            .max()?;
        let line = self.lines.get_mut(&performance)?;
        let queued = line.remove(place);
        if line.is_empty() {
            self.lines.remove(&performance);
            self.next.retain(|waiting| *waiting != performance);
        }
        queued
    }
}

#[derive(Debug, Default)]
struct Lane {
    turns: Turns,
    waiting: usize,
    is_led: bool,
}

/// What waits, by lane.
#[derive(Debug)]
pub(super) struct Intake {
    lanes: Vec<Lane>,
    limits: QueueLimits,
    count: usize,
    bytes: usize,
}

impl Intake {
    pub(super) fn new(lanes: usize, limits: QueueLimits) -> Self {
        let lanes = (0..lanes.max(1)).map(|_| Lane::default()).collect();
        Self { lanes, limits, count: 0, bytes: 0 }
    }

    /// Whether nobody waits or flushes in a lane; then it is led by the caller from now on.
    pub(super) fn lead_if_idle(&mut self, lane: usize) -> bool {
        let lane = &mut self.lanes[lane];
        let idle = !lane.is_led && lane.waiting == 0;
        lane.is_led |= idle;
        idle
    }

    /// Whether nobody leads a lane in which something waits; then the caller leads.
    pub(super) fn lead_if_left(&mut self, lane: usize) -> bool {
        let lane = &mut self.lanes[lane];
        let left = !lane.is_led && lane.waiting > 0;
        lane.is_led |= left;
        left
    }

    /// Queues a change set. One that settles money may use the last quarter of the queue, and when that
    /// is full takes the place of one that does not.
    pub(super) fn push(&mut self, lane: usize, queued: Queued) -> Result<Vec<Queued>, Overloaded> {
        let settles = queued.changes.is_settling_money();
        let bytes = queued.changes.bytes();
        let mut evicted = Vec::new();
        while !self.has_room(settles, bytes) {
            let victim = if settles { self.evict() } else { None };
            match victim {
                Some(victim) => evicted.push(victim),
                None if evicted.is_empty() => {
                    return Err(Overloaded { retry_after: self.limits.retry_after });
                }
                // Nothing more can go: what was evicted is answered, and so is the newcomer.
                None => {
                    evicted.push(queued);
                    return Ok(evicted);
                }
            }
        }
        self.count += 1;
        self.bytes += bytes;
        self.lanes[lane].waiting += 1;
        self.lanes[lane].turns.push_back(queued);
        Ok(evicted)
    }

    fn has_room(&self, settles: bool, bytes: usize) -> bool {
        let QueueLimits { change_sets, bytes: bytes_max, .. } = self.limits;
        let of = |limit: usize| if settles { limit } else { limit - limit / 4 };
        self.count < of(change_sets) && (self.count == 0 || self.bytes + bytes <= of(bytes_max))
    }

    fn evict(&mut self) -> Option<Queued> {
        let lane = self.lanes.iter_mut().max_by_key(|lane| lane.waiting)?;
        let victim = lane.turns.evict()?;
        lane.waiting -= 1;
        self.count -= 1;
        self.bytes -= victim.changes.bytes();
        Some(victim)
    }

    /// Takes the next batch of a lane; an empty one ends the lead.
    pub(super) fn take(&mut self, lane: usize, most: usize) -> (Vec<ChangeSet>, Vec<Arc<Slot>>) {
        let Self { lanes, count, bytes, .. } = self;
        let lane = &mut lanes[lane];
        let size = lane.waiting.min(most.max(1));
        let mut batch = Vec::with_capacity(size);
        let mut answers = Vec::with_capacity(size);
        while batch.len() < size {
            let Some(queued) = lane.turns.pop() else { break };
            lane.waiting -= 1;
            *count -= 1;
            *bytes -= queued.changes.bytes();
            batch.push(queued.changes);
            answers.push(queued.answer);
        }
        if batch.is_empty() {
            lane.is_led = false;
        }
        (batch, answers)
    }

    /// Puts a batch back that its leader gave up, before everything else, whatever the limits.
    pub(super) fn put_back(&mut self, lane: usize, batch: Vec<ChangeSet>, answers: Vec<Arc<Slot>>) {
        for (changes, answer) in batch.into_iter().zip(answers).rev() {
            self.count += 1;
            self.bytes += changes.bytes();
            self.lanes[lane].waiting += 1;
            self.lanes[lane].turns.push_front(Queued { changes, answer });
        }
    }

    /// Ends the lead of a lane. Everybody who waits in it must be woken, so that one of them leads.
    pub(super) fn leave(&mut self, lane: usize) -> Vec<Waker> {
        let lane = &mut self.lanes[lane];
        lane.is_led = false;
        lane.turns.lines.values().flatten().filter_map(|queued| queued.answer.waker()).collect()
    }
}
