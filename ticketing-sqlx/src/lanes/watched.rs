//! An executor whose steps are counted.

use ticketing_core::change_set::ChangeSet;
use ticketing_core::flush::{ExecError, FlushExecutor, Reads, Writes};

use super::stats::Counters;

pub(super) struct Watched<'a, E> {
    executor: E,
    counters: &'a Counters,
    read_full: bool,
}

impl<'a, E> Watched<'a, E> {
    pub(super) const fn new(executor: E, counters: &'a Counters) -> Self {
        Self { executor, counters, read_full: false }
    }

    /// Whether every key was read since this was last asked.
    pub(super) const fn take_read_full(&mut self) -> bool {
        std::mem::replace(&mut self.read_full, false)
    }

    fn count(&self, error: &ExecError) {
        match error {
            ExecError::Raced => self.counters.raced(),
            ExecError::Retry(_) => self.counters.retried(),
            ExecError::Refused(_) => self.counters.refused(),
            // `Unknown`, and what a later core may add.
            _ => self.counters.unknown(),
        }
    }
}

impl<E: FlushExecutor> FlushExecutor for Watched<'_, E> {
    type Rows = E::Rows;

    async fn lock_and_read(&mut self, reads: &Reads) -> Result<E::Rows, ExecError> {
        // Only a full read asks for the ids of change sets.
        let full = !reads.change_sets.is_empty();
        self.read_full |= full;
        self.counters.read_rows(full);
        let read = self.executor.lock_and_read(reads).await;
        read.inspect_err(|error| self.count(error))
    }

    async fn write(&mut self, batch: &[ChangeSet], writes: Writes) -> Result<(), ExecError> {
        let written = self.executor.write(batch, writes).await;
        written.inspect_err(|error| self.count(error))
    }

    async fn rollback(&mut self) {
        self.executor.rollback().await;
    }
}
