//! Time that runs faster than the wall clock, and can be skipped.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, TimeDelta, Utc};
use ticketing_core::port::{Clock, Timer};
use tokio::sync::Notify;

use super::stopwatch::Stopwatch;

/// A clock of which one second of wall time is `speed` seconds, and the timer that belongs to it. Clones
/// share it.
#[derive(Clone, Debug)]
pub(crate) struct ScaledClock(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    begins_at: DateTime<Utc>,
    speed: u32,
    wall: Stopwatch,
    skipped_us: AtomicI64,
    skips: Notify,
}

impl ScaledClock {
    /// A clock that shows `begins_at` now. A speed of 0 counts as 1.
    pub(crate) fn new(begins_at: DateTime<Utc>, speed: u32) -> Self {
        Self(Arc::new(Shared {
            begins_at,
            speed: speed.max(1),
            wall: Stopwatch::start(),
            skipped_us: AtomicI64::new(0),
            skips: Notify::new(),
        }))
    }

    /// How much faster than the wall clock it is.
    pub(crate) fn speed(&self) -> u32 {
        self.0.speed
    }

    /// Moves the clock forward at once, and wakes who waited for that.
    pub(crate) fn skip(&self, by: Duration) {
        let by_us = i64::try_from(by.as_micros()).unwrap_or(i64::MAX);
        self.0.skipped_us.fetch_add(by_us, Ordering::SeqCst);
        self.0.skips.notify_waiters();
    }

    /// Wall time that passes while this clock moves by `time`, rounded up to what a runtime can wait.
    fn wall_time(&self, time: TimeDelta) -> Duration {
        let millis = time.num_microseconds().unwrap_or(i64::MAX).max(0);
        let millis = u64::try_from(millis).unwrap_or(0).div_ceil(1_000 * u64::from(self.0.speed));
        Duration::from_millis(millis.max(1))
    }
}

impl Clock for ScaledClock {
    fn now(&self) -> DateTime<Utc> {
        let wall_us = i64::try_from(self.0.wall.elapsed().as_micros()).unwrap_or(i64::MAX);
        let run_us = wall_us.saturating_mul(i64::from(self.0.speed));
        let skipped_us = self.0.skipped_us.load(Ordering::SeqCst);
        self.0.begins_at + TimeDelta::microseconds(run_us.saturating_add(skipped_us))
    }
}

#[async_trait]
impl Timer for ScaledClock {
    #[expect(clippy::disallowed_methods, reason = "this is the timer that others wait with")]
    async fn sleep_until(&self, at: DateTime<Utc>) {
        loop {
            // Asked for before the clock is read, so that no skip in between is missed.
            let skipped = self.0.skips.notified();
            let now = self.now();
            if now >= at {
                return;
            }
            tokio::select! {
                () = tokio::time::sleep(self.wall_time(at - now)) => {}
                () = skipped => {}
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn clock(speed: u32) -> ScaledClock {
        ScaledClock::new(DateTime::from_timestamp(1_800_000_000, 0).unwrap(), speed)
    }

    #[tokio::test]
    async fn an_hour_passes_in_a_moment() {
        let clock = clock(360_000);
        let at = clock.now() + TimeDelta::hours(1);
        let wall = Stopwatch::start();
        clock.sleep_until(at).await;
        assert!(clock.now() >= at);
        assert!(wall.elapsed() < Duration::from_secs(5), "took {:?}", wall.elapsed());
    }

    #[tokio::test]
    async fn a_skip_wakes_who_waits() {
        let clock = clock(1);
        let at = clock.now() + TimeDelta::days(3);
        let sleeper = tokio::spawn({
            let clock = clock.clone();
            async move { clock.sleep_until(at).await }
        });
        while !sleeper.is_finished() {
            clock.skip(Duration::from_hours(24));
            tokio::task::yield_now().await;
        }
        assert!(clock.now() >= at);
    }

    #[tokio::test]
    async fn the_past_is_not_waited_for() {
        let clock = clock(1);
        clock.sleep_until(clock.now() - TimeDelta::hours(1)).await;
    }
}
