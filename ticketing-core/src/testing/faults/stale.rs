//! Older values of what a cache may keep.

use std::collections::VecDeque;
use std::sync::Arc;

use rustc_hash::FxHashMap;
use uuid::Uuid;

use crate::aggregate::Aggregate;

/// The last 3 values of each of at most 1,024 aggregates; of more, those that came first are forgotten.
pub(super) struct Shelf<T> {
    values: FxHashMap<Uuid, VecDeque<Arc<T>>>,
    keys: VecDeque<Uuid>,
}

const KEYS_MAX: usize = 1_024;
const VALUES_MAX: usize = 3;

impl<T> Default for Shelf<T> {
    fn default() -> Self {
        Self { values: FxHashMap::default(), keys: VecDeque::new() }
    }
}

impl<T: Aggregate> Shelf<T> {
    /// Keeps a value, unless it is no newer than the last one.
    pub(super) fn keep(&mut self, value: &Arc<T>) {
        let key = value.reference().id;
        if !self.values.contains_key(&key) {
            if self.keys.len() == KEYS_MAX
                && let Some(first) = self.keys.pop_front()
            {
                self.values.remove(&first);
            }
            self.keys.push_back(key);
        }
        let values = self.values.entry(key).or_default();
        if values.back().is_some_and(|last| last.root().version() >= value.root().version()) {
            return;
        }
        if values.len() == VALUES_MAX {
            values.pop_front();
        }
        values.push_back(Arc::clone(value));
    }

    /// One of the kept values that are older than `than`, chosen by `pick` out of so many.
    pub(super) fn older(&self, than: &T, pick: impl FnOnce(u64) -> u64) -> Option<Arc<T>> {
        let values = self.values.get(&than.reference().id)?;
        let version = than.root().version();
        let count = values.iter().take_while(|value| value.root().version() < version).count();
        if count == 0 {
            return None;
        }
        let index = pick(count as u64);
        usize::try_from(index).ok().and_then(|index| values.get(index)).cloned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::aggregate::{AggregateKind, AggregateRef, Root, StreamKey};

    #[derive(Debug)]
    struct Thing(Uuid, Root);

    impl Aggregate for Thing {
        fn reference(&self) -> AggregateRef {
            AggregateRef { kind: AggregateKind::Performance, id: self.0 }
        }

        fn stream(&self) -> StreamKey {
            StreamKey(self.0)
        }

        fn root(&self) -> &Root {
            &self.1
        }

        fn root_mut(&mut self) -> &mut Root {
            &mut self.1
        }
    }

    fn thing(id: u128, version: u64) -> Arc<Thing> {
        let mut root = Root::new();
        (0..version).for_each(|_| drop(root.committed()));
        Arc::new(Thing(Uuid::from_u128(id), root))
    }

    fn versions(shelf: &Shelf<Thing>, than: &Thing) -> Vec<u64> {
        let one = |index| shelf.older(than, |count| index % count).map(|old| old.root().version());
        let mut found: Vec<u64> = (0..5).filter_map(one).collect();
        found.dedup();
        found.truncate(VALUES_MAX);
        found
    }

    #[test]
    fn the_last_three_values_are_kept_and_only_older_ones_are_given() {
        let mut shelf = Shelf::default();
        assert!(shelf.older(&*thing(1, 9), |_| 0).is_none());
        (1..=5).for_each(|version| shelf.keep(&thing(1, version)));
        shelf.keep(&thing(1, 2));
        shelf.keep(&thing(1, 5));
        assert_eq!(versions(&shelf, &thing(1, 9)), [3, 4, 5]);
        assert_eq!(versions(&shelf, &thing(1, 4)), [3]);
        assert!(shelf.older(&*thing(1, 3), |_| 0).is_none());
        assert!(shelf.older(&*thing(2, 9), |_| 0).is_none());
    }

    #[test]
    fn the_first_of_too_many_are_forgotten() {
        let mut shelf = Shelf::default();
        let all = u128::try_from(KEYS_MAX).unwrap() + 10;
        (0..all).for_each(|id| shelf.keep(&thing(id, 1)));
        let known = (0..all).filter(|id| shelf.older(&*thing(*id, 2), |_| 0).is_some());
        assert_eq!(known.collect::<Vec<_>>(), (10..all).collect::<Vec<_>>());
        assert_eq!((shelf.keys.len(), shelf.values.len()), (KEYS_MAX, KEYS_MAX));
    }
}
