//! The ledger's tables.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use rustc_hash::FxHashMap;

use crate::flush::{WalletChange, WalletWrite};
use crate::id::EntryId;
use crate::ledger::{AccountKey, JournalEntry};

/// One account: its balance and the entries that made it.
#[derive(Debug, Default)]
pub(super) struct AccountBook {
    pub(super) balance: i64,
    /// Ascending. Ids come nearly in order, so that one finds its place near the end.
    entries: Vec<EntryId>,
}

impl AccountBook {
    fn add(&mut self, entry: EntryId) {
        if self.entries.last().is_none_or(|last| *last < entry) {
            self.entries.push(entry);
        } else if let Err(place) = self.entries.binary_search(&entry) {
            self.entries.insert(place, entry);
        }
    }

    /// The entries before one, or all of them, the newest first.
    pub(super) fn before(&self, entry: Option<EntryId>) -> impl Iterator<Item = EntryId> + '_ {
        let end = entry
            .map_or(self.entries.len(), |end| self.entries.partition_point(|entry| *entry < end));
        self.entries[..end].iter().rev().copied()
    }
}

/// Entries, resolutions and balances.
#[derive(Debug, Default)]
pub(super) struct Books {
    pub(super) entries: BTreeMap<EntryId, Arc<JournalEntry>>,
    pub(super) resolutions: BTreeMap<EntryId, EntryId>,
    accounts: FxHashMap<AccountKey, AccountBook>,
    /// The keys of `accounts`, for lists.
    keys: BTreeSet<AccountKey>,
    /// The entries that tell an event, with when they were booked.
    pub(super) telling: BTreeMap<EntryId, DateTime<Utc>>,
}

impl Books {
    /// A balance in minor units; `None` if nothing was ever posted.
    pub(super) fn balance(&self, of: &AccountKey) -> Option<i64> {
        self.accounts.get(of).map(|account| account.balance)
    }

    /// One account.
    pub(super) fn account(&self, key: &AccountKey) -> Option<&AccountBook> {
        self.accounts.get(key)
    }

    /// The accounts after one, ascending.
    pub(super) fn after(
        &self,
        after: Option<AccountKey>,
    ) -> impl Iterator<Item = (AccountKey, &AccountBook)> + '_ {
        let start = after.map_or(Bound::Unbounded, Bound::Excluded);
        let keys = self.keys.range((start, Bound::Unbounded));
        keys.filter_map(|key| Some((*key, self.accounts.get(key)?)))
    }

    /// One entry.
    pub(super) fn entry(&self, id: EntryId) -> Option<&Arc<JournalEntry>> {
        self.entries.get(&id)
    }

    /// The entry that ended a pending one.
    pub(super) fn resolution(&self, of: EntryId) -> Option<EntryId> {
        self.resolutions.get(&of).copied()
    }

    /// Writes entries and balances. Sums were checked before.
    pub(super) fn write(
        &mut self,
        entries: Vec<Arc<JournalEntry>>,
        resolutions: Vec<(EntryId, EntryId)>,
        wallets: &[WalletWrite],
        accounts: &[(AccountKey, i64)],
    ) {
        for entry in entries {
            for (account, _) in entry.lines() {
                let keys = &mut self.keys;
                let book = self.accounts.entry(account).or_insert_with(|| {
                    keys.insert(account);
                    AccountBook::default()
                });
                book.add(entry.id());
            }
            if entry.event().is_some() {
                self.telling.insert(entry.id(), entry.at());
            }
            self.entries.insert(entry.id(), entry);
        }
        self.resolutions.extend(resolutions);
        // Every account that moves is in one of the entries.
        for write in wallets {
            if let Some(account) = self.accounts.get_mut(&write.account) {
                match write.change {
                    WalletChange::Set { to, .. } => account.balance = to,
                    WalletChange::Add(net) => account.balance += net,
                }
            }
        }
        for (account, net) in accounts {
            if let Some(account) = self.accounts.get_mut(account) {
                account.balance += net;
            }
        }
    }
}
