//! The relay: publishes what the outbox holds, one leased partition after the other.

use std::time::Duration;

use ticketing_core::label::Label;
use ticketing_core::page::Limit;
use ticketing_core::port::OutboxError;

use super::world::World;

const BATCH: Limit = match Limit::new(1_000) {
    Ok(limit) => limit,
    Err(_) => Limit::DEFAULT,
};
const LEASE: Duration = Duration::from_mins(1);

/// Publishes one batch of every partition; how many events were published.
pub(crate) async fn run_once(world: &World) -> usize {
    let Ok(partitions) = world.ports.outbox.partitions().await else { return 0 };
    let mut published = 0;
    for partition in 0..partitions {
        match publish(world, partition).await {
            Ok(count) => published += count,
            Err(error) => world.defects.note("relay", &error),
        }
    }
    published
}

async fn publish(world: &World, partition: u16) -> Result<usize, OutboxError> {
    let owner = Label::new("stampede").expect("short and not empty");
    let outbox = &world.ports.outbox;
    let Some(lease) = outbox.lease(partition, owner, LEASE).await? else { return Ok(0) };
    let events = outbox.read(lease.clone(), BATCH).await?;
    let Some(last) = events.last().map(|event| event.sequence) else { return Ok(0) };
    let count = events.len();
    // What is not accepted comes again from the cursor.
    if world.ports.publisher.publish(events).await.is_ok() {
        outbox.advance(lease, last).await?;
        return Ok(count);
    }
    Ok(0)
}
