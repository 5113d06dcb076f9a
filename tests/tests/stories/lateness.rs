//! Deadlines: what lapses, what is waited for, and what becomes of money that comes late.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use pollster::block_on;
use ticketing_core::checkout::Abort;
use ticketing_core::id::{PaymentId, ReservationId, UserId};
use ticketing_core::ledger::Account;
use ticketing_core::memory::{CallAct, FindAct, Step};
use ticketing_core::page::{Limit, PageRequest};
use ticketing_core::payment::{Honoured, Method, PaymentState};
use ticketing_core::policy::{LatePayment, SalesPolicy};
use ticketing_core::port::Clock;
use ticketing_core::refund::{RefundState, Sent};
use ticketing_core::reservation::{ReservationRefusal, ReservationState};
use ticketing_core::seat::Seats;
use ticketing_core::service::cancel::{self, CancelError, CancelReservation};
use ticketing_core::service::checkout;
use ticketing_core::service::confirm::{self, ConfirmError, ConfirmPayment};
use ticketing_core::service::expire;

use crate::checkouts::left_asking;
use crate::world::{PRICE, World, policy, seat, seats, token, won};

fn after(world: &World, minutes: i64) -> DateTime<Utc> {
    world.clock.now() + TimeDelta::minutes(minutes)
}

/// How many reservations one run of the expiry ended or saved.
fn expire(world: &World) -> usize {
    let swept = block_on(expire::sweep_due(&world.ports, PageRequest::first(Limit::DEFAULT)));
    let swept = swept.unwrap();
    assert_eq!(swept.failed, 0, "{:?}", swept.errors);
    swept.changed
}

fn is_expired(world: &World, id: ReservationId) -> bool {
    *world.reservation(id).state() == ReservationState::Expired
}

/// A card payment that the gateway captured, but whose answers stay lost until the reservation lapsed.
fn lapse_while_paying(
    world: &World,
    user: UserId,
    seats: &Seats,
    points: i64,
) -> (ReservationId, PaymentId) {
    let reservation = world.reserve(user, seats).reservation;
    let payment = world.checkout(user, reservation, points, Some(Method::Card));
    world.gateway.script(payment, [Step::confirm(CallAct::LostAfter)]);
    world.confirm(user, payment);
    world.minutes(40);
    assert_eq!(expire(world), 1);
    assert!(is_expired(world, reservation));
    (reservation, payment)
}

#[test]
fn an_unpaid_reservation_lapses_at_its_deadline_and_frees_everything() {
    let world = World::new();
    let user = world.rich(2_000);
    let reserved = world.reserve(user, &seats([0, 1]));
    assert_eq!(reserved.expires_at, after(&world, 10));
    let payment = world.checkout(user, reserved.reservation, 2_000, Some(Method::Card));
    world.pass((reserved.expires_at - world.clock.now() - TimeDelta::seconds(1)).to_std().unwrap());
    assert_eq!(expire(&world), 0);
    world.check();
    world.pass(std::time::Duration::from_secs(1));
    assert_eq!(expire(&world), 1);
    assert!(is_expired(&world, reserved.reservation));
    assert_eq!(*world.payment(payment).state(), PaymentState::Cancelled);
    assert_eq!((world.wallet(user), world.places(user)), (2_000, 0));
    world.check();
    assert_eq!(world.sweep(), 0, "once is enough");
    world.reserve(world.user(), &seats([0, 1]));
    world.check_at_rest();
}

#[test]
fn starting_to_pay_moves_the_deadline_once() {
    let world = World::new();
    let user = world.user();
    let id = world.reserve(user, &seat(0)).reservation;
    world.minutes(8);
    let payment = world.checkout(user, id, 0, Some(Method::Card));
    let deadline = after(&world, 10);
    assert_eq!(world.reservation(id).expires_at(), deadline);
    world.gateway.script(payment, [Step::confirm(CallAct::Decline)]);
    world.confirm(user, payment);
    world.minutes(5);
    world.checkout(user, id, 0, Some(Method::Card));
    assert_eq!(world.reservation(id).expires_at(), deadline, "the second start gives nothing");
    world.check();
}

#[test]
fn no_card_deadline_is_later_than_forty_minutes_or_the_start() {
    let mut long = policy();
    long.deadlines.payment_wait = std::time::Duration::from_mins(35);
    let world = World::with(long, TimeDelta::days(30));
    let user = world.user();
    let reserved = world.reserve(user, &seat(0));
    let latest = after(&world, 40);
    world.minutes(34);
    world.checkout(user, reserved.reservation, 0, Some(Method::Card));
    assert_eq!(world.reservation(reserved.reservation).expires_at(), latest);

    long = policy();
    long.deadlines.payment_wait = std::time::Duration::from_mins(90);
    long.deadlines.card_max = std::time::Duration::from_hours(2);
    let world = World::with(long, TimeDelta::minutes(70));
    let starts_at = after(&world, 70);
    let reserved = world.reserve(world.user(), &seat(0));
    assert_eq!(reserved.expires_at, starts_at);
}

#[test]
fn nothing_is_sent_from_the_deadline_on() {
    let world = World::new();
    let user = world.user();
    let id = world.reserve(user, &seat(0)).reservation;
    let payment = world.checkout(user, id, 0, Some(Method::Card));
    world.minutes(10);
    let request = ConfirmPayment {
        user,
        payment,
        amount: won(PRICE),
        provider_key: Some(token("card")),
        key: None,
    };
    let error = block_on(confirm::confirm(&world.ports, request)).unwrap_err();
    assert!(matches!(error, ConfirmError::Reservation(ReservationRefusal::DeadlinePassed { .. })));
    assert_eq!(world.gateway.money().captured(payment), None);
    assert_eq!(*world.payment(payment).state(), PaymentState::Created);
    world.check_at_rest();
}

#[test]
fn a_payment_at_the_gateway_is_waited_for_until_the_absolute_maximum() {
    let world = World::new();
    let user = world.rich(2_000);
    let id = world.reserve(user, &seat(0)).reservation;
    let payment = world.checkout(user, id, 2_000, Some(Method::Card));
    world.gateway.script(payment, [Step::confirm(CallAct::LostAfter)]);
    world.gateway.script(payment, vec![Step::Find(FindAct::Lost); 19]);
    world.confirm(user, payment);
    for minute in (2..40).step_by(2) {
        world.minutes(2);
        assert_eq!(world.sweep(), 0, "in minute {minute}");
        world.check();
    }
    let request = CancelReservation { user, reservation: id, key: None };
    let error = block_on(cancel::cancel(&world.ports, request)).unwrap_err();
    assert!(matches!(error, CancelError::Reservation(ReservationRefusal::PaymentInProgress)));
    world.minutes(2);
    assert_eq!(expire(&world), 1);
    assert!(is_expired(&world, id));
    assert_eq!(
        world.balance(Account::PointsHeld),
        2_000,
        "nobody knows yet whether they are spent"
    );
    world.check();
    world.check_at_rest();
    assert_eq!(world.payment(payment).honoured(), Some(Honoured::Late));
    assert_eq!((world.wallet(user), world.places(user)), (0, 1));
}

#[test]
fn past_its_deadline_but_pending_it_is_confirmed_in_time() {
    let world = World::new();
    let user = world.user();
    let id = world.reserve(user, &seat(0)).reservation;
    let payment = world.checkout(user, id, 0, Some(Method::Card));
    world.gateway.script(payment, [Step::confirm(CallAct::LostAfter)]);
    assert!(!world.confirm(user, payment).is_paid());
    world.minutes(39);
    assert_eq!(expire(&world), 0);
    assert_eq!(world.take_notices(), 1);
    assert_eq!(world.payment(payment).honoured(), Some(Honoured::InTime));
    assert_eq!(world.tickets(id).len(), 1);
    world.check_at_rest();
}

#[test]
fn a_late_payment_takes_its_seats_again_where_they_are_free() {
    let world = World::new();
    let user = world.rich(5_000);
    let (id, payment) = lapse_while_paying(&world, user, &seats([0, 1]), 5_000);
    assert_eq!((world.claimed(&seats([0, 1])), world.places(user)), (0, 0));
    world.check();
    assert_eq!(world.take_notices(), 1);
    assert_eq!(world.payment(payment).honoured(), Some(Honoured::Late));
    assert!(matches!(
        world.reservation(id).state(),
        ReservationState::Confirmed { by, live } if *by == payment && live.len() == 2
    ));
    assert_eq!((world.tickets(id).len(), world.places(user)), (2, 2));
    assert_eq!(world.balance(Account::Seller(world.seller)), 2 * PRICE - 600);
    world.check_at_rest();
}

#[test]
fn a_late_payment_is_refunded_in_full_if_only_one_seat_is_gone() {
    let world = World::new();
    let user = world.rich(5_000);
    let (id, payment) = lapse_while_paying(&world, user, &seats([0, 1]), 5_000);
    world.buy(world.user(), &seat(1), 0, Some(Method::Card));
    world.check();
    world.take_notices();
    assert_eq!(world.payment(payment).honoured(), Some(Honoured::No));
    assert!(is_expired(&world, id));
    assert!(world.tickets(id).is_empty());
    assert_eq!(world.wallet(user), 5_000);
    assert_eq!(world.balance(Account::RefundPayable), 15_000);
    world.check_at_rest();
    assert_eq!(world.gateway.money().cancelled(payment), Some(won(15_000)));
    assert_eq!(world.balance(Account::RefundPayable), 0);
    world.reserve(world.user(), &seat(0));
}

#[test]
fn a_late_payment_is_refunded_if_the_buyer_has_other_tickets_by_then() {
    let world = World::new();
    let user = world.user();
    let (_, payment) = lapse_while_paying(&world, user, &seats([0, 1]), 0);
    world.buy(user, &seats([2, 3, 4]), 0, Some(Method::Card));
    world.take_notices();
    assert_eq!(world.payment(payment).honoured(), Some(Honoured::No));
    assert_eq!((world.places(user), world.claimed(&seats([0, 1]))), (3, 0));
    world.check_at_rest();
    assert_eq!(world.gateway.money().cancelled(payment), Some(won(2 * PRICE)));
}

/// A card payment that arrives after it was given up as unknown to the gateway, points given back.
fn arrive_after_points_went_back(world: &World, user: UserId) -> (ReservationId, PaymentId) {
    let id = world.reserve(user, &seat(0)).reservation;
    let payment = world.checkout(user, id, 4_000, Some(Method::Card));
    let late = CallAct::Late(std::time::Duration::from_mins(20));
    world.gateway.script(payment, [Step::confirm(late)]);
    world.confirm(user, payment);
    world.minutes(16);
    assert_eq!(world.sweep(), 1, "not found, long after it was sent");
    assert!(matches!(world.payment(payment).state(), PaymentState::Failed { .. }));
    assert_eq!(world.wallet(user), 4_000);
    assert_eq!(expire(world), 1);
    world.minutes(4);
    (id, payment)
}

#[test]
fn points_that_went_back_are_taken_again_for_a_late_purchase() {
    let world = World::new();
    let user = world.rich(4_000);
    let (id, payment) = arrive_after_points_went_back(&world, user);
    assert_eq!(world.take_notices(), 1);
    assert_eq!(world.payment(payment).honoured(), Some(Honoured::Late));
    assert_eq!((world.wallet(user), world.tickets(id).len()), (0, 1));
    world.check_at_rest();
}

#[test]
fn points_that_were_spent_meanwhile_make_a_late_payment_a_refund() {
    let world = World::new();
    let user = world.rich(4_000);
    let (id, payment) = arrive_after_points_went_back(&world, user);
    world.buy(user, &seat(5), 1_000, Some(Method::Card));
    world.take_notices();
    assert_eq!(world.payment(payment).honoured(), Some(Honoured::No));
    assert_eq!((world.wallet(user), world.tickets(id).len()), (3_000, 0));
    world.check_at_rest();
    assert_eq!(world.gateway.money().cancelled(payment), Some(won(6_000)));
}

#[test]
fn a_policy_may_refund_every_late_payment() {
    let policy = SalesPolicy { late_payment: LatePayment::Refund, ..policy() };
    let world = World::with(policy, TimeDelta::days(30));
    let (id, payment) = lapse_while_paying(&world, world.user(), &seat(0), 0);
    world.take_notices();
    assert_eq!(world.payment(payment).honoured(), Some(Honoured::No));
    assert!(is_expired(&world, id));
    world.check_at_rest();
    assert_eq!(world.gateway.money().cancelled(payment), Some(won(PRICE)));
}

#[test]
fn money_that_comes_after_the_start_is_refunded() {
    let world = World::with(policy(), TimeDelta::minutes(62));
    let (_, payment) = lapse_while_paying(&world, world.user(), &seat(0), 0);
    world.minutes(22);
    world.take_notices();
    assert_eq!(world.payment(payment).honoured(), Some(Honoured::No));
    world.check_at_rest();
    assert_eq!(world.gateway.money().cancelled(payment), Some(won(PRICE)));
}

#[test]
fn a_late_payment_never_loses_its_money() {
    for seat_is_gone in [false, true] {
        let world = World::new();
        let user = world.user();
        let (id, payment) = lapse_while_paying(&world, user, &seat(0), 0);
        if seat_is_gone {
            world.reserve(world.user(), &seat(0));
        }
        world.check_at_rest();
        let refunds = world.refunds(payment);
        assert_eq!(world.tickets(id).len() + refunds.len(), 1, "a ticket or a refund, not both");
        let sent = RefundState::Succeeded { sent: Sent::Gateway };
        assert!(refunds.iter().all(|refund| *refund.state() == sent));
        assert_eq!(refunds.len(), usize::from(seat_is_gone));
    }
}

#[test]
fn late_money_of_an_earlier_attempt_leaves_the_next_one_alone() {
    let mut long = policy();
    long.deadlines.payment_wait = std::time::Duration::from_mins(38);
    let world = World::with(long, TimeDelta::days(30));
    let user = world.user();
    let id = world.reserve(user, &seat(0)).reservation;
    let first = world.checkout(user, id, 0, Some(Method::Card));
    let late = CallAct::Late(std::time::Duration::from_mins(20));
    world.gateway.script(first, [Step::confirm(late)]);
    world.confirm(user, first);
    world.minutes(16);
    assert_eq!(world.sweep(), 1);
    let second = world.checkout(user, id, 0, Some(Method::Card));
    world.minutes(4);
    world.take_notices();
    assert_eq!(world.payment(first).honoured(), Some(Honoured::No));
    assert!(world.confirm(user, first).tickets.is_empty(), "it bought nothing");
    world.check();
    assert!(world.confirm(user, second).is_paid());
    assert!(world.confirm(user, first).tickets.is_empty(), "the tickets are another payment's");
    world.check_at_rest();
    assert_eq!(world.gateway.money().cancelled(first), Some(won(PRICE)));
    assert_eq!(world.gateway.money().cancelled(second), Some(won(0)));
}

#[test]
fn a_checkout_that_died_gives_its_points_back_once_the_reservation_lapsed() {
    let world = World::new();
    let user = world.rich(3_000);
    left_asking(&world, user, 3_000);
    assert_eq!(world.balance(Account::PointsHeld), 3_000);
    world.check();
    world.minutes(10);
    assert_eq!(expire(&world), 1);
    world.sweep();
    assert_eq!((world.wallet(user), world.balance(Account::PointsHeld)), (3_000, 0));
    world.check_at_rest();
}

#[test]
fn a_checkout_is_driven_on_when_its_driver_is_dead_for_sure() {
    let world = World::new();
    let user = world.user();
    let (id, checkout) = left_asking(&world, user, 0);
    let sweep = || {
        let page = PageRequest::first(Limit::DEFAULT);
        block_on(checkout::sweep_stalled(&world.ports, page)).unwrap()
    };
    world.pass(Duration::from_secs(29));
    assert_eq!(sweep().seen, 0, "its driver may still be at it");
    world.pass(Duration::from_secs(1));
    assert_eq!(sweep().changed, 1);
    let payment = world.reservation(id).payment();
    assert!(payment.is_some());
    let view = block_on(checkout::status(&world.ports, user, checkout)).unwrap();
    assert_eq!(view.payment(), payment);
    assert_eq!(sweep().seen, 0);
    world.check_at_rest();
}

#[test]
fn nobody_is_asked_about_a_buyer_whose_reservation_has_ended() {
    let world = World::new();
    let user = world.user();
    let (id, checkout) = left_asking(&world, user, 0);
    world.fraud.suspect(user);
    world.minutes(10);
    assert_eq!(expire(&world), 1);
    assert!(is_expired(&world, id));
    world.sweep();
    let view = block_on(checkout::status(&world.ports, user, checkout)).unwrap();
    assert_eq!(view.abort(), Some(Abort::ReservationEnded));
    world.check_at_rest();
}
