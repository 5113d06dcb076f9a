//! A box office over a store in a database; everything else is in memory.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};
use ticketing_core::box_office::BoxOffice;
use ticketing_core::change_set::ChangeSet;
use ticketing_core::id::{ChangeSetId, PerformanceId, SellerId, ShowId};
use ticketing_core::label::{Grade, Title};
use ticketing_core::layout::{Layout, LayoutSpec, SectionSpec};
use ticketing_core::memory::{ClockIds, Memory, MemoryHolds, SeededRandom, SystemClock};
use ticketing_core::money::{BasisPoints, Currency, Money};
use ticketing_core::performance::{NewPerformance, Performance};
use ticketing_core::policy::SalesPolicy;
use ticketing_core::port::{Clock, Ports, Timer};
use ticketing_core::show::{NewShow, PriceList, Show};
use ticketing_core::testing::faults::SkewedClock;
use ticketing_core::verify::{PublishedEvents, VerifyOptions, verify};
use ticketing_sqlx::{ConnectError, Options, Store};

use crate::ledger::{Ledger, Noting, Tally, pause};

pub(crate) const PRICE: i64 = 10_000;

/// The timer of the machine's clock.
struct MachineTimer;

#[async_trait]
impl Timer for MachineTimer {
    async fn sleep_until(&self, at: DateTime<Utc>) {
        if let Ok(left) = (at - SystemClock.now()).to_std() {
            pause(left).await;
        }
    }
}

/// What is sold. Processes tell each other.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(crate) struct Hall {
    pub(crate) performance: PerformanceId,
    pub(crate) seller: SellerId,
    pub(crate) seats: u32,
}

/// One process's way to sell: its store, and what that was told.
#[derive(Clone)]
pub(crate) struct Shop {
    pub(crate) store: Store,
    pub(crate) ledger: Arc<Ledger>,
    pub(crate) clock: SkewedClock,
    pub(crate) memory: Memory<SkewedClock>,
    ports: Ports,
}

/// Options that let a fault be over soon.
pub(crate) fn impatient() -> Options {
    Options {
        lanes: 2,
        read_connections: 4,
        connect_timeout: Duration::from_secs(2),
        lock_wait: Duration::from_secs(1),
        statement_timeout: Duration::from_secs(1),
        outcome_timeout: Duration::from_secs(6),
        performances_cached_for: Duration::from_millis(100),
        ..Options::default()
    }
}

impl Shop {
    pub(crate) async fn open(url: &str, options: Options, seed: u64) -> Self {
        Self::try_open(url, options, seed, Ledger::default())
            .await
            .expect("a database to sell from")
    }

    pub(crate) async fn try_open(
        url: &str,
        options: Options,
        seed: u64,
        ledger: Ledger,
    ) -> Result<Self, ConnectError> {
        let clock = SkewedClock::new(Arc::new(SystemClock), Arc::new(MachineTimer));
        let memory = Memory::at(clock.clone()).seed(seed).build();
        let store = Store::connect(url, options, Arc::new(clock.clone())).await?;
        let (shared, ledger) = (Arc::new(store.clone()), Arc::new(ledger));
        // Two processes may be given one seed; their ids must differ.
        let ids = ClockIds::new(Arc::new(clock.clone()), Arc::new(SeededRandom::from_entropy()));
        let ports = Ports {
            store: Arc::new(Noting {
                store: Arc::clone(&shared) as _,
                ledger: Arc::clone(&ledger),
            }),
            layouts: Arc::clone(&shared) as _,
            reservations: Arc::clone(&shared) as _,
            checkouts: Arc::clone(&shared) as _,
            payments: Arc::clone(&shared) as _,
            refunds: Arc::clone(&shared) as _,
            tickets: Arc::clone(&shared) as _,
            ledger: Arc::clone(&shared) as _,
            claims: Arc::clone(&shared) as _,
            receipts: Arc::clone(&shared) as _,
            retention: Arc::clone(&shared) as _,
            outbox: shared,
            ids: Arc::new(ids),
            ..memory.ports()
        };
        Ok(Self { store, ledger, clock, memory, ports })
    }

    /// A counter of this shop. Each has holds of its own, so that two of them meet in the store.
    pub(crate) fn counter(&self) -> BoxOffice {
        BoxOffice::new(Ports { holds: Arc::new(MemoryHolds::new()), ..self.ports.clone() })
    }

    /// Opens the sale of an empty hall.
    pub(crate) async fn stage(&self, seats: u32) -> Hall {
        let ids = &*self.ports.ids;
        // Before any clock that jumps back.
        let now = self.clock.now() - TimeDelta::days(1);
        let seller = SellerId::generate(ids);
        let price = Money::from_minor(PRICE, Currency::KRW).expect("a price");
        let grade = Grade::new("R").expect("a grade");
        let show = Show::create(
            NewShow {
                id: ShowId::generate(ids),
                seller,
                title: Title::new("A Night").expect("a title"),
                commission: BasisPoints::percent(3),
                prices: PriceList::new([(grade, price)]).expect("a price list"),
                policy: SalesPolicy { tickets_per_user: 4, ..SalesPolicy::default() },
            },
            now,
        );
        let show = show.expect("a show");
        let rows = seats.div_ceil(10);
        let layout = Layout::new(&LayoutSpec::of([SectionSpec::grid("A", "R", rows, 10)]));
        let new = NewPerformance {
            id: PerformanceId::generate(ids),
            show: &show,
            layout: &layout.expect("a layout"),
            starts_at: now + TimeDelta::days(30),
            zone: "Asia/Seoul".parse().expect("a zone"),
            sales_open_at: now,
            prices: None,
            policy: None,
        };
        let performance = Performance::schedule(new, now).expect("a performance");
        let hall = Hall { performance: performance.id(), seller, seats: rows * 10 };
        let changes = ChangeSet::new(ChangeSetId::generate(ids), now).save(show).save(performance);
        let staged = self.ports.store.commit(changes).await;
        let _ = staged.expect("the first commit");
        hall
    }

    /// Settles what is unknown, then holds the database against all that was told and against every
    /// invariant, through a store that no fault is in the way of.
    ///
    /// # Panics
    /// With what is wrong.
    pub(crate) async fn judge(&self, url: &str) -> Tally {
        self.judge_with(url, None).await
    }

    /// The same, where all events were published.
    pub(crate) async fn judge_with(&self, url: &str, published: Option<PublishedEvents>) -> Tally {
        let sane = Options { read_connections: 2, ..Options::default() };
        let sane =
            Store::connect(url, sane, Arc::new(SystemClock)).await.expect("a database to judge");
        self.ledger.settle(&sane).await;
        let there = self.ledger.check(&sane).await;
        let mut options = VerifyOptions::at(SystemClock.now());
        options.published = published;
        let report = verify(&sane, &options).await.expect("a database that can be read");
        assert!(report.is_sound(), "{report}");
        let snapshot = sane.snapshot().await.expect("a moment of the database");
        let books = snapshot.check_books().await.expect("books that can be read");
        snapshot.close().await;
        assert!(books.are_sound(), "{books:?}");
        let closed = sane.close(Duration::from_secs(5)).await;
        assert_eq!((closed.not_committed, closed.unknown), (0, 0));
        let tally = self.ledger.tally();
        println!("{tally:?}, {there} change sets are there, {:?}", self.store.stats());
        tally
    }

    /// Ends its lanes and sessions.
    pub(crate) async fn close(self) {
        let closed = self.store.close(Duration::from_secs(5)).await;
        assert_eq!((closed.not_committed, closed.unknown), (0, 0));
    }
}
