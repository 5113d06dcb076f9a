//! Halls to sell out, and the purchase that is measured.

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, TimeDelta};
use pollster::block_on;
use ticketing_core::change_set::ChangeSet;
use ticketing_core::id::{ChangeSetId, PerformanceId, SellerId, ShowId, UserId};
use ticketing_core::label::{Grade, Title, Token};
use ticketing_core::layout::{Layout, LayoutSpec, SectionSpec};
use ticketing_core::memory::{
    ClockIds, FakeGateway, ManualClock, MemoryFraud, MemoryHolds, MemoryPublisher, MemoryRateLimit,
    MemoryStore, MemoryStoreOptions, MemoryUsers, MemoryWaitingRoom, SeededRandom,
};
use ticketing_core::money::{BasisPoints, Currency, Money};
use ticketing_core::payment::Method;
use ticketing_core::performance::{NewPerformance, Performance};
use ticketing_core::policy::SalesPolicy;
use ticketing_core::port::{Clock, Ports};
use ticketing_core::seat::{SeatNo, Seats};
use ticketing_core::service::checkout::{self, StartCheckout};
use ticketing_core::service::confirm::{self, ConfirmPayment};
use ticketing_core::service::hold::{self, HoldSeats};
use ticketing_core::service::reserve::{self, ReserveSeats};
use ticketing_core::show::{NewShow, PriceList, Show};
use ticketing_core::signing::{HmacSigner, KeyRing, SigningKey};

/// The most seats of one performance here; larger halls are several performances.
const PERFORMANCE_SEATS_MAX: u32 = 100_000;
const PRICE: i64 = 10_000;

pub(crate) struct Hall {
    pub(crate) ports: Ports,
    pub(crate) performances: Vec<PerformanceId>,
    clock: ManualClock,
    price: Money,
    provider_key: Token,
}

impl Hall {
    /// Empty performances of `seats` seats in all.
    pub(crate) fn build(seats: u32) -> Self {
        let clock = ManualClock::at(DateTime::from_timestamp(1_800_000_000, 0).unwrap());
        let shared: Arc<dyn Clock> = Arc::new(clock.clone());
        let store = MemoryStore::new(Arc::clone(&shared), MemoryStoreOptions::default());
        let ids = ClockIds::new(Arc::clone(&shared), Arc::new(SeededRandom::new(1)));
        let key = SigningKey::new(&[7; 32]).unwrap();
        let timer = Arc::new(clock.clone());
        let ports = Ports {
            store: Arc::new(store.clone()),
            layouts: Arc::new(store.clone()),
            reservations: Arc::new(store.clone()),
            checkouts: Arc::new(store.clone()),
            payments: Arc::new(store.clone()),
            refunds: Arc::new(store.clone()),
            tickets: Arc::new(store.clone()),
            ledger: Arc::new(store.clone()),
            claims: Arc::new(store.clone()),
            receipts: Arc::new(store.clone()),
            retention: Arc::new(store.clone()),
            outbox: Arc::new(store),
            publisher: Arc::new(MemoryPublisher::default()),
            holds: Arc::new(MemoryHolds::new()),
            waiting_room: Arc::new(MemoryWaitingRoom::new()),
            rate_limit: Arc::new(MemoryRateLimit::new()),
            gateway: Arc::new(FakeGateway::new(Arc::clone(&shared), timer.clone())),
            users: Arc::new(MemoryUsers::new()),
            fraud: Arc::new(MemoryFraud::new()),
            clock: shared,
            timer,
            ids: Arc::new(ids),
            random: Arc::new(SeededRandom::new(2)),
            signer: Arc::new(HmacSigner::new(KeyRing::new(key))),
        };
        let price = Money::from_minor(PRICE, Currency::KRW).unwrap();
        let performances = stage(&ports, seats, price);
        let provider_key = Token::new("authenticated").unwrap();
        Self { ports, performances, clock, price, provider_key }
    }

    /// Sells one seat the whole way: hold, reserve, checkout, confirm.
    pub(crate) async fn sell(&self, seat: u32) {
        let ports = &self.ports;
        // As much as a purchase takes: ids come in the order of time, as they do on any real clock.
        self.clock.advance(Duration::from_micros(20));
        let performance = self.performances[(seat / PERFORMANCE_SEATS_MAX) as usize];
        let seats = Seats::one(SeatNo(seat % PERFORMANCE_SEATS_MAX));
        let user = UserId::generate(&*ports.ids);
        let wanted = HoldSeats { user, performance, seats: seats.clone(), admission: None };
        let held = hold::hold(ports, wanted).await.unwrap();
        let wanted = ReserveSeats {
            user,
            performance,
            seats,
            expected_total: self.price,
            hold: Some(held.token),
            admission: None,
            key: None,
        };
        let reserved = reserve::reserve(ports, wanted).await.unwrap();
        let tender = StartCheckout {
            user,
            reservation: reserved.reservation,
            points: Currency::KRW.zero(),
            method: Some(Method::Card),
            refund_account: None,
            key: None,
        };
        let payment = checkout::start(ports, tender).await.unwrap().payment().unwrap();
        let paid = ConfirmPayment {
            user,
            payment,
            amount: self.price,
            provider_key: Some(self.provider_key.clone()),
            key: None,
        };
        assert!(confirm::confirm(ports, paid).await.unwrap().is_paid());
    }
}

fn stage(ports: &Ports, seats: u32, price: Money) -> Vec<PerformanceId> {
    let now = ports.clock.now();
    let show = Show::create(
        NewShow {
            id: ShowId::generate(&*ports.ids),
            seller: SellerId::generate(&*ports.ids),
            title: Title::new("A Night").unwrap(),
            commission: BasisPoints::percent(3),
            prices: PriceList::new([(Grade::new("R").unwrap(), price)]).unwrap(),
            policy: SalesPolicy::default(),
        },
        now,
    )
    .unwrap();
    let mut performances = Vec::new();
    let mut left = seats;
    while left > 0 {
        let size = left.min(PERFORMANCE_SEATS_MAX);
        let layout = Layout::new(&LayoutSpec::of([SectionSpec::grid("A", "R", size / 100, 100)]));
        let performance = Performance::schedule(
            NewPerformance {
                id: PerformanceId::generate(&*ports.ids),
                show: &show,
                layout: &layout.unwrap(),
                starts_at: now + TimeDelta::days(30),
                zone: "Asia/Seoul".parse().unwrap(),
                sales_open_at: now,
                prices: None,
                policy: None,
            },
            now,
        )
        .unwrap();
        performances.push(performance.id());
        let changes = ChangeSet::new(ChangeSetId::generate(&*ports.ids), now).save(performance);
        let _ = block_on(ports.store.commit(changes)).unwrap();
        left -= size;
    }
    performances
}
