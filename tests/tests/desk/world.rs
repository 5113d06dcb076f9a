use std::time::Duration;

use chrono::{DateTime, Utc};
use ticketing_core::box_office::*;
use ticketing_core::id::*;
use ticketing_core::label::{Grade, Label, Title, Token};
use ticketing_core::layout::{Layout, LayoutSpec, SectionSpec};
use ticketing_core::memory::{ManualClock, Memory, MemoryStoreOptions};
use ticketing_core::money::{Currency, Money};
use ticketing_core::payment::Method;
use ticketing_core::policy::SalesPolicy;
use ticketing_core::port::{Clock, Ports};
use ticketing_core::seat::{SeatNo, Seats};
use ticketing_core::show::PriceList;
use ticketing_core::ticket::Ticket;

/// A box office with one performance on sale: section A of grade R at 50,000 won, seats 0 to 19, and
/// section B of grade S at 30,000 won, seats 20 to 39.
pub(crate) struct World {
    pub(crate) memory: Memory,
    pub(crate) office: BoxOffice,
    pub(crate) seller: SellerId,
    pub(crate) venue: VenueId,
    pub(crate) show: ShowId,
    pub(crate) performance: PerformanceId,
}

pub(crate) fn policy() -> SalesPolicy {
    SalesPolicy { seats_per_reservation: 4, tickets_per_user: 100, ..SalesPolicy::default() }
}

pub(crate) fn won(minor: i64) -> Money {
    Money::from_minor(minor, Currency::KRW).unwrap()
}

pub(crate) fn grade(code: &str) -> Grade {
    Grade::new(code).unwrap()
}

pub(crate) fn seats(numbers: impl IntoIterator<Item = u32>) -> Seats {
    Seats::new(numbers.into_iter().map(SeatNo)).unwrap()
}

pub(crate) fn token(text: &str) -> Token {
    Token::new(text).unwrap()
}

pub(crate) fn gate(name: &str) -> Label<64> {
    Label::new(name).unwrap()
}

pub(crate) fn prices() -> PriceList {
    PriceList::new([(grade("R"), won(50_000)), (grade("S"), won(30_000))]).unwrap()
}

pub(crate) fn hall() -> Layout {
    let sections = [SectionSpec::grid("A", "R", 2, 10), SectionSpec::grid("B", "S", 2, 10)];
    Layout::new(&LayoutSpec::of(sections)).unwrap()
}

impl World {
    pub(crate) async fn new() -> Self {
        Self::with(policy(), 8).await
    }

    pub(crate) async fn with(policy: SalesPolicy, partitions: u16) -> Self {
        let clock = ManualClock::at(DateTime::from_timestamp(1_800_000_000, 0).unwrap());
        let store = MemoryStoreOptions { partitions, ..MemoryStoreOptions::default() };
        let memory = Memory::at(clock).seed(7).store(store).build();
        let office = BoxOffice::new(memory.ports());
        let seller = SellerId::generate(&*memory.ids);
        let venue = CreateVenue::new(seller, Title::new("Opera").unwrap(), hall());
        let venue = office.create_venue(venue).await.unwrap();
        let show = CreateShow::new(seller, Title::new("Carmen").unwrap(), prices());
        let show = office.create_show(CreateShow { policy, ..show }).await.unwrap();
        let starts_at = memory.clock.now() + Duration::from_hours(30 * 24);
        let performance = SchedulePerformance::new(seller, show, venue, starts_at);
        let performance = office.schedule(performance).await.unwrap();
        Self { memory, office, seller, venue, show, performance }
    }

    /// Another performance of the same show.
    pub(crate) async fn another_performance(&self) -> PerformanceId {
        let starts_at = self.now() + Duration::from_hours(31 * 24);
        let new = SchedulePerformance::new(self.seller, self.show, self.venue, starts_at);
        self.office.schedule(new).await.unwrap()
    }

    /// The same world through other ports.
    pub(crate) fn through(&self, change: impl FnOnce(&mut Ports)) -> BoxOffice {
        let mut ports = self.memory.ports();
        change(&mut ports);
        BoxOffice::new(ports)
    }

    pub(crate) fn now(&self) -> DateTime<Utc> {
        self.memory.clock.now()
    }

    pub(crate) fn advance(&self, by: Duration) {
        self.memory.clock.advance(by);
    }

    pub(crate) fn user(&self) -> UserId {
        UserId::generate(&*self.memory.ids)
    }

    pub(crate) fn another_seller(&self) -> SellerId {
        SellerId::generate(&*self.memory.ids)
    }

    pub(crate) async fn reserve(&self, user: UserId, seats: &Seats) -> ReservationId {
        let total = self.office.quote(self.performance, seats).await.unwrap().total;
        let wanted = ReserveSeats::new(user, self.performance, seats.clone(), total);
        self.office.reserve(wanted).await.unwrap().reservation
    }

    pub(crate) async fn sell(&self, user: UserId, seats: &Seats) -> (ReservationId, Vec<Ticket>) {
        let total = self.office.quote(self.performance, seats).await.unwrap().total;
        let id = self.reserve(user, seats).await;
        let checkout = StartCheckout::by(user, id, Method::Card, Currency::KRW);
        let payment = self.office.checkout(checkout).await.unwrap().payment().unwrap();
        let card = self.memory.gateway.authenticate(payment, total);
        let paid = ConfirmPayment::new(user, payment, total).with_provider_key(card);
        assert!(self.office.confirm(paid).await.unwrap().is_paid());
        (id, self.office.tickets_of(user, id).await.unwrap())
    }
}
