mod crowd;
mod race;
mod same;
mod tables;
mod watch;

use std::collections::BTreeMap;
use std::sync::Arc;

use super::{MemoryStore, MemoryStoreOptions, Tables};
use crate::change_set::ChangeSet;
use crate::flush::tests::now;
use crate::memory::ManualClock;
use crate::port::{Committed, Store};

fn store(options: MemoryStoreOptions) -> MemoryStore {
    MemoryStore::new(Arc::new(ManualClock::at(now())), options)
}

/// Commits what must succeed.
fn write(store: &MemoryStore, changes: ChangeSet) {
    assert_eq!(pollster::block_on(store.commit(changes)).unwrap(), Committed::Done);
}

/// Everything that is stored, as text that can be compared.
fn dump(tables: &Tables) -> BTreeMap<&'static str, Vec<String>> {
    fn sorted(rows: impl Iterator<Item = String>) -> Vec<String> {
        let mut rows: Vec<String> = rows.collect();
        rows.sort();
        rows
    }
    let books = &tables.books;
    BTreeMap::from([
        ("claims", sorted(tables.claims.after(None).map(|row| format!("{row:?}")))),
        ("allowances", sorted(tables.allowances.iter().map(|row| format!("{row:?}")))),
        ("receipts", sorted(tables.receipts.iter().map(|row| format!("{row:?}")))),
        ("messages", sorted(tables.messages.iter().map(|row| format!("{row:?}")))),
        ("change sets", sorted(tables.change_sets.iter().map(|row| format!("{row:?}")))),
        ("entries", sorted(books.entries.keys().map(|row| format!("{row:?}")))),
        ("resolutions", sorted(books.resolutions.iter().map(|row| format!("{row:?}")))),
        ("accounts", sorted(books.after(None).map(|row| format!("{row:?}")))),
        ("records", sorted(tables.records.reservations.iter().map(|row| format!("{row:?}")))),
        ("due", sorted(tables.records.due.iter().map(|row| format!("{row:?}")))),
        ("outbox", sorted(tables.outbox.after(None).map(|row| format!("{row:?}")))),
    ])
}
