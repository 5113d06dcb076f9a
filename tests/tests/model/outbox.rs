//! The outbox of the store in memory.

use std::future::ready;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use ticketing_core::error::PortError;
use ticketing_core::label::Label;
use ticketing_core::page::Limit;
use ticketing_core::port::{OutboxError, OutboxLease, OutboxReader, OutboxRow};
use ticketing_core::testing::{StorePorts, block_on, model};

use crate::interleave::Interleaver;
use crate::world::{Shape, clock, expect, seeds};

#[test]
fn in_turns() {
    let fresh = || ready(Shape::Plain.fresh());
    block_on(model::outbox_matches_model(fresh, seeds(40), 150));
}

#[test]
fn at_once_on_threads() {
    let fresh = || ready(Shape::Plain.fresh());
    let few = seeds(20);
    expect(few.clone(), block_on(model::outbox_is_linearizable(fresh, few)));
}

fn interleaved(shape: Shape) {
    let executor = Interleaver::default();
    let fresh = || {
        let clock = clock();
        let store = shape.store(&clock);
        ready((executor.harness(clock), StorePorts::of(&store)))
    };
    let few = seeds(40);
    expect(few.clone(), executor.block_on(1, model::outbox_is_linearizable(fresh, few)));
}

#[test]
fn gathering_interleaved() {
    interleaved(Shape::Gathering);
}

#[test]
fn four_lanes_interleaved() {
    interleaved(Shape::FourLanes);
}

/// Keeps what was published for ever.
struct NeverDrops(Arc<dyn OutboxReader>);

#[async_trait]
impl OutboxReader for NeverDrops {
    async fn partitions(&self) -> Result<u16, PortError> {
        self.0.partitions().await
    }

    async fn lease(
        &self,
        partition: u16,
        owner: Label<64>,
        ttl: Duration,
    ) -> Result<Option<OutboxLease>, OutboxError> {
        self.0.lease(partition, owner, ttl).await
    }

    async fn give_up(&self, lease: OutboxLease) -> Result<(), OutboxError> {
        self.0.give_up(lease).await
    }

    async fn read(&self, lease: OutboxLease, limit: Limit) -> Result<Vec<OutboxRow>, OutboxError> {
        self.0.read(lease, limit).await
    }

    async fn advance(&self, lease: OutboxLease, sequence: u64) -> Result<(), OutboxError> {
        self.0.advance(lease, sequence).await
    }

    async fn drop_published(
        &self,
        _: u16,
        _: DateTime<Utc>,
        _: Limit,
    ) -> Result<usize, OutboxError> {
        Ok(0)
    }

    async fn waiting(&self) -> Result<u64, PortError> {
        self.0.waiting().await
    }
}

#[test]
#[should_panic(expected = "was answered Dropped(0), which is wrong")]
fn an_outbox_that_never_drops_is_found() {
    let fresh = || {
        let (h, mut ports) = Shape::Plain.fresh();
        ports.outbox = Arc::new(NeverDrops(ports.outbox));
        ready((h, ports))
    };
    block_on(model::outbox_matches_model(fresh, 0..4, 150));
}
