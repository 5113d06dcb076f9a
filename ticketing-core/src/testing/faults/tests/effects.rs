//! What a fault leaves behind.

use std::collections::BTreeMap;

use super::*;
use crate::error::Fault;
use crate::port::{
    CommitError, Committed, GatewayError, HoldOutcome, LineState, PaymentGateway, WaitingRoom,
};
use crate::testing::ports::StorePorts;
use crate::testing::sample::{self, Sale};

const ALWAYS: u32 = FaultRates::ALWAYS;

/// A reserve of one seat, and how to look at what became of it.
struct Reserve {
    truth: StorePorts,
    sale: Sale,
    changes: ChangeSet,
}

impl Reserve {
    fn new(world: &World) -> Self {
        let (h, truth) = (&world.h, StorePorts::of(&Arc::new(world.memory.store.clone())));
        let sale = Sale::new(h);
        let changes = sale.reserve(h, &sale.reservation(h, &sample::seats([4])), 1);
        Self { truth, sale, changes }
    }

    /// How many claims and events there are of it.
    fn written(&self, world: &World) -> (usize, usize) {
        let claim = world.answer(self.truth.claim(self.sale.performance, 4));
        let events = world.answer(self.truth.events_of(self.changes.id()));
        (usize::from(claim.is_some()), events.len())
    }

    fn commit(&self, world: &World) -> Result<Committed, CommitError> {
        world.answer(world.ports.store.commit(self.changes.clone()))
    }
}

#[test]
fn a_commit_that_failed_before_wrote_nothing() {
    let world = World::with([("store.before", ALWAYS)]);
    let reserve = Reserve::new(&world);
    let Err(CommitError::Port(error)) = reserve.commit(&world) else {
        panic!("expected a failure")
    };
    assert_eq!((error.port(), error.operation()), ("store", "commit"));
    assert_eq!(error.fault(), Fault::Transient);
    assert_eq!(reserve.written(&world), (0, 0));
}

#[test]
fn a_commit_whose_answer_was_lost_is_written_and_its_outcome_unknown() {
    let world = World::with([("store.after", ALWAYS)]);
    let reserve = Reserve::new(&world);
    let answer = reserve.commit(&world);
    assert!(matches!(answer, Err(CommitError::Unknown(id)) if id == reserve.changes.id()));
    assert_eq!(reserve.written(&world), (1, 1));
    world.weather.calm();
    assert!(matches!(reserve.commit(&world), Ok(Committed::Done)), "sent again, it says so");
    assert_eq!(reserve.written(&world), (1, 1));
}

#[test]
fn a_commit_made_twice_is_written_once() {
    let world = World::with([("store.twice", ALWAYS)]);
    let reserve = Reserve::new(&world);
    assert!(matches!(reserve.commit(&world), Ok(Committed::Done)));
    assert_eq!((world.count("store.twice"), reserve.written(&world)), (1, (1, 1)));
}

#[test]
fn a_refused_commit_stays_refused_when_it_is_made_twice() {
    let world = World::with([]);
    let (first, mut second) = (Reserve::new(&world), Reserve::new(&world));
    assert!(first.commit(&world).is_ok());
    let sale = first.sale.another_buyer(&world.h);
    let reservation = sale.reservation(&world.h, &sample::seats([4]));
    second.changes = sale.reserve(&world.h, &reservation, 1);
    world.weather.set_rates(rates([("store.twice", ALWAYS)]));
    assert!(matches!(second.commit(&world), Err(CommitError::SeatTaken(_))));
}

#[test]
fn a_hold_is_there_after_a_lost_answer_and_not_after_a_failure() {
    for (fault, expected, is_held) in
        [("holds.before", Fault::Transient, false), ("holds.after", Fault::Unknown, true)]
    {
        let world = World::with([(fault, ALWAYS)]);
        let performance = PerformanceId::from_uuid(world.id());
        let request = world.hold(performance, 7);
        let answer = world.answer(world.ports.holds.hold(request, world.now()));
        assert_eq!(answer.unwrap_err().fault(), expected, "{fault}");
        world.weather.calm();
        let held = world.answer(world.ports.holds.held(performance, 10, world.now())).unwrap();
        assert_eq!(held.contains(SeatNo(7)), is_held, "{fault}");
    }
}

#[test]
fn a_hold_made_twice_is_the_same_hold() {
    let world = World::with([("holds.twice", ALWAYS)]);
    let request = world.hold(PerformanceId::from_uuid(world.id()), 7);
    let answer = world.answer(world.ports.holds.hold(request.clone(), world.now())).unwrap();
    assert!(matches!(answer, HoldOutcome::Held(held) if held.token == request.token));
}

#[test]
fn a_gateway_call_that_failed_before_moved_nothing_and_says_so_or_not() {
    let world = World::with([("gateway.before", ALWAYS)]);
    let (mut refused, mut unknown) = (0, 0);
    for _ in 0..100 {
        let request = world.confirm();
        let payment = request.payment;
        let confirmed = world.answer(world.ports.gateway.confirm(request)).map(drop);
        for answer in [confirmed, world.answer(world.ports.gateway.find(payment)).map(drop)] {
            match answer {
                Err(GatewayError::Retryable { retry_after: None }) => refused += 1,
                Err(GatewayError::Unknown(Some(_))) => unknown += 1,
                answer => panic!("expected a failure, got {answer:?}"),
            }
        }
    }
    assert!(refused > 60 && unknown > 60, "{refused} refused, {unknown} unknown");
    assert_eq!(world.memory.gateway.money().totals(), BTreeMap::default());
}

#[test]
fn a_gateway_call_whose_answer_was_lost_moved_money_once() {
    let world = World::with([("gateway.after", ALWAYS), ("gateway.twice", ALWAYS)]);
    let request = world.confirm();
    let answer = world.answer(world.ports.gateway.confirm(request.clone()));
    assert!(matches!(answer, Err(GatewayError::Unknown(Some(_)))), "{answer:?}");
    assert_eq!((world.count("gateway.after"), world.count("gateway.twice")), (1, 1));
    let found = world.answer(world.memory.gateway.find(request.payment)).unwrap();
    assert!(matches!(found, crate::port::Found::Captured { amount, .. } if amount == won(100)));
}

#[test]
fn what_may_not_be_repeated_is_made_once() {
    let world = World::with([("line.twice", ALWAYS)]);
    let line = PerformanceId::from_uuid(world.id());
    let rules = LineRules { active_max: 10, line_max: 10, opens_at: None };
    world.answer(world.ports.waiting_room.configure(line, rules)).unwrap();
    for _ in 0..4 {
        let user = UserId::from_uuid(world.id());
        world.answer(world.ports.waiting_room.join(line, user, world.now())).unwrap();
    }
    assert_eq!(world.count("line.twice"), 5);
    let state = world.answer(world.ports.waiting_room.call(line, 1, world.now())).unwrap();
    let truth = world.answer(world.memory.waiting_room.state(line, world.now())).unwrap();
    assert_eq!(state, LineState { numbered: 4, serving: 1, ..LineState::default() });
    assert_eq!((truth, world.count("line.twice")), (state, 5));
}

#[test]
fn a_dropped_call_leaves_its_effect_or_none() {
    let world = World::with([("store.delay", ALWAYS)]);
    let (mut written, mut dropped) = (0, 0);
    for _ in 0..40 {
        let reserve = Reserve::new(&world);
        let mut call = Box::pin(world.ports.store.commit(reserve.changes.clone()));
        dropped += u32::from(poll_once(call.as_mut()).is_none());
        drop(call);
        written += reserve.written(&world).0;
    }
    assert_eq!((dropped, world.clock.next_wake()), (40, None));
    assert!((10..30).contains(&written), "{written} of 40 were written before they were dropped");
}
