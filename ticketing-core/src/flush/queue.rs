//! The queue in front of the flush: bounded, in turns, with room for settling money.

use std::collections::VecDeque;
use std::time::Duration;

use rustc_hash::FxHashMap;

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

/// How much one flush takes. A change set that is larger alone goes alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BatchLimits {
    /// Change sets, at least one; default 256.
    pub change_sets: usize,
    /// Rows, as [`ChangeSet::rows`] counts them; default 8,192.
    pub rows: usize,
    /// Bytes, as [`ChangeSet::bytes`] counts them; default 8 MiB.
    pub bytes: usize,
}

impl Default for BatchLimits {
    fn default() -> Self {
        Self { change_sets: 256, rows: 8_192, bytes: 8 * 1_024 * 1_024 }
    }
}

/// A change set that waits, and where its answer goes.
#[derive(Debug)]
pub struct Queued<A> {
    /// What is to be committed.
    pub changes: ChangeSet,
    /// Where its answer goes.
    pub answer: A,
}

#[derive(Debug)]
struct Waiting<A> {
    queued: Queued<A>,
    rows: usize,
    bytes: usize,
}

/// Performances take turns: each gives one change set at a time. Without a crowd that is the order of
/// arrival but for ties; in a crowd a small performance does not wait behind a large one.
#[derive(Debug)]
struct Turns<A> {
    lines: FxHashMap<Option<PerformanceId>, VecDeque<Waiting<A>>>,
    next: VecDeque<Option<PerformanceId>>,
}

impl<A> Turns<A> {
    fn push_back(&mut self, waiting: Waiting<A>) {
        let performance = waiting.queued.changes.performance();
        let line = self.lines.entry(performance).or_default();
        if line.is_empty() {
            self.next.push_back(performance);
        }
        line.push_back(waiting);
    }

    fn push_front(&mut self, waiting: Waiting<A>) {
        let performance = waiting.queued.changes.performance();
        let line = self.lines.entry(performance).or_default();
        if line.is_empty() {
            self.next.push_front(performance);
        }
        line.push_front(waiting);
    }

    fn peek(&self) -> Option<&Waiting<A>> {
        self.lines.get(self.next.front()?)?.front()
    }

    fn pop(&mut self) -> Option<Waiting<A>> {
        let performance = self.next.pop_front()?;
        let line = self.lines.get_mut(&performance)?;
        let waiting = line.pop_front();
        if line.is_empty() {
            self.lines.remove(&performance);
        } else {
            self.next.push_back(performance);
        }
        waiting
    }

    /// Takes out the youngest change set that does not settle money, from the longest line that has one.
    fn evict(&mut self) -> Option<Waiting<A>> {
        let evictable = |waiting: &Waiting<A>| !waiting.queued.changes.is_settling_money();
        let (_, performance, place) = self
            .lines
            .iter()
            .filter_map(|(performance, line)| {
                Some((line.len(), *performance, line.iter().rposition(evictable)?))
            })
            .max()?;
        let line = self.lines.get_mut(&performance)?;
        let waiting = line.remove(place);
        if line.is_empty() {
            self.lines.remove(&performance);
            self.next.retain(|waiting| *waiting != performance);
        }
        waiting
    }
}

/// How much waits somewhere.
#[derive(Clone, Copy, Debug, Default)]
struct Load {
    count: usize,
    bytes: usize,
}

impl Load {
    const fn add(&mut self, bytes: usize) {
        self.count += 1;
        self.bytes += bytes;
    }

    const fn remove(&mut self, bytes: usize) {
        self.count -= 1;
        self.bytes -= bytes;
    }
}

#[derive(Debug)]
struct Lane<A> {
    turns: Turns<A>,
    waiting: usize,
    settling: usize,
}

impl<A> Lane<A> {
    fn new() -> Self {
        let turns = Turns { lines: FxHashMap::default(), next: VecDeque::new() };
        Self { turns, waiting: 0, settling: 0 }
    }
}

/// What waits to be committed, in lanes that are flushed independently; the limits are for all of them
/// together. `A` is where an answer goes.
///
/// In each lane the performances take turns. A quarter of the room is kept for change sets that settle
/// money; when that is full too, they take the place of others.
///
/// It does not lock, wait or wake: that is the part of who holds it. A lane is named by its number, below
/// the number of lanes; another one panics.
#[derive(Debug)]
pub struct Queue<A> {
    lanes: Vec<Lane<A>>,
    limits: QueueLimits,
    all: Load,
    settling: Load,
}

impl<A> Queue<A> {
    /// An empty queue of at least one lane.
    pub fn new(lanes: usize, limits: QueueLimits) -> Self {
        let lanes = (0..lanes.max(1)).map(|_| Lane::new()).collect();
        Self { lanes, limits, all: Load::default(), settling: Load::default() }
    }

    /// How many change sets wait, in all lanes.
    pub const fn len(&self) -> usize {
        self.all.count
    }

    /// Whether nothing waits.
    pub const fn is_empty(&self) -> bool {
        self.all.count == 0
    }

    /// How many change sets wait in a lane.
    pub fn len_of(&self, lane: usize) -> usize {
        self.lanes[lane].waiting
    }

    /// Where the answers go of all that wait in a lane, performance by performance.
    pub fn answers_of(&self, lane: usize) -> impl Iterator<Item = &A> {
        let Turns { lines, next } = &self.lanes[lane].turns;
        let lines = next.iter().filter_map(|performance| lines.get(performance));
        lines.flatten().map(|waiting| &waiting.queued.answer)
    }

    /// Queues a change set. One that settles money may use the last quarter of the room. When that is
    /// full, it takes the place of others that do not, youngest first: they come back and must be
    /// answered the same [`Overloaded`].
    ///
    /// # Errors
    /// [`Overloaded`]: it was not queued, and nobody lost a place. One that settles money is refused only
    /// if what settles money leaves it no room.
    pub fn push(&mut self, lane: usize, queued: Queued<A>) -> Result<Vec<Queued<A>>, Overloaded> {
        let settles = queued.changes.is_settling_money();
        let (rows, bytes) = (queued.changes.rows(), queued.changes.bytes());
        let mut evicted = Vec::new();
        if !self.has_room(settles, self.all, bytes) {
            if !settles || !self.has_room(settles, self.settling, bytes) {
                return Err(Overloaded { retry_after: self.limits.retry_after });
            }
            while !self.has_room(settles, self.all, bytes) {
                let Some(victim) = self.evict() else { break };
                evicted.push(victim);
            }
        }
        self.count_in(lane, settles, bytes);
        self.lanes[lane].turns.push_back(Waiting { queued, rows, bytes });
        Ok(evicted)
    }

    /// Takes the next batch of a lane out of the queue, with where the answers go.
    pub fn take(&mut self, lane: usize, limits: &BatchLimits) -> (Vec<ChangeSet>, Vec<A>) {
        let size = self.lanes[lane].waiting.min(limits.change_sets.max(1));
        let mut batch = Vec::with_capacity(size);
        let mut answers = Vec::with_capacity(size);
        let (mut rows, mut bytes) = (0, 0);
        while batch.len() < size {
            let Some(next) = self.lanes[lane].turns.peek() else { break };
            rows += next.rows;
            bytes += next.bytes;
            let is_full = rows > limits.rows || bytes > limits.bytes;
            if is_full && !batch.is_empty() {
                break;
            }
            let Some(waiting) = self.lanes[lane].turns.pop() else { break };
            self.count_out(lane, &waiting);
            batch.push(waiting.queued.changes);
            answers.push(waiting.queued.answer);
        }
        (batch, answers)
    }

    /// Puts a batch back that was taken and not flushed, before what else waits of the same performances,
    /// whatever the limits.
    pub fn put_back(&mut self, lane: usize, batch: Vec<ChangeSet>, answers: Vec<A>) {
        for (changes, answer) in batch.into_iter().zip(answers).rev() {
            let (rows, bytes) = (changes.rows(), changes.bytes());
            self.count_in(lane, changes.is_settling_money(), bytes);
            let queued = Queued { changes, answer };
            self.lanes[lane].turns.push_front(Waiting { queued, rows, bytes });
        }
    }

    fn has_room(&self, settles: bool, load: Load, bytes: usize) -> bool {
        let QueueLimits { change_sets, bytes: bytes_max, .. } = self.limits;
        let of = |limit: usize| if settles { limit } else { limit - limit / 4 };
        load.count < of(change_sets) && (load.count == 0 || load.bytes + bytes <= of(bytes_max))
    }

    /// Takes the place of one that settles nothing, in the fullest lane that has one.
    fn evict(&mut self) -> Option<Queued<A>> {
        let lanes = self.lanes.iter().enumerate();
        let (place, _) = lanes
            .filter(|(_, lane)| lane.waiting > lane.settling)
            .max_by_key(|(_, lane)| lane.waiting)?;
        let victim = self.lanes[place].turns.evict()?;
        self.count_out(place, &victim);
        Some(victim.queued)
    }

    fn count_in(&mut self, lane: usize, settles: bool, bytes: usize) {
        self.all.add(bytes);
        self.lanes[lane].waiting += 1;
        if settles {
            self.settling.add(bytes);
            self.lanes[lane].settling += 1;
        }
    }

    fn count_out(&mut self, lane: usize, waiting: &Waiting<A>) {
        self.all.remove(waiting.bytes);
        self.lanes[lane].waiting -= 1;
        if waiting.queued.changes.is_settling_money() {
            self.settling.remove(waiting.bytes);
            self.lanes[lane].settling -= 1;
        }
    }
}
