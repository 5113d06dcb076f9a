//! Keys in the order of their age.

use std::collections::VecDeque;

use chrono::{DateTime, Utc};

/// Keys with the instant they came from, oldest first. Instants come nearly in order, so that a key
/// finds its place near the end.
#[derive(Debug)]
pub(super) struct Ages<K>(VecDeque<(DateTime<Utc>, K)>);

impl<K> Default for Ages<K> {
    fn default() -> Self {
        Self(VecDeque::new())
    }
}

impl<K> Ages<K> {
    /// Adds a key.
    pub(super) fn push(&mut self, at: DateTime<Utc>, key: K) {
        if self.0.back().is_none_or(|(last, _)| *last <= at) {
            self.0.push_back((at, key));
        } else {
            let place = self.0.partition_point(|(known, _)| *known <= at);
            self.0.insert(place, (at, key));
        }
    }

    /// Drops at most `limit` keys from before an instant; says how many.
    pub(super) fn drop_before(
        &mut self,
        before: DateTime<Utc>,
        limit: usize,
        mut dropped: impl FnMut(&K),
    ) -> usize {
        let count = self.0.iter().take(limit).take_while(|(at, _)| *at < before).count();
        for (_, key) in self.0.drain(..count) {
            dropped(&key);
        }
        count
    }
}
