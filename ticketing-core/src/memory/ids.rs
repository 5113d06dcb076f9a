use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use uuid::{Builder, Uuid};

use crate::port::{Clock, IdGenerator, Random};

/// Makes UUIDv7 from a clock and a source of chance: time in milliseconds, then a 12-bit counter, then
/// 62 random bits. The same clock and seed give the same ids.
#[derive(Clone)]
pub struct ClockIds {
    clock: Arc<dyn Clock>,
    random: Arc<dyn Random>,
    counter: Arc<AtomicU64>,
}

impl ClockIds {
    /// Ids of this clock and this chance.
    pub fn new(clock: Arc<dyn Clock>, random: Arc<dyn Random>) -> Self {
        Self { clock, random, counter: Arc::default() }
    }
}

impl std::fmt::Debug for ClockIds {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("ClockIds(..)")
    }
}

impl IdGenerator for ClockIds {
    fn next_id(&self) -> Uuid {
        let millis = u64::try_from(self.clock.now().timestamp_millis()).unwrap_or(0);
        let counter = self.counter.fetch_add(1, Ordering::Relaxed).to_be_bytes();
        let mut rest = [0; 10];
        rest[..2].copy_from_slice(&counter[6..]);
        rest[2..].copy_from_slice(&self.random.next_u64().to_be_bytes());
        Builder::from_unix_timestamp_millis(millis, &rest).into_uuid()
    }
}
