//! Commits whose answer was lost: told as unknown, and found out by calling again.

use std::time::Duration;

use pollster::block_on;
use ticketing_core::change_set::ChangeSet;
use ticketing_core::memory::StoreFault;
use ticketing_core::payment::{Honoured, Method};
use ticketing_core::service::reserve::{self, ReserveError};
use ticketing_core::service::{Failure, PaymentStatus};

use crate::world::{World, seat, token};

/// From now on the answer to every such commit is lost.
fn lose(world: &World, written: bool, which: fn(&ChangeSet) -> bool) {
    let fault = StoreFault::LoseAnswer { written };
    world.store.fail_when(move |changes| which(changes).then_some(fault));
}

#[test]
fn a_reserve_is_told_as_unknown_and_the_same_call_finds_out() {
    for written in [false, true] {
        let world = World::new();
        let user = world.user();
        let ask = || world.ask(user, &seat(0)).with_key(token("once"));
        lose(&world, written, |_| true);
        let error = block_on(reserve::reserve(&world.ports, ask())).unwrap_err();
        assert!(matches!(error, ReserveError::Failed(Failure::Unknown(_))), "{error:?}");
        assert_eq!(world.claimed(&seat(0)), usize::from(written));
        world.store.fail_never();
        let reserved = block_on(reserve::reserve(&world.ports, ask())).unwrap();
        assert!(world.reservation(reserved.reservation).is_pending());
        assert_eq!((world.claimed(&seat(0)), world.places(user)), (1, 1));
        assert_eq!(world.told("reservation.made"), 1);
        world.check_at_rest();
    }
}

#[test]
fn a_paid_outcome_is_settled_by_the_reconciler() {
    for written in [false, true] {
        let world = World::new();
        let user = world.user();
        let id = world.reserve(user, &seat(0)).reservation;
        let payment = world.checkout(user, id, 0, Some(Method::Card));
        lose(&world, written, ChangeSet::is_settling_money);
        let view = world.confirm(user, payment);
        assert_eq!(view.tickets.len(), usize::from(written), "the tickets that are there");
        assert_eq!(view.status == PaymentStatus::Processing, !written);
        world.store.fail_never();
        world.pass(Duration::from_mins(2));
        assert_eq!(world.sweep(), usize::from(!written));
        assert_eq!(world.payment(payment).honoured(), Some(Honoured::InTime));
        assert_eq!(world.tickets(id).len(), 1);
        world.check_at_rest();
    }
}
