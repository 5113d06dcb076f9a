//! Every event that an aggregate recorded is there once and in order, and no other is.

use chrono::{DateTime, TimeDelta, Utc};
use rustc_hash::FxHashMap;

use super::options::VerifyOptions;
use super::report::Invariant;
use crate::aggregate::{AggregateRef, StreamKey};
use crate::port::{EventCount, OutboxRow};

/// How much later than its id an aggregate's first event may have happened, and how far clocks differ.
const SKEW: TimeDelta = TimeDelta::minutes(1);

/// The events of one aggregate.
#[derive(Clone, Copy, Debug)]
struct Told {
    recorded: u64,
    /// The run of numbers in the outbox; both 0 for none.
    first: u64,
    last: u64,
}

/// Checks events as they are read: counts first, then the outbox by partition and sequence.
pub(super) struct EventCheck<'a> {
    options: &'a VerifyOptions,
    found: Invariant,
    order: Vec<AggregateRef>,
    told: FxHashMap<AggregateRef, Told>,
    streams: FxHashMap<StreamKey, u16>,
    place: Option<(u16, u64)>,
}

impl<'a> EventCheck<'a> {
    pub(super) fn new(options: &'a VerifyOptions) -> Self {
        Self {
            options,
            found: Invariant::new("events_missing_or_doubled"),
            order: Vec::new(),
            told: FxHashMap::default(),
            streams: FxHashMap::default(),
            place: None,
        }
    }

    pub(super) fn count(&mut self, count: &EventCount) {
        let told = Told { recorded: count.recorded, first: 0, last: 0 };
        let first = self.told.insert(count.aggregate, told).is_none();
        self.found.must(first, || format!("{}: counted twice", count.aggregate));
        if first {
            self.order.push(count.aggregate);
        }
    }

    pub(super) fn row(&mut self, row: &OutboxRow) {
        self.found.checked += 1;
        self.sequence(row);
        let partition = *self.streams.entry(row.stream).or_insert(row.partition);
        self.found.must(partition == row.partition, || {
            let (stream, other) = (row.stream.0, row.partition);
            format!("stream {stream}: events in partitions {partition} and {other}")
        });
        let Some(told) = self.told.get_mut(&row.aggregate) else {
            self.found.must(false, || format!("{}: of nothing that is there", name(row)));
            return;
        };
        let follows = told.last == 0 || row.number == told.last + 1;
        let expected = told.last + 1;
        self.found.must(follows, || format!("{}: expected number {expected}", name(row)));
        let recorded = told.recorded;
        self.found.must((1..=recorded).contains(&row.number), || {
            format!("{}: only {recorded} events were recorded", name(row))
        });
        if told.first == 0 {
            told.first = row.number;
        }
        told.last = told.last.max(row.number);
    }

    /// Sequences of a partition have no gaps; its first events may be dropped.
    fn sequence(&mut self, row: &OutboxRow) {
        let expected = match self.place {
            Some((partition, sequence)) if partition == row.partition => sequence + 1,
            Some(_) | None if self.options.events_dropped_before.is_some() => row.sequence,
            Some(_) | None => 1,
        };
        self.found.must(row.sequence == expected, || {
            let (partition, sequence) = (row.partition, row.sequence);
            format!("partition {partition}: expected sequence {expected}, got {sequence}")
        });
        self.place = Some((row.partition, row.sequence));
    }

    pub(super) fn finish(mut self) -> Invariant {
        let published = self.options.published.as_ref();
        for aggregate in &self.order {
            let Told { recorded, first, last } = self.told[aggregate];
            let dropped = self.may_be_dropped(aggregate);
            let gone = if first == 0 { recorded } else { first - 1 };
            let arrived = |number| published.is_some_and(|seen| seen.contains(*aggregate, number));
            // What left the outbox arrived; without word of that it must at least be old enough.
            let missing = if dropped && published.is_none() {
                None
            } else {
                (1..=gone).find(|&number| !arrived(number))
            };
            let missing = missing.or_else(|| {
                let rest = if first == 0 { recorded } else { last };
                (rest + 1..=recorded).find(|&number| !arrived(number))
            });
            self.found.look(missing.is_none(), || {
                let number = missing.unwrap_or_default();
                format!("{aggregate}: {recorded} events recorded, number {number} is missing")
            });
        }
        self.too_many();
        self.found
    }

    /// Events that arrived, but that nothing recorded.
    fn too_many(&mut self) {
        let Some(published) = &self.options.published else { return };
        let recorded = |of: &AggregateRef| self.told.get(of).map_or(0, |told| told.recorded);
        let mut strange: Vec<_> =
            published.highest().filter(|(of, highest)| *highest > recorded(of)).collect();
        strange.sort_unstable();
        for (aggregate, highest) in strange {
            self.found.must(false, || {
                format!("{aggregate}: event {highest} arrived, but was never recorded")
            });
        }
    }

    /// Whether events of an aggregate may have been dropped: it is older than what is kept. Ids that
    /// carry no time may be of any age.
    fn may_be_dropped(&self, aggregate: &AggregateRef) -> bool {
        let made_at: Option<DateTime<Utc>> = aggregate.id.get_timestamp().and_then(|at| {
            let (seconds, nanos) = at.to_unix();
            DateTime::from_timestamp(i64::try_from(seconds).ok()?, nanos)
        });
        self.options
            .events_dropped_before
            .is_some_and(|before| made_at.is_none_or(|made_at| made_at < before + SKEW))
    }
}

fn name(row: &OutboxRow) -> String {
    format!("event {} ({})", row.event_id(), row.name)
}
