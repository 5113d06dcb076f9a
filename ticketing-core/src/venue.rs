//! A venue.

use serde::{Deserialize, Serialize};

use crate::aggregate::{Aggregate, AggregateKind, AggregateRef, Root, StreamKey};
use crate::event::events;
use crate::id::VenueId;

/// A venue.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Venue {
    root: Root,
    id: VenueId,
}

impl Venue {
    /// Its id.
    pub const fn id(&self) -> VenueId {
        self.id
    }
}

events! {
    /// What happened to a venue.
    VenueEvent {
        /// It was created.
        Created = "venue.created" {
            /// Which.
            venue: VenueId,
        },
    }
}

impl Aggregate for Venue {
    fn reference(&self) -> AggregateRef {
        AggregateRef { kind: AggregateKind::Venue, id: self.id.as_uuid() }
    }
    fn stream(&self) -> StreamKey {
        StreamKey(self.id.as_uuid())
    }
    fn root(&self) -> &Root {
        &self.root
    }
    fn root_mut(&mut self) -> &mut Root {
        &mut self.root
    }
}
