//! The usual case.

use std::sync::{Arc, Mutex};

use pollster::block_on;
use ticketing_core::aggregate::AggregateKind;
use ticketing_core::change_set::ChangeSet;
use ticketing_core::checkout::{Step, StepState};
use ticketing_core::ledger::Account;
use ticketing_core::memory::StoreFault;
use ticketing_core::payment::{Method, PaymentState};
use ticketing_core::service::Failure;
use ticketing_core::service::checkout::{self, CheckoutError};

use super::{Outside, by_card, told};
use crate::world::{PRICE, World, seat, token, won};

/// All change sets that are written from now on.
fn written(world: &World) -> Arc<Mutex<Vec<ChangeSet>>> {
    let written = Arc::<Mutex<Vec<ChangeSet>>>::default();
    let list = Arc::clone(&written);
    assert!(world.store.watch(move |changes| list.lock().unwrap().push(changes.clone())));
    written
}

#[test]
fn a_checkout_is_one_commit_with_all_that_it_leads_to() {
    for points in [0, 4_000] {
        let world = World::new();
        let user = world.rich(PRICE);
        let id = world.reserve(user, &seat(0)).reservation;
        let (outside, written) = (Outside::of(&world), written(&world));
        let request = by_card(user, id, points).with_key(token("tap"));
        let view = block_on(checkout::start(&outside.ports(), request)).unwrap();
        assert_eq!(outside.asked(), (1, 1));
        let written = written.lock().unwrap().clone();
        let [changes] = &written[..] else { panic!("{} commits", written.len()) };
        let mut kinds: Vec<_> =
            changes.records().map(|record| record.aggregate().reference().kind).collect();
        kinds.sort_unstable();
        let saved = [AggregateKind::Reservation, AggregateKind::Checkout, AggregateKind::Payment];
        assert_eq!(kinds, saved);
        assert_eq!(changes.entries().len(), usize::from(points > 0));
        let story = [
            "reservation.made",
            "checkout.started",
            "payment.created",
            "checkout.completed",
            "reservation.payment_started",
        ];
        assert_eq!(told(&world, id), story);
        let payment = world.payment(view.payment().unwrap());
        assert_eq!(*payment.state(), PaymentState::Created);
        assert_eq!(payment.checkout(), view.checkout);
        let saga = block_on(world.ports.checkouts.find(view.checkout)).unwrap().unwrap();
        assert!(Step::ALL.iter().all(|step| saga.step(*step) == StepState::Succeeded));
        assert_eq!(saga.points_entry().is_some(), points > 0);
        let reservation = world.reservation(id);
        assert_eq!((reservation.checkout(), reservation.payment()), (None, view.payment()));
        assert_eq!(world.balance(Account::PointsHeld), points);
        world.check();
        assert!(world.confirm(user, payment.id()).is_paid());
        world.check_at_rest();
    }
}

#[test]
fn a_purchase_is_four_commits() {
    let world = World::new();
    let written = written(&world);
    world.buy(world.user(), &seat(0), 0, Some(Method::Card));
    assert_eq!(written.lock().unwrap().len(), 4, "reserve, checkout, intent, outcome");
}

#[test]
fn a_lost_answer_is_told_as_unknown_and_the_same_call_finds_out() {
    for written in [false, true] {
        let world = World::new();
        let user = world.rich(1_000);
        let id = world.reserve(user, &seat(0)).reservation;
        let call = || {
            let request = by_card(user, id, 1_000).with_key(token("tap"));
            block_on(checkout::start(&world.ports, request))
        };
        world.store.fail_when(move |_| Some(StoreFault::LoseAnswer { written }));
        let error = call().unwrap_err();
        assert!(matches!(error, CheckoutError::Failed(Failure::Unknown(_))), "{error:?}");
        world.store.fail_never();
        assert_eq!(world.told("checkout.completed"), usize::from(written));
        let view = call().unwrap();
        assert_eq!(call().unwrap(), view);
        assert_eq!(world.reservation(id).payment(), view.payment());
        assert_eq!((world.told("checkout.started"), world.told("payment.created")), (1, 1));
        assert_eq!((world.wallet(user), world.balance(Account::PointsHeld)), (0, 1_000));
        world.check();
    }
}

#[test]
fn nobody_outside_is_asked_about_what_is_refused_anyway() {
    let world = World::new();
    let user = world.user();
    let id = world.reserve(user, &seat(0)).reservation;
    let outside = Outside::of(&world);
    let refused = |request| block_on(checkout::start(&outside.ports(), request)).unwrap_err();
    let too_much = refused(by_card(user, id, 2 * PRICE));
    assert!(matches!(too_much, CheckoutError::TendersDoNotFit { total } if total == won(PRICE)));
    let of_another = refused(by_card(world.user(), id, 0));
    assert!(matches!(of_another, CheckoutError::NoSuchReservation(_)));
    world.minutes(10);
    let late = refused(by_card(user, id, 0));
    assert!(matches!(late, CheckoutError::Reservation(_)), "{late:?}");
    assert_eq!(outside.asked(), (0, 0));
}
