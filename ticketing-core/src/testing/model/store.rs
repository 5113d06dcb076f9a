//! The simplest store: one change set after another, in plain maps.

mod changes;
mod checks;
#[cfg(test)]
mod tests;

use std::fmt;

use chrono::{DateTime, Utc};
use rustc_hash::{FxHashMap, FxHashSet};

use crate::aggregate::{AggregateKind, AggregateRef, Version};
use crate::change_set::{ChangeSet, MessageKey, Receipt, ReceiptChange, ReceiptKey, ReceiptState};
use crate::error::{Fault, PortError};
use crate::id::{ChangeSetId, EntryId, PerformanceId, ReservationId, ShowId, UserId};
use crate::ledger::AccountKey;
use crate::port::{CommitError, Committed};
use crate::seat::{Claim, ClaimOwner, ClaimStatus, SeatNo};

pub(super) type Seat = (PerformanceId, SeatNo);
pub(super) type Pair = (UserId, ShowId);
pub(super) type Place = (u16, ReservationId);

/// How often an aggregate was saved, and how many events it told.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Counted {
    pub(super) version: Version,
    pub(super) recorded: u64,
}

/// A change set that a store says it wrote and that it must not have written.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("change set {change_set}: {text}")]
pub struct Violation {
    /// The change set.
    pub change_set: ChangeSetId,
    /// What is wrong, with the ids of the seat, the aggregate or the account that it is about.
    pub text: String,
}

/// What a store must answer and hold after the same change sets, one after another.
///
/// It shares no code with the planner in [`flush`](crate::flush), so that a mistake of one is not a
/// mistake of both. Aggregates are kept as their versions and event counts only, which makes it cheap
/// enough to run beside a store under load; what is kept for a while is dropped by
/// [`Self::forget_kept_before`].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ModelStore {
    pub(super) change_sets: FxHashMap<ChangeSetId, DateTime<Utc>>,
    pub(super) receipts: FxHashMap<ReceiptKey, Receipt>,
    pub(super) messages: FxHashMap<MessageKey, DateTime<Utc>>,
    pub(super) aggregates: FxHashMap<AggregateRef, Counted>,
    pub(super) claims: FxHashMap<Seat, Claim>,
    /// Ascending, and never empty.
    pub(super) places: FxHashMap<Pair, Vec<Place>>,
    pub(super) entries: FxHashSet<EntryId>,
    pub(super) resolutions: FxHashMap<EntryId, EntryId>,
    /// Minor units, never zero.
    pub(super) balances: FxHashMap<AccountKey, i64>,
}

/// Why a change set is not written: the answer, and the same in words that name what it is about.
struct Refusal {
    answer: Result<Committed, CommitError>,
    text: String,
}

type Checked = Result<(), Box<Refusal>>;

fn refuse(error: CommitError, text: impl fmt::Display) -> Checked {
    Err(Box::new(Refusal { answer: Err(error), text: text.to_string() }))
}

fn answered(answer: Committed, text: impl fmt::Display) -> Checked {
    Err(Box::new(Refusal { answer: Ok(answer), text: text.to_string() }))
}

/// Neither a right nor a wrong decision: the change set itself makes no sense here.
fn unsound(text: impl fmt::Display) -> Checked {
    let text = text.to_string();
    let error = PortError::new("store", "commit", Fault::Permanent).because(text.clone());
    refuse(error.into(), text)
}

/// What the change set in hand did so far, as it was before.
#[derive(Default)]
struct Undo {
    claims: Vec<(Seat, Option<Claim>)>,
    places: Vec<(Pair, Option<Vec<Place>>)>,
}

impl ModelStore {
    /// An empty store.
    pub fn new() -> Self {
        Self::default()
    }

    /// Writes all of a change set, or nothing, with the answers of
    /// [`Store::commit`](crate::port::Store::commit).
    ///
    /// # Errors
    /// [`CommitError`]; [`CommitError::Port`] where a balance would leave the range of an `i64`.
    pub fn commit(&mut self, changes: &ChangeSet) -> Result<Committed, CommitError> {
        changes.check()?;
        if self.is_committed(changes.id()) {
            return Ok(Committed::Done);
        }
        match self.run(changes) {
            Ok(()) => Ok(Committed::Done),
            Err(refusal) => refusal.answer,
        }
    }

    /// Takes the next change set of a log that a store says it wrote, in the order of its commits.
    ///
    /// # Errors
    /// [`Violation`] if the store must have refused or answered it without writing, or wrote it before;
    /// the model stays as it was.
    pub fn must_accept(&mut self, changes: &ChangeSet) -> Result<(), Violation> {
        let violation = |text: String| Violation { change_set: changes.id(), text };
        changes.check().map_err(|flaw| violation(flaw.to_string()))?;
        if self.is_committed(changes.id()) {
            return Err(violation("it was written before under the same id".to_owned()));
        }
        self.run(changes).map_err(|refusal| violation(refusal.text))
    }

    /// Forgets the receipts, messages and ids of change sets that were decided before an instant, as a
    /// store does that was purged.
    pub fn forget_kept_before(&mut self, at: DateTime<Utc>) {
        self.change_sets.retain(|_, decided_at| *decided_at >= at);
        self.messages.retain(|_, handled_at| *handled_at >= at);
        self.receipts.retain(|_, receipt| receipt.created_at >= at);
    }

    /// Whether a change set was written and is not forgotten.
    pub fn is_committed(&self, id: ChangeSetId) -> bool {
        self.change_sets.contains_key(&id)
    }

    /// The version of an aggregate; 0 if it was never saved.
    pub fn version(&self, of: AggregateRef) -> Version {
        self.counted(of).version
    }

    /// The claim on a seat.
    pub fn claim(&self, performance: PerformanceId, seat: SeatNo) -> Option<Claim> {
        self.claims.get(&(performance, seat)).copied()
    }

    /// How many places a user has in a show.
    pub fn allowance_used(&self, user: UserId, show: ShowId) -> usize {
        self.places.get(&(user, show)).map_or(0, Vec::len)
    }

    /// The balance of an account in minor units.
    pub fn balance(&self, account: AccountKey) -> i64 {
        self.balances.get(&account).copied().unwrap_or(0)
    }

    /// What is kept of a call.
    pub fn receipt(&self, key: &ReceiptKey) -> Option<&Receipt> {
        self.receipts.get(key)
    }

    /// The entry that ended a pending one.
    pub fn resolution(&self, of: EntryId) -> Option<EntryId> {
        self.resolutions.get(&of).copied()
    }

    fn counted(&self, of: AggregateRef) -> Counted {
        self.aggregates.get(&of).copied().unwrap_or_default()
    }

    /// The answers in their order; the first that applies ends it.
    fn run(&mut self, changes: &ChangeSet) -> Checked {
        self.check_receipt(changes)?;
        self.check_message(changes)?;
        self.check_versions(changes)?;
        self.check_entries(changes)?;
        self.check_events(changes)?;
        let mut undo = Undo::default();
        let taken = self.change(changes, &mut undo);
        let checked = taken.and_then(|()| self.check_resolutions(changes));
        match checked.and_then(|()| self.post(changes)) {
            Ok(()) => self.write(changes),
            Err(refusal) => {
                self.roll_back(undo);
                return Err(refusal);
            }
        }
        Ok(())
    }

    /// The rest of a change set that nothing stands in the way of.
    fn write(&mut self, changes: &ChangeSet) {
        self.change_sets.insert(changes.id, changes.at);
        for save in &changes.saves {
            let (of, root) = (save.record.aggregate().reference(), save.record.aggregate().root());
            let counted = Counted { version: root.version(), recorded: root.recorded() };
            self.aggregates.insert(of, counted);
        }
        for event in
            changes.events.iter().filter(|told| told.aggregate.kind == AggregateKind::Entry)
        {
            self.aggregates.insert(event.aggregate, Counted { version: 1, recorded: 1 });
        }
        for entry in &changes.entries {
            self.entries.insert(entry.id());
            if let Some(pending) = entry.resolves() {
                self.resolutions.insert(pending, entry.id());
            }
        }
        if let Some(message) = &changes.message {
            self.messages.insert(message.clone(), changes.at);
        }
        if let Some(op) = &changes.receipt {
            let state = match &op.change {
                ReceiptChange::Begin => ReceiptState::InProgress,
                ReceiptChange::Answer(answer) | ReceiptChange::Fill(answer) => {
                    ReceiptState::Done(answer.clone())
                }
            };
            let begun_at = self.receipts.get(&op.key).map(|begun| begun.created_at);
            let created_at = begun_at.unwrap_or(changes.at);
            let receipt = Receipt { fingerprint: op.fingerprint, state, created_at };
            self.receipts.insert(op.key.clone(), receipt);
        }
    }

    fn set_claim(&mut self, seat: Seat, claim: Option<Claim>) -> Option<Claim> {
        match claim {
            Some(claim) => self.claims.insert(seat, claim),
            None => self.claims.remove(&seat),
        }
    }

    fn set_places(&mut self, pair: Pair, places: Vec<Place>) -> Option<Vec<Place>> {
        if places.is_empty() { self.places.remove(&pair) } else { self.places.insert(pair, places) }
    }

    fn roll_back(&mut self, undo: Undo) {
        for (seat, before) in undo.claims.into_iter().rev() {
            self.set_claim(seat, before);
        }
        for (pair, before) in undo.places.into_iter().rev() {
            self.set_places(pair, before.unwrap_or_default());
        }
    }
}

pub(super) fn owner_text(owner: ClaimOwner) -> String {
    match owner {
        ClaimOwner::Reservation(id) => format!("reservation {id}"),
        ClaimOwner::House => "the house".to_owned(),
    }
}

pub(super) fn claim_text(claim: Option<Claim>) -> String {
    let Some(Claim { owner, status }) = claim else { return "free".to_owned() };
    let owner = owner_text(owner);
    match status {
        ClaimStatus::Pending => format!("pending for {owner}"),
        ClaimStatus::Sold => format!("sold to {owner}"),
        ClaimStatus::House => format!("blocked by {owner}"),
    }
}
