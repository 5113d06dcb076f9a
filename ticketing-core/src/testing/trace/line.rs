//! What a trace shows: a line for each call, answer and mark, and the hash over all of them.

use std::borrow::Cow;
use std::fmt;

use chrono::{DateTime, SecondsFormat, Utc};
use serde::{Deserialize, Serialize, Serializer};

/// The hash of a trace: 128 bits of XXH3. Two runs with one hash made the same calls in the same order and
/// got the same answers. Shows as 32 hex digits.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TraceHash(pub(super) u128);

impl fmt::Display for TraceHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", self.0)
    }
}

impl fmt::Debug for TraceHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TraceHash({self})")
    }
}

impl Serialize for TraceHash {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// What a line tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TraceKind {
    /// A port was called; the text has the arguments.
    Call,
    /// It answered; the text has the answer.
    Answer,
    /// Something happened to the world; the text has the detail.
    Mark,
}

/// One line of a trace. In JSON one object on one line; `Display` is for people.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TraceLine {
    /// When, on the clock of the trace.
    pub at: DateTime<Utc>,
    /// Who called. `None` for a mark, and for an answer to a call that nobody listened to.
    pub process: Option<u16>,
    /// The number of the call, from 1; of a mark that of the last call before it.
    pub number: u64,
    /// The port, such as `holds`; `world` for a mark.
    pub port: Cow<'static, str>,
    /// The call, such as `extend`; what happened for a mark.
    pub call: Cow<'static, str>,
    /// What it tells.
    pub what: TraceKind,
    /// Arguments, answer or detail, without secrets.
    pub text: String,
}

impl fmt::Display for TraceLine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { at, process, number, port, call, what, text } = self;
        write!(f, "{} ", at.to_rfc3339_opts(SecondsFormat::Micros, true))?;
        if let Some(process) = process {
            write!(f, "p{process} ")?;
        }
        match what {
            TraceKind::Call => write!(f, "#{number} {port}.{call} {text}"),
            TraceKind::Answer => write!(f, "#{number} {port}.{call} -> {text}"),
            TraceKind::Mark => write!(f, "{call} {text}"),
        }
    }
}
