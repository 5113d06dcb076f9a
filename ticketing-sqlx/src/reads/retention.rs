//! What is kept for a while only.

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use ticketing_core::error::PortError;
use ticketing_core::page::Limit;
use ticketing_core::port::{Kept, Retention};

use super::query::{Sql, queries};
use crate::Store;
use crate::db::Value;

/// Drops the oldest rows. A `DELETE .. LIMIT` is not built into every SQLite.
macro_rules! purge {
    ($table:literal, $keys:literal, $at:literal) => {
        Sql {
            mysql: concat!(
                "DELETE FROM ",
                $table,
                " WHERE ",
                $at,
                " < ? ORDER BY ",
                $at,
                " LIMIT ?"
            ),
            sqlite: concat!(
                "DELETE FROM ",
                $table,
                " WHERE (",
                $keys,
                ") IN (SELECT ",
                $keys,
                " FROM ",
                $table,
                " INDEXED BY ",
                $table,
                "_by_age WHERE ",
                $at,
                " < ? ORDER BY ",
                $at,
                " LIMIT ?)"
            ),
        }
    };
}

queries! {
    RECEIPTS = purge!("tk_receipt", "caller, operation, client_key", "created_at");
    MESSAGES = purge!("tk_message", "consumer, message", "handled_at");
    CHANGE_SETS = purge!("tk_change_set", "id", "decided_at");
}

#[async_trait]
impl Retention for Store {
    async fn purge(
        &self,
        kept: Kept,
        before: DateTime<Utc>,
        limit: Limit,
    ) -> Result<usize, PortError> {
        let read = self.reading("retention", "purge");
        let sql = match kept {
            Kept::Receipts => RECEIPTS,
            Kept::Messages => MESSAGES,
            Kept::ChangeSets => CHANGE_SETS,
            other => return Err(read.refused(format!("nothing is kept of {other:?}"))),
        };
        let values = [before.into(), Value::count(limit.get() as u64)];
        let dropped = read.execute(sql, &values).await?;
        Ok(usize::try_from(dropped).unwrap_or(usize::MAX))
    }
}
