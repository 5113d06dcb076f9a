//! What turns back, and what was left started: committed and driven step by step.

use std::fmt::Debug;
use std::sync::atomic::{AtomicU32, Ordering};

use pollster::block_on;
use ticketing_core::checkout::{Abort, CheckoutState, Step};
use ticketing_core::id::{CheckoutId, ReservationId, UserId};
use ticketing_core::ledger::Account;
use ticketing_core::memory::StoreFault;
use ticketing_core::page::{Limit, PageRequest};
use ticketing_core::payment::Method;
use ticketing_core::port::UserStatus;
use ticketing_core::service::checkout::{self, STALLED_AFTER};

use super::{Outside, by_card, left_started, told};
use crate::world::{World, seat, token};

const POINTS: i64 = 2_000;

/// What turns a checkout back: what it is, what makes it so, and how often each is asked outside.
struct Turn {
    abort: Abort,
    make: fn(&World, UserId),
    asked: (u32, u32),
}

fn turns() -> [Turn; 5] {
    [
        Turn {
            abort: Abort::UserRefused,
            make: |world, user| world.users.set(user, UserStatus::Inactive),
            asked: (1, 0),
        },
        Turn {
            abort: Abort::FraudSuspected,
            make: |world, user| world.fraud.suspect(user),
            asked: (1, 1),
        },
        Turn {
            abort: Abort::TimedOut,
            make: |world, _| world.users.set_failing(true),
            asked: (1, 0),
        },
        Turn {
            abort: Abort::TimedOut,
            make: |world, _| world.fraud.set_failing(true),
            asked: (1, 1),
        },
        Turn {
            abort: Abort::InsufficientPoints,
            make: |world, user| {
                world.buy(user, &seat(9), 1, Some(Method::Card));
            },
            asked: (1, 1),
        },
    ]
}

/// What is left of a checkout that turned back.
fn left(
    world: &World,
    (user, id): (UserId, ReservationId),
    checkout: CheckoutId,
) -> impl PartialEq + Debug + use<> {
    let saga = block_on(world.ports.checkouts.find(checkout)).unwrap().unwrap();
    let reservation = world.reservation(id);
    assert_eq!((reservation.checkout(), reservation.payment()), (None, None));
    let steps = Step::ALL.map(|step| saga.step(step));
    let state = reservation.state().clone();
    let money = (world.wallet(user), world.balance(Account::PointsHeld));
    (saga.state(), steps, state, money, world.places(user), told(world, id))
}

#[test]
fn what_turns_back_ends_as_if_every_step_had_been_committed_and_asks_nobody_twice() {
    for Turn { abort, make, asked } in turns() {
        let world = World::new();
        let user = world.rich(POINTS);
        let id = world.reserve(user, &seat(0)).reservation;
        make(&world, user);
        let outside = Outside::of(&world);
        let view = block_on(checkout::start(&outside.ports(), by_card(user, id, POINTS))).unwrap();
        assert_eq!(view.state, CheckoutState::Compensated { abort });
        assert_eq!(outside.asked(), asked, "{abort:?}");
        let got = left(&world, (user, id), view.checkout);
        world.check();

        let world = World::new();
        let user = world.rich(POINTS);
        let (id, checkout) = left_started(&world, user, 0, POINTS);
        make(&world, user);
        block_on(checkout::drive(&world.ports, checkout)).unwrap();
        assert_eq!(got, left(&world, (user, id), checkout));
        world.check();
    }
}

#[test]
fn what_turns_back_tells_that_it_was_started_and_why_it_ended() {
    let stories = [
        (Abort::UserRefused, vec!["checkout.compensated", "reservation.cancelled"]),
        (Abort::FraudSuspected, vec!["checkout.compensated", "reservation.cancelled"]),
        (Abort::TimedOut, vec!["checkout.compensated"]),
        (Abort::InsufficientPoints, vec!["checkout.compensated"]),
    ];
    for Turn { abort, make, .. } in turns() {
        let world = World::new();
        let user = world.rich(POINTS);
        let id = world.reserve(user, &seat(0)).reservation;
        make(&world, user);
        block_on(checkout::start(&world.ports, by_card(user, id, POINTS))).unwrap();
        let (_, ending) = stories.iter().find(|(of, _)| *of == abort).unwrap();
        let story = [&["reservation.made", "checkout.started"], &ending[..]].concat();
        assert_eq!(told(&world, id), story, "{abort:?}");
        assert_eq!(world.reservation(id).is_pending(), !abort.cancels_reservation());
        assert_eq!(world.claimed(&seat(0)), usize::from(!abort.cancels_reservation()));
    }
}

#[test]
fn the_same_call_shows_the_checkout_that_turned_back() {
    let world = World::new();
    let user = world.rich(POINTS);
    let id = world.reserve(user, &seat(0)).reservation;
    world.fraud.suspect(user);
    let call = || {
        let request = by_card(user, id, POINTS).with_key(token("tap"));
        block_on(checkout::start(&world.ports, request)).unwrap()
    };
    let view = call();
    assert_eq!(view.abort(), Some(Abort::FraudSuspected));
    world.fraud.clear(user);
    assert_eq!(call(), view);
}

/// A check that fails lets a checkout be committed as started; then the store fails at every commit.
fn left_turning_back(world: &World, user: UserId, commits: u32) -> (ReservationId, CheckoutId) {
    let id = world.reserve(user, &seat(0)).reservation;
    world.fraud.set_failing(true);
    let count = AtomicU32::new(0);
    world.store.fail_when(move |_| {
        let number = count.fetch_add(1, Ordering::SeqCst);
        (number >= commits).then_some(StoreFault::Refuse)
    });
    block_on(checkout::start(&world.ports, by_card(user, id, POINTS))).unwrap_err();
    world.store.fail_never();
    world.fraud.set_failing(false);
    (id, world.reservation(id).checkout().unwrap())
}

#[test]
fn what_was_left_started_is_finished_by_the_sweeper() {
    for commits in [1, 2] {
        let world = World::new();
        let user = world.rich(POINTS);
        let (id, checkout) = left_turning_back(&world, user, commits);
        let held = if commits == 2 { POINTS } else { 0 };
        assert_eq!(world.balance(Account::PointsHeld), held);
        world.check();
        world.pass(STALLED_AFTER.to_std().unwrap());
        let page = PageRequest::first(Limit::DEFAULT);
        let swept = block_on(checkout::sweep_stalled(&world.ports, page)).unwrap();
        assert_eq!((swept.seen, swept.changed), (1, 1));
        let view = block_on(checkout::status(&world.ports, user, checkout)).unwrap();
        assert_eq!(view.payment(), world.reservation(id).payment());
        assert!(world.confirm(user, view.payment().unwrap()).is_paid());
        world.check_at_rest();
    }
}
