use std::sync::Arc;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::error::PortError;
use crate::id::EntryId;
use crate::ledger::{AccountKey, EntryKind, EntrySubject, JournalEntry};
use crate::page::{Page, PageRequest};

/// One posting as its account's owner sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HistoryLine {
    /// The entry it belongs to.
    pub entry: EntryId,
    /// What kind of flow it was.
    pub kind: EntryKind,
    /// What it was about.
    pub subject: EntrySubject,
    /// Minor units, signed: more than zero came in.
    pub amount: i64,
    /// When.
    pub at: DateTime<Utc>,
}

/// Reads the ledger, from the primary.
#[cfg_attr(feature = "mock", mockall::automock)]
#[async_trait]
pub trait Ledger: Send + Sync {
    /// The balance of an account in minor units: the sum of its postings, 0 if it has none
    /// (`testing::reads::balance_is_the_sum_of_postings`).
    async fn balance(&self, account: AccountKey) -> Result<i64, PortError>;
    /// The postings of an account, newest first: in the descending order of entry ids
    /// (`testing::reads::history_is_newest_first`).
    async fn history(
        &self,
        account: AccountKey,
        page: PageRequest,
    ) -> Result<Page<HistoryLine>, PortError>;
    /// One entry.
    async fn entry(&self, id: EntryId) -> Result<Option<Arc<JournalEntry>>, PortError>;
    /// The entry that ended a pending one.
    async fn resolution(&self, of: EntryId) -> Result<Option<EntryId>, PortError>;
}
