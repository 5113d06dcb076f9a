//! What the command line takes, with the bounds of every number.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use clap::{Parser, ValueEnum};
use serde::Serialize;

use super::simulate::SimulateArgs;
use super::store::{StoreChoice, StoreParser};
use super::tenders::TenderMix;
use super::verify::VerifyArgs;

/// Tens of thousands of simulated buyers storm one performance, through the same use cases and ports
/// that a real system would call; then every invariant is counted from the store.
#[derive(Clone, Debug, Parser)]
#[command(name = "stampede", version, args_conflicts_with_subcommands = true)]
pub struct Cli {
    /// What to do instead of a storm.
    #[command(subcommand)]
    pub command: Option<Command>,
    /// What to storm, and how.
    #[command(flatten)]
    pub load: LoadArgs,
}

/// What to do instead of a storm.
#[derive(Clone, Debug, clap::Subcommand)]
pub enum Command {
    /// Sell season after season in virtual time, everything from a seed, while whatever can go wrong does
    ///
    /// Every change set is replayed on a model as it is written, and at the end everything is checked. The same
    /// seed gives the same run and the same trace hash on every machine. A run that fails prints the seed, the
    /// smallest horizon that still fails, and what happened to what it is about.
    Simulate(Box<SimulateArgs>),
    /// Check a database that was sold from, or is.
    Verify(VerifyArgs),
}

/// Storm a hall.
#[derive(Clone, Debug, clap::Args)]
pub struct LoadArgs {
    /// Seats in the hall
    #[arg(long, value_name = "N", default_value_t = 10_000,
          value_parser = clap::value_parser!(u32).range(1..=200_000))]
    pub seats: u32,
    /// Buyers who want them
    #[arg(long, value_name = "N", default_value_t = 40_000,
          value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    pub buyers: u32,
    /// What buyers and faults are drawn from; the same seed draws the same
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub seed: u64,
    /// Buyers under way at once; the others come as these leave [default: 10000, over a database 500]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=200_000))]
    pub concurrency: Option<u32>,
    /// How much goes wrong around the system
    #[arg(long, value_enum, default_value_t = FaultLevel::Mild)]
    pub faults: FaultLevel,
    /// The most seats of one buyer
    #[arg(long, value_name = "N", default_value_t = 4,
          value_parser = clap::value_parser!(u16).range(1..=100))]
    pub seats_per_buyer: u16,
    /// How buyers pay, as weights
    #[arg(long, value_name = "MIX", default_value_t)]
    pub tenders: TenderMix,
    /// Wall time after which no more buyers come, such as 30s, 1500ms or 2m
    #[arg(long, value_name = "TIME", default_value = "30s")]
    pub duration: Span,
    /// Seconds of the buyers' time that pass in one second of wall time [default: 150, over a database 60]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=10_000))]
    pub speed: Option<u32>,
    /// Where the truth is kept: in memory or in a database, `sqlite://PATH` or
    /// `mysql://USER:PASSWORD@HOST/NAME`, whose schema is brought up to date; one run at a time
    #[arg(long, value_name = "memory|URL", default_value = "memory", value_parser = StoreParser)]
    pub store: StoreChoice,
    /// Write the figures as JSON to a file, or to standard output with `-`
    #[arg(long, value_name = "PATH|-")]
    pub json: Option<JsonTarget>,
}

impl LoadArgs {
    /// Buyers under way at once. More than a database serves within the buyers' deadlines would only wait for
    /// it, and go home.
    pub const fn concurrency(&self) -> u32 {
        match (self.concurrency, &self.store) {
            (Some(told), _) => told,
            (None, StoreChoice::Memory) => 10_000,
            (None, StoreChoice::Database(_)) => 500,
        }
    }

    /// Seconds of the buyers' time in one second of wall time.
    pub const fn speed(&self) -> u32 {
        match (self.speed, &self.store) {
            (Some(told), _) => told,
            (None, StoreChoice::Memory) => 150,
            (None, StoreChoice::Database(_)) => 60,
        }
    }
}

/// How much goes wrong around the system.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum FaultLevel {
    /// Nothing does.
    None,
    /// An ordinary bad day: the gateway declines, stalls and loses answers now and then.
    Mild,
    /// Everything around the system fails often, and the hold store forgets all it knew.
    Harsh,
}

/// Where the JSON goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum JsonTarget {
    /// To standard output, which then carries nothing else.
    Stdout,
    /// To a file, replacing it.
    File(PathBuf),
}

impl FromStr for JsonTarget {
    type Err = std::convert::Infallible;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Ok(if text == "-" { Self::Stdout } else { Self::File(text.into()) })
    }
}

/// A span of wall time, 100 ms to 1 h.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span(Duration);

impl Span {
    const MIN: Duration = Duration::from_millis(100);
    const MAX: Duration = Duration::from_hours(1);

    /// The span.
    pub const fn get(self) -> Duration {
        self.0
    }
}

/// The text is not a span of time.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("expected 100ms to 60m with a unit of ms, s or m, such as 30s, got {got:?}")]
pub struct SpanError {
    /// The text.
    pub got: String,
}

impl FromStr for Span {
    type Err = SpanError;

    fn from_str(text: &str) -> Result<Self, SpanError> {
        let refused = || SpanError { got: text.to_owned() };
        let digits = text.find(|c: char| !c.is_ascii_digit()).ok_or_else(refused)?;
        let (number, unit) = text.split_at(digits);
        let unit_ms = match unit {
            "ms" => 1,
            "s" => 1_000,
            "m" => 60_000,
            _ => return Err(refused()),
        };
        let number: u64 = number.parse().map_err(|_| refused())?;
        let span = Duration::from_millis(number.checked_mul(unit_ms).ok_or_else(refused)?);
        if (Self::MIN..=Self::MAX).contains(&span) { Ok(Self(span)) } else { Err(refused()) }
    }
}

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let millis = self.0.as_millis();
        if millis.is_multiple_of(1_000) {
            write!(f, "{}s", millis / 1_000)
        } else {
            write!(f, "{millis}ms")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(args: &[&str]) -> Result<LoadArgs, clap::Error> {
        let args = std::iter::once(&"stampede").chain(args);
        Cli::try_parse_from(args).map(|cli| cli.load)
    }

    #[test]
    fn without_arguments_tens_of_thousands_storm_a_hall() {
        let args = parse(&[]).unwrap();
        assert_eq!((args.seats, args.buyers, args.seats_per_buyer), (10_000, 40_000, 4));
        assert_eq!(
            (args.faults, args.store, args.json),
            (FaultLevel::Mild, StoreChoice::Memory, None)
        );
        assert_eq!(args.duration.get(), Duration::from_secs(30));
    }

    #[test]
    fn a_database_is_given_fewer_buyers_at_once_and_more_time() {
        let of = |args: &[&str]| {
            let args = parse(args).unwrap();
            (args.concurrency(), args.speed())
        };
        assert_eq!(of(&[]), (10_000, 150));
        assert_eq!(of(&["--store", "sqlite://sale.db"]), (500, 60));
        assert_eq!(
            of(&["--store", "sqlite://sale.db", "--concurrency", "9", "--speed", "8"]),
            (9, 8)
        );
    }

    #[test]
    fn every_number_has_its_bounds_and_the_refusal_names_them() {
        let refused = [
            (["--seats", "0"], "1..=200000"),
            (["--seats", "200001"], "1..=200000"),
            (["--buyers", "0"], "1..=1000000"),
            (["--concurrency", "0"], "1..=200000"),
            (["--seats-per-buyer", "101"], "1..=100"),
            (["--speed", "0"], "1..=10000"),
            (["--seed", "one"], "invalid digit"),
            (["--duration", "0s"], "100ms to 60m"),
            (["--duration", "30"], "100ms to 60m"),
            (["--faults", "some"], "possible values: none, mild, harsh"),
            (["--store", "mysql"], "expected memory or the URL of a database"),
            (["--tenders", "card=0"], "above zero"),
        ];
        for (args, expected) in refused {
            let error = parse(&args).unwrap_err();
            assert_eq!(error.exit_code(), 2, "{args:?}");
            let text = error.to_string();
            assert!(text.contains(expected), "{args:?}: {text}");
        }
    }

    #[test]
    fn spans_read_back_what_they_show() {
        for text in ["100ms", "1500ms", "30s", "3600s"] {
            assert_eq!(text.parse::<Span>().unwrap().to_string(), text);
        }
        assert_eq!("2m".parse::<Span>().unwrap().get(), Duration::from_mins(2));
        assert_eq!("61m".parse::<Span>(), Err(SpanError { got: "61m".to_owned() }));
    }

    #[test]
    fn a_dash_is_standard_output() {
        assert_eq!(parse(&["--json", "-"]).unwrap().json, Some(JsonTarget::Stdout));
        let file = JsonTarget::File("out.json".into());
        assert_eq!(parse(&["--json", "out.json"]).unwrap().json, Some(file));
    }
}
