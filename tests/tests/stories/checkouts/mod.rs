//! A checkout: one commit in the usual case, step by step where it turns back.

mod at_once;
mod by_steps;
mod meanwhile;

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use pollster::block_on;
use ticketing_core::change_set::ChangeSet;
use ticketing_core::checkout::{Checkout, TenderChoice};
use ticketing_core::error::PortError;
use ticketing_core::id::{ChangeSetId, CheckoutId, ReservationId, UserId};
use ticketing_core::payment::Method;
use ticketing_core::port::{
    FraudCheck, FraudQuery, FraudVerdict, Inspect, Ports, Store, UserDirectory, UserStatus,
};
use ticketing_core::service::checkout::{self, StartCheckout};

use crate::check::all;
use crate::world::{World, seat, won};

pub(crate) fn by_card(user: UserId, reservation: ReservationId, points: i64) -> StartCheckout {
    let points = won(points);
    StartCheckout::by(user, reservation, Method::Card, points.currency()).with_points(points)
}

/// The user directory and the fraud check of a world, which count how often they are asked.
struct Outside {
    inner: Ports,
    /// How long it takes to find a user, and to check for fraud.
    takes: [Duration; 2],
    users_asked: AtomicU32,
    fraud_asked: AtomicU32,
}

impl Outside {
    fn of(world: &World) -> Arc<Self> {
        Self::slow(world, Duration::ZERO)
    }

    fn slow(world: &World, fraud: Duration) -> Arc<Self> {
        Self::taking(world, [Duration::ZERO, fraud])
    }

    fn taking(world: &World, takes: [Duration; 2]) -> Arc<Self> {
        let (users_asked, fraud_asked) = Default::default();
        Arc::new(Self { inner: world.ports.clone(), takes, users_asked, fraud_asked })
    }

    async fn take(&self, time: Duration) {
        if !time.is_zero() {
            self.inner.timer.sleep_until(self.inner.clock.now() + time).await;
        }
    }

    fn ports(self: &Arc<Self>) -> Ports {
        Ports { users: self.clone(), fraud: self.clone(), ..self.inner.clone() }
    }

    /// How often each was asked.
    fn asked(&self) -> (u32, u32) {
        (self.users_asked.load(Ordering::SeqCst), self.fraud_asked.load(Ordering::SeqCst))
    }
}

#[async_trait]
impl UserDirectory for Outside {
    async fn status(&self, user: UserId) -> Result<UserStatus, PortError> {
        self.users_asked.fetch_add(1, Ordering::SeqCst);
        self.take(self.takes[0]).await;
        self.inner.users.status(user).await
    }
}

#[async_trait]
impl FraudCheck for Outside {
    async fn check(&self, query: FraudQuery) -> Result<FraudVerdict, PortError> {
        self.fraud_asked.fetch_add(1, Ordering::SeqCst);
        self.take(self.takes[1]).await;
        self.inner.fraud.check(query).await
    }
}

/// Never answers.
pub(crate) struct SilentCheck;

#[async_trait]
impl FraudCheck for SilentCheck {
    async fn check(&self, _: FraudQuery) -> Result<FraudVerdict, PortError> {
        std::future::pending().await
    }
}

/// A checkout that was committed as started, as releases did that committed each step.
pub(crate) fn left_started(
    world: &World,
    user: UserId,
    no: u32,
    points: i64,
) -> (ReservationId, CheckoutId) {
    let (ports, now) = (&world.ports, world.ports.clock.now());
    let id = world.reserve(user, &seat(no)).reservation;
    let mut reservation = world.reservation(id);
    let checkout = CheckoutId::generate(&*ports.ids);
    reservation.begin_checkout(checkout, 5, now).unwrap();
    let choice =
        TenderChoice { points: won(points), method: Some(Method::Card), refund_account: None };
    let (saga, _) = Checkout::start(checkout, id, user, choice, now);
    let changes = ChangeSet::new(ChangeSetId::generate(&*ports.ids), now);
    let _ = block_on(world.store.commit(changes.save(reservation).save(saga))).unwrap();
    (id, checkout)
}

/// The same, and its driver died while it asked about fraud: the points are set aside.
pub(crate) fn left_asking(world: &World, user: UserId, points: i64) -> (ReservationId, CheckoutId) {
    let (id, checkout) = left_started(world, user, 0, points);
    let ports = Ports { fraud: Arc::new(SilentCheck), ..world.ports.clone() };
    World::die_waiting(checkout::drive(&ports, checkout));
    (id, checkout)
}

/// What the stream of a reservation tells, in order.
fn told(world: &World, id: ReservationId) -> Vec<String> {
    let rows = all(|page| world.store.outbox(page));
    let of_it = rows.iter().filter(|row| row.stream.0 == id.as_uuid());
    of_it.map(|row| row.name.to_string()).collect()
}
