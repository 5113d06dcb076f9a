//! Holds and waiting room in memory.

use std::future::{Ready, ready};
use std::sync::Arc;

use ticketing_core::memory::{MemoryHolds, MemoryWaitingRoom};
use ticketing_core::port::{SeatHolds, WaitingRoom};
use ticketing_core::testing::{Harness, block_on, model};

use crate::interleave::Interleaver;
use crate::world::{clock, expect, seeds};

const STEPS: usize = 150;

fn holds_with(h: Harness) -> Ready<(Harness, Arc<dyn SeatHolds>)> {
    ready((h, Arc::new(MemoryHolds::new())))
}

fn holds() -> Ready<(Harness, Arc<dyn SeatHolds>)> {
    holds_with(Harness::threads(clock()))
}

fn waiting_room_with(h: Harness) -> Ready<(Harness, Arc<dyn WaitingRoom>)> {
    ready((h, Arc::new(MemoryWaitingRoom::new())))
}

fn waiting_room() -> Ready<(Harness, Arc<dyn WaitingRoom>)> {
    waiting_room_with(Harness::threads(clock()))
}

#[test]
fn holds_in_turns() {
    block_on(model::holds_match_model(holds, seeds(60), STEPS));
}

#[test]
fn holds_at_once() {
    let came_to = block_on(model::holds_are_linearizable(holds, seeds(60)));
    assert_eq!(came_to.given_up, 0, "histories that took too long");
}

/// Threads may run after one another for all that is known; here calls meet.
#[test]
fn holds_interleaved() {
    let executor = Interleaver::default();
    let fresh = || holds_with(executor.harness(clock()));
    let many = seeds(120);
    let run = model::holds_are_linearizable(fresh, many.clone());
    expect(many, executor.block_on(1, run));
}

#[test]
fn waiting_room_in_turns() {
    block_on(model::waiting_room_matches_model(waiting_room, seeds(60), STEPS));
}

#[test]
fn waiting_room_at_once() {
    let came_to = block_on(model::waiting_room_is_linearizable(waiting_room, seeds(60)));
    assert_eq!(came_to.given_up, 0, "histories that took too long");
}

/// Threads may run after one another for all that is known; here calls meet.
#[test]
fn waiting_room_interleaved() {
    let executor = Interleaver::default();
    let fresh = || waiting_room_with(executor.harness(clock()));
    let many = seeds(120);
    let run = model::waiting_room_is_linearizable(fresh, many.clone());
    expect(many, executor.block_on(1, run));
}
