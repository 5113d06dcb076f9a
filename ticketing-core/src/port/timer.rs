use async_trait::async_trait;
use chrono::{DateTime, Utc};

/// Waits. The only way to wait.
///
/// An adapter MUST return at or after the instant on the clock it belongs to, at once if the instant
/// is past (`testing::timer::past_returns_at_once`, `testing::timer::wakes_at_or_after`).
#[cfg_attr(feature = "mock", mockall::automock)]
#[async_trait]
pub trait Timer: Send + Sync {
    /// Returns once the clock shows `at` or later. Dropping the future gives up the wait.
    async fn sleep_until(&self, at: DateTime<Utc>);
}
