//! The pace of a waiting room: how many numbers to call, how long a wait will be, what a buyer sees.

use std::time::Duration;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::policy::PolicyError;
use crate::port::{LineRules, LineState, Standing};

/// How fast a line moves.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AdmissionPolicy {
    /// Numbers called in each interval, 1 to 1,000,000.
    pub per_interval: u64,
    /// The interval, 100 ms to 1 h.
    pub interval: Duration,
    /// Users inside at the same time, 1 to 10,000,000.
    pub active_max: u64,
}

impl AdmissionPolicy {
    /// How long the place of a called number is kept free for it. A number may be used later too, if
    /// there is a place then.
    pub const SHOW_UP: Duration = Duration::from_secs(30);
    /// After a pause, at most so many intervals are made up for.
    pub const CATCH_UP_INTERVALS_MAX: u32 = 10;
    /// Waits beyond this are not estimated.
    pub const ESTIMATE_MAX: Duration = Duration::from_hours(24);

    const INTERVAL_MIN: Duration = Duration::from_millis(100);
    const INTERVAL_MAX: Duration = Duration::from_hours(1);

    /// Refuses what is out of bounds.
    ///
    /// # Errors
    /// [`PolicyError`] with the first field that is.
    pub fn check(&self) -> Result<(), PolicyError> {
        let counts = [
            ("per_interval", self.per_interval, 1_000_000),
            ("active_max", self.active_max, 10_000_000),
        ];
        for (field, value, most) in counts {
            if value == 0 || value > most {
                let expected = format!("1 to {most}");
                return Err(PolicyError { field, expected, got: value.to_string() });
            }
        }
        if (Self::INTERVAL_MIN..=Self::INTERVAL_MAX).contains(&self.interval) {
            return Ok(());
        }
        Err(PolicyError {
            field: "interval",
            expected: "100 ms to 3600 s".to_owned(),
            got: format!("{} ms", self.interval.as_millis()),
        })
    }

    /// Numbers called in a time, rounded down.
    fn called_in(&self, time: Duration) -> u64 {
        let calls = u128::from(self.per_interval).saturating_mul(time.as_nanos());
        let calls = calls / self.interval.as_nanos().max(1);
        u64::try_from(calls).unwrap_or(u64::MAX)
    }
}

/// How many numbers to call at `now`. 0 until a whole interval has passed since the last call that
/// was not for 0; ask several times per interval, so that little of the rate is lost.
///
/// As many as the rate gives, but only as many as there are places inside, less the places kept free
/// for numbers called before: those called in the last [`AdmissionPolicy::SHOW_UP`] at the most, so
/// that who never comes holds the line up no longer than that.
#[must_use]
pub fn calls_due(
    state: &LineState,
    policy: &AdmissionPolicy,
    last_called_at: Option<DateTime<Utc>>,
    now: DateTime<Utc>,
) -> u64 {
    let since = last_called_at.map(|at| (now - at).to_std().unwrap_or(Duration::ZERO));
    let passed = since.unwrap_or(policy.interval);
    if passed < policy.interval {
        return 0;
    }
    let credited_max = policy.interval * AdmissionPolicy::CATCH_UP_INTERVALS_MAX;
    let by_rate = policy.called_in(passed.min(credited_max));

    let kept = match since {
        Some(since) if since < AdmissionPolicy::SHOW_UP => {
            let called_lately =
                policy.called_in(AdmissionPolicy::SHOW_UP.saturating_sub(since) + credited_max);
            state.serving.saturating_sub(state.entered).min(called_lately)
        }
        Some(_) | None => 0,
    };
    let places = policy.active_max.saturating_sub(state.active).saturating_sub(kept);

    let waiting = state.numbered.saturating_sub(state.serving);
    by_rate.min(places).min(waiting)
}

/// How long until a number with so many ahead of it is called, if the rate is what bounds it. `None`
/// beyond [`AdmissionPolicy::ESTIMATE_MAX`].
#[must_use]
pub fn estimate(ahead: u64, policy: &AdmissionPolicy) -> Option<Duration> {
    let micros = u128::from(ahead).saturating_mul(policy.interval.as_micros());
    let micros = micros / u128::from(policy.per_interval.max(1));
    (micros <= AdmissionPolicy::ESTIMATE_MAX.as_micros())
        .then(|| Duration::from_micros(u64::try_from(micros).unwrap_or(u64::MAX)))
}

/// What a buyer sees of a line, ready for JSON.
#[expect(clippy::struct_excessive_bools, reason = "each is a field of the JSON")]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LineStatus {
    /// Whether the buyer is in the waiting room: registered or in line, and not called yet.
    pub in_room: bool,
    /// Whether the buyer may enter now.
    pub called: bool,
    /// The place in line, 1 for the next one; `None` without a number or once it was called.
    pub position: Option<u64>,
    /// Whether `wait_seconds` is known.
    pub wait_known: bool,
    /// The time until the number is called, an estimate, rounded up; `None` if it is not known.
    pub wait_seconds: Option<u64>,
    /// Whether the line takes nobody else.
    pub full: bool,
    /// When to ask again.
    pub refresh_seconds: u64,
}

impl LineStatus {
    /// The shortest time between two questions.
    pub const REFRESH_SECONDS_MIN: u64 = 1;
    /// The longest time between two questions.
    pub const REFRESH_SECONDS_MAX: u64 = 30;

    /// What a buyer who stands there sees.
    #[must_use]
    pub fn of(
        standing: &Standing,
        state: &LineState,
        rules: &LineRules,
        policy: &AdmissionPolicy,
    ) -> Self {
        let (in_room, called, ahead) = match *standing {
            Standing::Absent => (false, false, None),
            Standing::Accepted => (true, false, None),
            Standing::Waiting { ahead, .. } => (true, false, Some(ahead)),
            // Who is inside and lost the tab enters again, under the same admission.
            Standing::Called { .. } | Standing::Inside { .. } => (false, true, None),
        };
        let wait = ahead.and_then(|ahead| estimate(ahead, policy));
        let wait_seconds = wait.map(|wait| wait.as_micros().div_ceil(1_000_000));
        let wait_seconds = wait_seconds.and_then(|seconds| u64::try_from(seconds).ok());
        let in_line = state.numbered.saturating_sub(state.serving).saturating_add(state.accepted);
        Self {
            in_room,
            called,
            position: ahead.map(|ahead| ahead.saturating_add(1)),
            wait_known: wait_seconds.is_some(),
            wait_seconds,
            full: in_line >= rules.line_max,
            refresh_seconds: Self::refresh(in_room, wait_seconds),
        }
    }

    /// A tenth of the wait: who waits long asks rarely.
    fn refresh(in_room: bool, wait_seconds: Option<u64>) -> u64 {
        if !in_room {
            return Self::REFRESH_SECONDS_MAX;
        }
        wait_seconds.map_or(Self::REFRESH_SECONDS_MAX, |seconds| {
            (seconds / 10).clamp(Self::REFRESH_SECONDS_MIN, Self::REFRESH_SECONDS_MAX)
        })
    }
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;
    use proptest::prelude::*;

    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn policy(per_interval: u64, active_max: u64) -> AdmissionPolicy {
        AdmissionPolicy { per_interval, interval: SECOND, active_max }
    }

    fn at_ms(ms: i64) -> DateTime<Utc> {
        DateTime::UNIX_EPOCH + TimeDelta::milliseconds(ms)
    }

    fn line(numbered: u64, serving: u64, entered: u64, active: u64) -> LineState {
        LineState { numbered, serving, entered, active, accepted: 0 }
    }

    #[test]
    fn a_wrong_policy_names_its_field() {
        assert_eq!(policy(1, 1).check(), Ok(()));
        assert_eq!(policy(0, 1).check().unwrap_err().field, "per_interval");
        assert_eq!(policy(1, 10_000_001).check().unwrap_err().field, "active_max");
        let text = AdmissionPolicy { interval: Duration::from_millis(99), ..policy(1, 1) }
            .check()
            .unwrap_err()
            .to_string();
        assert_eq!(text, "interval: expected 100 ms to 3600 s, got 99 ms");
    }

    #[test]
    fn the_rate_is_kept_whatever_the_tick() {
        for tick_ms in [100, 300, 700, 1_000, 2_300] {
            let policy = policy(50, 1_000_000);
            let mut state = line(1_000_000, 0, 0, 0);
            let mut last = None;
            let mut now_ms = 0;
            while now_ms < 600_000 {
                let calls = calls_due(&state, &policy, last, at_ms(now_ms));
                state.serving += calls;
                state.entered = state.serving;
                if calls > 0 {
                    last = Some(at_ms(now_ms));
                }
                now_ms += tick_ms;
            }
            assert!((29_400..=30_050).contains(&state.serving), "{tick_ms} ms: {}", state.serving);
        }
    }

    #[test]
    fn a_long_pause_is_made_up_for_only_in_part() {
        let state = line(1_000_000, 0, 0, 0);
        let due = calls_due(&state, &policy(50, 1_000_000), Some(at_ms(0)), at_ms(3_600_000));
        assert_eq!(due, 500);
    }

    #[test]
    fn nobody_is_called_for_a_place_that_another_was_called_for() {
        let policy = policy(50, 100);
        let last = Some(at_ms(0));
        assert_eq!(calls_due(&line(500, 0, 0, 100), &policy, last, at_ms(1_000)), 0);
        assert_eq!(calls_due(&line(500, 100, 70, 60), &policy, last, at_ms(1_000)), 10);
        assert_eq!(calls_due(&line(500, 100, 0, 0), &policy, last, at_ms(1_000)), 0);
    }

    #[test]
    fn who_never_comes_does_not_stop_the_line() {
        let policy = policy(50, 100);
        let state = line(500, 100, 0, 0);
        assert_eq!(calls_due(&state, &policy, Some(at_ms(0)), at_ms(29_999)), 0);
        assert_eq!(calls_due(&state, &policy, Some(at_ms(0)), at_ms(30_000)), 100);
    }

    #[test]
    fn a_clock_that_jumped_back_calls_nobody() {
        let state = line(500, 0, 0, 0);
        assert_eq!(calls_due(&state, &policy(50, 100), Some(at_ms(60_000)), at_ms(0)), 0);
    }

    #[test]
    fn the_wait_is_people_ahead_over_the_rate() {
        assert_eq!(estimate(0, &policy(50, 1)), Some(Duration::ZERO));
        assert_eq!(estimate(3_000, &policy(50, 1)), Some(Duration::from_mins(1)));
        assert_eq!(estimate(86_401, &policy(1, 1)), None);
        assert_eq!(estimate(u64::MAX, &policy(1, 1)), None);
    }

    #[test]
    fn the_status_is_what_a_page_needs() {
        let rules = LineRules { active_max: 10, line_max: 1_000, opens_at: None };
        let state = line(1_100, 100, 90, 10);
        let standing = Standing::Waiting { number: 701, ahead: 600 };
        let status = LineStatus::of(&standing, &state, &rules, &policy(7, 10));
        let json = serde_json::to_value(status).unwrap();
        let expected = serde_json::json!({
            "in_room": true, "called": false, "position": 601, "wait_known": true,
            "wait_seconds": 86, "full": true, "refresh_seconds": 8,
        });
        assert_eq!(json, expected);
        let early = LineStatus::of(&Standing::Accepted, &line(0, 0, 0, 0), &rules, &policy(7, 10));
        assert!(early.in_room && !early.wait_known && early.position.is_none() && !early.full);
        let called = Standing::Called { number: 3 };
        let called = LineStatus::of(&called, &state, &rules, &policy(7, 10));
        assert!(called.called && !called.in_room);
    }

    proptest! {
        #[test]
        fn never_more_than_waiting_places_or_rate(
            numbered: u64,
            serving: u64,
            entered: u64,
            active: u64,
            per_interval in 1_u64..1_000_000,
            active_max in 1_u64..10_000_000,
            last in prop::option::of(-100_000_i64..100_000),
            now in -100_000_i64..100_000,
        ) {
            let state = line(numbered, serving, entered, active);
            let policy = policy(per_interval, active_max);
            let due = calls_due(&state, &policy, last.map(at_ms), at_ms(now));
            prop_assert!(due <= numbered.saturating_sub(serving));
            prop_assert!(due <= active_max.saturating_sub(active));
            prop_assert!(due <= per_interval * 10);
        }
    }
}
