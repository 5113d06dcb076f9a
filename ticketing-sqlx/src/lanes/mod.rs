//! Group commit: a queue, and lanes that flush what waits in it.
//!
//! Each lane has a task or two with a session each, which take [turns](Turn). There is no timer: whatever was
//! queued while a lane's last flush ran goes into its next one. A change set's lane follows from its outbox
//! partition, so that two lanes never meet on one.

mod lane;
mod mode;
mod queue;
mod stats;
#[cfg(test)]
mod tests;
mod turn;
mod watched;

pub use queue::Closed;
pub use stats::Stats;
pub(crate) use turn::Turn;

use std::sync::Arc;
use std::time::Duration;

use ticketing_core::change_set::ChangeSet;
use ticketing_core::flush::{Answer, BatchLimits, FlushExecutor, QueueLimits};
use ticketing_core::port::CommitError;
use tokio::task::AbortHandle;
use tokio::time::timeout;

use crate::Options;
use queue::Shared;

/// How long an aborted lane may take to let go of its batch.
const ABORT_MAX: Duration = Duration::from_secs(1);

/// How many lanes there are, and how much they take.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    pub(crate) lanes: u16,
    /// The sessions of each lane.
    pub(crate) sessions: u16,
    /// The partitions of the outbox.
    pub(crate) partitions: u16,
    pub(crate) queue: QueueLimits,
    pub(crate) batch: BatchLimits,
}

impl Limits {
    /// What the options say but for the lanes and their sessions: where one may write at a time, each is one.
    pub(crate) fn of(options: &Options, (lanes, sessions): (u16, u16), partitions: u16) -> Self {
        let queue = QueueLimits {
            change_sets: options.queue_max,
            bytes: options.queue_bytes_max,
            retry_after: options.retry_after,
        };
        let batch = BatchLimits { change_sets: options.batch_max, ..BatchLimits::default() };
        Self { lanes, sessions, partitions, queue, batch }
    }
}

/// The lanes of one store. Dropped without [`Self::close`], they commit what is queued and end.
#[derive(Debug)]
pub(crate) struct Lanes {
    shared: Arc<Shared>,
    tasks: Vec<AbortHandle>,
}

impl Lanes {
    /// Starts the lanes on the runtime of the caller. `open` makes the executor of a session, which passes the
    /// turn when it commits; it must not block, and is called again after a flush that panicked.
    pub(crate) fn start<E: FlushExecutor + 'static>(
        limits: Limits,
        open: impl Fn(Turn) -> E + Send + Sync + 'static,
    ) -> Self {
        let shared = Arc::new(Shared::new(limits));
        let open = Arc::new(open);
        let tasks =
            (0..shared.lanes()).flat_map(|lane| std::iter::repeat_n(lane, shared.sessions()));
        let tasks = tasks.map(|lane| {
            // Made here and not by the task, so that it ends even if the task never runs.
            let lane = lane::Lane::new(Arc::clone(&shared), lane);
            tokio::spawn(lane::keep_running(lane, Arc::clone(&open))).abort_handle()
        });
        Self { tasks: tasks.collect(), shared }
    }

    /// Queues a change set and waits for its answer. A caller that is dropped drops only the answer.
    pub(crate) async fn commit(&self, changes: ChangeSet) -> Answer {
        changes.check()?;
        let id = changes.id();
        let answer = self.shared.push(changes)?;
        answer.await.unwrap_or(Err(CommitError::Unknown(id)))
    }

    /// Takes no change set any more, commits what is queued, and ends the lanes. After `within` what is
    /// still queued is refused, what is being flushed is `Unknown`, and both are counted.
    pub(crate) async fn close(&self, within: Duration) -> Closed {
        self.shared.close();
        if timeout(within, self.shared.ended()).await.is_err() {
            self.shared.give_up();
            self.tasks.iter().for_each(AbortHandle::abort);
            // An aborted task ends at its next await; one that computes meanwhile is not worth a wait.
            let _ = timeout(ABORT_MAX, self.shared.ended()).await;
        }
        self.shared.closed()
    }

    pub(crate) fn stats(&self) -> Stats {
        self.shared.counters.read(self.shared.waiting())
    }
}

impl Drop for Lanes {
    fn drop(&mut self) {
        self.shared.close();
    }
}
