//! The schema: versioned migrations, embedded as SQL text.
//!
//! [`Store::migrate`](crate::Store::migrate) runs them. Who would rather run them with a tool of his own
//! takes the text from here: each migration ends by writing its version into `tk_schema`, and that is what
//! [`Store::connect`](crate::Store::connect) asks for. The outbox then has the default of 64 partitions,
//! unless rows `0..n` were put into `tk_outbox_part` between versions 1 and 2.
//!
//! A database holds what stands here: a migration never changes once it was released. MySQL and MariaDB
//! commit after each statement that changes the schema, so there a migration must bear to be run again from
//! its start; on SQLite it is one transaction.
//!
//! The views, whose names begin with `tk_v_`, are for people: amounts as text with a decimal point, times as
//! text in UTC, the same columns in each database. No code reads them.

mod migrate;
#[cfg(all(test, feature = "sqlite"))]
mod tests;

use crate::connect::one;
use crate::db::fault::read_failed;
use crate::db::{Connection, Dialect};
use crate::error::ConnectError;

/// One step of the schema.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Migration {
    /// Its place, from 1 without gaps.
    pub version: i64,
    /// What it is about, in a word.
    pub name: &'static str,
    /// Statements, each ended by a semicolon; to be sent as they are, without parameters.
    pub sql: &'static str,
}

/// For MySQL and MariaDB, oldest first.
#[cfg(feature = "mysql")]
pub const MYSQL: &[Migration] = &[
    Migration { version: TABLES, name: "tables", sql: include_str!("mysql_0001.sql") },
    Migration { version: 2, name: "views", sql: include_str!("mysql_0002.sql") },
];

/// For SQLite, oldest first.
#[cfg(feature = "sqlite")]
pub const SQLITE: &[Migration] = &[
    Migration { version: TABLES, name: "tables", sql: include_str!("sqlite_0001.sql") },
    Migration { version: 2, name: "views", sql: include_str!("sqlite_0002.sql") },
];

/// The version that this release works with.
pub const VERSION: i64 = 2;

/// The version after which the tables are there, and the partitions of the outbox are not.
const TABLES: i64 = 1;

const fn migrations(dialect: Dialect) -> &'static [Migration] {
    match dialect {
        #[cfg(feature = "mysql")]
        Dialect::MySql => MYSQL,
        #[cfg(feature = "sqlite")]
        Dialect::Sqlite => SQLITE,
    }
}

/// Whether a table is there: asking it would fail with an error that differs by server.
const fn has_table(dialect: Dialect) -> &'static str {
    match dialect {
        #[cfg(feature = "mysql")]
        Dialect::MySql => {
            "SELECT COUNT(*) FROM information_schema.tables \
             WHERE table_schema = DATABASE() AND table_name = 'tk_schema'"
        }
        #[cfg(feature = "sqlite")]
        Dialect::Sqlite => {
            "SELECT COUNT(*) FROM sqlite_master WHERE type = 'table' AND name = 'tk_schema'"
        }
    }
}

/// The version of a database, 0 if it has none.
async fn found(connection: &mut Connection, operation: &'static str) -> Result<i64, ConnectError> {
    let failed = read_failed("store", operation);
    let tables = connection.fetch(has_table(connection.dialect()), &[]).await.map_err(&failed)?;
    if one(&tables, operation)? == 0 {
        return Ok(0);
    }
    let sql = "SELECT COALESCE(MAX(version), 0) FROM tk_schema";
    one(&connection.fetch(sql, &[]).await.map_err(&failed)?, operation)
}

/// Refuses a database of another version.
pub(crate) async fn check(connection: &mut Connection) -> Result<(), ConnectError> {
    match found(connection, "connect").await? {
        VERSION => Ok(()),
        found if found > VERSION => Err(ConnectError::Newer { known: VERSION, found }),
        found => Err(ConnectError::NotMigrated { expected: VERSION, found }),
    }
}
