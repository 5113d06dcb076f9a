use async_trait::async_trait;
use chrono::{DateTime, Utc};

use crate::error::PortError;
use crate::id::{HoldToken, PerformanceId, UserId};
use crate::page::{Page, PageRequest};
use crate::seat::{SeatBits, SeatNo, Seats};

/// What a hold asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HoldRequest {
    /// The performance.
    pub performance: PerformanceId,
    /// The seats, all or none.
    pub seats: Seats,
    /// Who wants them.
    pub holder: UserId,
    /// The token that a new hold gets.
    pub token: HoldToken,
    /// When it ends.
    pub expires_at: DateTime<Utc>,
}

/// A hold on seats.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Held {
    /// What extends and releases it.
    pub token: HoldToken,
    /// When it ends.
    pub expires_at: DateTime<Utc>,
}

/// Whether seats could be held.
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use]
pub enum HoldOutcome {
    /// All of them, by this hold: a new one, or the same holder's own on exactly these seats.
    Held(Held),
    /// None: these are held, by others or by another hold of the same holder.
    Taken(Seats),
}

/// Whether a hold was still there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub enum HoldChange {
    /// It was, and every seat of it was changed.
    Done,
    /// At least one seat is not held under this token; nothing was changed.
    Lost,
}

/// One held seat.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HeldSeat {
    /// The seat.
    pub seat: SeatNo,
    /// The hold.
    pub token: HoldToken,
    /// Who has it.
    pub holder: UserId,
    /// When it ends.
    pub expires_at: DateTime<Utc>,
}

/// Short leases on seats. Never the truth: it may lose anything at any moment.
///
/// An adapter MUST hold all seats or none (`testing::holds::all_or_none`), give one seat to one
/// holder at a time (`testing::holds::one_of_fifty_holds_a_seat`), end a hold at its deadline
/// (`testing::holds::ends_at_its_deadline`), set the deadline with the hold and not after it
/// (`testing::holds::has_a_deadline_from_the_start`), answer the same holder's same seats with the
/// same token and deadline (`testing::holds::same_holder_gets_the_same_token`), let only the token
/// extend or release (`testing::holds::only_the_token_changes_it`), and list what is held
/// (`testing::holds::lists_what_is_held`). Each call is one round trip.
#[cfg_attr(feature = "mock", mockall::automock)]
#[async_trait]
pub trait SeatHolds: Send + Sync {
    /// Holds seats at `now`.
    async fn hold(
        &self,
        request: HoldRequest,
        now: DateTime<Utc>,
    ) -> Result<HoldOutcome, PortError>;
    /// Moves the deadline of all seats of a hold.
    async fn extend(
        &self,
        performance: PerformanceId,
        seats: Seats,
        token: HoldToken,
        expires_at: DateTime<Utc>,
        now: DateTime<Utc>,
    ) -> Result<HoldChange, PortError>;
    /// Frees those of the seats that are held under this token; how many that were. Other seats stay
    /// as they are.
    async fn release(
        &self,
        performance: PerformanceId,
        seats: Seats,
        token: HoldToken,
    ) -> Result<usize, PortError>;
    /// The held seats of a performance as a bitmap of `capacity` seats.
    async fn held(
        &self,
        performance: PerformanceId,
        capacity: u32,
        now: DateTime<Utc>,
    ) -> Result<SeatBits, PortError>;
    /// Seats whose hold ends after `until`, in the order of seats: what the sweep looks at.
    async fn ending_after(
        &self,
        performance: PerformanceId,
        until: DateTime<Utc>,
        page: PageRequest,
    ) -> Result<Page<HeldSeat>, PortError>;
}
