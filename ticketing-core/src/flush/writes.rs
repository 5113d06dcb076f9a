//! The net effect of a batch, table by table.

use std::sync::Arc;

use chrono::{DateTime, Utc};

use super::overlay::Overlay;
use crate::aggregate::{AggregateRef, Version};
use crate::change_set::{ChangeSet, MessageKey, Receipt, ReceiptKey, Record};
use crate::id::{ChangeSetId, EntryId, PerformanceId};
use crate::ledger::{AccountKey, JournalEntry};
use crate::port::{AllowanceRow, ClaimRow};
use crate::seat::{Claim, SeatNo};

/// One aggregate to insert or update.
#[derive(Clone, Debug)]
pub struct RecordWrite {
    /// Which.
    pub reference: AggregateRef,
    /// The version that is stored: 0 to insert, else the one that the update must find.
    pub stored: Version,
    /// What to store; its own version is the new one.
    pub record: Record,
    /// When it was decided.
    pub at: DateTime<Utc>,
}

/// One claim that changes its owner or status.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClaimUpdate {
    /// The performance.
    pub performance: PerformanceId,
    /// The seat.
    pub seat: SeatNo,
    /// The claim that the update must find.
    pub from: Claim,
    /// The claim that it writes.
    pub to: Claim,
}

/// One receipt to insert or fill.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReceiptWrite {
    /// Whose call.
    pub key: ReceiptKey,
    /// What to store.
    pub receipt: Receipt,
    /// Whether an `InProgress` receipt is stored, which the update must find; else it is an insert.
    pub fills: bool,
}

/// What happens to a wallet's balance.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WalletChange {
    /// It is debited: write the new balance. `from` is what is stored, `None` if the row must
    /// be inserted.
    Set {
        /// The balance that was read.
        from: Option<i64>,
        /// The new balance.
        to: i64,
    },
    /// It is only credited: add to it, or insert it.
    Add(i64),
}

/// One wallet to write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WalletWrite {
    /// The wallet.
    pub account: AccountKey,
    /// What happens to it, in minor units.
    pub change: WalletChange,
}

/// All events of one change set, to be numbered in their partition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OutboxWrite {
    /// The partition.
    pub partition: u16,
    /// The change set's place in the batch; its [`ChangeSet::events`] are the rows, in order.
    pub place: usize,
}

/// What to write, in the order of the fields; every list ascending by its key. Each table takes one
/// multi-row statement of each kind.
///
/// An insert that meets its key, and an update or delete that does not find the row as stated, mean
/// that another process was faster: [`super::ExecError::Raced`].
#[derive(Clone, Debug, Default)]
pub struct Writes {
    /// Wallets: first, for every batch that locks wallets locks them before all else.
    pub wallets: Vec<WalletWrite>,
    /// Change sets that are committed, with when they were decided.
    pub change_sets: Vec<(ChangeSetId, DateTime<Utc>)>,
    /// Aggregates; of those saved several times, the last.
    pub records: Vec<RecordWrite>,
    /// Aggregates that an optimistic batch guards: to lock shared until COMMIT, and to find at this version.
    /// The guards of each kind come after the records of that kind.
    pub guards: Vec<(AggregateRef, Version)>,
    /// Claims to delete, as they must be found.
    pub claims_deleted: Vec<ClaimRow>,
    /// Claims to update.
    pub claims_updated: Vec<ClaimUpdate>,
    /// Claims to insert.
    pub claims_inserted: Vec<ClaimRow>,
    /// Places to delete, as they must be found.
    pub allowances_deleted: Vec<AllowanceRow>,
    /// Places to insert.
    pub allowances_inserted: Vec<AllowanceRow>,
    /// Receipts.
    pub receipts: Vec<ReceiptWrite>,
    /// Messages to insert, with when they were handled.
    pub messages: Vec<(MessageKey, DateTime<Utc>)>,
    /// Journal entries to insert.
    pub entries: Vec<Arc<JournalEntry>>,
    /// Resolutions to insert: the pending entry and the one that ends it.
    pub resolutions: Vec<(EntryId, EntryId)>,
    /// All other accounts: what to add to each, in minor units, never zero.
    pub accounts: Vec<(AccountKey, i64)>,
    /// Events by partition, inside of it in the order of the batch. Numbers are given last before COMMIT.
    pub outbox: Vec<OutboxWrite>,
}

impl Writes {
    /// Whether there is nothing to commit.
    pub fn is_empty(&self) -> bool {
        self.change_sets.is_empty()
    }

    /// Puts the events of an accepted change set into the outbox.
    pub(super) fn tell(&mut self, place: usize, changes: &ChangeSet, partitions: u16) {
        if !changes.events.is_empty() {
            let partition = changes.stream().partition(partitions);
            self.outbox.push(OutboxWrite { partition, place });
        }
    }

    /// What a change set guards and nothing before it in the batch saved.
    pub(super) fn guard(
        &mut self,
        guards: impl Iterator<Item = (AggregateRef, Version)>,
        overlay: &Overlay,
    ) {
        self.guards.extend(guards.filter(|(of, _)| !overlay.aggregates.contains_key(of)));
    }

    /// Takes the net effect out of the overlay.
    pub(super) fn collect(&mut self, overlay: &mut Overlay) {
        self.change_sets.append(&mut overlay.ids_in_order);
        self.change_sets.sort_unstable_by_key(|(id, _)| *id);
        // Where a later change set saved it, the save finds the version, if it is the same.
        let is_saved = |(of, version): &(AggregateRef, Version)| {
            overlay.aggregates.get(of).is_some_and(|saved| saved.stored == *version)
        };
        self.guards.retain(|guard| !is_saved(guard));
        self.guards.sort_unstable();
        self.guards.dedup();
        self.records.extend(overlay.aggregates.drain().map(|(reference, saved)| RecordWrite {
            reference,
            stored: saved.stored,
            record: saved.record,
            at: saved.at,
        }));
        self.records.sort_unstable_by_key(|write| write.reference);
        self.collect_claims(overlay);
        self.collect_allowances(overlay);
        for (key, change) in overlay.receipts.drain() {
            if let Some(receipt) = change.current {
                let fills = change.stored.is_some();
                self.receipts.push(ReceiptWrite { key, receipt, fills });
            }
        }
        self.receipts.sort_unstable_by(|a, b| a.key.cmp(&b.key));
        self.messages.extend(overlay.messages.drain());
        self.messages.sort_unstable();
        self.entries.extend(overlay.entries.drain().map(|(_, entry)| entry));
        self.entries.sort_unstable_by_key(|entry| entry.id());
        self.resolutions.extend(overlay.resolutions.drain());
        self.resolutions.sort_unstable();
        self.collect_accounts(overlay);
        self.outbox.sort_unstable_by_key(|write| (write.partition, write.place));
    }

    fn collect_claims(&mut self, overlay: &mut Overlay) {
        for ((performance, seat), change) in overlay.claims.drain() {
            match (change.stored, change.current) {
                (None, None) => {}
                (None, Some(claim)) => {
                    self.claims_inserted.push(ClaimRow { performance, seat, claim });
                }
                (Some(claim), None) => {
                    self.claims_deleted.push(ClaimRow { performance, seat, claim });
                }
                (Some(from), Some(to)) if from == to => {}
                (Some(from), Some(to)) => {
                    self.claims_updated.push(ClaimUpdate { performance, seat, from, to });
                }
            }
        }
        self.claims_deleted.sort_unstable_by_key(|row| (row.performance, row.seat));
        self.claims_updated.sort_unstable_by_key(|row| (row.performance, row.seat));
        self.claims_inserted.sort_unstable_by_key(|row| (row.performance, row.seat));
    }

    /// A slot that changes hands is deleted and inserted again.
    fn collect_allowances(&mut self, overlay: &mut Overlay) {
        for ((user, show), change) in overlay.allowances.drain() {
            let row = |&(slot, reservation)| AllowanceRow { user, show, slot, reservation };
            let (stored, current) = (change.stored, change.current);
            let gone = stored.iter().filter(|slot| !current.contains(slot));
            self.allowances_deleted.extend(gone.map(row));
            let new = current.iter().filter(|slot| !stored.contains(slot));
            self.allowances_inserted.extend(new.map(row));
        }
        self.allowances_deleted.sort_unstable_by_key(|row| (row.user, row.show, row.slot));
        self.allowances_inserted.sort_unstable_by_key(|row| (row.user, row.show, row.slot));
    }

    fn collect_accounts(&mut self, overlay: &mut Overlay) {
        for (account, moved) in overlay.accounts.drain() {
            if moved.net == 0 {
                continue;
            }
            if !account.account.is_checked() {
                self.accounts.push((account, moved.net));
                continue;
            }
            let change = if moved.debited {
                let to = moved.stored.unwrap_or(0) + moved.net;
                WalletChange::Set { from: moved.stored, to }
            } else {
                WalletChange::Add(moved.net)
            };
            self.wallets.push(WalletWrite { account, change });
        }
        self.wallets.sort_unstable_by_key(|write| write.account);
        self.accounts.sort_unstable_by_key(|(account, _)| *account);
    }
}
