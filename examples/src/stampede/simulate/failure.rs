//! What a run that failed is told about.

use std::fmt;
use std::time::Duration;

use chrono::{DateTime, Utc};

use super::args::SimulateArgs;
use crate::stampede::report::Report;
use crate::stampede::world::begins_at;

/// What broke, and when.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Broken {
    pub(super) at: DateTime<Utc>,
    pub(super) text: String,
}

/// What all seeds came to.
#[derive(Debug)]
pub struct Simulated {
    /// The figures, summed over the seeds that ran.
    pub report: Report,
    /// The first seed that failed.
    pub failed: Option<Failed>,
}

/// A run that broke an invariant, or could not go on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failed {
    pub(super) seed: u64,
    pub(super) broken: Broken,
    /// The smallest horizon that still fails, if one was looked for.
    pub(super) horizon: Option<Duration>,
    pub(super) repeat: String,
    pub(super) story: Vec<String>,
}

impl Failed {
    /// A run that is sound, but not the one that was expected.
    pub(super) fn unexpected(args: &SimulateArgs, text: String) -> Self {
        let repeat = args.repeat(args.seed, None);
        let broken = Broken { at: begins_at(), text };
        Self { seed: args.seed, broken, horizon: None, repeat, story: Vec::new() }
    }
}

impl fmt::Display for Failed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { seed, broken, horizon, repeat, story } = self;
        writeln!(f, "seed {seed} broke at {}", broken.at)?;
        writeln!(f, "    {}", broken.text)?;
        if let Some(horizon) = horizon {
            writeln!(f, "smallest horizon that still fails: {} s", horizon.as_secs())?;
        }
        if !story.is_empty() {
            writeln!(f, "what happened to it last:")?;
            for line in story {
                writeln!(f, "    {line}")?;
            }
        }
        write!(f, "repeat with: {repeat}")
    }
}
