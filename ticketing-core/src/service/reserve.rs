//! Reserve seats: the commit that decides who has them.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::entry::{EntryRefusal, must_be_admitted, must_have_been_admitted};
use super::support::{Attempt, Call, Failure, Tries, answer_of, change_set, commit, inconsistent};
use crate::admission::AdmissionToken;
use crate::error::PortError;
use crate::id::{HoldToken, PerformanceId, ReservationId, UserId};
use crate::label::Token;
use crate::money::Money;
use crate::performance::{Performance, PerformanceRefusal};
use crate::port::{CommitError, HoldChange, HoldOutcome, HoldRequest, Ports};
use crate::reservation::{NewReservation, Reservation};
use crate::seat::{ClaimOwner, Seats};

/// What a buyer wants to reserve.
#[derive(Clone, Debug)]
pub struct ReserveSeats {
    /// The buyer.
    pub user: UserId,
    /// The performance.
    pub performance: PerformanceId,
    /// The seats, all or none.
    pub seats: Seats,
    /// The total that the buyer saw.
    pub expected_total: Money,
    /// The hold on the seats; without one it is taken here.
    pub hold: Option<HoldToken>,
    /// The admission from the waiting room; needed where no hold is shown, or the hold was lost.
    pub admission: Option<AdmissionToken>,
    /// The client's idempotency key.
    pub key: Option<Token>,
}

impl ReserveSeats {
    /// Without a hold, an admission and a key.
    pub const fn new(
        user: UserId,
        performance: PerformanceId,
        seats: Seats,
        expected_total: Money,
    ) -> Self {
        Self { user, performance, seats, expected_total, hold: None, admission: None, key: None }
    }

    /// By who was let in by the waiting room.
    #[must_use]
    pub fn with_admission(mut self, admission: AdmissionToken) -> Self {
        self.admission = Some(admission);
        self
    }

    /// With the client's idempotency key.
    #[must_use]
    pub fn with_key(mut self, key: Token) -> Self {
        self.key = Some(key);
        self
    }

    /// On seats that are held.
    #[must_use]
    pub const fn with_hold(mut self, hold: HoldToken) -> Self {
        self.hold = Some(hold);
        self
    }
}

/// A reservation was made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reserved {
    /// Which.
    pub reservation: ReservationId,
    /// What must be paid, before discounts.
    pub total: Money,
    /// Until when payment must have started.
    pub expires_at: DateTime<Utc>,
}

/// Why nothing was reserved.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReserveError {
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
    /// The price is not what the buyer saw; nothing is charged silently.
    #[error("the price is {now} by now")]
    PriceChanged {
        /// The total of these seats now.
        now: Money,
    },
    /// These seats are held by others.
    #[error("{} seats are held by others", .0.len())]
    HeldByOthers(Seats),
    /// These seats are taken.
    #[error("{} seats are taken", .0.len())]
    SeatTaken(Seats),
    /// The buyer has as many tickets of this show as allowed.
    #[error("a user may have {limit} tickets of this show")]
    AllowanceExceeded {
        /// How many are allowed.
        limit: u16,
    },
    /// It failed for another reason.
    #[error(transparent)]
    Failed(#[from] Failure),
}

impl From<PortError> for ReserveError {
    fn from(error: PortError) -> Self {
        Self::Failed(error.into())
    }
}

/// Makes a reservation: stretches the hold to the reservation's deadline, then one commit takes the
/// seats and the allowance. The claim decides, whatever the holds said.
///
/// # Errors
/// [`ReserveError`]; nothing is reserved. A hold that was taken or stretched here is given back; one that was
/// shown with a request that is refused before that stays as it is.
pub async fn reserve(ports: &Ports, request: ReserveSeats) -> Result<Reserved, ReserveError> {
    let asked = (request.performance, &request.seats, request.expected_total);
    let call = Call::of(request.user, "reserve", request.key.as_ref(), &asked);
    if let Some(answer) = Call::replay(call.as_ref(), ports).await? {
        return Ok(answer);
    }
    let id = ReservationId::generate(&*ports.ids);
    let mut tries = Tries::new();
    let mut hold = None;
    let result = loop {
        let now = ports.clock.now();
        let performance = match load(ports, request.performance, tries.is_first()).await {
            Ok(performance) => performance,
            Err(error) => break Err(error),
        };
        match attempt(ports, &request, call.as_ref(), id, &performance, &mut hold, now).await {
            Ok(Some(reserved)) => return Ok(reserved),
            Ok(None) => {
                if let Err(failure) = tries.again() {
                    break Err(failure.into());
                }
            }
            Err(error) => break Err(error),
        }
    };
    if let (Some(token), Err(error)) = (hold, &result)
        && let Some(seats) = to_free(&request.seats, error)
    {
        // Best effort: a hold that stays ends by itself.
        drop(ports.holds.release(request.performance, seats, token).await);
    }
    result
}

/// The seats whose hold has no purpose any more. Not those that are taken: the hold on them may be
/// that of the reservation that took them, made by the same buyer in another tab.
fn to_free(seats: &Seats, error: &ReserveError) -> Option<Seats> {
    match error {
        ReserveError::SeatTaken(taken) => seats.without(taken),
        ReserveError::Failed(Failure::Unknown(_)) => None,
        ReserveError::NoSuchPerformance(_)
        | ReserveError::Performance(_)
        | ReserveError::TooManySeats { .. }
        | ReserveError::NotAdmitted(_)
        | ReserveError::PriceChanged { .. }
        | ReserveError::HeldByOthers(_)
        | ReserveError::AllowanceExceeded { .. }
        | ReserveError::Failed(_) => Some(seats.clone()),
    }
}

/// One try. `None` means that what it read is stale.
async fn attempt(
    ports: &Ports,
    request: &ReserveSeats,
    call: Option<&Call>,
    id: ReservationId,
    performance: &Performance,
    hold: &mut Option<HoldToken>,
    now: DateTime<Utc>,
) -> Result<Option<Reserved>, ReserveError> {
    performance.must_be_on_sale(now)?;
    let policy = performance.policy();
    let got = request.seats.len();
    if got > usize::from(policy.seats_per_reservation) {
        return Err(ReserveError::TooManySeats { max: policy.seats_per_reservation, got });
    }
    let lines = performance.lines(&request.seats)?;
    let total = Money::sum(performance.currency(), lines.iter().map(|line| line.price))
        .map_err(Failure::from)?;
    if total != request.expected_total {
        return Err(ReserveError::PriceChanged { now: total });
    }
    let until = now + policy.deadlines.payment_wait;
    let token = match *hold {
        Some(token) => token,
        None => *hold.insert(take_hold(ports, request, performance, until, now).await?),
    };
    let new = NewReservation {
        id,
        performance: performance.id(),
        show: performance.show(),
        starts_at: performance.starts_at(),
        user: request.user,
        lines,
        hold: token,
    };
    let reservation = Reservation::make(new, &policy.deadlines, now).map_err(Failure::from)?;
    let answer = Reserved { reservation: id, total, expires_at: reservation.expires_at() };
    let changes = change_set(ports, now)
        .allow(
            request.user,
            performance.show(),
            reservation.seat_count(),
            policy.tickets_per_user,
            id,
        )
        .save(reservation)
        .guard(performance)
        .claim(performance.id(), request.seats.clone(), ClaimOwner::Reservation(id));
    let changes = Call::keep(call, changes, &answer)?;
    match commit(ports, changes).await? {
        Attempt::Done => Ok(Some(answer)),
        Attempt::Stale => Ok(None),
        Attempt::Replayed(state) => Ok(Some(answer_of(&state)?)),
        Attempt::Refused(CommitError::SeatTaken(seats)) => Err(ReserveError::SeatTaken(seats)),
        Attempt::Refused(CommitError::AllowanceExceeded { limit }) => {
            Err(ReserveError::AllowanceExceeded { limit })
        }
        Attempt::Refused(refusal) => Err(inconsistent(refusal).into()),
        Attempt::Duplicate => Err(Failure::KeyReused.into()),
    }
}

async fn take_hold(
    ports: &Ports,
    request: &ReserveSeats,
    performance: &Performance,
    until: DateTime<Utc>,
    now: DateTime<Utc>,
) -> Result<HoldToken, ReserveError> {
    let (id, seats, admission) =
        (request.performance, request.seats.clone(), request.admission.as_ref());
    if let Some(token) = request.hold {
        match ports.holds.extend(id, seats.clone(), token, until, now).await? {
            HoldChange::Done => return Ok(token),
            HoldChange::Lost => {
                let margin = performance.policy().deadlines.hold_max;
                must_have_been_admitted(ports, performance, request.user, admission, now, margin)?;
            }
        }
    } else {
        must_be_admitted(ports, performance, request.user, admission, now)?;
    }
    let token = HoldToken::generate(&*ports.ids);
    let asked =
        HoldRequest { performance: id, seats, holder: request.user, token, expires_at: until };
    match ports.holds.hold(asked, now).await? {
        HoldOutcome::Held(held) => {
            // The buyer's own hold from before: it ends earlier than the reservation.
            if held.expires_at < until {
                drop(ports.holds.extend(id, request.seats.clone(), held.token, until, now).await);
            }
            Ok(held.token)
        }
        HoldOutcome::Taken(seats) => Err(ReserveError::HeldByOthers(seats)),
    }
}

async fn load(
    ports: &Ports,
    id: PerformanceId,
    may_be_cached: bool,
) -> Result<std::sync::Arc<Performance>, ReserveError> {
    let found = if may_be_cached {
        ports.layouts.performance(id).await?
    } else {
        ports.layouts.fresh_performance(id).await?
    };
    found.ok_or(ReserveError::NoSuchPerformance(id))
}
