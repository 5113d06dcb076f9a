//! What the tests of this crate share.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use chrono::{DateTime, Utc};
use ticketing_core::memory::ManualClock;

use crate::db::{Connection, Database, Value};
use crate::outbox::block::{Blocks, COLUMNS, Event};
use crate::{Options, Store};

/// A database of its own, whose files go away with it.
pub(crate) struct File(PathBuf);

impl File {
    pub(crate) fn new() -> Self {
        static COUNT: AtomicUsize = AtomicUsize::new(0);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let file = Self(std::env::temp_dir().join(format!("tk-{}-{count}.db", std::process::id())));
        file.remove();
        file
    }

    pub(crate) async fn migrated(options: &Options) -> Self {
        let file = Self::new();
        Store::migrate(&file.url(), options).await.unwrap();
        file
    }

    pub(crate) fn url(&self) -> String {
        format!("sqlite://{}", self.0.display())
    }

    pub(crate) async fn session(&self) -> Connection {
        let database = Database::create(&self.url(), &Options::default()).unwrap();
        database.connect().await.unwrap()
    }

    pub(crate) async fn store(&self, clock: &ManualClock) -> Store {
        let clock = Arc::new(clock.clone());
        Store::connect(&self.url(), Options::default(), clock).await.unwrap()
    }

    fn remove(&self) {
        for end in ["", "-wal", "-shm"] {
            let mut path = self.0.clone().into_os_string();
            path.push(end);
            // Most of them are not there.
            drop(std::fs::remove_file(path));
        }
    }
}

impl Drop for File {
    fn drop(&mut self) {
        self.remove();
    }
}

/// A minute of the first day.
pub(crate) fn minute(minute: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(minute * 60, 0).unwrap()
}

pub(crate) fn clock() -> ManualClock {
    ManualClock::at(minute(0))
}

/// The statements that put events into a partition, from a number on, as one flush would.
pub(crate) fn told(
    partition: u16,
    first: i64,
    events: &[Event<'_>],
) -> impl Iterator<Item = (String, [Value<'static>; 5])> {
    let mut blocks = Blocks::from(first);
    for event in events {
        blocks.push(event).unwrap();
    }
    let sql = format!("INSERT INTO tk_outbox ({COLUMNS}) VALUES (?, ?, ?, ?, ?)");
    let blocks = blocks.end().unwrap().into_iter();
    blocks.map(move |block| (sql.clone(), block.values(partition)))
}
