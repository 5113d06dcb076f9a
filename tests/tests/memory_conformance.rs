//! The rules of the store-side ports, held by the store in memory in each of its modes.

use std::future::{Ready, ready};
use std::sync::Arc;

use ticketing_core::flush::ReadMode;
use ticketing_core::memory::{ManualClock, MemoryStore, MemoryStoreOptions, Race};
use ticketing_core::port::Clock;
use ticketing_core::testing::{Harness, StorePorts, inspect, outbox, reads, store};

fn start(options: MemoryStoreOptions) -> (Harness, StorePorts) {
    let clock = ManualClock::at("2027-03-01T11:00:00Z".parse().expect("an instant"));
    let shared: Arc<dyn Clock> = Arc::new(clock.clone());
    let adapter = Arc::new(MemoryStore::new(shared, options));
    (Harness::threads(clock), StorePorts::of(&adapter))
}

mod one_flush_at_a_time {
    use super::*;

    ticketing_core::store_conformance!(|| ready(start(MemoryStoreOptions::default())));
}

mod gathering_before_a_flush {
    use super::*;

    fn fresh() -> Ready<(Harness, StorePorts)> {
        let options =
            MemoryStoreOptions { gather: true, batch_max: 8, ..MemoryStoreOptions::default() };
        ready(start(options))
    }

    ticketing_core::store_conformance!(fresh);
}

mod racing_sessions {
    use super::*;

    fn fresh() -> Ready<(Harness, StorePorts)> {
        let race = Some(Race { lanes: 4, first: ReadMode::Optimistic });
        let options = MemoryStoreOptions { race, batch_max: 8, ..MemoryStoreOptions::default() };
        ready(start(options))
    }

    ticketing_core::store_conformance!(fresh);
}

/// Rules that share a store do not disturb each other, whatever ran before.
#[test]
fn all_rules_hold_on_one_store_with_one_partition() {
    let shared = start(MemoryStoreOptions { partitions: 1, ..MemoryStoreOptions::default() });
    let fresh = || ready(shared.clone());
    ticketing_core::testing::block_on(async {
        store::all(fresh).await;
        reads::all(fresh).await;
        inspect::all(fresh).await;
        outbox::all(fresh).await;
    });
}
