//! What the bench is told.

use std::time::Duration;

use ticketing_sqlx::Options;

/// The command line.
#[derive(Clone, Debug)]
pub(crate) struct Args {
    /// A server whose user may make databases named `ticketing_bench_..`, or `sqlite:FOLDER`.
    pub(crate) url: String,
    pub(crate) buyers: Vec<usize>,
    /// Rounds of ours, theirs, theirs, ours.
    pub(crate) rounds: usize,
    /// How long one measurement lasts.
    pub(crate) lasts: Duration,
    /// The one scenario to run.
    pub(crate) only: Option<String>,
    /// The sessions of the store that read, and those that commit, where they are not to be the defaults.
    pub(crate) reads: Option<u32>,
    pub(crate) lanes: Option<u16>,
    /// The partitions of the outbox, where they are not to be the default.
    pub(crate) partitions: Option<u16>,
    /// Ten million events, a million purchases.
    pub(crate) long: bool,
    /// Purchases through the store only, to look into where its time goes.
    pub(crate) ours: bool,
}

const SCENARIOS: [&str; 6] = ["purchases", "sellers", "processes", "outbox", "seat_map", "growth"];
const USAGE: &str = "expected --url URL [--buyers 64,256,1024] [--rounds 4] [--seconds 5] [--only purchases|sellers|processes|outbox|seat_map|growth] [--reads N] [--lanes N] [--partitions N] [--long] [--ours]";

impl Args {
    pub(crate) fn read(mut words: impl Iterator<Item = String>) -> Result<Self, String> {
        let mut args = Self {
            url: String::new(),
            buyers: vec![64, 256, 1_024],
            rounds: 4,
            lasts: Duration::from_secs(5),
            only: None,
            reads: None,
            lanes: None,
            partitions: None,
            long: false,
            ours: false,
        };
        while let Some(word) = words.next() {
            let mut value = || words.next().ok_or_else(|| format!("{word}: {USAGE}"));
            match word.as_str() {
                "--url" => args.url = value()?,
                "--buyers" => args.buyers = numbers(&value()?)?,
                "--rounds" => args.rounds = number(&value()?)?,
                "--seconds" => {
                    args.lasts =
                        Duration::from_secs(u64::try_from(number(&value()?)?).unwrap_or(1));
                }
                "--only" => args.only = Some(value()?),
                "--reads" => {
                    args.reads = Some(u32::try_from(number(&value()?)?).map_err(|_| USAGE)?);
                }
                "--lanes" => {
                    args.lanes = Some(u16::try_from(number(&value()?)?).map_err(|_| USAGE)?);
                }
                "--partitions" => {
                    args.partitions = Some(u16::try_from(number(&value()?)?).map_err(|_| USAGE)?);
                }
                "--long" => args.long = true,
                "--ours" => args.ours = true,
                // What cargo adds.
                "--bench" => {}
                other => return Err(format!("{other}: {USAGE}")),
            }
        }
        let known = args.only.as_deref().is_none_or(|only| SCENARIOS.contains(&only));
        if args.url.is_empty() || !known { Err(USAGE.to_owned()) } else { Ok(args) }
    }

    /// How the store is opened.
    pub(crate) fn options(&self) -> Options {
        let default = Options::default();
        Options {
            read_connections: self.reads.unwrap_or(default.read_connections),
            lanes: self.lanes.unwrap_or(default.lanes),
            partitions: self.partitions.unwrap_or(default.partitions),
            ..default
        }
    }

    pub(crate) fn wants(&self, scenario: &str) -> bool {
        self.only.as_deref().is_none_or(|only| only == scenario)
    }
}

fn numbers(list: &str) -> Result<Vec<usize>, String> {
    list.split(',').map(number).collect()
}

fn number(text: &str) -> Result<usize, String> {
    text.parse().ok().filter(|number| *number > 0).ok_or_else(|| format!("{text}: {USAGE}"))
}
