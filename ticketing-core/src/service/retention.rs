//! Drop what was kept long enough, in bounded runs.

use chrono::TimeDelta;

use super::support::Failure;
use crate::error::{Fault, PortError};
use crate::page::Limit;
use crate::port::{Kept, OutboxError, Ports};

/// How long answers, handled messages and change-set ids are kept: as long as a gateway keeps its keys.
pub const KEPT_FOR: TimeDelta = TimeDelta::days(15);
/// How long published events stay in the outbox.
pub const PUBLISHED_FOR: TimeDelta = TimeDelta::days(3);

/// What one run dropped.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[must_use]
pub struct Dropped {
    /// How many rows.
    pub rows: usize,
    /// Whether a limit was reached: run again at once.
    pub more: bool,
}

impl Dropped {
    const fn count(&mut self, rows: usize, limit: Limit) {
        self.rows += rows;
        self.more |= rows >= limit.get();
    }
}

/// Drops answers, handled messages and change-set ids older than [`KEPT_FOR`], at most `limit` of each.
///
/// # Errors
/// The store failed; what was dropped before stays dropped.
pub async fn purge_kept(ports: &Ports, limit: Limit) -> Result<Dropped, Failure> {
    let before = ports.clock.now() - KEPT_FOR;
    let mut dropped = Dropped::default();
    for kept in [Kept::Receipts, Kept::Messages, Kept::ChangeSets] {
        dropped.count(ports.retention.purge(kept, before, limit).await?, limit);
    }
    Ok(dropped)
}

/// Drops published events that happened more than [`PUBLISHED_FOR`] ago, at most `limit` of each
/// partition. What was not published stays, however old it is.
///
/// # Errors
/// The store failed; what was dropped before stays dropped.
pub async fn drop_published(ports: &Ports, limit: Limit) -> Result<Dropped, Failure> {
    let before = ports.clock.now() - PUBLISHED_FOR;
    let mut dropped = Dropped::default();
    for partition in 0..ports.outbox.partitions().await? {
        let rows = ports.outbox.drop_published(partition, before, limit).await;
        dropped.count(rows.map_err(port_error)?, limit);
    }
    Ok(dropped)
}

fn port_error(error: OutboxError) -> PortError {
    match error {
        OutboxError::Port(error) => error,
        OutboxError::Fenced { .. }
        | OutboxError::NoSuchPartition { .. }
        | OutboxError::Cursor { .. } => {
            PortError::new("outbox", "drop_published", Fault::Permanent).because(error)
        }
    }
}
