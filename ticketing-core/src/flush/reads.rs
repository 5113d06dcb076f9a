//! Which keys a batch locks and reads.

use crate::aggregate::AggregateRef;
use crate::change_set::{
    AllowanceChange, AllowanceOp, ChangeSet, ClaimChange, ClaimOp, MessageKey, ReceiptKey,
};
use crate::id::{ChangeSetId, EntryId, PerformanceId, ShowId, UserId};
use crate::ledger::AccountKey;
use crate::seat::SeatNo;

/// How much a flush reads before it decides.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReadMode {
    /// What the write itself finds out is not read: keys that are only inserted are taken for free, and what a
    /// change set expects (a version, its own claim, its open receipt) is taken to be so. A round trip less,
    /// and only good for a batch of which nothing is refused.
    Optimistic,
    /// Every key is read.
    Full,
}

/// How a row is locked until COMMIT. The order is that of strength.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Lock {
    /// Others may read and guard it, nobody may write it.
    Shared,
    /// Nobody else may guard or write it.
    Exclusive,
}

/// What a batch must lock and read: every list ascending and without repeats, to be gone through in
/// the order of the fields. Only rows that exist can be locked; a missing row is found out by its
/// insert.
///
/// What is not locked MUST be read after all locks were taken: a saved performance then keeps out every
/// reserve, which guards it, and `vacant` sees all claims that were committed before.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reads {
    /// The wallets that move, to lock exclusively and read: a debited one for what is left in it decides, a
    /// credited one for it would otherwise be locked after what other batches lock behind it. None if wallets
    /// are only credited and nothing else is locked, for they are the first that is written.
    pub wallets: Vec<AccountKey>,
    /// The aggregates to lock, with their versions to read: saved ones exclusively, guarded ones
    /// shared. Each kind is a table of its own; the order of [`AggregateRef`] is by kind first.
    pub aggregates: Vec<(AggregateRef, Lock)>,
    /// Ids of change sets.
    pub change_sets: Vec<ChangeSetId>,
    /// Keys of receipts.
    pub receipts: Vec<ReceiptKey>,
    /// Keys of messages.
    pub messages: Vec<MessageKey>,
    /// Seats whose claims to read.
    pub claims: Vec<(PerformanceId, SeatNo)>,
    /// Pairs whose places to read, all slots of each.
    pub allowances: Vec<(UserId, ShowId)>,
    /// Ids of journal entries.
    pub entries: Vec<EntryId>,
    /// Pending entries whose resolution to read.
    pub resolutions: Vec<EntryId>,
}

impl Reads {
    /// The keys of a batch.
    pub fn of(batch: &[ChangeSet], mode: ReadMode) -> Self {
        let mut reads = Self::default();
        for changes in batch {
            reads.add(changes, mode);
        }
        if mode == ReadMode::Optimistic && reads.aggregates.is_empty() && !are_debited(batch) {
            reads.wallets.clear();
        }
        reads.sort();
        reads
    }

    fn add(&mut self, changes: &ChangeSet, mode: ReadMode) {
        let full = mode == ReadMode::Full;
        if full || locks_first(changes) {
            let saved = changes.saves.iter().map(|save| save.record.aggregate().reference());
            self.aggregates.extend(saved.map(|reference| (reference, Lock::Exclusive)));
            let guarded = changes.guards.iter().map(|(reference, _)| (*reference, Lock::Shared));
            self.aggregates.extend(guarded);
        }
        self.wallets.extend(wallets(changes).map(|(wallet, _)| wallet));
        for op in &changes.claims {
            if full || reads_claims(op) {
                self.claims.extend(op.seats.iter().map(|seat| (op.performance, seat)));
            }
        }
        for op in &changes.allowances {
            if full || reads_places(op) {
                self.allowances.push((op.user, op.show));
            }
        }
        if full {
            self.receipts.extend(changes.receipt.iter().map(|receipt| receipt.key.clone()));
            self.change_sets.push(changes.id);
            self.messages.extend(changes.message.clone());
            self.entries.extend(changes.entries.iter().map(|entry| entry.id()));
            self.resolutions.extend(changes.entries.iter().filter_map(|entry| entry.resolves()));
        }
    }

    fn sort(&mut self) {
        sort_and_dedup(&mut self.wallets);
        self.aggregates.sort_unstable_by_key(|(key, lock)| (*key, std::cmp::Reverse(*lock)));
        self.aggregates.dedup_by_key(|(key, _)| *key);
        sort_and_dedup(&mut self.change_sets);
        sort_and_dedup(&mut self.receipts);
        sort_and_dedup(&mut self.messages);
        sort_and_dedup(&mut self.claims);
        sort_and_dedup(&mut self.allowances);
        sort_and_dedup(&mut self.entries);
        sort_and_dedup(&mut self.resolutions);
    }
}

fn wallets(changes: &ChangeSet) -> impl Iterator<Item = (AccountKey, i64)> {
    let lines = changes.entries.iter().flat_map(|entry| entry.lines());
    lines.filter(|(account, _)| account.account.is_checked())
}

fn are_debited(batch: &[ChangeSet]) -> bool {
    batch.iter().flat_map(wallets).any(|(_, amount)| amount < 0)
}

/// Whether rows must stand still while others are read: that all seats are vacant, whose seats are released.
/// Of the rest the write finds the versions.
fn locks_first(changes: &ChangeSet) -> bool {
    changes.claims.iter().any(reads_claims) || changes.allowances.iter().any(reads_places)
}

const fn reads_claims(op: &ClaimOp) -> bool {
    match op.change {
        ClaimChange::Claim(_) | ClaimChange::Sell(_) => false,
        ClaimChange::Release(_) | ClaimChange::Vacant => true,
    }
}

const fn reads_places(op: &AllowanceOp) -> bool {
    match op.change {
        AllowanceChange::Take { .. } => false,
        AllowanceChange::GiveBack => true,
    }
}

fn sort_and_dedup<K: Ord>(keys: &mut Vec<K>) {
    keys.sort_unstable();
    keys.dedup();
}
