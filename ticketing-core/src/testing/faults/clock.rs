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
