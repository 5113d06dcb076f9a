use std::sync::Arc;
use std::task::Poll;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use pollster::block_on;
use ticketing_core::box_office::*;
use ticketing_core::error::{Fault, PortError};
use ticketing_core::id::{HoldToken, PerformanceId};
use ticketing_core::page::{Page, PageRequest};
use ticketing_core::port::{HeldSeat, HoldChange, HoldOutcome, HoldRequest, SeatHolds, Timer};
use ticketing_core::seat::{SeatBits, SeatCounts, SeatNo, SeatStatus, Seats};
use ticketing_core::service::hold::HoldError;
use ticketing_core::service::performances::PerformanceError;
use ticketing_core::service::reserve::ReserveError;

use crate::world::{World, grade, seats, won};

/// A hold store in trouble.
#[derive(Clone, Copy)]
enum NoHolds {
    Fails,
    Hangs,
    /// Tells what is held - nothing - but not at once. All else fails.
    TakesItsTime,
}

impl NoHolds {
    async fn answer<T>(&self) -> Result<T, PortError> {
        if matches!(self, Self::Hangs) {
            std::future::pending::<()>().await;
        }
        Err(PortError::new("holds", "any", Fault::Transient))
    }
}

#[async_trait]
impl SeatHolds for NoHolds {
    async fn hold(&self, _: HoldRequest, _: DateTime<Utc>) -> Result<HoldOutcome, PortError> {
        self.answer().await
    }

    async fn extend(
        &self,
        _: PerformanceId,
        _: Seats,
        _: HoldToken,
        _: DateTime<Utc>,
        _: DateTime<Utc>,
    ) -> Result<HoldChange, PortError> {
        self.answer().await
    }

    async fn release(&self, _: PerformanceId, _: Seats, _: HoldToken) -> Result<usize, PortError> {
        self.answer().await
    }

    async fn held(
        &self,
        _: PerformanceId,
        capacity: u32,
        _: DateTime<Utc>,
    ) -> Result<SeatBits, PortError> {
        if !matches!(self, Self::TakesItsTime) {
            return self.answer().await;
        }
        let mut waited = false;
        let later = std::future::poll_fn(|context| {
            if std::mem::replace(&mut waited, true) {
                return Poll::Ready(());
            }
            context.waker().wake_by_ref();
            Poll::Pending
        });
        later.await;
        Ok(SeatBits::new(capacity))
    }

    async fn ending_after(
        &self,
        _: PerformanceId,
        _: DateTime<Utc>,
        _: PageRequest,
    ) -> Result<Page<HeldSeat>, PortError> {
        self.answer().await
    }
}

/// A timer whose every instant has come.
struct Impatient;

#[async_trait]
impl Timer for Impatient {
    async fn sleep_until(&self, _: DateTime<Utc>) {}
}

#[test]
fn the_map_shows_every_status_and_does_without_the_holds() {
    block_on(async {
        let world = World::new().await;
        let id = world.performance;
        world.sell(world.user(), &seats([0, 1])).await;
        world.reserve(world.user(), &seats([2])).await;
        world.office.block(world.seller, id, seats([3])).await.unwrap();
        let hold = HoldSeats::new(world.user(), id, seats([4, 5]));
        world.office.hold(hold).await.unwrap();

        let view = world.office.seat_map(id).await.unwrap();
        let status = |seat| view.map.status(SeatNo(seat)).unwrap();
        assert_eq!([status(0), status(1)], [SeatStatus::Sold; 2]);
        assert_eq!(status(2), SeatStatus::PaymentPending);
        assert_eq!(status(3), SeatStatus::Blocked);
        assert_eq!([status(4), status(5)], [SeatStatus::Held; 2]);
        assert_eq!(status(6), SeatStatus::Available);
        assert!(view.holds_known);
        let counts = SeatCounts { available: 34, held: 2, payment_pending: 1, sold: 2, blocked: 1 };
        assert_eq!(view.map.counts(), counts);

        for trouble in [NoHolds::Fails, NoHolds::Hangs] {
            let office = world.through(|ports| {
                ports.holds = Arc::new(trouble);
                ports.timer = Arc::new(Impatient);
            });
            let view = office.seat_map(id).await.unwrap();
            assert!(!view.holds_known);
            assert_eq!(view.map.counts(), SeatCounts { available: 36, held: 0, ..counts });
        }
        let patient = world.through(|ports| ports.holds = Arc::new(NoHolds::TakesItsTime));
        assert!(patient.seat_map(id).await.unwrap().holds_known);
    });
}

#[test]
fn a_reservation_is_shown_to_its_buyer_alone() {
    block_on(async {
        let world = World::new().await;
        let user = world.user();
        let id = world.reserve(user, &seats([0])).await;
        let found = world.office.reservation(user, id).await.unwrap();
        assert_eq!(found.map(|reservation| reservation.id()), Some(id));
        assert!(world.office.reservation(world.user(), id).await.unwrap().is_none());
    });
}

#[test]
fn a_claimed_seat_keeps_its_grade_and_free_seats_change_theirs() {
    block_on(async {
        let world = World::new().await;
        let (id, seller) = (world.performance, world.seller);
        world.reserve(world.user(), &seats([2])).await;
        world.office.block(seller, id, seats([4])).await.unwrap();

        let refused = world.office.regrade(seller, id, seats(1..=4), grade("S")).await;
        let Err(PerformanceError::SeatsClaimed(claimed)) = refused else {
            panic!("expected the claimed seats, got {refused:?}");
        };
        assert_eq!(claimed, seats([2, 4]));
        let quote = world.office.quote(id, &seats([1, 3])).await.unwrap();
        assert_eq!(quote.total, won(100_000));

        world.office.regrade(seller, id, seats([1, 3]), grade("S")).await.unwrap();
        let quote = world.office.quote(id, &seats([1, 3])).await.unwrap();
        assert_eq!(quote.total, won(60_000));
    });
}

#[test]
fn who_saw_the_old_price_is_told_the_new_one() {
    block_on(async {
        let world = World::new().await;
        let (id, user) = (world.performance, world.user());
        let seen = world.office.quote(id, &seats([0, 20])).await.unwrap().total;
        let before = world.reserve(world.user(), &seats([1])).await;
        world.office.reprice(world.seller, id, grade("R"), won(55_000)).await.unwrap();

        let late = ReserveSeats::new(user, id, seats([0, 20]), seen);
        match world.office.reserve(late).await {
            Err(ReserveError::PriceChanged { now }) => assert_eq!(now, won(85_000)),
            other => panic!("expected PriceChanged, got {other:?}"),
        }
        let again = ReserveSeats::new(user, id, seats([0, 20]), won(85_000));
        assert_eq!(world.office.reserve(again).await.unwrap().total, won(85_000));
        let kept = world.office.ports().reservations.find(before).await.unwrap().unwrap();
        assert_eq!(kept.lines()[0].price, won(50_000));
    });
}

#[test]
fn the_house_keeps_back_only_what_no_buyer_has() {
    block_on(async {
        let world = World::new().await;
        let (id, seller, user) = (world.performance, world.seller, world.user());
        world.reserve(world.user(), &seats([2])).await;
        let refused = world.office.block(seller, id, seats(0..=3)).await;
        assert!(
            matches!(&refused, Err(PerformanceError::SeatsClaimed(taken)) if *taken == seats([2])),
            "{refused:?}"
        );
        assert_eq!(world.office.seat_map(id).await.unwrap().map.counts().blocked, 0);

        let held = world.office.hold(HoldSeats::new(user, id, seats([0]))).await.unwrap();
        for wanted in [seats([0, 1]), seats([0, 1, 3]), seats([0, 1, 3])] {
            world.office.block(seller, id, wanted).await.unwrap();
        }
        let wanted = ReserveSeats::new(user, id, seats([0]), won(50_000)).with_hold(held.token);
        let refused = world.office.reserve(wanted).await;
        assert!(
            matches!(&refused, Err(ReserveError::SeatTaken(taken)) if *taken == seats([0])),
            "{refused:?}"
        );

        world.office.unblock(seller, id, seats([0, 2])).await.unwrap();
        let map = world.office.seat_map(id).await.unwrap().map;
        assert_eq!((map.counts().blocked, map.counts().payment_pending), (2, 1));
        world.reserve(user, &seats([0])).await;
        let beyond = world.office.block(seller, id, seats([39, 40])).await;
        assert!(matches!(beyond, Err(PerformanceError::Performance(_))), "{beyond:?}");
    });
}

#[test]
fn nothing_is_held_before_the_window_that_was_moved() {
    block_on(async {
        let world = World::new().await;
        let (id, user) = (world.performance, world.user());
        let opens_at = world.now() + std::time::Duration::from_hours(1);
        world.office.move_sales_window(world.seller, id, opens_at).await.unwrap();
        let early = world.office.hold(HoldSeats::new(user, id, seats([0]))).await;
        assert!(matches!(early, Err(HoldError::Performance(_))), "{early:?}");
        world.advance(std::time::Duration::from_hours(1));
        world.office.hold(HoldSeats::new(user, id, seats([0]))).await.unwrap();
    });
}
