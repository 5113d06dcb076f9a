//! The rules of the store-side ports, held by the store in memory in each of its modes.

use std::future::{Ready, ready};
use std::sync::Arc;

use ticketing_core::flush::ReadMode;
use ticketing_core::memory::{ManualClock, MemoryStore, MemoryStoreOptions, Race, SeededRandom};
use ticketing_core::port::Clock;
use ticketing_core::testing::faults::{FaultRates, Weather};
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

/// The store behind weather; only what inspects it is not.
fn weathered(is_yielding: bool, faults: &[(&str, u32)]) -> (Harness, StorePorts) {
    let (harness, ports) = start(MemoryStoreOptions::default());
    let mut rates = FaultRates::default();
    for (name, rate) in faults {
        rates.set(name, *rate).expect("a fault that there is");
    }
    let timer = Arc::new(ManualClock::at(harness.now()));
    let weather = Weather::new(harness.clock(), timer, Arc::new(SeededRandom::new(7)), rates);
    let weather = weather.yielding(is_yielding);
    let wrapped = StorePorts {
        store: weather.store(0, ports.store),
        layouts: weather.layouts(0, ports.layouts),
        reservations: weather.reservations(0, ports.reservations),
        checkouts: weather.checkouts(0, ports.checkouts),
        payments: weather.payments(0, ports.payments),
        refunds: weather.refunds(0, ports.refunds),
        tickets: weather.tickets(0, ports.tickets),
        ledger: weather.ledger(0, ports.ledger),
        claims: weather.claims(0, ports.claims),
        receipts: weather.receipts(0, ports.receipts),
        retention: weather.retention(0, ports.retention),
        outbox: weather.outbox(0, ports.outbox),
        inspect: ports.inspect,
    };
    (harness, wrapped)
}

mod behind_calm_weather {
    use super::*;

    ticketing_core::store_conformance!(|| ready(weathered(false, &[])));
}

mod giving_way_around_each_call {
    use super::*;

    ticketing_core::store_conformance!(|| ready(weathered(true, &[])));
}

/// To commit twice is to commit once, whatever else is asked at the same time.
mod every_commit_made_twice {
    use super::*;

    const TWICE: &[(&str, u32)] = &[("store.twice", FaultRates::ALWAYS)];

    ticketing_core::store_conformance!(|| ready(weathered(true, TWICE)));
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
