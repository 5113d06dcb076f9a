//! Storage in memory, over the same planner as a database's.

mod ages;
mod answer;
mod books;
mod claims;
mod events;
mod inspect;
mod intake;
mod lanes;
mod page;
mod race;
mod reads;
mod records;
mod tables;
#[cfg(test)]
mod tests;

pub use crate::flush::QueueLimits;
pub use race::{Race, StoreFault};

use std::sync::{Arc, Mutex, MutexGuard, OnceLock};

use async_trait::async_trait;
use chrono::{DateTime, Utc};

use intake::Intake;
use race::{FaultRule, Locks};
use records::Records;
use tables::{Stored, Tables};

use crate::change_set::ChangeSet;
use crate::flush::{Answer, Planner, Writes};
use crate::memory::lock;
use crate::port::{Clock, CommitError, Committed, Store};

/// How a [`MemoryStore`] works.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MemoryStoreOptions {
    /// The partitions of the outbox, at least one; default 64.
    pub partitions: u16,
    /// The most change sets in one flush, at least one; default 256.
    pub batch_max: usize,
    /// Whether a commit lets the other tasks of its thread run before it flushes, so that their commits
    /// come into the same flush. Default off: a lone commit then never waits.
    pub gather: bool,
    /// Whether flushes run like sessions of a database, in several lanes and with other flushes between
    /// their steps; default off.
    pub race: Option<Race>,
    /// What may wait.
    pub queue: QueueLimits,
}

impl Default for MemoryStoreOptions {
    fn default() -> Self {
        Self {
            partitions: 64,
            batch_max: 256,
            gather: false,
            race: None,
            queue: QueueLimits::default(),
        }
    }
}

/// A store without durability: group commit, all read ports, the outbox. Clones share it.
///
/// Whoever commits first flushes for everybody who waits meanwhile; there is no task of its own and no
/// lock is held over an await. A dropped commit was still written or not as a whole.
#[derive(Clone)]
pub struct MemoryStore {
    shared: Arc<Shared>,
}

struct Shared {
    clock: Arc<dyn Clock>,
    options: MemoryStoreOptions,
    tables: Mutex<Tables>,
    planner: Mutex<Planner>,
    intake: Mutex<Intake>,
    locks: Mutex<Locks>,
    faults: Mutex<Option<FaultRule>>,
    watcher: OnceLock<Watcher>,
}

type Watcher = Box<dyn Fn(&ChangeSet) + Send + Sync>;

impl std::fmt::Debug for MemoryStore {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "MemoryStore({:?})", self.shared.options)
    }
}

impl MemoryStore {
    /// An empty store; leases of the outbox run by `clock`.
    pub fn new(clock: Arc<dyn Clock>, options: MemoryStoreOptions) -> Self {
        let partitions = options.partitions.max(1);
        let options = MemoryStoreOptions { partitions, ..options };
        let lanes = options.race.map_or(1, |race| usize::from(race.lanes.max(1)));
        let shared = Shared {
            clock,
            options,
            tables: Mutex::new(Tables::new(partitions)),
            planner: Mutex::new(Planner::new(partitions)),
            intake: Mutex::new(Intake::new(lanes, options.queue)),
            locks: Mutex::default(),
            faults: Mutex::default(),
            watcher: OnceLock::new(),
        };
        Self { shared: Arc::new(shared) }
    }

    /// Lets the "database" fail: before each write the rule is asked about every change set in it.
    pub fn fail_when(
        &self,
        rule: impl Fn(&ChangeSet) -> Option<StoreFault> + Send + Sync + 'static,
    ) {
        *lock(&self.shared.faults) = Some(Arc::new(rule));
    }

    /// Takes the rule of [`Self::fail_when`] away.
    pub fn fail_never(&self) {
        *lock(&self.shared.faults) = None;
    }

    /// Shows every change set that is written to `watcher`, in the order in which they count as written,
    /// before anybody can see its effect. `watcher` must not call the store. Only the first one set counts;
    /// whether it is this one.
    pub fn watch(&self, watcher: impl Fn(&ChangeSet) + Send + Sync + 'static) -> bool {
        self.shared.watcher.set(Box::new(watcher)).is_ok()
    }

    fn tables(&self) -> MutexGuard<'_, Tables> {
        lock(&self.shared.tables)
    }

    fn now(&self) -> DateTime<Utc> {
        self.shared.clock.now()
    }

    fn faults(&self) -> Option<FaultRule> {
        lock(&self.shared.faults).clone()
    }

    /// Two change sets of one partition never meet in different lanes.
    fn lane(&self, changes: &ChangeSet) -> usize {
        match self.shared.options.race {
            None => 0,
            Some(race) => {
                let partition = changes.stream().partition(self.shared.options.partitions);
                usize::from(partition % race.lanes.max(1))
            }
        }
    }
}

#[async_trait]
impl Store for MemoryStore {
    async fn commit(&self, changes: ChangeSet) -> Result<Committed, CommitError> {
        changes.check()?;
        let lane = self.lane(&changes);
        let options = &self.shared.options;
        let yields = options.gather || options.race.is_some();
        let alone = !yields && lock(&self.shared.faults).is_none();
        if alone && lock(&self.shared.intake).lead_if_idle(lane) {
            return self.commit_and_lead(lane, changes);
        }
        // Boxed, so that a lone commit does not pay for the state of a long wait.
        Box::pin(self.commit_in_queue(lane, changes)).await
    }
}

impl Shared {
    /// Shows the watcher what is about to be written. A change set that came twice was written the first
    /// time.
    fn show(&self, batch: &[ChangeSet], writes: &Writes) {
        let Some(watcher) = self.watcher.get() else { return };
        for (place, changes) in batch.iter().enumerate() {
            let is_written =
                writes.change_sets.binary_search_by_key(&changes.id, |(id, _)| *id).is_ok();
            if is_written && !batch[..place].iter().any(|before| before.id == changes.id) {
                watcher(changes);
            }
        }
    }
}

/// The answers of a batch, in its order.
type Answers = Vec<Answer>;
