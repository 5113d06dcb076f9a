//! What a run came to: for the eye, and as JSON with stable keys.

use std::collections::BTreeMap;
use std::fmt;

use serde::Serialize;
use ticketing_core::money::Currency;

mod simulation;

pub use self::simulation::{FailedSeed, InSimulation};
use super::args::FaultLevel;
use super::audit::Invariants;
pub use super::measure::StepFigures;
use super::store::StoreKind;

/// An amount of money.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Revenue {
    /// The ISO 4217 code.
    pub currency: &'static str,
    /// The exact amount in the currency's major unit, as a decimal text.
    pub amount: String,
}

impl Revenue {
    /// Adds minor units; both amounts were made here.
    fn add(&mut self, other: &Self) {
        let minor = |amount: &str| amount.parse::<i64>().unwrap_or(0);
        self.amount = (minor(&self.amount) + minor(&other.amount)).to_string();
    }
}

/// The figures of a run. Its JSON keys are stable; times with a unit in their name are wall time.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// The seed.
    pub seed: u64,
    /// What was run.
    pub mode: &'static str,
    /// Where the truth was kept.
    pub store: StoreKind,
    /// Seats in the hall.
    pub seats: u32,
    /// Buyers who came.
    pub buyers: u64,
    /// Seats sold at the end.
    pub sold: u64,
    /// Tickets that were given back or taken back.
    pub refunded: u64,
    /// Tickets that are good.
    pub tickets: u64,
    /// What seller and platform have of it.
    pub revenue: Revenue,
    /// From the first buyer's coming to the last one's leaving.
    pub duration_s: f64,
    /// Reservations paid in that time, per second.
    pub purchases_per_s: f64,
    /// Latencies by step.
    pub steps: BTreeMap<&'static str, StepFigures>,
    /// Faults met, by kind.
    pub faults: BTreeMap<String, u64>,
    /// What was checked.
    pub invariants: Invariants,
    /// What only a simulation has.
    #[serde(flatten)]
    pub simulation: Option<InSimulation>,
    /// What only people read.
    #[serde(skip)]
    pub story: Story,
}

/// What only people read.
#[derive(Clone, Debug)]
pub struct Story {
    /// How much went wrong around the system.
    pub fault_level: FaultLevel,
    /// How the buyers' visits ended.
    pub endings: Vec<(&'static str, u64)>,
    /// Wall time that settling took.
    pub settled_in_s: f64,
    /// Wall time that the checks took.
    pub checked_in_s: f64,
    /// How long the run was on its own clock.
    pub simulated: String,
    /// The steps, in the order of a visit.
    pub steps: Vec<&'static str>,
}

impl Report {
    /// The report of a run of which nothing can be counted.
    pub(crate) fn cut_short(
        seed: u64,
        seats: u32,
        fault_level: FaultLevel,
        invariants: Invariants,
        simulation: InSimulation,
    ) -> Self {
        let revenue = Revenue { currency: Currency::KRW.code(), amount: "0".to_owned() };
        Self {
            seed,
            mode: "simulate",
            store: StoreKind::Memory,
            seats,
            buyers: 0,
            sold: 0,
            refunded: 0,
            tickets: 0,
            revenue,
            duration_s: 0.0,
            purchases_per_s: 0.0,
            steps: BTreeMap::new(),
            faults: BTreeMap::new(),
            invariants,
            simulation: Some(simulation),
            story: Story {
                fault_level,
                endings: Vec::new(),
                settled_in_s: 0.0,
                checked_in_s: 0.0,
                simulated: String::new(),
                steps: Vec::new(),
            },
        }
    }

    /// The exit status of a program that ran this: 0 if every invariant holds, else 1.
    pub fn exit_status(&self) -> u8 {
        u8::from(!self.is_sound())
    }

    /// Whether every invariant holds.
    pub fn is_sound(&self) -> bool {
        self.invariants.hold()
    }
}

fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

fn latency(us: u64) -> String {
    match us {
        0 => "<1 us".to_owned(),
        1..1_000 => format!("{us} us"),
        1_000..1_000_000 => format!("{}.{:02} ms", us / 1_000, us % 1_000 / 10),
        _ => format!("{}.{:02} s", us / 1_000_000, us % 1_000_000 / 10_000),
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let story = &self.story;
        if let Some(run) = &self.simulation {
            return run.show(f, self);
        }
        writeln!(
            f,
            "stampede: {} buyers for {} seats, seed {}, {} store, faults {}",
            grouped(self.buyers),
            grouped(u64::from(self.seats)),
            self.seed,
            self.store,
            format!("{:?}", story.fault_level).to_lowercase(),
        )?;
        writeln!(
            f,
            "storm {:.1} s, settling {:.1} s, checks {:.1} s; {} on the buyers' clock",
            self.duration_s, story.settled_in_s, story.checked_in_s, story.simulated
        )?;
        writeln!(
            f,
            "sold {} seats, {} good tickets, {} refunded, {} {}; {:.0} purchases/s\n",
            grouped(self.sold),
            grouped(self.tickets),
            grouped(self.refunded),
            self.revenue.amount,
            self.revenue.currency,
            self.purchases_per_s
        )?;
        self.buyers(f)?;
        self.latencies(f)?;
        self.faults(f)?;
        show_checks(f, &self.invariants)
    }
}

impl Report {
    fn buyers(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "buyers who")?;
        for (text, count) in self.story.endings.iter().filter(|(_, count)| *count > 0) {
            writeln!(f, "  {text:<38} {:>10}", grouped(*count))?;
        }
        writeln!(f)
    }

    fn latencies(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{:<10}{:>12}{:>12}{:>12}{:>12}", "step", "count", "p50", "p99", "max")?;
        for name in &self.story.steps {
            let Some(step) = self.steps.get(name) else { continue };
            writeln!(
                f,
                "{name:<10}{:>12}{:>12}{:>12}{:>12}",
                grouped(step.count),
                latency(step.p50_us),
                latency(step.p99_us),
                latency(step.max_us)
            )?;
        }
        writeln!(f)
    }

    fn faults(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let met: Vec<_> = self.faults.iter().filter(|(_, count)| **count > 0).collect();
        if met.is_empty() {
            return writeln!(f, "no faults met\n");
        }
        writeln!(f, "faults met")?;
        for (name, count) in met {
            writeln!(f, "  {:<38} {:>10}", name.replace('_', " "), grouped(*count))?;
        }
        writeln!(f)
    }
}

pub(super) fn show_checks(f: &mut fmt::Formatter<'_>, invariants: &Invariants) -> fmt::Result {
    writeln!(f, "{:<40} {:>10}  ", "invariant", "checked")?;
    for checked in &invariants.0 {
        let verdict = if checked.ok { "ok" } else { "BROKEN" };
        let name = checked.name.replace('_', " ");
        writeln!(f, "{name:<40} {:>10}  {verdict}", grouped(checked.checked))?;
        for broken in &checked.broken {
            writeln!(f, "    {broken}")?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_easy_to_read() {
        assert_eq!(grouped(0), "0");
        assert_eq!(grouped(123), "123");
        assert_eq!(grouped(1_234_567), "1,234,567");
        assert_eq!(latency(0), "<1 us");
        assert_eq!(latency(999), "999 us");
        assert_eq!(latency(1_530), "1.53 ms");
        assert_eq!(latency(2_050_000), "2.05 s");
    }
}
