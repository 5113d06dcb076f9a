use std::collections::BTreeMap;
use std::future::poll_fn;
use std::sync::{Arc, Mutex};
use std::task::{Poll, Waker};
use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, SubsecRound, Utc};

use super::lock;
use crate::port::{Clock, Timer};

/// The machine's clock.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "the one place that reads the machine's clock")]
    fn now(&self) -> DateTime<Utc> {
        Utc::now().trunc_subsecs(6)
    }
}

/// A clock that moves only when told to, and the timer that belongs to it. Clones share it.
#[derive(Clone, Debug)]
pub struct ManualClock(Arc<Mutex<State>>);

#[derive(Debug)]
struct State {
    now: DateTime<Utc>,
    next_sleeper: u64,
    sleepers: BTreeMap<(DateTime<Utc>, u64), Waker>,
}

impl ManualClock {
    /// A clock that shows `now`.
    pub fn at(now: DateTime<Utc>) -> Self {
        let now = now.trunc_subsecs(6);
        Self(Arc::new(Mutex::new(State { now, next_sleeper: 0, sleepers: BTreeMap::new() })))
    }

    /// Moves the clock forward and wakes who waited for that.
    pub fn advance(&self, by: Duration) {
        let to = lock(&self.0).now + by;
        self.set(to);
    }

    /// Sets the clock, forward or back, and wakes who waited for that.
    pub fn set(&self, to: DateTime<Utc>) {
        let mut state = lock(&self.0);
        let to = to.trunc_subsecs(6);
        state.now = to;
        let later = state.sleepers.split_off(&(to, u64::MAX));
        let due = std::mem::replace(&mut state.sleepers, later);
        drop(state);
        due.into_values().for_each(Waker::wake);
    }

    /// When the next sleeper wants to wake.
    pub fn next_wake(&self) -> Option<DateTime<Utc>> {
        lock(&self.0).sleepers.keys().next().map(|(at, _)| *at)
    }
}

impl Clock for ManualClock {
    fn now(&self) -> DateTime<Utc> {
        lock(&self.0).now
    }
}

/// Takes its waker out of the clock when the sleep is dropped.
struct Sleeper<'a> {
    clock: &'a ManualClock,
    key: (DateTime<Utc>, u64),
}

impl Drop for Sleeper<'_> {
    fn drop(&mut self) {
        lock(&self.clock.0).sleepers.remove(&self.key);
    }
}

#[async_trait]
impl Timer for ManualClock {
    async fn sleep_until(&self, at: DateTime<Utc>) {
        let sleeper = {
            let mut state = lock(&self.0);
            state.next_sleeper += 1;
            Sleeper { clock: self, key: (at, state.next_sleeper) }
        };
        poll_fn(|context| {
            let mut state = lock(&self.0);
            if state.now >= at {
                return Poll::Ready(());
            }
            state.sleepers.insert(sleeper.key, context.waker().clone());
            Poll::Pending
        })
        .await;
    }
}
