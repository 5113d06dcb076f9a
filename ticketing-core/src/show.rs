//! A show.

use serde::{Deserialize, Serialize};

use crate::aggregate::{Aggregate, AggregateKind, AggregateRef, Root, StreamKey};
use crate::event::events;
use crate::id::{SellerId, ShowId};

/// A show.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Show {
    root: Root,
    id: ShowId,
}

impl Show {
    /// Its id.
    pub const fn id(&self) -> ShowId {
        self.id
    }

    /// Who sells it.
    pub const fn seller(&self) -> SellerId {
        SellerId::from_uuid(self.id.as_uuid())
    }
}

events! {
    /// What happened to a show.
    ShowEvent {
        /// It was created.
        Created = "show.created" {
            /// Which.
            show: ShowId,
        },
    }
}

impl Aggregate for Show {
    fn reference(&self) -> AggregateRef {
        AggregateRef { kind: AggregateKind::Show, id: self.id.as_uuid() }
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
