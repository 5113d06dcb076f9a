//! What `stampede simulate` takes, with the bounds of every number.

use std::fmt::Write as _;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use ticketing_core::port::Ports;

use super::rates::{RateError, RateSetting, Rates};
use super::rates_help;
use crate::stampede::args::{FaultLevel, JsonTarget};
use crate::stampede::tenders::TenderMix;

/// Simulate seasons in virtual time.
#[derive(Clone, Debug, clap::Args)]
#[command(after_help = rates_help::short(), after_long_help = rates_help::long())]
pub struct SimulateArgs {
    /// Seats of each performance
    #[arg(long, value_name = "N", default_value_t = 1_000,
          value_parser = clap::value_parser!(u32).range(1..=200_000))]
    pub seats: u32,
    /// Buyers in all, at most 1,000,000; performances follow each other until all have come. A run keeps
    /// all that it sold in memory: for each buyer about 1.8 KiB, and 5.8 KiB where --demand is 1 and all get
    /// seats. It is refused what takes more than 2 GiB; for more buyers run more --seeds
    #[arg(long, value_name = "N", default_value_t = 4_000, value_parser = buyers)]
    pub buyers: u32,
    /// Buyers for each seat
    #[arg(long, value_name = "N", default_value_t = 4,
          value_parser = clap::value_parser!(u32).range(1..=1_000))]
    pub demand: u32,
    /// What everything is drawn from
    #[arg(long, value_name = "N", default_value_t = 1, conflicts_with = "seeds")]
    pub seed: u64,
    /// Run many seeds, first and last of them included; the first that fails ends it
    #[arg(long, value_name = "A..B")]
    pub seeds: Option<Seeds>,
    /// Seeds that run at once; default: one for each core
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=256))]
    pub jobs: Option<u16>,
    /// How much goes wrong
    #[arg(long, value_enum, default_value_t = FaultLevel::Mild)]
    pub faults: FaultLevel,
    /// Sets one rate of the level, such as store.after=200; can be given again for others
    #[arg(long = "fault", value_name = "NAME=RATE")]
    pub rates: Vec<RateSetting>,
    /// Processes that sell over one store
    #[arg(long, value_name = "N", default_value_t = 2,
          value_parser = clap::value_parser!(u16).range(1..=16))]
    pub processes: u16,
    /// The most seats of one buyer
    #[arg(long, value_name = "N", default_value_t = 4,
          value_parser = clap::value_parser!(u16).range(1..=100))]
    pub seats_per_buyer: u16,
    /// How buyers pay, as weights
    #[arg(long, value_name = "MIX", default_value_t)]
    pub tenders: TenderMix,
    /// Seconds of virtual time after which no buyer comes and nothing goes wrong any more
    #[arg(long, value_name = "SECONDS")]
    pub horizon: Option<u32>,
    /// Where a run fails, do not look for the smallest horizon that does: that takes at most 20 more runs,
    /// none of them longer than the first
    #[arg(long)]
    pub no_shrink: bool,
    /// Write every call of a port, and its answer, as JSON lines; with --seeds those of the seed that failed,
    /// run again to its smallest horizon, and nothing if none fails
    #[arg(long, value_name = "PATH")]
    pub trace: Option<PathBuf>,
    /// Fail unless the trace hash is this one
    #[arg(long, value_name = "HASH", conflicts_with = "seeds")]
    pub expect: Option<String>,
    /// Write the figures as JSON to a file, or to standard output with `-`
    #[arg(long, value_name = "PATH|-")]
    pub json: Option<JsonTarget>,
    /// Put before the ports of every process of a seed: how a test breaks a run.
    #[arg(skip)]
    pub(super) sabotage: Option<fn(u64, Ports) -> Ports>,
}

impl SimulateArgs {
    /// Whether the arguments go together, for whoever wants to know before a run.
    ///
    /// # Errors
    /// [`ArgsError`].
    pub fn check(&self) -> Result<(), ArgsError> {
        let most = buyers_max(self.demand);
        if self.buyers > most {
            return Err(ArgsError::Memory { most, demand: self.demand, got: self.buyers });
        }
        Ok(self.rates().map(drop)?)
    }

    /// The rates of the level with what was set besides.
    pub(super) fn rates(&self) -> Result<Rates, RateError> {
        Rates::with(self.faults, &self.rates)
    }

    pub(super) fn horizon(&self) -> Option<Duration> {
        self.horizon.map(|seconds| Duration::from_secs(u64::from(seconds)))
    }

    /// The arguments that repeat a run of one seed.
    pub(super) fn repeat(&self, seed: u64, horizon: Option<Duration>) -> String {
        let mut text = format!(
            "cargo run --release -p ticketing-examples --bin stampede -- simulate --seed {seed} --seats {} --buyers {} --demand {} --faults {} --processes {} \
             --seats-per-buyer {} --tenders {}",
            self.seats,
            self.buyers,
            self.demand,
            format!("{:?}", self.faults).to_lowercase(),
            self.processes,
            self.seats_per_buyer,
            self.tenders,
        );
        for rate in &self.rates {
            let _ = write!(text, " --fault {rate}");
        }
        if let Some(horizon) = horizon.or(self.horizon()) {
            let _ = write!(text, " --horizon {}", horizon.as_secs());
        }
        text
    }
}

/// Arguments do not go together.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ArgsError {
    /// What `--fault` sets does not fit on top of `--faults`.
    #[error(transparent)]
    Rates(#[from] RateError),
    /// The run would take more than 2 GiB.
    #[error(
        "expected at most {most} buyers at --demand {demand}, as many as take 2 GiB, got {got}; for more run \
         several seeds with --seeds"
    )]
    Memory {
        /// As many as fit.
        most: u32,
        /// Buyers for each seat.
        demand: u32,
        /// How many were wanted.
        got: u32,
    },
}

/// The most buyers of one run.
const BUYERS_MAX: u32 = 1_000_000;
/// What a run takes for each buyer, and besides for each seat, in bytes.
const BYTES_OF_BUYER: u64 = 410;
const BYTES_OF_SEAT: u64 = 5_530;

/// As many buyers as take 2 GiB.
fn buyers_max(demand: u32) -> u32 {
    let each = BYTES_OF_BUYER + BYTES_OF_SEAT / u64::from(demand.max(1));
    u32::try_from((2 << 30) / each).unwrap_or(u32::MAX).min(BUYERS_MAX)
}

fn buyers(text: &str) -> Result<u32, String> {
    text.parse().ok().filter(|buyers| (1..=BUYERS_MAX).contains(buyers)).ok_or_else(|| {
        format!("expected 1 to {BUYERS_MAX} buyers; for more run several seeds with --seeds")
    })
}

/// A run of seeds, first and last included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Seeds {
    first: u64,
    last: u64,
}

impl Seeds {
    /// The most seeds of one call.
    pub const MAX: u64 = 1_000_000;

    /// The first.
    pub const fn first(self) -> u64 {
        self.first
    }

    /// How many.
    pub const fn count(self) -> u64 {
        self.last - self.first + 1
    }
}

/// The text is not a run of seeds.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("expected A..B with A <= B and at most {} seeds, such as 1..1000, got {got:?}", Seeds::MAX)]
pub struct SeedsError {
    /// The text.
    pub got: String,
}

impl FromStr for Seeds {
    type Err = SeedsError;

    fn from_str(text: &str) -> Result<Self, SeedsError> {
        let parsed = text.split_once("..").and_then(|(first, last)| {
            let (first, last): (u64, u64) = (first.parse().ok()?, last.parse().ok()?);
            (first <= last && last - first < Self::MAX).then_some(Self { first, last })
        });
        parsed.ok_or_else(|| SeedsError { got: text.to_owned() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seeds_are_a_run_with_both_its_ends() {
        let seeds: Seeds = "3..7".parse().unwrap();
        assert_eq!((seeds.first(), seeds.count()), (3, 5));
        for text in ["7..3", "1", "a..b", "1..1000001", "1..=3"] {
            let error = text.parse::<Seeds>().unwrap_err().to_string();
            assert!(error.contains("such as 1..1000"), "{error}");
        }
    }

    #[test]
    fn a_rate_is_refused_where_it_is_typed() {
        for text in [
            "store.after",
            "store.after=many",
            "store.nothing=1",
            "process.death=601",
            "delay_max=0",
        ] {
            assert!(text.parse::<RateSetting>().is_err(), "{text}");
        }
        assert!("store.after=200".parse::<RateSetting>().is_ok());
    }

    #[test]
    fn more_buyers_than_memory_holds_are_refused_with_a_way_out() {
        assert_eq!((buyers("1"), buyers("1000000")), (Ok(1), Ok(1_000_000)));
        for text in ["0", "1000001", "10000000", "-1", "many"] {
            assert!(buyers(text).unwrap_err().contains("--seeds"), "{text}");
        }
        assert_eq!(
            (buyers_max(1), buyers_max(4), buyers_max(1_000)),
            (361_529, 1_000_000, 1_000_000)
        );
    }
}
