//! The outbox of the store in memory.

use std::future::ready;

use ticketing_core::testing::{StorePorts, block_on, model};

use crate::interleave::Interleaver;
use crate::world::{Shape, clock, seeds};

#[test]
fn in_turns() {
    let fresh = || ready(Shape::Plain.fresh());
    block_on(model::outbox_matches_model(fresh, seeds(40), 150));
}

#[test]
fn at_once_on_threads() {
    let fresh = || ready(Shape::Plain.fresh());
    let given_up = block_on(model::outbox_is_linearizable(fresh, seeds(20)));
    assert!(given_up <= 1, "{given_up} histories took too long");
}

fn interleaved(shape: Shape) {
    let executor = Interleaver::default();
    let fresh = || {
        let clock = clock();
        let store = shape.store(&clock);
        ready((executor.harness(clock), StorePorts::of(&store)))
    };
    let run = model::outbox_is_linearizable(fresh, seeds(40));
    let given_up = executor.block_on(1, run);
    assert!(given_up <= 2, "{given_up} histories took too long");
}

#[test]
fn gathering_interleaved() {
    interleaved(Shape::Gathering);
}

#[test]
fn four_lanes_interleaved() {
    interleaved(Shape::FourLanes);
}
