//! Fresh adapters in all their shapes, and how long the suites run.

use std::ops::Range;
use std::sync::Arc;

use ticketing_core::flush::ReadMode;
use ticketing_core::memory::{ManualClock, MemoryStore, MemoryStoreOptions, Race};
use ticketing_core::port::Clock;
use ticketing_core::testing::model::Explained;
use ticketing_core::testing::{Harness, StorePorts};

/// The seeds of a suite: as many as the variable `MODEL_SEEDS` says, or by default `few`. A failure
/// names its seed.
pub(crate) fn seeds(few: u64) -> Range<u64> {
    let asked = std::env::var("MODEL_SEEDS").ok();
    0..asked.map_or(few, |count| count.parse().expect("MODEL_SEEDS is a number of seeds"))
}

pub(crate) fn clock() -> ManualClock {
    ManualClock::at("2027-03-01T11:00:00Z".parse().expect("an instant"))
}

/// Most histories were explained, and their calls met.
#[track_caller]
pub(crate) fn expect(histories: Range<u64>, came_to: Explained) {
    let count = u32::try_from(histories.end).expect("few seeds");
    assert_eq!(came_to.explained + came_to.given_up, count, "{came_to:?}");
    assert!(came_to.given_up * 20 <= count, "too many took too long: {came_to:?}");
    let calls = u32::try_from(came_to.overlapping).expect("few calls");
    assert!(calls >= count, "calls did not meet: {came_to:?}");
}

/// A store in memory that works in one of its ways.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Shape {
    Plain,
    Gathering,
    TwoLanes,
    FourLanes,
}

impl Shape {
    fn options(self) -> MemoryStoreOptions {
        let few =
            MemoryStoreOptions { partitions: 7, batch_max: 8, ..MemoryStoreOptions::default() };
        let race = |lanes, first| MemoryStoreOptions { race: Some(Race { lanes, first }), ..few };
        match self {
            Self::Plain => MemoryStoreOptions { partitions: 3, ..MemoryStoreOptions::default() },
            Self::Gathering => MemoryStoreOptions { gather: true, ..few },
            Self::TwoLanes => race(2, ReadMode::Full),
            Self::FourLanes => race(4, ReadMode::Optimistic),
        }
    }

    pub(crate) fn store(self, clock: &ManualClock) -> Arc<MemoryStore> {
        let shared: Arc<dyn Clock> = Arc::new(clock.clone());
        Arc::new(MemoryStore::new(shared, self.options()))
    }

    /// An empty one; every task has a thread.
    pub(crate) fn fresh(self) -> (Harness, StorePorts) {
        let clock = clock();
        let store = self.store(&clock);
        (Harness::threads(clock), StorePorts::of(&store))
    }
}
