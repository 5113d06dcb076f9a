use std::sync::Arc;

use chrono::TimeDelta;
use chrono_tz::Tz;

use super::{expect_list, save};
use crate::aggregate::Aggregate;
use crate::id::{PerformanceId, SellerId, ShowId, TicketId, UserId, VenueId};
use crate::label::Title;
use crate::layout::{Layout, LayoutSpec, SectionSpec};
use crate::money::{BasisPoints, Currency, Money};
use crate::page::PageRequest;
use crate::performance::{NewPerformance, Performance};
use crate::policy::SalesPolicy;
use crate::seat::{ClaimOwner, SeatNo, Seats};
use crate::show::{NewShow, PriceList, Show};
use crate::testing::ports::collect;
use crate::testing::sample::{self, Sale, seats};
use crate::testing::{Harness, StorePorts};
use crate::ticket::Ticket;
use crate::venue::Venue;

fn layout() -> Layout {
    let section = SectionSpec::grid("A", "R", 2, 10);
    Layout::new(&LayoutSpec::of([section])).expect("a small layout")
}

fn title(text: &str) -> Title {
    Title::new(text).expect("a short title")
}

pub(in crate::testing) fn venue(h: &Harness) -> Venue {
    Venue::create(VenueId::generate(h.ids()), title("Opera"), layout(), h.now())
}

pub(in crate::testing) fn show(h: &Harness, seller: SellerId) -> Show {
    let price = Money::from_minor(50_000, Currency::KRW).expect("a price in range");
    let grade = "R".parse().expect("a short grade");
    let new = NewShow {
        id: ShowId::generate(h.ids()),
        seller,
        title: title("Swan Lake"),
        commission: BasisPoints::percent(5),
        prices: PriceList::new([(grade, price)]).expect("one price"),
        policy: SalesPolicy::default(),
    };
    Show::create(new, h.now()).expect("the default policy")
}

pub(in crate::testing) fn performance(h: &Harness, show: &Show) -> Performance {
    let new = NewPerformance {
        id: PerformanceId::generate(h.ids()),
        show,
        layout: &layout(),
        starts_at: h.now() + TimeDelta::days(30),
        zone: Tz::Asia__Seoul,
        sales_open_at: h.now(),
        prices: None,
        policy: None,
    };
    Performance::schedule(new, h.now()).expect("a performance in a month")
}

/// Venues, shows and performances: the lists give each item once, in the order of ids.
pub(super) async fn expect_layouts(h: &Harness, ports: &StorePorts) {
    let layouts = &ports.layouts;
    let mut venues = Vec::new();
    for _ in 0..5 {
        venues.push(Arc::new(save(h, ports, venue(h)).await));
    }
    venues.sort_by_key(|venue| venue.id());
    for size in [2, 1_000] {
        let mut listed = collect(size, |page| layouts.venues(page)).await;
        assert!(listed.is_sorted_by_key(|venue| venue.id()), "venues come in the order of ids");
        listed.retain(|venue| venues.iter().any(|own| own.id() == venue.id()));
        assert_eq!(listed, venues, "all venues, in pages of {size}");
    }
    let found = layouts.venue(venues[0].id()).await.expect("venue");
    assert_eq!(found.as_ref(), Some(&venues[0]), "a venue is read as it was saved");

    let seller = SellerId::generate(h.ids());
    let mut shows = Vec::new();
    for _ in 0..5 {
        shows.push(Arc::new(save(h, ports, show(h, seller)).await));
        save(h, ports, show(h, SellerId::generate(h.ids()))).await;
    }
    shows.sort_by_key(|show| show.id());
    let of_seller = |page: PageRequest| layouts.shows_of(seller, page);
    expect_list(of_seller, &shows, "the shows of a seller").await;
    for size in [2, 1_000] {
        let mut listed = collect(size, |page| layouts.shows(page)).await;
        assert!(listed.is_sorted_by_key(|show| show.id()), "shows come in the order of ids");
        listed.retain(|show| show.seller() == seller);
        assert_eq!(listed, shows, "all shows, in pages of {size}");
    }
    let found = layouts.show(shows[0].id()).await.expect("show");
    assert_eq!(found.as_ref(), Some(&shows[0]), "a show is read as it was saved");

    let mut performances = Vec::new();
    for _ in 0..5 {
        performances.push(Arc::new(save(h, ports, performance(h, &shows[0])).await));
        save(h, ports, performance(h, &shows[1])).await;
    }
    performances.sort_by_key(|performance| performance.id());
    let of_show = |page: PageRequest| layouts.performances(shows[0].id(), page);
    expect_list(of_show, &performances, "the performances of a show").await;
    let mut inspected = collect(2, |page| ports.inspect.performances(page)).await;
    inspected.retain(|performance| performance.show() == shows[0].id());
    inspected.sort_by_key(|performance| performance.id());
    assert_eq!(inspected, performances, "all performances");
}

/// A cancelled performance is seen past every cache at once, and listed until it is wound up.
pub async fn cancelled_performances_are_listed_until_wound_up(h: &Harness, ports: &StorePorts) {
    let layouts = &ports.layouts;
    let show = save(h, ports, show(h, SellerId::generate(h.ids()))).await;
    let mut own = Vec::new();
    for _ in 0..4 {
        own.push(save(h, ports, performance(h, &show)).await);
    }
    let listed = async || {
        let mut listed = collect(2, |page| layouts.cancelled(page)).await;
        assert!(listed.is_sorted_by_key(|one| one.id()), "they come in the order of ids");
        listed.retain(|performance| performance.show() == show.id());
        listed.into_iter().map(|performance| performance.id()).collect::<Vec<_>>()
    };
    assert_eq!(listed().await, [], "a performance that takes place is listed");

    let mut cancelled = Vec::new();
    for mut performance in own.split_off(1) {
        let id = performance.id();
        // Reading it first fills a cache, if there is one.
        let _ = layouts.performance(id).await.expect("performance");
        let _ = performance.cancel(h.now()).expect("a performance to come");
        let performance = save(h, ports, performance).await;
        let fresh = layouts.fresh_performance(id).await.expect("performance");
        assert_eq!(fresh.as_deref(), Some(&performance), "the cancel is seen past every cache");
        cancelled.push(performance);
    }
    cancelled.sort_by_key(Performance::id);
    let ids: Vec<PerformanceId> = cancelled.iter().map(Performance::id).collect();
    assert_eq!(listed().await, ids, "cancelled performances are listed");
    let mut done = cancelled.remove(1);
    let _ = done.wind_up().expect("a cancelled performance");
    save(h, ports, done).await;
    assert_eq!(listed().await, [ids[0], ids[2]], "one that is wound up is listed no more");
}

/// Tickets are found by id, by reservation in the order of seats, and by user in the order of ids.
pub async fn tickets_are_listed_by_reservation_and_user(h: &Harness, ports: &StorePorts) {
    let sale = Sale::new(h);
    let mut of_user = Vec::new();
    for first in [0, 10] {
        let wanted = seats([first, first + 1, first + 2]);
        let (tickets, id) = buy(h, ports, &sale, &wanted).await;
        let listed = ports.tickets.of_reservation(id).await.expect("tickets");
        assert_eq!(listed, tickets, "the tickets of a reservation, in the order of seats");
        of_user.extend(tickets);
        buy(h, ports, &sale.another_buyer(h), &seats([first + 5])).await;
    }
    of_user.sort_by_key(Ticket::id);
    for ticket in &of_user {
        let found = ports.tickets.find(ticket.id()).await.expect("ticket");
        assert_eq!(found.as_ref(), Some(ticket), "a ticket is read as it was saved");
    }
    let list = |page: PageRequest| ports.tickets.of_user(sale.user, page);
    expect_list(list, &of_user, "the tickets of a user").await;
    let nobody = UserId::generate(h.ids());
    let list = |page: PageRequest| ports.tickets.of_user(nobody, page);
    expect_list(list, &[], "the tickets of a new user").await;
    let mut inspected = collect(2, |page| ports.inspect.tickets(page)).await;
    inspected.retain(|ticket| ticket.user() == sale.user);
    inspected.sort_by_key(Ticket::id);
    assert_eq!(inspected, of_user, "all tickets");
}

/// A paid reservation and its tickets, which are issued from the last seat to the first.
async fn buy(
    h: &Harness,
    ports: &StorePorts,
    sale: &Sale,
    seats: &Seats,
) -> (Vec<Ticket>, crate::id::ReservationId) {
    let mut reservation = sale.reservation(h, seats);
    let id = reservation.id();
    super::confirm(h, &mut reservation);
    let mut wanted: Vec<SeatNo> = seats.iter().collect();
    wanted.reverse();
    let issued = wanted
        .into_iter()
        .map(|seat| Ticket::issue(TicketId::generate(h.ids()), &reservation, seat, h.now()));
    let mut tickets: Vec<Ticket> = issued.collect();
    let changes = sample::changes(h).save(reservation).claim(
        sale.performance,
        seats.clone(),
        ClaimOwner::Reservation(id),
    );
    let changes = tickets.iter().cloned().fold(changes, crate::change_set::ChangeSet::save);
    ports.done(&changes, "a purchase with its tickets").await;
    for ticket in &mut tickets {
        drop(ticket.root_mut().committed());
    }
    tickets.sort_by_key(Ticket::seat);
    (tickets, id)
}
