//! Balances and entries.

use std::sync::Arc;

use async_trait::async_trait;
use ticketing_core::error::PortError;
use ticketing_core::id::EntryId;
use ticketing_core::ledger::{Account, AccountKey, JournalEntry};
use ticketing_core::page::{Page, PageRequest};
use ticketing_core::port::{HistoryLine, Ledger};
use uuid::Uuid;

use super::gather::KeyColumn;
use super::query::{Point, Sql, one, points, queries, same};
use super::rows::{end, one_more, shared};
use crate::db::fault::Broken;
use crate::db::{Row, Value};
use crate::{Store, codes};

points! {
    ENTRY = one!("tk_entry");
}

queries! {
    WALLET = same!("SELECT balance FROM tk_wallet WHERE user_id = ? AND currency = ?");
    SLOTS = same!(
        "SELECT balance FROM tk_balance WHERE account = ? AND owner = ? AND currency = ?"
    );
    // A posting without its entry is an error and not a line less.
    HISTORY = same!(
        "SELECT p.entry, e.body, p.amount FROM tk_posting p LEFT JOIN tk_entry e ON e.id = p.entry ",
        "WHERE p.account = ? AND p.owner = ? AND p.currency = ? AND p.entry <= ? ",
        "ORDER BY p.entry DESC LIMIT ?"
    );
    RESOLUTION = same!("SELECT entry FROM tk_resolution WHERE pending = ?");
}

fn line(row: &Row) -> Result<HistoryLine, Broken> {
    let entry: JournalEntry = row.json(1)?;
    Ok(HistoryLine {
        entry: entry.id(),
        kind: entry.kind(),
        subject: entry.subject(),
        amount: row.int(2)?,
        at: entry.at(),
    })
}

#[async_trait]
impl Ledger for Store {
    async fn balance(&self, account: AccountKey) -> Result<i64, PortError> {
        let read = self.reading("ledger", "balance");
        let currency = Value::text(account.currency.code());
        let balances = if let Account::Wallet(user) = account.account {
            read.all(WALLET, &[user.as_uuid().into(), currency], |row| row.int(0)).await?
        } else {
            let Some((code, owner)) = codes::account(account.account) else { return Ok(0) };
            read.all(SLOTS, &[code.into(), owner.into(), currency], |row| row.int(0)).await?
        };
        let sum: i128 = balances.into_iter().map(i128::from).sum();
        i64::try_from(sum).map_err(|error| read.refused(error))
    }

    async fn history(
        &self,
        account: AccountKey,
        page: PageRequest,
    ) -> Result<Page<HistoryLine>, PortError> {
        let read = self.reading("ledger", "history");
        let last = match read.after::<Uuid>(&page)? {
            None => Some(Uuid::max()),
            Some(id) => id.as_u128().checked_sub(1).map(Uuid::from_u128),
        };
        let (Some(last), Some((code, owner))) = (last, codes::account(account.account)) else {
            return Ok(end());
        };
        let currency = Value::text(account.currency.code());
        let values = [code.into(), owner.into(), currency, last.into(), one_more(&page)];
        let rows = read.rows(HISTORY, &values).await?;
        read.cut(&page, &rows, |row| row.id(0), line)
    }

    async fn entry(&self, id: EntryId) -> Result<Option<Arc<JournalEntry>>, PortError> {
        self.reading("ledger", "entry").point(&ENTRY, [id.as_uuid().into()], shared).await
    }

    async fn resolution(&self, of: EntryId) -> Result<Option<EntryId>, PortError> {
        let read = self.reading("ledger", "resolution");
        let found = read.one(RESOLUTION, &[of.as_uuid().into()], |row| row.id(0)).await?;
        Ok(found.map(EntryId::from_uuid))
    }
}
