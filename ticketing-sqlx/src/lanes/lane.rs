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
use super::turn::Turn;
use super::watched::Watched;

/// How long a lane rests after a flush that panicked.
const PAUSE_AFTER_PANIC: Duration = Duration::from_millis(100);

/// A session's task of a lane while it lives. With the last one gone, whoever waits in the lane is answered.
pub(super) struct Lane {
    shared: Arc<Shared>,
    number: usize,
}

impl Lane {
    pub(super) const fn new(shared: Arc<Shared>, number: usize) -> Self {
        Self { shared, number }
    }

    async fn run<E: FlushExecutor>(&self, turn: &Turn, executor: E) {
        let counters = &self.shared.counters;
        let mut executor = Watched::new(executor, counters);
        let mut planner = Planner::new(self.shared.partitions());
        let mut mode = Mode::default();
        loop {
            turn.take().await;
            let Some(batch) = self.next_batch().await else { return };
            counters.flushed(batch.changes.len());
            let first = mode.next();
            let answers = flush(&mut executor, &mut planner, &batch.changes, first).await;
            turn.pass();
            mode.learn(executor.take_read_full(), &answers);
            batch.answer(answers);
        }
    }

    /// What to flush next, once there is something; none at the end.
    async fn next_batch(&self) -> Option<InFlight<'_>> {
        loop {
            match self.shared.next(self.number) {
                Next::Flush(changes, replies) => {
                    return Some(InFlight { shared: &self.shared, changes, replies });
                }
                Next::Wait => self.shared.woken(self.number).await,
                Next::End => return None,
            }
        }
    }
}

impl Drop for Lane {
    fn drop(&mut self) {
        self.shared.end(self.number);
    }
}

/// Runs a session of a lane until the store is closed. A flush that panics ends neither the lane nor the wait
/// of its callers; the session that it used is not used again.
pub(super) async fn keep_running<E, F>(lane: Lane, open: Arc<F>)
where
    E: FlushExecutor,
    F: Fn(Turn) -> E + Send + Sync,
{
    loop {
        // What a panic may leave half-done, it drops: the executor, the planner, the batch.
        let run = AssertUnwindSafe(async {
            let turn = Turn::new(lane.shared.turn(lane.number));
            lane.run(&turn, open(turn.clone())).await;
        });
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
