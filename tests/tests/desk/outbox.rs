use std::collections::BTreeSet;
use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use async_trait::async_trait;
use pollster::block_on;
use ticketing_core::box_office::RelayOptions;
use ticketing_core::error::PortError;
use ticketing_core::memory::{MemoryPublisher, PublishAct};
use ticketing_core::page::Limit;
use ticketing_core::port::{EventPublisher, OutboxReader, OutboxRow};
use ticketing_core::service::relay::{RelayError, Relayed};
use ticketing_core::testing::Harness;

use crate::world::{World, gate, policy, seats};

/// Delivers, and lets others run before it says so.
struct Slow(Arc<MemoryPublisher>);

#[async_trait]
impl EventPublisher for Slow {
    async fn publish(&self, events: Vec<OutboxRow>) -> Result<(), PortError> {
        self.0.publish(events).await?;
        let mut yielded = false;
        std::future::poll_fn(|_| {
            if std::mem::replace(&mut yielded, true) { Poll::Ready(()) } else { Poll::Pending }
        })
        .await;
        Ok(())
    }
}

async fn world_with_sales(partitions: u16) -> World {
    let world = World::with(policy(), partitions).await;
    for seat in 0..6 {
        world.sell(world.user(), &seats([seat])).await;
    }
    world
}

async fn waiting(world: &World) -> u64 {
    world.memory.store.waiting().await.unwrap()
}

/// Every event arrived, and for the first time in the order of its aggregate and stream.
fn assert_all_in_order(world: &World) {
    for (aggregate, arrivals) in world.memory.publisher.all_arrivals() {
        assert_eq!((arrivals.missing(), arrivals.out_of_order), (0, 0), "{aggregate}");
    }
    let rows = world.memory.publisher.events();
    let streams: BTreeSet<_> = rows.iter().map(|row| row.stream).collect();
    assert!(streams.len() > 6, "six sales and a show have their own streams");
    for stream in streams {
        let sequences: Vec<u64> =
            world.memory.publisher.stream(stream).iter().map(|row| row.sequence).collect();
        assert!(sequences.is_sorted(), "{stream:?}: {sequences:?}");
    }
}

#[test]
fn nothing_is_marked_as_sent_that_the_broker_did_not_take() {
    block_on(async {
        let world = world_with_sales(2).await;
        let (owner, options) = (gate("relay"), RelayOptions::default());
        let all = waiting(&world).await;
        for act in [PublishAct::FailBefore, PublishAct::FailHalfway, PublishAct::FailAfter] {
            world.memory.publisher.script([act; 2]);
            let run = world.office.relay(&owner, &options).await.unwrap();
            assert_eq!((run.leased, run.failed, run.published), (2, 2, 0));
            assert_eq!(run.errors.len(), 2);
            assert_eq!(waiting(&world).await, all, "after {act:?}");
        }
        let run = world.office.relay(&owner, &options).await.unwrap();
        assert_eq!((run.published as u64, run.failed, waiting(&world).await), (all, 0, 0));
        assert_all_in_order(&world);
        let idle = world.office.relay(&owner, &options).await.unwrap();
        assert_eq!((idle.leased, idle.published, idle.more), (2, 0, false));
    });
}

#[test]
fn what_fails_in_one_partition_stops_that_one_only() {
    block_on(async {
        let world = world_with_sales(4).await;
        world.memory.publisher.script([PublishAct::FailBefore]);
        let run = world.office.relay(&gate("relay"), &RelayOptions::default()).await.unwrap();
        assert_eq!(run.failed, 1);
        assert!(run.published > 0 && waiting(&world).await > 0);
    });
}

#[test]
fn of_many_failures_only_the_first_ten_are_told() {
    block_on(async {
        let world = World::with(policy(), 64).await;
        for seat in 0..20 {
            world.sell(world.user(), &seats([seat])).await;
        }
        world.memory.publisher.script([PublishAct::FailBefore; 64]);
        let run = world.office.relay(&gate("relay"), &RelayOptions::default()).await.unwrap();
        assert!(run.failed > Relayed::ERRORS_MAX, "{} failed", run.failed);
        assert_eq!(run.errors.len(), Relayed::ERRORS_MAX);
    });
}

/// Never says whether it delivered.
struct Hanging;

#[async_trait]
impl EventPublisher for Hanging {
    async fn publish(&self, _: Vec<OutboxRow>) -> Result<(), PortError> {
        std::future::pending().await
    }
}

#[test]
fn a_publisher_that_hangs_is_given_up_while_the_lease_still_has_time() {
    let world = block_on(world_with_sales(1));
    let options = RelayOptions::default();
    let office = world.through(|ports| ports.publisher = Arc::new(Hanging));
    let owner = gate("relay");
    let mut run = pin!(office.relay(&owner, &options));
    let mut context = Context::from_waker(Waker::noop());
    assert!(run.as_mut().poll(&mut context).is_pending());
    let patience = options.lease_ttl / 2;
    assert_eq!(world.memory.clock.next_wake(), Some(world.now() + patience));
    world.advance(patience);
    let Poll::Ready(Ok(run)) = run.as_mut().poll(&mut context) else {
        panic!("expected the relay to give up");
    };
    assert_eq!((run.failed, run.published), (1, 0));
}

#[test]
fn a_relay_that_dies_before_it_marks_is_followed_by_one_that_sends_again() {
    let world = block_on(world_with_sales(1));
    let options = RelayOptions::default();
    let all = block_on(waiting(&world));
    let dying = world.through(|ports| {
        ports.publisher = Arc::new(Slow(Arc::clone(&world.memory.publisher)));
    });
    {
        let owner = gate("dying");
        let mut run = pin!(dying.relay(&owner, &options));
        let mut context = Context::from_waker(Waker::noop());
        assert!(run.as_mut().poll(&mut context).is_pending());
    }
    assert_eq!(world.memory.publisher.events().len() as u64, all, "it had sent them");
    let next = gate("next");
    let run = block_on(world.office.relay(&next, &options)).unwrap();
    assert_eq!((run.leased, block_on(waiting(&world))), (0, all), "the lease still stands");
    world.advance(options.lease_ttl);
    let run = block_on(world.office.relay(&next, &options)).unwrap();
    assert_eq!((run.published as u64, block_on(waiting(&world))), (all, 0));
    let arrivals = world.memory.publisher.all_arrivals();
    assert!(arrivals.values().all(|a| a.deliveries == 2 * a.distinct()), "each came twice");
    assert_all_in_order(&world);
}

#[test]
fn a_relay_that_was_taken_over_marks_nothing() {
    let world = block_on(world_with_sales(1));
    let options = RelayOptions { batch: Limit::new(10).unwrap(), ..RelayOptions::default() };
    let all = block_on(waiting(&world));
    let slow = world.through(|ports| {
        ports.publisher = Arc::new(Slow(Arc::clone(&world.memory.publisher)));
    });
    let (old, new) = (gate("old"), gate("new"));
    let mut run = pin!(slow.relay(&old, &options));
    let mut context = Context::from_waker(Waker::noop());
    assert!(run.as_mut().poll(&mut context).is_pending());
    world.advance(options.lease_ttl);
    let taken_over = block_on(world.office.relay(&new, &options)).unwrap();
    assert!(taken_over.more);
    assert_eq!((taken_over.published, block_on(waiting(&world))), (10, all - 10));
    let Poll::Ready(Ok(late)) = run.as_mut().poll(&mut context) else {
        panic!("expected the old relay to come to its end");
    };
    assert_eq!((late.leased, late.fenced, late.published), (1, 1, 0));
    assert_eq!(block_on(waiting(&world)), all - 10);
    while block_on(world.office.relay(&new, &options)).unwrap().more {}
    assert_eq!(block_on(waiting(&world)), 0);
    assert_all_in_order(&world);
}

#[test]
fn relays_at_once_lose_nothing_and_keep_the_order() {
    let world = Arc::new(block_on(world_with_sales(4)));
    let relays = (0..4).map(|number| {
        let world = Arc::clone(&world);
        async move {
            let options = RelayOptions { batch: Limit::new(2).unwrap(), ..RelayOptions::default() };
            let owner = gate(&format!("relay {number}"));
            for _ in 0..200 {
                let run = world.office.relay(&owner, &options).await.unwrap();
                assert_eq!((run.failed, run.fenced), (0, 0), "{:?}", run.errors);
            }
        }
    });
    Harness::storm(relays.collect::<Vec<_>>());
    assert_eq!(block_on(waiting(&world)), 0);
    assert_all_in_order(&world);
    let arrivals = world.memory.publisher.all_arrivals();
    assert!(arrivals.values().all(|arrivals| arrivals.repeats() == 0), "leases were kept");
}

#[test]
fn a_run_that_reaches_few_partitions_reaches_all_in_time() {
    block_on(async {
        let world = world_with_sales(8).await;
        let options = RelayOptions { partitions_max: 1, ..RelayOptions::default() };
        for _ in 0..200 {
            let run = world.office.relay(&gate("relay"), &options).await.unwrap();
            assert_eq!(run.leased, 1);
        }
        assert_eq!(waiting(&world).await, 0);
        let wrong = [
            RelayOptions { partitions_max: 0, ..options },
            RelayOptions { lease_ttl: Duration::ZERO, ..options },
        ];
        for wrong in wrong {
            let refused = world.office.relay(&gate("relay"), &wrong).await;
            assert!(matches!(refused, Err(RelayError::Options(_))), "{refused:?}");
        }
    });
}
