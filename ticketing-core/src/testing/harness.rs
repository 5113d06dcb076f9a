use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Barrier};
use std::time::Duration;

use chrono::{DateTime, Utc};
use futures_channel::oneshot;

use crate::memory::{ClockIds, ManualClock, SeededRandom};
use crate::port::{Clock, IdGenerator};

/// A boxed future that any executor can run.
pub type Task<T> = Pin<Box<dyn Future<Output = T> + Send>>;

type Spawn = Arc<dyn Fn(Task<()>) + Send + Sync>;
type Advance = Arc<dyn Fn(Duration) -> Task<()> + Send + Sync>;

/// What a conformance function needs besides the port: time, ids, and tasks that run at once.
#[derive(Clone)]
pub struct Harness {
    clock: Arc<dyn Clock>,
    ids: Arc<dyn IdGenerator>,
    spawn: Spawn,
    advance: Advance,
}

impl std::fmt::Debug for Harness {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Harness(..)")
    }
}

impl Harness {
    /// A harness of the adapter's own: `spawn` starts a task on an executor of at least two threads,
    /// `advance` moves the clock or really waits.
    pub fn new(
        clock: Arc<dyn Clock>,
        ids: Arc<dyn IdGenerator>,
        spawn: impl Fn(Task<()>) + Send + Sync + 'static,
        advance: impl Fn(Duration) -> Task<()> + Send + Sync + 'static,
    ) -> Self {
        Self { clock, ids, spawn: Arc::new(spawn), advance: Arc::new(advance) }
    }

    /// Every task on a thread of its own, time on a manual clock.
    pub fn threads(clock: ManualClock) -> Self {
        let shared: Arc<dyn Clock> = Arc::new(clock.clone());
        let ids = ClockIds::new(Arc::clone(&shared), Arc::new(SeededRandom::new(7)));
        Self::new(
            shared,
            Arc::new(ids),
            |task| {
                std::thread::spawn(move || pollster::block_on(task));
            },
            move |by| {
                clock.advance(by);
                Box::pin(std::future::ready(()))
            },
        )
    }

    /// The clock's time.
    pub fn now(&self) -> DateTime<Utc> {
        self.clock.now()
    }

    /// The clock.
    pub fn clock(&self) -> Arc<dyn Clock> {
        Arc::clone(&self.clock)
    }

    /// The ids that the functions use.
    pub fn ids(&self) -> &dyn IdGenerator {
        &*self.ids
    }

    /// Lets time pass.
    pub async fn advance(&self, by: Duration) {
        (self.advance)(by).await;
    }

    /// Starts a task and goes on.
    pub fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        (self.spawn)(Box::pin(task));
    }

    /// Runs all tasks at once and gives their results in the order of the tasks.
    ///
    /// # Panics
    /// If a task panicked.
    pub async fn race<T, F>(&self, tasks: impl IntoIterator<Item = F>) -> Vec<T>
    where
        T: Send + 'static,
        F: Future<Output = T> + Send + 'static,
    {
        let pending: Vec<oneshot::Receiver<T>> = tasks
            .into_iter()
            .map(|task| {
                let (send, receive) = oneshot::channel();
                self.spawn(async move {
                    let _ = send.send(task.await);
                });
                receive
            })
            .collect();
        let mut results = Vec::with_capacity(pending.len());
        for result in pending {
            results.push(result.await.expect("a racing task panicked"));
        }
        results
    }

    /// Runs all tasks on threads that start them at the same moment. For ports whose calls need no
    /// runtime of their own.
    ///
    /// # Panics
    /// If a task panicked.
    pub fn storm<T, F>(tasks: Vec<F>) -> Vec<T>
    where
        T: Send + 'static,
        F: Future<Output = T> + Send + 'static,
    {
        let barrier = Arc::new(Barrier::new(tasks.len()));
        let threads: Vec<_> = tasks
            .into_iter()
            .map(|task| {
                let barrier = Arc::clone(&barrier);
                std::thread::spawn(move || {
                    barrier.wait();
                    pollster::block_on(task)
                })
            })
            .collect();
        threads.into_iter().map(|thread| thread.join().expect("a racing task panicked")).collect()
    }
}
