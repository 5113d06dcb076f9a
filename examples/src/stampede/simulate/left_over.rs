//! What must not be left at the end: rights to money or seats of performances that were called off, and
//! accounts that wait for nobody.

use std::collections::{BTreeMap, BTreeSet};

use ticketing_core::error::PortError;
use ticketing_core::id::{PaymentId, PerformanceId, ReservationId};
use ticketing_core::memory::{FakeGateway, MemoryStore};
use ticketing_core::page::PageRequest;
use ticketing_core::payment::{Honoured, PaymentState};
use ticketing_core::port::Inspect;
use ticketing_core::reservation::ReservationState;
use ticketing_core::ticket::TicketState;

use crate::stampede::audit::Checked;
use crate::stampede::figures::{PAGE, for_each};

/// No deposit account is left open where nobody will pay any more. One that the gateway opened after we had
/// given up asking for it is known to nobody, and nobody can pay into it.
pub(super) async fn accounts(
    store: &MemoryStore,
    gateway: &FakeGateway,
) -> Result<Checked, PortError> {
    let (name, ok) = ("accounts_left_open", true);
    let mut checked = Checked { name, ok, checked: 0, broken: Vec::new() };
    let open: BTreeSet<PaymentId> = gateway.open_accounts().into_iter().collect();
    for_each!(store, payments, |payment| {
        if payment.account().is_some() {
            let id = payment.id();
            checked.look(!open.contains(&id), || format!("the account of payment {id} is open"));
        }
    });
    Ok(checked)
}

/// Every reservation is cancelled, lapsed or refunded and every ticket is void; but for seats that were used
/// and whose deposit the bank took back.
pub(super) async fn check(store: &MemoryStore) -> Result<Checked, PortError> {
    let (name, ok) = ("called_off_is_ended", true);
    let mut checked = Checked { name, ok, checked: 0, broken: Vec::new() };
    let mut called_off: BTreeSet<PerformanceId> = BTreeSet::new();
    for_each!(store, performances, |performance| {
        if performance.is_cancelled() {
            called_off.insert(performance.id());
            checked.look(performance.is_wound_up(), || {
                format!("performance {} is not wound up", performance.id())
            });
        }
    });
    if called_off.is_empty() {
        return Ok(checked);
    }
    let mut left: BTreeMap<ReservationId, PaymentId> = BTreeMap::new();
    for_each!(store, reservations, |reservation| {
        if called_off.contains(&reservation.performance()) {
            match reservation.state() {
                ReservationState::Confirmed { by, .. } => {
                    left.insert(reservation.id(), *by);
                }
                ReservationState::Pending => checked.look(false, || {
                    format!("reservation {} still waits to be paid", reservation.id())
                }),
                ReservationState::Cancelled { .. }
                | ReservationState::Expired
                | ReservationState::Refunded { .. } => checked.look(true, String::new),
            }
        }
    });
    let paid: BTreeSet<PaymentId> = left.values().copied().collect();
    let mut reversed: BTreeSet<PaymentId> = BTreeSet::new();
    for_each!(store, payments, |payment| {
        let is_gone = matches!(
            payment.state(),
            PaymentState::Reversed | PaymentState::Succeeded { honoured: Honoured::No }
        );
        if is_gone && paid.contains(&payment.id()) {
            reversed.insert(payment.id());
        }
    });
    for (reservation, by) in &left {
        checked.look(reversed.contains(by), || {
            format!("reservation {reservation} was paid by {by} and is not refunded")
        });
    }
    for_each!(store, tickets, |ticket| {
        if called_off.contains(&ticket.performance()) {
            let is_ended = match ticket.state() {
                TicketState::Void { .. } => true,
                TicketState::Used { .. } => left.contains_key(&ticket.reservation()),
                TicketState::Issued => false,
            };
            checked
                .look(is_ended, || format!("ticket {} is {}", ticket.id(), ticket.state().name()));
        }
    });
    Ok(checked)
}
