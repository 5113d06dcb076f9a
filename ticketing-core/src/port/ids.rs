use uuid::Uuid;

/// Makes ids. The only source of them.
///
/// An adapter MUST never give one id twice (`testing::ids::never_twice`) and MUST give UUIDv7 whose
/// time is the clock's (`testing::ids::carry_the_time`).
#[cfg_attr(feature = "mock", mockall::automock)]
pub trait IdGenerator: Send + Sync {
    /// A new UUIDv7.
    fn next_id(&self) -> Uuid;
}
