//! How often things go wrong: three levels, and every rate by its name.

use std::time::Duration;

use ticketing_core::memory::GatewayFaults;
use ticketing_core::policy::PolicyError;
use ticketing_core::testing::faults::FaultRates;

use crate::stampede::args::FaultLevel;
use crate::stampede::faults::FaultPlan;

/// What happens to whole processes and stores, in times per hour of the buyers' time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Mishaps {
    /// Each process dies, at whatever awaits it is.
    pub(super) deaths: u32,
    /// The clock of each process jumps, forward or back.
    pub(super) jumps: u32,
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
        // Refused where it is typed, not when the run begins.
        Rates::of(FaultLevel::None).set(&setting)?;
        Ok(setting)
    }
}

impl Rates {
    pub(super) fn of(level: FaultLevel) -> Self {
        let (calls, mishaps, around) = match level {
            FaultLevel::None => (
                FaultRates::default(),
                Mishaps::default(),
                Around { changes: 30, called_off: 0, notices_again: 0, notices_forged: 0 },
            ),
            FaultLevel::Mild => (
                FaultRates::mild(),
                Mishaps {
                    deaths: 1,
                    jumps: 1,
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
                    jumps: 12,
                    jump_max: Duration::from_secs(50),
                    holds_lost: 6,
                    holds_lost_some: 12,
                },
                Around { changes: 180, called_off: 200, notices_again: 100, notices_forged: 50 },
            ),
        };
        Self { calls, mishaps, around, plan: FaultPlan::of(level).simulated() }
    }

    /// The names that can be set.
    pub(super) fn names() -> Vec<&'static str> {
        FaultRates::names().chain(GatewayFaults::NAMES.iter().copied()).chain(Self::OWN).collect()
    }

    /// What is neither of a port's calls nor of the gateway's own. The topic's `publisher.twice` is called
    /// otherwise here, as a call that is made twice has that name.
    const OWN: [&'static str; 21] = [
        "process.death",
        "clock.jump",
        "clock.jump_max",
        "holds.lost",
        "holds.lost_some",
        "gateway.late_max",
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
            "clock.jump" => mishaps.jumps = per_hour(name, *rate)?,
            "clock.jump_max" => mishaps.jump_max = seconds,
            "holds.lost" => mishaps.holds_lost = per_hour(name, *rate)?,
            "holds.lost_some" => mishaps.holds_lost_some = per_hour(name, *rate)?,
            "gateway.late_max" => {
                let gateway = GatewayFaults { late_max: seconds, ..plan.gateway };
                gateway.check().map_err(refused)?;
                plan.gateway = gateway;
            }
            "publisher.sent_twice" => {
                plan.publisher.set("publisher.twice", thousandths()?).map_err(refused)?;
            }
            "publisher.fail_before" | "publisher.fail_halfway" | "publisher.fail_after" => {
                plan.publisher.set(name, thousandths()?).map_err(refused)?;
            }
            "flush.deadlock" => plan.deadlocks = *rate,
            "flush.answer_lost" => plan.commit_answers_lost = *rate,
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
            name => calls.set(name, *rate).map_err(|error| RateError(error.to_string()))?,
        }
        Ok(())
    }
}

/// More often than once in a few seconds a process would do nothing but die.
fn per_hour(name: &str, rate: u32) -> Result<u32, RateError> {
    if rate <= 600 {
        return Ok(rate);
    }
    Err(RateError(format!("{name}: expected 0 to 600 times an hour, got {rate}")))
}
