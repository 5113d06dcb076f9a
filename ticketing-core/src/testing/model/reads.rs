//! What the read ports say, compared with what was written.

use std::fmt::Debug;
use std::future::Future;

use chrono::{DateTime, TimeDelta, Utc};

use super::ModelStore;
use super::step::{PERFORMANCES, SEATS};
use super::world::{Versions, World};
use crate::checkout::Checkout;
use crate::error::PortError;
use crate::id::PerformanceId;
use crate::ledger::{Account, AccountKey};
use crate::money::Currency;
use crate::page::{Page, PageRequest};
use crate::reservation::{Reservation, ReservationState};
use crate::seat::{Claim, ClaimBits, SeatNo, Seats};
use crate::testing::StorePorts;
use crate::testing::ports::collect;
use crate::testing::sample::wallet;
use crate::ticket::Ticket;

fn expect<T: PartialEq + Debug>(what: &str, expected: &T, got: &T) -> Result<(), String> {
    if expected == got {
        return Ok(());
    }
    Err(format!("{what}: expected {expected:?}, got {got:?}"))
}

fn read<T>(result: Result<T, PortError>) -> Result<T, String> {
    result.map_err(|error| format!("a read failed: {error}"))
}

/// The bitmaps of a performance as the model has its claims.
pub(super) fn bits(model: &ModelStore, performance: PerformanceId) -> ClaimBits {
    let mut bits = ClaimBits::new(SEATS);
    for seat in (0..SEATS).map(SeatNo) {
        bits.set(seat, model.claim(performance, seat).map(|claim| claim.status));
    }
    bits
}

/// The claims on some seats as the model has them.
pub(super) fn claims(
    model: &ModelStore,
    performance: PerformanceId,
    seats: &Seats,
) -> Vec<(SeatNo, Claim)> {
    seats.iter().filter_map(|seat| Some((seat, model.claim(performance, seat)?))).collect()
}

/// Compares every list and every row of the world, at the instant of the last step.
pub(super) async fn compare(
    ports: &StorePorts,
    world: &World,
    model: &ModelStore,
    now: DateTime<Utc>,
) -> Result<(), String> {
    compare_seats(ports, world, model).await?;
    compare_books(ports, world, model).await?;
    compare_reservations(ports, world, now).await?;
    compare_sagas(ports, world, now).await
}

async fn compare_seats(
    ports: &StorePorts,
    world: &World,
    model: &ModelStore,
) -> Result<(), String> {
    let hall = Seats::new((0..SEATS).map(SeatNo)).expect("a small hall");
    for performance in world.performances {
        let got = read(ports.claims.bits(performance, SEATS).await)?;
        expect(&format!("bitmaps of {performance}"), &bits(model, performance), &got)?;
        let got = read(ports.claims.of_seats(performance, hall.clone()).await)?;
        expect(&format!("claims of {performance}"), &claims(model, performance, &hall), &got)?;
    }
    for (user, show) in world.users.iter().flat_map(|user| world.shows.map(|show| (*user, show))) {
        let got = usize::from(read(ports.claims.allowance_used(user, show).await)?);
        let what = format!("places of user {user} in show {show}");
        expect(&what, &model.allowance_used(user, show), &got)?;
    }
    Ok(())
}

async fn compare_books(
    ports: &StorePorts,
    world: &World,
    model: &ModelStore,
) -> Result<(), String> {
    let shared = [Account::PointsHeld, Account::Clearing]
        .map(|account| AccountKey { account, currency: Currency::KRW });
    for account in world.users.into_iter().map(wallet).chain(shared) {
        let got = read(ports.ledger.balance(account).await)?;
        expect(&format!("balance of {account}"), &model.balance(account), &got)?;
        let history = collect(5, |page| ports.ledger.history(account, page)).await;
        let sum = history.iter().map(|line| line.amount).sum();
        expect(&format!("sum of the history of {account}"), &model.balance(account), &sum)?;
    }
    for entry in &world.entries {
        let got = read(ports.ledger.entry(entry.id()).await)?;
        expect("an entry", &Some(entry), &got.as_ref())?;
        let got = read(ports.ledger.resolution(entry.id()).await)?;
        expect(&format!("what ended {}", entry.id()), &model.resolution(entry.id()), &got)?;
    }
    for key in &world.receipt_keys {
        let key = world.receipt_key(*key);
        let got = read(ports.receipts.find(key.clone()).await)?;
        expect(&format!("receipt of {key}"), &model.receipt(&key), &got.as_ref())?;
    }
    Ok(())
}

/// Compares a list, read in pages of several sizes.
async fn expect_list<T, F>(
    what: &str,
    expected: &[T],
    list: impl Fn(PageRequest) -> F + Send + Sync,
) -> Result<(), String>
where
    T: Debug + PartialEq + Send + Sync,
    F: Future<Output = Result<Page<T>, PortError>> + Send,
{
    for size in [2, 1_000] {
        let items = collect(size, &list).await;
        if items != expected {
            return Err(format!(
                "{what}, in pages of {size}: expected {expected:?}, got {items:?}"
            ));
        }
    }
    Ok(())
}

fn sorted<T: Clone, K: Ord>(
    all: impl Iterator<Item = T>,
    fits: impl Fn(&T) -> bool,
    key: impl Fn(&T) -> K,
) -> Vec<T> {
    let mut items: Vec<T> = all.filter(fits).collect();
    items.sort_by_key(key);
    items
}

async fn compare_reservations(
    ports: &StorePorts,
    world: &World,
    now: DateTime<Utc>,
) -> Result<(), String> {
    let all = || world.reservations.iter().map(|versions| versions.latest().clone());
    for reservation in all() {
        let got = read(ports.reservations.find(reservation.id()).await)?;
        expect("a reservation", &Some(reservation), &got)?;
    }
    for user in world.users {
        let own = sorted(all(), |one| one.user() == user, Reservation::id);
        let list = |page| ports.reservations.of_user(user, page);
        expect_list(&format!("reservations of user {user}"), &own, list).await?;
        let own = world.tickets.iter().map(|versions| versions.latest().clone());
        let own = sorted(own, |one| one.user() == user, Ticket::id);
        let list = |page| ports.tickets.of_user(user, page);
        expect_list(&format!("tickets of user {user}"), &own, list).await?;
    }
    for performance in world.performances.into_iter().take(PERFORMANCES) {
        let is_live = |one: &Reservation| {
            let lives = match one.state() {
                ReservationState::Pending | ReservationState::Confirmed { .. } => true,
                ReservationState::Cancelled { .. }
                | ReservationState::Expired
                | ReservationState::Refunded { .. } => false,
            };
            lives && one.performance() == performance
        };
        let live = sorted(all(), is_live, Reservation::id);
        let list = |page| ports.reservations.live_of(performance, page);
        expect_list(&format!("live reservations of {performance}"), &live, list).await?;
    }
    let is_due = |one: &Reservation| one.is_pending() && one.expires_at() <= now;
    let due = sorted(all(), is_due, |one| (one.expires_at(), one.id()));
    expect_list("due reservations", &due, |page| ports.reservations.due(now, page)).await
}

async fn compare_sagas(
    ports: &StorePorts,
    world: &World,
    now: DateTime<Utc>,
) -> Result<(), String> {
    let all = || world.checkouts.iter().map(|versions| versions.latest().clone());
    for checkout in all() {
        let got = read(ports.checkouts.find(checkout.id()).await)?;
        expect("a checkout", &Some(checkout), &got)?;
    }
    for reservation in world.reservations.iter().map(|versions| versions.latest().id()) {
        let own = sorted(all(), |one| one.reservation() == reservation, Checkout::id);
        let got = read(ports.checkouts.of_reservation(reservation).await)?;
        expect(&format!("checkouts of reservation {reservation}"), &own, &got)?;
        let own = world.tickets.iter().map(|versions| versions.latest().clone());
        let own = sorted(own, |one| one.reservation() == reservation, Ticket::seat);
        let got = read(ports.tickets.of_reservation(reservation).await)?;
        expect(&format!("tickets of reservation {reservation}"), &own, &got)?;
    }
    for payment in world.payments.iter().map(|versions| versions.latest().clone()) {
        let got = read(ports.payments.find(payment.id()).await)?;
        expect("a payment", &Some(payment), &got)?;
    }
    for refund in world.refunds.iter().map(|versions| versions.latest().clone()) {
        let got = read(ports.refunds.find(refund.id()).await)?;
        expect("a refund", &Some(refund), &got)?;
    }
    compare_made(ports, world).await?;
    let until = now - TimeDelta::minutes(5);
    let is_stalled = |one: &Checkout| one.is_live() && one.moved_at() <= until;
    let stalled = sorted(all(), is_stalled, |one| (one.moved_at(), one.id()));
    expect_list("stalled checkouts", &stalled, |page| ports.checkouts.stalled(until, page)).await
}

async fn compare_made(ports: &StorePorts, world: &World) -> Result<(), String> {
    for venue in world.venues.iter().map(Versions::latest) {
        let got = read(ports.layouts.venue(venue.id()).await)?;
        expect("a venue", &Some(venue), &got.as_deref())?;
    }
    for show in world.shown.iter().map(Versions::latest) {
        let got = read(ports.layouts.show(show.id()).await)?;
        expect("a show", &Some(show), &got.as_deref())?;
    }
    for performance in world.scheduled.iter().map(Versions::latest) {
        let got = read(ports.layouts.fresh_performance(performance.id()).await)?;
        expect("a performance", &Some(performance), &got.as_deref())?;
    }
    Ok(())
}
