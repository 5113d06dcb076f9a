//! What the outbox must have of the change sets that were written, read as a relay reads it.

use std::time::Duration;

use rustc_hash::FxHashMap;

use super::world::label;
use crate::change_set::{ChangeSet, RecordedEvent};
use crate::error::PortError;
use crate::id::ChangeSetId;
use crate::port::{OutboxError, OutboxLease, OutboxReader, OutboxRow};
use crate::testing::ports::limit;

/// Rows of one page: small, so that there are many pages.
const PAGE: usize = 3;
const LEASE: Duration = Duration::from_mins(10);
/// More pages than the runs have events.
const PAGES_MAX: usize = 100_000;

fn read_failed(error: &OutboxError) -> String {
    format!("reading the outbox failed: {error}")
}

/// All that waits in a partition, in pages, moving the cursor.
async fn drain(outbox: &dyn OutboxReader, lease: &OutboxLease) -> Result<Vec<OutboxRow>, String> {
    let failed = |error| read_failed(&error);
    let mut rows: Vec<OutboxRow> = Vec::new();
    for _ in 0..PAGES_MAX {
        let page = outbox.read(lease.clone(), limit(PAGE)).await.map_err(failed)?;
        let Some(last) = page.last() else { return Ok(rows) };
        if page.len() > PAGE {
            return Err(format!("asked the outbox for {PAGE} events, got {}", page.len()));
        }
        outbox.advance(lease.clone(), last.sequence).await.map_err(failed)?;
        rows.extend(page);
    }
    Err("the outbox has no end".to_owned())
}

/// The rows of all partitions.
pub(super) async fn drain_all(outbox: &dyn OutboxReader) -> Result<Vec<OutboxRow>, String> {
    let failed = |error: PortError| format!("reading the outbox failed: {error}");
    let mut rows = Vec::new();
    for partition in 0..outbox.partitions().await.map_err(failed)? {
        let lease = outbox.lease(partition, label("model"), LEASE).await;
        let lease = lease.map_err(|error| read_failed(&error))?;
        let lease = lease.ok_or_else(|| format!("partition {partition} is leased by another"))?;
        rows.extend(drain(outbox, &lease).await?);
        outbox.give_up(lease).await.map_err(|error| read_failed(&error))?;
    }
    let waiting = outbox.waiting().await.map_err(failed)?;
    if waiting > 0 {
        return Err(format!("{waiting} events wait behind cursors that stand at the end"));
    }
    Ok(rows)
}

fn is_of(row: &OutboxRow, event: &RecordedEvent) -> bool {
    row.aggregate == event.aggregate
        && row.number == event.number
        && row.name == event.name
        && row.occurred_at == event.occurred_at
        && row.payload == event.payload
}

/// Checks that the rows are the events of these change sets and no others: each partition numbered from
/// 1, each change set in one piece, in the partition of its stream. Says which change set comes directly
/// before which in its partition.
pub(super) fn order_of(
    rows: &[OutboxRow],
    written: &[&ChangeSet],
    partitions: u16,
) -> Result<Vec<(ChangeSetId, ChangeSetId)>, String> {
    let mut left: FxHashMap<ChangeSetId, &ChangeSet> = FxHashMap::default();
    left.extend(written.iter().filter(|set| !set.events().is_empty()).map(|set| (set.id(), *set)));
    let mut order = Vec::new();
    for of_partition in rows.chunk_by(|one, next| one.partition == next.partition) {
        for (expected, row) in (1..).zip(of_partition) {
            if row.sequence != expected {
                let (partition, got) = (row.partition, row.sequence);
                return Err(format!(
                    "partition {partition}: expected number {expected}, got {got}"
                ));
            }
        }
        let mut before = None;
        for piece in of_partition.chunk_by(|one, next| one.change_set == next.change_set) {
            let id = piece[0].change_set;
            let told = piece.iter().map(OutboxRow::event_id).collect::<Vec<_>>().join(", ");
            let Some(changes) = left.remove(&id) else {
                return Err(format!("change set {id} tells {told}: it was not written, or twice"));
            };
            let events = changes.events();
            let is_whole = events.len() == piece.len()
                && events.iter().zip(piece).all(|(event, row)| is_of(row, event))
                && piece.iter().all(|row| row.stream == changes.stream())
                && piece[0].partition == changes.stream().partition(partitions);
            if !is_whole {
                return Err(format!("change set {id} tells {told}, expected {events:?}"));
            }
            order.extend(before.map(|before| (before, id)));
            before = Some(id);
        }
    }
    match written.iter().find(|set| left.contains_key(&set.id())) {
        Some(silent) => Err(format!("change set {} tells nothing", silent.id())),
        None => Ok(order),
    }
}
