//! The task of a lane: flush after flush, whatever befalls one of them.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use ticketing_core::change_set::ChangeSet;
use ticketing_core::flush::{Answer, FlushExecutor, Planner, flush};
use ticketing_core::port::CommitError;

use super::mode::Mode;
use super::queue::{Next, Reply, Shared};
use super::watched::Watched;

/// How long a lane rests after a flush that panicked.
const PAUSE_AFTER_PANIC: Duration = Duration::from_millis(100);

/// A lane while its task lives. Gone, it answers whoever waits in it.
pub(super) struct Lane {
    shared: Arc<Shared>,
    number: usize,
}

impl Lane {
    pub(super) const fn new(shared: Arc<Shared>, number: usize) -> Self {
        Self { shared, number }
    }

    async fn run<E: FlushExecutor>(&self, executor: E) {
        let counters = &self.shared.counters;
        let mut executor = Watched::new(executor, counters);
        let mut planner = Planner::new(self.shared.partitions());
        let mut mode = Mode::default();
        loop {
            let batch = match self.shared.next(self.number) {
                Next::Flush(changes, replies) => {
                    InFlight { shared: &self.shared, changes, replies }
                }
                Next::Wait => {
                    self.shared.woken(self.number).await;
                    continue;
                }
                Next::End => return,
            };
            counters.flushed(batch.changes.len());
            let first = mode.next();
            let answers = flush(&mut executor, &mut planner, &batch.changes, first).await;
            mode.learn(executor.take_read_full(), &answers);
            batch.answer(answers);
        }
    }
}

impl Drop for Lane {
    fn drop(&mut self) {
        self.shared.end(self.number);
    }
}

/// Runs a lane until the store is closed. A flush that panics ends neither the lane nor the wait of its
/// callers; the session that it used is not used again.
pub(super) async fn keep_running<E, F>(lane: Lane, open: Arc<F>)
where
    E: FlushExecutor,
    F: Fn(usize) -> E + Send + Sync,
{
    loop {
        // What a panic may leave half-done, it drops: the executor, the planner, the batch.
        let run = AssertUnwindSafe(async { lane.run(open(lane.number)).await });
        if run.catch_unwind().await.is_ok() {
            return;
        }
        lane.shared.counters.panicked();
        rest().await;
    }
}

#[expect(clippy::disallowed_methods, reason = "a lane belongs to tokio, no use case waits here")]
async fn rest() {
    tokio::time::sleep(PAUSE_AFTER_PANIC).await;
}

/// A batch and where its answers go. Given up by a panic or an abort, it is `Unknown`: it may have come
/// as far as COMMIT.
struct InFlight<'a> {
    shared: &'a Shared,
    changes: Vec<ChangeSet>,
    replies: Vec<Reply>,
}

impl InFlight<'_> {
    fn answer(mut self, answers: Vec<Answer>) {
        for (reply, answer) in self.replies.drain(..).zip(answers) {
            // Nobody there: the caller was dropped.
            drop(reply.send(answer));
        }
    }
}

impl Drop for InFlight<'_> {
    fn drop(&mut self) {
        if self.replies.is_empty() {
            return;
        }
        self.shared.lost(self.replies.len());
        for (changes, reply) in self.changes.iter().zip(self.replies.drain(..)) {
            drop(reply.send(Err(CommitError::Unknown(changes.id()))));
        }
    }
}
