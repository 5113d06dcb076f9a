//! The decision: which change sets of a batch are written and what each is answered.

use chrono::{DateTime, Utc};

use super::Answer;
use super::hope::Hopeful;
use super::overlay::{Change, Moved, Overlay, Saved};
use super::reads::ReadMode;
use super::rows::Lookup;
use super::writes::Writes;
use crate::aggregate::{AggregateKind, AggregateRef};
use crate::change_set::{
    AllowanceChange, ChangeSet, ClaimChange, ClaimOp, Receipt, ReceiptChange, ReceiptState,
};
use crate::error::{Fault, PortError};
use crate::id::PerformanceId;
use crate::ledger::AccountKey;
use crate::port::{CommitError, Committed};
use crate::seat::{Claim, ClaimOwner, ClaimStatus, SeatNo, Seats};

/// A batch cannot be decided without reading all its keys: something in it is refused or was answered
/// before, and an earlier answer of the list may apply.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the batch needs all its keys read")]
pub struct NeedsFullReads;

/// The answers of a batch and what is to be written.
#[derive(Debug)]
pub struct Decision {
    /// One per change set, in the order of the batch.
    pub answers: Vec<Answer>,
    /// The net effect of those that were accepted.
    pub writes: Writes,
}

/// Decides batches. Keeps its memory from one to the next, nothing else.
#[derive(Debug)]
pub struct Planner {
    partitions: u16,
    overlay: Overlay,
    sums: Vec<Sum>,
}

/// What one change set does to one account.
#[derive(Debug)]
struct Sum {
    account: AccountKey,
    amount: i128,
    stored: Option<i64>,
}

impl Planner {
    /// A planner for an outbox of this many partitions.
    pub fn new(partitions: u16) -> Self {
        Self { partitions, overlay: Overlay::default(), sums: Vec::new() }
    }

    /// Answers the change sets as if each were committed alone, one after another. The rows must be those
    /// of [`super::Reads::of`] the same batch in [`ReadMode::Full`].
    pub fn decide<L: Lookup + ?Sized>(&mut self, batch: &[ChangeSet], rows: &L) -> Decision {
        let (decision, _) = self.run(batch, rows, ReadMode::Full);
        decision
    }

    /// The same over the rows of [`ReadMode::Optimistic`].
    ///
    /// # Errors
    /// [`NeedsFullReads`]: the batch must be read in full and decided again.
    pub fn decide_optimistically<L: Lookup + ?Sized>(
        &mut self,
        batch: &[ChangeSet],
        rows: &L,
    ) -> Result<Decision, NeedsFullReads> {
        match self.run(batch, rows, ReadMode::Optimistic) {
            (decision, false) => Ok(decision),
            (_, true) => Err(NeedsFullReads),
        }
    }

    /// Decides, and says whether something was refused; an optimistic run ends there.
    fn run<L: Lookup + ?Sized>(
        &mut self,
        batch: &[ChangeSet],
        rows: &L,
        mode: ReadMode,
    ) -> (Decision, bool) {
        self.overlay.clear();
        let mut answers = Vec::with_capacity(batch.len());
        let mut writes = Writes::default();
        let mut refused = false;
        for (place, changes) in batch.iter().enumerate() {
            if self.is_committed(changes, rows) {
                answers.push(Ok(Committed::Done));
                continue;
            }
            let admitted = match mode {
                ReadMode::Full => self.admit_and_accept(changes, rows),
                ReadMode::Optimistic => {
                    let hopeful = Hopeful::new(rows, changes);
                    writes.guard(hopeful.guards(), &self.overlay);
                    self.admit_and_accept(changes, &hopeful)
                }
            };
            match admitted {
                Ok(()) => {
                    writes.tell(place, changes, self.partitions);
                    answers.push(Ok(Committed::Done));
                }
                Err(answer) => {
                    refused = true;
                    if mode == ReadMode::Optimistic {
                        break;
                    }
                    self.overlay.undo();
                    answers.push(*answer);
                }
            }
        }
        writes.collect(&mut self.overlay);
        (Decision { answers, writes }, refused)
    }

    fn is_committed<L: Lookup + ?Sized>(&self, changes: &ChangeSet, rows: &L) -> bool {
        self.overlay.ids.contains(&changes.id) || rows.is_committed(changes.id)
    }

    fn admit_and_accept<L: Lookup + ?Sized>(
        &mut self,
        changes: &ChangeSet,
        rows: &L,
    ) -> Result<(), Box<Answer>> {
        self.admit(changes, rows)?;
        self.accept(changes, rows);
        Ok(())
    }

    /// Goes through the answers in their order; the first that applies wins. Boxed, as refusals are
    /// rare and large.
    fn admit<L: Lookup + ?Sized>(
        &mut self,
        changes: &ChangeSet,
        rows: &L,
    ) -> Result<(), Box<Answer>> {
        self.check_receipt(changes, rows)?;
        self.check_message(changes, rows)?;
        self.check_versions(changes, rows)?;
        self.take_seats(changes, rows)?;
        self.take_allowances(changes, rows)?;
        self.check_resolutions(changes, rows)?;
        self.check_funds(changes, rows)
    }

    fn check_receipt<L: Lookup + ?Sized>(
        &self,
        changes: &ChangeSet,
        rows: &L,
    ) -> Result<(), Box<Answer>> {
        let Some(op) = &changes.receipt else { return Ok(()) };
        let Some(kept) = self.overlay.receipt(rows, &op.key) else { return Ok(()) };
        if kept.fingerprint != op.fingerprint {
            return refuse(CommitError::KeyReused);
        }
        match (&op.change, &kept.state) {
            (ReceiptChange::Fill(_), ReceiptState::InProgress) => Ok(()),
            (ReceiptChange::Begin | ReceiptChange::Answer(_), _)
            | (ReceiptChange::Fill(_), ReceiptState::Done(_)) => {
                Err(Box::new(Ok(Committed::Replayed(kept.state.clone()))))
            }
        }
    }

    fn check_message<L: Lookup + ?Sized>(
        &self,
        changes: &ChangeSet,
        rows: &L,
    ) -> Result<(), Box<Answer>> {
        match &changes.message {
            Some(message)
                if self.overlay.messages.contains_key(message) || rows.is_handled(message) =>
            {
                Err(Box::new(Ok(Committed::Duplicate(message.clone()))))
            }
            Some(_) | None => Ok(()),
        }
    }

    fn check_versions<L: Lookup + ?Sized>(
        &self,
        changes: &ChangeSet,
        rows: &L,
    ) -> Result<(), Box<Answer>> {
        let saved =
            changes.saves.iter().map(|save| (save.record.aggregate().reference(), save.expected));
        for (reference, expected) in saved.chain(changes.guards.iter().copied()) {
            if self.overlay.version(rows, reference) != expected {
                return refuse(CommitError::Conflict(reference));
            }
        }
        for (place, entry) in changes.entries.iter().enumerate() {
            let id = entry.id();
            let repeated = changes.entries[..place].iter().any(|before| before.id() == id);
            if repeated || self.overlay.entries.contains_key(&id) || rows.is_booked(id) {
                let kind = AggregateKind::Entry;
                return refuse(CommitError::Conflict(AggregateRef { kind, id: id.as_uuid() }));
            }
        }
        Ok(())
    }

    fn take_seats<L: Lookup + ?Sized>(
        &mut self,
        changes: &ChangeSet,
        rows: &L,
    ) -> Result<(), Box<Answer>> {
        let mut taken: Option<(PerformanceId, Vec<SeatNo>)> = None;
        for op in &changes.claims {
            for seat in op.seats.iter() {
                if !self.take_seat(rows, op, seat) {
                    let (first, seats) = taken.get_or_insert((op.performance, Vec::new()));
                    if *first == op.performance {
                        seats.push(seat);
                    }
                }
            }
        }
        let Some((_, mut seats)) = taken else { return Ok(()) };
        seats.sort_unstable();
        seats.dedup();
        // More than `Seats::MAX` taken seats are told in part: the caller learns enough to choose again.
        seats.truncate(Seats::MAX);
        match Seats::new(seats) {
            Ok(seats) => refuse(CommitError::SeatTaken(seats)),
            Err(error) => {
                let error = PortError::new("store", "commit", Fault::Permanent).because(error);
                refuse(CommitError::Port(error))
            }
        }
    }

    /// Does one seat's part of an operation; false if the seat stands in the way.
    fn take_seat<L: Lookup + ?Sized>(&mut self, rows: &L, op: &ClaimOp, seat: SeatNo) -> bool {
        let key = (op.performance, seat);
        let before = self.overlay.claim(rows, key);
        match op.change {
            ClaimChange::Claim(owner) => {
                if before.is_some() {
                    return false;
                }
                let status = match owner {
                    ClaimOwner::Reservation(_) => ClaimStatus::Pending,
                    ClaimOwner::House => ClaimStatus::House,
                };
                self.overlay.set_claim(key, before, Some(Claim { owner, status }));
                true
            }
            ClaimChange::Sell(reservation) => {
                let owner = ClaimOwner::Reservation(reservation);
                if before.is_none_or(|claim| claim.owner != owner) {
                    return false;
                }
                let sold = Claim { owner, status: ClaimStatus::Sold };
                self.overlay.set_claim(key, before, Some(sold));
                true
            }
            ClaimChange::Release(owner) => {
                if before.is_some_and(|claim| claim.owner == owner) {
                    self.overlay.set_claim(key, before, None);
                }
                true
            }
            ClaimChange::Vacant => before.is_none(),
        }
    }

    fn take_allowances<L: Lookup + ?Sized>(
        &mut self,
        changes: &ChangeSet,
        rows: &L,
    ) -> Result<(), Box<Answer>> {
        for op in &changes.allowances {
            let pair = (op.user, op.show);
            match op.change {
                AllowanceChange::Take { limit } => {
                    let wanted = (op.count, limit);
                    if !self.overlay.take_places(rows, pair, op.reservation, wanted) {
                        return refuse(CommitError::AllowanceExceeded { limit });
                    }
                }
                AllowanceChange::GiveBack => {
                    self.overlay.free_places(rows, pair, op.reservation, op.count);
                }
            }
        }
        Ok(())
    }

    fn check_resolutions<L: Lookup + ?Sized>(
        &self,
        changes: &ChangeSet,
        rows: &L,
    ) -> Result<(), Box<Answer>> {
        for (place, entry) in changes.entries.iter().enumerate() {
            let Some(pending) = entry.resolves() else { continue };
            let mut before = changes.entries[..place].iter();
            if before.any(|entry| entry.resolves() == Some(pending))
                || self.overlay.resolutions.contains_key(&pending)
                || rows.is_resolved(pending)
            {
                return refuse(CommitError::EntryResolved(pending));
            }
        }
        Ok(())
    }

    /// Sums the postings per account; a wallet counts by what the whole change set takes from it.
    fn check_funds<L: Lookup + ?Sized>(
        &mut self,
        changes: &ChangeSet,
        rows: &L,
    ) -> Result<(), Box<Answer>> {
        self.sums.clear();
        for (account, amount) in changes.entries.iter().flat_map(|entry| entry.lines()) {
            let amount = i128::from(amount);
            match self.sums.iter_mut().find(|sum| sum.account == account) {
                Some(sum) => sum.amount += amount,
                None => self.sums.push(Sum { account, amount, stored: None }),
            }
        }
        let mut overflow = false;
        for Sum { account, amount, stored } in &mut self.sums {
            let moved = self.overlay.accounts.get(account).map(|moved| (moved.stored, moved.net));
            let (before, net) = moved.unwrap_or_else(|| (rows.balance(account), 0));
            *stored = before;
            let net = i128::from(net) + *amount;
            let balance = i128::from(stored.unwrap_or(0)) + net;
            if account.account.is_checked() && *amount < 0 && balance < 0 {
                return refuse(CommitError::InsufficientFunds(*account));
            }
            overflow |= i64::try_from(net).is_err() || i64::try_from(balance).is_err();
        }
        if overflow {
            let error = PortError::new("store", "commit", Fault::Permanent)
                .because("a balance is out of range");
            return refuse(CommitError::Port(error));
        }
        Ok(())
    }

    /// Lays the rest of an admitted change set over the rows; seats and allowances are there already.
    fn accept<L: Lookup + ?Sized>(&mut self, changes: &ChangeSet, rows: &L) {
        let overlay = &mut self.overlay;
        overlay.keep();
        overlay.ids.insert(changes.id);
        overlay.ids_in_order.push((changes.id, changes.at));
        for save in &changes.saves {
            let aggregate = save.record.aggregate();
            let current = aggregate.root().version();
            let (record, at) = (save.record.clone(), changes.at);
            overlay
                .aggregates
                .entry(aggregate.reference())
                .and_modify(|saved| {
                    saved.current = current;
                    saved.record = record.clone();
                    saved.at = at;
                })
                .or_insert(Saved { stored: save.expected, current, record, at });
        }
        if let Some(op) = &changes.receipt {
            let stored = rows.receipt(&op.key);
            let state = match &op.change {
                ReceiptChange::Begin => ReceiptState::InProgress,
                ReceiptChange::Answer(answer) | ReceiptChange::Fill(answer) => {
                    ReceiptState::Done(answer.clone())
                }
            };
            let change = overlay
                .receipts
                .entry(op.key.clone())
                .or_insert_with(|| Change { stored: stored.cloned(), current: stored.cloned() });
            let created_at = first_commit(change.current.as_ref(), changes.at);
            let fingerprint = op.fingerprint;
            change.current = Some(Receipt { fingerprint, state, created_at });
        }
        if let Some(message) = &changes.message {
            overlay.messages.insert(message.clone(), changes.at);
        }
        for entry in &changes.entries {
            overlay.entries.insert(entry.id(), entry.clone());
            if let Some(pending) = entry.resolves() {
                overlay.resolutions.insert(pending, entry.id());
            }
        }
        for Sum { account, amount, stored } in self.sums.drain(..) {
            let untouched = Moved { stored, net: 0, debited: false };
            let moved = overlay.accounts.entry(account).or_insert(untouched);
            // In range: `check_funds` refused what is not.
            moved.net += i64::try_from(amount).unwrap_or(0);
            moved.debited |= amount < 0;
        }
    }
}

fn first_commit(kept: Option<&Receipt>, now: DateTime<Utc>) -> DateTime<Utc> {
    kept.map_or(now, |receipt| receipt.created_at)
}

fn refuse(error: CommitError) -> Result<(), Box<Answer>> {
    Err(Box::new(Err(error)))
}
