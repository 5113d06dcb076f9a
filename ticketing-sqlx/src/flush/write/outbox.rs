//! Events, numbered in their partitions.

use std::ops::Range;

use ticketing_core::change_set::ChangeSet;
use ticketing_core::flush::OutboxWrite;

use crate::codes;
use crate::db::{Answer, Dialect, Statement, Value};
use crate::flush::script::Script;
use crate::flush::{Broken, Failed};
use crate::outbox::block::{Blocks, COLUMNS, Event};

/// A partition with a count or a number of events.
type Part = (u16, i64);

/// How many events each partition gets, ascending, and which statements tell of their numbers.
pub(super) struct Numbered {
    counts: Vec<Part>,
    told: Range<usize>,
}

/// Takes the numbers last, under the lock of each partition's row until COMMIT: a reader meets no gap.
pub(super) fn number(
    script: &mut Script<'_>,
    batch: &[ChangeSet],
    writes: &[OutboxWrite],
) -> Numbered {
    let of_parts = writes.chunk_by(|left, right| left.partition == right.partition);
    let count = |of_part: &[OutboxWrite]| {
        let events = of_part.iter().map(|write| batch[write.place].events().len());
        (of_part[0].partition, i64::try_from(events.sum::<usize>()).unwrap_or(i64::MAX))
    };
    let counts: Vec<Part> = of_parts.map(count).collect();
    let told = match (script.dialect(), &counts[..]) {
        (_, []) => 0..0,
        #[cfg(feature = "mysql")]
        (Dialect::MySql, &[(part, count)]) => script.one(
            "UPDATE tk_outbox_part SET last = LAST_INSERT_ID(last + ?) WHERE part = ?",
            vec![Value::Int(count), part_of(part)],
        ),
        (dialect, counts) => {
            let tail = format!(
                "{}last = tk_outbox_part.last + {}",
                dialect.upsert("part"),
                dialect.inserted("last")
            );
            let rows = counts.iter().flat_map(|(part, count)| [part_of(*part), Value::Int(*count)]);
            script.insert_with("tk_outbox_part (part, last)", 2, rows.collect(), &tail);
            let head = "SELECT part, last FROM tk_outbox_part WHERE part IN (";
            script.select(head, ")", counts, |(part, _)| part_of(*part))
        }
    };
    Numbered { counts, told }
}

impl Numbered {
    /// The first number of each partition, ascending.
    pub(super) fn first(&self, answers: &[Answer]) -> Result<Vec<Part>, Failed> {
        #[cfg(feature = "mysql")]
        if let (&[(part, count)], [told]) = (&self.counts[..], &answers[self.told.clone()])
            && told.last_id > 0
        {
            let last = i64::try_from(told.last_id).map_err(|_| Failed::Raced)?;
            return Ok(vec![(part, last - count + 1)]);
        }
        let mut first = Vec::with_capacity(self.counts.len());
        for row in answers[self.told.clone()].iter().flat_map(|answer| &answer.rows) {
            let part = u16::try_from(row.int(0)?).map_err(|_| Failed::Raced)?;
            let place = self.counts.binary_search_by_key(&part, |(part, _)| *part);
            let (_, count) = self.counts[place.map_err(|_| Failed::Raced)?];
            first.push((part, row.int(1)? - count + 1));
        }
        first.sort_unstable();
        Ok(first)
    }
}

/// Writes the events in blocks.
pub(super) fn events(
    dialect: Dialect,
    batch: &[ChangeSet],
    writes: &[OutboxWrite],
    first: &[Part],
) -> Result<Vec<Statement<'static>>, Failed> {
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
    let mut script = Script::new(dialect);
    script.insert(&format!("tk_outbox ({COLUMNS})"), 5, values);
    Ok(script.into_statements())
}

fn tell(changes: &ChangeSet, blocks: &mut Blocks) -> Result<(), Broken> {
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

fn part_of(partition: u16) -> Value<'static> {
    Value::Int(i64::from(partition))
}
