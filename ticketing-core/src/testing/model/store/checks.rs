//! What is looked at before anything is changed.

use super::{Checked, ModelStore, answered, refuse, unsound};
use crate::aggregate::{AggregateKind, AggregateRef, Version};
use crate::change_set::{ChangeSet, ReceiptChange, ReceiptState};
use crate::port::{CommitError, Committed};

/// What an aggregate told so far, in the order of the saves; an entry, in that of the events.
struct Told {
    of: AggregateRef,
    last: u64,
    /// Its last event came after those of others.
    is_resumed: bool,
}

impl Told {
    fn may_resume(&self) -> bool {
        self.of.kind == AggregateKind::Checkout && !self.is_resumed
    }
}

impl ModelStore {
    pub(super) fn check_receipt(&self, changes: &ChangeSet) -> Checked {
        let Some(op) = &changes.receipt else { return Ok(()) };
        let Some(kept) = self.receipts.get(&op.key) else { return Ok(()) };
        if kept.fingerprint != op.fingerprint {
            let text = format_args!("call {} was made before with another request", op.key);
            return refuse(CommitError::KeyReused, text);
        }
        let fills = match op.change {
            ReceiptChange::Fill(_) => kept.state == ReceiptState::InProgress,
            ReceiptChange::Begin | ReceiptChange::Answer(_) => false,
        };
        if fills {
            return Ok(());
        }
        let text = format_args!("call {} was answered before", op.key);
        answered(Committed::Replayed(kept.state.clone()), text)
    }

    pub(super) fn check_message(&self, changes: &ChangeSet) -> Checked {
        match &changes.message {
            Some(message) if self.messages.contains_key(message) => {
                let text = format_args!("message {message} was handled before");
                answered(Committed::Duplicate(message.clone()), text)
            }
            Some(_) | None => Ok(()),
        }
    }

    pub(super) fn check_versions(&self, changes: &ChangeSet) -> Checked {
        for save in &changes.saves {
            let aggregate = save.record.aggregate();
            self.check_version(aggregate.reference(), save.expected, "saved")?;
            let (from, to) = (save.expected, aggregate.root().version());
            if to != from + 1 {
                let of = aggregate.reference();
                return unsound(format_args!("{of} goes from version {from} to {to}"));
            }
        }
        changes.guards.iter().try_for_each(|&(of, at)| self.check_version(of, at, "guarded"))
    }

    fn check_version(&self, of: AggregateRef, loaded: Version, how: &str) -> Checked {
        let now = self.version(of);
        if now == loaded {
            return Ok(());
        }
        let text = format_args!("{of} is {how} at version {loaded}, it stands at {now}");
        refuse(CommitError::Conflict(of), text)
    }

    pub(super) fn check_entries(&self, changes: &ChangeSet) -> Checked {
        for (place, entry) in changes.entries.iter().enumerate() {
            let id = entry.id();
            if self.entries.contains(&id)
                || changes.entries[..place].iter().any(|before| before.id() == id)
            {
                let of = AggregateRef { kind: AggregateKind::Entry, id: id.as_uuid() };
                return refuse(CommitError::Conflict(of), format_args!("{of} is booked twice"));
            }
            // An entry is of one currency.
            let sum: i128 = entry.lines().map(|(_, amount)| i128::from(amount)).sum();
            if sum != 0 {
                return unsound(format_args!("the postings of entry {id} sum to {sum}"));
            }
        }
        Ok(())
    }

    /// The events of every saved aggregate go on from those it told before, up to those it recorded;
    /// nothing else tells any but an entry that is posted here. Events come in the order of saves, but for
    /// a checkout's last, which may come after what it led to.
    pub(super) fn check_events(&self, changes: &ChangeSet) -> Checked {
        let mut told: Vec<Told> = Vec::with_capacity(changes.saves.len());
        for events in changes.events.chunk_by(|one, next| one.aggregate == next.aggregate) {
            let of = events[0].aggregate;
            let resumed = told.iter_mut().find(|told| told.of == of);
            let before = resumed.as_ref().map_or_else(|| self.counted(of).recorded, |it| it.last);
            for (expected, event) in (before + 1..).zip(events) {
                if event.number != expected {
                    let got = event.number;
                    return unsound(format_args!("{of} tells event {got}, expected {expected}"));
                }
            }
            let last = before + events.len() as u64;
            let is_entry = of.kind == AggregateKind::Entry;
            match resumed {
                Some(first) if first.may_resume() && events.len() == 1 => {
                    (first.last, first.is_resumed) = (last, true);
                }
                Some(_) => {
                    let text = "tells more than a checkout's last event after those of others";
                    return unsound(format_args!("{of} {text}"));
                }
                None if is_entry && changes.entries.iter().all(|it| it.id().as_uuid() != of.id) => {
                    return unsound(format_args!("{of} tells an event and is not posted"));
                }
                None => told.push(Told { of, last, is_resumed: false }),
            }
        }
        let mut told =
            told.into_iter().filter(|told| told.of.kind != AggregateKind::Entry).peekable();
        for saved in changes.saves.iter().map(|save| save.record.aggregate()) {
            let (of, recorded) = (saved.reference(), saved.root().recorded());
            let here = told.next_if(|told| told.of == of);
            let last = here.map_or_else(|| self.counted(of).recorded, |told| told.last);
            if last != recorded {
                return unsound(format_args!("{of} tells {last} of {recorded} recorded events"));
            }
        }
        match told.next() {
            Some(Told { of, .. }) => unsound(format_args!("{of} tells an event and is not saved")),
            None => Ok(()),
        }
    }

    pub(super) fn check_resolutions(&self, changes: &ChangeSet) -> Checked {
        for (place, entry) in changes.entries.iter().enumerate() {
            let Some(pending) = entry.resolves() else { continue };
            let mut before = changes.entries[..place].iter();
            if self.resolutions.contains_key(&pending)
                || before.any(|before| before.resolves() == Some(pending))
            {
                let text = format_args!("entry {} resolves {pending} again", entry.id());
                return refuse(CommitError::EntryResolved(pending), text);
            }
        }
        Ok(())
    }
}
