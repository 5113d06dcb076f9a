//! What sellers write: venues, shows and performances.

use chrono::TimeDelta;
use chrono_tz::Tz;

use super::parts::Writing;
use super::step::{Made, Pick};
use super::world::loaded;
use crate::change_set::ChangeSet;
use crate::id::{PerformanceId, SellerId, ShowId, VenueId};
use crate::label::Title;
use crate::layout::{Layout, LayoutSpec, SectionSpec};
use crate::money::BasisPoints;
use crate::performance::{NewPerformance, Performance};
use crate::policy::SalesPolicy;
use crate::show::{NewShow, PriceList, Show};
use crate::testing::sample::won;
use crate::venue::Venue;

fn title(text: &str) -> Title {
    Title::new(text).expect("a short title")
}

fn layout() -> Layout {
    Layout::new(&LayoutSpec::of([SectionSpec::grid("A", "R", 1, 12)])).expect("a small layout")
}

impl Writing<'_> {
    pub(super) fn create(&mut self, changes: ChangeSet, made: Made) -> Option<ChangeSet> {
        Some(match made {
            Made::Venue => {
                let id = VenueId::from_uuid(self.id());
                changes.save(Venue::create(id, title("Opera"), layout(), self.at))
            }
            Made::Show => {
                let grade = "R".parse().expect("a short grade");
                let new = NewShow {
                    id: ShowId::from_uuid(self.id()),
                    seller: SellerId::from_uuid(self.id()),
                    title: title("Swan Lake"),
                    commission: BasisPoints::percent(5),
                    prices: PriceList::new([(grade, won(50_000))]).expect("one price"),
                    policy: SalesPolicy::default(),
                };
                changes.save(Show::create(new, self.at).ok()?)
            }
            Made::Performance => {
                let newest = Pick { back: 0, stale: false };
                let new = NewPerformance {
                    id: PerformanceId::from_uuid(self.id()),
                    show: loaded(&self.world.shown, newest)?,
                    layout: &layout(),
                    starts_at: self.at + TimeDelta::days(30),
                    zone: Tz::Asia__Seoul,
                    sales_open_at: self.at,
                    prices: None,
                    policy: None,
                };
                changes.save(Performance::schedule(new, self.at).ok()?)
            }
        })
    }

    /// One that takes no change is saved as it is.
    pub(super) fn manage(&self, changes: ChangeSet, made: Made, of: Pick) -> Option<ChangeSet> {
        let (world, price) = (self.world, won(60_000));
        let grade = "R".parse().expect("a short grade");
        Some(match made {
            Made::Venue => {
                let mut venue = loaded(&world.venues, of)?.clone();
                let _ = venue.rename(title("Theatre"), self.at);
                changes.save(venue)
            }
            Made::Show => changes.save(loaded(&world.shown, of)?.clone()),
            Made::Performance => {
                let mut performance = loaded(&world.scheduled, of)?.clone();
                let _ = performance.reprice(grade, price, self.at);
                changes.save(performance)
            }
        })
    }
}
