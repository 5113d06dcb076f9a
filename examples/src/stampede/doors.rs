//! The doors: who has tickets comes shortly before the start, and some try what doors must refuse.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use ticketing_core::box_office::{AdmitTicket, RefundSeats};
use ticketing_core::error::{Fault, PortError};
use ticketing_core::id::{PerformanceId, TicketId};
use ticketing_core::label::Label;
use ticketing_core::page::PageRequest;
use ticketing_core::seat::Seats;
use ticketing_core::service::Failure;
use ticketing_core::service::tickets::TicketError;
use ticketing_core::ticket::{Ticket, TicketRefusal};

use super::defect::Strange;
use super::errand::{AGAIN, Errand};
use super::figures::PAGE;
use super::person::Dice;
use super::world::World;

/// How long before the start the doors open.
pub(crate) const OPEN_BEFORE: TimeDelta = TimeDelta::hours(2);
/// From the opening until the last guest comes.
const GUESTS_COME: Duration = Duration::from_mins(110);
/// When somebody with a copy comes after the first.
const COPY_AFTER: Duration = Duration::from_mins(5);
const GATES: u64 = 4;

/// Who went in through which gate.
#[derive(Debug, Default)]
pub(crate) struct Doors(Mutex<BTreeMap<TicketId, u64>>);

/// Somebody who shows a ticket.
#[derive(Clone, Debug)]
pub(crate) struct Guest {
    ticket: Ticket,
    /// Nobody else shows the same ticket there.
    gate: u64,
    /// The performance behind the door, which is not always that of the ticket.
    performance: PerformanceId,
    /// Whether a call for this very guest may have let the guest in without an answer.
    may_be_in: bool,
    /// Asks for the money back once inside.
    cheats: bool,
}

impl Doors {
    /// Whether nobody went in with that ticket through another gate.
    fn let_in(&self, guest: &Guest) -> bool {
        let mut inside = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        *inside.entry(guest.ticket.id()).or_insert(guest.gate) == guest.gate
    }
}

/// Opens the doors of a performance: half of those who reserved come, over the next hours.
///
/// # Errors
/// The store cannot be read.
pub(crate) async fn open(world: &World, place: usize) -> Result<(), PortError> {
    let performance = world.sales[place].performance;
    let other = world.sales[(place + 1) % world.sales.len()].performance;
    let dice = Dice::of(world.seed ^ 0xd00f, u32::try_from(place).unwrap_or(u32::MAX));
    let ports = world.office.ports();
    let mut after = None;
    loop {
        let page = PageRequest::next(after, PAGE);
        let page = ports.reservations.live_of(performance, page).await?;
        for reservation in page.items.iter().filter(|_| dice.happens(500)) {
            // Also those that were given back: their holders may try.
            for ticket in ports.tickets.of_reservation(reservation.id()).await? {
                expect(world, &ticket, other, &dice);
            }
        }
        after = page.next;
        if after.is_none() {
            return Ok(());
        }
    }
}

/// One ticket is shown once, or at two gates at once, or again later, or at another door before.
fn expect(world: &World, ticket: &Ticket, other: PerformanceId, dice: &Dice) {
    let at = world.now() + dice.time(Duration::ZERO, GUESTS_COME);
    let (gate, cheats) = (dice.below(GATES), dice.happens(60));
    let come = |at: DateTime<Utc>, gate: u64, performance: PerformanceId| {
        let (ticket, gate, may_be_in) = (ticket.clone(), gate % GATES, false);
        let guest = Guest { ticket, gate, performance, may_be_in, cheats };
        world.errands.add(at, Errand::GoIn(Box::new(guest)));
    };
    let performance = ticket.performance();
    come(at, gate, performance);
    match dice.below(1_000) {
        0..120 => come(at, gate + 1, performance),
        120..200 => come(at + COPY_AFTER, gate + 1, performance),
        200..250 => come(at - TimeDelta::minutes(1), gate + 2, other),
        _ => {}
    }
}

/// Shows a ticket at a door.
pub(crate) async fn go_in(world: &World, mut guest: Guest) {
    let request = AdmitTicket {
        performance: guest.performance,
        code: world.office.ticket_code(&guest.ticket),
        gate: gate(guest.gate),
    };
    let is_its_own = guest.performance == guest.ticket.performance();
    let answer = world.call(|office| async move { office.admit(request).await }).await;
    match answer {
        Ok(_) if !is_its_own => note(world, &guest, "opened the doors of another performance"),
        Ok(_) if world.doors.let_in(&guest) => {
            if guest.cheats {
                ask_for_money(world, &guest.ticket).await;
            }
        }
        Ok(_) => note(world, &guest, "let a second person in"),
        // The answer to this very person may have been lost.
        Err(TicketError::Ticket(TicketRefusal::Used { gate: used, .. }))
            if used == gate(guest.gate) =>
        {
            if !guest.may_be_in || !world.doors.let_in(&guest) {
                note(world, &guest, "was used at a gate where nobody went in");
            }
        }
        Err(TicketError::Ticket(_) | TicketError::Performance(_)) => {}
        Err(TicketError::Code(_)) if !is_its_own => {}
        Err(TicketError::Failed(failure)) if failure.is_transient() => {
            guest.may_be_in |= match failure {
                Failure::Unknown(_) => true,
                Failure::Port(error) => error.fault() == Fault::Unknown,
                _ => false,
            };
            world.errands.add(world.now() + AGAIN, Errand::GoIn(Box::new(guest)));
        }
        Err(error) => world.defects.note("door", &error),
    }
}

/// The ticket is used: if anything is written, the watch knows what is wrong.
async fn ask_for_money(world: &World, ticket: &Ticket) {
    let request = RefundSeats {
        user: ticket.user(),
        reservation: ticket.reservation(),
        seats: Some(Seats::one(ticket.seat())),
        key: None,
    };
    drop(world.call(|office| async move { office.refund(request).await }).await);
}

fn gate(number: u64) -> Label<64> {
    Label::new(&format!("gate {}", number + 1)).expect("short and not empty")
}

fn note(world: &World, guest: &Guest, what: &str) {
    world.defects.note("door", &Strange(format!("ticket {} {what}", guest.ticket.id())));
}
