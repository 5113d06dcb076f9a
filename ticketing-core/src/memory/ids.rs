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

#[cfg(test)]
mod tests {
    use chrono::DateTime;

    use super::*;
    use crate::id::HoldToken;
    use crate::memory::{ManualClock, SeededRandom};

    const NOON_MS: i64 = 1_767_268_800_123;

    fn ids(at_ms: i64, seed: u64) -> (ManualClock, ClockIds) {
        let clock = ManualClock::at(DateTime::from_timestamp_millis(at_ms).unwrap());
        let ids = ClockIds::new(Arc::new(clock.clone()), Arc::new(SeededRandom::new(seed)));
        (clock, ids)
    }

    #[test]
    fn the_same_clock_and_seed_give_the_same_ids() {
        let take = |seed| -> Vec<Uuid> {
            let (_, ids) = ids(NOON_MS, seed);
            (0..100).map(|_| ids.next_id()).collect()
        };
        assert_eq!(take(1), take(1));
        assert!(take(1).iter().all(|id| !take(2).contains(id)));
    }

    #[test]
    fn ids_of_one_millisecond_ascend_and_carry_it() {
        let (_, ids) = ids(NOON_MS, 1);
        let made: Vec<Uuid> = (0..4_096).map(|_| ids.next_id()).collect();
        assert!(made.is_sorted_by(|one, next| one < next));
        let first = HoldToken::from_uuid(made[0]).first_held_at();
        assert_eq!(first, DateTime::from_timestamp_millis(NOON_MS));
    }

    #[test]
    fn a_clock_before_1970_counts_as_1970() {
        let (_, ids) = ids(-1, 1);
        let (one, other) = (ids.next_id(), ids.next_id());
        assert_ne!(one, other);
        let at = HoldToken::from_uuid(one).first_held_at();
        assert_eq!(at, DateTime::from_timestamp_millis(0));
    }

    #[test]
    fn clones_share_the_counter() {
        let (_, ids) = ids(NOON_MS, 1);
        let other = ids.clone();
        let made: Vec<Uuid> = (0..100).flat_map(|_| [ids.next_id(), other.next_id()]).collect();
        assert!(made.is_sorted_by(|one, next| one < next));
    }
}
