//! The store under measurement, with halls to sell.

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, RwLock};
use std::time::Duration;

use async_trait::async_trait;
use ticketing_core::id::{PerformanceId, SellerId};
use ticketing_core::port::Ports;
use ticketing_core::seat::SeatNo;
use ticketing_sqlx::{Options, Stats, Store};

use crate::Failed;
use crate::measure::Side;
use crate::shop::{self, RealTime};

/// How long a store may take to commit what is queued when it is closed.
const CLOSE: Duration = Duration::from_secs(30);

/// Which seats are sold, and in which order.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Halls {
    /// Sellers with a performance each that are sold from in turns.
    pub(crate) sellers: u32,
    /// Seats of one performance.
    pub(crate) seats: u32,
    /// Every so many-th seat is sold here, from this one on; other processes sell the rest.
    pub(crate) every: u32,
    pub(crate) from: u32,
}

impl Halls {
    /// One seller with one performance after another.
    pub(crate) const ONE: Self = Self { sellers: 1, seats: 50_000, every: 1, from: 0 };
    /// A thousand sellers.
    pub(crate) const MANY: Self = Self { sellers: 1_000, seats: 200, every: 1, from: 0 };

    /// The place of the performance and the seat of a purchase.
    const fn place(self, purchase: u32) -> (usize, SeatNo) {
        let seat = purchase * self.every + self.from;
        let block = self.sellers * self.seats;
        let (block, rest) = (seat / block, seat % block);
        ((block * self.sellers + rest % self.sellers) as usize, SeatNo(rest / self.sellers))
    }
}

pub(crate) struct Town {
    name: String,
    store: Store,
    pub(crate) ports: Ports,
    halls: Halls,
    sellers: Vec<SellerId>,
    performances: RwLock<Vec<PerformanceId>>,
    next: AtomicU32,
    stocked: AtomicU32,
}

impl Town {
    /// Over a fresh database.
    pub(crate) async fn build(
        url: &str,
        name: &str,
        halls: Halls,
        options: &Options,
    ) -> Result<Self, Failed> {
        Store::migrate(url, options).await?;
        Self::open(url, name, halls, options).await
    }

    /// Over a database that is there.
    pub(crate) async fn open(
        url: &str,
        name: &str,
        halls: Halls,
        options: &Options,
    ) -> Result<Self, Failed> {
        let cached = halls.sellers as usize * 4;
        let performances_cached_max = options.performances_cached_max.max(cached);
        let options = Options { performances_cached_max, ..options.clone() };
        let store = Store::connect(url, options, Arc::new(RealTime)).await?;
        let ports = shop::over(&Arc::new(store.clone()));
        let sellers = (0..halls.sellers).map(|_| SellerId::generate(&*ports.ids)).collect();
        Ok(Self {
            name: name.to_owned(),
            store,
            ports,
            halls,
            sellers,
            performances: RwLock::default(),
            next: AtomicU32::new(0),
            stocked: AtomicU32::new(0),
        })
    }

    pub(crate) fn stats(&self) -> Stats {
        self.store.stats()
    }

    /// Says so if something was left behind.
    pub(crate) async fn close(&self) -> Result<(), Failed> {
        let closed = self.store.close(CLOSE).await;
        if closed.not_committed == 0 && closed.unknown == 0 {
            return Ok(());
        }
        Err(format!("expected a store that closes with nothing queued, got {closed:?}").into())
    }

    pub(crate) fn sold(&self) -> u32 {
        self.next.load(Ordering::Relaxed).min(self.stocked.load(Ordering::Relaxed))
    }

    pub(crate) fn performances(&self) -> Vec<PerformanceId> {
        self.performances.read().expect("nobody panics with it").clone()
    }

    /// Sells these, which another process has staged.
    pub(crate) fn adopt(&self, performances: Vec<PerformanceId>, purchases: u32) {
        *self.performances.write().expect("nobody panics with it") = performances;
        self.stocked.store(purchases, Ordering::Relaxed);
    }
}

#[async_trait]
impl Side for Town {
    fn name(&self) -> String {
        self.name.clone()
    }

    async fn stock(&self, calls: u32) -> Result<(), Failed> {
        let next = self.sold();
        self.next.store(next, Ordering::Relaxed);
        let wanted = next.saturating_add(calls);
        let blocks = self.halls.place(wanted).0 / self.sellers.len() + 1;
        loop {
            let staged = self.performances().len();
            if staged >= blocks * self.sellers.len() {
                break;
            }
            let seller = self.sellers[staged % self.sellers.len()];
            let performance = shop::stage(&self.ports, seller, self.halls.seats).await?;
            self.performances.write().expect("nobody panics with it").push(performance);
        }
        self.stocked.store(wanted, Ordering::Relaxed);
        Ok(())
    }

    fn round_trips(&self) -> Option<u64> {
        Some(self.stats().round_trips)
    }

    async fn call(&self) -> Result<bool, Failed> {
        let purchase = self.next.fetch_add(1, Ordering::Relaxed);
        if purchase >= self.stocked.load(Ordering::Relaxed) {
            return Ok(false);
        }
        let (place, seat) = self.halls.place(purchase);
        let performance = self.performances.read().expect("nobody panics with it")[place];
        shop::sell(&self.ports, performance, seat).await.map(|_| true)
    }
}
