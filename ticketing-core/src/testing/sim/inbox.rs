//! What running tasks leave for the executor: new tasks, wakes, groups to kill.

use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Wake};

use futures_channel::oneshot;

use crate::sync::lock;
use crate::testing::Task;

/// Tasks that live and die together, such as those of one process.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Group(pub(super) u32);

/// The task was killed with its group before it was done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the task was killed before it was done")]
pub struct Killed;

/// The result of a task, once it is done.
#[derive(Debug)]
pub struct Joined<T>(oneshot::Receiver<T>);

impl<T> Future for Joined<T> {
    type Output = Result<T, Killed>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        Pin::new(&mut self.0).poll(context).map(|result| result.map_err(|_| Killed))
    }
}

/// Which task a wake is for. A place is used again, so it has a number of its own at each use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct TaskId {
    pub(super) place: usize,
    pub(super) number: u64,
}

#[derive(Default)]
pub(super) struct Inbox {
    pub(super) spawned: Vec<(Group, Task<()>)>,
    pub(super) woken: Vec<TaskId>,
    pub(super) killed: Vec<Group>,
    groups: u32,
    live: usize,
}

impl Inbox {
    /// One task less.
    pub(super) fn ended(&mut self) {
        self.live -= 1;
    }
}

/// Wakes one task.
pub(super) struct Signal {
    pub(super) inbox: Arc<Mutex<Inbox>>,
    pub(super) task: TaskId,
    /// Whether the task is in line to run: it comes there once, however often it is woken.
    pub(super) is_ready: AtomicBool,
}

impl Wake for Signal {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        if !self.is_ready.swap(true, Ordering::Relaxed) {
            lock(&self.inbox).woken.push(self.task);
        }
    }
}

/// Starts and kills tasks of a [`super::Simulator`], from inside and outside of it. Clones share it.
#[derive(Clone)]
pub struct Handle {
    inbox: Arc<Mutex<Inbox>>,
    tasks_max: usize,
}

impl std::fmt::Debug for Handle {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Handle").field("tasks_max", &self.tasks_max).finish_non_exhaustive()
    }
}

impl Handle {
    pub(super) fn of(inbox: &Arc<Mutex<Inbox>>, tasks_max: usize) -> Self {
        Self { inbox: Arc::clone(inbox), tasks_max }
    }

    /// A group without tasks.
    pub fn new_group(&self) -> Group {
        let mut inbox = lock(&self.inbox);
        inbox.groups += 1;
        Group(inbox.groups)
    }

    /// Starts a task in a group. It goes on also when nobody waits for its result.
    ///
    /// # Panics
    /// If more tasks would live than [`super::Simulator::with_tasks_max`] allows: a run that needs more keeps
    /// those who wait as data.
    pub fn spawn<T, F>(&self, group: Group, future: F) -> Joined<T>
    where
        T: Send + 'static,
        F: Future<Output = T> + Send + 'static,
    {
        let (send, receive) = oneshot::channel();
        // Large futures are moved once, into their own box.
        let future = Box::pin(future);
        let task = Box::pin(async move {
            // Who does not wait any more does not need the result.
            let _ = send.send(future.await);
        });
        let mut inbox = lock(&self.inbox);
        assert!(inbox.live < self.tasks_max, "expected at most {} tasks at once", self.tasks_max);
        inbox.live += 1;
        inbox.spawned.push((group, task));
        Joined(receive)
    }

    /// Ends all tasks of a group, each at the await where it is, before any other task runs. The caller,
    /// if it is one of them, runs on to its next await.
    pub fn kill(&self, group: Group) {
        lock(&self.inbox).killed.push(group);
    }

    /// How many tasks live.
    pub fn live_tasks(&self) -> usize {
        lock(&self.inbox).live
    }
}
