//! What MySQL and SQLite say differently.

use crate::db::Dialect;

impl Dialect {
    /// What a session that commits is told once.
    pub(crate) const fn opens_session(self) -> &'static [&'static str] {
        match self {
            // Every statement after a COMMIT opens the next transaction: no BEGIN. A host that vanished leaves
            // its locks for no longer than this wait in seconds; an idle lane opens another session.
            #[cfg(feature = "mysql")]
            Self::MySql => &[
                "SET NAMES utf8mb4",
                "SET SESSION autocommit = 0",
                "SET SESSION wait_timeout = 120",
            ],
            #[cfg(feature = "sqlite")]
            Self::Sqlite => &[],
        }
    }

    /// Begins a transaction that sees the database as it is now, whatever is committed later.
    pub(crate) const fn begins_snapshot(self) -> &'static [&'static str] {
        match self {
            #[cfg(feature = "mysql")]
            Self::MySql => &[
                "SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ",
                "START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY",
            ],
            // Only the first read says which moment it is.
            #[cfg(feature = "sqlite")]
            Self::Sqlite => &["BEGIN", "SELECT COUNT(*) FROM tk_schema"],
        }
    }

    /// Asks for the slot of accounts that a session adds to; without, it is the first.
    #[cfg_attr(
        not(feature = "sqlite"),
        expect(clippy::unnecessary_wraps, reason = "SQLite has one writer")
    )]
    pub(crate) const fn slot(self) -> Option<&'static str> {
        match self {
            #[cfg(feature = "mysql")]
            Self::MySql => Some("SELECT CONNECTION_ID() MOD 16"),
            #[cfg(feature = "sqlite")]
            Self::Sqlite => None,
        }
    }

    /// Begins a transaction that writes, where that must be said.
    #[cfg_attr(
        not(feature = "mysql"),
        expect(clippy::unnecessary_wraps, reason = "MySQL says nothing")
    )]
    pub(crate) const fn begin(self) -> Option<&'static str> {
        match self {
            #[cfg(feature = "mysql")]
            Self::MySql => None,
            // A transaction that begins as a reader could not become a writer beside another.
            #[cfg(feature = "sqlite")]
            Self::Sqlite => Some("BEGIN IMMEDIATE"),
        }
    }

    /// Makes a locking read of one that names its table last; others may read but not write the rows.
    pub(crate) const fn shared(self) -> &'static str {
        match self {
            #[cfg(feature = "mysql")]
            Self::MySql => " LOCK IN SHARE MODE",
            // The one writer locks the whole database.
            #[cfg(feature = "sqlite")]
            Self::Sqlite => "",
        }
    }

    /// Makes a locking read; nobody else may lock or write the rows.
    pub(crate) const fn exclusive(self) -> &'static str {
        match self {
            #[cfg(feature = "mysql")]
            Self::MySql => " FOR UPDATE",
            #[cfg(feature = "sqlite")]
            Self::Sqlite => "",
        }
    }

    /// Keeps a locking read on the primary key, so that it locks no row but those it names.
    pub(crate) const fn by_primary_key(self) -> &'static str {
        match self {
            #[cfg(feature = "mysql")]
            Self::MySql => " FORCE INDEX (PRIMARY)",
            #[cfg(feature = "sqlite")]
            Self::Sqlite => "",
        }
    }

    /// Whether an update of many rows is an insert that finds them there.
    pub(crate) const fn upserts(self) -> bool {
        match self {
            #[cfg(feature = "mysql")]
            Self::MySql => true,
            #[cfg(feature = "sqlite")]
            Self::Sqlite => false,
        }
    }

    /// What an update of many rows counts for each that it found: on MySQL it is an upsert, which counts one for
    /// a row that it inserts.
    pub(crate) const fn counts_for_update(self) -> u64 {
        match self {
            #[cfg(feature = "mysql")]
            Self::MySql => 2,
            #[cfg(feature = "sqlite")]
            Self::Sqlite => 1,
        }
    }

    /// Between an insert and what it does to a row whose key is there already.
    pub(crate) fn upsert(self, key: &str) -> String {
        match self {
            #[cfg(feature = "mysql")]
            Self::MySql => {
                let _ = key;
                " ON DUPLICATE KEY UPDATE ".to_owned()
            }
            #[cfg(feature = "sqlite")]
            Self::Sqlite => format!(" ON CONFLICT ({key}) DO UPDATE SET "),
        }
    }

    /// In an upsert, what the insert would have put into a column.
    pub(crate) fn inserted(self, column: &str) -> String {
        match self {
            #[cfg(feature = "mysql")]
            Self::MySql => format!("VALUES({column})"),
            #[cfg(feature = "sqlite")]
            Self::Sqlite => format!("excluded.{column}"),
        }
    }

    /// A comparison that also holds between null and null.
    pub(crate) const fn same(self) -> &'static str {
        match self {
            #[cfg(feature = "mysql")]
            Self::MySql => "<=>",
            #[cfg(feature = "sqlite")]
            Self::Sqlite => "IS",
        }
    }
}
