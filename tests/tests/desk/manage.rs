use std::sync::Arc;
use std::time::Duration;

use pollster::block_on;
use ticketing_core::aggregate::Aggregate;
use ticketing_core::box_office::*;
use ticketing_core::label::Title;
use ticketing_core::layout::{Layout, LayoutSpec, SectionSpec};
use ticketing_core::page::{Limit, PageRequest};
use ticketing_core::policy::SalesPolicy;
use ticketing_core::service::Failure;
use ticketing_core::service::performances::PerformanceError;
use ticketing_core::service::shows::ShowError;
use ticketing_core::service::venues::VenueError;
use ticketing_core::service::waiting::WaitingError;
use ticketing_core::testing::Harness;

use crate::world::{World, grade, hall, prices, seats, token, won};

fn title(text: &str) -> Title {
    Title::new(text).unwrap()
}

#[test]
fn a_repeated_create_makes_one_thing_and_a_reused_key_is_told() {
    block_on(async {
        let world = World::new().await;
        let key = Some(token("k"));
        let venue = CreateVenue {
            key: key.clone(),
            ..CreateVenue::new(world.seller, title("Arena"), hall())
        };
        let first = world.office.create_venue(venue.clone()).await.unwrap();
        assert_eq!(world.office.create_venue(venue.clone()).await.unwrap(), first);
        let other = CreateVenue { name: title("Dome"), ..venue };
        let reused = world.office.create_venue(other.clone()).await;
        assert!(matches!(reused, Err(VenueError::Failed(Failure::KeyReused))), "{reused:?}");
        let others = CreateVenue { seller: world.another_seller(), ..other };
        assert_ne!(world.office.create_venue(others).await.unwrap(), first);

        let show = CreateShow {
            key: key.clone(),
            ..CreateShow::new(world.seller, title("Tosca"), prices())
        };
        let first = world.office.create_show(show.clone()).await.unwrap();
        assert_eq!(world.office.create_show(show).await.unwrap(), first);

        let starts_at = world.now() + Duration::from_hours(48);
        let evening = SchedulePerformance {
            key,
            ..SchedulePerformance::new(world.seller, world.show, world.venue, starts_at)
        };
        let first = world.office.schedule(evening.clone()).await.unwrap();
        assert_eq!(world.office.schedule(evening.clone()).await.unwrap(), first);
        let later = starts_at + Duration::from_hours(1);
        let reused =
            world.office.schedule(SchedulePerformance { starts_at: later, ..evening }).await;
        assert!(matches!(reused, Err(PerformanceError::Failed(Failure::KeyReused))), "{reused:?}");
        let all = PageRequest::first(Limit::DEFAULT);
        assert_eq!(world.office.performances(world.show, all).await.unwrap().items.len(), 2);
    });
}

#[test]
fn one_seller_changes_nothing_of_another() {
    block_on(async {
        let world = World::new().await;
        let (office, id, show) = (&world.office, world.performance, world.show);
        let other = world.another_seller();
        let of_show = [
            office.retitle_show(other, show, title("Mine")).await,
            office.reprice_show(other, show, prices()).await,
            office.change_show_policy(other, show, SalesPolicy::default()).await,
        ];
        for refused in of_show {
            assert!(matches!(refused, Err(ShowError::NoSuchShow(_))), "{refused:?}");
        }
        let of_performance = [
            office.reprice(other, id, grade("R"), won(1)).await,
            office.regrade(other, id, seats([0]), grade("S")).await,
            office.block(other, id, seats([0])).await,
            office.unblock(other, id, seats([0])).await,
            office.move_sales_window(other, id, world.now()).await,
        ];
        for refused in of_performance {
            assert!(matches!(refused, Err(PerformanceError::NoSuchPerformance(_))), "{refused:?}");
        }
        let starts_at = world.now() + Duration::from_hours(48);
        let evening = SchedulePerformance::new(other, show, world.venue, starts_at);
        let refused = office.schedule(evening).await;
        assert!(matches!(refused, Err(PerformanceError::NoSuchShow(_))), "{refused:?}");
        assert!(office.cancel_performance(other, id).await.is_err());
        let line =
            OpenLine { seller: other, performance: id, active_max: 1, line_max: 1, opens_at: None };
        let refused = office.open_line(line).await;
        assert!(matches!(refused, Err(WaitingError::NoWaitingRoom(_))), "{refused:?}");
        assert_eq!(office.show(show).await.unwrap().root().version(), 1);
        assert_eq!(office.performance(id).await.unwrap().root().version(), 1);
    });
}

#[test]
fn what_changes_on_a_show_or_venue_holds_for_later_performances() {
    block_on(async {
        let world = World::new().await;
        let (office, seller) = (&world.office, world.seller);
        let more = Layout::new(&LayoutSpec::of([SectionSpec::grid("A", "R", 5, 10)])).unwrap();
        office.change_venue_layout(world.venue, more).await.unwrap();
        office.rename_venue(world.venue, title("Grand Opera")).await.unwrap();
        let mut dearer = prices();
        dearer.set(grade("R"), won(70_000)).unwrap();
        office.reprice_show(seller, world.show, dearer).await.unwrap();
        office.retitle_show(seller, world.show, title("Carmen, again")).await.unwrap();

        let later = world.another_performance().await;
        let seat = seats([0]);
        assert_eq!(office.quote(world.performance, &seat).await.unwrap().total, won(50_000));
        assert_eq!(office.quote(later, &seat).await.unwrap().total, won(70_000));
        assert_eq!(office.performance(world.performance).await.unwrap().capacity(), 40);
        assert_eq!(office.performance(later).await.unwrap().capacity(), 50);
        let venue = office.venue(world.venue).await.unwrap();
        assert_eq!((venue.name(), venue.root().version()), (&title("Grand Opera"), 3));
    });
}

#[test]
fn sellers_who_change_one_show_at_once_all_succeed() {
    let world = Arc::new(block_on(World::new()));
    let tasks = (0..4).map(|number| {
        let world = Arc::clone(&world);
        async move {
            let name = title(&format!("Carmen {number}"));
            world.office.retitle_show(world.seller, world.show, name).await
        }
    });
    for result in Harness::storm(tasks.collect()) {
        result.unwrap();
    }
    let show = block_on(world.office.show(world.show)).unwrap();
    assert_eq!((show.root().version(), show.root().recorded()), (5, 5));
}

#[test]
fn lists_come_in_pages_and_give_each_item_once() {
    block_on(async {
        let world = World::new().await;
        let mut made = vec![world.show];
        for number in 0..6 {
            let new = CreateShow::new(world.seller, title(&format!("Show {number}")), prices());
            made.push(world.office.create_show(new).await.unwrap());
        }
        let foreign = CreateShow::new(world.another_seller(), title("Other"), prices());
        world.office.create_show(foreign).await.unwrap();
        let (mut listed, mut after, limit) = (Vec::new(), None, Limit::new(3).unwrap());
        loop {
            let page = PageRequest::next(after, limit);
            let page = world.office.shows_of(world.seller, page).await.unwrap();
            assert!(page.items.len() <= 3);
            listed.extend(page.items.iter().map(|show| show.id()));
            after = page.next;
            if after.is_none() {
                break;
            }
        }
        made.sort();
        assert_eq!(listed, made);
        let all = PageRequest::first(Limit::DEFAULT);
        assert_eq!(world.office.shows(all.clone()).await.unwrap().items.len(), 8);
        assert_eq!(world.office.venues(all).await.unwrap().items.len(), 1);
    });
}
