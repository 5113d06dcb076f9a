//! The store in memory in each of its shapes.

use std::future::ready;

use ticketing_core::testing::block_on;
use ticketing_core::testing::model::{self, Explained};

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

fn explained(what: &str, came_to: Explained) {
    println!("{what}: {came_to:?}");
    assert!(came_to.given_up * 20 <= came_to.explained, "{what}: {came_to:?}");
}

fn histories(shape: Shape) {
    let fresh = || ready(shape.fresh());
    explained("clients", block_on(model::store_is_linearizable(fresh, seeds(20))));
    explained("at once", block_on(model::many_at_once_are_as_in_some_order(fresh, seeds(10))));
}

#[test]
fn plain_with_many_callers() {
    histories(Shape::Plain);
}

#[test]
fn gathering_with_many_callers() {
    histories(Shape::Gathering);
}

#[test]
fn two_lanes_with_many_callers() {
    histories(Shape::TwoLanes);
}

#[test]
fn four_lanes_with_many_callers() {
    histories(Shape::FourLanes);
}
