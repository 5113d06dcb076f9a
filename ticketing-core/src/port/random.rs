/// Chance. The only source of it: jitter and shuffles, never secrets or ids.
#[cfg_attr(feature = "mock", mockall::automock)]
pub trait Random: Send + Sync {
    /// A number, each of the 2^64 as likely as any other (`testing::random::spreads`).
    fn next_u64(&self) -> u64;
}
