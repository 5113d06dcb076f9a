//! One thread, one clock, and tasks in the order of a seed.

use std::collections::BTreeMap;
use std::future::Future;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Waker};

use chrono::{DateTime, Utc};

use super::inbox::{Group, Handle, Inbox, Signal, TaskId};
use crate::memory::{ManualClock, SeededRandom};
use crate::port::{Clock, Random};
use crate::sync::lock;
use crate::testing::Task;

/// Why a run ended before it was done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Stopped {
    /// Every task waits, and none of them for an instant.
    #[error("at {at} every task waits for another")]
    Deadlock {
        /// When.
        at: DateTime<Utc>,
    },
    /// Tasks wake each other without end, and time does not move.
    #[error("at {at} tasks woke each other {steps} times and time did not move")]
    Livelock {
        /// When.
        at: DateTime<Utc>,
        /// How often a task ran at that instant.
        steps: u64,
    },
    /// The task that the run was for was killed.
    #[error("the run was killed at {at}")]
    Killed {
        /// When.
        at: DateTime<Utc>,
    },
}

struct Running {
    number: u64,
    group: Group,
    task: Task<()>,
    signal: Arc<Signal>,
    waker: Waker,
}

/// Runs tasks in virtual time. See [`super`].
pub struct Simulator {
    inbox: Arc<Mutex<Inbox>>,
    clock: ManualClock,
    random: SeededRandom,
    places: Vec<Option<Running>>,
    free: Vec<usize>,
    ready: Vec<TaskId>,
    spawned: Vec<(Group, Task<()>)>,
    woken: Vec<TaskId>,
    numbered: u64,
    steps: u64,
    steps_at_instant: u64,
    steps_max: u64,
    tasks_max: usize,
    tasks_peak: usize,
}

impl std::fmt::Debug for Simulator {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Simulator")
            .field("clock", &self.clock)
            .field("steps", &self.steps)
            .finish_non_exhaustive()
    }
}

impl Simulator {
    /// The most tasks that live at once, unless told otherwise.
    pub const TASKS_MAX: usize = 20_000;
    /// The most steps at one instant, unless told otherwise: as many as a whole crowd needs many times over.
    pub const STEPS_MAX: u64 = 50_000_000;

    /// A simulator whose order of tasks follows from `seed`, and whose clock shows `begins_at`.
    pub fn new(seed: u64, begins_at: DateTime<Utc>) -> Self {
        Self {
            inbox: Arc::default(),
            clock: ManualClock::at(begins_at),
            random: SeededRandom::new(seed),
            places: Vec::new(),
            free: Vec::new(),
            ready: Vec::new(),
            spawned: Vec::new(),
            woken: Vec::new(),
            numbered: 0,
            steps: 0,
            steps_at_instant: 0,
            steps_max: Self::STEPS_MAX,
            tasks_max: Self::TASKS_MAX,
            tasks_peak: 0,
        }
    }

    /// Bounds the tasks that live at once.
    #[must_use]
    pub const fn with_tasks_max(mut self, tasks_max: usize) -> Self {
        self.tasks_max = tasks_max;
        self
    }

    /// Bounds the steps while the clock stands still; more are a [`Stopped::Livelock`].
    #[must_use]
    pub const fn with_steps_max(mut self, steps_max: u64) -> Self {
        self.steps_max = steps_max;
        self
    }

    /// Starts and kills tasks.
    pub fn handle(&self) -> Handle {
        Handle::of(&self.inbox, self.tasks_max)
    }

    /// The clock and the timer of the run. Only the simulator moves it.
    pub fn clock(&self) -> ManualClock {
        self.clock.clone()
    }

    /// How often a task ran until it waited.
    pub const fn steps(&self) -> u64 {
        self.steps
    }

    /// The most tasks that lived at once.
    pub const fn tasks_peak(&self) -> usize {
        self.tasks_peak
    }

    /// Runs everything until a future is done. Tasks that are left then stay where they are; the next call
    /// goes on with them.
    ///
    /// # Errors
    /// [`Stopped`]: it can never be done.
    ///
    /// # Panics
    /// Where a task panics.
    pub fn block_on<T, F>(&mut self, future: F) -> Result<T, Stopped>
    where
        T: Send + 'static,
        F: Future<Output = T> + Send + 'static,
    {
        let handle = self.handle();
        let mut joined = handle.spawn(handle.new_group(), future);
        loop {
            if let std::task::Poll::Ready(result) =
                std::pin::Pin::new(&mut joined).poll(&mut Context::from_waker(Waker::noop()))
            {
                return result.map_err(|_| Stopped::Killed { at: self.clock.now() });
            }
            self.step()?;
        }
    }

    /// Runs one task until it waits, or moves the clock.
    fn step(&mut self) -> Result<(), Stopped> {
        self.take_in();
        if self.ready.is_empty() {
            return self.move_clock();
        }
        if self.steps_at_instant >= self.steps_max {
            let (at, steps) = (self.clock.now(), self.steps_at_instant);
            return Err(Stopped::Livelock { at, steps });
        }
        self.steps += 1;
        self.steps_at_instant += 1;
        let task = self.pick();
        self.run(task);
        Ok(())
    }

    fn pick(&mut self) -> TaskId {
        let among = self.ready.len() as u64;
        let place = usize::try_from(self.random.next_u64() % among).unwrap_or(0);
        self.ready.swap_remove(place)
    }

    fn run(&mut self, TaskId { place, number }: TaskId) {
        let Some(running) = self.places[place].as_mut().filter(|task| task.number == number) else {
            return;
        };
        running.signal.is_ready.store(false, Ordering::Relaxed);
        let done = running.task.as_mut().poll(&mut Context::from_waker(&running.waker)).is_ready();
        if done {
            self.end(place);
        }
    }

    /// Drops a task, whose drops may wake and start others.
    fn end(&mut self, place: usize) {
        if let Some(ended) = self.places[place].take() {
            self.free.push(place);
            drop(ended);
            lock(&self.inbox).ended();
        }
    }

    fn take_in(&mut self) {
        // A kill drops tasks, whose drops may wake and start others: until nothing is left to take in.
        loop {
            let mut inbox = lock(&self.inbox);
            if inbox.killed.is_empty() && inbox.spawned.is_empty() && inbox.woken.is_empty() {
                return;
            }
            std::mem::swap(&mut self.spawned, &mut inbox.spawned);
            std::mem::swap(&mut self.woken, &mut inbox.woken);
            let killed = std::mem::take(&mut inbox.killed);
            drop(inbox);
            let mut spawned = std::mem::take(&mut self.spawned);
            for (group, task) in spawned.drain(..) {
                self.admit(group, task);
            }
            self.spawned = spawned;
            self.ready.append(&mut self.woken);
            for group in killed {
                self.end_group(group);
            }
        }
    }

    fn admit(&mut self, group: Group, task: Task<()>) {
        let place = self.free.pop().unwrap_or(self.places.len());
        if place == self.places.len() {
            self.places.push(None);
        }
        self.numbered += 1;
        let id = TaskId { place, number: self.numbered };
        let signal = Arc::new(Signal {
            inbox: Arc::clone(&self.inbox),
            task: id,
            is_ready: AtomicBool::new(true),
        });
        let waker = Waker::from(Arc::clone(&signal));
        self.places[place] = Some(Running { number: id.number, group, task, signal, waker });
        self.ready.push(id);
        self.tasks_peak = self.tasks_peak.max(self.places.len() - self.free.len());
    }

    fn end_group(&mut self, group: Group) {
        let of_group = |(place, running): (usize, &Option<Running>)| {
            running.as_ref().filter(|running| running.group == group).map(|it| (it.number, place))
        };
        // In the order in which they were started, whatever places they got.
        let ended: BTreeMap<u64, usize> =
            self.places.iter().enumerate().filter_map(of_group).collect();
        for place in ended.into_values() {
            self.end(place);
        }
    }

    fn move_clock(&mut self) -> Result<(), Stopped> {
        let now = self.clock.now();
        let next = self.clock.next_wake().ok_or(Stopped::Deadlock { at: now })?;
        self.steps_at_instant = 0;
        self.clock.set(next.max(now));
        Ok(())
    }
}
