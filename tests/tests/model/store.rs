//! The store in memory in each of its shapes.

use std::future::ready;

use ticketing_core::testing::{block_on, model};

use crate::world::{Shape, seeds};

fn step_by_step(shape: Shape) {
    let fresh = || ready(shape.fresh());
    let tally = block_on(model::store_matches_model(fresh, seeds(10), 200));
    println!("{shape:?}: {tally}");
    for (answer, count) in tally.iter() {
        let never = ["not_written", "unknown"].contains(&answer);
        assert!(never || count >= 10, "{answer} came up {count} times: {tally}");
    }
}

#[test]
fn plain_step_by_step() {
    step_by_step(Shape::Plain);
}

#[test]
fn gathering_step_by_step() {
    step_by_step(Shape::Gathering);
}

#[test]
fn two_lanes_step_by_step() {
    step_by_step(Shape::TwoLanes);
}

#[test]
fn four_lanes_step_by_step() {
    step_by_step(Shape::FourLanes);
}
