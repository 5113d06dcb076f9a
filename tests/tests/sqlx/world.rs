//! Stores over the databases under test.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use ticketing_core::memory::{ClockIds, ManualClock, SeededRandom, SystemClock};
use ticketing_core::port::Clock;
use ticketing_core::testing::{Harness, StorePorts};
use ticketing_sqlx::{Options, Store};
use tokio::sync::OnceCell;

pub(crate) use crate::server::{Server, block_on};

impl Server {
    /// The database that the rules of this run share: none looks at rows but its own.
    async fn shared(self) -> &'static str {
        static SHARED: [OnceCell<String>; 3] = [const { OnceCell::const_new() }; 3];
        SHARED[self as usize].get_or_init(|| async move { self.database("shared").await }).await
    }

    /// A fresh store over the shared database.
    pub(crate) async fn fresh(self) -> (Harness, StorePorts) {
        open(self.shared().await, Options::default().lanes).await
    }

    /// A store of so many lanes over a database of its own.
    pub(crate) async fn alone(self, lanes: u16) -> (Harness, StorePorts) {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        open(&self.database(&format!("alone_{count}")).await, lanes).await
    }
}

/// A store in real time over a database of its own, with its URL and ids to use in it.
pub(crate) async fn real(server: Server, name: &str) -> (String, Store, ClockIds) {
    let url = server.database(name).await;
    let clock = Arc::new(SystemClock);
    let store = Store::connect(&url, Options::default(), Arc::clone(&clock) as _).await;
    let ids = ClockIds::new(clock, Arc::new(SeededRandom::from_entropy()));
    (url, store.expect("a database that was migrated"), ids)
}

async fn open(url: &str, lanes: u16) -> (Harness, StorePorts) {
    let clock = ManualClock::at("2027-03-01T11:00:00Z".parse().expect("an instant"));
    let shared: Arc<dyn Clock> = Arc::new(clock.clone());
    let ids = ClockIds::new(Arc::clone(&shared), Arc::new(SeededRandom::from_entropy()));
    let options = Options { lanes, ..Options::default() };
    let store = Store::connect(url, options, Arc::clone(&shared)).await;
    let store = Arc::new(store.expect("a database that was migrated"));
    let harness = Harness::new(
        shared,
        Arc::new(ids),
        |task| drop(tokio::spawn(task)),
        move |by| {
            clock.advance(by);
            Box::pin(std::future::ready(()))
        },
    );
    (harness, StorePorts::of(&store))
}
