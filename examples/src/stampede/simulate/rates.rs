//! How often things go wrong: three levels, and every rate by its name.

use std::time::Duration;

use ticketing_core::memory::GatewayFaults;
use ticketing_core::policy::PolicyError;
use ticketing_core::testing::faults::FaultRates;

use crate::stampede::args::FaultLevel;
use crate::stampede::faults::FaultPlan;

/// What happens to whole processes and stores, in times per hour of the buyers' time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Mishaps {
    /// Each process dies, at whatever awaits it is.
    pub(super) deaths: u32,
    /// The clock of each process jumps forward.
    pub(super) forward: u32,
    /// The clock of each process jumps back.
    pub(super) back: u32,
    /// How far a clock may be off.
    pub(super) jump_max: Duration,
    /// All holds vanish.
    pub(super) holds_lost: u32,
    /// A part of the holds vanishes.
    pub(super) holds_lost_some: u32,
}

/// What sellers and the gateway's notices do besides.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Around {
    /// Changes of each performance that is on sale, in times per hour.
    pub(super) changes: u32,
    /// Performances that are called off, in thousandths.
    pub(super) called_off: u16,
    /// Notices that come again though they were taken, in thousandths.
    pub(super) notices_again: u16,
    /// Notices that somebody else sends too, in thousandths.
    pub(super) notices_forged: u16,
}

/// All rates of a run.
#[derive(Clone, Debug)]
pub(super) struct Rates {
    /// Of the calls that go through ports, per 100,000.
    pub(super) calls: FaultRates,
    /// Of processes and stores, per hour.
    pub(super) mishaps: Mishaps,
    /// Of sellers and notices.
    pub(super) around: Around,
    /// Of gateway, publisher, users and flushes.
    pub(super) plan: FaultPlan,
}

/// The text does not set a rate.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct RateError(String);

/// One rate as the command line sets it, such as `store.after=200`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RateSetting {
    name: String,
    rate: u32,
}

impl std::fmt::Display for RateSetting {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}={}", self.name, self.rate)
    }
}

impl std::str::FromStr for RateSetting {
    type Err = RateError;

    fn from_str(text: &str) -> Result<Self, RateError> {
        let refused =
            || RateError(format!("expected NAME=RATE such as store.after=200, got {text:?}"));
        let (name, rate) = text.split_once('=').ok_or_else(refused)?;
        let setting = Self { name: name.to_owned(), rate: rate.parse().map_err(|_| refused())? };
        // What no level can take is refused where it is typed; what this level cannot take is known only
        // with all the arguments.
        Rates::of(FaultLevel::None).set(&setting)?;
        Ok(setting)
    }
}

impl Rates {
    pub(super) fn of(level: FaultLevel) -> Self {
        let (calls, mishaps, around) = match level {
            FaultLevel::None => (
                FaultRates::default(),
                Mishaps {
                    deaths: 0,
                    forward: 0,
                    back: 0,
                    jump_max: Duration::from_secs(30),
                    holds_lost: 0,
                    holds_lost_some: 0,
                },
                Around { changes: 30, called_off: 0, notices_again: 0, notices_forged: 0 },
            ),
            FaultLevel::Mild => (
                FaultRates::mild(),
                Mishaps {
                    deaths: 1,
                    forward: 1,
                    back: 1,
                    jump_max: Duration::from_secs(5),
                    holds_lost: 0,
                    holds_lost_some: 1,
                },
                Around { changes: 60, called_off: 100, notices_again: 20, notices_forged: 20 },
            ),
            FaultLevel::Harsh => (
                FaultRates::harsh(),
                Mishaps {
                    deaths: 12,
                    forward: 6,
                    back: 6,
                    jump_max: Duration::from_secs(50),
                    holds_lost: 6,
                    holds_lost_some: 12,
                },
                Around { changes: 180, called_off: 200, notices_again: 100, notices_forged: 50 },
            ),
        };
        Self { calls, mishaps, around, plan: FaultPlan::of(level).simulated() }
    }

    /// The rates of a level with what was set besides; of a name that is set twice the last counts. The order
    /// is of no matter: what does not fit beside the others is tried again once they are set.
    ///
    /// # Errors
    /// [`RateError`] if a rate is out of bounds, or too high beside the others.
    pub(super) fn with(level: FaultLevel, settings: &[RateSetting]) -> Result<Self, RateError> {
        let mut rates = Self::of(level);
        let is_last = |place: usize| {
            settings[place + 1..].iter().all(|later| later.name != settings[place].name)
        };
        let mut left: Vec<&RateSetting> = (0..settings.len())
            .filter(|place| is_last(*place))
            .map(|place| &settings[place])
            .collect();
        loop {
            let (before, mut refused) = (left.len(), None);
            left.retain(|setting| match rates.set(setting) {
                Ok(()) => false,
                Err(error) => {
                    refused.get_or_insert(RateError(format!(
                        "--fault {setting} cannot be set beside the other rates of --faults {}: {error}; {}",
                        format!("{level:?}").to_lowercase(),
                        rates.way_out(&setting.name),
                    )));
                    true
                }
            });
            match refused {
                None => return Ok(rates),
                Some(error) if left.len() == before => return Err(error),
                Some(_) => {}
            }
        }
    }

    /// What leaves room for a rate that is too high beside the others: those that share a whole with it.
    fn way_out(&self, name: &str) -> String {
        let beside = whole_of(name);
        let beside = Self::names()
            .into_iter()
            .filter(|other| *other != name && beside.is_some() && whole_of(other) == beside);
        let beside = beside.filter_map(|other| {
            self.get(other).filter(|rate| *rate > 0).map(|rate| format!("{other} ({rate})"))
        });
        let beside: Vec<String> = beside.collect();
        if beside.is_empty() {
            return "set a lower rate".to_owned();
        }
        format!("lower {} with --fault too, or begin with --faults none", beside.join(", "))
    }

    /// A rate that shares a whole with others.
    fn get(&self, name: &str) -> Option<u32> {
        let plan = &self.plan;
        match name {
            "flush.deadlock" => Some(plan.deadlocks),
            "flush.answer_lost" => Some(plan.commit_answers_lost),
            "publisher.sent_twice" => Some(u32::from(plan.publisher.twice)),
            _ => {
                let thousandths = plan.gateway.get(name).or_else(|| plan.publisher.get(name));
                thousandths.map(u32::from).or_else(|| self.calls.get(name))
            }
        }
    }

    /// All names that can be set, in lines that fit a terminal.
    pub(super) fn names_wrapped() -> String {
        let (mut text, mut width) = (String::from(" "), 1);
        for name in Self::names() {
            if width + name.len() > 98 {
                text.push_str("\n ");
                width = 1;
            }
            text.push(' ');
            text.push_str(name);
            width += name.len() + 1;
        }
        text
    }

    /// The names that can be set.
    pub(super) fn names() -> Vec<&'static str> {
        FaultRates::names().chain(GatewayFaults::NAMES.iter().copied()).chain(Self::OWN).collect()
    }

    /// What is neither of a port's calls nor of the gateway's own. The topic's `publisher.twice` is called
    /// otherwise here, as a call that is made twice has that name.
    const OWN: [&'static str; 25] = [
        "process.death",
        "clock.forward",
        "clock.back",
        "clock.jump_max",
        "delay_max",
        "holds.lost",
        "holds.lost_some",
        "gateway.slow_max",
        "gateway.late_max",
        "gateway.notice_late_max",
        "publisher.fail_before",
        "publisher.fail_halfway",
        "publisher.fail_after",
        "publisher.sent_twice",
        "flush.deadlock",
        "flush.answer_lost",
        "users.inactive",
        "fraud.suspected",
        "deposits.late",
        "deposits.short",
        "deposits.reversed",
        "seller.change",
        "seller.call_off",
        "notice.again",
        "notice.forged",
    ];

    /// Sets one rate.
    pub(super) fn set(&mut self, setting: &RateSetting) -> Result<(), RateError> {
        let RateSetting { name, rate } = setting;
        let Self { calls, mishaps, around, plan } = self;
        let refused = |error: PolicyError| RateError(format!("{name}: {error}"));
        let thousandths = || {
            u16::try_from(*rate).ok().filter(|rate| *rate <= 1_000).ok_or_else(|| {
                RateError(format!("{name}: expected 0 to 1000 thousandths, got {rate}"))
            })
        };
        let seconds = Duration::from_secs(u64::from(*rate));
        match name.as_str() {
            "process.death" => mishaps.deaths = per_hour(name, *rate)?,
            "clock.forward" => mishaps.forward = per_hour(name, *rate)?,
            "clock.back" => mishaps.back = per_hour(name, *rate)?,
            "clock.jump_max" => {
                if *rate > JUMP_MAX_S {
                    let text = format!("{name}: expected 0 to {JUMP_MAX_S} seconds, got {rate}");
                    return Err(RateError(text));
                }
                mishaps.jump_max = seconds;
            }
            "holds.lost" => mishaps.holds_lost = per_hour(name, *rate)?,
            "holds.lost_some" => mishaps.holds_lost_some = per_hour(name, *rate)?,
            "delay_max" => calls.set_delay_max(seconds).map_err(refused)?,
            "gateway.slow_max" | "gateway.late_max" | "gateway.notice_late_max" => {
                let mut gateway = plan.gateway;
                *match name.as_str() {
                    "gateway.slow_max" => &mut gateway.slow_max,
                    "gateway.late_max" => &mut gateway.late_max,
                    _ => &mut gateway.notice_late_max,
                } = seconds;
                gateway.check().map_err(refused)?;
                plan.gateway = gateway;
            }
            "publisher.sent_twice" => {
                plan.publisher.set("publisher.twice", thousandths()?).map_err(refused)?;
            }
            "publisher.fail_before" | "publisher.fail_halfway" | "publisher.fail_after" => {
                plan.publisher.set(name, thousandths()?).map_err(refused)?;
            }
            "flush.deadlock" => plan.deadlocks = flushes(name, *rate, plan.commit_answers_lost)?,
            "flush.answer_lost" => {
                plan.commit_answers_lost = flushes(name, *rate, plan.deadlocks)?;
            }
            "users.inactive" => plan.users_inactive = thousandths()?,
            "fraud.suspected" => plan.fraud_suspected = thousandths()?,
            "deposits.late" => plan.deposits_late = thousandths()?,
            "deposits.short" => plan.deposits_short = thousandths()?,
            "deposits.reversed" => plan.deposits_reversed = thousandths()?,
            "seller.change" => around.changes = per_hour(name, *rate)?,
            "seller.call_off" => around.called_off = thousandths()?,
            "notice.again" => around.notices_again = thousandths()?,
            "notice.forged" => around.notices_forged = thousandths()?,
            name if GatewayFaults::NAMES.contains(&name) => {
                plan.gateway.set(name, thousandths()?).map_err(refused)?;
            }
            name if FaultRates::names().any(|known| known == name) => {
                calls.set(name, *rate).map_err(|error| RateError(error.to_string()))?;
            }
            name => {
                let names = Self::names_wrapped();
                return Err(RateError(format!(
                    "expected one of these names, got {name:?}:\n{names}"
                )));
            }
        }
        Ok(())
    }
}

/// A day: clocks that are off by more say nothing new.
const JUMP_MAX_S: u32 = 50;

/// Of what a rate is a part: rates of one whole leave each other room.
fn whole_of(name: &str) -> Option<(&str, &'static str)> {
    let (group, what) = name.split_once('.')?;
    let whole = match what {
        "before" | "after" => "calls that fail",
        "deadlock" | "answer_lost" => "flushes",
        "fail_before" | "fail_halfway" | "fail_after" | "sent_twice" => "batches",
        "notice_twice" | "notice_late" | "notice_lost" => "notices",
        _ if GatewayFaults::NAMES.contains(&name) => "calls",
        _ => return None,
    };
    Some((group, whole))
}

/// What happens to flushes is drawn once for each: the rates must leave room for each other.
fn flushes(name: &str, rate: u32, other: u32) -> Result<u32, RateError> {
    let most = FaultRates::ALWAYS - other;
    if rate <= most {
        return Ok(rate);
    }
    Err(RateError(format!("{name}: expected at most {most} flushes out of 100000, got {rate}")))
}

/// More often than once in a few seconds a process would do nothing but die.
fn per_hour(name: &str, rate: u32) -> Result<u32, RateError> {
    if rate <= 600 {
        return Ok(rate);
    }
    Err(RateError(format!("{name}: expected 0 to 600 times an hour, got {rate}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(level: FaultLevel, settings: &[&str]) -> Result<Rates, RateError> {
        let settings: Vec<RateSetting> =
            settings.iter().map(|text| text.parse().expect("a setting")).collect();
        Rates::with(level, &settings)
    }

    #[test]
    fn a_setting_applies_on_top_of_the_level_in_any_order() {
        let rates = with(FaultLevel::Mild, &["gateway.decline=900"]).unwrap();
        let mild = Rates::of(FaultLevel::Mild);
        assert_eq!(rates.plan.gateway.decline, 900);
        assert_eq!(rates.plan.gateway.slow, mild.plan.gateway.slow);
        let others = ["refuse_retryable", "lost_before", "lost_after", "slow", "late"];
        let off: Vec<String> = others.map(|name| format!("gateway.{name}=0")).to_vec();
        let mut all: Vec<&str> = vec!["gateway.decline=1000"];
        all.extend(off.iter().map(String::as_str));
        assert_eq!(with(FaultLevel::Mild, &all).unwrap().plan.gateway.decline, 1_000);
        let twice = with(FaultLevel::Mild, &["users.inactive=9", "users.inactive=7"]).unwrap();
        assert_eq!(twice.plan.users_inactive, 7);
    }

    #[test]
    fn what_does_not_fit_beside_the_others_is_refused_with_a_sentence() {
        for settings in [
            &["gateway.decline=1000"][..],
            &["gateway.notice_lost=1000"],
            &["store.before=100000"],
            &["publisher.fail_before=1000"],
            &["flush.deadlock=60000", "flush.answer_lost=60000"],
        ] {
            let error = with(FaultLevel::Harsh, settings).unwrap_err().to_string();
            assert!(error.contains("; lower ") || error.ends_with("; set a lower rate"), "{error}");
            assert!(error.contains("cannot be set beside the other rates of --faults harsh: "));
            assert!(error.contains(settings[settings.len() - 1]), "{settings:?}: {error}");
        }
    }

    #[test]
    fn a_refusal_says_what_to_lower() {
        let told = |setting: &str| {
            let error = with(FaultLevel::Mild, &[setting]).unwrap_err().to_string();
            error.split("; lower ").nth(1).unwrap_or_else(|| panic!("{error}")).to_owned()
        };
        let calls = "gateway.refuse_retryable (5), gateway.lost_before (3), gateway.lost_after (3), \
                     gateway.slow (20), gateway.late (3)";
        let way_out = "with --fault too, or begin with --faults none";
        assert_eq!(told("gateway.decline=1000"), format!("{calls} {way_out}"));
        let notices = "gateway.notice_twice (20), gateway.notice_late (20)";
        assert_eq!(told("gateway.notice_lost=1000"), format!("{notices} {way_out}"));
        assert_eq!(told("store.before=100000"), format!("store.after (10) {way_out}"));
        let publisher = "publisher.fail_before (10), publisher.fail_after (5)";
        assert_eq!(told("publisher.sent_twice=1000"), format!("{publisher} {way_out}"));
    }

    #[test]
    fn every_name_sets_something_on_top_of_every_level() {
        for level in [FaultLevel::None, FaultLevel::Mild, FaultLevel::Harsh] {
            let as_it_is = format!("{:?}", Rates::of(level));
            let names = Rates::names();
            let set: Vec<String> = names
                .iter()
                .map(|name| format!("{:?}", with(level, &[&format!("{name}=7")]).unwrap()))
                .collect();
            let different: std::collections::BTreeSet<&String> = set.iter().collect();
            assert_eq!(different.len(), names.len(), "two names set the same, or one nothing");
            assert!(!different.contains(&as_it_is));
        }
    }

    #[test]
    fn an_unknown_name_is_answered_with_all_names() {
        let error = "store.nothing=1".parse::<RateSetting>().unwrap_err().to_string();
        let told: Vec<&str> = error.split_whitespace().collect();
        assert!(Rates::names().iter().all(|name| told.contains(name)), "{error}");
        assert!(error.lines().all(|line| line.len() <= 100), "{error}");
    }
}
