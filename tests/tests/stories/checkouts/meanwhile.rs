//! What happens while the outside is asked: nothing is written yet.

use std::sync::Arc;
use std::time::Duration;

use chrono::TimeDelta;
use pollster::block_on;
use ticketing_core::aggregate::Aggregate;
use ticketing_core::checkout::{Abort, CheckoutState};
use ticketing_core::ledger::Account;
use ticketing_core::payment::Method;
use ticketing_core::port::{Clock, CommitError, Ports};
use ticketing_core::reservation::ReservationRefusal;
use ticketing_core::service::Failure;
use ticketing_core::service::cancel::{self, CancelReservation};
use ticketing_core::service::checkout::{self, CheckoutError};

use super::{Outside, SilentCheck, by_card, told};
use crate::stores::through;
use crate::world::{World, seat, token};

#[test]
fn a_crash_leaves_a_reservation_that_can_be_checked_out_again() {
    let world = World::new();
    let user = world.rich(2_000);
    let id = world.reserve(user, &seat(0)).reservation;
    let before = world.reservation(id);
    let ports = Ports { fraud: Arc::new(SilentCheck), ..world.ports.clone() };
    for _ in 0..6 {
        World::die_waiting(checkout::start(
            &ports,
            by_card(user, id, 2_000).with_key(token("tap")),
        ));
    }
    assert_eq!(world.reservation(id), before);
    assert!(block_on(world.ports.checkouts.of_reservation(id)).unwrap().is_empty());
    assert_eq!((world.wallet(user), world.balance(Account::PointsHeld)), (2_000, 0));
    assert_eq!(told(&world, id), ["reservation.made"]);
    world.pass(Duration::from_mins(1));
    assert_eq!(world.sweep(), 0);
    world.check();
    let request = by_card(user, id, 2_000).with_key(token("tap"));
    let view = block_on(checkout::start(&world.ports, request)).unwrap();
    assert!(world.confirm(user, view.payment().unwrap()).is_paid());
    world.check_at_rest();
}

#[test]
fn deadlines_are_judged_when_the_answers_are_there() {
    let in_time = Duration::from_secs(3);
    for (takes, is_in_time) in [(in_time, true), (in_time + Duration::from_secs(1), false)] {
        let world = World::new();
        let user = world.user();
        let reserved = world.reserve(user, &seat(0));
        let id = reserved.reservation;
        let left = reserved.expires_at - world.clock.now() - TimeDelta::seconds(4);
        world.pass(left.to_std().unwrap());
        let outside = Outside::slow(&world, takes);
        let answer = world.run(checkout::start(&outside.ports(), by_card(user, id, 0)));
        assert_eq!(outside.asked(), (1, 1));
        if is_in_time {
            assert!(answer.unwrap().payment().is_some());
            let grace = TimeDelta::minutes(10);
            assert_eq!(world.reservation(id).expires_at(), world.clock.now() + grace);
        } else {
            let late = answer.unwrap_err();
            let expected = ReservationRefusal::DeadlinePassed { expires_at: reserved.expires_at };
            assert!(matches!(late, CheckoutError::Reservation(got) if got == expected));
            assert_eq!(told(&world, id), ["reservation.made"]);
        }
        world.check();
    }
}

#[test]
fn each_answer_is_waited_for_so_long_and_no_longer() {
    let (at_once, short) = (Duration::ZERO, Duration::from_secs(4));
    let long = checkout::CHECK_TIMEOUT + Duration::from_secs(1);
    for (takes, is_in_time) in
        [([short, short], true), ([long, at_once], false), ([at_once, long], false)]
    {
        let world = World::new();
        let user = world.user();
        let id = world.reserve(user, &seat(0)).reservation;
        let ports = Outside::taking(&world, takes).ports();
        let view = world.run(checkout::start(&ports, by_card(user, id, 0))).unwrap();
        assert_eq!(view.payment().is_some(), is_in_time, "{takes:?}");
        let given_up = CheckoutState::Compensated { abort: Abort::TimedOut };
        assert_eq!(view.state == given_up, !is_in_time, "{view:?}");
        world.check();
    }
}

#[test]
fn a_bank_transfer_is_refused_once_too_little_time_is_left_for_it() {
    let offered_until = TimeDelta::hours(25);
    let world = World::with(crate::world::policy(), offered_until + TimeDelta::seconds(3));
    let user = world.user();
    let id = world.reserve(user, &seat(0)).reservation;
    let outside = Outside::slow(&world, Duration::from_secs(4));
    let request =
        checkout::StartCheckout { method: Some(Method::BankTransfer), ..by_card(user, id, 0) };
    let late = world.run(checkout::start(&outside.ports(), request)).unwrap_err();
    assert!(matches!(late, CheckoutError::BankTransferNotOffered), "{late:?}");
    assert_eq!(told(&world, id), ["reservation.made"]);
}

#[test]
fn a_reservation_that_ended_meanwhile_is_not_checked_out() {
    let world = World::new();
    let user = world.user();
    let id = world.reserve(user, &seat(0)).reservation;
    let outside = Outside::slow(&world, Duration::from_secs(2));
    let ports = outside.ports();
    let waiting = World::start_waiting(checkout::start(&ports, by_card(user, id, 0)));
    block_on(cancel::cancel(&world.ports, CancelReservation::new(user, id))).unwrap();
    let refused = world.run(waiting).unwrap_err();
    assert!(matches!(refused, CheckoutError::Reservation(_)), "{refused:?}");
    assert_eq!(told(&world, id), ["reservation.made", "reservation.cancelled"]);
    world.check_at_rest();
}

#[test]
fn the_same_call_at_the_same_moment_shows_the_checkout_that_was_faster() {
    let world = World::new();
    let user = world.rich(2_000);
    let id = world.reserve(user, &seat(0)).reservation;
    let outside = Outside::slow(&world, Duration::from_secs(2));
    let ports = outside.ports();
    let call = |key| by_card(user, id, 2_000).with_key(token(key));
    let same = World::start_waiting(checkout::start(&ports, call("tap")));
    let other = World::start_waiting(checkout::start(&ports, call("tip")));
    let another =
        World::start_waiting(checkout::start(&ports, by_card(user, id, 0).with_key(token("tap"))));
    let view = block_on(checkout::start(&world.ports, call("tap"))).unwrap();
    assert_eq!(world.run(same).unwrap(), view);
    let refused = world.run(other).unwrap_err();
    let expected = ReservationRefusal::PaymentUnderWay(view.payment().unwrap());
    assert!(matches!(refused, CheckoutError::Reservation(got) if got == expected));
    let refused = world.run(another).unwrap_err();
    assert!(matches!(refused, CheckoutError::Failed(Failure::KeyReused)), "{refused:?}");
    assert_eq!((world.told("checkout.started"), world.wallet(user)), (1, 0));
    world.check();
}

#[test]
fn a_stale_read_is_decided_anew_over_the_same_answers() {
    let world = World::new();
    let user = world.user();
    let id = world.reserve(user, &seat(0)).reservation;
    let outside = Outside::of(&world);
    let stale = world.reservation(id).reference();
    let refusing =
        through(&world, move |number| (number < 10).then_some(CommitError::Conflict(stale)));
    let ports = Ports { store: refusing.store, ..outside.ports() };
    let view = block_on(checkout::start(&ports, by_card(user, id, 0))).unwrap();
    assert_eq!(world.reservation(id).payment(), view.payment());
    assert_eq!(outside.asked(), (1, 1));
    let id = world.reserve(user, &seat(1)).reservation;
    let refusing = through(&world, move |_| Some(CommitError::Conflict(stale)));
    let ports = Ports { store: refusing.store, ..outside.ports() };
    let given_up = block_on(checkout::start(&ports, by_card(user, id, 0))).unwrap_err();
    assert!(matches!(given_up, CheckoutError::Failed(Failure::Contended { tries: 10 })));
    world.check();
}
