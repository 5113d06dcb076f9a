//! What makes a list of rules into functions, names and tests.

use std::future::Future;

/// Runs a future on the calling thread: what the suites use when the caller names no runtime.
pub fn block_on<F: Future>(future: F) -> F::Output {
    pollster::block_on(future)
}

/// Generates one `#[test]` per rule of the store-side ports, named after the rule.
///
/// `fresh` is called once per test and gives the future of a [`Harness`](crate::testing::Harness) and
/// the [`StorePorts`](crate::testing::StorePorts) to test; they may share one database, for no rule
/// looks at rows but its own. The second argument runs a future, for adapters that need a runtime.
/// [`testing`](crate::testing#test-an-adapter-of-your-own) has an example of both.
#[macro_export]
macro_rules! store_conformance {
    ($fresh:expr $(,)?) => {
        $crate::store_conformance!($fresh, $crate::testing::block_on);
    };
    ($fresh:expr, $block_on:expr $(,)?) => {
        $crate::__store_rules! { __rule_tests [$fresh, $block_on] }
        $crate::__reads_rules! { __rule_tests [$fresh, $block_on] }
        $crate::__inspect_rules! { __rule_tests [$fresh, $block_on] }
        $crate::__outbox_rules! { __rule_tests [$fresh, $block_on] }
    };
}

/// Makes a `#[test]` of every rule of one module.
#[doc(hidden)]
#[macro_export]
macro_rules! __rule_tests {
    ($module:ident $arguments:tt $($rule:ident),* $(,)?) => {
        $($crate::__rule_test! { $module $rule $arguments })*
    };
}

/// Makes a `#[test]` of one rule.
#[doc(hidden)]
#[macro_export]
macro_rules! __rule_test {
    ($module:ident $rule:ident [$fresh:expr, $block_on:expr]) => {
        #[test]
        fn $rule() {
            ($block_on)(async {
                let (harness, ports) = ($fresh)().await;
                $crate::testing::$module::$rule(&harness, &ports).await;
            });
        }
    };
}

/// Makes the list of a module's rules and the function that runs them all.
#[doc(hidden)]
#[macro_export]
macro_rules! __rule_items {
    ($module:ident [] $($rule:ident),* $(,)?) => {
        /// The names of the rules: each is a function of this module.
        pub const RULES: &[&str] = &[$(stringify!($rule)),*];

        /// Runs every rule, each on what `fresh` gives.
        ///
        /// # Panics
        /// Where a port breaks a rule.
        pub async fn all<F, P>(fresh: F)
        where
            F: Fn() -> P + Send + Sync,
            P: Future<Output = ($crate::testing::Harness, $crate::testing::StorePorts)> + Send,
        {
            $({
                let (harness, ports) = fresh().await;
                $rule(&harness, &ports).await;
            })*
        }
    };
}
