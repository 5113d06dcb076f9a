//! The ledger's tables.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use chrono::{DateTime, Utc};

use crate::flush::{WalletChange, WalletWrite};
use crate::id::EntryId;
use crate::ledger::{AccountKey, JournalEntry};

/// One account: its balance and the entries that made it.
#[derive(Debug, Default)]
pub(super) struct AccountBook {
    pub(super) balance: i64,
    pub(super) entries: BTreeSet<EntryId>,
}

/// Entries, resolutions and balances.
#[derive(Debug, Default)]
pub(super) struct Books {
    pub(super) entries: BTreeMap<EntryId, Arc<JournalEntry>>,
    pub(super) resolutions: BTreeMap<EntryId, EntryId>,
    pub(super) accounts: BTreeMap<AccountKey, AccountBook>,
    /// The entries that tell an event, with when they were booked.
    pub(super) telling: BTreeMap<EntryId, DateTime<Utc>>,
}

impl Books {
    /// A balance in minor units; `None` if nothing was ever posted.
    pub(super) fn balance(&self, of: &AccountKey) -> Option<i64> {
        self.accounts.get(of).map(|account| account.balance)
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
                self.accounts.entry(account).or_default().entries.insert(entry.id());
            }
            if entry.event().is_some() {
                self.telling.insert(entry.id(), entry.at());
            }
            self.entries.insert(entry.id(), entry);
        }
        self.resolutions.extend(resolutions);
        for write in wallets {
            let account = self.accounts.entry(write.account).or_default();
            match write.change {
                WalletChange::Set { to, .. } => account.balance = to,
                WalletChange::Add(net) => account.balance += net,
            }
        }
        for (account, net) in accounts {
            self.accounts.entry(*account).or_default().balance += net;
        }
    }
}
