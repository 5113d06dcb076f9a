//! Flushes as sessions of a database: rows are locked one by one, other sessions run between the steps,
//! and only the write tells of a duplicate key.

use std::future::poll_fn;
use std::sync::Arc;
use std::task::{Poll, Waker};

use rustc_hash::FxHashMap;

use super::Shared;
use super::tables::{Tables, Told};
use crate::aggregate::AggregateRef;
use crate::change_set::ChangeSet;
use crate::error::{Fault, PortError};
use crate::flush::{ExecError, FlushExecutor, Lock, Lookup, ReadMode, Reads, Rows, Writes};
use crate::ledger::AccountKey;
use crate::memory::lock;
use crate::sync::yield_now;

/// How a [`super::MemoryStore`] works like several sessions of a database.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Race {
    /// How many flushes run at once, at least one; default 2. A change set's lane is its outbox
    /// partition modulo this.
    pub lanes: u16,
    /// What a flush reads on its first try; default [`ReadMode::Optimistic`].
    pub first: ReadMode,
}

impl Default for Race {
    fn default() -> Self {
        Self { lanes: 2, first: ReadMode::Optimistic }
    }
}

/// How the "database" fails at a write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum StoreFault {
    /// It refuses a row of the change set.
    Refuse,
    /// It loses a deadlock: nothing is written, and trying again may help.
    Deadlock,
    /// COMMIT's answer is lost, for all change sets of the transaction.
    LoseAnswer {
        /// Whether the transaction was committed.
        written: bool,
    },
}

pub(super) type FaultRule = Arc<dyn Fn(&ChangeSet) -> Option<StoreFault> + Send + Sync>;

/// In the order in which rows are locked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum RowKey {
    Wallet(AccountKey),
    Aggregate(AggregateRef),
}

/// Who has a row: one alone, or several together.
#[derive(Debug)]
enum Holder {
    Exclusive,
    Shared(usize),
}

/// Row locks and those who wait for one.
#[derive(Debug, Default)]
pub(super) struct Locks {
    rows: FxHashMap<RowKey, Holder>,
    waiting: Vec<Waker>,
}

impl Locks {
    fn try_lock(&mut self, key: RowKey, wanted: Lock) -> bool {
        match (self.rows.get_mut(&key), wanted) {
            (None, Lock::Exclusive) => {
                self.rows.insert(key, Holder::Exclusive);
                true
            }
            (None, Lock::Shared) => {
                self.rows.insert(key, Holder::Shared(1));
                true
            }
            (Some(Holder::Shared(count)), Lock::Shared) => {
                *count += 1;
                true
            }
            (Some(Holder::Shared(_)), Lock::Exclusive) | (Some(Holder::Exclusive), _) => false,
        }
    }

    fn unlock(&mut self, key: RowKey) {
        match self.rows.get_mut(&key) {
            Some(Holder::Shared(count)) if *count > 1 => *count -= 1,
            Some(Holder::Shared(_) | Holder::Exclusive) => {
                self.rows.remove(&key);
            }
            None => {}
        }
    }
}

/// One flush's transactions, one after another. Dropped, it rolls back.
pub(super) struct Session<'a> {
    shared: &'a Shared,
    yields: bool,
    faults: Option<FaultRule>,
    held: Vec<(RowKey, Lock)>,
}

impl<'a> Session<'a> {
    pub(super) const fn begin(shared: &'a Shared, yields: bool, faults: Option<FaultRule>) -> Self {
        Self { shared, yields, faults, held: Vec::new() }
    }

    async fn step(&self) {
        if self.yields {
            yield_now().await;
        }
    }

    /// Locks rows that exist, of keys that come ascending. A session that waits holds nothing behind what it
    /// waits for, and nothing that it would hold more firmly, so that no two wait for each other.
    async fn acquire_all(&mut self, keys: Vec<(RowKey, Lock)>) -> Result<(), ExecError> {
        for (key, wanted) in keys {
            let held = self.held.iter().find(|(held, _)| *held == key).map(|(_, how)| *how);
            if held >= Some(wanted) || !self.exists(key) {
                continue;
            }
            if held.is_some() || self.held.iter().any(|(held, _)| *held > key) {
                return Err(ExecError::Raced);
            }
            self.acquire(key, wanted).await;
        }
        Ok(())
    }

    async fn acquire(&mut self, key: RowKey, wanted: Lock) {
        poll_fn(|context| {
            let mut locks = lock(&self.shared.locks);
            if locks.try_lock(key, wanted) {
                return Poll::Ready(());
            }
            locks.waiting.push(context.waker().clone());
            Poll::Pending
        })
        .await;
        self.held.push((key, wanted));
    }

    fn exists(&self, key: RowKey) -> bool {
        let tables = lock(&self.shared.tables);
        match key {
            RowKey::Aggregate(reference) => tables.version(reference) > 0,
            RowKey::Wallet(account) => tables.balance(&account).is_some(),
        }
    }

    fn end(&mut self) {
        if self.held.is_empty() {
            return;
        }
        let mut locks = lock(&self.shared.locks);
        for (key, _) in self.held.drain(..) {
            locks.unlock(key);
        }
        let waiting = std::mem::take(&mut locks.waiting);
        drop(locks);
        waiting.into_iter().for_each(Waker::wake);
    }

    fn fault(&self, batch: &[ChangeSet], writes: &Writes) -> Option<StoreFault> {
        let rule = self.faults.as_ref()?;
        let written = |changes: &&ChangeSet| {
            writes.change_sets.binary_search_by_key(&changes.id, |(id, _)| *id).is_ok()
        };
        batch.iter().filter(written).find_map(|changes| rule(changes))
    }
}

impl Drop for Session<'_> {
    fn drop(&mut self) {
        self.end();
    }
}

impl FlushExecutor for Session<'_> {
    type Rows = Rows;

    async fn lock_and_read(&mut self, reads: &Reads) -> Result<Rows, ExecError> {
        let wallets = reads.wallets.iter().map(|key| (RowKey::Wallet(*key), Lock::Exclusive));
        let aggregates =
            reads.aggregates.iter().map(|(key, wanted)| (RowKey::Aggregate(*key), *wanted));
        self.acquire_all(wallets.chain(aggregates).collect()).await?;
        self.step().await;
        let rows = read(&lock(&self.shared.tables), reads);
        self.step().await;
        Ok(rows)
    }

    async fn write(&mut self, batch: &[ChangeSet], writes: Writes) -> Result<(), ExecError> {
        let fault = self.fault(batch, &writes);
        let failed = |fault| PortError::new("store", "commit", fault).because("asked to fail");
        match fault {
            Some(StoreFault::Refuse) => return Err(ExecError::Refused(failed(Fault::Permanent))),
            Some(StoreFault::Deadlock) => return Err(ExecError::Retry(failed(Fault::Transient))),
            Some(StoreFault::LoseAnswer { written: false }) => {
                self.end();
                return Err(ExecError::Unknown);
            }
            Some(StoreFault::LoseAnswer { written: true }) | None => {}
        }
        let saved = writes.records.iter().map(|row| (row.reference, Lock::Exclusive));
        let guarded = writes.guards.iter().map(|(of, _)| (*of, Lock::Shared));
        let mut keys: Vec<_> =
            saved.chain(guarded).map(|(of, wanted)| (RowKey::Aggregate(of), wanted)).collect();
        keys.sort_unstable();
        self.acquire_all(keys).await?;
        let mut tables = lock(&self.shared.tables);
        tables.verify(&writes)?;
        self.shared.show(batch, &writes);
        tables.apply(writes, |place| Told {
            change_set: batch[place].id,
            stream: batch[place].stream(),
            events: batch[place].events.clone(),
        });
        drop(tables);
        self.end();
        if fault.is_some() { Err(ExecError::Unknown) } else { Ok(()) }
    }

    async fn rollback(&mut self) {
        self.end();
    }
}

fn read(tables: &Tables, reads: &Reads) -> Rows {
    let mut rows = Rows::default();
    for (reference, _) in &reads.aggregates {
        rows.versions.insert(*reference, tables.version(*reference));
    }
    for account in &reads.wallets {
        if let Some(balance) = tables.balance(account) {
            rows.balances.insert(*account, balance);
        }
    }
    rows.change_sets.extend(reads.change_sets.iter().filter(|id| tables.is_committed(**id)));
    for key in &reads.receipts {
        if let Some(receipt) = tables.receipt(key) {
            rows.receipts.insert(key.clone(), receipt.clone());
        }
    }
    let handled = reads.messages.iter().filter(|key| tables.is_handled(key));
    rows.messages.extend(handled.cloned());
    for (performance, seat) in &reads.claims {
        if let Some(claim) = tables.claim(*performance, *seat) {
            rows.claims.insert((*performance, *seat), claim);
        }
    }
    for (user, show) in &reads.allowances {
        rows.allowances.insert((*user, *show), tables.slots(*user, *show).to_vec());
    }
    rows.entries.extend(reads.entries.iter().filter(|id| tables.is_booked(**id)));
    rows.resolutions.extend(reads.resolutions.iter().filter(|id| tables.is_resolved(**id)));
    rows
}
