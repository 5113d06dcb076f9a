use chrono::{DateTime, Utc};

/// What time it is. The only source of it.
///
/// An adapter MUST answer in UTC with at most microsecond precision
/// (`testing::clock::is_at_most_microseconds`). It may jump back: no decision relies on its order.
#[cfg_attr(feature = "mock", mockall::automock)]
pub trait Clock: Send + Sync {
    /// The current time.
    fn now(&self) -> DateTime<Utc>;
}
