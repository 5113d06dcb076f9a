//! What an optimistic flush decides over: what a change set expects is taken to be so.

use super::rows::{Lookup, Slot};
use crate::aggregate::{AggregateRef, Version};
use crate::change_set::{
    ChangeSet, ClaimChange, MessageKey, Receipt, ReceiptChange, ReceiptKey, ReceiptState, Save,
};
use crate::id::{ChangeSetId, EntryId, PerformanceId, ShowId, UserId};
use crate::ledger::AccountKey;
use crate::seat::{Claim, ClaimOwner, ClaimStatus, SeatNo};

/// The rows that were read and, where one was not, what a change set expects of it. The write finds out.
pub(super) struct Hopeful<'a, L: ?Sized> {
    rows: &'a L,
    changes: &'a ChangeSet,
    open: Option<(&'a ReceiptKey, Receipt)>,
}

impl<'a, L: Lookup + ?Sized> Hopeful<'a, L> {
    pub(super) fn new(rows: &'a L, changes: &'a ChangeSet) -> Self {
        let open = changes.receipt.as_ref().and_then(|op| match op.change {
            ReceiptChange::Fill(_) => {
                let (fingerprint, created_at) = (op.fingerprint, changes.at);
                let state = ReceiptState::InProgress;
                Some((&op.key, Receipt { fingerprint, state, created_at }))
            }
            ReceiptChange::Begin | ReceiptChange::Answer(_) => None,
        });
        Self { rows, changes, open }
    }

    /// What is guarded and was not read.
    pub(super) fn guards(&self) -> impl Iterator<Item = (AggregateRef, Version)> {
        self.changes.guards.iter().copied().filter(|(of, _)| self.rows.version(*of) == 0)
    }
}

impl<L: Lookup + ?Sized> Lookup for Hopeful<'_, L> {
    fn version(&self, of: AggregateRef) -> Version {
        match self.rows.version(of) {
            0 => {
                let Self { changes, .. } = self;
                let saved = |save: &Save| (save.record.aggregate().reference(), save.expected);
                let guards = changes.guards.iter().copied();
                let mut expected = changes.saves.iter().map(saved).chain(guards);
                expected.find(|(reference, _)| *reference == of).map_or(0, |(_, version)| version)
            }
            read => read,
        }
    }

    fn balance(&self, of: &AccountKey) -> Option<i64> {
        self.rows.balance(of)
    }

    fn is_committed(&self, id: ChangeSetId) -> bool {
        self.rows.is_committed(id)
    }

    fn receipt(&self, key: &ReceiptKey) -> Option<&Receipt> {
        let open = || self.open.as_ref().filter(|(of, _)| *of == key).map(|(_, open)| open);
        self.rows.receipt(key).or_else(open)
    }

    fn is_handled(&self, message: &MessageKey) -> bool {
        self.rows.is_handled(message)
    }

    fn claim(&self, performance: PerformanceId, seat: SeatNo) -> Option<Claim> {
        self.rows.claim(performance, seat).or_else(|| {
            let mut ops = self.changes.claims.iter();
            ops.find_map(|op| match op.change {
                ClaimChange::Sell(reservation)
                    if op.performance == performance && op.seats.contains(seat) =>
                {
                    let owner = ClaimOwner::Reservation(reservation);
                    Some(Claim { owner, status: ClaimStatus::Pending })
                }
                ClaimChange::Sell(_)
                | ClaimChange::Claim(_)
                | ClaimChange::Release(_)
                | ClaimChange::Vacant => None,
            })
        })
    }

    fn slots(&self, user: UserId, show: ShowId) -> &[Slot] {
        self.rows.slots(user, show)
    }

    fn is_booked(&self, entry: EntryId) -> bool {
        self.rows.is_booked(entry)
    }

    fn is_resolved(&self, pending: EntryId) -> bool {
        self.rows.is_resolved(pending)
    }
}
