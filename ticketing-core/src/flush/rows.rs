//! What a batch is decided over.

use rustc_hash::{FxHashMap, FxHashSet};

use crate::aggregate::{AggregateRef, Version};
use crate::change_set::{MessageKey, Receipt, ReceiptKey};
use crate::id::{ChangeSetId, EntryId, PerformanceId, ReservationId, ShowId, UserId};
use crate::ledger::AccountKey;
use crate::seat::{Claim, SeatNo};

/// One place of a user in a show, and the reservation that took it.
pub type Slot = (u16, ReservationId);

/// The stored rows as the planner asks for them. What was not read counts as missing.
pub trait Lookup {
    /// The version of an aggregate; 0 if it is missing.
    fn version(&self, of: AggregateRef) -> Version;
    /// The balance of a wallet. A store that knows other balances as well may tell them: their sums
    /// are then checked for overflow here and not by the write.
    fn balance(&self, of: &AccountKey) -> Option<i64>;
    /// Whether a change set was committed under this id.
    fn is_committed(&self, id: ChangeSetId) -> bool;
    /// What is kept of a call.
    fn receipt(&self, key: &ReceiptKey) -> Option<&Receipt>;
    /// Whether a message was handled.
    fn is_handled(&self, message: &MessageKey) -> bool;
    /// The claim on a seat.
    fn claim(&self, performance: PerformanceId, seat: SeatNo) -> Option<Claim>;
    /// The places of a user in a show, ascending.
    fn slots(&self, user: UserId, show: ShowId) -> &[Slot];
    /// Whether an entry is booked.
    fn is_booked(&self, entry: EntryId) -> bool;
    /// Whether a pending entry was ended.
    fn is_resolved(&self, pending: EntryId) -> bool;
}

/// The rows that an adapter read for [`super::Reads`]; rows that do not exist are left out.
#[derive(Clone, Debug, Default)]
pub struct Rows {
    /// The versions of aggregates.
    pub versions: FxHashMap<AggregateRef, Version>,
    /// The balances of wallets, in minor units.
    pub balances: FxHashMap<AccountKey, i64>,
    /// Change sets that were committed.
    pub change_sets: FxHashSet<ChangeSetId>,
    /// Receipts.
    pub receipts: FxHashMap<ReceiptKey, Receipt>,
    /// Messages that were handled.
    pub messages: FxHashSet<MessageKey>,
    /// Claims.
    pub claims: FxHashMap<(PerformanceId, SeatNo), Claim>,
    /// Places of users in shows, each list ascending.
    pub allowances: FxHashMap<(UserId, ShowId), Vec<Slot>>,
    /// Entries that are booked.
    pub entries: FxHashSet<EntryId>,
    /// Pending entries that were ended.
    pub resolutions: FxHashSet<EntryId>,
}

impl Lookup for Rows {
    fn version(&self, of: AggregateRef) -> Version {
        self.versions.get(&of).copied().unwrap_or(0)
    }

    fn balance(&self, of: &AccountKey) -> Option<i64> {
        self.balances.get(of).copied()
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
        self.claims.get(&(performance, seat)).copied()
    }

    fn slots(&self, user: UserId, show: ShowId) -> &[Slot] {
        self.allowances.get(&(user, show)).map_or(&[], Vec::as_slice)
    }

    fn is_booked(&self, entry: EntryId) -> bool {
        self.entries.contains(&entry)
    }

    fn is_resolved(&self, pending: EntryId) -> bool {
        self.resolutions.contains(&pending)
    }
}
