//! What callers and lanes share: the queue, and whether the store is open.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use ticketing_core::change_set::ChangeSet;
use ticketing_core::error::{Fault, Overloaded, PortError};
use ticketing_core::flush::{Answer, BatchLimits, Queue, Queued};
use ticketing_core::port::CommitError;
use tokio::sync::{Notify, Semaphore, oneshot, watch};

use super::Limits;
use super::stats::Counters;

/// What a store left undone when it was closed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[must_use]
pub struct Closed {
    /// Change sets that were queued and are not committed; their callers were told so.
    pub not_committed: usize,
    /// Change sets that were being flushed; their callers were told `Unknown`.
    pub unknown: usize,
}

/// Where an answer goes.
pub(super) type Reply = oneshot::Sender<Answer>;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    Open,
    /// Nothing comes in, what is queued is committed.
    Draining,
    /// Nothing is committed any more.
    Over,
}

#[derive(Debug)]
struct State {
    queue: Queue<Reply>,
    phase: Phase,
    /// Tasks of each lane; one that is gone was closed, or is gone with its runtime.
    tasks: Vec<usize>,
    closed: Closed,
}

#[derive(Debug)]
pub(super) struct Shared {
    state: Mutex<State>,
    /// One for each lane, told when there may be something to do.
    wake: Vec<Notify>,
    /// One for each lane, with one permit.
    turns: Vec<Arc<Semaphore>>,
    running: watch::Sender<usize>,
    limits: Limits,
    pub(super) counters: Counters,
}

/// What a lane does next.
pub(super) enum Next {
    Flush(Vec<ChangeSet>, Vec<Reply>),
    Wait,
    End,
}

impl Shared {
    pub(super) fn new(limits: Limits) -> Self {
        let (lanes, sessions) = (limits.lanes.max(1), limits.sessions.max(1));
        let limits = Limits { lanes, sessions, ..limits };
        let (count, sessions) = (usize::from(lanes), usize::from(sessions));
        let state = State {
            queue: Queue::new(count, limits.queue),
            phase: Phase::Open,
            tasks: vec![sessions; count],
            closed: Closed::default(),
        };
        Self {
            state: Mutex::new(state),
            wake: (0..count).map(|_| Notify::new()).collect(),
            turns: (0..count).map(|_| Arc::new(Semaphore::new(1))).collect(),
            running: watch::Sender::new(count * sessions),
            limits,
            counters: Counters::default(),
        }
    }

    /// Nothing panics half-way through a change of the state.
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn lanes(&self) -> usize {
        self.wake.len()
    }

    pub(super) fn sessions(&self) -> usize {
        usize::from(self.limits.sessions)
    }

    pub(super) fn turn(&self, lane: usize) -> Arc<Semaphore> {
        Arc::clone(&self.turns[lane])
    }

    pub(super) const fn partitions(&self) -> u16 {
        self.limits.partitions
    }

    pub(super) fn waiting(&self) -> usize {
        self.state().queue.len()
    }

    /// Queues a change set; its answer will come.
    pub(super) fn push(
        &self,
        changes: ChangeSet,
    ) -> Result<oneshot::Receiver<Answer>, CommitError> {
        let partition = changes.stream().partition(self.limits.partitions);
        let lane = usize::from(partition % self.limits.lanes);
        let (answer, answered) = oneshot::channel();
        let mut state = self.state();
        if state.phase != Phase::Open || state.tasks[lane] == 0 {
            return Err(is_closed());
        }
        let pushed = state.queue.push(lane, Queued { changes, answer });
        drop(state);
        let evicted = pushed.inspect_err(|_| self.counters.overloaded(1))?;
        self.counters.overloaded(evicted.len());
        self.wake[lane].notify_one();
        let retry_after = self.limits.queue.retry_after;
        for queued in evicted {
            drop(queued.answer.send(Err(CommitError::Overloaded(Overloaded { retry_after }))));
        }
        Ok(answered)
    }

    /// The next batch of a lane.
    pub(super) fn next(&self, lane: usize) -> Next {
        let mut state = self.state();
        let (batch, replies) = state.queue.take(lane, &self.limits.batch);
        match (batch.is_empty(), state.phase) {
            (false, _) => Next::Flush(batch, replies),
            (true, Phase::Open) => Next::Wait,
            (true, Phase::Draining | Phase::Over) => Next::End,
        }
    }

    /// Returns when there may be something to do in a lane.
    pub(super) async fn woken(&self, lane: usize) {
        self.wake[lane].notified().await;
    }

    /// Takes no change sets any more.
    pub(super) fn close(&self) {
        let mut state = self.state();
        if state.phase == Phase::Open {
            state.phase = Phase::Draining;
        }
        drop(state);
        self.wake.iter().for_each(Notify::notify_one);
    }

    /// Refuses all that is queued; what is lost from here on is counted.
    pub(super) fn give_up(&self) {
        self.state().phase = Phase::Over;
        (0..self.lanes()).for_each(|lane| self.refuse_all(lane));
    }

    fn refuse_all(&self, lane: usize) {
        let everything =
            BatchLimits { change_sets: usize::MAX, rows: usize::MAX, bytes: usize::MAX };
        let mut state = self.state();
        let (_, replies) = state.queue.take(lane, &everything);
        state.closed.not_committed += replies.len();
        drop(state);
        for reply in replies {
            drop(reply.send(Err(is_closed())));
        }
    }

    /// A flush was given up in its midst.
    pub(super) fn lost(&self, change_sets: usize) {
        let mut state = self.state();
        if state.phase == Phase::Over {
            state.closed.unknown += change_sets;
        }
    }

    /// A task of a lane is gone, for whatever reason; nobody waits for ever in a lane without one.
    pub(super) fn end(&self, lane: usize) {
        let is_last = {
            let mut state = self.state();
            state.tasks[lane] -= 1;
            state.tasks[lane] == 0
        };
        if is_last {
            self.refuse_all(lane);
        }
        self.running.send_modify(|running| *running -= 1);
    }

    /// Returns when all lanes have ended.
    pub(super) async fn ended(&self) {
        // It only fails if the sender is gone, which is here.
        let _ = self.running.subscribe().wait_for(|running| *running == 0).await;
    }

    pub(super) fn closed(&self) -> Closed {
        self.state().closed
    }
}

fn is_closed() -> CommitError {
    let error = PortError::new("store", "commit", Fault::Transient);
    CommitError::Port(error.because("the store is closed"))
}
