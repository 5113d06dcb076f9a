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
    use super::*;

    /// The value that is left, and in how many steps.
    fn shrink(fails: impl Fn(i64) -> bool) -> (i64, u32) {
        let strategy = simplest_first(0, 500..1_000_i64);
        let mut tree = strategy.new_tree(&mut TestRunner::deterministic()).unwrap();
        let mut steps = 0;
        assert!(fails(tree.current()));
        while tree.simplify() {
            steps += 1;
            while !fails(tree.current()) && tree.complicate() {
                steps += 1;
            }
        }
        (tree.current(), steps)
    }

    #[test]
    fn the_simplest_value_takes_one_step_and_is_no_dead_end() {
        assert_eq!(shrink(|_| true), (0, 1));
        assert_eq!(shrink(|value| value >= 500).0, 500);
        assert_eq!(shrink(|value| value >= 510).0, 510);
    }
}
