//! A payment.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::aggregate::{Aggregate, AggregateKind, AggregateRef, Root, StreamKey};
use crate::event::events;
use crate::id::{PaymentId, ReservationId};

/// A payment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Payment {
    root: Root,
    id: PaymentId,
    reservation: ReservationId,
}

impl Payment {
    /// Its id.
    pub const fn id(&self) -> PaymentId {
        self.id
    }

    /// Its reservation.
    pub const fn reservation(&self) -> ReservationId {
        self.reservation
    }

    /// Whether it waits for the gateway's word.
    pub const fn is_unsettled(&self) -> bool {
        false
    }

    /// Whether its deposit account must still be closed.
    pub const fn needs_closing(&self) -> bool {
        false
    }

    /// When the gateway was last asked.
    pub const fn asked_at(&self) -> DateTime<Utc> {
        DateTime::UNIX_EPOCH
    }
}

events! {
    /// What happened to a payment.
    PaymentEvent {
        /// It was created.
        Created = "payment.created" {
            /// Which.
            payment: PaymentId,
        },
    }
}

impl Aggregate for Payment {
    fn reference(&self) -> AggregateRef {
        AggregateRef { kind: AggregateKind::Payment, id: self.id.as_uuid() }
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
