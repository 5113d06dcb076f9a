//! What a port answers when it cannot do its work.

use std::fmt;
use std::time::Duration;

/// Whether asking again can help.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Fault {
    /// Nothing was done; the same call may succeed later.
    Transient,
    /// Nothing was done; the same call will fail again.
    Permanent,
    /// It is not known whether the call took effect.
    Unknown,
}

/// A port failed: which one, at what, and whether to ask again. The cause is behind
/// [`std::error::Error::source`]; a driver's own type never shows in this API.
pub struct PortError {
    port: &'static str,
    operation: &'static str,
    fault: Fault,
    source: Option<Box<dyn std::error::Error + Send + Sync>>,
}

impl PortError {
    /// A failure of `port` at `operation`.
    pub const fn new(port: &'static str, operation: &'static str, fault: Fault) -> Self {
        Self { port, operation, fault, source: None }
    }

    /// The same, with its cause.
    #[must_use]
    pub fn because(mut self, source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        self.source = Some(source.into());
        self
    }

    /// The port, such as `store`.
    pub const fn port(&self) -> &'static str {
        self.port
    }

    /// What it was asked for, such as `commit`.
    pub const fn operation(&self) -> &'static str {
        self.operation
    }

    /// Whether asking again can help.
    pub const fn fault(&self) -> Fault {
        self.fault
    }
}

impl fmt::Display for PortError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let fault = match self.fault {
            Fault::Transient => "failed, may succeed later",
            Fault::Permanent => "failed",
            Fault::Unknown => "ended with an unknown outcome",
        };
        write!(f, "{} {} {fault}", self.port, self.operation)
    }
}

impl fmt::Debug for PortError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")?;
        if let Some(source) = &self.source {
            write!(f, ": {source:?}")?;
        }
        Ok(())
    }
}

impl std::error::Error for PortError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.source.as_ref().map(|source| &**source as _)
    }
}

/// Too much is asked at once; nothing was done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("overloaded, retry after {} ms", retry_after.as_millis())]
pub struct Overloaded {
    /// When to ask again.
    pub retry_after: Duration,
}
