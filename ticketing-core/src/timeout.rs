//! Timeouts and retries, written once over the timer.

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use chrono::{DateTime, Utc};

use crate::policy::PolicyError;
use crate::port::{Clock, Random, Timer};

/// A future was not done in time, and was dropped.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("expected an answer by {at}")]
pub struct Elapsed {
    /// Until when it was waited for.
    pub at: DateTime<Utc>,
}

/// Waits for a future until `at`. A future that is ready wins over an instant that has come.
///
/// # Errors
/// [`Elapsed`] if the clock reached `at` first.
pub async fn timeout<T>(
    timer: &dyn Timer,
    at: DateTime<Utc>,
    future: impl Future<Output = T> + Send,
) -> Result<T, Elapsed> {
    let mut future = pin!(future);
    let mut sleep = timer.sleep_until(at);
    poll_fn(|context| match future.as_mut().poll(context) {
        Poll::Ready(answer) => Poll::Ready(Ok(answer)),
        Poll::Pending => sleep.as_mut().poll(context).map(|()| Err(Elapsed { at })),
    })
    .await
}

/// How a failed call is tried again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BackoffOptions {
    /// How often the call is made in all; default 5, 1 to 100.
    pub attempts_max: u32,
    /// The longest wait after the first failure; it doubles with each; default 100 ms, 1 ms to 1 min.
    pub base: Duration,
    /// The longest wait of all; default 10 s, `base` to 1 h.
    pub cap: Duration,
}

impl Default for BackoffOptions {
    fn default() -> Self {
        Self { attempts_max: 5, base: Duration::from_millis(100), cap: Duration::from_secs(10) }
    }
}

impl BackoffOptions {
    /// Refuses what is out of bounds.
    ///
    /// # Errors
    /// [`PolicyError`] with the first field that is.
    pub fn check(&self) -> Result<(), PolicyError> {
        if !(1..=100).contains(&self.attempts_max) {
            return Err(PolicyError {
                field: "attempts_max",
                expected: "1 to 100".to_owned(),
                got: self.attempts_max.to_string(),
            });
        }
        let times = [
            ("base", self.base, Duration::from_millis(1), Duration::from_mins(1)),
            ("cap", self.cap, self.base, Duration::from_hours(1)),
        ];
        for (field, value, least, most) in times {
            if value < least || value > most {
                let expected = format!("{least:?} to {most:?}");
                return Err(PolicyError { field, expected, got: format!("{value:?}") });
            }
        }
        Ok(())
    }
}

/// Whether a failed call is worth another try.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Retry {
    /// It is not: the error is the answer.
    No,
    /// It is, after the usual wait.
    Yes,
    /// It is, but not before this time has passed. Longer than the cap means no: the caller comes
    /// back later.
    After(Duration),
}

/// Makes a call again until it succeeds, is not worth another try, or has been made often enough.
/// Waits are exponential with full jitter: any time from zero to `base * 2^(failures - 1)`, at most
/// `cap`.
#[derive(Clone)]
pub struct Backoff {
    clock: Arc<dyn Clock>,
    timer: Arc<dyn Timer>,
    random: Arc<dyn Random>,
    options: BackoffOptions,
}

impl std::fmt::Debug for Backoff {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Backoff").field("options", &self.options).finish_non_exhaustive()
    }
}

impl Backoff {
    /// Checks the options.
    ///
    /// # Errors
    /// Those of [`BackoffOptions::check`].
    pub fn new(
        clock: Arc<dyn Clock>,
        timer: Arc<dyn Timer>,
        random: Arc<dyn Random>,
        options: BackoffOptions,
    ) -> Result<Self, PolicyError> {
        options.check()?;
        Ok(Self { clock, timer, random, options })
    }

    /// Calls `operation` with the number of the attempt, from 1; every attempt is a new call.
    ///
    /// # Errors
    /// That of the last attempt.
    pub async fn run<T, E, F>(
        &self,
        mut operation: impl FnMut(u32) -> F + Send,
        judge: impl Fn(&E) -> Retry + Send,
    ) -> Result<T, E>
    where
        T: Send,
        E: Send,
        F: Future<Output = Result<T, E>> + Send,
    {
        let mut attempt = 1;
        loop {
            let error = match operation(attempt).await {
                Ok(answer) => return Ok(answer),
                Err(error) => error,
            };
            let least = match judge(&error) {
                Retry::No => return Err(error),
                Retry::Yes => Duration::ZERO,
                Retry::After(least) => least,
            };
            if attempt >= self.options.attempts_max || least > self.options.cap {
                return Err(error);
            }
            let wait = least + self.jitter(attempt);
            self.timer.sleep_until(self.clock.now() + wait).await;
            attempt += 1;
        }
    }

    /// A wait after so many failures, from 1.
    fn jitter(&self, failures: u32) -> Duration {
        let doubled = 1_u32.checked_shl(failures.saturating_sub(1)).unwrap_or(u32::MAX);
        let most = self.options.base.saturating_mul(doubled).min(self.options.cap);
        let most_us = u64::try_from(most.as_micros()).unwrap_or(u64::MAX - 1);
        Duration::from_micros(self.random.next_u64() % (most_us + 1))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use pollster::block_on;

    use super::*;
    use crate::memory::{ManualClock, SeededRandom};

    fn clock() -> ManualClock {
        ManualClock::at(DateTime::from_timestamp(1_800_000_000, 0).unwrap())
    }

    /// A timer that jumps its clock ahead and writes the waits down.
    struct Jump {
        clock: ManualClock,
        waits: Mutex<Vec<Duration>>,
    }

    #[async_trait::async_trait]
    impl Timer for Jump {
        async fn sleep_until(&self, at: DateTime<Utc>) {
            let wait = (at - self.clock.now()).to_std().unwrap_or_default();
            self.waits.lock().unwrap().push(wait);
            self.clock.set(at);
        }
    }

    fn backoff(options: BackoffOptions) -> (Backoff, Arc<Jump>) {
        let jump = Arc::new(Jump { clock: clock(), waits: Mutex::default() });
        let random = Arc::new(SeededRandom::new(9));
        let time = Arc::new(jump.clock.clone());
        (Backoff::new(time, jump.clone(), random, options).unwrap(), jump)
    }

    #[test]
    fn a_timeout_ends_at_its_instant_and_a_ready_future_wins() {
        let clock = clock();
        let at = clock.now() + Duration::from_secs(1);
        let mut never = pin!(timeout(&clock, at, std::future::pending::<()>()));
        let mut context = std::task::Context::from_waker(std::task::Waker::noop());
        assert!(never.as_mut().poll(&mut context).is_pending());
        clock.advance(Duration::from_millis(999));
        assert!(never.as_mut().poll(&mut context).is_pending());
        clock.advance(Duration::from_millis(1));
        assert_eq!(block_on(never), Err(Elapsed { at }));
        assert_eq!(block_on(timeout(&clock, at, async { 7 })), Ok(7));
        assert_eq!(clock.next_wake(), None, "a finished timeout leaves no sleeper behind");
    }

    #[test]
    fn every_attempt_calls_the_operation_again() {
        let (backoff, jump) = backoff(BackoffOptions::default());
        let mut calls = Vec::new();
        let answer = block_on(backoff.run(
            |attempt| {
                calls.push(attempt);
                async move { if attempt < 3 { Err("busy") } else { Ok(attempt) } }
            },
            |_| Retry::Yes,
        ));
        assert_eq!(answer, Ok(3));
        assert_eq!(calls, [1, 2, 3]);
        assert_eq!(jump.waits.lock().unwrap().len(), 2);
    }

    #[test]
    fn a_retry_around_a_finished_answer_would_never_see_the_recovery() {
        let (backoff, _) = backoff(BackoffOptions::default());
        let mut calls = 0;
        let mut call = || {
            calls += 1;
            if calls == 1 { Err("busy") } else { Ok(()) }
        };
        let kept = call();
        let wrapped = block_on(backoff.run(|_| std::future::ready(kept), |_| Retry::Yes));
        assert_eq!(wrapped, Err("busy"));
        assert_eq!(block_on(backoff.run(|_| std::future::ready(call()), |_| Retry::Yes)), Ok(()));
        assert_eq!(calls, 2);
    }

    #[test]
    fn waits_are_spread_double_and_stay_below_the_cap() {
        let options = BackoffOptions {
            attempts_max: 100,
            base: Duration::from_millis(10),
            cap: Duration::from_millis(200),
        };
        let (backoff, jump) = backoff(options);
        let failed = block_on(backoff.run(|_| async { Err::<(), _>("down") }, |_| Retry::Yes));
        assert_eq!(failed, Err("down"));
        let waits = jump.waits.lock().unwrap();
        assert_eq!(waits.len(), 99);
        for (retry, wait) in waits.iter().enumerate() {
            let most = options.base * 2_u32.pow(u32::try_from(retry.min(20)).unwrap());
            assert!(*wait <= most.min(options.cap), "wait {retry} took {wait:?}");
        }
        let capped = &waits[5..];
        assert!(capped.iter().any(|wait| *wait < options.cap / 4), "jitter starts at zero");
        assert!(capped.iter().any(|wait| *wait > options.cap * 3 / 4), "jitter reaches the cap");
    }

    #[test]
    fn the_other_sides_time_is_kept_or_the_caller_comes_back_later() {
        let (backoff, jump) = backoff(BackoffOptions { attempts_max: 2, ..Default::default() });
        let asked = Duration::from_secs(3);
        let run = |after| backoff.run(|_| async { Err::<(), _>("busy") }, move |_| after);
        block_on(run(Retry::After(asked))).unwrap_err();
        block_on(run(Retry::After(Duration::from_secs(11)))).unwrap_err();
        block_on(run(Retry::No)).unwrap_err();
        let waits = jump.waits.lock().unwrap();
        assert_eq!(waits.len(), 1);
        assert!(waits[0] >= asked && waits[0] <= asked + Duration::from_millis(100));
    }

    #[test]
    fn options_out_of_bounds_are_refused() {
        BackoffOptions::default().check().unwrap();
        let options = BackoffOptions { attempts_max: 0, ..Default::default() };
        assert_eq!(
            options.check().unwrap_err().to_string(),
            "attempts_max: expected 1 to 100, got 0"
        );
        let options = BackoffOptions { cap: Duration::from_millis(1), ..Default::default() };
        assert_eq!(options.check().unwrap_err().field, "cap");
    }
}
