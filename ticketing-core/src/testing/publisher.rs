//! Conformance of the publisher port.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use uuid::Uuid;

use super::{Harness, Task};
use crate::aggregate::{AggregateKind, AggregateRef, StreamKey};
use crate::id::ChangeSetId;
use crate::port::{EventPublisher, OutboxRow};

/// One delivery, as a consumer sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delivery {
    /// The stream, by which a consumer orders.
    pub stream: StreamKey,
    /// The event's id, as of [`OutboxRow::event_id`].
    pub event_id: String,
    /// The event's JSON.
    pub payload: Vec<u8>,
}

/// Reads all deliveries since the beginning, repeats included, those of one stream in the order of
/// their arrival. Called after `publish` answered, it must see what that call delivered. Deliveries of
/// streams that the functions did not make are passed over.
pub type Consumer = Arc<dyn Fn() -> Task<Vec<Delivery>> + Send + Sync>;

/// How often a batch is sent again before the publisher is said to be down.
const SENDS_MAX: u32 = 50;
const PARTITIONS: u16 = 8;

/// Runs every function below.
pub async fn all(h: &Harness, publisher: &Arc<dyn EventPublisher>, consumer: &Consumer) {
    ok_means_all_arrived(h, publisher, consumer).await;
    streams_keep_their_order(h, publisher, consumer).await;
    nothing_to_publish_is_fine(publisher).await;
    partitions_go_side_by_side(h, publisher, consumer).await;
}

/// After Ok, every event of the batch is there, with its id, stream and payload.
///
/// # Panics
/// If the adapter breaks this.
pub async fn ok_means_all_arrived(
    h: &Harness,
    publisher: &Arc<dyn EventPublisher>,
    consumer: &Consumer,
) {
    let mut stream = Stream::new(h);
    let batch: Vec<OutboxRow> = (0..50).map(|_| stream.next(h)).collect();
    send(h, publisher, &batch).await;
    let arrived = consumer().await;
    for row in &batch {
        let delivery = arrived.iter().find(|delivery| delivery.event_id == row.event_id());
        let delivery = delivery
            .unwrap_or_else(|| panic!("publish said Ok, but {} did not arrive", row.event_id()));
        assert_eq!(delivery.stream, row.stream, "{} changed its stream", row.event_id());
        assert_eq!(delivery.payload, row.payload, "{} changed its payload", row.event_id());
    }
}

/// First arrivals in a stream have the order of the batches and of the rows in them, also where
/// streams share a partition, and where a batch is sent again.
///
/// # Panics
/// If the adapter breaks this.
pub async fn streams_keep_their_order(
    h: &Harness,
    publisher: &Arc<dyn EventPublisher>,
    consumer: &Consumer,
) {
    let mut streams = [Stream::new(h), Stream::new(h), Stream::new(h)];
    for batch in 0..10_usize {
        let rows: Vec<OutboxRow> = (0..12).map(|n| streams[(n + batch) % 3].next(h)).collect();
        send(h, publisher, &rows).await;
        if batch % 4 == 3 {
            send(h, publisher, &rows).await;
        }
    }
    let arrived = consumer().await;
    for stream in &streams {
        stream.check(&arrived);
    }
}

/// An empty batch is accepted.
///
/// # Panics
/// If the adapter breaks this.
pub async fn nothing_to_publish_is_fine(publisher: &Arc<dyn EventPublisher>) {
    publisher.publish(Vec::new()).await.expect("an empty batch has nothing that can fail");
}

/// Partitions published at once do not mix up each other's streams.
///
/// # Panics
/// If the adapter breaks this.
pub async fn partitions_go_side_by_side(
    h: &Harness,
    publisher: &Arc<dyn EventPublisher>,
    consumer: &Consumer,
) {
    let tasks: Vec<_> = (0..4)
        .map(|_| {
            let (h, publisher) = (h.clone(), Arc::clone(publisher));
            let mut stream = Stream::new(&h);
            async move {
                for _ in 0..10 {
                    let rows: Vec<OutboxRow> = (0..5).map(|_| stream.next(&h)).collect();
                    send(&h, &publisher, &rows).await;
                }
                stream
            }
        })
        .collect();
    let streams = h.race(tasks).await;
    let arrived = consumer().await;
    for stream in &streams {
        stream.check(&arrived);
    }
}

/// Sends a batch as the relay does: again and again until it is accepted.
async fn send(h: &Harness, publisher: &Arc<dyn EventPublisher>, rows: &[OutboxRow]) {
    for _ in 0..SENDS_MAX {
        if publisher.publish(rows.to_vec()).await.is_ok() {
            return;
        }
        h.advance(Duration::from_millis(100)).await;
    }
    panic!("the publisher accepted nothing in {SENDS_MAX} sends");
}

/// A stream of one aggregate that was sent so far.
struct Stream {
    id: Uuid,
    sent: u64,
}

impl Stream {
    fn new(h: &Harness) -> Self {
        Self { id: h.ids().next_id(), sent: 0 }
    }

    fn next(&mut self, h: &Harness) -> OutboxRow {
        self.sent += 1;
        let stream = StreamKey(self.id);
        OutboxRow {
            partition: stream.partition(PARTITIONS),
            sequence: self.sent,
            stream,
            aggregate: AggregateRef { kind: AggregateKind::Ticket, id: self.id },
            number: self.sent,
            name: "ticket.issued".into(),
            occurred_at: h.now(),
            change_set: ChangeSetId::generate(h.ids()),
            payload: format!(r#"{{"type":"ticket.issued","n":{}}}"#, self.sent).into_bytes(),
        }
    }

    fn check(&self, arrived: &[Delivery]) {
        let mut seen = BTreeSet::new();
        let first: Vec<&str> = arrived
            .iter()
            .filter(|delivery| delivery.stream.0 == self.id)
            .map(|delivery| delivery.event_id.as_str())
            .filter(|event_id| seen.insert(*event_id))
            .collect();
        let expected: Vec<String> =
            (1..=self.sent).map(|number| format!("ticket/{}/{number}", self.id)).collect();
        let places: BTreeMap<&str, usize> =
            first.iter().enumerate().map(|(place, id)| (*id, place)).collect();
        for (place, event_id) in expected.iter().enumerate() {
            let got = places.get(event_id.as_str());
            assert_eq!(got, Some(&place), "{event_id} is not at its place in its stream");
        }
        assert_eq!(first.len(), expected.len(), "events arrived that were not sent");
    }
}
