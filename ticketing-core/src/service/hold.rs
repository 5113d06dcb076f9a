//! Hold seats while a buyer decides.

use chrono::{DateTime, Utc};

use super::entry::{EntryRefusal, must_be_admitted};
use super::support::Failure;
use crate::admission::AdmissionToken;
use crate::error::PortError;
use crate::id::{HoldToken, PerformanceId, UserId};
use crate::performance::{Performance, PerformanceRefusal};
use crate::port::{Held, HoldChange, HoldOutcome, HoldRequest, Ports};
use crate::seat::Seats;

/// Which seats to hold for whom.
#[derive(Clone, Debug)]
pub struct HoldSeats {
    /// The buyer.
    pub user: UserId,
    /// The performance.
    pub performance: PerformanceId,
    /// The seats, all or none.
    pub seats: Seats,
    /// The admission from the waiting room, where there is one.
    pub admission: Option<AdmissionToken>,
}

impl HoldSeats {
    /// Without an admission.
    pub const fn new(user: UserId, performance: PerformanceId, seats: Seats) -> Self {
        Self { user, performance, seats, admission: None }
    }

    /// By who was let in by the waiting room.
    #[must_use]
    pub fn with_admission(mut self, admission: AdmissionToken) -> Self {
        self.admission = Some(admission);
        self
    }
}

/// A hold and the seats it is on.
#[derive(Clone, Debug)]
pub struct HeldSeats {
    /// The performance.
    pub performance: PerformanceId,
    /// The seats of the hold.
    pub seats: Seats,
    /// The hold.
    pub token: HoldToken,
}

impl HeldSeats {
    /// The hold that a request was given.
    pub const fn of(performance: PerformanceId, seats: Seats, held: &Held) -> Self {
        Self { performance, seats, token: held.token }
    }
}

/// Why seats were not held, or a hold not changed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum HoldError {
    /// No such performance.
    #[error("no performance {0}")]
    NoSuchPerformance(PerformanceId),
    /// The performance does not sell these seats now.
    #[error(transparent)]
    Performance(#[from] PerformanceRefusal),
    /// More seats than one reservation may have.
    #[error("expected at most {max} seats, got {got}")]
    TooManySeats {
        /// How many are allowed.
        max: u16,
        /// How many were asked for.
        got: usize,
    },
    /// The waiting room did not let the buyer in.
    #[error(transparent)]
    NotAdmitted(#[from] EntryRefusal),
    /// These seats are held by others.
    #[error("{} seats are held by others", .0.len())]
    Taken(Seats),
    /// The hold is gone; take a new one.
    #[error("the hold is gone")]
    Lost,
    /// The hold has lasted as long as it may.
    #[error("the hold may last until {until}")]
    HeldLongEnough {
        /// Until when.
        until: DateTime<Utc>,
    },
    /// The seats were reserved meanwhile: the reservation has the hold now.
    #[error("the seats are reserved")]
    Reserved,
    /// It failed for another reason.
    #[error(transparent)]
    Failed(#[from] Failure),
}

impl From<PortError> for HoldError {
    fn from(error: PortError) -> Self {
        Self::Failed(error.into())
    }
}

/// Holds seats for the policy's hold time. The same buyer asking for the same seats gets the same hold.
///
/// # Errors
/// [`HoldError`]; no seat is held.
pub async fn hold(ports: &Ports, request: HoldSeats) -> Result<Held, HoldError> {
    let now = ports.clock.now();
    let performance = load(ports, request.performance).await?;
    performance.must_be_on_sale(now)?;
    check_count(&performance, &request.seats)?;
    performance.must_have(&request.seats)?;
    must_be_admitted(ports, &performance, request.user, request.admission.as_ref(), now)?;
    let asked = HoldRequest {
        performance: request.performance,
        seats: request.seats,
        holder: request.user,
        token: HoldToken::generate(&*ports.ids),
        expires_at: now + performance.policy().deadlines.hold,
    };
    match ports.holds.hold(asked, now).await? {
        HoldOutcome::Held(held) => Ok(held),
        HoldOutcome::Taken(seats) => Err(HoldError::Taken(seats)),
    }
}

/// Gives a hold another hold time, at most up to the longest time counted from its first moment.
///
/// # Errors
/// [`HoldError`]; the hold is as it was.
pub async fn extend(ports: &Ports, held: HeldSeats) -> Result<Held, HoldError> {
    let now = ports.clock.now();
    let performance = load(ports, held.performance).await?;
    let deadlines = performance.policy().deadlines;
    must_not_be_reserved(ports, &held).await?;
    let first = held.token.first_held_at().ok_or(HoldError::Lost)?;
    let until = first + deadlines.hold_max;
    if now >= until {
        return Err(HoldError::HeldLongEnough { until });
    }
    let expires_at = (now + deadlines.hold).min(until);
    let change =
        ports.holds.extend(held.performance, held.seats, held.token, expires_at, now).await?;
    match change {
        HoldChange::Done => Ok(Held { token: held.token, expires_at }),
        HoldChange::Lost => Err(HoldError::Lost),
    }
}

/// Frees held seats; how many there were.
///
/// # Errors
/// [`HoldError::Reserved`] after reserve: cancel the reservation instead.
pub async fn release(ports: &Ports, held: HeldSeats) -> Result<usize, HoldError> {
    must_not_be_reserved(ports, &held).await?;
    Ok(ports.holds.release(held.performance, held.seats, held.token).await?)
}

async fn must_not_be_reserved(ports: &Ports, held: &HeldSeats) -> Result<(), HoldError> {
    let claims = ports.claims.of_seats(held.performance, held.seats.clone()).await?;
    if claims.is_empty() { Ok(()) } else { Err(HoldError::Reserved) }
}

async fn load(ports: &Ports, id: PerformanceId) -> Result<std::sync::Arc<Performance>, HoldError> {
    ports.layouts.performance(id).await?.ok_or(HoldError::NoSuchPerformance(id))
}

pub(crate) fn check_count(performance: &Performance, seats: &Seats) -> Result<(), HoldError> {
    let max = performance.policy().seats_per_reservation;
    if seats.len() > usize::from(max) {
        return Err(HoldError::TooManySeats { max, got: seats.len() });
    }
    Ok(())
}
