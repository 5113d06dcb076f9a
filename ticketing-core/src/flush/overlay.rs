//! The stored rows with the accepted change sets of a batch laid over them.

use std::hash::Hash;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use rustc_hash::{FxHashMap, FxHashSet};

use super::rows::{Lookup, Slot};
use crate::aggregate::{AggregateRef, Version};
use crate::change_set::{MessageKey, Receipt, ReceiptKey, Record};
use crate::id::{ChangeSetId, EntryId, PerformanceId, ReservationId, ShowId, UserId};
use crate::ledger::{AccountKey, JournalEntry};
use crate::seat::{Claim, SeatNo};

/// An aggregate that was saved in this batch.
#[derive(Debug)]
pub(super) struct Saved {
    pub(super) stored: Version,
    pub(super) current: Version,
    pub(super) record: Record,
    pub(super) at: DateTime<Utc>,
}

/// A row as it was read and as it is now.
#[derive(Debug)]
pub(super) struct Change<T> {
    pub(super) stored: T,
    pub(super) current: T,
}

/// An account that was posted to in this batch.
#[derive(Debug)]
pub(super) struct Moved {
    pub(super) stored: Option<i64>,
    pub(super) net: i64,
    pub(super) debited: bool,
}

type Seat = (PerformanceId, SeatNo);
type Pair = (UserId, ShowId);

/// What the accepted change sets of a batch did, and what the one being decided did so far.
#[derive(Debug, Default)]
pub(super) struct Overlay {
    pub(super) ids: FxHashSet<ChangeSetId>,
    pub(super) ids_in_order: Vec<(ChangeSetId, DateTime<Utc>)>,
    pub(super) aggregates: FxHashMap<AggregateRef, Saved>,
    pub(super) receipts: FxHashMap<ReceiptKey, Change<Option<Receipt>>>,
    pub(super) messages: FxHashMap<MessageKey, DateTime<Utc>>,
    pub(super) claims: FxHashMap<Seat, Change<Option<Claim>>>,
    pub(super) allowances: FxHashMap<Pair, Change<Vec<Slot>>>,
    pub(super) entries: FxHashMap<EntryId, Arc<JournalEntry>>,
    pub(super) resolutions: FxHashMap<EntryId, EntryId>,
    pub(super) accounts: FxHashMap<AccountKey, Moved>,
    undo_claims: Vec<(Seat, Option<Claim>)>,
    undo_allowances: Vec<(Pair, Vec<Slot>)>,
}

/// A map that once held a large batch is given back rather than cleared on every small one.
const KEEP_CAPACITY_MAX: usize = 256;

fn reset<K: Eq + Hash, V>(map: &mut FxHashMap<K, V>) {
    if map.capacity() > KEEP_CAPACITY_MAX {
        *map = FxHashMap::default();
    } else {
        map.clear();
    }
}

impl Overlay {
    /// Forgets everything.
    pub(super) fn clear(&mut self) {
        if self.ids.capacity() > KEEP_CAPACITY_MAX {
            self.ids = FxHashSet::default();
        }
        self.ids.clear();
        self.ids_in_order.clear();
        reset(&mut self.aggregates);
        reset(&mut self.receipts);
        reset(&mut self.messages);
        reset(&mut self.claims);
        reset(&mut self.allowances);
        reset(&mut self.entries);
        reset(&mut self.resolutions);
        reset(&mut self.accounts);
        self.keep();
    }

    /// The change set that was being decided is accepted.
    pub(super) fn keep(&mut self) {
        self.undo_claims.clear();
        self.undo_allowances.clear();
    }

    /// The change set that was being decided is refused: what it took is free again.
    pub(super) fn undo(&mut self) {
        for (seat, before) in self.undo_claims.drain(..).rev() {
            if let Some(change) = self.claims.get_mut(&seat) {
                change.current = before;
            }
        }
        for (pair, before) in self.undo_allowances.drain(..).rev() {
            if let Some(change) = self.allowances.get_mut(&pair) {
                change.current = before;
            }
        }
    }

    pub(super) fn version<L: Lookup + ?Sized>(&self, rows: &L, of: AggregateRef) -> Version {
        self.aggregates.get(&of).map_or_else(|| rows.version(of), |saved| saved.current)
    }

    pub(super) fn receipt<'a, L: Lookup + ?Sized>(
        &'a self,
        rows: &'a L,
        key: &ReceiptKey,
    ) -> Option<&'a Receipt> {
        match self.receipts.get(key) {
            Some(change) => change.current.as_ref(),
            None => rows.receipt(key),
        }
    }

    pub(super) fn claim<L: Lookup + ?Sized>(&self, rows: &L, seat: Seat) -> Option<Claim> {
        match self.claims.get(&seat) {
            Some(change) => change.current,
            None => rows.claim(seat.0, seat.1),
        }
    }

    /// Changes the claim on a seat, which stood at `before`.
    pub(super) fn set_claim(&mut self, seat: Seat, before: Option<Claim>, now: Option<Claim>) {
        let change = self.claims.entry(seat).or_insert(Change { stored: before, current: before });
        change.current = now;
        self.undo_claims.push((seat, before));
    }

    fn places<L: Lookup + ?Sized>(&mut self, rows: &L, pair: Pair) -> &mut Vec<Slot> {
        let change = self.allowances.entry(pair).or_insert_with(|| {
            let stored = rows.slots(pair.0, pair.1).to_vec();
            Change { current: stored.clone(), stored }
        });
        self.undo_allowances.push((pair, change.current.clone()));
        &mut change.current
    }

    /// Takes the lowest free places below the limit; false if there are not enough.
    pub(super) fn take_places<L: Lookup + ?Sized>(
        &mut self,
        rows: &L,
        pair: Pair,
        by: ReservationId,
        (count, limit): (u16, u16),
    ) -> bool {
        let slots = self.places(rows, pair);
        let mut left = count;
        let mut place = 0;
        let mut slot = 0;
        while left > 0 && slot < limit {
            match slots.get(place) {
                Some((taken, _)) if *taken == slot => {}
                Some(_) | None => {
                    slots.insert(place, (slot, by));
                    left -= 1;
                }
            }
            place += 1;
            slot += 1;
        }
        left == 0
    }

    /// Frees up to `count` places of a reservation, highest first.
    pub(super) fn free_places<L: Lookup + ?Sized>(
        &mut self,
        rows: &L,
        pair: Pair,
        of: ReservationId,
        count: u16,
    ) {
        let slots = self.places(rows, pair);
        for _ in 0..count {
            let Some(place) = slots.iter().rposition(|(_, owner)| *owner == of) else { return };
            slots.remove(place);
        }
    }
}
