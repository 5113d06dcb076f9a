//! What waits in front of the flush, and which lanes somebody leads.

use std::sync::Arc;
use std::task::Waker;

use super::answer::Slot;
use crate::change_set::ChangeSet;
use crate::error::Overloaded;
use crate::flush::{BatchLimits, Queue, QueueLimits, Queued};

/// What waits, by lane.
#[derive(Debug)]
pub(super) struct Intake {
    queue: Queue<Arc<Slot>>,
    is_led: Vec<bool>,
}

impl Intake {
    pub(super) fn new(lanes: usize, limits: QueueLimits) -> Self {
        let lanes = lanes.max(1);
        Self { queue: Queue::new(lanes, limits), is_led: vec![false; lanes] }
    }

    /// Whether nobody waits or flushes in a lane; then it is led by the caller from now on.
    pub(super) fn lead_if_idle(&mut self, lane: usize) -> bool {
        let idle = !self.is_led[lane] && self.queue.len_of(lane) == 0;
        self.is_led[lane] |= idle;
        idle
    }

    /// Whether nobody leads a lane in which something waits; then the caller leads.
    pub(super) fn lead_if_left(&mut self, lane: usize) -> bool {
        let left = !self.is_led[lane] && self.queue.len_of(lane) > 0;
        self.is_led[lane] |= left;
        left
    }

    /// Queues a change set; answers who lost a place to it.
    pub(super) fn push(
        &mut self,
        lane: usize,
        queued: Queued<Arc<Slot>>,
    ) -> Result<Vec<Queued<Arc<Slot>>>, Overloaded> {
        self.queue.push(lane, queued)
    }

    /// Takes the next batch of a lane; an empty one ends the lead.
    pub(super) fn take(&mut self, lane: usize, most: usize) -> (Vec<ChangeSet>, Vec<Arc<Slot>>) {
        // Nothing is sent anywhere, so neither rows nor bytes need a bound.
        let limits = BatchLimits { change_sets: most, rows: usize::MAX, bytes: usize::MAX };
        let taken = self.queue.take(lane, &limits);
        self.is_led[lane] &= !taken.0.is_empty();
        taken
    }

    /// Puts a batch back that its leader gave up, before everything else, whatever the limits.
    pub(super) fn put_back(&mut self, lane: usize, batch: Vec<ChangeSet>, answers: Vec<Arc<Slot>>) {
        self.queue.put_back(lane, batch, answers);
    }

    /// Ends the lead of a lane. Everybody who waits in it must be woken, so that one of them leads.
    pub(super) fn leave(&mut self, lane: usize) -> Vec<Waker> {
        self.is_led[lane] = false;
        self.queue.answers_of(lane).filter_map(|slot| slot.waker()).collect()
    }
}
