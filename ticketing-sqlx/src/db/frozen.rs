//! A database as it was at one moment.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

#[cfg(feature = "mysql")]
use sqlx::mysql::MySqlPoolOptions;
#[cfg(feature = "sqlite")]
use sqlx::sqlite::SqlitePoolOptions;

use super::Database;

impl Database {
    /// The same database through one session, which opens a transaction that only reads. A session that
    /// breaks is not replaced: another would see another moment.
    pub(crate) fn frozen(&self, connect_timeout: Duration) -> Self {
        let is_taken = Arc::new(AtomicBool::new(false));
        match self {
            #[cfg(feature = "mysql")]
            Self::MySql { lane, lock_wait, patience, .. } => {
                let wait = *lock_wait;
                let pool = MySqlPoolOptions::new()
                    .max_connections(1)
                    .idle_timeout(None)
                    .max_lifetime(None)
                    .acquire_timeout(connect_timeout)
                    .after_connect(move |connection, _| {
                        let is_taken = Arc::clone(&is_taken);
                        Box::pin(async move {
                            refuse_another(&is_taken)?;
                            super::pool::session(connection, wait).await?;
                            for sql in [
                                "SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ",
                                "START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY",
                            ] {
                                super::mysql::run(connection, sql).await?;
                            }
                            is_taken.store(true, Ordering::Relaxed);
                            Ok(())
                        })
                    })
                    .connect_lazy_with((**lane).clone());
                Self::MySql { pool, lane: lane.clone(), lock_wait: wait, patience: *patience }
            }
            #[cfg(feature = "sqlite")]
            Self::Sqlite { lane, patience, .. } => {
                let pool = SqlitePoolOptions::new()
                    .max_connections(1)
                    .idle_timeout(None)
                    .max_lifetime(None)
                    .acquire_timeout(connect_timeout)
                    .after_connect(move |connection, _| {
                        let is_taken = Arc::clone(&is_taken);
                        Box::pin(async move {
                            refuse_another(&is_taken)?;
                            super::sqlite::run(connection, "BEGIN").await?;
                            // Only the first read says which moment it is.
                            let sql = "SELECT COUNT(*) FROM tk_schema";
                            super::sqlite::fetch(connection, sql, &[]).await?;
                            is_taken.store(true, Ordering::Relaxed);
                            Ok(())
                        })
                    })
                    .connect_lazy_with((**lane).clone());
                Self::Sqlite { pool, lane: lane.clone(), patience: *patience }
            }
        }
    }
}

fn refuse_another(is_taken: &AtomicBool) -> Result<(), sqlx::Error> {
    if is_taken.load(Ordering::Relaxed) {
        return Err(sqlx::Error::Protocol("the session of the snapshot is gone".to_owned()));
    }
    Ok(())
}
