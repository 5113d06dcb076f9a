//! A checkout.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::aggregate::{Aggregate, AggregateKind, AggregateRef, Root, StreamKey};
use crate::event::events;
use crate::id::{CheckoutId, ReservationId};

/// A checkout.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Checkout {
    root: Root,
    id: CheckoutId,
    reservation: ReservationId,
}

impl Checkout {
    /// Its id.
    pub const fn id(&self) -> CheckoutId {
        self.id
    }

    /// Its reservation.
    pub const fn reservation(&self) -> ReservationId {
        self.reservation
    }

    /// Whether it is not ended.
    pub const fn is_live(&self) -> bool {
        true
    }

    /// When it last moved.
    pub const fn moved_at(&self) -> DateTime<Utc> {
        DateTime::UNIX_EPOCH
    }
}

events! {
    /// What happened to a checkout.
    CheckoutEvent {
        /// It was created.
        Created = "checkout.created" {
            /// Which.
            checkout: CheckoutId,
        },
    }
}

impl Aggregate for Checkout {
    fn reference(&self) -> AggregateRef {
        AggregateRef { kind: AggregateKind::Checkout, id: self.id.as_uuid() }
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
