//! Cancel a reservation that was not paid.

use serde::{Deserialize, Serialize};

use super::ending::{Ended, Unpaid};
use super::support::{Call, Failure, Tries, answer_of};
use crate::aggregate::Applied;
use crate::error::PortError;
use crate::id::{ReservationId, UserId};
use crate::label::Token;
use crate::port::Ports;
use crate::reservation::{CancelReason, ReservationRefusal};

/// Which reservation to cancel.
#[derive(Clone, Debug)]
pub struct CancelReservation {
    /// The buyer.
    pub user: UserId,
    /// The reservation.
    pub reservation: ReservationId,
    /// The client's idempotency key.
    pub key: Option<Token>,
}

impl CancelReservation {
    /// Without an idempotency key.
    pub const fn new(user: UserId, reservation: ReservationId) -> Self {
        Self { user, reservation, key: None }
    }
}

/// A reservation was cancelled; its seats are free.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cancelled {
    /// Which.
    pub reservation: ReservationId,
}

/// Why nothing was cancelled.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CancelError {
    /// No such reservation of this user.
    #[error("no reservation {0} of this user")]
    NoSuchReservation(ReservationId),
    /// The reservation does not allow it: paid ones are refunded instead.
    #[error(transparent)]
    Reservation(#[from] ReservationRefusal),
    /// It failed for another reason.
    #[error(transparent)]
    Failed(#[from] Failure),
}

impl From<PortError> for CancelError {
    fn from(error: PortError) -> Self {
        Self::Failed(error.into())
    }
}

/// Cancels a reservation: seats, allowance and points are free in one commit.
///
/// # Errors
/// [`CancelError`]; nothing changed. While its payment is at the gateway it is refused.
pub async fn cancel(ports: &Ports, request: CancelReservation) -> Result<Cancelled, CancelError> {
    let call = Call::of(request.user, "cancel", request.key.as_ref(), &request.reservation);
    if let Some(answer) = Call::replay(call.as_ref(), ports).await? {
        return Ok(answer);
    }
    let answer = Cancelled { reservation: request.reservation };
    let mut tries = Tries::new();
    loop {
        let now = ports.clock.now();
        let found = ports.reservations.find(request.reservation).await?;
        let found = found
            .filter(|found| found.user() == request.user)
            .ok_or(CancelError::NoSuchReservation(request.reservation))?;
        let mut unpaid = Unpaid::load(ports, found).await?;
        let in_flight = unpaid.in_flight();
        if unpaid.reservation.cancel(CancelReason::Buyer, in_flight, now)? == Applied::Already {
            return Ok(answer);
        }
        let kept = call.as_ref().map(|call| (call, &answer));
        match unpaid.end(ports, now, kept).await? {
            Ended::Now => return Ok(answer),
            Ended::Stale => tries.again()?,
            Ended::Replayed(state) => return Ok(answer_of(&state)?),
        }
    }
}
