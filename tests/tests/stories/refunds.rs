//! Paid seats are given up: what it costs, what goes back, and how it gets there.

use std::sync::Arc;
use std::time::Duration;

use chrono::TimeDelta;
use pollster::block_on;
use ticketing_core::fee::FeeRefusal;
use ticketing_core::id::{PaymentId, RefundId, ReservationId, UserId};
use ticketing_core::ledger::Account;
use ticketing_core::memory::{CallAct, FindAct, Step};
use ticketing_core::page::{Limit, PageRequest};
use ticketing_core::payment::{Method, PaymentRefusal};
use ticketing_core::port::Clock;
use ticketing_core::refund::{RefundState, Sent};
use ticketing_core::reservation::{EndCause, ReservationRefusal, ReservationState};
use ticketing_core::service::refund::{self, RefundError, RefundSeats};
use ticketing_core::service::{Failure, refund_worker};
use ticketing_core::testing::Harness;
use ticketing_core::ticket::{TicketRefusal, TicketState};

use crate::world::{PRICE, World, policy, seat, seats, token, won};

const SENT: RefundState = RefundState::Succeeded { sent: Sent::Gateway };

fn work(world: &World) -> usize {
    let page = PageRequest::first(Limit::DEFAULT);
    let swept = block_on(refund_worker::sweep_refunds(&world.ports, page)).unwrap();
    assert_eq!(swept.failed, 0, "{:?}", swept.errors);
    swept.changed
}

fn state(world: &World, id: RefundId) -> RefundState {
    block_on(world.ports.refunds.find(id)).unwrap().unwrap().state().clone()
}

fn paid(world: &World) -> (UserId, ReservationId, PaymentId) {
    let user = world.user();
    let (reservation, payment, _) = world.buy(user, &seats([0, 1]), 0, Some(Method::Card));
    (user, reservation, payment)
}

#[test]
fn a_whole_refund_undoes_the_sale_and_the_seats_are_sold_again() {
    let world = World::new();
    let (user, id, payment) = paid(&world);
    let refund = world.refund(user, id, None).unwrap();
    assert_eq!((refund.fee, refund.external, refund.points), (won(0), won(2 * PRICE), won(0)));
    let cause = EndCause::Refund(refund.refund);
    assert_eq!(*world.reservation(id).state(), ReservationState::Refunded { cause });
    let void = TicketState::Void { cause };
    assert!(world.tickets(id).iter().all(|ticket| *ticket.state() == void));
    assert_eq!((world.places(user), world.claimed(&seats([0, 1]))), (0, 0));
    assert_eq!(world.balance(Account::RefundPayable), 2 * PRICE);
    assert_eq!(world.balance(Account::Seller(world.seller)), 0);
    assert_eq!(world.balance(Account::PlatformFee), 0);
    world.check();
    world.buy(world.user(), &seats([0, 1]), 0, Some(Method::Card));
    assert_eq!(work(&world), 1);
    assert_eq!(state(&world, refund.refund), SENT);
    assert_eq!(world.balance(Account::RefundPayable), 0);
    world.check_at_rest();
    assert_eq!(world.gateway.money().cancelled(payment), Some(won(2 * PRICE)));
}

#[test]
fn seats_are_refunded_one_by_one_and_the_parts_add_up_to_the_whole() {
    let world = World::with(policy(), TimeDelta::days(8));
    let user = world.rich(10_001);
    let (id, payment, _) = world.buy(user, &seats([0, 1, 2]), 10_001, Some(Method::Card));
    world.minutes(60 * 25);
    let (mut points, mut external, mut fees) = (0, 0, 0);
    for no in 0..3 {
        let refund = world.refund(user, id, Some(seat(no))).unwrap();
        assert_eq!(refund.seats, [ticketing_core::seat::SeatNo(no)]);
        points += refund.points.minor();
        external += refund.external.minor();
        fees += refund.fee.minor();
        assert_eq!(world.wallet(user), points);
        world.check();
        let again = world.refund(user, id, Some(seat(no)));
        assert!(matches!(
            again,
            Err(RefundError::Reservation(
                ReservationRefusal::SeatNotLive(_) | ReservationRefusal::WrongState { .. }
            ))
        ));
    }
    assert_eq!(fees, 3_000, "10 % of each seat");
    assert_eq!(
        (points, external),
        (10_001, 3 * PRICE - 10_001 - fees),
        "the fee is external first"
    );
    assert_eq!(world.balance(Account::Seller(world.seller)), fees - 90);
    assert_eq!(world.balance(Account::PlatformFee), 90);
    assert!(matches!(world.reservation(id).state(), ReservationState::Refunded { .. }));
    world.check_at_rest();
    assert_eq!(world.gateway.money().cancelled(payment), Some(won(external)));
}

#[test]
fn the_fee_follows_the_calendar_days_in_the_performances_zone() {
    // 2027-01-15 08:00 UTC is 17:00 in Seoul; it starts at 23:30 Seoul time 10 days later.
    let starts_in = TimeDelta::days(10) + TimeDelta::minutes(60 * 6 + 30);
    for (hours, percent) in [(0, 0), (8, 10), (4 * 24, 20), (7 * 24 + 8, 30), (9 * 24 + 8, 90)] {
        let mut at_once = policy();
        at_once.refunds.free_after_payment = Duration::ZERO;
        let world = World::with(at_once, starts_in);
        let user = world.user();
        let (id, _, _) = world.buy(user, &seat(0), 0, Some(Method::Card));
        world.minutes(60 * hours);
        world.pass(Duration::from_secs(1));
        let refund = world.refund(user, id, None).unwrap();
        assert_eq!(refund.fee, won(PRICE * percent / 100), "after {hours} hours");
        world.check_at_rest();
    }
}

#[test]
fn midnight_in_seoul_is_what_begins_another_day() {
    let mut at_once = policy();
    at_once.refunds.free_after_payment = Duration::ZERO;
    let world = World::with(at_once, TimeDelta::days(10) + TimeDelta::hours(6));
    let (one, two) = (world.user(), world.user());
    let (first, _, _) = world.buy(one, &seat(0), 0, Some(Method::Card));
    let (second, _, _) = world.buy(two, &seat(1), 0, Some(Method::Card));
    world.pass(Duration::from_secs(7 * 3_600 - 1));
    let local = world.clock.now().with_timezone(&chrono::FixedOffset::east_opt(9 * 3_600).unwrap());
    assert_eq!(local.format("%H:%M:%S").to_string(), "23:59:59");
    assert_eq!(world.refund(one, first, None).unwrap().fee, won(0));
    world.pass(Duration::from_secs(1));
    assert_eq!(world.refund(two, second, None).unwrap().fee, won(1_000));
    world.check_at_rest();
}

#[test]
fn a_cancel_is_free_within_a_day_of_the_payment_while_three_days_are_left() {
    for (days, hours, fee) in [(4, 24, 0), (4, 25, 2_000), (2, 1, 3_000)] {
        let world = World::with(policy(), TimeDelta::days(days));
        let user = world.user();
        let (id, _, _) = world.buy(user, &seat(0), 0, Some(Method::Card));
        world.minutes(60 * hours);
        assert_eq!(world.refund(user, id, None).unwrap().fee, won(fee), "{days} days, {hours} h");
        world.check_at_rest();
    }
}

#[test]
fn the_fee_comes_off_the_card_first_and_then_off_the_points() {
    let world = World::with(policy(), TimeDelta::hours(3));
    let user = world.rich(9_000);
    let (id, payment, _) = world.buy(user, &seat(0), 4_000, Some(Method::Card));
    let refund = world.refund(user, id, None).unwrap();
    assert_eq!((refund.fee, refund.external, refund.points), (won(9_000), won(0), won(1_000)));
    assert_eq!(state(&world, refund.refund), RefundState::Succeeded { sent: Sent::Nothing });
    assert_eq!(world.wallet(user), 6_000);
    world.check_at_rest();
    assert_eq!(world.gateway.money().cancelled(payment), Some(won(0)));
}

#[test]
fn points_alone_go_back_at_once() {
    let world = World::new();
    let user = world.rich(PRICE);
    let (id, _, _) = world.buy(user, &seat(0), PRICE, None);
    let refund = world.refund(user, id, None).unwrap();
    assert_eq!(state(&world, refund.refund), RefundState::Succeeded { sent: Sent::Nothing });
    assert_eq!(world.wallet(user), PRICE);
    world.check_at_rest();
}

#[test]
fn a_used_ticket_is_not_refunded_to_its_buyer_but_the_others_are() {
    let world = World::new();
    let (user, id, _) = paid(&world);
    world.admit(&world.tickets(id)[0]).unwrap();
    for wanted in [None, Some(seat(0)), Some(seats([0, 1]))] {
        let error = world.refund(user, id, wanted).unwrap_err();
        assert!(matches!(error, RefundError::Ticket(TicketRefusal::Used { .. })), "{error:?}");
    }
    world.check();
    world.refund(user, id, Some(seat(1))).unwrap();
    assert!(world.admit(&world.tickets(id)[1]).is_err(), "a refunded ticket lets nobody in");
    world.check_at_rest();
}

#[test]
fn nothing_is_refunded_from_the_start_on() {
    let world = World::with(policy(), TimeDelta::hours(3));
    let (user, id, _) = paid(&world);
    world.pass(Duration::from_hours(3));
    let error = world.refund(user, id, None).unwrap_err();
    assert!(matches!(error, RefundError::Fee(FeeRefusal::Started)));
    world.check_at_rest();
}

#[test]
fn what_is_not_paid_is_not_refunded_and_nobody_refunds_for_others() {
    let world = World::new();
    let (_, id, _) = paid(&world);
    let error = world.refund(world.user(), id, None).unwrap_err();
    assert!(matches!(error, RefundError::NoSuchReservation(_)));
    let user = world.user();
    let pending = world.reserve(user, &seat(5)).reservation;
    assert!(matches!(world.refund(user, pending, None), Err(RefundError::NotPaid)));
    let payment = world.checkout(user, pending, 0, Some(Method::Card));
    assert!(matches!(world.refund(user, pending, None), Err(RefundError::NotPaid)));
    let mut payment = world.payment(payment);
    let error = payment.take_for_refund(won(1)).unwrap_err();
    assert!(matches!(error, PaymentRefusal::ExceedsCapture { .. }), "never above the capture");
    world.check_at_rest();
}

#[test]
fn the_same_call_twice_is_one_refund() {
    let world = World::new();
    let (user, id, payment) = paid(&world);
    let mut request =
        RefundSeats { user, reservation: id, seats: Some(seat(0)), key: Some(token("tap")) };
    let first = block_on(refund::request(&world.ports, request.clone())).unwrap();
    let again = block_on(refund::request(&world.ports, request.clone())).unwrap();
    assert_eq!(first, again);
    request.seats = Some(seat(1));
    let error = block_on(refund::request(&world.ports, request)).unwrap_err();
    assert!(matches!(error, RefundError::Failed(Failure::KeyReused)));
    assert_eq!(world.refunds(payment).len(), 1);
    world.check_at_rest();
    assert_eq!(world.gateway.money().cancelled(payment), Some(won(PRICE)));
}

#[test]
fn a_buyer_sees_where_the_own_refund_stands_and_nobody_elses() {
    let world = World::new();
    let (user, id, _) = paid(&world);
    let asked = world.refund(user, id, None).unwrap();
    let status = |user| block_on(refund::status(&world.ports, user, asked.refund));
    assert_eq!(status(user).unwrap(), asked.state);
    work(&world);
    assert_eq!(status(user).unwrap(), SENT);
    assert!(matches!(status(world.user()), Err(RefundError::NoSuchRefund(_))));
}

#[test]
fn a_lost_answer_is_found_among_the_cancels_and_sent_only_once() {
    for act in [CallAct::LostAfter, CallAct::LostBefore, CallAct::Late(Duration::from_mins(5))] {
        let world = World::new();
        let (user, id, payment) = paid(&world);
        world.gateway.script(payment, [Step::cancel(act)]);
        let refund = world.refund(user, id, None).unwrap().refund;
        work(&world);
        assert!(matches!(state(&world, refund), RefundState::Unknown { .. }), "{act:?}");
        assert_eq!(world.balance(Account::RefundPayable), 2 * PRICE);
        world.check();
        assert_eq!(work(&world), 0, "it is asked about later");
        for _ in 0..7 {
            world.minutes(1);
            work(&world);
        }
        assert_eq!(state(&world, refund), SENT, "{act:?}");
        assert_eq!(world.told("refund.succeeded"), 1);
        let found = block_on(world.ports.refunds.find(refund)).unwrap().unwrap();
        assert_eq!(found.attempt(), 1, "a lost answer keeps its key");
        world.check_at_rest();
        assert_eq!(world.gateway.money().cancelled(payment), Some(won(2 * PRICE)));
    }
}

#[test]
fn a_worker_that_died_at_the_gateway_is_followed_by_another() {
    let world = World::new();
    let (user, id, payment) = paid(&world);
    world.gateway.script(payment, [Step::cancel(CallAct::Slow(Duration::from_secs(30)))]);
    let refund = world.refund(user, id, None).unwrap().refund;
    let page = PageRequest::first(Limit::DEFAULT);
    World::die_waiting(refund_worker::sweep_refunds(&world.ports, page));
    assert!(matches!(state(&world, refund), RefundState::Processing { .. }));
    assert_eq!(work(&world), 0, "the other may still be at it");
    world.minutes(1);
    assert_eq!(work(&world), 1);
    assert_eq!(state(&world, refund), SENT);
    world.check_at_rest();
    assert_eq!(world.gateway.money().cancelled(payment), Some(won(2 * PRICE)));
}

#[test]
fn a_definite_refusal_makes_a_new_attempt_under_a_new_key_after_a_pause() {
    let world = World::new();
    let (user, id, payment) = paid(&world);
    world.gateway.script(payment, [Step::cancel(CallAct::Decline)]);
    let refund = world.refund(user, id, None).unwrap().refund;
    assert_eq!(work(&world), 1);
    assert!(matches!(state(&world, refund), RefundState::Failed { .. }));
    assert_eq!(world.balance(Account::RefundPayable), 2 * PRICE, "it is still owed");
    assert_eq!(world.balance(Account::Loss), 0);
    world.check();
    world.minutes(1);
    assert_eq!(work(&world), 0);
    world.minutes(1);
    assert_eq!(work(&world), 1);
    let found = block_on(world.ports.refunds.find(refund)).unwrap().unwrap();
    assert_eq!((found.state(), found.attempt()), (&SENT, 2));
    world.check_at_rest();
    assert_eq!(world.gateway.money().cancelled(payment), Some(won(2 * PRICE)));
}

#[test]
fn an_old_attempt_is_never_sent_again_under_its_key() {
    let world = World::with(policy(), TimeDelta::days(60));
    let (user, id, payment) = paid(&world);
    world.gateway.script(payment, [Step::cancel(CallAct::LostBefore)]);
    let refund = world.refund(user, id, None).unwrap().refund;
    work(&world);
    world.minutes(60 * 24 * 14 + 1);
    assert_eq!(work(&world), 1);
    assert!(matches!(state(&world, refund), RefundState::Failed { .. }), "it never arrived");
    assert_eq!(world.gateway.money().cancelled(payment), Some(won(0)));
    world.minutes(3);
    assert_eq!(work(&world), 1);
    assert_eq!(state(&world, refund), SENT);
    world.check_at_rest();
    assert_eq!(world.gateway.money().cancelled(payment), Some(won(2 * PRICE)));
}

#[test]
fn an_old_attempt_that_arrived_is_found_and_not_repeated() {
    let world = World::with(policy(), TimeDelta::days(60));
    let (user, id, payment) = paid(&world);
    world.gateway.script(payment, [Step::cancel(CallAct::LostAfter), Step::Find(FindAct::Lost)]);
    let refund = world.refund(user, id, None).unwrap().refund;
    work(&world);
    world.minutes(60 * 24 * 16);
    assert_eq!(work(&world), 0, "a silent gateway tells nothing");
    world.minutes(1);
    assert_eq!(work(&world), 1);
    assert_eq!(state(&world, refund), SENT);
    world.check_at_rest();
    assert_eq!(world.gateway.money().cancelled(payment), Some(won(2 * PRICE)));
}

#[test]
fn two_partial_refunds_are_two_cancels() {
    let world = World::new();
    let (user, id, payment) = paid(&world);
    for no in [0, 1] {
        world.refund(user, id, Some(seat(no))).unwrap();
    }
    assert_eq!(work(&world), 2);
    let money = world.gateway.money();
    assert_eq!(money.payments[&payment].cancels.len(), 2);
    assert_eq!(money.cancelled(payment), Some(won(2 * PRICE)));
    world.check_at_rest();
}

#[test]
fn workers_at_once_send_each_refund_once() {
    let world = World::new();
    let mut payments = Vec::new();
    for no in 0..10 {
        let user = world.user();
        let (id, payment, _) = world.buy(user, &seat(no), 0, Some(Method::Card));
        world.refund(user, id, None).unwrap();
        payments.push(payment);
    }
    let ports = Arc::new(world.ports.clone());
    let worker = || {
        let ports = Arc::clone(&ports);
        async move {
            let page = PageRequest::first(Limit::DEFAULT);
            refund_worker::sweep_refunds(&ports, page).await.unwrap()
        }
    };
    for swept in Harness::storm(vec![worker(), worker(), worker(), worker()]) {
        assert_eq!(swept.failed, 0, "{:?}", swept.errors);
    }
    world.minutes(2);
    world.check_at_rest();
    for payment in payments {
        assert_eq!(world.gateway.money().cancelled(payment), Some(won(PRICE)));
    }
    assert_eq!(world.told("refund.succeeded"), 10);
}

#[test]
fn a_refund_that_the_worker_gave_up_is_listed_and_sent_again_by_hand() {
    let world = World::new();
    let user = world.user();
    let (id, payment, _) = world.buy(user, &seat(0), 0, Some(Method::Card));
    let asked = block_on(refund::request(&world.ports, RefundSeats::all(user, id))).unwrap();
    world.gateway.script(payment, vec![Step::cancel(CallAct::Decline); 10]);
    for _ in 0..10 {
        world.sweep();
        world.pass(Duration::from_hours(18));
    }
    assert_eq!(world.sweep(), 0, "the worker gave up");
    let page = || PageRequest::first(Limit::DEFAULT);
    let listed = block_on(refund::list(&world.ports, user, payment, page())).unwrap().items;
    assert_eq!(listed.len(), 1);
    assert!(matches!(listed[0].state, RefundState::Failed { .. }));
    assert_eq!((listed[0].refund, listed[0].external), (asked.refund, asked.external));
    assert!(block_on(refund::list(&world.ports, world.user(), payment, page())).is_err());
    assert!(block_on(refund_worker::send_again(&world.ports, asked.refund)).unwrap());
    assert!(!block_on(refund_worker::send_again(&world.ports, asked.refund)).unwrap());
    assert_eq!(world.gateway.money().cancelled(payment), Some(asked.external));
    world.check_at_rest();
}
