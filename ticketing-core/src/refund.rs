//! A refund.

use serde::{Deserialize, Serialize};

use crate::aggregate::{Aggregate, AggregateKind, AggregateRef, Root, StreamKey};
use crate::event::events;
use crate::id::{PaymentId, RefundId, ReservationId};

/// A refund.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refund {
    root: Root,
    id: RefundId,
    reservation: ReservationId,
}

impl Refund {
    /// Its id.
    pub const fn id(&self) -> RefundId {
        self.id
    }

    /// Its payment.
    pub const fn payment(&self) -> PaymentId {
        PaymentId::from_uuid(self.id.as_uuid())
    }

    /// Whether the worker must still drive it.
    pub const fn is_open(&self) -> bool {
        true
    }
}

events! {
    /// What happened to a refund.
    RefundEvent {
        /// It was created.
        Created = "refund.created" {
            /// Which.
            refund: RefundId,
        },
    }
}

impl Aggregate for Refund {
    fn reference(&self) -> AggregateRef {
        AggregateRef { kind: AggregateKind::Refund, id: self.id.as_uuid() }
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
