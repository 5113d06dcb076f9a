//! Tickets.

use async_trait::async_trait;
use ticketing_core::error::PortError;
use ticketing_core::id::{ReservationId, TicketId, UserId};
use ticketing_core::page::{Page, PageRequest};
use ticketing_core::port::Tickets;
use ticketing_core::ticket::Ticket;

use super::gather::KeyColumn;
use super::query::{Point, Sql, indexed, list, one, points, queries};
use super::rows::body;
use crate::Store;

points! {
    FIND = one!("tk_ticket");
}

queries! {
    OF_RESERVATION = indexed!(
        "tk_ticket", "by_reservation", "reservation = ?", " ORDER BY seat, id"
    );
    OF_USER = list!("tk_ticket", "by_user", "user_id = ?");
}

#[async_trait]
impl Tickets for Store {
    async fn find(&self, id: TicketId) -> Result<Option<Ticket>, PortError> {
        self.reading("tickets", "find").point(&FIND, [id.as_uuid().into()], body).await
    }

    async fn of_reservation(&self, id: ReservationId) -> Result<Vec<Ticket>, PortError> {
        let read = self.reading("tickets", "of_reservation");
        read.all(OF_RESERVATION, &[id.as_uuid().into()], body).await
    }

    async fn of_user(&self, user: UserId, page: PageRequest) -> Result<Page<Ticket>, PortError> {
        let of = [user.as_uuid().into()];
        self.reading("tickets", "of_user").page(OF_USER, of, &page, body).await
    }
}
