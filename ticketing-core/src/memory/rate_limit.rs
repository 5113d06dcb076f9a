use std::collections::BTreeSet;
use std::hash::BuildHasher;
use std::sync::Mutex;
use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use rustc_hash::{FxBuildHasher, FxHashMap};

use super::lock;
use crate::error::PortError;
use crate::label::Token;
use crate::port::{Quota, RateDecision, RateLimit};

const SHARDS: usize = 16;
/// How long an idle key is kept, in nanoseconds: to a caller whose clock is that much behind it is not idle yet.
const IDLE_KEPT: i128 = 600_000_000_000;
/// Idle keys that one new key lets go of: more than one, so that they become fewer.
const FORGOTTEN_AT_ONCE: usize = 2;

/// The generic cell rate algorithm: per key one instant, up to which its allowance is used.
///
/// Keeps at most a fixed number of keys. A key whose instant has passed is as good as new: it is forgotten
/// after 10 minutes as others come, and before that where there is no room. While every key is in use, a
/// new one is refused until the first of them is idle, because to forget a key in use would allow more
/// than its quota.
#[derive(Debug)]
pub struct MemoryRateLimit {
    shards: Box<[Mutex<Shard>]>,
    keys_max_per_shard: usize,
}

/// Instants in nanoseconds since the epoch: no quota that a [`Quota`] can express overflows them.
#[derive(Debug, Default)]
struct Shard {
    used_until: FxHashMap<Token, i128>,
    by_instant: BTreeSet<(i128, Token)>,
}

impl Default for MemoryRateLimit {
    fn default() -> Self {
        Self::new()
    }
}

impl MemoryRateLimit {
    /// The most keys at the same time, unless told otherwise.
    pub const KEYS_MAX: usize = 1 << 20;

    /// At most [`Self::KEYS_MAX`] keys in use.
    pub fn new() -> Self {
        Self::with_keys_max(Self::KEYS_MAX)
    }

    /// About `keys_max` keys in use at the same time, rounded up to a multiple of 16.
    pub fn with_keys_max(keys_max: usize) -> Self {
        Self {
            shards: (0..SHARDS).map(|_| Mutex::default()).collect(),
            keys_max_per_shard: keys_max.div_ceil(SHARDS).max(1),
        }
    }

    /// How many keys are remembered.
    pub fn keys(&self) -> usize {
        self.shards.iter().map(|shard| lock(shard).used_until.len()).sum()
    }
}

impl Shard {
    fn acquire(&mut self, key: Token, quota: Quota, now: i128, keys_max: usize) -> RateDecision {
        let every = nanos(quota.every);
        let ahead_max = every * i128::from(quota.burst.max(1) - 1);
        let known = self.used_until.get(&key).copied();
        let used_until = known.unwrap_or(now).max(now);
        if used_until - ahead_max > now {
            return limited(used_until - ahead_max - now);
        }
        if let Some(before) = known {
            self.by_instant.remove(&(before, key.clone()));
        } else {
            self.forget_idle(now);
            if let Some(wait) = self.make_room(now, keys_max) {
                return limited(wait);
            }
        }
        self.by_instant.insert((used_until + every, key.clone()));
        self.used_until.insert(key, used_until + every);
        RateDecision::Allowed
    }

    fn forget_idle(&mut self, now: i128) {
        for _ in 0..FORGOTTEN_AT_ONCE {
            if self.by_instant.first().is_none_or(|(first, _)| first + IDLE_KEPT > now) {
                return;
            }
            if let Some((_, key)) = self.by_instant.pop_first() {
                self.used_until.remove(&key);
            }
        }
    }

    /// Forgets the key that is idle for the longest, if there are too many; how long to wait if even
    /// that one is in use.
    fn make_room(&mut self, now: i128, keys_max: usize) -> Option<i128> {
        if self.used_until.len() < keys_max {
            return None;
        }
        let (first, key) = self.by_instant.pop_first()?;
        if first > now {
            self.by_instant.insert((first, key));
            return Some(first - now);
        }
        self.used_until.remove(&key);
        None
    }
}

fn nanos(duration: Duration) -> i128 {
    i128::try_from(duration.as_nanos()).unwrap_or(i128::MAX)
}

/// Rounds up to microseconds, what the clock can show.
fn limited(nanos: i128) -> RateDecision {
    let micros = nanos.unsigned_abs().div_ceil(1_000);
    let seconds = u64::try_from(micros / 1_000_000).unwrap_or(u64::MAX);
    let rest = u32::try_from(micros % 1_000_000).unwrap_or(0) * 1_000;
    RateDecision::Limited { retry_after: Duration::new(seconds, rest) }
}

#[async_trait]
impl RateLimit for MemoryRateLimit {
    async fn acquire(
        &self,
        key: Token,
        quota: Quota,
        now: DateTime<Utc>,
    ) -> Result<RateDecision, PortError> {
        let now =
            i128::from(now.timestamp()) * 1_000_000_000 + i128::from(now.timestamp_subsec_nanos());
        let hash = FxBuildHasher.hash_one(&key);
        let shard = &self.shards[usize::try_from(hash >> 32).unwrap_or(0) % SHARDS];
        Ok(lock(shard).acquire(key, quota, now, self.keys_max_per_shard))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ask(limit: &MemoryRateLimit, key: &str, quota: Quota, at_ms: i64) -> RateDecision {
        let now = DateTime::from_timestamp_millis(at_ms).unwrap();
        pollster::block_on(limit.acquire(key.parse().unwrap(), quota, now)).unwrap()
    }

    #[test]
    fn idle_keys_make_room_and_keys_in_use_do_not() {
        let limit = MemoryRateLimit::with_keys_max(16);
        let quota = Quota { burst: 1, every: Duration::from_secs(1) };
        let answers: Vec<_> =
            (0..500).map(|n| ask(&limit, &format!("user {n}"), quota, 0)).collect();
        assert_eq!(limit.keys(), 16);
        let wait = RateDecision::Limited { retry_after: Duration::from_secs(1) };
        assert_eq!(answers.iter().filter(|answer| **answer == wait).count(), 500 - 16);
        assert_eq!(ask(&limit, "user 0", quota, 500), {
            RateDecision::Limited { retry_after: Duration::from_millis(500) }
        });
        assert_eq!(ask(&limit, "user 499", quota, 1_000), RateDecision::Allowed);
        assert_eq!(limit.keys(), 16);
    }

    #[test]
    fn keys_that_were_idle_for_long_are_forgotten_as_others_come() {
        let limit = MemoryRateLimit::new();
        let quota = Quota { burst: 1, every: Duration::from_secs(1) };
        for second in 0..10_000 {
            let answer = ask(&limit, &format!("user {second}"), quota, second * 1_000);
            assert_eq!(answer, RateDecision::Allowed);
        }
        assert!((600..1_000).contains(&limit.keys()), "{} keys", limit.keys());
        let wait = RateDecision::Limited { retry_after: Duration::from_mins(5) };
        assert_eq!(ask(&limit, "user 9700", quota, 9_401_000), wait, "to a clock that is behind");
    }

    #[test]
    fn the_longest_quota_does_not_overflow() {
        let limit = MemoryRateLimit::new();
        let quota = Quota { burst: u32::MAX, every: Duration::MAX };
        assert_eq!(ask(&limit, "a", quota, 0), RateDecision::Allowed);
        assert_eq!(ask(&limit, "a", quota, 0), RateDecision::Allowed);
        let quota = Quota { burst: 1, every: Duration::MAX };
        let RateDecision::Limited { retry_after } = ask(&limit, "a", quota, 0) else {
            panic!("allowed more than one call in 500 billion years");
        };
        assert!(retry_after > Duration::from_secs(u64::MAX / 2), "{retry_after:?}");
    }
}
