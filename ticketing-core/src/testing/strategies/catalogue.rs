//! Venues, shows and performances.

use chrono::TimeDelta;
use chrono_tz::Tz;
use proptest::option;
use proptest::prelude::*;
use proptest::sample::select;

use super::layout::{layouts, priced_layouts, seats};
use super::policy::sales_policies;
use super::value::{Origin, amount, labels, origins, part, permille, prices, rates};
use crate::id::{PerformanceId, SellerId, ShowId, VenueId};
use crate::label::Title;
use crate::layout::Layout;
use crate::memory::ClockIds;
use crate::money::BasisPoints;
use crate::performance::{NewPerformance, Performance, PerformanceState};
use crate::policy::SalesPolicy;
use crate::seat::Seats;
use crate::show::{NewShow, PriceList, Show};
use crate::venue::Venue;

/// Venues, new ones and such that were renamed or rebuilt.
///
/// ```
/// use proptest::prelude::*;
/// use ticketing_core::testing::strategies;
///
/// proptest!(|(venue in strategies::venues())| prop_assert!(venue.layout().len() > 0));
/// ```
pub fn venues() -> BoxedStrategy<Venue> {
    let changes = (option::of(labels()), option::weighted(0.3, layouts()));
    (origins(), labels(), layouts(), changes)
        .prop_map(|(origin, name, layout, changes)| {
            let id = VenueId::generate(&origin.ids());
            let mut venue = Venue::create(id, name, layout, origin.at);
            let (renamed, rebuilt) = changes;
            renamed.map(|name| venue.rename(name, origin.at));
            rebuilt.map(|layout| venue.change_layout(layout, origin.at));
            venue
        })
        .boxed()
}

/// Shows with any policy, new ones and such that got another title or other prices.
///
/// ```
/// use proptest::prelude::*;
/// use ticketing_core::testing::strategies;
///
/// proptest!(|(show in strategies::shows())| prop_assert_eq!(show.policy().check(), Ok(())));
/// ```
pub fn shows() -> BoxedStrategy<Show> {
    let changes = (option::weighted(0.3, labels()), option::weighted(0.3, prices()));
    (show_drafts(), priced_layouts(), changes)
        .prop_map(|(draft, (_, prices), (retitled, repriced))| {
            let (now, ids) = (draft.origin.at, draft.origin.ids());
            let mut show = draft.create(prices.clone(), &ids);
            retitled.map(|title| show.retitle(title, now));
            if let Some(price) = repriced {
                let (grade, _) = prices.iter().last().expect("a price list has a price");
                let price = amount(price, prices.currency());
                let list = PriceList::new([(grade.clone(), price)]).expect("a price above zero");
                show.reprice(list, now).expect("the same currency");
            }
            show
        })
        .boxed()
}

/// Where a drawn performance stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum PerformanceAt {
    /// It takes place.
    Scheduled,
    /// It does not; reservations may still have to be ended.
    Cancelled,
    /// It does not, and every reservation was ended.
    WoundUp,
}

impl PerformanceAt {
    /// All of them, the simplest first.
    pub const ALL: [Self; 3] = [Self::Scheduled, Self::Cancelled, Self::WoundUp];

    /// Where a performance stands.
    pub const fn of(performance: &Performance) -> Self {
        match performance.state() {
            PerformanceState::Scheduled => Self::Scheduled,
            PerformanceState::Cancelled { wound_up: false, .. } => Self::Cancelled,
            PerformanceState::Cancelled { wound_up: true, .. } => Self::WoundUp,
        }
    }
}

/// Performances of any layout, prices and policy, from a moment to ten years ahead, in every state;
/// some were priced anew or regraded, or had seats blocked.
///
/// ```
/// use proptest::prelude::*;
/// use ticketing_core::testing::strategies;
///
/// proptest!(|(performance in strategies::performances())| {
///     prop_assert_eq!(performance.capacity(), performance.layout().len());
///     prop_assert!(performance.sales_close_at() <= performance.starts_at());
/// });
/// ```
pub fn performances() -> BoxedStrategy<Performance> {
    (select(PerformanceAt::ALL.to_vec()), performance_drafts())
        .prop_map(|(at, draft)| draft.bring(at))
        .boxed()
}

/// The performances of [`performances`] that stand at `at`.
///
/// ```
/// use proptest::prelude::*;
/// use ticketing_core::testing::strategies::{self, PerformanceAt};
///
/// let cancelled = strategies::performances_in(PerformanceAt::Cancelled);
/// proptest!(|(performance in cancelled)| prop_assert!(performance.is_cancelled()));
/// ```
pub fn performances_in(at: PerformanceAt) -> BoxedStrategy<Performance> {
    performance_drafts().prop_map(move |draft| draft.bring(at)).boxed()
}

/// The raw choices of a show, but for its prices.
#[derive(Clone, Debug)]
struct ShowDraft {
    origin: Origin,
    title: Title,
    commission: BasisPoints,
    policy: SalesPolicy,
}

impl ShowDraft {
    fn create(self, prices: PriceList, ids: &ClockIds) -> Show {
        let new = NewShow {
            id: ShowId::generate(ids),
            seller: SellerId::generate(ids),
            title: self.title,
            commission: self.commission,
            prices,
            policy: self.policy,
        };
        Show::create(new, self.origin.at).expect("a policy within its bounds")
    }
}

fn show_drafts() -> BoxedStrategy<ShowDraft> {
    (origins(), labels(), rates(), sales_policies())
        .prop_map(|(origin, title, commission, policy)| ShowDraft {
            origin,
            title,
            commission,
            policy,
        })
        .boxed()
}

/// The raw choices of a performance.
#[derive(Clone, Debug)]
struct PerformanceDraft {
    show: ShowDraft,
    layout: Layout,
    prices: PriceList,
    zone: Tz,
    ahead: TimeDelta,
    opens_permille: i64,
    repriced: Option<i64>,
    regraded: Option<Seats>,
    blocked: Option<Seats>,
}

fn performance_drafts() -> BoxedStrategy<PerformanceDraft> {
    let zones = [Tz::Asia__Seoul, Tz::UTC, Tz::America__New_York, Tz::Pacific__Apia];
    let most = Performance::AHEAD_MAX.num_seconds();
    let month = 30 * 24 * 60 * 60;
    let ahead = prop_oneof![3 => Just(month), 3 => 1..=2 * month, 1 => Just(1), 1 => Just(most)];
    let some_seats = || option::weighted(0.3, seats(24, 6));
    let times = (select(zones.to_vec()), ahead, permille());
    let changes = (option::weighted(0.3, prices()), some_seats(), some_seats());
    (show_drafts(), priced_layouts(), times, changes)
        .prop_map(|(show, (layout, prices), (zone, ahead_s, opens_permille), changes)| {
            let (repriced, regraded, blocked) = changes;
            let ahead = TimeDelta::seconds(ahead_s);
            PerformanceDraft {
                show,
                layout,
                prices,
                zone,
                ahead,
                opens_permille,
                repriced,
                regraded,
                blocked,
            }
        })
        .boxed()
}

impl PerformanceDraft {
    fn bring(self, at: PerformanceAt) -> Performance {
        let (now, ids) = (self.show.origin.at, self.show.origin.ids());
        let show = self.show.create(self.prices.clone(), &ids);
        let stop = TimeDelta::from_std(show.policy().deadlines.sales_stop).expect("30 days");
        // Sales must close after now to have been open.
        let starts_at = now + self.ahead.max(stop + TimeDelta::seconds(1));
        let on_sale = (starts_at - stop - now).num_microseconds().expect("ten years fit");
        let new = NewPerformance {
            id: PerformanceId::generate(&ids),
            show: &show,
            layout: &self.layout,
            starts_at,
            zone: self.zone,
            sales_open_at: now + TimeDelta::microseconds(part(on_sale - 1, self.opens_permille)),
            prices: None,
            policy: None,
        };
        let mut performance = Performance::schedule(new, now).expect("on sale before it starts");
        let (grade, _) = self.prices.iter().last().expect("a price list has a price");
        if let Some(price) = self.repriced {
            let price = amount(price, self.prices.currency());
            performance.reprice(grade.clone(), price, now).expect("a price above zero");
        }
        let fitting =
            |seats: Seats| Seats::new(seats.iter().filter(|seat| seat.0 < self.layout.len())).ok();
        if let Some(seats) = self.regraded.and_then(fitting) {
            performance.regrade(&seats, grade.clone(), now).expect("a priced grade");
        }
        if let Some(seats) = self.blocked.and_then(fitting) {
            performance.block(&seats, now).expect("seats that are there");
        }
        match at {
            PerformanceAt::Scheduled => {}
            PerformanceAt::Cancelled | PerformanceAt::WoundUp => {
                performance.cancel(now).expect("it has not started");
            }
        }
        if at == PerformanceAt::WoundUp {
            performance.wind_up().expect("it is cancelled");
        }
        performance
    }
}
