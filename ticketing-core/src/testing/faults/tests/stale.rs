//! Performances from a cache.

use chrono_tz::Tz;

use super::*;
use crate::aggregate::Aggregate;
use crate::id::SellerId;
use crate::label::Title;
use crate::layout::{Layout, LayoutSpec, SectionSpec};
use crate::money::BasisPoints;
use crate::performance::{NewPerformance, Performance};
use crate::policy::SalesPolicy;
use crate::port::Store;
use crate::show::{NewShow, PriceList, Show};

fn scheduled(world: &World) -> Performance {
    let section = SectionSpec::grid("A", "R", 2, 10);
    let new = NewShow {
        id: ShowId::from_uuid(world.id()),
        seller: SellerId::from_uuid(world.id()),
        title: Title::new("Swan Lake").unwrap(),
        commission: BasisPoints::percent(5),
        prices: PriceList::new([("R".parse().unwrap(), won(50_000))]).unwrap(),
        policy: SalesPolicy::default(),
    };
    let new = NewPerformance {
        id: PerformanceId::from_uuid(world.id()),
        show: &Show::create(new, world.now()).unwrap(),
        layout: &Layout::new(&LayoutSpec::of([section])).unwrap(),
        starts_at: world.now() + TimeDelta::days(30),
        zone: Tz::Asia__Seoul,
        sales_open_at: world.now(),
        prices: None,
        policy: None,
    };
    Performance::schedule(new, world.now()).unwrap()
}

/// Saves a performance as it is, past the weather.
fn save(world: &World, performance: &mut Performance) {
    let changes = ChangeSet::new(ChangeSetId::from_uuid(world.id()), world.now());
    let changes = changes.save(performance.clone());
    drop(world.answer(world.memory.store.commit(changes)).unwrap());
    drop(performance.root_mut().committed());
}

fn version(found: Option<Arc<Performance>>) -> u64 {
    found.expect("a performance that was saved").root().version()
}

#[test]
fn an_older_performance_is_given_but_never_where_a_fresh_one_is_asked_for() {
    let world = World::with([("layouts.stale", FaultRates::ALWAYS)]);
    let layouts = &world.ports.layouts;
    let mut performance = scheduled(&world);
    let id = performance.id();
    assert_eq!(world.answer(layouts.performance(id)).unwrap(), None);
    for expected in 1..=3 {
        match expected {
            1 => {}
            2 => drop(performance.cancel(world.now()).unwrap()),
            _ => drop(performance.wind_up().unwrap()),
        }
        save(&world, &mut performance);
        let given = version(world.answer(layouts.performance(id)).unwrap());
        assert_eq!(given < expected, expected > 1, "version {given} of {expected}");
        let fresh = world.answer(layouts.fresh_performance(id)).unwrap();
        assert_eq!(version(fresh), expected);
    }
    assert_eq!(world.count("layouts.stale"), 2);
    let given: std::collections::BTreeSet<u64> =
        (0..50).map(|_| version(world.answer(layouts.performance(id)).unwrap())).collect();
    assert_eq!(given.into_iter().collect::<Vec<_>>(), [1, 2]);
    world.weather.calm();
    assert_eq!(version(world.answer(layouts.performance(id)).unwrap()), 3);
}
