//! A clock that is wrong.

use std::collections::BTreeMap;
use std::fmt;
use std::future::poll_fn;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};

use async_trait::async_trait;
use chrono::{DateTime, TimeDelta, Utc};

use crate::port::{Clock, Timer};
use crate::sync::lock;

/// A clock that is ahead of another or behind it, and the timer that belongs to it. Clones share it.
///
/// A sleeper wakes when this clock shows its time: at once if the clock jumps there, and later than it
/// thought if the clock jumps back.
#[derive(Clone)]
pub struct SkewedClock(Arc<Skewed>);

struct Skewed {
    clock: Arc<dyn Clock>,
    timer: Arc<dyn Timer>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// Microseconds: what a clock shows.
    offset: i64,
    next_sleeper: u64,
    sleepers: BTreeMap<u64, Waker>,
}

impl fmt::Debug for SkewedClock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("SkewedClock").field(&self.offset()).finish()
    }
}

impl SkewedClock {
    /// A clock that shows the same as `clock` for now. `timer` is that of `clock`.
    pub fn new(clock: Arc<dyn Clock>, timer: Arc<dyn Timer>) -> Self {
        Self(Arc::new(Skewed { clock, timer, state: Mutex::default() }))
    }

    /// How far it is ahead of the other clock.
    pub fn offset(&self) -> TimeDelta {
        TimeDelta::microseconds(lock(&self.0.state).offset)
    }

    /// Jumps, forward or back, from what it shows now. Less than a microsecond is cut off.
    pub fn jump(&self, by: TimeDelta) {
        self.shift(|offset| offset.saturating_add(micros(by)));
    }

    /// Jumps to so far ahead of the other clock; below zero is behind it.
    pub fn set_offset(&self, to: TimeDelta) {
        self.shift(|_| micros(to));
    }

    fn shift(&self, offset: impl FnOnce(i64) -> i64) {
        let sleepers = {
            let mut state = lock(&self.0.state);
            state.offset = offset(state.offset);
            std::mem::take(&mut state.sleepers)
        };
        sleepers.into_values().for_each(Waker::wake);
    }
}

fn micros(delta: TimeDelta) -> i64 {
    let end = if delta < TimeDelta::zero() { i64::MIN } else { i64::MAX };
    delta.num_microseconds().unwrap_or(end)
}

/// What a clock shows that is so far ahead; the first or last time there is, if it cannot.
fn shifted(at: DateTime<Utc>, by: i64) -> DateTime<Utc> {
    let end = if by < 0 { DateTime::<Utc>::MIN_UTC } else { DateTime::<Utc>::MAX_UTC };
    at.checked_add_signed(TimeDelta::microseconds(by)).unwrap_or(end)
}

impl Clock for SkewedClock {
    fn now(&self) -> DateTime<Utc> {
        let offset = lock(&self.0.state).offset;
        shifted(self.0.clock.now(), offset)
    }
}

/// Takes its waker out of the clock when the sleep is dropped.
struct Sleeper<'a> {
    clock: &'a SkewedClock,
    number: u64,
}

impl<'a> Sleeper<'a> {
    fn new(clock: &'a SkewedClock) -> Self {
        let mut state = lock(&clock.0.state);
        state.next_sleeper += 1;
        Self { clock, number: state.next_sleeper }
    }

    /// Asks to be woken by a jump; gives the offset until then.
    fn listen(&self, context: &Context<'_>) -> i64 {
        let mut state = lock(&self.clock.0.state);
        state.sleepers.insert(self.number, context.waker().clone());
        state.offset
    }
}

impl Drop for Sleeper<'_> {
    fn drop(&mut self) {
        lock(&self.clock.0.state).sleepers.remove(&self.number);
    }
}

/// A wait on the other timer, and the offset that it was begun under.
type Inner<'a> = (i64, Pin<Box<dyn Future<Output = ()> + Send + 'a>>);

#[async_trait]
impl Timer for SkewedClock {
    async fn sleep_until(&self, at: DateTime<Utc>) {
        let sleeper = Sleeper::new(self);
        let mut inner: Option<Inner<'_>> = None;
        poll_fn(|context| {
            let offset = sleeper.listen(context);
            if shifted(self.0.clock.now(), offset) >= at {
                return Poll::Ready(());
            }
            let (_, sleep) = match &mut inner {
                Some(begun) if begun.0 == offset => begun,
                stale => {
                    let until = shifted(at, offset.saturating_neg());
                    stale.insert((offset, self.0.timer.sleep_until(until)))
                }
            };
            if sleep.as_mut().poll(context).is_ready() {
                // The other timer woke us: look again, but let others run first, in case it is early.
                inner = None;
                context.waker().wake_by_ref();
            }
            Poll::Pending
        })
        .await;
    }
}

#[cfg(test)]
mod tests {
    use std::pin::pin;
    use std::sync::atomic::{AtomicU32, Ordering};
    use std::task::Wake;
    use std::time::Duration;

    use super::*;
    use crate::memory::{ClockIds, ManualClock, SeededRandom};
    use crate::testing::{self, Harness};

    /// Counts how often it is woken.
    #[derive(Default)]
    struct Woken(AtomicU32);

    impl Wake for Woken {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::SeqCst);
        }
    }

    /// Polls a sleep once if it was woken since; whether it is over.
    fn is_over(sleep: Pin<&mut impl Future<Output = ()>>, woken: &Arc<Woken>) -> bool {
        let waker = Waker::from(Arc::clone(woken));
        sleep.poll(&mut Context::from_waker(&waker)).is_ready()
    }

    fn second(seconds: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(seconds, 0).unwrap()
    }

    fn clocks() -> (ManualClock, SkewedClock) {
        let clock = ManualClock::at(second(100));
        let time = Arc::new(clock.clone());
        (clock, SkewedClock::new(time.clone(), time))
    }

    #[test]
    fn it_shows_the_other_clock_and_its_offset() {
        let (clock, skewed) = clocks();
        assert_eq!(skewed.now(), second(100));
        skewed.jump(TimeDelta::seconds(30));
        skewed.clone().jump(TimeDelta::seconds(-10));
        clock.advance(Duration::from_secs(5));
        assert_eq!((skewed.now(), skewed.offset()), (second(125), TimeDelta::seconds(20)));
        skewed.set_offset(TimeDelta::seconds(-50));
        assert_eq!(skewed.now(), second(55));
        skewed.set_offset(TimeDelta::nanoseconds(1_999));
        assert_eq!(skewed.now(), second(105) + TimeDelta::microseconds(1));
    }

    #[test]
    fn it_stops_where_time_ends() {
        let (_, skewed) = clocks();
        for end in [TimeDelta::MAX, TimeDelta::MIN] {
            skewed.set_offset(end);
            skewed.jump(end);
            let (first, last) = (DateTime::<Utc>::MIN_UTC, DateTime::<Utc>::MAX_UTC);
            assert_eq!(skewed.now(), if end == TimeDelta::MAX { last } else { first });
        }
    }

    #[test]
    fn a_jump_forward_wakes_who_waited_for_less() {
        let (clock, skewed) = clocks();
        let woken = Arc::<Woken>::default();
        let mut sleep = pin!(skewed.sleep_until(second(110)));
        assert!(!is_over(sleep.as_mut(), &woken));
        assert_eq!(clock.next_wake(), Some(second(110)));
        skewed.jump(TimeDelta::seconds(4));
        assert_eq!(woken.0.load(Ordering::SeqCst), 1);
        assert!(!is_over(sleep.as_mut(), &woken));
        assert_eq!(clock.next_wake(), Some(second(106)));
        skewed.jump(TimeDelta::seconds(6));
        assert_eq!(woken.0.load(Ordering::SeqCst), 2);
        assert!(is_over(sleep.as_mut(), &woken));
    }

    #[test]
    fn a_jump_back_lets_sleepers_sleep_on() {
        let (clock, skewed) = clocks();
        let woken = Arc::<Woken>::default();
        let mut sleep = pin!(skewed.sleep_until(second(110)));
        assert!(!is_over(sleep.as_mut(), &woken));
        clock.set(second(110));
        skewed.jump(TimeDelta::seconds(-5));
        assert!(!is_over(sleep.as_mut(), &woken));
        assert_eq!(clock.next_wake(), Some(second(115)));
        clock.set(second(115));
        assert!(is_over(sleep.as_mut(), &woken));
    }

    #[test]
    fn a_dropped_sleep_leaves_nothing_behind() {
        let (clock, skewed) = clocks();
        let woken = Arc::<Woken>::default();
        {
            let mut sleep = pin!(skewed.sleep_until(second(110)));
            assert!(!is_over(sleep.as_mut(), &woken));
        }
        assert_eq!((clock.next_wake(), lock(&skewed.0.state).sleepers.len()), (None, 0));
    }

    /// A timer that wakes at once, whatever it is asked.
    struct Early;

    #[async_trait]
    impl Timer for Early {
        async fn sleep_until(&self, _: DateTime<Utc>) {}
    }

    #[test]
    fn a_timer_that_wakes_early_does_not_hold_up_the_others() {
        let (clock, _) = clocks();
        let skewed = SkewedClock::new(Arc::new(clock.clone()), Arc::new(Early));
        let woken = Arc::<Woken>::default();
        let mut sleep = pin!(skewed.sleep_until(second(110)));
        assert!(!is_over(sleep.as_mut(), &woken));
        assert_eq!(woken.0.load(Ordering::SeqCst), 1, "it looks again");
        clock.set(second(110));
        assert!(is_over(sleep.as_mut(), &woken));
    }

    #[test]
    fn it_keeps_the_rules_of_a_clock_and_a_timer() {
        let (clock, skewed) = clocks();
        skewed.jump(TimeDelta::seconds(-20));
        let shared: Arc<dyn Clock> = Arc::new(skewed.clone());
        let ids = ClockIds::new(Arc::clone(&shared), Arc::new(SeededRandom::new(7)));
        let h = Harness::new(
            Arc::clone(&shared),
            Arc::new(ids),
            |task| drop(std::thread::spawn(move || pollster::block_on(task))),
            move |by| {
                clock.advance(by);
                Box::pin(std::future::ready(()))
            },
        );
        let timer: Arc<dyn Timer> = Arc::new(skewed);
        pollster::block_on(async {
            testing::clock::all(&h, &shared).await;
            testing::timer::all(&h, &timer).await;
        });
    }
}
