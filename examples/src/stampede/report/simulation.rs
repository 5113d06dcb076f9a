//! What only a simulation reports, and how the reports of many seeds add up.

use std::fmt;
use std::time::Duration;

use serde::Serialize;

use super::{Report, grouped};
use crate::stampede::run::{per_second, rounded};

/// What only a simulation has.
#[derive(Clone, Debug, Serialize)]
pub struct InSimulation {
    /// Of all calls to the ports, in order; of many seeds the hash of their hashes.
    pub trace_hash: String,
    /// Calls to the ports.
    pub calls: u64,
    /// Virtual time, in seconds; of many seeds the sum.
    pub virtual_s: i64,
    /// Seeds that ran.
    pub seeds_run: u64,
    /// The most tasks that lived at once.
    pub tasks_peak: u64,
    /// The most memory that the program took, where the system tells.
    pub memory_peak_bytes: Option<u64>,
    /// What failed, if anything.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub failed: Option<FailedSeed>,
}

/// How one seed failed.
#[derive(Clone, Debug, Serialize)]
pub struct FailedSeed {
    /// The seed.
    pub seed: u64,
    /// When it was found, in virtual time, or `the end`.
    pub at: String,
    /// What broke.
    pub broken: String,
    /// The smallest horizon that still fails, in seconds, if one was found.
    pub smallest_horizon_s: Option<u64>,
    /// The command that repeats it.
    pub repeat: String,
}

impl InSimulation {
    pub(super) fn show(&self, f: &mut fmt::Formatter<'_>, of: &Report) -> fmt::Result {
        let days = self.virtual_s / 86_400;
        let seeds = if self.seeds_run == 1 {
            format!("seed {}", of.seed)
        } else {
            format!("{} seeds from {}", grouped(self.seeds_run), of.seed)
        };
        writeln!(
            f,
            "stampede simulate: {} buyers, {seeds}, faults {}",
            grouped(of.buyers),
            format!("{:?}", of.story.fault_level).to_lowercase(),
        )?;
        writeln!(
            f,
            "{} calls in {days} days of virtual time; {:.1} s, checks {:.1} s, {} buyers/s; at most {} \
             tasks{}",
            grouped(self.calls),
            of.duration_s,
            of.story.checked_in_s,
            grouped(whole(per_second(of.buyers, of.duration_s))),
            grouped(self.tasks_peak),
            self.memory_peak_bytes
                .map_or_else(String::new, |bytes| format!(", {} MiB", grouped(bytes >> 20))),
        )?;
        writeln!(
            f,
            "sold {} seats, {} good tickets, {} refunded, {} {}",
            grouped(of.sold),
            grouped(of.tickets),
            grouped(of.refunded),
            of.revenue.amount,
            of.revenue.currency,
        )?;
        writeln!(f, "trace hash {}\n", self.trace_hash)?;
        of.buyers(f)?;
        of.faults(f)?;
        super::show_checks(f, &of.invariants)
    }

    fn add(&mut self, other: &Self) {
        self.calls += other.calls;
        self.virtual_s += other.virtual_s;
        self.seeds_run += other.seeds_run;
        self.tasks_peak = self.tasks_peak.max(other.tasks_peak);
        self.memory_peak_bytes = self.memory_peak_bytes.max(other.memory_peak_bytes);
    }
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a rate for the eye")]
fn whole(rate: f64) -> u64 {
    rate as u64
}

impl Report {
    /// Adds the report of another seed.
    pub(crate) fn add(&mut self, other: &Self) {
        self.buyers += other.buyers;
        self.sold += other.sold;
        self.refunded += other.refunded;
        self.tickets += other.tickets;
        self.revenue.add(&other.revenue);
        for (name, count) in &other.faults {
            *self.faults.entry(name.clone()).or_default() += count;
        }
        for (name, step) in &other.steps {
            self.steps.entry(name).or_default().add(*step);
        }
        for (ending, count) in &other.story.endings {
            match self.story.endings.iter_mut().find(|(text, _)| text == ending) {
                Some((_, sum)) => *sum += count,
                None => self.story.endings.push((ending, *count)),
            }
        }
        self.story.checked_in_s += other.story.checked_in_s;
        self.invariants.add(&other.invariants);
        if let (Some(run), Some(other)) = (&mut self.simulation, &other.simulation) {
            run.add(other);
        }
    }

    /// Says that it is the sum of many seeds.
    pub(crate) fn summed_up(&mut self, first: u64, trace_hash: String, wall: Duration) {
        self.seed = first;
        self.duration_s = rounded(wall.as_secs_f64());
        self.purchases_per_s = rounded(per_second(self.tickets, self.duration_s));
        if let Some(run) = &mut self.simulation {
            run.trace_hash = trace_hash;
        }
    }
}
