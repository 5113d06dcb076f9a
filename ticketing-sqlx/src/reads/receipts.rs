//! The answers that were given.

use async_trait::async_trait;
use ticketing_core::change_set::{Fingerprint, Receipt, ReceiptKey, ReceiptState, Response};
use ticketing_core::error::PortError;
use ticketing_core::port::Receipts;

use super::gather::KeyColumn;
use super::query::{Point, Sql, points};
use crate::Store;
use crate::db::fault::Broken;
use crate::db::{Row, Value};

points! {
    FIND = Point {
        table: "tk_receipt",
        head: Sql {
            mysql: "SELECT fingerprint, answer, created_at, caller, operation, client_key \
                    FROM tk_receipt FORCE INDEX (PRIMARY) WHERE ",
            sqlite: "SELECT fingerprint, answer, created_at, caller, operation, client_key \
                     FROM tk_receipt WHERE ",
        },
        each: "(caller = ? AND operation = ? AND client_key = ?)",
        between: " OR ",
        tail: "",
        key: &[KeyColumn::Id(3), KeyColumn::Text(4), KeyColumn::Text(5)],
    };
}

/// A receipt in the columns fingerprint, answer and `created_at`, of which this is the first.
pub(crate) fn receipt(row: &Row, first: usize) -> Result<Receipt, Broken> {
    let fingerprint =
        <[u8; 32]>::try_from(row.bytes(first)?).map_err(|error| Broken::column(first, error))?;
    let state = match row.bytes_or_null(first + 1)? {
        None => ReceiptState::InProgress,
        Some(answer) => {
            let answer = Response::from_bytes(answer.to_vec());
            ReceiptState::Done(answer.map_err(|error| Broken::column(first + 1, error))?)
        }
    };
    let created_at = row.time(first + 2)?;
    Ok(Receipt { fingerprint: Fingerprint(fingerprint), state, created_at })
}

#[async_trait]
impl Receipts for Store {
    async fn find(&self, key: ReceiptKey) -> Result<Option<Receipt>, PortError> {
        let key = [
            key.caller.as_uuid().into(),
            Value::text(key.operation.as_str().to_owned()),
            Value::text(key.key.as_str().to_owned()),
        ];
        self.reading("receipts", "find").point(&FIND, key, |row| receipt(row, 0)).await
    }
}
