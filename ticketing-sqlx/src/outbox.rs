//! The outbox: leases, the cursor, and what was published.
//!
//! Each step is one conditional statement, or reads only what never goes back: cursors and last numbers only
//! grow, so two processes cannot harm each other between two statements.

pub(crate) mod block;
mod dropping;
#[cfg(all(test, feature = "sqlite"))]
mod tests;

use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, SubsecRound, TimeDelta, Utc};
use ticketing_core::error::{Fault, PortError};
use ticketing_core::label::Label;
use ticketing_core::page::Limit;
use ticketing_core::port::{OutboxError, OutboxLease, OutboxReader, OutboxRow};

use crate::Store;
use crate::db::fault::{Broken, read_failed};
use crate::db::{Dialect, Row, Value};

const PORT: &str = "outbox";

/// An owner's own lease is renewed under its epoch; one that ended or was given up begins the next. The
/// epoch is set before the owner: MySQL assigns from left to right, each seeing those before.
const fn lease(dialect: Dialect) -> &'static str {
    match dialect {
        #[cfg(feature = "mysql")]
        Dialect::MySql => {
            "UPDATE tk_outbox_reader \
             SET epoch = LAST_INSERT_ID(CASE WHEN owner = ? THEN epoch ELSE epoch + 1 END), \
             owner = ?, expires_at = ? \
             WHERE part = ? AND (owner = ? OR owner = '' OR expires_at <= ?)"
        }
        #[cfg(feature = "sqlite")]
        Dialect::Sqlite => {
            "UPDATE tk_outbox_reader SET epoch = CASE WHEN owner = ? THEN epoch ELSE epoch + 1 END, \
             owner = ?, expires_at = ? \
             WHERE part = ? AND (owner = ? OR owner = '' OR expires_at <= ?) RETURNING epoch"
        }
    }
}

const GIVE_UP: &str = "UPDATE tk_outbox_reader SET owner = '', expires_at = 0 \
    WHERE part = ? AND epoch = ? AND owner = ?";

/// The blocks that end after a number. No outer join, which would tell an ended lease from an empty
/// partition: MySQL sorts the whole backlog for it.
macro_rules! blocks_after {
    ($number:literal) => {
        concat!(
            "SELECT o.part, o.sequence, o.events, o.body, r.published ",
            "FROM tk_outbox_reader r JOIN tk_outbox o ON o.part = r.part AND o.sequence > ",
            $number,
            " WHERE r.part = ? AND r.epoch = ? AND r.owner = ? ORDER BY o.sequence LIMIT ?"
        )
    };
}
const READ: &str = blocks_after!("r.published");
const READ_ON: &str = blocks_after!("?");

const BOUNDS: &str = "SELECT r.published, p.last \
    FROM tk_outbox_reader r JOIN tk_outbox_part p ON p.part = r.part \
    WHERE r.part = ? AND r.epoch = ? AND r.owner = ?";

/// The reads of a backlog. What waits is summed over all partitions, which are few.
#[cfg(any(test, feature = "testing"))]
pub(crate) const QUERIES: [(&str, &str); 4] =
    [("READ", READ), ("READ_ON", READ_ON), ("BOUNDS", BOUNDS), ("OLDEST", dropping::OLDEST)];

/// Its subquery takes no lock at READ COMMITTED, so it does not wait for a flush that counts events.
const ADVANCE: &str = "UPDATE tk_outbox_reader SET published = ? \
    WHERE part = ? AND epoch = ? AND owner = ? AND published <= ? \
    AND ? <= (SELECT p.last FROM tk_outbox_part p WHERE p.part = ?)";

/// MySQL's SUM is a decimal.
const WAITING: &str = "SELECT CAST(COALESCE(SUM(p.last - r.published), 0) AS SIGNED) \
    FROM tk_outbox_part p JOIN tk_outbox_reader r ON r.part = p.part";

#[async_trait]
impl OutboxReader for Store {
    async fn partitions(&self) -> Result<u16, PortError> {
        Ok(self.shared.partitions)
    }

    async fn lease(
        &self,
        partition: u16,
        owner: Label<64>,
        ttl: Duration,
    ) -> Result<Option<OutboxLease>, OutboxError> {
        self.is_there(partition)?;
        let now = self.shared.clock.now();
        let expires_at = end(now, ttl);
        let holder = || Value::text(owner.as_str());
        let part = Value::Int(partition.into());
        let values = [holder(), holder(), expires_at.into(), part, holder(), now.into()];
        let failed = read_failed(PORT, "lease");
        let sql = lease(self.database().dialect());
        let epoch = match self.database().dialect() {
            #[cfg(feature = "mysql")]
            Dialect::MySql => {
                let done = self.database().execute(sql, &values).await.map_err(failed)?;
                (done.rows > 0).then_some(done.last_id)
            }
            #[cfg(feature = "sqlite")]
            Dialect::Sqlite => {
                let rows = self.database().fetch(sql, &values).await.map_err(failed)?;
                let epoch = rows.first().map(|row| row.count(0)).transpose();
                epoch.map_err(|error| broken("lease", error))?
            }
        };
        Ok(epoch.map(|epoch| OutboxLease { partition, owner, epoch, expires_at }))
    }

    async fn give_up(&self, lease: OutboxLease) -> Result<(), OutboxError> {
        self.is_there(lease.partition)?;
        let done = self.database().execute(GIVE_UP, &fence(&lease)).await;
        match done.map_err(read_failed(PORT, "give_up"))?.rows {
            0 => Err(fenced(&lease)),
            _ => Ok(()),
        }
    }

    async fn read(&self, lease: OutboxLease, limit: Limit) -> Result<Vec<OutboxRow>, OutboxError> {
        self.is_there(lease.partition)?;
        let limit = limit.get();
        let mut after = After::default();
        while after.events.len() < limit {
            let read = (after.blocks, after.events.len());
            let blocks = block::step(limit - after.events.len(), read);
            let rows = self.blocks(&lease, after.last, blocks).await?;
            if rows.is_empty() {
                self.bounds(&lease, "read").await?;
            }
            for row in &rows {
                after.take(row, limit).map_err(|error| broken("read", error))?;
            }
            if rows.len() < blocks {
                break;
            }
        }
        Ok(after.events)
    }

    async fn advance(&self, lease: OutboxLease, sequence: u64) -> Result<(), OutboxError> {
        self.is_there(lease.partition)?;
        let [part, epoch, owner] = fence(&lease);
        let to = || Value::count(sequence);
        let values = [to(), part.clone(), epoch, owner, to(), to(), part];
        let done = self.database().execute(ADVANCE, &values).await;
        if done.map_err(read_failed(PORT, "advance"))?.rows > 0 {
            return Ok(());
        }
        let (from, to) = self.bounds(&lease, "advance").await?;
        Err(OutboxError::Cursor { from, to, got: sequence })
    }

    async fn drop_published(
        &self,
        partition: u16,
        before: DateTime<Utc>,
        limit: Limit,
    ) -> Result<usize, OutboxError> {
        self.is_there(partition)?;
        Ok(dropping::published(self, partition, before, limit).await?)
    }

    async fn waiting(&self) -> Result<u64, PortError> {
        let rows = self.database().fetch(WAITING, &[]).await;
        let rows = rows.map_err(read_failed(PORT, "waiting"))?;
        let waiting = rows.first().ok_or_else(|| Broken::null(0)).and_then(|row| row.count(0));
        waiting.map_err(|error| broken_port("waiting", error))
    }
}

impl Store {
    fn is_there(&self, got: u16) -> Result<(), OutboxError> {
        let partitions = self.shared.partitions;
        if got < partitions {
            return Ok(());
        }
        Err(OutboxError::NoSuchPartition { partitions, got })
    }

    /// Blocks that end after the cursor, or after the `last` event that was read.
    async fn blocks(
        &self,
        lease: &OutboxLease,
        last: Option<u64>,
        count: usize,
    ) -> Result<Vec<Row>, OutboxError> {
        let sql = if last.is_some() { READ_ON } else { READ };
        let [part, epoch, owner] = fence(lease);
        let values = last.map(Value::count).into_iter().chain([part, epoch, owner, size(count)]);
        let rows = self.database().fetch(sql, &values.collect::<Vec<_>>()).await;
        Ok(rows.map_err(read_failed(PORT, "read"))?)
    }

    /// Where the cursor stands and the last number that was given.
    ///
    /// # Errors
    /// [`OutboxError::Fenced`] if another has the lease by now, or nobody. A lease that ran out but was not
    /// taken over still serves: nobody else has published since.
    async fn bounds(
        &self,
        lease: &OutboxLease,
        operation: &'static str,
    ) -> Result<(u64, u64), OutboxError> {
        let rows = self.database().fetch(BOUNDS, &fence(lease)).await;
        let rows = rows.map_err(read_failed(PORT, operation))?;
        let Some(row) = rows.first() else { return Err(fenced(lease)) };
        let read = || Ok((row.count(0)?, row.count(1)?));
        read().map_err(|error: Broken| broken(operation, error))
    }
}

/// When a lease ends, as it is stored.
fn end(now: DateTime<Utc>, ttl: Duration) -> DateTime<Utc> {
    let end = TimeDelta::from_std(ttl).ok().and_then(|ttl| now.checked_add_signed(ttl));
    end.unwrap_or(DateTime::<Utc>::MAX_UTC).trunc_subsecs(6)
}

/// The conditions by which only the holder of a lease finds its row.
fn fence(lease: &OutboxLease) -> [Value<'_>; 3] {
    let part = Value::Int(lease.partition.into());
    [part, Value::count(lease.epoch), Value::text(lease.owner.as_str())]
}

fn fenced(lease: &OutboxLease) -> OutboxError {
    OutboxError::Fenced { partition: lease.partition, epoch: lease.epoch }
}

fn size(count: usize) -> Value<'static> {
    Value::count(count as u64)
}

/// The events after the cursor that were read so far.
#[derive(Default)]
struct After {
    events: Vec<OutboxRow>,
    blocks: usize,
    last: Option<u64>,
}

impl After {
    /// Takes what a block has after those, unless there are enough. The cursor may stand inside the first
    /// one. Numbers have no gaps: to publish past a missing event would lose it without a word.
    fn take(&mut self, row: &Row, limit: usize) -> Result<(), Broken> {
        if self.events.len() >= limit {
            return Ok(());
        }
        let last = self.last.map_or_else(|| row.count(4), Ok)?;
        let mut events = block::events(row)?;
        let first = events.first().map_or(last, |event| event.sequence);
        let is_cut = self.last.is_none() && first <= last;
        if !is_cut && first != last + 1 {
            let (expected, partition) = (last + 1, row.int(0)?);
            let error = format!("expected event {expected} of partition {partition}, got {first}");
            return Err(Broken::column(1, error));
        }
        self.last = events.last().map(|event| event.sequence);
        self.blocks += 1;
        events.retain(|event| event.sequence > last);
        events.truncate(limit - self.events.len());
        self.events.append(&mut events);
        Ok(())
    }
}

fn broken_port(
    operation: &'static str,
    error: impl Into<Box<dyn std::error::Error + Send + Sync>>,
) -> PortError {
    PortError::new(PORT, operation, Fault::Permanent).because(error)
}

fn broken(
    operation: &'static str,
    error: impl Into<Box<dyn std::error::Error + Send + Sync>>,
) -> OutboxError {
    broken_port(operation, error).into()
}
