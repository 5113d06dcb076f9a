//! Every state is drawn, and what shrinks ends as something simple.

mod books;
mod kinds;

use std::collections::BTreeSet;

use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;

use super::*;
use crate::aggregate::Aggregate;

/// So many values, the same at every run.
fn draw<S: Strategy>(strategy: &S, count: usize) -> Vec<S::Value> {
    let mut runner = TestRunner::deterministic();
    (0..count).map(|_| strategy.new_tree(&mut runner).unwrap().current()).collect()
}

/// What a value shrinks to if everything fails.
fn simplest<S: Strategy>(strategy: &S) -> S::Value {
    let mut tree = strategy.new_tree(&mut TestRunner::deterministic()).unwrap();
    for _ in 0..100_000 {
        if !tree.simplify() {
            return tree.current();
        }
    }
    panic!("it never ends to shrink");
}

fn names<T>(values: &[T], name: impl Fn(&T) -> String) -> BTreeSet<String> {
    values.iter().map(name).collect()
}

#[track_caller]
fn assert_drawn(drawn: &BTreeSet<String>, expected: &[&str]) {
    let missing: Vec<_> = expected.iter().filter(|name| !drawn.contains(**name)).collect();
    assert!(missing.is_empty(), "never drawn: {missing:?}, but {drawn:?}");
}

macro_rules! states {
    ($($test:ident: $all:ident, $one:ident, $at:ident;)*) => {$(
        #[test]
        fn $test() {
            let drawn: BTreeSet<$at> = draw(&$all(), 300).iter().map($at::of).collect();
            assert_eq!(drawn, $at::ALL.into(), "of all");
            for at in $at::ALL {
                for value in draw(&$one(at), 100) {
                    assert_eq!($at::of(&value), at, "{value:?}");
                    assert_eq!(value.root().version(), 0);
                    assert_eq!(value.root().recorded(), value.root().pending().len() as u64);
                }
            }
            assert_eq!($at::of(&simplest(&$all())), $at::ALL[0], "the simplest");
        }
    )*};
}

states! {
    performances_in_every_state: performances, performances_in, PerformanceAt;
    reservations_in_every_state: reservations, reservations_in, ReservationAt;
    payments_in_every_state: payments, payments_in, PaymentAt;
    refunds_in_every_state: refunds, refunds_in, RefundAt;
    tickets_in_every_state: tickets, tickets_in, TicketAt;
    checkouts_in_every_state: checkouts, checkouts_in, CheckoutAt;
}
