//! Who flushes: the first caller leads, for everybody who waits in its lane.

use std::future::poll_fn;
use std::sync::Arc;
use std::task::Poll;

use super::answer::Slot;
use super::race::Session;
use super::tables::Told;
use super::{Answers, MemoryStore};
use crate::change_set::ChangeSet;
use crate::error::Overloaded;
use crate::flush::{self, Answer, Decision, Planner, Queued, ReadMode};
use crate::memory::lock;
use crate::port::CommitError;
use crate::sync::yield_now;

/// How many batches one caller flushes for others before it goes its way.
const ROUNDS_MAX: usize = 16;

/// The lead of a lane and the batch that it flushes. Given up, the batch goes back to the queue and one
/// of those who wait leads on.
struct Lead<'a> {
    store: &'a MemoryStore,
    lane: usize,
    batch: Vec<ChangeSet>,
    answers: Vec<Arc<Slot>>,
    is_over: bool,
}

impl<'a> Lead<'a> {
    const fn of(store: &'a MemoryStore, lane: usize) -> Self {
        Self { store, lane, batch: Vec::new(), answers: Vec::new(), is_over: false }
    }

    /// Takes the next batch; false ends the lead.
    fn take(&mut self) -> bool {
        let shared = &self.store.shared;
        let batch_max = shared.options.batch_max;
        (self.batch, self.answers) = lock(&shared.intake).take(self.lane, batch_max);
        self.is_over = self.batch.is_empty();
        !self.is_over
    }

    fn answer(&mut self, answers: Answers) {
        self.batch.clear();
        for (slot, answer) in self.answers.drain(..).zip(answers) {
            slot.answer(answer);
        }
    }
}

impl Drop for Lead<'_> {
    fn drop(&mut self) {
        if self.is_over {
            return;
        }
        let (batch, answers) = (std::mem::take(&mut self.batch), std::mem::take(&mut self.answers));
        let mut intake = lock(&self.store.shared.intake);
        if std::thread::panicking() {
            // The batch itself may be what panics: nobody should meet it again.
            for (changes, slot) in batch.iter().zip(answers) {
                slot.answer(Err(CommitError::Unknown(changes.id)));
            }
        } else {
            intake.put_back(self.lane, batch, answers);
        }
        let waiting = intake.leave(self.lane);
        drop(intake);
        waiting.into_iter().for_each(std::task::Waker::wake);
    }
}

impl MemoryStore {
    /// Commits alone, as nobody else waits, then flushes what came meanwhile. Without an await: the
    /// common commit pays for no state machine.
    pub(super) fn commit_and_lead(&self, lane: usize, changes: ChangeSet) -> Answer {
        let lead = Lead::of(self, lane);
        let id = changes.id;
        let answer = self.flush_at_once(&mut [changes]).pop();
        self.lead_at_once(lead);
        answer.unwrap_or(Err(CommitError::Unknown(id)))
    }

    /// Queues a change set and waits for its answer.
    pub(super) async fn commit_in_queue(&self, lane: usize, changes: ChangeSet) -> Answer {
        let options = &self.shared.options;
        let answer = Arc::new(Slot::new());
        let queued = Queued { changes, answer: Arc::clone(&answer) };
        let evicted = lock(&self.shared.intake).push(lane, queued)?;
        let retry_after = options.queue.retry_after;
        for queued in evicted {
            queued.answer.answer(Err(CommitError::Overloaded(Overloaded { retry_after })));
        }
        if options.gather || options.race.is_some() {
            yield_now().await;
        }
        self.answer(lane, &answer).await
    }

    /// Waits for an answer, and leads whenever nobody else does.
    async fn answer(&self, lane: usize, slot: &Slot) -> Answer {
        loop {
            let answered = poll_fn(|context| {
                if let Some(answer) = slot.take() {
                    return Poll::Ready(Some(answer));
                }
                slot.wait(context);
                if lock(&self.shared.intake).lead_if_left(lane) {
                    return Poll::Ready(None);
                }
                // It may have come before `wait` left the waker.
                slot.take().map_or(Poll::Pending, |answer| Poll::Ready(Some(answer)))
            })
            .await;
            match answered {
                Some(answer) => return answer,
                None => Box::pin(self.lead(lane)).await,
            }
        }
    }

    async fn lead(&self, lane: usize) {
        let mut lead = Lead::of(self, lane);
        let (race, faults) = (self.shared.options.race, self.faults());
        if race.is_none() && faults.is_none() {
            return self.lead_at_once(lead);
        }
        let partitions = self.shared.options.partitions;
        let first = race.map_or(ReadMode::Full, |race| race.first);
        for _ in 0..ROUNDS_MAX {
            if !lead.take() {
                return;
            }
            let mut planner = Planner::new(partitions);
            let mut session = Session::begin(&self.shared, race.is_some(), faults.clone());
            let flushed = flush::flush(&mut session, &mut planner, &lead.batch, first);
            let answers = flushed.await;
            lead.answer(answers);
        }
    }

    fn lead_at_once(&self, mut lead: Lead<'_>) {
        for _ in 0..ROUNDS_MAX {
            if !lead.take() {
                return;
            }
            let answers = self.flush_at_once(&mut lead.batch);
            lead.answer(answers);
        }
    }

    /// Decides over the tables themselves, with nobody in between. Nothing here can fail.
    pub(super) fn flush_at_once(&self, batch: &mut [ChangeSet]) -> Answers {
        let mut planner = lock(&self.shared.planner);
        let mut tables = lock(&self.shared.tables);
        let Decision { answers, writes } = planner.decide(batch, &*tables);
        debug_assert!(tables.verify(&writes).is_ok(), "decided over these very tables");
        self.shared.show(batch, &writes);
        tables.apply(writes, |place| {
            let changes = &mut batch[place];
            Told {
                change_set: changes.id,
                stream: changes.stream(),
                events: std::mem::take(&mut changes.events),
            }
        });
        answers
    }
}
