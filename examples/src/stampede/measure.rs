//! How long each step took, in wall time.

use std::future::Future;
use std::sync::{Mutex, PoisonError};

use hdrhistogram::Histogram;
use serde::Serialize;

use super::stopwatch::Stopwatch;
use super::time::WorldClock;

/// A step of a buyer's way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    Join,
    Poll,
    Enter,
    Look,
    TopUp,
    Hold,
    Reserve,
    Checkout,
    Confirm,
    Cancel,
    Refund,
}

impl Step {
    pub(crate) const ALL: [Self; 11] = [
        Self::Join,
        Self::Poll,
        Self::Enter,
        Self::Look,
        Self::TopUp,
        Self::Hold,
        Self::Reserve,
        Self::Checkout,
        Self::Confirm,
        Self::Cancel,
        Self::Refund,
    ];

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Join => "join",
            Self::Poll => "poll",
            Self::Enter => "enter",
            Self::Look => "look",
            Self::TopUp => "top_up",
            Self::Hold => "hold",
            Self::Reserve => "reserve",
            Self::Checkout => "checkout",
            Self::Confirm => "confirm",
            Self::Cancel => "cancel",
            Self::Refund => "refund",
        }
    }
}

/// The latencies of one step, in microseconds of wall time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct StepFigures {
    /// How many calls there were, whatever their answer.
    pub count: u64,
    /// Half of them took at most this.
    pub p50_us: u64,
    /// 99 of 100 took at most this.
    pub p99_us: u64,
    /// The slowest.
    pub max_us: u64,
}

impl StepFigures {
    /// Adds the calls of another run; of the latencies the worse one stays.
    pub(crate) fn add(&mut self, other: Self) {
        self.count += other.count;
        self.p50_us = self.p50_us.max(other.p50_us);
        self.p99_us = self.p99_us.max(other.p99_us);
        self.max_us = self.max_us.max(other.max_us);
    }
}

/// The latencies of all steps.
#[derive(Debug)]
pub(crate) struct Measures {
    steps: [Mutex<Histogram<u64>>; Step::ALL.len()],
    /// In virtual time nothing takes time: calls are counted only.
    is_timed: bool,
}

impl Measures {
    /// Slower calls count as this: ten minutes.
    const MAX_US: u64 = 600_000_000;

    pub(crate) fn over(clock: &WorldClock) -> Self {
        let is_timed = match clock {
            WorldClock::Scaled(_) => true,
            WorldClock::Virtual(_) => false,
        };
        let steps = std::array::from_fn(|_| {
            Mutex::new(Histogram::new_with_max(Self::MAX_US, 2).expect("bounds are in order"))
        });
        Self { steps, is_timed }
    }

    /// Runs one call of a step and notes its latency.
    pub(crate) async fn time<T>(&self, step: Step, call: impl Future<Output = T>) -> T {
        let watch = self.is_timed.then(Stopwatch::start);
        let answer = call.await;
        let took = watch.map(|watch| watch.elapsed()).unwrap_or_default();
        let us = u64::try_from(took.as_micros()).unwrap_or(Self::MAX_US);
        let mut histogram =
            self.steps[step as usize].lock().unwrap_or_else(PoisonError::into_inner);
        histogram.saturating_record(us);
        answer
    }

    pub(crate) fn figures(&self) -> Vec<(&'static str, StepFigures)> {
        let figures = |histogram: &Mutex<Histogram<u64>>| {
            let histogram = histogram.lock().unwrap_or_else(PoisonError::into_inner);
            StepFigures {
                count: histogram.len(),
                p50_us: histogram.value_at_quantile(0.5),
                p99_us: histogram.value_at_quantile(0.99),
                max_us: histogram.max(),
            }
        };
        Step::ALL.iter().zip(&self.steps).map(|(step, of)| (step.name(), figures(of))).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stampede::clock::ScaledClock;
    use crate::stampede::world::begins_at;

    #[tokio::test]
    async fn each_call_counts_for_its_own_step() {
        let clock = ScaledClock::new(begins_at(), 1);
        let measures = Measures::over(&WorldClock::Scaled(clock));
        assert_eq!(measures.time(Step::Hold, async { 7 }).await, 7);
        measures.time(Step::Hold, tokio::task::yield_now()).await;
        let figures = measures.figures();
        let count = |name| figures.iter().find(|(step, _)| *step == name).unwrap().1.count;
        assert_eq!((count("hold"), count("reserve")), (2, 0));
    }
}
