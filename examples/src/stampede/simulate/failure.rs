//! What a run that failed is told about.

use std::fmt;
use std::time::Duration;

use chrono::{DateTime, Utc};

use super::args::SimulateArgs;
use crate::stampede::report::{FailedSeed, Report};

/// When it was found that something is broken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Found {
    /// While the run went on, by what was written.
    At(DateTime<Utc>),
    /// After everything had settled: it tells nothing of when it broke.
    AtTheEnd,
}

impl fmt::Display for Found {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::At(at) => write!(f, "{at}"),
            Self::AtTheEnd => f.write_str("the end"),
        }
    }
}

/// What broke, and when that was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Broken {
    pub(super) found: Found,
    /// The invariant, if it has a name.
    pub(super) name: Option<&'static str>,
    /// The words that tell what is wrong, whatever ids and numbers are among them.
    words: Vec<String>,
    pub(super) text: String,
}

impl Broken {
    /// An invariant that has a name.
    pub(super) fn of(found: Found, name: &'static str, violations: &[String]) -> Self {
        let words = violations.first().map_or_else(Vec::new, |first| words(first));
        let text = format!("{name}: {}", violations.join("\n    "));
        Self { found, name: Some(name), words, text }
    }

    /// What has no name.
    pub(super) fn by_its_words(found: Found, text: String) -> Self {
        Self { found, name: None, words: words(&text), text }
    }

    /// Whether the same is broken in the same way, if not of the same things.
    pub(super) fn is_like(&self, other: &Self) -> bool {
        (self.name, &self.words) == (other.name, &other.words)
    }
}

fn words(text: &str) -> Vec<String> {
    let words = text.split_whitespace();
    words.filter(|word| !word.contains(|c: char| c.is_ascii_digit())).map(str::to_owned).collect()
}

/// How a smaller failure was looked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Search {
    /// Runs that it took.
    pub(super) runs: u32,
    pub(super) took: Duration,
    /// The largest horizon that was seen not to fail.
    pub(super) passes: Duration,
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
    pub(super) search: Option<Search>,
    pub(super) repeat: String,
    pub(super) story: Vec<String>,
    /// What else is named and has no story here.
    pub(super) untold: Vec<String>,
}

impl Failed {
    /// A run that is sound, but not the one that was expected.
    pub(super) fn unexpected(args: &SimulateArgs, expected: &str, got: &str) -> Self {
        let text = format!("expected the trace hash {expected}, got {got}");
        let repeat = format!("{} --expect {expected}", args.repeat(args.seed, None));
        let broken = Broken::by_its_words(Found::AtTheEnd, text);
        let (story, untold) = (Vec::new(), Vec::new());
        Self { seed: args.seed, broken, horizon: None, search: None, repeat, story, untold }
    }
}

impl Failed {
    /// For the report.
    pub(super) fn in_short(&self) -> FailedSeed {
        FailedSeed {
            seed: self.seed,
            at: self.broken.found.to_string(),
            broken: self.broken.text.clone(),
            smallest_horizon_s: self.horizon.map(|horizon| horizon.as_secs()),
            repeat: self.repeat.clone(),
        }
    }
}

impl fmt::Display for Failed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { seed, broken, horizon, search, repeat, story, untold } = self;
        writeln!(f, "seed {seed} broke at {}", broken.found)?;
        writeln!(f, "    {}", broken.text)?;
        if let Some(horizon) = horizon {
            writeln!(f, "smallest horizon that still fails: {} s", horizon.as_secs())?;
        }
        if let Some(Search { runs, took, passes }) = search {
            write!(f, "looked for by {runs} runs in {:.1} s; ", took.as_secs_f64())?;
            match horizon {
                Some(_) => writeln!(f, "with {} s it does not fail", passes.as_secs())?,
                None => writeln!(f, "none failed likewise")?,
            }
        }
        if !untold.is_empty() {
            writeln!(f, "the story is that of the first, not of {}", untold.join(", "))?;
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
