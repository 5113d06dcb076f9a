//! Shrinking that tries the simplest value before all others.

use proptest::prelude::*;
use proptest::strategy::{NewTree, ValueTree};
use proptest::test_runner::TestRunner;

/// The same values, which shrink to `simplest` in one step where that fails the test too. A value of
/// many parts, of which few matter, is simple long before a runner gives up.
pub(super) fn simplest_first<S>(simplest: S::Value, strategy: S) -> BoxedStrategy<S::Value>
where
    S: Strategy + 'static,
    S::Value: Clone + 'static,
{
    SimplestFirst { strategy, simplest }.boxed()
}

#[derive(Debug)]
struct SimplestFirst<S: Strategy> {
    strategy: S,
    simplest: S::Value,
}

impl<S> Strategy for SimplestFirst<S>
where
    S: Strategy,
    S::Value: Clone,
{
    type Tree = Tree<S::Tree>;
    type Value = S::Value;

    fn new_tree(&self, runner: &mut TestRunner) -> NewTree<Self> {
        let drawn = self.strategy.new_tree(runner)?;
        Ok(Tree { drawn, simplest: self.simplest.clone(), at: At::Drawn })
    }
}

#[derive(Clone, Copy, Debug)]
enum At {
    /// As it was drawn; nothing was tried.
    Drawn,
    /// At the simplest value.
    Simplest,
    /// The simplest value passes the test: it is shrunk as ever.
    Shrinking,
}

#[derive(Debug)]
struct Tree<T: ValueTree> {
    drawn: T,
    simplest: T::Value,
    at: At,
}

impl<T> ValueTree for Tree<T>
where
    T: ValueTree,
    T::Value: Clone,
{
    type Value = T::Value;

    fn current(&self) -> T::Value {
        match self.at {
            At::Simplest => self.simplest.clone(),
            At::Drawn | At::Shrinking => self.drawn.current(),
        }
    }

    fn simplify(&mut self) -> bool {
        match self.at {
            At::Drawn => {
                self.at = At::Simplest;
                true
            }
            At::Simplest => false,
            At::Shrinking => self.drawn.simplify(),
        }
    }

    fn complicate(&mut self) -> bool {
        match self.at {
            At::Drawn => false,
            At::Simplest => {
                self.at = At::Shrinking;
                true
            }
            At::Shrinking => self.drawn.complicate(),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::test_runner::{TestError, TestRng};

    use super::*;

    /// What a runner says that fails.
    fn minimal(fails: impl Fn(i64) -> bool) -> i64 {
        let config = ProptestConfig { failure_persistence: None, ..ProptestConfig::default() };
        let rng = TestRng::deterministic_rng(config.rng_algorithm);
        let strategy = simplest_first(0, 500..1_000_i64);
        let failed = TestRunner::new_with_rng(config, rng).run(&strategy, |value| {
            prop_assert!(!fails(value));
            Ok(())
        });
        match failed {
            Err(TestError::Fail(_, value)) => value,
            other => panic!("expected a failure, got {other:?}"),
        }
    }

    #[test]
    fn the_simplest_value_is_tried_first_and_is_no_dead_end() {
        assert_eq!(minimal(|_| true), 0);
        assert_eq!(minimal(|value| value >= 500), 500);
        assert_eq!(minimal(|value| value >= 510), 510);
    }

    #[test]
    fn it_takes_one_step() {
        let strategy = simplest_first(0, 500..1_000_i64);
        let mut tree = strategy.new_tree(&mut TestRunner::deterministic()).unwrap();
        assert!(tree.current() >= 500);
        assert!(tree.simplify() && !tree.simplify());
        assert_eq!(tree.current(), 0);
    }
}
