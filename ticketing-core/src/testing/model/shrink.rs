//! Cuts a sequence that fails down to a short one that still does.

use std::fmt::{Display, Write};
use std::future::Future;

/// How often a sequence is run again with fewer steps.
const RUNS_MAX: usize = 400;

/// What went wrong, and how many steps it took.
#[derive(Clone, Debug)]
pub(super) struct Failure {
    pub(super) text: String,
    pub(super) steps: usize,
}

/// The shortest sequence found by leaving out steps, large pieces first and single ones last, with the
/// failure that it ends in.
pub(super) async fn shortest<T, F, R>(
    mut steps: Vec<T>,
    mut failure: Failure,
    run: F,
) -> (Vec<T>, Failure)
where
    T: Clone + Send + Sync,
    F: Fn(Vec<T>) -> R + Send + Sync,
    R: Future<Output = Option<Failure>> + Send,
{
    steps.truncate(failure.steps);
    let mut runs = 0;
    let mut size = steps.len().div_ceil(2);
    while size > 0 {
        let mut at = 0;
        while at < steps.len() && runs < RUNS_MAX {
            let mut fewer = steps.clone();
            fewer.drain(at..(at + size).min(steps.len()));
            runs += 1;
            match run(fewer.clone()).await {
                Some(still) => {
                    fewer.truncate(still.steps);
                    (steps, failure) = (fewer, still);
                }
                None => at += size,
            }
        }
        size /= 2;
    }
    (steps, failure)
}

/// A line for each step.
pub(super) fn lines<T: Display>(steps: &[T]) -> String {
    let mut lines = String::new();
    for step in steps {
        writeln!(lines, "  {step}").expect("writing to a text never fails");
    }
    lines
}
