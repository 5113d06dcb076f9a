//! The tables, and how they answer the planner and take its writes.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use chrono::{DateTime, Utc};
use rustc_hash::{FxHashMap, FxHashSet};

use super::ages::Ages;
use super::books::Books;
use super::claims::ClaimTable;
use super::events::Outbox;
use super::records::Records;
use crate::aggregate::{AggregateRef, StreamKey, Version};
use crate::change_set::{MessageKey, Receipt, ReceiptKey, ReceiptState, RecordedEvent};
use crate::error::{Fault, PortError};
use crate::flush::{ExecError, Lookup, Slot, WalletChange, Writes};
use crate::id::{ChangeSetId, EntryId, PerformanceId, ShowId, UserId};
use crate::ledger::AccountKey;
use crate::seat::{Claim, SeatNo};

/// Everything that is stored.
#[derive(Debug)]
pub(super) struct Tables {
    pub(super) records: Records,
    pub(super) claims: ClaimTable,
    pub(super) allowances: BTreeMap<(UserId, ShowId), Vec<Slot>>,
    pub(super) books: Books,
    pub(super) outbox: Outbox,
    /// In order: new ids come at the end, where the tree is warm.
    pub(super) change_sets: BTreeSet<ChangeSetId>,
    pub(super) change_set_ages: Ages<ChangeSetId>,
    pub(super) receipts: FxHashMap<ReceiptKey, Receipt>,
    pub(super) receipt_ages: Ages<ReceiptKey>,
    pub(super) messages: FxHashSet<MessageKey>,
    pub(super) message_ages: Ages<MessageKey>,
}

/// The events of one change set on their way into the outbox.
pub(super) struct Told {
    pub(super) change_set: ChangeSetId,
    pub(super) stream: StreamKey,
    pub(super) events: Vec<RecordedEvent>,
}

impl Tables {
    pub(super) fn new(partitions: u16) -> Self {
        Self {
            records: Records::default(),
            claims: ClaimTable::default(),
            allowances: BTreeMap::new(),
            books: Books::default(),
            outbox: Outbox::new(partitions),
            change_sets: BTreeSet::new(),
            change_set_ages: Ages::default(),
            receipts: FxHashMap::default(),
            receipt_ages: Ages::default(),
            messages: FxHashSet::default(),
            message_ages: Ages::default(),
        }
    }

    /// What a database's keys and conditions would say to the writes: a duplicate key, a row that is not
    /// as it was read, a number out of range.
    pub(super) fn verify(&self, writes: &Writes) -> Result<(), ExecError> {
        let fresh = writes.change_sets.iter().all(|(id, _)| !self.is_committed(*id))
            && writes.messages.iter().all(|(key, _)| !self.is_handled(key))
            && writes.entries.iter().all(|entry| !self.is_booked(entry.id()))
            && writes.resolutions.iter().all(|(pending, _)| !self.is_resolved(*pending))
            && writes.claims_inserted.iter().all(|row| {
                let stored = self.claim(row.performance, row.seat);
                // Deletes run before inserts.
                stored.is_none()
            })
            && writes.allowances_inserted.iter().all(|row| {
                let slots = self.slots(row.user, row.show);
                slots.iter().all(|&(slot, reservation)| {
                    slot != row.slot
                        || writes.allowances_deleted.iter().any(|gone| {
                            (gone.user, gone.show) == (row.user, row.show)
                                && (gone.slot, gone.reservation) == (slot, reservation)
                        })
                })
            });
        let as_read = writes.records.iter().all(|row| self.version(row.reference) == row.stored)
            && writes.guards.iter().all(|(of, version)| self.version(*of) == *version)
            && writes
                .claims_deleted
                .iter()
                .all(|row| self.claim(row.performance, row.seat) == Some(row.claim))
            && writes
                .claims_updated
                .iter()
                .all(|row| self.claim(row.performance, row.seat) == Some(row.from))
            && writes
                .allowances_deleted
                .iter()
                .all(|row| self.slots(row.user, row.show).contains(&(row.slot, row.reservation)))
            && writes.receipts.iter().all(|row| match self.receipt(&row.key) {
                Some(kept) => {
                    row.fills
                        && kept.state == ReceiptState::InProgress
                        && kept.fingerprint == row.receipt.fingerprint
                }
                None => !row.fills,
            })
            && writes.wallets.iter().all(|row| match row.change {
                WalletChange::Set { from, .. } => self.balance(&row.account) == from,
                WalletChange::Add(_) => true,
            });
        if !fresh || !as_read {
            return Err(ExecError::Raced);
        }
        let added = writes.wallets.iter().filter_map(|row| match row.change {
            WalletChange::Set { .. } => None,
            WalletChange::Add(net) => Some((row.account, net)),
        });
        for (account, net) in added.chain(writes.accounts.iter().copied()) {
            if self.balance(&account).unwrap_or(0).checked_add(net).is_none() {
                let error = PortError::new("store", "commit", Fault::Permanent);
                return Err(ExecError::Refused(error.because("a balance is out of range")));
            }
        }
        Ok(())
    }

    /// Writes what was decided over these very tables, or verified since. `told` gives the events of the
    /// change set at a place of the batch.
    pub(super) fn apply(&mut self, writes: Writes, mut told: impl FnMut(usize) -> Told) {
        for (id, at) in writes.change_sets {
            self.change_sets.insert(id);
            self.change_set_ages.push(at, id);
        }
        for write in writes.records {
            self.records.save(write.record, write.at);
        }
        for row in writes.claims_deleted {
            self.claims.set(row.performance, row.seat, None);
        }
        for row in writes.claims_updated {
            self.claims.set(row.performance, row.seat, Some(row.to));
        }
        for row in writes.claims_inserted {
            self.claims.set(row.performance, row.seat, Some(row.claim));
        }
        for row in writes.allowances_deleted {
            if let Some(slots) = self.allowances.get_mut(&(row.user, row.show)) {
                slots.retain(|(slot, _)| *slot != row.slot);
                if slots.is_empty() {
                    self.allowances.remove(&(row.user, row.show));
                }
            }
        }
        for row in writes.allowances_inserted {
            let slots = self.allowances.entry((row.user, row.show)).or_default();
            let place = slots.partition_point(|(slot, _)| *slot < row.slot);
            slots.insert(place, (row.slot, row.reservation));
        }
        for row in writes.receipts {
            if let Some(kept) = self.receipts.get_mut(&row.key) {
                kept.state = row.receipt.state;
            } else {
                self.receipt_ages.push(row.receipt.created_at, row.key.clone());
                self.receipts.insert(row.key, row.receipt);
            }
        }
        for (key, at) in writes.messages {
            self.messages.insert(key.clone());
            self.message_ages.push(at, key);
        }
        self.books.write(writes.entries, writes.resolutions, &writes.wallets, &writes.accounts);
        for row in writes.outbox {
            self.outbox.append(row.partition, told(row.place));
        }
    }

    /// Drops up to `limit` receipts that were first committed before an instant.
    pub(super) fn purge_receipts(&mut self, before: DateTime<Utc>, limit: usize) -> usize {
        let Self { receipts, receipt_ages, .. } = self;
        receipt_ages.drop_before(before, limit, |key| {
            receipts.remove(key);
        })
    }

    /// The same for messages.
    pub(super) fn purge_messages(&mut self, before: DateTime<Utc>, limit: usize) -> usize {
        let Self { messages, message_ages, .. } = self;
        message_ages.drop_before(before, limit, |key| {
            messages.remove(key);
        })
    }

    /// The same for ids of change sets.
    pub(super) fn purge_change_sets(&mut self, before: DateTime<Utc>, limit: usize) -> usize {
        let Self { change_sets, change_set_ages, .. } = self;
        change_set_ages.drop_before(before, limit, |id| {
            change_sets.remove(id);
        })
    }
}

impl Lookup for Tables {
    fn version(&self, of: AggregateRef) -> Version {
        self.records.version(of)
    }

    fn balance(&self, of: &AccountKey) -> Option<i64> {
        self.books.balance(of)
    }

    fn is_committed(&self, id: ChangeSetId) -> bool {
        self.change_sets.contains(&id)
    }

    fn receipt(&self, key: &ReceiptKey) -> Option<&Receipt> {
        self.receipts.get(key)
    }

    fn is_handled(&self, message: &MessageKey) -> bool {
        self.messages.contains(message)
    }

    fn claim(&self, performance: PerformanceId, seat: SeatNo) -> Option<Claim> {
        self.claims.get(performance, seat)
    }

    fn slots(&self, user: UserId, show: ShowId) -> &[Slot] {
        self.allowances.get(&(user, show)).map_or(&[], Vec::as_slice)
    }

    fn is_booked(&self, entry: EntryId) -> bool {
        self.books.entry(entry).is_some()
    }

    fn is_resolved(&self, pending: EntryId) -> bool {
        self.books.resolution(pending).is_some()
    }
}

/// A record that was loaded is shared until it is read.
#[derive(Debug)]
pub(super) struct Stored<T> {
    pub(super) record: Arc<T>,
    pub(super) saved_at: DateTime<Utc>,
}
