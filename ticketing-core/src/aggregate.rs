//! What all aggregates share: a kind, a version, and events that wait for the next commit.

use std::fmt;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::event::EventBody;

/// The kinds of things that have a version or events.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum AggregateKind {
    /// [`crate::venue::Venue`]
    Venue,
    /// [`crate::show::Show`]
    Show,
    /// [`crate::performance::Performance`]
    Performance,
    /// [`crate::reservation::Reservation`]
    Reservation,
    /// [`crate::checkout::Checkout`]
    Checkout,
    /// [`crate::payment::Payment`]
    Payment,
    /// [`crate::refund::Refund`]
    Refund,
    /// [`crate::ticket::Ticket`]
    Ticket,
    /// [`crate::ledger::JournalEntry`]: written once, never saved again.
    Entry,
}

impl AggregateKind {
    /// The name in events and databases, such as `reservation`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Venue => "venue",
            Self::Show => "show",
            Self::Performance => "performance",
            Self::Reservation => "reservation",
            Self::Checkout => "checkout",
            Self::Payment => "payment",
            Self::Refund => "refund",
            Self::Ticket => "ticket",
            Self::Entry => "entry",
        }
    }
}

impl fmt::Display for AggregateKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Names one aggregate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct AggregateRef {
    /// Its kind.
    pub kind: AggregateKind,
    /// Its id.
    pub id: Uuid,
}

impl fmt::Display for AggregateRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.kind, self.id)
    }
}

/// Events with one key are published in the order in which they were committed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct StreamKey(pub Uuid);

impl StreamKey {
    /// The outbox partition of this stream among `partitions`: FNV-1a over the key's 16 bytes,
    /// the same in every process and release.
    pub fn partition(self, partitions: u16) -> u16 {
        let hash = self.0.as_bytes().iter().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
            (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
        });
        u16::try_from(hash % u64::from(partitions.max(1))).unwrap_or(0)
    }
}

/// How often an aggregate was committed; 0 before the first commit.
pub type Version = u64;

/// The part that every aggregate carries: its version, how many events it ever recorded, and those
/// that the next commit will write. Pending events are not serialised.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Root {
    version: Version,
    recorded: u64,
    #[serde(skip)]
    pending: Vec<(DateTime<Utc>, EventBody)>,
}

impl Root {
    /// The root of an aggregate that is not committed yet.
    pub const fn new() -> Self {
        Self { version: 0, recorded: 0, pending: Vec::new() }
    }

    /// The version it was loaded at.
    pub const fn version(&self) -> Version {
        self.version
    }

    /// How many events it ever recorded, pending ones included.
    pub const fn recorded(&self) -> u64 {
        self.recorded
    }

    /// Writes down an event for the next commit.
    pub(crate) fn record(&mut self, now: DateTime<Utc>, event: impl Into<EventBody>) {
        self.recorded += 1;
        self.pending.push((now, event.into()));
    }

    /// The events of the next commit, oldest first.
    pub fn pending(&self) -> impl ExactSizeIterator<Item = &EventBody> + '_ {
        self.pending.iter().map(|(_, event)| event)
    }

    pub(crate) fn committed(&mut self) -> Vec<(DateTime<Utc>, EventBody)> {
        self.version += 1;
        std::mem::take(&mut self.pending)
    }
}

impl Default for Root {
    fn default() -> Self {
        Self::new()
    }
}

/// Two roots are equal if they were loaded at the same version and recorded as much.
impl PartialEq for Root {
    fn eq(&self, other: &Self) -> bool {
        self.version == other.version && self.recorded == other.recorded
    }
}

impl Eq for Root {}

/// An aggregate that a [`crate::change_set::ChangeSet`] can save.
pub trait Aggregate {
    /// Its kind and id.
    fn reference(&self) -> AggregateRef;
    /// The stream of its events.
    fn stream(&self) -> StreamKey;
    /// Its version and pending events.
    fn root(&self) -> &Root;
    /// The same, to be emptied by a commit.
    #[doc(hidden)]
    fn root_mut(&mut self) -> &mut Root;
}

/// Whether a command changed something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Applied {
    /// The state changed; commit it.
    Now,
    /// The same cause was applied before; there is nothing to commit.
    Already,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(n: u128) -> StreamKey {
        StreamKey(Uuid::from_u128(n))
    }

    #[test]
    fn a_stream_stays_in_its_partition_in_every_process_and_release() {
        let pinned: Vec<u16> =
            [0, 1, 2, 0x1234_5678_9abc_def0, u128::MAX].map(|n| key(n).partition(1_000)).into();
        assert_eq!(pinned, [221, 10, 799, 965, 133]);
    }

    #[test]
    fn partitions_are_used_evenly_and_at_least_one_is_there() {
        let mut counts = [0_u32; 16];
        for n in 0..16_000 {
            counts[usize::from(key(n).partition(16))] += 1;
        }
        assert!(counts.iter().all(|count| (800..1_200).contains(count)), "{counts:?}");
        assert_eq!(key(7).partition(0), 0);
        assert_eq!(key(7).partition(1), 0);
    }

    #[test]
    fn a_reference_names_kind_and_id() {
        let reference = AggregateRef { kind: AggregateKind::Payment, id: Uuid::from_u128(3) };
        assert_eq!(reference.to_string(), "payment 00000000-0000-0000-0000-000000000003");
    }

    #[test]
    fn every_kind_is_stored_under_the_name_it_shows() {
        use AggregateKind as K;
        let kinds = [
            (K::Venue, "venue"),
            (K::Show, "show"),
            (K::Performance, "performance"),
            (K::Reservation, "reservation"),
            (K::Checkout, "checkout"),
            (K::Payment, "payment"),
            (K::Refund, "refund"),
            (K::Ticket, "ticket"),
            (K::Entry, "entry"),
        ];
        for (kind, name) in kinds {
            assert_eq!(kind.to_string(), name);
            assert_eq!(serde_json::to_value(kind).unwrap(), name);
        }
    }
}
