//! Tasks on one thread, polled in an order that a seed decides: far more of the ways in which they can
//! meet than threads on a quiet machine show, and the same ones again for the same seed.

use std::future::Future;
use std::pin::{Pin, pin};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use ticketing_core::memory::{ClockIds, ManualClock, SeededRandom};
use ticketing_core::port::{Clock, Random};
use ticketing_core::testing::{Harness, Task};

/// More polls than any suite here needs.
const POLLS_MAX: usize = 1_000_000_000;

/// The executor. Clones share their tasks.
#[derive(Clone, Default)]
pub(crate) struct Interleaver {
    spawned: Arc<Mutex<Vec<Task<()>>>>,
}

impl Interleaver {
    /// A harness whose tasks run here.
    pub(crate) fn harness(&self, clock: ManualClock) -> Harness {
        let shared: Arc<dyn Clock> = Arc::new(clock.clone());
        let ids = ClockIds::new(Arc::clone(&shared), Arc::new(SeededRandom::new(7)));
        let spawned = Arc::clone(&self.spawned);
        Harness::new(
            shared,
            Arc::new(ids),
            move |task| spawned.lock().unwrap_or_else(PoisonError::into_inner).push(task),
            move |by: Duration| {
                clock.advance(by);
                Box::pin(std::future::ready(()))
            },
        )
    }

    /// Runs a future and all that it spawns, whoever is ready or not: a poll too many is allowed.
    pub(crate) fn block_on<F: Future>(&self, seed: u64, main: F) -> F::Output {
        let random = SeededRandom::new(seed);
        let mut context = Context::from_waker(Waker::noop());
        let mut main = pin!(main);
        let mut tasks: Vec<Task<()>> = Vec::new();
        for _ in 0..POLLS_MAX {
            tasks.append(&mut self.spawned.lock().unwrap_or_else(PoisonError::into_inner));
            let all = tasks.len() as u64 + 1;
            let place = usize::try_from(random.next_u64() % all).expect("few tasks");
            if let Some(task) = tasks.get_mut(place) {
                let task: Pin<&mut _> = task.as_mut();
                if task.poll(&mut context).is_ready() {
                    drop(tasks.swap_remove(place));
                }
            } else if let Poll::Ready(result) = main.as_mut().poll(&mut context) {
                return result;
            }
        }
        panic!("tasks wait for ever")
    }
}
