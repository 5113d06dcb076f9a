use async_trait::async_trait;

use crate::error::PortError;
use crate::id::{ReservationId, TicketId, UserId};
use crate::page::{Page, PageRequest};
use crate::ticket::Ticket;

/// Reads tickets, from the primary (`testing::reads::tickets_are_listed_by_reservation_and_user`).
#[cfg_attr(feature = "mock", mockall::automock)]
#[async_trait]
pub trait Tickets: Send + Sync {
    /// One ticket.
    async fn find(&self, id: TicketId) -> Result<Option<Ticket>, PortError>;
    /// The tickets of one reservation, in the order of seats; at most one per seat.
    async fn of_reservation(&self, id: ReservationId) -> Result<Vec<Ticket>, PortError>;
    /// The tickets of one user, in the order of ids.
    async fn of_user(&self, user: UserId, page: PageRequest) -> Result<Page<Ticket>, PortError>;
}
