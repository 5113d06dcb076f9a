use async_trait::async_trait;

use crate::error::PortError;
use crate::id::{PerformanceId, ShowId, UserId};
use crate::seat::{Claim, ClaimBits, SeatNo, Seats};

/// Reads who owns which seat, and who has how many, from the primary: what was committed is seen
/// (`testing::reads::committed_is_seen`).
#[cfg_attr(feature = "mock", mockall::automock)]
#[async_trait]
pub trait Claims: Send + Sync {
    /// The claims of a whole performance as a bitmap pair of `capacity` seats, in one query
    /// (`testing::reads::bitmaps_agree_with_claims`).
    async fn bits(&self, id: PerformanceId, capacity: u32) -> Result<ClaimBits, PortError>;
    /// The claims on some seats, ascending; seats without one are left out
    /// (`testing::reads::bitmaps_agree_with_claims`).
    async fn of_seats(
        &self,
        id: PerformanceId,
        seats: Seats,
    ) -> Result<Vec<(SeatNo, Claim)>, PortError>;
    /// How many places a user has in a show: those taken and not given back, over all reservations
    /// (`testing::store::allowance_is_bounded`).
    async fn allowance_used(&self, user: UserId, show: ShowId) -> Result<u16, PortError>;
}
