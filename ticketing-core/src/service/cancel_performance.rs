//! Cancel a performance, and end every reservation of it in bounded steps.

use super::ending::{Ended, Unpaid};
use super::refund::{RefundError, Why, give_up};
use super::settle::missing;
use super::support::{Attempt, Call, Failure, Swept, Tries, change_set, commit, inconsistent};
use crate::aggregate::Applied;
use crate::id::{PerformanceId, SellerId};
use crate::page::{Limit, PageRequest};
use crate::payment::{Honoured, PaymentState};
use crate::performance::{Performance, PerformanceRefusal};
use crate::port::Ports;
use crate::reservation::{CancelReason, Reservation, ReservationState};

/// The most pages of one performance that one sweep looks at in vain: payments at the gateway, which end by
/// themselves.
pub const PAGES_MAX: usize = 100;

/// Why a performance was not cancelled.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CancelPerformanceError {
    /// No such performance of this seller.
    #[error("no performance {0} of this seller")]
    NoSuchPerformance(PerformanceId),
    /// The performance does not allow it.
    #[error(transparent)]
    Performance(#[from] PerformanceRefusal),
    /// It failed for another reason.
    #[error(transparent)]
    Failed(#[from] Failure),
}

/// Cancels a performance: sales stop with this commit, since every reserve and every purchase guards the
/// performance. [`sweep_cancelled`] then ends its reservations. Cancelling twice is harmless.
///
/// # Errors
/// [`CancelPerformanceError`]; nothing changed.
pub async fn cancel_performance(
    ports: &Ports,
    seller: SellerId,
    id: PerformanceId,
) -> Result<(), CancelPerformanceError> {
    let mut tries = Tries::new();
    loop {
        let now = ports.clock.now();
        let found = ports.layouts.fresh_performance(id).await.map_err(Failure::from)?;
        let found = found
            .filter(|found| found.seller() == seller)
            .ok_or(CancelPerformanceError::NoSuchPerformance(id))?;
        let mut performance = Performance::clone(&found);
        if performance.cancel(now)? == Applied::Already {
            return Ok(());
        }
        match commit(ports, change_set(ports, now).save(performance)).await? {
            Attempt::Done => return Ok(()),
            Attempt::Stale => tries.again()?,
            Attempt::Refused(refusal) => return Err(inconsistent(refusal).into()),
            Attempt::Replayed(_) | Attempt::Duplicate => return Err(Failure::KeyReused.into()),
        }
    }
}

/// Ends reservations of cancelled performances: cancels pending ones, refunds confirmed ones in full. At
/// most one page of performances; of each, pages of reservations until one was ended or [`PAGES_MAX`] were
/// looked at. Run it until nothing changes.
///
/// # Errors
/// The list could not be read.
pub async fn sweep_cancelled(
    ports: &Ports,
    page: PageRequest,
    per_performance: Limit,
) -> Result<Swept, Failure> {
    let cancelled = ports.layouts.cancelled(page).await?;
    let mut swept = Swept::until(cancelled.next);
    for performance in cancelled.items {
        wind_up(ports, &performance, per_performance, &mut swept).await?;
    }
    Ok(swept)
}

async fn wind_up(
    ports: &Ports,
    performance: &Performance,
    limit: Limit,
    swept: &mut Swept,
) -> Result<(), Failure> {
    let mut page = PageRequest::first(limit);
    let mut is_over = true;
    for _ in 0..PAGES_MAX {
        let live = ports.reservations.live_of(performance.id(), page).await?;
        let before = swept.changed;
        for reservation in live.items {
            let end = end(ports, reservation).await;
            is_over &= matches!(end, Ok(End::NothingOwed));
            swept.count(end.map(|end| end == End::Now));
        }
        // What waits for the gateway must not keep the rest from their money: look on until something
        // was ended or the list is through.
        if swept.changed > before {
            return Ok(());
        }
        if live.next.is_none() {
            if is_over {
                swept.count(close(ports, performance.id()).await);
            }
            return Ok(());
        }
        page = PageRequest::next(live.next, limit);
    }
    Ok(())
}

/// What became of a reservation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    /// It was ended.
    Now,
    /// A later run looks at it again: its payment is at the gateway, or another run was faster.
    Later,
    /// The bank took its deposit back, and only seats that were used are left of it.
    NothingOwed,
}

impl End {
    const fn of(is_ended: bool) -> Self {
        if is_ended { Self::Now } else { Self::Later }
    }
}

/// Ends one. A payment at the gateway is waited for: its outcome is refunded when it comes.
async fn end(ports: &Ports, reservation: Reservation) -> Result<End, Failure> {
    match reservation.state() {
        ReservationState::Pending => cancel(ports, reservation).await.map(End::of),
        ReservationState::Confirmed { by, .. } => {
            match give_up(ports, reservation.id(), None, Why::PerformanceCancelled).await {
                Ok(_) => Ok(End::Now),
                Err(RefundError::NotPaid) => {
                    let payment = ports.payments.find(*by).await?;
                    let is_gone = payment.is_some_and(|payment| {
                        let state = payment.state();
                        matches!(
                            state,
                            PaymentState::Reversed
                                | PaymentState::Succeeded { honoured: Honoured::No }
                        )
                    });
                    Ok(if is_gone { End::NothingOwed } else { End::Later })
                }
                // Another run was faster.
                Err(RefundError::Reservation(_)) => Ok(End::Later),
                Err(RefundError::Failed(failure)) => Err(failure),
                Err(error) => {
                    let fault = crate::error::Fault::Permanent;
                    let error =
                        crate::error::PortError::new("refund", "request", fault).because(error);
                    Err(error.into())
                }
            }
        }
        ReservationState::Cancelled { .. }
        | ReservationState::Expired
        | ReservationState::Refunded { .. } => Ok(End::Later),
    }
}

async fn cancel(ports: &Ports, reservation: Reservation) -> Result<bool, Failure> {
    let now = ports.clock.now();
    let mut unpaid = Unpaid::load(ports, reservation).await?;
    let in_flight = unpaid.in_flight();
    match unpaid.reservation.cancel(CancelReason::PerformanceCancelled, in_flight, now) {
        Ok(Applied::Now) => {}
        // A payment at the gateway is waited for; whatever else was refused is over already.
        Ok(Applied::Already) | Err(_) => return Ok(false),
    }
    match unpaid.end(ports, now, None::<(&Call, &())>).await? {
        Ended::Now => Ok(true),
        Ended::Stale | Ended::Replayed(_) => Ok(false),
    }
}

/// Notes that nothing is left to end: no reserve can follow, since each guards the performance.
async fn close(ports: &Ports, id: PerformanceId) -> Result<bool, Failure> {
    let now = ports.clock.now();
    let found = ports.layouts.fresh_performance(id).await?;
    let found = found.ok_or_else(|| missing("performance", id))?;
    let mut performance = Performance::clone(&found);
    if !matches!(performance.wind_up(), Ok(Applied::Now)) {
        return Ok(false);
    }
    match commit(ports, change_set(ports, now).save(performance)).await? {
        Attempt::Done => Ok(true),
        Attempt::Stale | Attempt::Replayed(_) | Attempt::Duplicate => Ok(false),
        Attempt::Refused(refusal) => Err(inconsistent(refusal)),
    }
}
