//! The store in memory in each of its shapes.

use std::future::ready;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use ticketing_core::memory::{SeededRandom, StoreFault};
use ticketing_core::port::Random;
use ticketing_core::testing::{StorePorts, block_on, model};

use crate::interleave::Interleaver;
use crate::world::{Shape, clock, expect, seeds};

fn step_by_step(shape: Shape) {
    let fresh = || ready(shape.fresh());
    let tally = block_on(model::store_matches_model(fresh, seeds(20), 200));
    for (answer, count) in tally.iter() {
        let never = ["not_written", "unknown"].contains(&answer);
        assert!(never || count >= 20, "{answer} came up {count} times: {tally}");
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

fn on_threads(shape: Shape) {
    let fresh = || ready(shape.fresh());
    let few = seeds(25);
    expect(few.clone(), block_on(model::store_is_linearizable(fresh, few)));
    let came_to = block_on(model::many_at_once_are_as_in_some_order(fresh, seeds(10)));
    assert_eq!(came_to.given_up, 0, "{came_to:?}");
}

fn interleaved(shape: Shape) {
    let executor = Interleaver::default();
    let fresh = || {
        let clock = clock();
        let store = shape.store(&clock);
        ready((executor.harness(clock), StorePorts::of(&store)))
    };
    let many = seeds(120);
    let run = model::store_is_linearizable(fresh, many.clone());
    expect(many, executor.block_on(1, run));
    let few = seeds(20);
    let run = model::many_at_once_are_as_in_some_order(fresh, few.clone());
    expect(few, executor.block_on(2, run));
}

#[test]
fn plain_on_threads() {
    on_threads(Shape::Plain);
}

#[test]
fn four_lanes_on_threads() {
    on_threads(Shape::FourLanes);
}

#[test]
fn gathering_interleaved() {
    interleaved(Shape::Gathering);
}

#[test]
fn two_lanes_interleaved() {
    interleaved(Shape::TwoLanes);
}

#[test]
fn four_lanes_interleaved() {
    interleaved(Shape::FourLanes);
}

/// Deadlocks are not seen, and a lost answer hides a commit that happened whole or not at all.
#[test]
fn lost_answers_are_explained() {
    const FAULTS: [StoreFault; 3] = [
        StoreFault::LoseAnswer { written: true },
        StoreFault::LoseAnswer { written: false },
        StoreFault::Deadlock,
    ];
    let executor = Interleaver::default();
    // One chance for all stores, so that no two meet the same faults at the same places.
    let chance = Arc::new(SeededRandom::new(5));
    let met = Arc::new([const { AtomicUsize::new(0) }; FAULTS.len()]);
    let fresh = || {
        let clock = clock();
        let store = Shape::FourLanes.store(&clock);
        let (chance, met) = (Arc::clone(&chance), Arc::clone(&met));
        store.fail_when(move |_| {
            let place = usize::try_from(chance.next_u64() % 40).unwrap_or(usize::MAX);
            let fault = FAULTS.get(place).copied()?;
            met[place].fetch_add(1, Ordering::Relaxed);
            Some(fault)
        });
        ready((executor.harness(clock), StorePorts::of(&store)))
    };
    let few = seeds(40);
    let run = model::store_is_linearizable(fresh, few.clone());
    expect(few.clone(), executor.block_on(3, run));
    let met = met.each_ref().map(|count| count.load(Ordering::Relaxed));
    let histories = usize::try_from(few.end).expect("few seeds");
    assert!(met.iter().all(|count| *count >= histories / 4), "hardly any fault: {met:?}");
    let steps = model::store_matches_model(fresh, seeds(5), 200);
    let tally = executor.block_on(4, steps);
    assert!(tally.unknown > 0, "no answer was lost: {tally}");
}
