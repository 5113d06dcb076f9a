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
        // One by one: to split the tree costs as much as there are sleepers, due or not.
        let mut due = Vec::new();
        while let Some(first) = state.sleepers.first_entry().filter(|first| first.key().0 <= to) {
            due.push(first.remove());
        }
        drop(state);
        due.into_iter().for_each(Waker::wake);
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

#[cfg(test)]
mod tests {
    use std::future::Future;
    use std::pin::{Pin, pin};
    use std::sync::atomic::{AtomicU32, Ordering};
    use std::task::{Context, Wake};

    use super::*;

    /// Counts how often it is woken.
    #[derive(Default)]
    struct Woken(AtomicU32);

    impl Wake for Woken {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::SeqCst);
        }
    }

    impl Woken {
        fn times(&self) -> u32 {
            self.0.load(Ordering::SeqCst)
        }
    }

    fn poll(sleep: Pin<&mut impl Future<Output = ()>>, woken: &Arc<Woken>) -> Poll<()> {
        sleep.poll(&mut Context::from_waker(&Waker::from(Arc::clone(woken))))
    }

    fn second(seconds: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(seconds, 0).unwrap()
    }

    #[test]
    fn time_is_cut_to_what_a_store_keeps() {
        let precise = second(5) + chrono::TimeDelta::nanoseconds(1_999);
        let clock = ManualClock::at(precise);
        let micro = second(5) + chrono::TimeDelta::microseconds(1);
        assert_eq!(clock.now(), micro);
        clock.set(precise);
        assert_eq!(clock.now(), micro);
        clock.advance(Duration::from_nanos(2_999));
        assert_eq!(clock.now(), second(5) + chrono::TimeDelta::microseconds(3));
    }

    #[test]
    fn clones_show_one_time_and_it_goes_back_too() {
        let clock = ManualClock::at(second(10));
        let other = clock.clone();
        other.set(second(3));
        assert_eq!(clock.now(), second(3));
    }

    #[test]
    fn a_sleeper_is_woken_at_its_time_and_not_before() {
        let clock = ManualClock::at(second(0));
        let woken = Arc::<Woken>::default();
        let mut sleep = pin!(clock.sleep_until(second(10)));
        assert_eq!(clock.next_wake(), None);
        assert_eq!(poll(sleep.as_mut(), &woken), Poll::Pending);
        assert_eq!(clock.next_wake(), Some(second(10)));
        clock.set(second(9));
        assert_eq!(woken.times(), 0);
        clock.advance(Duration::from_secs(1));
        assert_eq!((woken.times(), clock.next_wake()), (1, None));
        assert_eq!(poll(sleep.as_mut(), &woken), Poll::Ready(()));
    }

    #[test]
    fn sleepers_of_one_time_all_wake_and_later_ones_sleep_on() {
        let clock = ManualClock::at(second(0));
        let woken = Arc::<Woken>::default();
        let mut first = pin!(clock.sleep_until(second(10)));
        let mut second_one = pin!(clock.sleep_until(second(10)));
        let mut later = pin!(clock.sleep_until(second(11)));
        for sleep in [first.as_mut(), second_one.as_mut(), later.as_mut()] {
            assert_eq!(poll(sleep, &woken), Poll::Pending);
        }
        clock.set(second(10));
        assert_eq!((woken.times(), clock.next_wake()), (2, Some(second(11))));
        assert_eq!(poll(later.as_mut(), &woken), Poll::Pending);
    }

    #[test]
    fn a_clock_that_went_back_lets_a_woken_sleeper_sleep_on() {
        let clock = ManualClock::at(second(0));
        let woken = Arc::<Woken>::default();
        let mut sleep = pin!(clock.sleep_until(second(10)));
        assert_eq!(poll(sleep.as_mut(), &woken), Poll::Pending);
        clock.set(second(10));
        clock.set(second(5));
        assert_eq!(poll(sleep.as_mut(), &woken), Poll::Pending);
        assert_eq!(clock.next_wake(), Some(second(10)));
    }

    #[test]
    fn a_dropped_sleep_leaves_nothing_behind() {
        let clock = ManualClock::at(second(0));
        let woken = Arc::<Woken>::default();
        {
            let mut sleep = pin!(clock.sleep_until(second(10)));
            assert_eq!(poll(sleep.as_mut(), &woken), Poll::Pending);
        }
        assert_eq!(clock.next_wake(), None);
        clock.set(second(20));
        assert_eq!(woken.times(), 0);
    }

    #[test]
    fn a_time_that_came_is_not_waited_for() {
        let clock = ManualClock::at(second(10));
        pollster::block_on(clock.sleep_until(second(10)));
        pollster::block_on(clock.sleep_until(second(1)));
    }
}
