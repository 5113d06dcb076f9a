//! Tickets: list them, print their codes, check codes and let people in.

use super::support::{Failure, Tries, change_set, once_saved};
use super::write::write;
use crate::error::PortError;
use crate::id::{PerformanceId, ReservationId, TicketId, UserId};
use crate::label::Label;
use crate::page::{Page, PageRequest};
use crate::performance::PerformanceRefusal;
use crate::port::{Ports, TokenSigner};
use crate::ticket::{Ticket, TicketRefusal};
use crate::ticket_code::{CodeRefusal, TicketClaims, TicketCode};

/// A ticket shown at a door.
#[derive(Clone, Debug)]
pub struct AdmitTicket {
    /// The performance that the door is for.
    pub performance: PerformanceId,
    /// What was shown.
    pub code: TicketCode,
    /// The door.
    pub gate: Label<64>,
}

/// Why nobody was let in, or no tickets were shown.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TicketError {
    /// No such reservation of this user.
    #[error("no reservation {0} of this user")]
    NoSuchReservation(ReservationId),
    /// No such performance.
    #[error("no performance {0}")]
    NoSuchPerformance(PerformanceId),
    /// A genuine code of a ticket that the store does not have.
    #[error("no ticket {0}")]
    NoSuchTicket(TicketId),
    /// The code is not genuine, or not for this performance.
    #[error(transparent)]
    Code(#[from] CodeRefusal),
    /// The performance does not take place.
    #[error(transparent)]
    Performance(#[from] PerformanceRefusal),
    /// Somebody went in with it before, or it is void.
    #[error(transparent)]
    Ticket(#[from] TicketRefusal),
    /// It failed for another reason.
    #[error(transparent)]
    Failed(#[from] Failure),
}

impl From<PortError> for TicketError {
    fn from(error: PortError) -> Self {
        Self::Failed(error.into())
    }
}

/// The tickets of a user's reservation, in the order of seats; none before it is confirmed.
///
/// # Errors
/// [`TicketError::NoSuchReservation`], or they could not be read.
pub async fn of_reservation(
    ports: &Ports,
    user: UserId,
    id: ReservationId,
) -> Result<Vec<Ticket>, TicketError> {
    let found = ports.reservations.find(id).await?;
    if found.is_none_or(|reservation| reservation.user() != user) {
        return Err(TicketError::NoSuchReservation(id));
    }
    Ok(ports.tickets.of_reservation(id).await?)
}

/// The tickets of a user, in the order of ids.
///
/// # Errors
/// The list could not be read, or the cursor is not of this list.
pub async fn of_user(
    ports: &Ports,
    user: UserId,
    page: PageRequest,
) -> Result<Page<Ticket>, Failure> {
    Ok(ports.tickets.of_user(user, page).await?)
}

/// The code to print on a ticket. Who has it may go in.
pub fn code(signer: &dyn TokenSigner, ticket: &Ticket) -> TicketCode {
    let claims = TicketClaims {
        ticket: ticket.id(),
        performance: ticket.performance(),
        seat: ticket.seat(),
    };
    claims.sign(signer)
}

/// Whether a code is genuine and for this performance; what it says. Needs no store, so a door that is
/// offline can ask. Whether the ticket was used or voided only [`admit`] knows.
///
/// # Errors
/// [`CodeRefusal`].
pub fn check(
    signer: &dyn TokenSigner,
    code: &TicketCode,
    performance: PerformanceId,
) -> Result<TicketClaims, CodeRefusal> {
    code.verify(signer, performance)
}

/// Lets one person in and uses the ticket up. Of two doors one loses and is told when and where it was
/// used. A door whose answer was lost asks again: if the refusal names its own gate and moment, that
/// was this person.
///
/// # Errors
/// [`TicketError`]; the ticket is as it was.
pub async fn admit(ports: &Ports, request: AdmitTicket) -> Result<Ticket, TicketError> {
    let claims = check(&*ports.signer, &request.code, request.performance)?;
    let performance = ports.layouts.performance(request.performance).await?;
    let performance = performance.ok_or(TicketError::NoSuchPerformance(request.performance))?;
    performance.must_take_place()?;
    let mut tries = Tries::new();
    loop {
        let now = ports.clock.now();
        let found = ports.tickets.find(claims.ticket).await?;
        let mut ticket = found.ok_or(TicketError::NoSuchTicket(claims.ticket))?;
        ticket.admit(request.gate.clone(), now)?;
        let admitted = once_saved(&ticket);
        if write(ports, change_set(ports, now).save(ticket)).await? {
            return Ok(admitted);
        }
        tries.again()?;
    }
}
