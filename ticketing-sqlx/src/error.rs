//! Why a store cannot be opened.

use ticketing_core::error::PortError;

/// An option is out of bounds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("expected {field} of {least} to {most}, got {got}")]
pub struct OptionsError {
    /// Which option, with its unit.
    pub field: &'static str,
    /// What it is.
    pub got: u64,
    /// The least that it may be.
    pub least: u64,
    /// The most.
    pub most: u64,
}

/// Why a store was not opened. No text here holds the URL, which may hold a password.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConnectError {
    /// An option is out of bounds.
    #[error(transparent)]
    Options(#[from] OptionsError),
    /// No database of that scheme is built in.
    #[error("expected a URL that starts with {expected}")]
    Scheme {
        /// The schemes of the features that are on.
        expected: &'static str,
    },
    /// The URL does not parse.
    #[error(
        "expected a URL such as mysql://user:password@host:3306/database or sqlite:///path/to/file"
    )]
    Url,
    /// The URL names no database.
    #[error("expected a URL that names a database, such as mysql://host/ticketing")]
    NoDatabase,
    /// A database in memory would be another for each session.
    #[error("expected a file, got a database in memory")]
    InMemory,
    /// The server is too old, or is none that is known.
    #[error("expected MySQL 8.0 or later or MariaDB 10.6 or later, got {got}")]
    Version {
        /// What the server says of itself.
        got: String,
    },
    /// The server may lose what it committed.
    #[error("expected {setting} = {expected}, got {got}: what is committed could be lost")]
    NotDurable {
        /// The server's setting.
        setting: &'static str,
        /// What it must be.
        expected: &'static str,
        /// What it is.
        got: String,
    },
    /// The server does not take a flush.
    #[error("expected {setting} of at least {least}, got {got}")]
    Setting {
        /// The server's setting.
        setting: &'static str,
        /// The least that it must be.
        least: u64,
        /// What it is.
        got: u64,
    },
    /// A session does not work as a store needs it; perhaps what stands between does not pass settings on.
    #[error("expected {setting} = {expected} in a session, got {got}")]
    Session {
        /// The session's setting.
        setting: &'static str,
        /// What it must be.
        expected: &'static str,
        /// What it is.
        got: String,
    },
    /// The database was never migrated, or not to this version.
    #[error("expected schema version {expected}, found {found}: run `migrate`")]
    NotMigrated {
        /// The version that this release needs.
        expected: i64,
        /// What was found; 0 if there is none.
        found: i64,
    },
    /// A later release migrated the database.
    #[error("expected schema version {known} or lower, found {found}: use a later release")]
    Newer {
        /// The latest version that this release knows.
        known: i64,
        /// What was found.
        found: i64,
    },
    /// A migration was changed after it had run.
    #[error("migration {version} is not the one that ran here")]
    Changed {
        /// Which.
        version: i64,
    },
    /// The database failed.
    #[error(transparent)]
    Failed(#[from] PortError),
}
