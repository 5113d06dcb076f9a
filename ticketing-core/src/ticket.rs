//! A ticket.

use serde::{Deserialize, Serialize};

use crate::aggregate::{Aggregate, AggregateKind, AggregateRef, Root, StreamKey};
use crate::event::events;
use crate::id::{ReservationId, TicketId, UserId};
use crate::seat::SeatNo;

/// A ticket.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ticket {
    root: Root,
    id: TicketId,
    reservation: ReservationId,
}

impl Ticket {
    /// Its id.
    pub const fn id(&self) -> TicketId {
        self.id
    }

    /// Its reservation.
    pub const fn reservation(&self) -> ReservationId {
        self.reservation
    }

    /// Whose it is.
    pub const fn user(&self) -> UserId {
        UserId::from_uuid(self.id.as_uuid())
    }

    /// Its seat.
    pub const fn seat(&self) -> SeatNo {
        SeatNo(0)
    }
}

events! {
    /// What happened to a ticket.
    TicketEvent {
        /// It was created.
        Created = "ticket.created" {
            /// Which.
            ticket: TicketId,
        },
    }
}

impl Aggregate for Ticket {
    fn reference(&self) -> AggregateRef {
        AggregateRef { kind: AggregateKind::Ticket, id: self.id.as_uuid() }
    }
    fn stream(&self) -> StreamKey {
        StreamKey(self.reservation.as_uuid())
    }
    fn root(&self) -> &Root {
        &self.root
    }
    fn root_mut(&mut self) -> &mut Root {
        &mut self.root
    }
}
