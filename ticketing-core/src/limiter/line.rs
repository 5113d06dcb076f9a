//! Who may go next: a state machine without time or tasks of its own.

use std::collections::{BTreeMap, BTreeSet};
use std::task::Waker;
use std::time::Duration;

use chrono::{DateTime, Utc};

use super::options::LimiterOptions;

/// Which calls go first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Class {
    /// Settles money that may have moved.
    Settling,
    /// Moves new money.
    New,
}

/// A place in the line; lower came earlier.
pub(super) type Place = u64;

const RETRY_MIN: Duration = Duration::from_millis(10);
const RETRY_MAX: Duration = Duration::from_mins(1);

/// Waiting calls in two classes, places in flight, and one instant that stands for the token bucket.
///
/// Nobody but the waiting calls can watch the clock, so one of them, the driver, sleeps until the next
/// token is there. Wakers are given back, to be woken after the lock is free.
pub(super) struct Line {
    options: LimiterOptions,
    /// Nanoseconds between two calls.
    every: i64,
    /// When the bucket is full again, in nanoseconds since the epoch.
    full_at: i64,
    in_flight: u32,
    placed: Place,
    settling: BTreeMap<Place, Waker>,
    new: BTreeMap<Place, Waker>,
    granted: BTreeSet<Place>,
    settling_in_row: u32,
    driver: Option<Driver>,
    /// How long a call takes, smoothed.
    call_us: u64,
}

struct Driver {
    place: Place,
    /// Whether it sleeps until the next token.
    armed: bool,
}

fn nanos(now: DateTime<Utc>) -> i64 {
    now.timestamp_nanos_opt().unwrap_or(i64::MAX / 2)
}

impl Line {
    pub(super) fn new(options: LimiterOptions) -> Self {
        Self {
            options,
            every: i64::from(1_000_000_000_u32.div_ceil(options.per_second_max)),
            full_at: i64::MIN / 2,
            in_flight: 0,
            placed: 0,
            settling: BTreeMap::new(),
            new: BTreeMap::new(),
            granted: BTreeSet::new(),
            settling_in_row: 0,
            driver: None,
            call_us: 0,
        }
    }

    pub(super) const fn in_flight(&self) -> u32 {
        self.in_flight
    }

    pub(super) fn waiting(&self) -> (usize, usize) {
        (self.settling.len(), self.new.len())
    }

    /// Goes at once, if nobody waits and nothing is in the way.
    pub(super) fn enter(&mut self, now: DateTime<Utc>) -> bool {
        self.settling.is_empty() && self.new.is_empty() && self.take(now)
    }

    /// Takes a place in the line, or says when to come back.
    pub(super) fn join(&mut self, class: Class, waker: Waker) -> Result<Place, Duration> {
        let most = self.options.waiting_max as usize;
        let waiting = self.settling.len() + self.new.len();
        let full = match class {
            Class::Settling => waiting >= most,
            Class::New => waiting >= most || self.new.len() >= most - most.div_ceil(4),
        };
        if full {
            return Err(self.come_back());
        }
        self.placed += 1;
        let place = self.placed;
        self.queue(class).insert(place, waker);
        Ok(place)
    }

    /// When there will be room, by how fast calls went until now.
    pub(super) fn come_back(&self) -> Duration {
        let ahead = self.settling.len() as u64 + self.new.len() as u64 + 1;
        let by_rate = Duration::from_nanos(ahead.saturating_mul(self.every.unsigned_abs()));
        let rounds = ahead.div_ceil(u64::from(self.options.in_flight_max));
        let by_flight = Duration::from_micros(rounds.saturating_mul(self.call_us));
        by_rate.max(by_flight).clamp(RETRY_MIN, RETRY_MAX)
    }

    /// Whether a place was called up; if so it is in flight now.
    pub(super) fn collect(&mut self, place: Place) -> bool {
        self.granted.remove(&place)
    }

    /// Remembers whom to wake, and says until when to sleep if this place is the driver.
    pub(super) fn wait(
        &mut self,
        class: Class,
        place: Place,
        waker: &Waker,
        now: DateTime<Utc>,
    ) -> Option<DateTime<Utc>> {
        if let Some(kept) = self.queue(class).get_mut(&place) {
            kept.clone_from(waker);
        }
        let free = self.in_flight < self.options.in_flight_max;
        let next_at = self.next_at(now);
        let driver = self.driver.get_or_insert(Driver { place, armed: false });
        if driver.place != place {
            return None;
        }
        driver.armed = free;
        free.then_some(next_at)
    }

    /// Calls up all that may go, and returns whom to wake.
    pub(super) fn call_up(&mut self, now: DateTime<Utc>) -> Vec<Waker> {
        let mut wake = Vec::new();
        while let Some(class) = self.next_class()
            && self.take(now)
        {
            self.settling_in_row = match class {
                Class::Settling if !self.new.is_empty() => self.settling_in_row + 1,
                Class::Settling | Class::New => 0,
            };
            if let Some((place, waker)) = self.queue(class).pop_first() {
                self.granted.insert(place);
                self.dismiss(place);
                wake.push(waker);
            }
        }
        self.appoint(&mut wake);
        wake
    }

    /// Gives up a place, called up or not.
    pub(super) fn leave(&mut self, class: Class, place: Place, now: DateTime<Utc>) -> Vec<Waker> {
        if self.granted.remove(&place) {
            self.in_flight -= 1;
        } else {
            self.queue(class).remove(&place);
            self.dismiss(place);
        }
        self.call_up(now)
    }

    /// Ends a call that was in flight.
    pub(super) fn done(&mut self, took: Duration, now: DateTime<Utc>) -> Vec<Waker> {
        self.in_flight -= 1;
        let took = u64::try_from(took.as_micros()).unwrap_or(u64::MAX).min(600_000_000);
        self.call_us = if self.call_us == 0 { took } else { (self.call_us * 7 + took) / 8 };
        self.call_up(now)
    }

    fn queue(&mut self, class: Class) -> &mut BTreeMap<Place, Waker> {
        match class {
            Class::Settling => &mut self.settling,
            Class::New => &mut self.new,
        }
    }

    fn next_class(&self) -> Option<Class> {
        let in_turn = self.settling_in_row < self.options.settling_in_row_max;
        if !self.settling.is_empty() && (self.new.is_empty() || in_turn) {
            Some(Class::Settling)
        } else if self.new.is_empty() {
            None
        } else {
            Some(Class::New)
        }
    }

    fn dismiss(&mut self, place: Place) {
        if self.driver.as_ref().is_some_and(|driver| driver.place == place) {
            self.driver = None;
        }
    }

    /// Makes sure that somebody watches the clock while only a token is missing.
    fn appoint(&mut self, wake: &mut Vec<Waker>) {
        if self.in_flight >= self.options.in_flight_max
            || self.driver.as_ref().is_some_and(|driver| driver.armed)
        {
            return;
        }
        let Some(class) = self.next_class() else { return };
        let place = match &self.driver {
            Some(driver) => Some(driver.place),
            None => self.queue(class).keys().next().copied(),
        };
        let Some(place) = place else { return };
        // Armed as soon as it is woken: a second appointment before it runs would only wake it again.
        self.driver = Some(Driver { place, armed: true });
        wake.extend(self.settling.get(&place).or_else(|| self.new.get(&place)).cloned());
    }

    /// Takes a place in flight and a token, if both are there.
    fn take(&mut self, now: DateTime<Utc>) -> bool {
        if self.in_flight >= self.options.in_flight_max || self.next_at(now) > now {
            return false;
        }
        self.full_at = self.full_at.max(nanos(now)) + self.every;
        self.in_flight += 1;
        true
    }

    /// When the next token is there; `now` or before if one is. A clock that was set back costs at
    /// most one burst.
    fn next_at(&mut self, now: DateTime<Utc>) -> DateTime<Utc> {
        let burst = self.every.saturating_mul(i64::from(self.options.burst));
        self.full_at = self.full_at.min(nanos(now).saturating_add(burst));
        let at = self.full_at.saturating_sub(burst - self.every);
        if at <= nanos(now) {
            return now;
        }
        DateTime::from_timestamp_micros(at.div_euclid(1_000) + i64::from(at % 1_000 != 0))
            .unwrap_or(now)
    }
}
