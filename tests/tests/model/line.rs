//! Holds and waiting room in memory.

use std::future::{Ready, ready};
use std::sync::Arc;

use ticketing_core::memory::{MemoryHolds, MemoryWaitingRoom};
use ticketing_core::port::{SeatHolds, WaitingRoom};
use ticketing_core::testing::{Harness, block_on, model};

use crate::world::{clock, expect, seeds};

const STEPS: usize = 150;

fn holds() -> Ready<(Harness, Arc<dyn SeatHolds>)> {
    ready((Harness::threads(clock()), Arc::new(MemoryHolds::new())))
}

fn waiting_room() -> Ready<(Harness, Arc<dyn WaitingRoom>)> {
    ready((Harness::threads(clock()), Arc::new(MemoryWaitingRoom::new())))
}

#[test]
fn holds_in_turns() {
    block_on(model::holds_match_model(holds, seeds(60), STEPS));
}

#[test]
fn holds_at_once() {
    let came_to = block_on(model::holds_are_linearizable(holds, seeds(60)));
    assert_eq!(came_to.given_up, 0, "histories that took too long");
    expect(seeds(60), came_to);
}

#[test]
fn waiting_room_in_turns() {
    block_on(model::waiting_room_matches_model(waiting_room, seeds(60), STEPS));
}

#[test]
fn waiting_room_at_once() {
    let came_to = block_on(model::waiting_room_is_linearizable(waiting_room, seeds(60)));
    assert_eq!(came_to.given_up, 0, "histories that took too long");
    expect(seeds(60), came_to);
}
