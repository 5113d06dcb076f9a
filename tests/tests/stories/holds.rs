//! Holds before, with and after a reservation; receipts of calls that come again.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use pollster::block_on;
use ticketing_core::admission::{Admission, AdmissionToken};
use ticketing_core::aggregate::AggregateKind;
use ticketing_core::id::{AdmissionId, UserId};
use ticketing_core::memory::{CallAct, Step};
use ticketing_core::money::Currency;
use ticketing_core::payment::{Method, PaymentState};
use ticketing_core::policy::SalesPolicy;
use ticketing_core::port::{Clock, Held, Inspect, Ports, SeatHolds};
use ticketing_core::seat::{SeatNo, Seats};
use ticketing_core::service::Failure;
use ticketing_core::service::cancel_performance::cancel_performance;
use ticketing_core::service::checkout::{self, CheckoutError, StartCheckout};
use ticketing_core::service::confirm::{self, ConfirmError, ConfirmPayment};
use ticketing_core::service::hold::{self, HeldSeats, HoldError, HoldSeats};
use ticketing_core::service::reserve::{self, ReserveError};

use crate::cached::Cached;
use crate::check::all;
use crate::world::{PRICE, World, policy, seat, seats, token, won};

fn take(
    world: &World,
    user: UserId,
    seats: &Seats,
    admission: Option<AdmissionToken>,
) -> Result<Held, HoldError> {
    let performance = world.performance;
    let request = HoldSeats { user, performance, seats: seats.clone(), admission };
    block_on(hold::hold(&world.ports, request))
}

/// Until when each seat is held.
fn held(world: &World) -> BTreeMap<SeatNo, DateTime<Utc>> {
    let now = world.clock.now();
    let rows = all(|page| world.holds.ending_after(world.performance, now, page));
    rows.into_iter().map(|row| (row.seat, row.expires_at)).collect()
}

fn of(world: &World, seats: &Seats, held: &Held) -> HeldSeats {
    HeldSeats { performance: world.performance, seats: seats.clone(), token: held.token }
}

#[test]
fn the_same_holder_of_the_same_seats_gets_the_same_hold() {
    let world = World::new();
    let (user, other) = (world.user(), world.user());
    let first = take(&world, user, &seats([0, 1]), None).unwrap();
    assert_eq!(first.expires_at, world.clock.now() + TimeDelta::minutes(5));
    world.minutes(2);
    assert_eq!(take(&world, user, &seats([0, 1]), None).unwrap(), first);
    let taken = take(&world, other, &seats([1, 2]), None);
    assert!(matches!(taken, Err(HoldError::Taken(taken)) if taken == seat(1)));
    take(&world, other, &seat(2), None).unwrap();
}

#[test]
fn a_hold_is_extended_to_ten_minutes_after_it_began_and_no_further() {
    let world = World::new();
    let wanted = seats([0, 1]);
    let held = take(&world, world.user(), &wanted, None).unwrap();
    let until = world.clock.now() + TimeDelta::minutes(10);
    for expected in [8, 10] {
        world.minutes(3);
        let extended = block_on(hold::extend(&world.ports, of(&world, &wanted, &held))).unwrap();
        assert_eq!(extended.expires_at, until - TimeDelta::minutes(10 - expected));
    }
    world.pass(Duration::from_secs(4 * 60 - 1));
    block_on(hold::extend(&world.ports, of(&world, &wanted, &held))).unwrap();
    world.pass(Duration::from_secs(1));
    let error = block_on(hold::extend(&world.ports, of(&world, &wanted, &held)));
    assert!(matches!(error, Err(HoldError::HeldLongEnough { until: at }) if at == until));
    world.reserve(world.user(), &wanted);
}

#[test]
fn the_hold_follows_every_deadline_of_its_reservation() {
    let world = World::new();
    let user = world.user();
    let before = take(&world, user, &seat(0), None).unwrap();
    let reserved = world.reserve(user, &seat(0));
    assert_eq!(world.reservation(reserved.reservation).hold(), before.token);
    assert_eq!(held(&world)[&SeatNo(0)], reserved.expires_at);
    world.minutes(8);
    let payment = world.checkout(user, reserved.reservation, 0, Some(Method::BankTransfer));
    let deadline = world.reservation(reserved.reservation).expires_at();
    assert_eq!(deadline, world.clock.now() + TimeDelta::minutes(10));
    assert_eq!(held(&world)[&SeatNo(0)], deadline);
    world.confirm(user, payment);
    let deadline = world.reservation(reserved.reservation).expires_at();
    assert_eq!(held(&world)[&SeatNo(0)], deadline);
    world.gateway.deposit(payment, won(PRICE)).unwrap();
    world.take_notices();
    let starts_at = world.reservation(reserved.reservation).starts_at();
    assert!(held(&world)[&SeatNo(0)] > starts_at, "sold seats stay held to the end");
    world.refund(user, reserved.reservation, None).unwrap();
    assert!(held(&world).is_empty());
    world.check_at_rest();
}

#[test]
fn a_hold_that_is_shown_is_stretched_and_a_lost_one_is_taken_again() {
    for is_lost in [false, true] {
        let world = World::new();
        let user = world.user();
        let taken = take(&world, user, &seats([0, 1]), None).unwrap();
        if is_lost {
            world.holds.lose_all();
        }
        let mut ask = world.ask(user, &seats([0, 1]));
        ask.hold = Some(taken.token);
        let reserved = block_on(reserve::reserve(&world.ports, ask)).unwrap();
        let kept = world.reservation(reserved.reservation).hold() == taken.token;
        assert_eq!(kept, !is_lost);
        assert_eq!(held(&world)[&SeatNo(1)], reserved.expires_at);
        world.check_at_rest();
    }
}

#[test]
fn after_the_reserve_the_hold_is_the_reservations() {
    let world = World::new();
    let user = world.user();
    let taken = take(&world, user, &seat(0), None).unwrap();
    world.reserve(user, &seat(0));
    let mine = || of(&world, &seat(0), &taken);
    assert!(matches!(block_on(hold::release(&world.ports, mine())), Err(HoldError::Reserved)));
    assert!(matches!(block_on(hold::extend(&world.ports, mine())), Err(HoldError::Reserved)));
    assert_eq!(held(&world).len(), 1);
}

#[test]
fn a_refused_reserve_and_an_ended_reservation_leave_no_hold() {
    let world = World::new();
    let user = world.user();
    world.reserve(user, &seats([0, 1, 2]));
    let refused = block_on(reserve::reserve(&world.ports, world.ask(user, &seats([3, 4]))));
    assert!(matches!(refused, Err(ReserveError::AllowanceExceeded { .. })));
    assert_eq!(held(&world).len(), 3);
    world.minutes(10);
    world.take_notices();
    assert!(world.sweep() > 0);
    assert!(held(&world).is_empty());
    take(&world, world.user(), &seats([0, 1, 2, 3]), None).unwrap();
}

#[test]
fn an_admission_is_asked_for_at_the_hold_and_never_again() {
    let policy = SalesPolicy { waiting_room: true, ..policy() };
    let world = World::with(policy, TimeDelta::days(30));
    let user = world.user();
    let admission = Admission {
        id: AdmissionId::generate(&*world.ports.ids),
        user,
        performance: world.performance,
        expires_at: world.clock.now() + TimeDelta::minutes(3),
    };
    let admission = admission.sign(&*world.ports.signer);
    assert!(matches!(take(&world, user, &seat(0), None), Err(HoldError::NotAdmitted(_))));
    let without = block_on(reserve::reserve(&world.ports, world.ask(user, &seat(0))));
    assert!(matches!(without, Err(ReserveError::NotAdmitted(_))));
    let others = take(&world, world.user(), &seat(0), Some(admission.clone()));
    assert!(matches!(others, Err(HoldError::NotAdmitted(_))));
    let mut ask = world.ask(user, &seat(1));
    ask.admission = Some(admission.clone());
    block_on(reserve::reserve(&world.ports, ask)).unwrap();
    let taken = take(&world, user, &seat(0), Some(admission)).unwrap();
    world.minutes(4);
    let mut ask = world.ask(user, &seat(0));
    ask.hold = Some(taken.token);
    let id = block_on(reserve::reserve(&world.ports, ask)).unwrap().reservation;
    let payment = world.checkout(user, id, 0, Some(Method::Card));
    assert!(world.confirm(user, payment).is_paid());
    world.check_at_rest();
}

#[test]
fn a_hold_that_was_lost_still_counts_for_who_was_admitted_when_it_was_taken() {
    for (minutes, is_in_time) in [(12, true), (14, false)] {
        let world =
            World::with(SalesPolicy { waiting_room: true, ..policy() }, TimeDelta::days(30));
        let user = world.user();
        let admission = Admission {
            id: AdmissionId::generate(&*world.ports.ids),
            user,
            performance: world.performance,
            expires_at: world.clock.now() + TimeDelta::minutes(3),
        };
        let admission = admission.sign(&*world.ports.signer);
        let taken = take(&world, user, &seat(0), Some(admission.clone())).unwrap();
        world.minutes(minutes);
        let mut ask = world.ask(user, &seat(0));
        (ask.hold, ask.admission) = (Some(taken.token), Some(admission));
        let reserved = block_on(reserve::reserve(&world.ports, ask));
        assert_eq!(reserved.is_ok(), is_in_time, "{minutes} minutes after the hold: {reserved:?}");
    }
}

#[test]
fn no_more_seats_are_held_than_one_reservation_may_have() {
    let world = World::new();
    let (user, many) = (world.user(), seats(0..5));
    let refused = take(&world, user, &many, None).unwrap_err();
    assert!(matches!(refused, HoldError::TooManySeats { max: 4, got: 5 }), "{refused:?}");
    let refused = block_on(reserve::reserve(&world.ports, world.ask(user, &many))).unwrap_err();
    assert!(matches!(refused, ReserveError::TooManySeats { max: 4, got: 5 }), "{refused:?}");
    assert!(held(&world).is_empty());
}

#[test]
fn a_repeated_call_is_answered_whatever_came_since() {
    let world = World::new();
    let user = world.user();
    let mut ask = world.ask(user, &seat(0));
    ask.key = Some(token("reserve"));
    let reserved = block_on(reserve::reserve(&world.ports, ask.clone())).unwrap();
    let start = StartCheckout {
        user,
        reservation: reserved.reservation,
        points: won(0),
        method: Some(Method::Card),
        refund_account: None,
        key: Some(token("checkout")),
    };
    let view = block_on(checkout::start(&world.ports, start.clone())).unwrap();
    let pay = ConfirmPayment {
        user,
        payment: view.payment().unwrap(),
        amount: won(PRICE),
        provider_key: Some(token("card")),
        key: Some(token("confirm")),
    };
    let paid = block_on(confirm::confirm(&world.ports, pay.clone())).unwrap();
    block_on(cancel_performance(&world.ports, world.seller, world.performance)).unwrap();
    world.minutes(60 * 24 * 14);
    assert_eq!(block_on(reserve::reserve(&world.ports, ask)).unwrap(), reserved);
    assert_eq!(block_on(checkout::start(&world.ports, start)).unwrap(), view);
    assert_eq!(block_on(confirm::confirm(&world.ports, pay)).unwrap(), paid);
    assert_eq!(world.claimed(&seat(0)), 1);
}

#[test]
fn a_checkout_made_twice_at_once_is_not_refused_by_what_came_after_it() {
    let world = World::new();
    let user = world.user();
    let reservation = world.reserve(user, &seat(0)).reservation;
    let start = StartCheckout::by(user, reservation, Method::Card, Currency::KRW);
    let start = start.with_key(token("checkout"));
    let (ports, first) = (world.ports.clone(), start.clone());
    let (seller, performance) = (world.seller, world.performance);
    let layouts = Cached::of(&world).meanwhile(move || {
        block_on(checkout::start(&ports, first)).unwrap();
        block_on(cancel_performance(&ports, seller, performance)).unwrap();
    });
    let second = Ports { layouts: Arc::new(layouts), ..world.ports.clone() };
    let view = block_on(checkout::start(&second, start.clone())).unwrap();
    assert!(view.payment().is_some(), "{view:?}");
    assert_eq!(block_on(checkout::start(&world.ports, start)).unwrap(), view);
}

#[test]
fn a_key_is_refused_for_another_request_that_nothing_stands_in_the_way_of() {
    let world = World::new();
    let user = world.user();
    let [one, other] = [0, 1].map(|no| world.reserve(user, &seat(no)).reservation);
    let start = |reservation| {
        let start = StartCheckout::by(user, reservation, Method::Card, Currency::KRW);
        block_on(checkout::start(&world.ports, start.with_key(token("checkout"))))
    };
    let paid = start(one).unwrap().payment().unwrap();
    let reused = start(other).unwrap_err();
    assert!(matches!(reused, CheckoutError::Failed(Failure::KeyReused)), "{reused:?}");
    let unpaid = world.checkout(user, other, 0, Some(Method::Card));
    let confirm = |payment| {
        let confirm = ConfirmPayment::new(user, payment, won(PRICE));
        let confirm = confirm.with_provider_key(token("card")).with_key(token("confirm"));
        block_on(confirm::confirm(&world.ports, confirm))
    };
    assert!(confirm(paid).unwrap().is_paid());
    let reused = confirm(unpaid).unwrap_err();
    assert!(matches!(reused, ConfirmError::Failed(Failure::KeyReused)), "{reused:?}");
    assert_eq!(*world.payment(unpaid).state(), PaymentState::Created);
    world.check();
}

#[test]
fn a_refusal_is_not_kept_so_the_same_call_may_succeed_later() {
    let world = World::new();
    let blocker = world.user();
    let first = world.reserve(blocker, &seat(0));
    let mut ask = world.ask(world.user(), &seat(0));
    ask.key = Some(token("tap"));
    assert!(block_on(reserve::reserve(&world.ports, ask.clone())).is_err());
    world.pass((first.expires_at - world.clock.now()).to_std().unwrap());
    world.sweep();
    block_on(reserve::reserve(&world.ports, ask)).unwrap();
    world.check_at_rest();
}

#[test]
fn all_that_is_about_one_reservation_is_told_in_its_stream() {
    let world = World::new();
    let user = world.rich(1_000);
    let id = world.reserve(user, &seat(0)).reservation;
    let declined = world.checkout(user, id, 1_000, Some(Method::Card));
    world.gateway.script(declined, [Step::confirm(CallAct::Decline)]);
    world.confirm(user, declined);
    let payment = world.checkout(user, id, 1_000, Some(Method::Card));
    world.confirm(user, payment);
    world.refund(user, id, None).unwrap();
    world.check_at_rest();
    let rows = all(|page| world.store.outbox(page));
    let mut kinds = BTreeMap::new();
    for row in rows.iter().filter(|row| row.stream.0 == id.as_uuid()) {
        *kinds.entry(row.aggregate.kind).or_insert(0) += 1;
    }
    let ours = [
        AggregateKind::Reservation,
        AggregateKind::Checkout,
        AggregateKind::Payment,
        AggregateKind::Refund,
        AggregateKind::Ticket,
    ];
    assert!(kinds.keys().eq(ours.iter()), "{kinds:?}");
    let others = rows.iter().filter(|row| ours.contains(&row.aggregate.kind));
    assert_eq!(others.count(), kinds.values().sum::<usize>(), "and nowhere else");
    let names: Vec<_> = rows
        .iter()
        .filter(|row| row.stream.0 == id.as_uuid())
        .map(|row| row.name.as_ref())
        .collect();
    let at = |name: &str| names.iter().position(|found| *found == name).unwrap();
    let order = [
        "reservation.made",
        "checkout.started",
        "payment.failed",
        "payment.succeeded",
        "refund.requested",
        "refund.succeeded",
    ];
    assert!(order.windows(2).all(|pair| at(pair[0]) < at(pair[1])), "{names:?}");
}
