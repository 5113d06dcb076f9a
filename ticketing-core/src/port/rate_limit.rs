use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, Utc};

use crate::error::PortError;
use crate::label::Token;

/// How much is allowed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Quota {
    /// How many at once after a rest, at least 1.
    pub burst: u32,
    /// How long until one more is allowed.
    pub every: Duration,
}

/// Whether a call may go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub enum RateDecision {
    /// It may.
    Allowed,
    /// It may not, before this time has passed.
    Limited {
        /// How long to wait.
        retry_after: Duration,
    },
}

/// Counts calls per key over all processes.
///
/// An adapter MUST never allow more than `burst + elapsed / every` calls of a key
/// (`testing::rate_limit::never_more_than_the_quota`) and MUST allow a call made `retry_after` later
/// if no other came (`testing::rate_limit::retry_after_is_kept`).
#[cfg_attr(feature = "mock", mockall::automock)]
#[async_trait]
pub trait RateLimit: Send + Sync {
    /// Asks for one call at `now`.
    async fn acquire(
        &self,
        key: Token,
        quota: Quota,
        now: DateTime<Utc>,
    ) -> Result<RateDecision, PortError>;
}
