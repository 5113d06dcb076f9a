//! Every state is drawn, and what shrinks ends as something simple.

mod books;
mod kinds;

use std::collections::BTreeSet;
use std::sync::Arc;

use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;

use super::*;
use crate::aggregate::Aggregate;
use crate::allocation::Tenders;
use crate::layout::{LayoutSpec, SectionSpec};
use crate::money::{BasisPoints, Currency, Money};
use crate::policy::SalesPolicy;
use crate::seat::{SeatNo, Seats};

/// So many values, the same at every run.
fn draw<S: Strategy>(strategy: &S, count: usize) -> Vec<S::Value> {
    let mut runner = TestRunner::deterministic();
    (0..count).map(|_| strategy.new_tree(&mut runner).unwrap().current()).collect()
}

/// What values shrink to if everything fails, in fewer steps than a runner of 128 cases makes.
fn simplest<S: Strategy>(strategy: &S) -> S::Value {
    const STEPS_MAX: u32 = 4 * 128;
    let mut runner = TestRunner::deterministic();
    for _ in 0..20 {
        let mut tree = strategy.new_tree(&mut runner).unwrap();
        let steps = (0..=STEPS_MAX).take_while(|_| tree.simplify()).count();
        assert!(steps <= STEPS_MAX as usize, "it shrinks too slowly");
    }
    let mut tree = strategy.new_tree(&mut runner).unwrap();
    while tree.simplify() {}
    tree.current()
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

#[test]
fn values_shrink_to_simple_ones_before_a_runner_gives_up() {
    let won = |minor| Money::from_minor(minor, Currency::KRW).unwrap();
    assert_eq!(simplest(&money(Currency::KRW)), won(0));
    assert_eq!(simplest(&rates()), BasisPoints::ZERO);
    assert_eq!(simplest(&sales_policies()), SalesPolicy::default());
    let (layout, prices) = simplest(&priced_layouts());
    assert_eq!(layout.to_spec(), LayoutSpec::of([SectionSpec::grid("1", "R", 1, 1)]));
    assert_eq!(prices.iter().map(|(_, price)| price).collect::<Vec<_>>(), [won(1)]);
    assert_eq!(simplest(&seats(500, 8)), Seats::one(SeatNo(0)));
    assert_eq!(simplest(&shows()).policy(), &Arc::default());
    assert_eq!(simplest(&performances()).capacity(), 1);
    let reservation = simplest(&reservations());
    assert_eq!((reservation.seats(), reservation.total()), (Seats::one(SeatNo(0)), won(1)));
    assert_eq!(reservation.root().recorded(), 1);
    assert_eq!(simplest(&payments()).tenders(), Tenders::external(won(1)));
    assert_eq!(simplest(&refunds()).external(), won(1));
    assert_eq!(simplest(&sales()).tickets.len(), 1);
}
