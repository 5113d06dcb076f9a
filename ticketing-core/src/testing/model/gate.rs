//! Lets tasks begin at the same moment, on any executor.

use std::future::poll_fn;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Poll, Waker};

#[derive(Debug)]
struct Waiting {
    missing: usize,
    wakers: Vec<Waker>,
}

/// Opens when as many tasks have come as were expected.
#[derive(Clone, Debug)]
pub(super) struct Gate(Arc<Mutex<Waiting>>);

impl Gate {
    pub(super) fn of(tasks: usize) -> Self {
        Self(Arc::new(Mutex::new(Waiting { missing: tasks, wakers: Vec::new() })))
    }

    /// Waits for the others; each task does so once.
    pub(super) async fn pass(&self) {
        let mut has_come = false;
        poll_fn(|context| {
            let mut waiting = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            if !has_come {
                has_come = true;
                waiting.missing = waiting.missing.saturating_sub(1);
            }
            if waiting.missing == 0 {
                waiting.wakers.drain(..).for_each(Waker::wake);
                return Poll::Ready(());
            }
            waiting.wakers.push(context.waker().clone());
            Poll::Pending
        })
        .await;
    }
}

/// Lets other tasks of the executor run so many times.
pub(super) async fn pause(times: usize) {
    for _ in 0..times {
        let mut is_over = false;
        poll_fn(|context| {
            if std::mem::replace(&mut is_over, true) {
                return Poll::Ready(());
            }
            context.waker().wake_by_ref();
            Poll::Pending
        })
        .await;
    }
}
