//! What the steps are about: a few performances and users, and all that was committed of them.

use std::sync::Arc;

use chrono::{DateTime, SubsecRound, TimeDelta, Utc};
use uuid::Uuid;

use super::dice::id;
use super::step::{Guarded, Made, PERFORMANCES, Pick, SHOWS, USERS};
use crate::aggregate::Aggregate;
use crate::change_set::{ChangeSet, MessageKey, ReceiptKey, Record};
use crate::checkout::Checkout;
use crate::id::{PerformanceId, ReservationId, ShowId, UserId};
use crate::label::Label;
use crate::ledger::{EntryKind, JournalEntry};
use crate::payment::Payment;
use crate::performance::Performance;
use crate::refund::Refund;
use crate::reservation::Reservation;
use crate::show::Show;
use crate::ticket::Ticket;
use crate::venue::Venue;

/// One aggregate in every version that was committed, oldest first; never empty.
#[derive(Clone, Debug)]
pub(super) struct Versions<T>(Vec<T>);

impl<T> Versions<T> {
    pub(super) fn latest(&self) -> &T {
        self.0.last().expect("a first version")
    }

    fn seen_by(&self, pick: Pick) -> &T {
        let back = usize::from(pick.stale).min(self.0.len() - 1);
        &self.0[self.0.len() - 1 - back]
    }
}

/// What is there, in the order in which it came.
#[derive(Clone, Debug)]
pub(super) struct World {
    pub(super) seed: u64,
    base: DateTime<Utc>,
    pub(super) performances: [PerformanceId; PERFORMANCES],
    pub(super) shows: [ShowId; SHOWS],
    pub(super) users: [UserId; USERS],
    pub(super) reservations: Vec<Versions<Reservation>>,
    pub(super) checkouts: Vec<Versions<Checkout>>,
    pub(super) tickets: Vec<Versions<Ticket>>,
    pub(super) payments: Vec<Versions<Payment>>,
    pub(super) refunds: Vec<Versions<Refund>>,
    pub(super) venues: Vec<Versions<Venue>>,
    pub(super) shown: Vec<Versions<Show>>,
    pub(super) scheduled: Vec<Versions<Performance>>,
    pub(super) entries: Vec<Arc<JournalEntry>>,
    /// The change set of every step that sent one.
    sent: Vec<(u32, ChangeSet)>,
    pub(super) receipt_keys: Vec<u32>,
}

impl World {
    /// A world in which nothing happened, as the seed says, at about `now`.
    pub(super) fn new(seed: u64, now: DateTime<Utc>) -> Self {
        let id = |n: usize| id(seed, 0, u8::try_from(n).unwrap_or(u8::MAX));
        let from = |first: usize| move |n: usize| id(first + n);
        Self {
            seed,
            base: now.trunc_subsecs(0),
            performances: std::array::from_fn(from(0)).map(PerformanceId::from_uuid),
            shows: std::array::from_fn(from(20)).map(ShowId::from_uuid),
            users: std::array::from_fn(from(40)).map(UserId::from_uuid),
            reservations: Vec::new(),
            checkouts: Vec::new(),
            tickets: Vec::new(),
            payments: Vec::new(),
            refunds: Vec::new(),
            venues: Vec::new(),
            shown: Vec::new(),
            scheduled: Vec::new(),
            entries: Vec::new(),
            sent: Vec::new(),
            receipt_keys: Vec::new(),
        }
    }

    /// When a step decides: a minute after the one before it, so that deadlines come and go.
    pub(super) fn at(&self, step: u32) -> DateTime<Utc> {
        self.base + TimeDelta::minutes(step.into())
    }

    pub(super) fn id(&self, step: u32, n: u8) -> Uuid {
        id(self.seed, step, n)
    }

    pub(super) const fn show_of(&self, performance: usize) -> ShowId {
        self.shows[performance % SHOWS]
    }

    /// The reservation that is meant, as it was loaded.
    pub(super) fn reservation(&self, pick: Pick) -> Option<&Reservation> {
        loaded(&self.reservations, pick)
    }

    pub(super) fn checkout(&self, pick: Pick) -> Option<&Checkout> {
        loaded(&self.checkouts, pick)
    }

    pub(super) fn ticket(&self, pick: Pick) -> Option<&Ticket> {
        loaded(&self.tickets, pick)
    }

    pub(super) fn entry(&self, pick: Pick) -> Option<&JournalEntry> {
        picked(&self.entries, pick).map(|entry| &**entry)
    }

    /// One of the entries that set points aside.
    pub(super) fn set_aside(&self, pick: Pick) -> Option<&JournalEntry> {
        let pending = |entry: &&Arc<JournalEntry>| entry.kind() == EntryKind::PointsReserved;
        let pending: Vec<_> = self.entries.iter().filter(pending).collect();
        picked(&pending, pick).map(|entry| &***entry)
    }

    pub(super) fn guarded(&self, what: Guarded, pick: Pick) -> Option<&dyn Aggregate> {
        fn of<T: Aggregate>(all: &[Versions<T>], pick: Pick) -> Option<&dyn Aggregate> {
            Some(loaded(all, pick)?)
        }
        match what {
            Guarded::Made(Made::Venue) => of(&self.venues, pick),
            Guarded::Made(Made::Show) => of(&self.shown, pick),
            Guarded::Made(Made::Performance) => of(&self.scheduled, pick),
            Guarded::Reservation => of(&self.reservations, pick),
            Guarded::Checkout => of(&self.checkouts, pick),
            Guarded::Payment => of(&self.payments, pick),
            Guarded::Refund => of(&self.refunds, pick),
            Guarded::Ticket => of(&self.tickets, pick),
        }
    }

    /// The owner that a pick means; one that has no reservation, if there is none yet.
    pub(super) fn owner(&self, pick: Pick) -> ReservationId {
        let nobody = ReservationId::from_uuid(self.id(0, 99));
        self.reservation(pick).map_or(nobody, Reservation::id)
    }

    pub(super) fn message(n: u32) -> MessageKey {
        MessageKey { consumer: label("model"), id: label(&format!("message-{n}")) }
    }

    pub(super) fn receipt_key(&self, n: u32) -> ReceiptKey {
        let caller = self.users[n as usize % USERS];
        ReceiptKey { caller, operation: label("reserve"), key: label(&format!("key-{n}")) }
    }

    /// The change set that an earlier step sent.
    pub(super) fn sent(&self, step: u32) -> Option<&ChangeSet> {
        self.sent.iter().find(|(number, _)| *number == step).map(|(_, changes)| changes)
    }

    pub(super) fn send(&mut self, step: u32, changes: &ChangeSet) {
        self.sent.push((step, changes.clone()));
    }

    /// A change set was written.
    pub(super) fn accepted(&mut self, changes: &ChangeSet) {
        for record in changes.records() {
            match record {
                Record::Reservation(saved) => saved_in(&mut self.reservations, saved),
                Record::Checkout(saved) => saved_in(&mut self.checkouts, saved),
                Record::Ticket(saved) => saved_in(&mut self.tickets, saved),
                Record::Venue(saved) => saved_in(&mut self.venues, saved),
                Record::Show(saved) => saved_in(&mut self.shown, saved),
                Record::Performance(saved) => saved_in(&mut self.scheduled, saved),
                Record::Payment(saved) => saved_in(&mut self.payments, saved),
                Record::Refund(saved) => saved_in(&mut self.refunds, saved),
            }
        }
        self.entries.extend(changes.entries().iter().cloned());
    }
}

fn saved_in<T: Aggregate + Clone>(all: &mut Vec<Versions<T>>, saved: &T) {
    let of = saved.reference();
    match all.iter_mut().find(|versions| versions.latest().reference() == of) {
        Some(versions) => versions.0.push(saved.clone()),
        None => all.push(Versions(vec![saved.clone()])),
    }
}

/// The one that is meant, as it was loaded.
pub(super) fn loaded<T>(all: &[Versions<T>], pick: Pick) -> Option<&T> {
    picked(all, pick).map(|versions| versions.seen_by(pick))
}

/// One of a list, counted from its end.
fn picked<T>(all: &[T], pick: Pick) -> Option<&T> {
    let place = pick.back.checked_rem(all.len())?;
    all.iter().nth_back(place)
}

pub(super) fn label<const MAX: usize>(text: &str) -> Label<MAX> {
    Label::new(text).expect("a short text")
}
