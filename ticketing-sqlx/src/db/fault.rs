//! What a driver's error means.

use ticketing_core::error::{Fault, PortError};

type Source = Box<dyn std::error::Error + Send + Sync>;

/// A stored row does not read back: something else wrote it, or the schema is another.
#[derive(Debug, thiserror::Error)]
#[error("column {place} does not read back")]
pub(crate) struct Broken {
    place: usize,
    source: Source,
}

impl Broken {
    pub(crate) fn column(place: usize, source: impl Into<Source>) -> Self {
        Self { place, source: source.into() }
    }

    pub(crate) fn null(place: usize) -> Self {
        Self::column(place, "expected a value, got null")
    }
}

/// What kind of thing went wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wrong {
    /// A key is there already, or a row was not as it must be: another was faster.
    Raced,
    /// A deadlock, a lock that did not come, or a server that cannot write now. The connection is fine.
    Busy,
    /// The connection is gone, and with it the transaction.
    Gone,
    /// The database will not have this row.
    Refused,
}

/// What an error of the driver means for the statement that met it.
pub(crate) fn wrong(error: &sqlx::Error) -> Wrong {
    match error {
        sqlx::Error::Database(error) => database(&**error),
        sqlx::Error::ColumnDecode { .. }
        | sqlx::Error::Decode(_)
        | sqlx::Error::Encode(_)
        | sqlx::Error::ColumnNotFound(_)
        | sqlx::Error::ColumnIndexOutOfBounds { .. }
        | sqlx::Error::TypeNotFound { .. }
        | sqlx::Error::RowNotFound
        | sqlx::Error::InvalidArgument(_)
        | sqlx::Error::Configuration(_) => Wrong::Refused,
        sqlx::Error::PoolTimedOut => Wrong::Busy,
        // A protocol that came out of step cannot be trusted with another statement.
        _ => Wrong::Gone,
    }
}

fn database(error: &dyn sqlx::error::DatabaseError) -> Wrong {
    #[cfg(feature = "mysql")]
    if let Some(error) = error.try_downcast_ref::<sqlx::mysql::MySqlDatabaseError>() {
        return mysql(error.number());
    }
    #[cfg(feature = "sqlite")]
    if let Some(error) = error.try_downcast_ref::<sqlx::sqlite::SqliteError>() {
        let code = sqlx::error::DatabaseError::code(error);
        return sqlite(code.and_then(|code| code.parse().ok()).unwrap_or(0));
    }
    let _ = error;
    Wrong::Refused
}

/// Whether a server of MySQL said that it may not write, by option, by super or by transaction: it rolls back
/// a COMMIT that it answers so.
pub(crate) fn is_read_only(error: &sqlx::Error) -> bool {
    #[cfg(feature = "mysql")]
    if let sqlx::Error::Database(error) = error
        && let Some(error) = error.try_downcast_ref::<sqlx::mysql::MySqlDatabaseError>()
    {
        return matches!(error.number(), 1290 | 1792 | 1836);
    }
    let _ = error;
    false
}

#[cfg(feature = "mysql")]
const fn mysql(number: u16) -> Wrong {
    match number {
        // Duplicate key; null in the version, by which an upsert tells of a row that another inserted.
        1022 | 1048 | 1062 | 1586 => Wrong::Raced,
        // Lock wait timeout, deadlock, lock table full, too many statements or transactions; disk full,
        // table full; read only by option, by super, by transaction.
        1021 | 1114 | 1205 | 1206 | 1213 | 1290 | 1461 | 1637 | 1792 | 1836 | 3100 | 3572 => {
            Wrong::Busy
        }
        // 1153, a packet that is too large, closes the session too, but it is the row that is wrong.
        // Shutting down, too many connections, killed, timed out, gone.
        1040
        | 1053
        | 1077
        | 1079
        | 1152
        | 1154..=1161
        | 1184
        | 1203
        | 1226
        | 1317
        | 1927
        | 2006
        | 2013
        | 3024
        | 3168
        | 4031 => Wrong::Gone,
        _ => Wrong::Refused,
    }
}

#[cfg(feature = "sqlite")]
const fn sqlite(code: i32) -> Wrong {
    match code {
        // A unique key, a primary key or a rowid; null in the version.
        1299 | 1555 | 2067 | 2579 => Wrong::Raced,
        _ => match code & 0xff {
            // Busy, locked, out of memory, read only, interrupted, input or output, full, cannot open.
            5..=10 | 13 | 14 => Wrong::Busy,
            _ => Wrong::Refused,
        },
    }
}

/// A read that failed.
pub(crate) fn read_failed(
    port: &'static str,
    operation: &'static str,
) -> impl Fn(sqlx::Error) -> PortError {
    move |error| PortError::new(port, operation, fault(&error)).because(error)
}

/// Whether a read that failed may be tried again.
pub(crate) fn fault(error: &sqlx::Error) -> Fault {
    match wrong(error) {
        Wrong::Raced | Wrong::Busy | Wrong::Gone => Fault::Transient,
        Wrong::Refused => Fault::Permanent,
    }
}
