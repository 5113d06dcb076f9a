//! Events, numbered in their partitions.

use ticketing_core::change_set::ChangeSet;
use ticketing_core::flush::OutboxWrite;

use super::{insert, insert_with};
use crate::codes;
use crate::db::Value;
use crate::flush::executor::Session;
use crate::flush::{Broken, Failed};
use crate::outbox::block::{Blocks, COLUMNS, Event};
use crate::sql::{SIZE_MAX, repeated, size_for};

/// Numbers are given last, under the lock of each partition's row until COMMIT: a reader meets no gap.
pub(super) async fn write(
    session: &mut Session,
    batch: &[ChangeSet],
    writes: &[OutboxWrite],
) -> Result<(), Failed> {
    if writes.is_empty() {
        return Ok(());
    }
    let first = number(session, batch, writes).await?;
    let mut values = Vec::new();
    for of_part in writes.chunk_by(|left, right| left.partition == right.partition) {
        let partition = of_part[0].partition;
        let place = first.binary_search_by_key(&partition, |(part, _)| *part);
        let (_, first) = first[place.map_err(|_| Failed::Raced)?];
        let mut blocks = Blocks::from(first);
        for write in of_part {
            tell(&batch[write.place], &mut blocks)?;
        }
        let blocks = blocks.end()?;
        values.extend(blocks.into_iter().flat_map(|block| block.values(partition)));
    }
    insert(session, &format!("tk_outbox ({COLUMNS})"), 5, values).await
}

fn tell(changes: &ChangeSet, blocks: &mut Blocks) -> Result<(), Failed> {
    for event in changes.events() {
        let kind = codes::kind(event.aggregate.kind);
        blocks.push(&Event {
            change_set: changes.id(),
            stream: changes.stream(),
            kind: kind.ok_or(Broken::unknown(event.aggregate))?,
            aggregate: event.aggregate.id,
            number: event.number,
            name: event.name,
            occurred_at: event.occurred_at,
            payload: &event.payload,
        })?;
    }
    Ok(())
}

/// The first number of each partition, ascending.
async fn number(
    session: &mut Session,
    batch: &[ChangeSet],
    writes: &[OutboxWrite],
) -> Result<Vec<(u16, i64)>, Failed> {
    let mut counts: Vec<(u16, i64)> = Vec::new();
    for of_part in writes.chunk_by(|left, right| left.partition == right.partition) {
        let events = of_part.iter().map(|write| batch[write.place].events().len()).sum::<usize>();
        counts.push((of_part[0].partition, i64::try_from(events).unwrap_or(i64::MAX)));
    }
    let dialect = session.dialect;
    let tail = format!(
        "{}last = tk_outbox_part.last + {}",
        dialect.upsert("part"),
        dialect.inserted("last")
    );
    let values =
        counts.iter().flat_map(|(part, count)| [Value::Int(i64::from(*part)), Value::Int(*count)]);
    insert_with(session, "tk_outbox_part (part, last)", 2, values.collect(), &tail).await?;
    let mut numbers = Vec::with_capacity(counts.len());
    for chunk in counts.chunks(SIZE_MAX) {
        let size = size_for(chunk.len());
        let last = chunk[chunk.len() - 1];
        let padded = chunk.iter().copied().chain(std::iter::repeat(last)).take(size);
        let values: Vec<Value<'_>> = padded.map(|(part, _)| Value::Int(i64::from(part))).collect();
        let head = "SELECT part, last FROM tk_outbox_part WHERE part IN (";
        for row in session.fetch(&repeated(head, "?", ", ", size, ")"), &values).await? {
            let part = row.int(0)?;
            let count = chunk.iter().find(|(of, _)| i64::from(*of) == part);
            let (part, count) = *count.ok_or(Failed::Raced)?;
            numbers.push((part, row.int(1)? - count + 1));
        }
    }
    numbers.sort_unstable();
    Ok(numbers)
}
