//! The outbox of the store in memory.

use std::future::ready;

use ticketing_core::testing::{block_on, model};

use crate::world::{Shape, seeds};

#[test]
fn in_turns() {
    let fresh = || ready(Shape::Plain.fresh());
    block_on(model::outbox_matches_model(fresh, seeds(40), 150));
}

fn at_once(shape: Shape) {
    let given_up = block_on(model::outbox_is_linearizable(|| ready(shape.fresh()), seeds(20)));
    assert!(given_up <= 1, "{given_up} histories took too long");
}

#[test]
fn plain_at_once() {
    at_once(Shape::Plain);
}

#[test]
fn gathering_at_once() {
    at_once(Shape::Gathering);
}

#[test]
fn four_lanes_at_once() {
    at_once(Shape::FourLanes);
}
