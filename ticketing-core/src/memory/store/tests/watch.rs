//! What a watcher is shown.

use std::sync::{Arc, Mutex};

use super::store;
use crate::change_set::ChangeSet;
use crate::flush::ReadMode;
use crate::flush::tests::{changes, of, performance, seats};
use crate::id::ChangeSetId;
use crate::memory::lock;
use crate::memory::store::{MemoryStore, MemoryStoreOptions, Race, StoreFault};
use crate::port::{CommitError, Committed, Store};

fn watched(options: MemoryStoreOptions) -> (MemoryStore, Arc<Mutex<Vec<ChangeSetId>>>) {
    let (store, seen) = (store(options), Arc::new(Mutex::new(Vec::new())));
    let shown = Arc::clone(&seen);
    assert!(store.watch(move |changes| lock(&shown).push(changes.id)));
    (store, seen)
}

fn claim(n: u8, seat: u32) -> ChangeSet {
    changes(n).claim(performance(0), seats(&[seat]), of(n))
}

fn shapes() -> [MemoryStoreOptions; 3] {
    let race = Race { lanes: 2, first: ReadMode::Optimistic };
    let plain = MemoryStoreOptions::default();
    [
        plain,
        MemoryStoreOptions { gather: true, ..plain },
        MemoryStoreOptions { race: Some(race), ..plain },
    ]
}

#[test]
fn what_is_written_is_shown_once_and_what_is_refused_is_not() {
    for options in shapes() {
        let (store, seen) = watched(options);
        let commit = |changes: ChangeSet| pollster::block_on(store.commit(changes));
        let (first, second) = (claim(1, 4), claim(2, 5));
        assert_eq!(commit(first.clone()).unwrap(), Committed::Done);
        assert!(matches!(commit(claim(3, 4)), Err(CommitError::SeatTaken(_))));
        assert_eq!(commit(first.clone()).unwrap(), Committed::Done);
        assert_eq!(commit(second.clone()).unwrap(), Committed::Done);
        assert_eq!(*lock(&seen), [first.id, second.id], "{options:?}");
        assert!(!store.watch(|_| panic!("the second watcher is not asked")));
    }
}

#[test]
fn a_lost_answer_is_shown_if_it_was_written() {
    for written in [true, false] {
        let (store, seen) = watched(MemoryStoreOptions::default());
        store.fail_when(move |_| Some(StoreFault::LoseAnswer { written }));
        let answer = pollster::block_on(store.commit(claim(1, 4)));
        assert!(matches!(answer, Err(CommitError::Unknown(_))));
        assert_eq!(lock(&seen).len(), usize::from(written));
    }
}
