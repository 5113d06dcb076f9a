use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, TimeDelta, Utc};
use pollster::block_on;
use ticketing_core::box_office::*;
use ticketing_core::change_set::ReceiptKey;
use ticketing_core::error::PortError;
use ticketing_core::id::{HoldToken, PerformanceId};
use ticketing_core::label::Label;
use ticketing_core::memory::MemoryHolds;
use ticketing_core::page::{Limit, Page, PageRequest};
use ticketing_core::policy::{Deadlines, SalesPolicy};
use ticketing_core::port::{
    HeldSeat, HoldChange, HoldOutcome, HoldRequest, Inspect, OutboxReader, SeatHolds,
};
use ticketing_core::seat::{SeatBits, Seats};
use ticketing_core::service::retention::{KEPT_FOR, PUBLISHED_FOR};
use ticketing_core::service::sweep_holds::CLOCK_SKEW_MAX;

use crate::world::{World, gate, policy, seats, token, won};

async fn leak(world: &World, seat: u32, lasts: TimeDelta) -> HoldToken {
    let token = HoldToken::generate(&*world.memory.ids);
    let request = HoldRequest {
        performance: world.performance,
        seats: seats([seat]),
        holder: world.user(),
        token,
        expires_at: world.now() + lasts,
    };
    let outcome = world.memory.holds.hold(request, world.now()).await.unwrap();
    assert!(matches!(outcome, HoldOutcome::Held(_)));
    token
}

async fn held(world: &World) -> Vec<u32> {
    let held = world.memory.holds.held(world.performance, 40, world.now()).await.unwrap();
    held.iter().map(|seat| seat.0).collect()
}

#[test]
fn only_long_holds_without_a_claim_are_released() {
    block_on(async {
        let deadlines = Deadlines { payment_wait: Duration::from_mins(30), ..Deadlines::default() };
        let world = World::with(SalesPolicy { deadlines, ..policy() }, 4).await;
        let id = world.performance;
        // Sold and reserved: their holds are long and stand over claims.
        world.sell(world.user(), &seats([0])).await;
        world.reserve(world.user(), &seats([1])).await;
        world.office.hold(HoldSeats::new(world.user(), id, seats([2]))).await.unwrap();
        // As a reserve leaves it just before its commit, on a clock that runs ahead.
        leak(&world, 3, TimeDelta::minutes(30) + CLOCK_SKEW_MAX).await;
        leak(&world, 4, TimeDelta::days(3)).await;
        // The sale is refunded and the release of its hold is lost.
        let (refunded, _) = world.sell(world.user(), &seats([5])).await;
        let user = world.office.ports().reservations.find(refunded).await.unwrap().unwrap().user();
        let holds = world.memory.holds.clone();
        let kept = holds.ending_after(id, world.now() + TimeDelta::days(1), first(100)).await;
        let lost = kept.unwrap().items.into_iter().find(|held| held.seat.0 == 5).unwrap();
        let refund = RefundSeats { user, reservation: refunded, seats: None, key: None };
        world.office.refund(refund).await.unwrap();
        assert!(!held(&world).await.contains(&5), "a refund gives its hold back");
        let again = HoldRequest {
            performance: id,
            seats: seats([5]),
            holder: lost.holder,
            token: lost.token,
            expires_at: lost.expires_at,
        };
        assert!(matches!(holds.hold(again, world.now()).await.unwrap(), HoldOutcome::Held(_)));

        let (mut released, mut after) = (0, None);
        for _ in 0..40 {
            let page = PageRequest::next(after, Limit::new(1).unwrap());
            let swept = world.office.sweep_holds(id, page).await.unwrap();
            assert_eq!(swept.failed, 0);
            released += swept.changed;
            after = swept.next;
            if after.is_none() {
                break;
            }
        }
        assert_eq!((released, after), (2, None));
        assert_eq!(held(&world).await, [0, 1, 2, 3]);
    });
}

/// Holds that end on their own just before they are released.
struct Ending(Arc<MemoryHolds>);

#[async_trait]
impl SeatHolds for Ending {
    async fn hold(&self, ask: HoldRequest, now: DateTime<Utc>) -> Result<HoldOutcome, PortError> {
        self.0.hold(ask, now).await
    }

    async fn extend(
        &self,
        id: PerformanceId,
        seats: Seats,
        token: HoldToken,
        expires_at: DateTime<Utc>,
        now: DateTime<Utc>,
    ) -> Result<HoldChange, PortError> {
        self.0.extend(id, seats, token, expires_at, now).await
    }

    async fn release(
        &self,
        id: PerformanceId,
        seats: Seats,
        token: HoldToken,
    ) -> Result<usize, PortError> {
        self.0.lose_all();
        self.0.release(id, seats, token).await
    }

    async fn held(
        &self,
        id: PerformanceId,
        capacity: u32,
        now: DateTime<Utc>,
    ) -> Result<SeatBits, PortError> {
        self.0.held(id, capacity, now).await
    }

    async fn ending_after(
        &self,
        id: PerformanceId,
        after: DateTime<Utc>,
        page: PageRequest,
    ) -> Result<Page<HeldSeat>, PortError> {
        self.0.ending_after(id, after, page).await
    }
}

#[test]
fn a_hold_that_was_gone_already_does_not_count_as_released() {
    block_on(async {
        let world = World::new().await;
        leak(&world, 4, TimeDelta::days(3)).await;
        let holds = world.memory.holds.clone();
        let office = world.through(|ports| ports.holds = Arc::new(Ending(holds)));
        let swept = office.sweep_holds(world.performance, first(10)).await.unwrap();
        assert_eq!((swept.seen, swept.changed, swept.failed), (1, 0, 0));
    });
}

fn first(limit: usize) -> PageRequest {
    PageRequest::first(Limit::new(limit).unwrap())
}

#[test]
fn answers_are_purged_when_they_are_old_and_not_before() {
    block_on(async {
        let world = World::new().await;
        let user = world.user();
        let charge = |key: &str| TopUp { user, amount: won(1_000), key: token(key) };
        let receipt = |key: &str| ReceiptKey {
            caller: user,
            operation: Label::new("top_up").unwrap(),
            key: token(key),
        };
        world.office.top_up(charge("old")).await.unwrap();
        world.advance(KEPT_FOR.to_std().unwrap());
        world.office.top_up(charge("young")).await.unwrap();
        let receipts = world.office.ports().receipts.clone();
        let spared = world.office.purge_kept(Limit::DEFAULT).await.unwrap();
        assert_eq!((spared.rows, spared.more), (0, false), "15 days are not over");
        world.advance(Duration::from_secs(1));
        let one = world.office.purge_kept(Limit::new(1).unwrap()).await.unwrap();
        assert!(one.more, "the ids of the first change sets are more than one");
        while world.office.purge_kept(Limit::DEFAULT).await.unwrap().more {}
        assert!(receipts.find(receipt("old")).await.unwrap().is_none());
        assert!(receipts.find(receipt("young")).await.unwrap().is_some());
    });
}

#[test]
fn only_published_events_leave_the_outbox_and_only_old_ones() {
    block_on(async {
        let world = World::new().await;
        let count = async || world.memory.store.outbox(first(1_000)).await.unwrap().items.len();
        world.sell(world.user(), &seats([0])).await;
        let sent = count().await;
        let run = world.office.relay(&gate("relay"), &RelayOptions::default()).await.unwrap();
        assert_eq!(run.published, sent);
        world.sell(world.user(), &seats([1])).await;
        let all = count().await;
        world.advance(PUBLISHED_FOR.to_std().unwrap());
        let dropped = world.office.drop_published(Limit::DEFAULT).await.unwrap();
        assert_eq!((dropped.rows, count().await), (0, all));
        world.advance(Duration::from_secs(1));
        let dropped = world.office.drop_published(Limit::DEFAULT).await.unwrap();
        assert_eq!((dropped.rows, count().await), (sent, all - sent));
        assert_eq!(world.memory.store.waiting().await.unwrap(), (all - sent) as u64);
    });
}
