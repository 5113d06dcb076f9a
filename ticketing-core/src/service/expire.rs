//! Expire reservations whose deadline passed.

use super::ending::{Ended, Unpaid};
use super::notice::ask;
use super::settle::{Fact, settle_asked};
use super::support::{Call, Failure, Swept};
use crate::aggregate::Applied;
use crate::page::PageRequest;
use crate::payment::PaymentState;
use crate::port::Ports;
use crate::reservation::Reservation;

/// Expires what is due: a bounded batch. A reservation whose payment is at the gateway is left until its
/// absolute maximum; before a deposit is given up the gateway is asked for it.
///
/// # Errors
/// The list could not be read.
pub async fn sweep_due(ports: &Ports, page: PageRequest) -> Result<Swept, Failure> {
    let due = ports.reservations.due(ports.clock.now(), page).await?;
    let mut swept = Swept::until(due.next);
    for reservation in due.items {
        swept.count(expire(ports, reservation).await);
    }
    Ok(swept)
}

/// Whether it expired, or was paid at the last moment. Another run takes what is stale by now.
async fn expire(ports: &Ports, reservation: Reservation) -> Result<bool, Failure> {
    let mut unpaid = Unpaid::load(ports, reservation).await?;
    if let Some(payment) = &unpaid.payment
        && matches!(payment.state(), PaymentState::AwaitingDeposit { .. })
    {
        match ask(ports, payment).await {
            Ok(Some(asked)) if matches!(asked.fact, Fact::Captured(_) | Fact::CancelledThere) => {
                let settled = settle_asked(ports, payment.id(), &asked, None).await?;
                if settled.changed || settled.outdated {
                    return Ok(settled.changed);
                }
            }
            Err(_) if ports.clock.now() < unpaid.reservation.latest() => return Ok(false),
            Ok(_) | Err(_) => {}
        }
    }
    let now = ports.clock.now();
    let in_flight = unpaid.in_flight();
    match unpaid.reservation.expire(in_flight, now) {
        Ok(Applied::Now) => {}
        Ok(Applied::Already) | Err(_) => return Ok(false),
    }
    match unpaid.end::<()>(ports, now, None::<(&Call, &())>).await? {
        Ended::Now => Ok(true),
        Ended::Stale | Ended::Replayed(_) => Ok(false),
    }
}
