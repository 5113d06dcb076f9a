//! The outbox: numbered events per partition, leases, cursors.

use std::borrow::Cow;
use std::collections::VecDeque;

use chrono::{DateTime, Utc};

use super::tables::Told;
use crate::label::Label;
use crate::port::{OutboxError, OutboxLease, OutboxRow};

/// One partition.
#[derive(Debug, Default)]
struct Partition {
    rows: VecDeque<OutboxRow>,
    /// How many events were dropped: the first row kept has the next number.
    dropped: u64,
    cursor: u64,
    epoch: u64,
    lease: Option<(Label<64>, DateTime<Utc>)>,
}

impl Partition {
    fn last(&self) -> u64 {
        self.dropped + self.rows.len() as u64
    }

    /// The rows after a number.
    fn after(&self, sequence: u64) -> impl Iterator<Item = &OutboxRow> {
        let skip = usize::try_from(sequence.saturating_sub(self.dropped)).unwrap_or(usize::MAX);
        self.rows.range(skip.min(self.rows.len())..)
    }
}

/// All partitions.
#[derive(Debug)]
pub(super) struct Outbox(Vec<Partition>);

impl Outbox {
    pub(super) fn new(partitions: u16) -> Self {
        Self((0..partitions).map(|_| Partition::default()).collect())
    }

    pub(super) fn partitions(&self) -> u16 {
        u16::try_from(self.0.len()).unwrap_or(u16::MAX)
    }

    /// Numbers events and appends them.
    pub(super) fn append(&mut self, partition: u16, told: Told) {
        let Told { change_set, stream, events } = told;
        let Some(into) = self.0.get_mut(usize::from(partition)) else { return };
        let mut sequence = into.last();
        into.rows.extend(events.into_iter().map(|event| {
            sequence += 1;
            OutboxRow {
                partition,
                sequence,
                stream,
                aggregate: event.aggregate,
                number: event.number,
                name: Cow::Borrowed(event.name),
                occurred_at: event.occurred_at,
                change_set,
                payload: event.payload,
            }
        }));
    }

    fn partition(&mut self, got: u16) -> Result<&mut Partition, OutboxError> {
        let partitions = self.partitions();
        self.0.get_mut(usize::from(got)).ok_or(OutboxError::NoSuchPartition { partitions, got })
    }

    /// The partition of a lease that is still the newest. A lease that ran out but was not taken over
    /// still serves: nobody else has published since.
    fn leased(&mut self, lease: &OutboxLease) -> Result<&mut Partition, OutboxError> {
        let partition = self.partition(lease.partition)?;
        let holds = partition.lease.as_ref().is_some_and(|(owner, _)| *owner == lease.owner);
        if partition.epoch != lease.epoch || !holds {
            let (partition, epoch) = (lease.partition, lease.epoch);
            return Err(OutboxError::Fenced { partition, epoch });
        }
        Ok(partition)
    }

    pub(super) fn lease(
        &mut self,
        partition: u16,
        owner: Label<64>,
        now: DateTime<Utc>,
        expires_at: DateTime<Utc>,
    ) -> Result<Option<OutboxLease>, OutboxError> {
        let into = self.partition(partition)?;
        match &into.lease {
            Some((holder, _)) if *holder == owner => {}
            Some((_, until)) if now < *until => return Ok(None),
            Some(_) | None => into.epoch += 1,
        }
        into.lease = Some((owner.clone(), expires_at));
        Ok(Some(OutboxLease { partition, owner, epoch: into.epoch, expires_at }))
    }

    pub(super) fn give_up(&mut self, lease: &OutboxLease) -> Result<(), OutboxError> {
        self.leased(lease)?.lease = None;
        Ok(())
    }

    pub(super) fn read(
        &mut self,
        lease: &OutboxLease,
        limit: usize,
    ) -> Result<Vec<OutboxRow>, OutboxError> {
        let partition = self.leased(lease)?;
        Ok(partition.after(partition.cursor).take(limit).cloned().collect())
    }

    pub(super) fn advance(&mut self, lease: &OutboxLease, got: u64) -> Result<(), OutboxError> {
        let partition = self.leased(lease)?;
        let (from, to) = (partition.cursor, partition.last());
        if got < from || got > to {
            return Err(OutboxError::Cursor { from, to, got });
        }
        partition.cursor = got;
        Ok(())
    }

    pub(super) fn drop_published(
        &mut self,
        partition: u16,
        before: DateTime<Utc>,
        limit: usize,
    ) -> Result<usize, OutboxError> {
        let partition = self.partition(partition)?;
        let cursor = partition.cursor;
        let old = |row: &&OutboxRow| row.sequence <= cursor && row.occurred_at < before;
        let count = partition.rows.iter().take(limit).take_while(old).count();
        partition.rows.drain(..count);
        partition.dropped += count as u64;
        Ok(count)
    }

    pub(super) fn waiting(&self) -> u64 {
        self.0.iter().map(|partition| partition.last() - partition.cursor).sum()
    }

    /// All rows after one, by partition and sequence.
    pub(super) fn after(&self, after: Option<(u16, u64)>) -> impl Iterator<Item = &OutboxRow> + '_ {
        let (first, sequence) = after.unwrap_or((0, 0));
        let rest = self.0.iter().skip(usize::from(first) + 1);
        let first = self.0.get(usize::from(first)).into_iter();
        first
            .flat_map(move |partition| partition.after(sequence))
            .chain(rest.flat_map(|partition| partition.after(0)))
    }
}
