//! The outbox of the store in memory.

use std::future::ready;

use ticketing_core::testing::{StorePorts, block_on, model};

use crate::interleave::Interleaver;
use crate::world::{Shape, clock, expect, seeds};

#[test]
fn in_turns() {
    let fresh = || ready(Shape::Plain.fresh());
    block_on(model::outbox_matches_model(fresh, seeds(40), 150));
}

#[test]
fn at_once_on_threads() {
    let fresh = || ready(Shape::Plain.fresh());
    let few = seeds(20);
    expect(few.clone(), block_on(model::outbox_is_linearizable(fresh, few)));
}

fn interleaved(shape: Shape) {
    let executor = Interleaver::default();
    let fresh = || {
        let clock = clock();
        let store = shape.store(&clock);
        ready((executor.harness(clock), StorePorts::of(&store)))
    };
    let few = seeds(40);
    expect(few.clone(), executor.block_on(1, model::outbox_is_linearizable(fresh, few)));
}

#[test]
fn gathering_interleaved() {
    interleaved(Shape::Gathering);
}

#[test]
fn four_lanes_interleaved() {
    interleaved(Shape::FourLanes);
}
