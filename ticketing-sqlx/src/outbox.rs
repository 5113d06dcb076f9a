//! The outbox: leases, the cursor, and what was published.
//!
//! Each step is one conditional statement, or reads only what never goes back: cursors and last numbers only
//! grow, so two processes cannot harm each other between two statements.

#[cfg(all(test, feature = "sqlite"))]
mod tests;

use std::borrow::Cow;
use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, SubsecRound, TimeDelta, Utc};
use ticketing_core::aggregate::{AggregateRef, StreamKey};
use ticketing_core::error::{Fault, PortError};
use ticketing_core::id::ChangeSetId;
use ticketing_core::label::Label;
use ticketing_core::page::Limit;
use ticketing_core::port::{OutboxError, OutboxLease, OutboxReader, OutboxRow};

use crate::db::fault::{Broken, read_failed};
use crate::db::{Dialect, Row, Value};
use crate::{Store, codes};

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

/// No outer join, which would tell an ended lease from an empty partition: MySQL sorts the whole backlog
/// for it.
const READ: &str = "SELECT o.sequence, o.stream, o.kind, o.aggregate, o.number, o.name, o.occurred_at, \
    o.change_set, o.payload, r.published \
    FROM tk_outbox_reader r JOIN tk_outbox o ON o.part = r.part AND o.sequence > r.published \
    WHERE r.part = ? AND r.epoch = ? AND r.owner = ? ORDER BY o.sequence LIMIT ?";

const BOUNDS: &str = "SELECT r.published, p.last \
    FROM tk_outbox_reader r JOIN tk_outbox_part p ON p.part = r.part \
    WHERE r.part = ? AND r.epoch = ? AND r.owner = ?";

/// Its subquery takes no lock at READ COMMITTED, so it does not wait for a flush that counts events.
const ADVANCE: &str = "UPDATE tk_outbox_reader SET published = ? \
    WHERE part = ? AND epoch = ? AND owner = ? AND published <= ? \
    AND ? <= (SELECT p.last FROM tk_outbox_part p WHERE p.part = ?)";

/// The oldest published events: the first of them, and the last before one that is too young.
const OLDEST: &str = "SELECT MIN(sequence), \
    COALESCE(MIN(CASE WHEN occurred_at >= ? THEN sequence END) - 1, MAX(sequence)), MIN(dropped) \
    FROM (SELECT o.sequence, o.occurred_at, r.dropped FROM tk_outbox_reader r JOIN tk_outbox o \
    ON o.part = r.part AND o.sequence > r.dropped AND o.sequence <= r.published \
    WHERE r.part = ? ORDER BY o.sequence LIMIT ?) AS oldest";

const DROP: &str = "DELETE FROM tk_outbox WHERE part = ? AND sequence >= ? AND sequence <= ?";

/// How many dropped events may be looked at again. MySQL keeps deleted rows until no reader is older than
/// they are, which can be long, and would walk over all of them; but to write down each step costs a sync.
const DROPPED_STEP: i64 = 8_192;

const DROPPED: &str = "UPDATE tk_outbox_reader SET dropped = ? WHERE part = ? AND dropped < ?";

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
        let [part, epoch, owner] = fence(&lease);
        let values = [part, epoch, owner, size(limit)];
        let rows = self.database().fetch(READ, &values).await;
        let rows = rows.map_err(read_failed(PORT, "read"))?;
        if rows.is_empty() {
            self.bounds(&lease, "read").await?;
        }
        events(lease.partition, &rows).map_err(|error| broken("read", error))
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
        let failed = read_failed(PORT, "drop_published");
        let part = || Value::Int(partition.into());
        let values = [before.into(), part(), size(limit)];
        let rows = self.database().fetch(OLDEST, &values).await.map_err(&failed)?;
        let oldest = rows.first().map_or(Ok(None), oldest);
        let oldest = oldest.map_err(|error| broken("drop_published", error))?;
        let Some((first, last, dropped)) = oldest else { return Ok(0) };
        let values = [part(), Value::Int(first), Value::Int(last)];
        let done = self.database().execute(DROP, &values).await.map_err(&failed)?;
        if last - dropped >= DROPPED_STEP {
            let values = [Value::Int(last), part(), Value::Int(last)];
            self.database().execute(DROPPED, &values).await.map_err(&failed)?;
        }
        Ok(usize::try_from(done.rows).unwrap_or(usize::MAX))
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

/// At most [`Limit::MAX`].
fn size(limit: Limit) -> Value<'static> {
    Value::count(limit.get() as u64)
}

/// The first and the last event to drop, and up to where events were dropped before.
fn oldest(row: &Row) -> Result<Option<(i64, i64, i64)>, Broken> {
    let Some(first) = row.int_or_null(0)? else { return Ok(None) };
    let last = row.int(1)?;
    Ok((first <= last).then_some((first, last, row.int(2)?)))
}

/// Rows without gaps after the cursor: to publish past a missing one would lose it without a word.
fn events(partition: u16, rows: &[Row]) -> Result<Vec<OutboxRow>, Broken> {
    let mut events = Vec::with_capacity(rows.len());
    let mut last = rows.first().map_or(Ok(0), |row| row.count(9))?;
    for row in rows {
        let event = event(partition, row)?;
        let (expected, got) = (last + 1, event.sequence);
        if got != expected {
            let error = format!("expected event {expected} of partition {partition}, got {got}");
            return Err(Broken::column(0, error));
        }
        last = got;
        events.push(event);
    }
    Ok(events)
}

fn event(partition: u16, row: &Row) -> Result<OutboxRow, Broken> {
    let code = row.int(2)?;
    let kind = codes::kind_of(code)
        .ok_or_else(|| Broken::column(2, format!("{code} is no kind of aggregate")))?;
    Ok(OutboxRow {
        partition,
        sequence: row.count(0)?,
        stream: StreamKey(row.id(1)?),
        aggregate: AggregateRef { kind, id: row.id(3)? },
        number: row.count(4)?,
        name: Cow::Owned(row.text(5)?.to_owned()),
        occurred_at: row.time(6)?,
        change_set: ChangeSetId::from_uuid(row.id(7)?),
        payload: row.bytes(8)?.to_vec(),
    })
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
