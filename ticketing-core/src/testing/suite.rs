use std::future::{Future, poll_fn};
use std::pin::pin;
use std::task::Poll;

/// Makes, from one list of a module's functions, its `all` and a macro that gives an adapter's test
/// file one test for each, so that neither forgets one.
///
/// The macro takes the name of a function of the adapter's own that runs a test on a fresh port:
/// `fn run<F: Future<Output = ()>>(test: impl FnOnce(Harness, Arc<dyn _>) -> F)`.
macro_rules! suite {
    ($d:tt $module:ident: $port:ty => $tests:ident { $($name:ident),* $(,)? }) => {
        /// The names of the functions that [`all`] runs.
        pub const RULES: &[&str] = &[$(stringify!($name)),*];

        /// Runs all of them, one after the other.
        pub async fn all(h: &$crate::testing::Harness, port: &std::sync::Arc<$port>) {
            $($name(h, port).await;)*
        }

        #[doc = concat!("One test per function of [`testing::", stringify!($module), "`](")]
        #[doc = concat!("crate::testing::", stringify!($module), "). Takes the name of a function ")]
        #[doc = concat!("`fn run<F: Future<Output = ()>>(test: impl FnOnce(Harness, Arc<", stringify!($port), ">) -> F)`")]
        /// that runs a test on a port of its own.
        #[macro_export]
        macro_rules! $tests {
            ($d run:ident) => {$(
                #[test]
                fn $name() {
                    $d run(|h, port| async move {
                        $crate::testing::$module::$name(&h, &port).await;
                    });
                }
            )*};
        }
    };
}
pub(super) use suite;

/// Lets a future run until it waited `waits` times, then drops it, as a process that dies does.
pub(super) async fn give_up_after<T>(waits: usize, future: impl Future<Output = T>) -> Option<T> {
    let mut future = pin!(future);
    let mut waited = 0;
    poll_fn(|context| {
        if let Poll::Ready(result) = future.as_mut().poll(context) {
            return Poll::Ready(Some(result));
        }
        waited += 1;
        if waited >= waits { Poll::Ready(None) } else { Poll::Pending }
    })
    .await
}
