//! How often each fault happens.

use std::fmt;
use std::time::Duration;

use crate::policy::PolicyError;

/// Ports that fail together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Group {
    Store,
    Reads,
    Layouts,
    Holds,
    Line,
    Gateway,
    Users,
    Fraud,
    Limits,
    Outbox,
    Publisher,
}

/// What goes wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Before,
    After,
    Delay,
    Twice,
    Stale,
}

const GROUPS: usize = Group::Publisher as usize + 1;
const KINDS: usize = Kind::Stale as usize + 1;

/// Every fault that there is, by name.
const FAULTS: [(&str, Group, Kind); 34] = [
    ("store.before", Group::Store, Kind::Before),
    ("store.after", Group::Store, Kind::After),
    ("store.delay", Group::Store, Kind::Delay),
    ("store.twice", Group::Store, Kind::Twice),
    ("reads.before", Group::Reads, Kind::Before),
    ("reads.delay", Group::Reads, Kind::Delay),
    ("layouts.stale", Group::Layouts, Kind::Stale),
    ("holds.before", Group::Holds, Kind::Before),
    ("holds.after", Group::Holds, Kind::After),
    ("holds.delay", Group::Holds, Kind::Delay),
    ("holds.twice", Group::Holds, Kind::Twice),
    ("line.before", Group::Line, Kind::Before),
    ("line.after", Group::Line, Kind::After),
    ("line.delay", Group::Line, Kind::Delay),
    ("line.twice", Group::Line, Kind::Twice),
    ("gateway.before", Group::Gateway, Kind::Before),
    ("gateway.after", Group::Gateway, Kind::After),
    ("gateway.delay", Group::Gateway, Kind::Delay),
    ("gateway.twice", Group::Gateway, Kind::Twice),
    ("users.before", Group::Users, Kind::Before),
    ("users.delay", Group::Users, Kind::Delay),
    ("fraud.before", Group::Fraud, Kind::Before),
    ("fraud.delay", Group::Fraud, Kind::Delay),
    ("limits.before", Group::Limits, Kind::Before),
    ("limits.after", Group::Limits, Kind::After),
    ("limits.delay", Group::Limits, Kind::Delay),
    ("outbox.before", Group::Outbox, Kind::Before),
    ("outbox.after", Group::Outbox, Kind::After),
    ("outbox.delay", Group::Outbox, Kind::Delay),
    ("outbox.twice", Group::Outbox, Kind::Twice),
    ("publisher.before", Group::Publisher, Kind::Before),
    ("publisher.after", Group::Publisher, Kind::After),
    ("publisher.delay", Group::Publisher, Kind::Delay),
    ("publisher.twice", Group::Publisher, Kind::Twice),
];

/// One value for each fault.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Table<T>([[T; KINDS]; GROUPS]);

impl<T: Copy> Table<T> {
    pub(super) fn get(&self, group: Group, kind: Kind) -> T {
        self.0[group as usize][kind as usize]
    }

    pub(super) fn get_mut(&mut self, group: Group, kind: Kind) -> &mut T {
        &mut self.0[group as usize][kind as usize]
    }

    /// By name, in the order of [`FaultRates::names`].
    pub(super) fn iter(&self) -> impl Iterator<Item = (&'static str, T)> {
        FAULTS.iter().map(|(name, group, kind)| (*name, self.get(*group, *kind)))
    }
}

/// The name of a fault.
pub(super) fn name(group: Group, kind: Kind) -> &'static str {
    let named = FAULTS.iter().find(|(_, of, what)| *of == group && *what == kind);
    named.map_or("unnamed", |(name, ..)| name)
}

/// The fault of a name.
fn named(name: &str) -> Option<(&'static str, Group, Kind)> {
    FAULTS.iter().copied().find(|(known, ..)| *known == name)
}

/// How often each fault happens, in calls out of 100,000, and how long a delay takes at the most.
///
/// A fault is named by a group of ports and by what goes wrong:
///
/// | group | ports |
/// |---|---|
/// | `store` | `Store`, `Retention` |
/// | `reads` | `Layouts`, `Reservations`, `Checkouts`, `Payments`, `Refunds`, `Tickets`, `Ledger`, `Claims`, `Receipts` |
/// | `layouts` | `Layouts::performance`, which alone may come from a cache |
/// | `holds`, `line`, `limits` | `SeatHolds`, `WaitingRoom`, `RateLimit` |
/// | `gateway`, `users`, `fraud` | `PaymentGateway`, `UserDirectory`, `FraudCheck` |
/// | `outbox`, `publisher` | `OutboxReader`, `EventPublisher` |
///
/// | fault | what happens |
/// |---|---|
/// | `before` | the call fails and has no effect |
/// | `after` | the call takes effect, but its answer is lost: the outcome is unknown |
/// | `delay` | the call is made late, or its answer comes late |
/// | `twice` | the call is made twice, and the second answer is given |
/// | `stale` | an older value is given than the newest |
///
/// Calls that only read have no `after` and no `twice`; calls that may not be repeated have no `twice`.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct FaultRates {
    rates: Table<u32>,
    delay_max: Duration,
}

impl Default for FaultRates {
    /// Nothing goes wrong; a delay would take at most 3 s.
    fn default() -> Self {
        Self { rates: Table::default(), delay_max: Duration::from_secs(3) }
    }
}

impl fmt::Debug for FaultRates {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let rates = self.rates.iter().filter(|(_, rate)| *rate > 0);
        f.debug_map().entries(rates).entry(&"delay_max", &self.delay_max).finish()
    }
}

impl FaultRates {
    /// The rate of a fault that happens at every call.
    pub const ALWAYS: u32 = 100_000;
    /// The longest that [`FaultRates::set_delay_max`] takes.
    pub const DELAY_MAX: Duration = Duration::from_hours(1);

    /// An ordinary day: about 1 call in 2,000 goes wrong somewhere.
    pub fn mild() -> Self {
        Self::alike(|kind| match kind {
            Kind::Before | Kind::Delay => 20,
            Kind::After | Kind::Twice => 10,
            Kind::Stale => 50,
        })
    }

    /// A bad day: about 1 call in 100 goes wrong somewhere.
    pub fn harsh() -> Self {
        Self::alike(|kind| match kind {
            Kind::Before | Kind::Delay => 400,
            Kind::After | Kind::Twice => 200,
            Kind::Stale => 1_000,
        })
    }

    fn alike(rate: impl Fn(Kind) -> u32) -> Self {
        let mut rates = Table::default();
        for (_, group, kind) in FAULTS {
            *rates.get_mut(group, kind) = rate(kind);
        }
        Self { rates, ..Self::default() }
    }

    /// The names of all faults.
    pub fn names() -> impl ExactSizeIterator<Item = &'static str> {
        FAULTS.iter().map(|(name, ..)| *name)
    }

    /// The rate of a fault; `None` if there is no fault of this name.
    pub fn get(&self, name: &str) -> Option<u32> {
        named(name).map(|(_, group, kind)| self.of(group, kind))
    }

    /// Sets the rate of a fault, such as `store.after`, to so many calls out of 100,000.
    ///
    /// # Errors
    /// [`PolicyError`], and the rates stay as they were, if there is no such fault, if the rate is
    /// above [`FaultRates::ALWAYS`], or if `before` and `after` of the group are together.
    pub fn set(&mut self, name: &str, rate: u32) -> Result<(), PolicyError> {
        let Some((field, group, kind)) = named(name) else {
            let expected = format!("one of {}", Self::names().collect::<Vec<_>>().join(", "));
            return Err(PolicyError { field: "fault", expected, got: format!("{name:?}") });
        };
        let other = match kind {
            Kind::Before => self.of(group, Kind::After),
            Kind::After => self.of(group, Kind::Before),
            Kind::Delay | Kind::Twice | Kind::Stale => 0,
        };
        let most = Self::ALWAYS - other;
        if rate > most {
            let expected = format!("at most {most} calls out of {}", Self::ALWAYS);
            return Err(PolicyError { field, expected, got: rate.to_string() });
        }
        *self.rates.get_mut(group, kind) = rate;
        Ok(())
    }

    /// The longest that a delay takes.
    pub const fn delay_max(&self) -> Duration {
        self.delay_max
    }

    /// Sets the longest that a delay takes; default 3 s, 1 us to [`FaultRates::DELAY_MAX`].
    ///
    /// # Errors
    /// [`PolicyError`] outside of that.
    pub fn set_delay_max(&mut self, most: Duration) -> Result<(), PolicyError> {
        if most < Duration::from_micros(1) || most > Self::DELAY_MAX {
            return Err(PolicyError {
                field: "delay_max",
                expected: format!("1 us to {} s", Self::DELAY_MAX.as_secs()),
                got: format!("{most:?}"),
            });
        }
        self.delay_max = most;
        Ok(())
    }

    pub(super) fn of(&self, group: Group, kind: Kind) -> u32 {
        self.rates.get(group, kind)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_fault_is_set_and_read_by_its_name() {
        let mut rates = FaultRates::default();
        for (name, rate) in FaultRates::names().zip(1..) {
            assert_eq!(rates.get(name), Some(0));
            rates.set(name, rate).unwrap();
        }
        for (name, rate) in FaultRates::names().zip(1..) {
            assert_eq!(rates.get(name), Some(rate), "{name}");
        }
        assert_eq!(rates.get("layouts.twice"), None);
    }

    #[test]
    fn a_fault_is_named_after_its_group_and_its_kind() {
        for (text, group, kind) in FAULTS {
            assert_eq!(text, format!("{group:?}.{kind:?}").to_lowercase());
            assert_eq!(name(group, kind), text);
        }
    }

    #[test]
    fn an_unknown_name_is_answered_with_the_names_that_there_are() {
        let mut rates = FaultRates::default();
        let error = rates.set("store.afer", 1).unwrap_err().to_string();
        assert!(error.starts_with("fault: expected one of store.before, store.after, "), "{error}");
        assert!(error.ends_with(", got \"store.afer\"") && !error.contains('\n'), "{error}");
        assert_eq!(rates, FaultRates::default());
    }

    #[test]
    fn a_call_fails_once_at_the_most() {
        let mut rates = FaultRates::default();
        rates.set("store.before", 60_000).unwrap();
        let error = rates.set("store.after", 40_001).unwrap_err().to_string();
        assert_eq!(error, "store.after: expected at most 40000 calls out of 100000, got 40001");
        rates.set("store.after", 40_000).unwrap();
        rates.set("store.twice", FaultRates::ALWAYS).unwrap();
        assert!(rates.set("store.twice", FaultRates::ALWAYS + 1).is_err());
        assert_eq!(rates.get("store.twice"), Some(FaultRates::ALWAYS));
    }

    #[test]
    fn a_delay_has_bounds() {
        let mut rates = FaultRates::default();
        assert_eq!(rates.delay_max(), Duration::from_secs(3));
        for bad in [Duration::ZERO, FaultRates::DELAY_MAX + Duration::from_micros(1)] {
            assert!(rates.set_delay_max(bad).is_err(), "{bad:?}");
        }
        rates.set_delay_max(FaultRates::DELAY_MAX).unwrap();
        assert_eq!(rates.delay_max(), FaultRates::DELAY_MAX);
    }

    #[test]
    fn only_what_happens_is_shown() {
        let mut rates = FaultRates::default();
        rates.set("users.delay", 7).unwrap();
        assert_eq!(format!("{rates:?}"), r#"{"users.delay": 7, "delay_max": 3s}"#);
        for rates in [FaultRates::mild(), FaultRates::harsh()] {
            assert!(FaultRates::names().all(|name| rates.get(name) > Some(0)));
        }
    }
}
