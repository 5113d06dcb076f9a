use std::borrow::Cow;
use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::aggregate::{AggregateRef, StreamKey};
use crate::error::PortError;
use crate::id::ChangeSetId;
use crate::label::Label;
use crate::page::Limit;

/// One event in the outbox.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OutboxRow {
    /// Its partition: the stream's hash.
    pub partition: u16,
    /// Its place in the partition, from 1 without gaps.
    pub sequence: u64,
    /// The stream that keeps its order.
    pub stream: StreamKey,
    /// Whose event it is.
    pub aggregate: AggregateRef,
    /// Its place among that aggregate's events, from 1 without gaps.
    pub number: u64,
    /// The event's name, such as `reservation.made`.
    pub name: Cow<'static, str>,
    /// When it happened.
    pub occurred_at: DateTime<Utc>,
    /// The change set that wrote it.
    pub change_set: ChangeSetId,
    /// The event's JSON, in UTF-8.
    pub payload: Vec<u8>,
}

impl OutboxRow {
    /// The id under which every delivery of this event can be recognised:
    /// `reservation/<id>/<number>`.
    pub fn event_id(&self) -> String {
        format!("{}/{}/{}", self.aggregate.kind, self.aggregate.id, self.number)
    }
}

/// The right to publish one partition, until another takes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OutboxLease {
    /// The partition.
    pub partition: u16,
    /// Who has it.
    pub owner: Label<64>,
    /// Grows whenever the owner changes; fences off the owners before.
    pub epoch: u64,
    /// Until when nobody else can take it.
    pub expires_at: DateTime<Utc>,
}

/// Why a partition cannot be read or moved on.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OutboxError {
    /// Another has the lease by now.
    #[error("partition {partition} was taken over, epoch {epoch} is over")]
    Fenced {
        /// The partition.
        partition: u16,
        /// The epoch of the lease that was shown.
        epoch: u64,
    },
    /// The partition does not exist.
    #[error("expected a partition below {partitions}, got {got}")]
    NoSuchPartition {
        /// How many there are.
        partitions: u16,
        /// The one asked for.
        got: u16,
    },
    /// The cursor would go back, or beyond the last event.
    #[error("expected a cursor of {from} to {to}, got {got}")]
    Cursor {
        /// Where it stands.
        from: u64,
        /// The last event.
        to: u64,
        /// Where it should go.
        got: u64,
    },
    /// The store failed.
    #[error(transparent)]
    Port(#[from] PortError),
}

/// Reads events for publishing, one leased partition at a time.
///
/// An adapter MUST give a partition to one owner at a time
/// (`testing::outbox::one_owner_at_a_time`), MUST fence an owner whose lease was taken over
/// (`testing::outbox::old_epoch_is_fenced`), MUST number a partition without gaps in commit order
/// (`testing::outbox::numbers_have_no_gaps`) and give rows after the cursor again until it moved
/// (`testing::outbox::rows_come_again_until_the_cursor_moves`).
#[cfg_attr(feature = "mock", mockall::automock)]
#[async_trait]
pub trait OutboxReader: Send + Sync {
    /// How many partitions there are; fixed for the life of the store.
    async fn partitions(&self) -> Result<u16, PortError>;
    /// Takes a partition, or renews an owner's own lease under the same epoch. `None` if another has
    /// it.
    async fn lease(
        &self,
        partition: u16,
        owner: Label<64>,
        ttl: Duration,
    ) -> Result<Option<OutboxLease>, OutboxError>;
    /// Gives a lease back before it ends.
    async fn give_up(&self, lease: OutboxLease) -> Result<(), OutboxError>;
    /// The events after the cursor, oldest first.
    async fn read(&self, lease: OutboxLease, limit: Limit) -> Result<Vec<OutboxRow>, OutboxError>;
    /// Moves the cursor to an event that was published, with all before it. Moving it to where it
    /// stands changes nothing (`testing::outbox::cursor_stays_between_its_bounds`).
    async fn advance(&self, lease: OutboxLease, sequence: u64) -> Result<(), OutboxError>;
    /// Drops at most `limit` published events that happened before `before`, oldest first; says how
    /// many (`testing::outbox::only_published_events_are_dropped`). It may keep those that stand
    /// behind one that has to stay or were written together with it; else it answers 0 only if none is left.
    async fn drop_published(
        &self,
        partition: u16,
        before: DateTime<Utc>,
        limit: Limit,
    ) -> Result<usize, OutboxError>;
    /// How many events wait behind the cursors of all partitions.
    async fn waiting(&self) -> Result<u64, PortError>;
}
