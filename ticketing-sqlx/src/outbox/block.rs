//! What one flush put into one partition, as a row: many events, told once what they have in common.
//!
//! ```json
//! [{"first": 7, "change_set": "..", "stream": "..", "events": [{"kind": 4, "aggregate": "..", "number": 1,
//!   "name": "..", "occurred_at": 0, "payload": {}}]}]
//! ```
//!
//! A payload stands there as it is, byte for byte.

use std::borrow::Cow;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use ticketing_core::aggregate::{AggregateRef, StreamKey};
use ticketing_core::id::ChangeSetId;
use ticketing_core::port::OutboxRow;
use uuid::Uuid;

use crate::codes;
use crate::db::fault::Broken;
use crate::db::{Row, Value};

/// The most events of a block.
pub(crate) const EVENTS_MAX: i64 = 256;
/// The most bytes of a body, unless one event alone has more.
pub(crate) const BYTES_MAX: usize = 1_024 * 1_024;
/// The most that an event and its change set take beside the payload.
const BESIDE: usize = 384;

/// The columns of a block's row.
pub(crate) const COLUMNS: &str = "part, sequence, events, occurred_at, body";
/// Where the body stands in what [`events`] reads: `part, sequence, events, body`.
const BODY: usize = 3;

/// An event on its way into a block.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Event<'a> {
    pub(crate) change_set: ChangeSetId,
    pub(crate) stream: StreamKey,
    /// A code of [`codes`].
    pub(crate) kind: i64,
    pub(crate) aggregate: Uuid,
    pub(crate) number: u64,
    pub(crate) name: &'a str,
    pub(crate) occurred_at: DateTime<Utc>,
    /// JSON.
    pub(crate) payload: &'a [u8],
}

/// The row of a block.
#[derive(Debug)]
pub(crate) struct Block {
    /// The number of its last event.
    pub(crate) sequence: i64,
    pub(crate) events: i64,
    /// The newest of its events'.
    pub(crate) occurred_at: i64,
    pub(crate) body: String,
}

impl Block {
    /// In the order of [`COLUMNS`].
    pub(crate) fn values<'a>(self, partition: u16) -> [Value<'a>; 5] {
        [
            Value::Int(partition.into()),
            Value::Int(self.sequence),
            Value::Int(self.events),
            Value::Int(self.occurred_at),
            Value::text(self.body),
        ]
    }
}

/// Puts events that follow each other into as few blocks as their bounds allow.
#[derive(Debug)]
pub(crate) struct Blocks {
    done: Vec<Block>,
    next: i64,
    events: i64,
    occurred_at: i64,
    body: Vec<u8>,
    /// Whose events are being told.
    of: Option<(ChangeSetId, StreamKey)>,
}

impl Blocks {
    /// Of events from this number on.
    pub(crate) const fn from(first: i64) -> Self {
        Self {
            done: Vec::new(),
            next: first,
            events: 0,
            occurred_at: i64::MIN,
            body: Vec::new(),
            of: None,
        }
    }

    pub(crate) fn push(&mut self, event: &Event<'_>) -> Result<(), Broken> {
        let bytes = self.body.len() + event.payload.len() + BESIDE;
        if self.events == EVENTS_MAX || self.events > 0 && bytes > BYTES_MAX {
            self.close()?;
        }
        self.write(event).map_err(|error| Broken::column(BODY, error))?;
        self.next += 1;
        self.events += 1;
        self.occurred_at = self.occurred_at.max(event.occurred_at.timestamp_micros());
        Ok(())
    }

    fn write(&mut self, event: &Event<'_>) -> Result<(), serde_json::Error> {
        let of = Some((event.change_set, event.stream));
        if self.of == of {
            self.text(",");
        } else {
            let first = self.next;
            self.field(if self.events == 0 { "[{\"first\":" } else { "]},{\"first\":" }, &first)?;
            self.field(",\"change_set\":", &event.change_set)?;
            self.field(",\"stream\":", &event.stream)?;
            self.text(",\"events\":[");
            self.of = of;
        }
        self.field("{\"kind\":", &event.kind)?;
        self.field(",\"aggregate\":", &event.aggregate)?;
        self.field(",\"number\":", &event.number)?;
        self.field(",\"name\":", &event.name)?;
        self.field(",\"occurred_at\":", &event.occurred_at.timestamp_micros())?;
        self.text(",\"payload\":");
        self.body.extend_from_slice(event.payload);
        self.text("}");
        Ok(())
    }

    fn text(&mut self, text: &str) {
        self.body.extend_from_slice(text.as_bytes());
    }

    fn field(&mut self, name: &str, value: &impl Serialize) -> Result<(), serde_json::Error> {
        self.text(name);
        serde_json::to_writer(&mut self.body, value)
    }

    fn close(&mut self) -> Result<(), Broken> {
        self.text("]}]");
        let body = std::mem::take(&mut self.body);
        self.done.push(Block {
            sequence: self.next - 1,
            events: self.events,
            occurred_at: self.occurred_at,
            body: String::from_utf8(body).map_err(|error| Broken::column(BODY, error))?,
        });
        *self = Self { done: std::mem::take(&mut self.done), ..Self::from(self.next) };
        Ok(())
    }

    pub(crate) fn end(mut self) -> Result<Vec<Block>, Broken> {
        if self.events > 0 {
            self.close()?;
        }
        Ok(self.done)
    }
}

/// Events of one change set.
#[derive(Deserialize)]
struct Group<'a> {
    first: u64,
    change_set: ChangeSetId,
    stream: StreamKey,
    #[serde(borrow)]
    events: Vec<Told<'a>>,
}

#[derive(Deserialize)]
struct Told<'a> {
    kind: i64,
    aggregate: Uuid,
    number: u64,
    #[serde(borrow)]
    name: Cow<'a, str>,
    occurred_at: i64,
    #[serde(borrow)]
    payload: &'a RawValue,
}

/// The events of a block that are there still: the last ones, as many as its row says.
pub(crate) fn events(row: &Row) -> Result<Vec<OutboxRow>, Broken> {
    let partition = row.int(0)?;
    let partition = u16::try_from(partition).map_err(|error| Broken::column(0, error))?;
    let (last, count) = (row.count(1)?, row.count(2)?);
    let groups: Vec<Group<'_>> = row.json(BODY)?;
    let told: usize = groups.iter().map(|group| group.events.len()).sum();
    let mut events = Vec::with_capacity(told);
    let mut next = groups.first().map_or(0, |group| group.first);
    for Group { first, change_set, stream, events: told } in groups {
        if first != next {
            return Err(wrong(format!("expected event {next}, got {first}")));
        }
        for told in told {
            events.push(told.row(partition, next, stream, change_set)?);
            next =
                next.checked_add(1).ok_or_else(|| wrong("expected another event, at the end"))?;
        }
    }
    let ends = count > 0 && events.last().is_some_and(|event| event.sequence == last);
    let kept = usize::try_from(count).ok().filter(|kept| ends && *kept <= told);
    let kept = kept.ok_or_else(|| {
        wrong(format!("expected {count} events up to {last}, got {told} before {next}"))
    })?;
    events.drain(..told - kept);
    Ok(events)
}

impl Told<'_> {
    fn row(
        self,
        partition: u16,
        sequence: u64,
        stream: StreamKey,
        change_set: ChangeSetId,
    ) -> Result<OutboxRow, Broken> {
        let Self { kind, aggregate: id, number, name, occurred_at, payload } = self;
        let kind =
            codes::kind_of(kind).ok_or_else(|| wrong(format!("{kind} is no kind of aggregate")))?;
        let occurred_at = DateTime::from_timestamp_micros(occurred_at)
            .ok_or_else(|| wrong(format!("{occurred_at} is no time")))?;
        Ok(OutboxRow {
            partition,
            sequence,
            stream,
            aggregate: AggregateRef { kind, id },
            number,
            name: Cow::Owned(name.into_owned()),
            occurred_at,
            change_set,
            payload: payload.get().as_bytes().to_vec(),
        })
    }
}

fn wrong(error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Broken {
    Broken::column(BODY, error)
}

/// How many blocks to read next for `wanted` events: as many as it would take if they were like those that
/// were `read`, blocks and their events; a few at a time, since nobody knows how large they are.
pub(crate) fn step(wanted: usize, read: (usize, usize)) -> usize {
    const FIRST: usize = 16;
    const MOST: usize = 64;
    match read {
        (0, _) => wanted.min(FIRST),
        (blocks, events) => (wanted * blocks).div_ceil(events.max(1)).clamp(1, MOST),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(change_set: u128, payload: &[u8]) -> Event<'_> {
        Event {
            change_set: ChangeSetId::from_uuid(Uuid::from_u128(change_set)),
            stream: StreamKey(Uuid::from_u128(1)),
            kind: 4,
            aggregate: Uuid::from_u128(2),
            number: 7,
            name: "reservation.made",
            occurred_at: DateTime::from_timestamp_micros(0).unwrap(),
            payload,
        }
    }

    fn blocks<'a>(first: i64, events: impl IntoIterator<Item = Event<'a>>) -> Vec<Block> {
        let mut blocks = Blocks::from(first);
        for event in events {
            blocks.push(&event).unwrap();
        }
        blocks.end().unwrap()
    }

    fn sizes(blocks: &[Block]) -> Vec<(i64, i64)> {
        blocks.iter().map(|block| (block.sequence, block.events)).collect()
    }

    #[test]
    fn a_block_has_a_bounded_number_of_events() {
        assert!(blocks(5, []).is_empty());
        assert_eq!(sizes(&blocks(5, [event(1, b"{}")])), [(5, 1)]);
        let many = |count| blocks(5, (0..count).map(|n| event(n / 3, b"{}")));
        assert_eq!(sizes(&many(256)), [(260, 256)]);
        assert_eq!(sizes(&many(257)), [(260, 256), (261, 1)]);
        assert_eq!(sizes(&many(600)), [(260, 256), (516, 256), (604, 88)]);
        for block in many(600) {
            assert!(serde_json::from_str::<Vec<Group<'_>>>(&block.body).is_ok(), "{}", block.body);
        }
    }

    #[test]
    fn a_block_has_a_bounded_number_of_bytes_or_one_event() {
        let payload = |bytes: usize| format!("\"{}\"", "x".repeat(bytes - 2)).into_bytes();
        let (small, half, huge) = (payload(100), payload(BYTES_MAX / 2), payload(3 * BYTES_MAX));
        let of =
            |payloads: &[&Vec<u8>]| blocks(1, payloads.iter().map(|payload| event(1, payload)));
        assert_eq!(sizes(&of(&[&half, &half, &half])), [(1, 1), (2, 1), (3, 1)]);
        assert_eq!(sizes(&of(&[&half, &small, &half])), [(2, 2), (3, 1)]);
        assert_eq!(sizes(&of(&[&small, &huge, &small])), [(1, 1), (2, 1), (3, 1)]);
        let longest = "x".repeat(64);
        let fits = payload(4_000);
        let event = Event {
            name: &longest,
            number: u64::MAX,
            occurred_at: DateTime::<Utc>::MAX_UTC,
            ..event(1, &fits)
        };
        let sets = (0..).map(|set| ChangeSetId::from_uuid(Uuid::from_u128(set)));
        let events = sets.map(|change_set| Event { change_set, ..event }).take(600);
        let blocks = blocks(i64::MAX - 600, events);
        for block in &blocks {
            assert!(block.body.len() <= BYTES_MAX, "{} bytes", block.body.len());
        }
        let is_full = blocks[0].body.len() + fits.len() + BESIDE > BYTES_MAX;
        assert!(is_full && blocks[0].events < EVENTS_MAX, "{} events", blocks[0].events);
    }

    #[test]
    fn what_a_change_set_has_in_common_stands_once() {
        let blocks = blocks(9, [event(1, b"1"), event(1, b"2"), event(2, b"3"), event(1, b"4")]);
        let groups: Vec<Group<'_>> = serde_json::from_str(&blocks[0].body).unwrap();
        let told = |group: &Group<'_>| {
            let payloads = group.events.iter().map(|told| told.payload.get().to_owned());
            (group.first, group.change_set.as_uuid().as_u128(), payloads.collect::<Vec<_>>())
        };
        let told: Vec<_> = groups.iter().map(told).collect();
        let text = |payloads: &[&str]| payloads.iter().map(|&one| one.to_owned()).collect();
        let expected = [(9, 1, text(&["1", "2"])), (11, 2, text(&["3"])), (12, 1, text(&["4"]))];
        assert_eq!(told, expected);
    }

    #[test]
    fn the_age_of_a_block_is_that_of_its_newest_event() {
        let at = |micros| DateTime::from_timestamp_micros(micros).unwrap();
        let events = [-7, -9, -8].map(|micros| Event { occurred_at: at(micros), ..event(1, b"0") });
        assert_eq!(blocks(1, events)[0].occurred_at, -7);
    }

    #[test]
    fn a_few_blocks_are_read_and_then_as_many_as_it_takes() {
        assert_eq!([1, 16, 1_000].map(|wanted| step(wanted, (0, 0))), [1, 16, 16]);
        assert_eq!(step(856, (16, 144)), 64);
        assert_eq!(step(100, (16, 144)), 12);
        assert_eq!(step(1, (16, 4_096)), 1);
        assert_eq!(step(5, (1, 0)), 5);
    }
}
