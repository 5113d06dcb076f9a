//! A database as it was at one moment, to be verified while it is sold from.

use chrono::{DateTime, Utc};
use ticketing_core::error::PortError;
use ticketing_core::port::Inspect;

use crate::db::Row;
use crate::db::fault::Broken;
use crate::reads::query::{Sql, same};
use crate::{Books, Store, books};

/// The index of ages ends with it.
const NEWEST: Sql = same!("SELECT MAX(decided_at) FROM tk_change_set");
const SERVER: Sql = Sql { mysql: "SELECT VERSION()", sqlite: "SELECT sqlite_version()" };
const DROPPED: Sql = same!("SELECT COUNT(*) FROM tk_outbox_reader WHERE dropped > 0");

#[cfg(any(test, feature = "testing"))]
pub(crate) const QUERIES: &[(&str, Sql)] = &[("NEWEST", NEWEST)];

/// A database as it was at one moment, whatever is committed meanwhile: one transaction that reads.
///
/// While it is there, MySQL and MariaDB keep every older version of a row, and SQLite cannot shorten its
/// `-wal` file. A session that breaks ends it: each further read fails.
#[derive(Debug)]
pub struct Snapshot {
    store: Store,
    about: About,
}

/// What is read at once, which begins the transaction.
#[derive(Debug)]
struct About {
    server: String,
    last_decided_at: Option<DateTime<Utc>>,
    has_dropped_events: bool,
}

impl Store {
    /// The database as it is now. It takes a session beside those of [`Options`](crate::Options).
    ///
    /// # Errors
    /// The database cannot be read.
    pub async fn snapshot(&self) -> Result<Snapshot, PortError> {
        let store = self.frozen();
        match about(&store).await {
            Ok(about) => Ok(Snapshot { store, about }),
            Err(error) => {
                store.database().close().await;
                Err(error)
            }
        }
    }
}

async fn about(store: &Store) -> Result<About, PortError> {
    let read = store.reading("store", "snapshot");
    let missing = || read.refused(Broken::null(0));
    let server = read.one(SERVER, &[], |row| row.text(0).map(str::to_owned)).await?;
    let newest = |row: &Row| row.int_or_null(0)?.map(|_| row.time(0)).transpose();
    let last_decided_at = read.one(NEWEST, &[], newest).await?.flatten();
    let dropped = read.one(DROPPED, &[], |row| row.int(0)).await?.ok_or_else(missing)?;
    Ok(About {
        server: server.ok_or_else(missing)?,
        last_decided_at,
        has_dropped_events: dropped > 0,
    })
}

impl Snapshot {
    /// Everything that was there.
    pub const fn inspect(&self) -> &dyn Inspect {
        &self.store
    }

    /// What the server says that it is, such as `9.7.4` or `10.11.14-MariaDB-0+deb12u2`.
    pub fn server(&self) -> &str {
        &self.about.server
    }

    /// When the newest change set was decided, of those that are not forgotten yet; `None` if there is none.
    pub const fn last_decided_at(&self) -> Option<DateTime<Utc>> {
        self.about.last_decided_at
    }

    /// Whether published events were dropped from the outbox.
    pub const fn has_dropped_events(&self) -> bool {
        self.about.has_dropped_events
    }

    /// Compares what the ledger says twice or more: balances, postings, bodies of entries.
    ///
    /// # Errors
    /// The database cannot be read.
    pub async fn check_books(&self) -> Result<Books, PortError> {
        books::check(&self.store).await
    }

    /// Ends the transaction.
    pub async fn close(self) {
        self.store.database().close().await;
    }
}
