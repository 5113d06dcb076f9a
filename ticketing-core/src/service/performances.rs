//! Manage performances: schedule one, change its prices, grades and sales window, keep seats back.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use chrono_tz::Tz;

use super::support::{Attempt, Call, Failure, Tries, change_set, commit, inconsistent};
use super::write::{sellers_call, write_keyed};
use crate::aggregate::Applied;
use crate::change_set::ChangeSet;
use crate::error::PortError;
use crate::id::{PerformanceId, SellerId, ShowId, VenueId};
use crate::label::{Grade, Token};
use crate::money::Money;
use crate::page::{Page, PageRequest};
use crate::performance::{NewPerformance, Performance, PerformanceRefusal, ScheduleError};
use crate::policy::SalesPolicy;
use crate::port::{CommitError, Ports};
use crate::reservation::SeatLine;
use crate::seat::{ClaimOwner, Seats};
use crate::show::PriceList;

/// A performance to schedule.
#[derive(Clone, Debug)]
pub struct SchedulePerformance {
    /// Who sells the show.
    pub seller: SellerId,
    /// The show that is performed.
    pub show: ShowId,
    /// Where: the seating plan is copied.
    pub venue: VenueId,
    /// When it starts.
    pub starts_at: DateTime<Utc>,
    /// The zone of its calendar days.
    pub zone: Tz,
    /// When its sales open; `None`: at once.
    pub sales_open_at: Option<DateTime<Utc>>,
    /// Its own prices; `None`: the show's.
    pub prices: Option<PriceList>,
    /// Its own policy; `None`: the show's.
    pub policy: Option<SalesPolicy>,
    /// The client's idempotency key.
    pub key: Option<Token>,
}

impl SchedulePerformance {
    /// On sale at once, with the show's prices and policy, days counted in UTC, without a key.
    pub const fn new(
        seller: SellerId,
        show: ShowId,
        venue: VenueId,
        starts_at: DateTime<Utc>,
    ) -> Self {
        Self {
            seller,
            show,
            venue,
            starts_at,
            zone: Tz::UTC,
            sales_open_at: None,
            prices: None,
            policy: None,
            key: None,
        }
    }
}

/// What seats cost.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Quote {
    /// Each seat with its grade and price, ascending.
    pub lines: Vec<SeatLine>,
    /// The sum of the prices.
    pub total: Money,
}

/// Why a performance was not scheduled or changed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PerformanceError {
    /// No such show of this seller.
    #[error("no show {0} of this seller")]
    NoSuchShow(ShowId),
    /// No such venue.
    #[error("no venue {0}")]
    NoSuchVenue(VenueId),
    /// No such performance, or not one of this seller.
    #[error("no performance {0} of this seller")]
    NoSuchPerformance(PerformanceId),
    /// It cannot be scheduled like this.
    #[error(transparent)]
    Schedule(#[from] ScheduleError),
    /// The performance does not allow it.
    #[error(transparent)]
    Performance(#[from] PerformanceRefusal),
    /// These seats are reserved, sold or kept back; all of the wanted ones that are.
    #[error("{} seats are claimed", .0.len())]
    SeatsClaimed(Seats),
    /// It failed for another reason.
    #[error(transparent)]
    Failed(#[from] Failure),
}

impl From<PortError> for PerformanceError {
    fn from(error: PortError) -> Self {
        Self::Failed(error.into())
    }
}

/// Schedules a performance. It copies the venue's seating plan and what it takes from the show.
///
/// # Errors
/// [`PerformanceError`]; nothing was scheduled.
pub async fn schedule(
    ports: &Ports,
    request: SchedulePerformance,
) -> Result<PerformanceId, PerformanceError> {
    let asked = (
        (request.show, request.venue, request.starts_at, request.zone, request.sales_open_at),
        (&request.prices, &request.policy),
    );
    let call = sellers_call(request.seller, "schedule", request.key.as_ref(), &asked);
    if let Some(answer) = Call::replay(call.as_ref(), ports).await? {
        return Ok(answer);
    }
    let id = PerformanceId::generate(&*ports.ids);
    let mut tries = Tries::new();
    loop {
        let now = ports.clock.now();
        let show = ports.layouts.show(request.show).await?;
        let show = show
            .filter(|show| show.seller() == request.seller)
            .ok_or(PerformanceError::NoSuchShow(request.show))?;
        let venue = ports.layouts.venue(request.venue).await?;
        let venue = venue.ok_or(PerformanceError::NoSuchVenue(request.venue))?;
        let new = NewPerformance {
            id,
            show: &show,
            layout: venue.layout(),
            starts_at: request.starts_at,
            zone: request.zone,
            sales_open_at: request.sales_open_at.unwrap_or(now),
            prices: request.prices.clone(),
            policy: request.policy.clone(),
        };
        let performance = Performance::schedule(new, now)?;
        let changes = change_set(ports, now).save(performance).guard(&*show).guard(&*venue);
        match write_keyed(ports, call.as_ref(), changes, id).await? {
            Some(id) => return Ok(id),
            None => tries.again()?,
        }
    }
}

/// Prices a grade anew. Reservations keep the price they were made at; who reserves at the old price
/// is told the new one.
///
/// # Errors
/// [`PerformanceError`]; nothing changed.
pub async fn reprice(
    ports: &Ports,
    seller: SellerId,
    id: PerformanceId,
    grade: Grade,
    price: Money,
) -> Result<(), PerformanceError> {
    edit(
        ports,
        seller,
        id,
        |performance, now| performance.reprice(grade.clone(), price, now),
        |changes| changes,
    )
    .await
}

/// Gives seats another grade, if none of them is claimed.
///
/// # Errors
/// [`PerformanceError`]; nothing changed.
pub async fn regrade(
    ports: &Ports,
    seller: SellerId,
    id: PerformanceId,
    seats: Seats,
    grade: Grade,
) -> Result<(), PerformanceError> {
    edit(
        ports,
        seller,
        id,
        |performance, now| performance.regrade(&seats, grade.clone(), now),
        |changes| changes.vacant(id, seats.clone()),
    )
    .await
}

/// Opens the sales at another time. Their close follows from the start.
///
/// # Errors
/// [`PerformanceError`]; nothing changed.
pub async fn move_sales_window(
    ports: &Ports,
    seller: SellerId,
    id: PerformanceId,
    opens_at: DateTime<Utc>,
) -> Result<(), PerformanceError> {
    edit(
        ports,
        seller,
        id,
        |performance, now| performance.move_sales_window(opens_at, now),
        |changes| changes,
    )
    .await
}

async fn edit(
    ports: &Ports,
    seller: SellerId,
    id: PerformanceId,
    command: impl Fn(&mut Performance, DateTime<Utc>) -> Result<Applied, PerformanceRefusal>
    + Send
    + Sync,
    demand: impl Fn(ChangeSet) -> ChangeSet + Send + Sync,
) -> Result<(), PerformanceError> {
    let mut tries = Tries::new();
    loop {
        let now = ports.clock.now();
        let mut performance = of_seller(ports, seller, id).await?;
        if command(&mut performance, now)? == Applied::Already {
            return Ok(());
        }
        match commit(ports, demand(change_set(ports, now).save(performance))).await? {
            Attempt::Done => return Ok(()),
            Attempt::Stale => tries.again()?,
            Attempt::Refused(CommitError::SeatTaken(seats)) => {
                return Err(PerformanceError::SeatsClaimed(seats));
            }
            Attempt::Refused(refusal) => return Err(inconsistent(refusal).into()),
            Attempt::Replayed(_) | Attempt::Duplicate => return Err(Failure::KeyReused.into()),
        }
    }
}

/// Keeps seats back from the sale. Those kept back already stay so. A buyer who holds one of them is
/// told at reserve that it is taken.
///
/// # Errors
/// [`PerformanceError::SeatsClaimed`] names all that buyers have; nothing changed.
pub async fn block(
    ports: &Ports,
    seller: SellerId,
    id: PerformanceId,
    seats: Seats,
) -> Result<(), PerformanceError> {
    let mut tries = Tries::new();
    loop {
        let now = ports.clock.now();
        let mut performance = of_seller(ports, seller, id).await?;
        performance.must_have(&seats)?;
        let (house, buyers) = claimed(ports, id, &seats).await?;
        if let Some(buyers) = buyers {
            return Err(PerformanceError::SeatsClaimed(buyers));
        }
        let Some(free) = difference(&seats, house.as_ref()) else { return Ok(()) };
        if performance.block(&free, now)? == Applied::Already {
            return Ok(());
        }
        let changes = change_set(ports, now).save(performance).claim(id, free, ClaimOwner::House);
        match commit(ports, changes).await? {
            Attempt::Done => return Ok(()),
            // A buyer or another block was faster: the next look tells which.
            Attempt::Stale | Attempt::Refused(CommitError::SeatTaken(_)) => tries.again()?,
            Attempt::Refused(refusal) => return Err(inconsistent(refusal).into()),
            Attempt::Replayed(_) | Attempt::Duplicate => return Err(Failure::KeyReused.into()),
        }
    }
}

/// Gives seats that were kept back to the sale; other seats among them stay as they are.
///
/// # Errors
/// [`PerformanceError`]; nothing changed.
pub async fn unblock(
    ports: &Ports,
    seller: SellerId,
    id: PerformanceId,
    seats: Seats,
) -> Result<(), PerformanceError> {
    let mut tries = Tries::new();
    loop {
        let now = ports.clock.now();
        let mut performance = of_seller(ports, seller, id).await?;
        performance.must_have(&seats)?;
        let Some(house) = claimed(ports, id, &seats).await?.0 else { return Ok(()) };
        if performance.unblock(&house, now)? == Applied::Already {
            return Ok(());
        }
        let changes =
            change_set(ports, now).save(performance).release(id, house, ClaimOwner::House);
        match commit(ports, changes).await? {
            Attempt::Done => return Ok(()),
            Attempt::Stale => tries.again()?,
            Attempt::Refused(refusal) => return Err(inconsistent(refusal).into()),
            Attempt::Replayed(_) | Attempt::Duplicate => return Err(Failure::KeyReused.into()),
        }
    }
}

/// Those of the seats that the house has, and those that buyers have.
async fn claimed(
    ports: &Ports,
    id: PerformanceId,
    seats: &Seats,
) -> Result<(Option<Seats>, Option<Seats>), PortError> {
    let claims = ports.claims.of_seats(id, seats.clone()).await?;
    let (house, buyers): (Vec<_>, Vec<_>) =
        claims.into_iter().partition(|(_, claim)| claim.owner == ClaimOwner::House);
    let seats_of = |claims: Vec<_>| Seats::new(claims.into_iter().map(|(seat, _)| seat)).ok();
    Ok((seats_of(house), seats_of(buyers)))
}

fn difference(seats: &Seats, taken: Option<&Seats>) -> Option<Seats> {
    taken.map_or_else(|| Some(seats.clone()), |taken| seats.without(taken))
}

async fn of_seller(
    ports: &Ports,
    seller: SellerId,
    id: PerformanceId,
) -> Result<Performance, PerformanceError> {
    let found = ports.layouts.fresh_performance(id).await?;
    let found = found.filter(|found| found.seller() == seller);
    found.map(|found| Performance::clone(&found)).ok_or(PerformanceError::NoSuchPerformance(id))
}

/// One performance; may come from a cache.
///
/// # Errors
/// [`PerformanceError::NoSuchPerformance`], or it could not be read.
pub async fn find(ports: &Ports, id: PerformanceId) -> Result<Arc<Performance>, PerformanceError> {
    ports.layouts.performance(id).await?.ok_or(PerformanceError::NoSuchPerformance(id))
}

/// The performances of one show, in the order of ids.
///
/// # Errors
/// The list could not be read, or the cursor is not of this list.
pub async fn list(
    ports: &Ports,
    show: ShowId,
    page: PageRequest,
) -> Result<Page<Arc<Performance>>, Failure> {
    Ok(ports.layouts.performances(show, page).await?)
}

/// What seats cost now. Only what reserve is told counts: it refuses a total that has changed.
///
/// # Errors
/// [`PerformanceError`]: no such performance or seat.
pub async fn quote(
    ports: &Ports,
    id: PerformanceId,
    seats: &Seats,
) -> Result<Quote, PerformanceError> {
    let performance = find(ports, id).await?;
    let lines = performance.lines(seats)?;
    let prices = lines.iter().map(|line| line.price);
    let total = Money::sum(performance.currency(), prices).map_err(Failure::from)?;
    Ok(Quote { lines, total })
}
