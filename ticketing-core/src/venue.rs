//! A venue: a place with a seating plan.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::aggregate::{Aggregate, AggregateKind, AggregateRef, Applied, Root, StreamKey};
use crate::event::events;
use crate::id::VenueId;
use crate::label::Title;
use crate::layout::Layout;

/// A place with a seating plan. Performances copy the plan, so a new one holds for those scheduled
/// later.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Venue {
    root: Root,
    id: VenueId,
    name: Title,
    layout: Arc<Layout>,
}

impl Venue {
    /// Makes a venue.
    pub fn create(
        id: VenueId,
        name: Title,
        layout: impl Into<Arc<Layout>>,
        now: DateTime<Utc>,
    ) -> Self {
        let layout = layout.into();
        let mut root = Root::new();
        let seats = layout.len();
        root.record(now, VenueEvent::Created { venue: id, name: name.clone(), seats });
        Self { root, id, name, layout }
    }

    /// Gives it another name.
    pub fn rename(&mut self, name: Title, now: DateTime<Utc>) -> Applied {
        if self.name == name {
            return Applied::Already;
        }
        self.name = name;
        self.updated(false, now)
    }

    /// Gives it another seating plan.
    pub fn change_layout(&mut self, layout: impl Into<Arc<Layout>>, now: DateTime<Utc>) -> Applied {
        let layout = layout.into();
        if self.layout == layout {
            return Applied::Already;
        }
        self.layout = layout;
        self.updated(true, now)
    }

    fn updated(&mut self, new_layout: bool, now: DateTime<Utc>) -> Applied {
        let (venue, name, seats) = (self.id, self.name.clone(), self.layout.len());
        self.root.record(now, VenueEvent::Updated { venue, name, seats, new_layout });
        Applied::Now
    }

    /// Its id.
    pub const fn id(&self) -> VenueId {
        self.id
    }

    /// Its name.
    pub const fn name(&self) -> &Title {
        &self.name
    }

    /// Its seating plan.
    pub const fn layout(&self) -> &Arc<Layout> {
        &self.layout
    }
}

events! {
    /// What happened to a venue.
    VenueEvent {
        /// It was created.
        Created = "venue.created" {
            /// Which.
            venue: VenueId,
            /// Its name.
            name: Title,
            /// How many seats it has.
            seats: u32,
        },
        /// Its name or its seating plan changed.
        Updated = "venue.updated" {
            /// Which.
            venue: VenueId,
            /// Its name now.
            name: Title,
            /// How many seats it has now.
            seats: u32,
            /// Whether the seating plan is another.
            new_layout: bool,
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

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;
    use crate::change_set::ChangeSet;
    use crate::event::EventBody;
    use crate::id::ChangeSetId;
    use crate::layout::{LayoutSpec, SectionSpec};

    fn layout(rows: u32) -> Layout {
        Layout::new(&LayoutSpec::of([SectionSpec::grid("A", "R", rows, 10)])).unwrap()
    }

    fn venue() -> Venue {
        let id = VenueId::from_uuid(Uuid::from_u128(1));
        Venue::create(id, Title::new("Opera").unwrap(), layout(2), DateTime::UNIX_EPOCH)
    }

    #[test]
    fn every_change_is_told_once_and_without_the_layout() {
        let (mut venue, now) = (venue(), DateTime::UNIX_EPOCH);
        let name = Title::new("Opera House").unwrap();
        assert_eq!(venue.rename(name.clone(), now), Applied::Now);
        assert_eq!(venue.rename(name.clone(), now), Applied::Already);
        assert_eq!(venue.change_layout(layout(3), now), Applied::Now);
        assert_eq!(venue.change_layout(layout(3), now), Applied::Already);
        assert_eq!((venue.name(), venue.layout().len()), (&name, 30));
        let id = venue.id();
        let told: Vec<&EventBody> = venue.root().pending().collect();
        let renamed =
            VenueEvent::Updated { venue: id, name: name.clone(), seats: 20, new_layout: false };
        let rebuilt = VenueEvent::Updated { venue: id, name, seats: 30, new_layout: true };
        assert_eq!(told[1..], [&EventBody::Venue(renamed), &EventBody::Venue(rebuilt)]);
        let id = ChangeSetId::from_uuid(Uuid::from_u128(2));
        assert_eq!(ChangeSet::new(id, now).save(venue).events().len(), 3);
    }

    #[test]
    fn a_venue_survives_storage() {
        let json = serde_json::to_string(&venue()).unwrap();
        assert_eq!(serde_json::from_str::<Venue>(&json).unwrap(), venue());
    }
}
