//! What aggregates say, held against each other and against the rows, as each change set is written.

mod money;
mod sales;
#[cfg(test)]
mod tests;

use std::collections::BTreeSet;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use rustc_hash::FxHashMap;

use super::store::{ModelStore, Seat, Violation};
use crate::change_set::{ChangeSet, Record};
use crate::id::{PaymentId, PerformanceId, RefundId, ReservationId};
use crate::payment::Payment;
use crate::performance::Performance;
use crate::refund::Refund;
use crate::reservation::Reservation;
use crate::ticket::Ticket;
use money::Flow;

/// What the domain allows, whatever a use case decided: the checks of [`verify`](crate::verify) that one
/// change set can break, made at that change set.
///
/// [`ModelStore`] knows what a store may write and looks into no aggregate; this looks into them. It keeps
/// the last of each as the change set brought it, shared with the store. A check costs what the change set
/// touches.
#[derive(Clone, Debug, Default)]
pub struct DomainModel {
    performances: FxHashMap<PerformanceId, Arc<Performance>>,
    reservations: FxHashMap<ReservationId, Arc<Reservation>>,
    /// Those that are pending or confirmed.
    live: BTreeSet<(PerformanceId, ReservationId)>,
    payments: FxHashMap<PaymentId, Arc<Payment>>,
    refunds: FxHashMap<RefundId, Arc<Refund>>,
    /// What the entries say of the money of a payment.
    flows: FxHashMap<PaymentId, Flow>,
    /// Those that are not void.
    tickets: FxHashMap<Seat, Arc<Ticket>>,
}

/// What is wrong, in words that name what it is about.
type Checked = Result<(), String>;

fn must(holds: bool, text: impl FnOnce() -> String) -> Checked {
    if holds { Ok(()) } else { Err(text()) }
}

/// What a record said before a change set.
enum Before {
    Nothing,
    Performance(Arc<Performance>),
    Reservation(Arc<Reservation>),
    Payment(Arc<Payment>),
    Refund(Arc<Refund>),
    Ticket(Arc<Ticket>),
}

impl DomainModel {
    /// Of an empty store.
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes a change set that a store wrote and that `rows` has just accepted.
    ///
    /// # Errors
    /// [`Violation`] if the domain forbids what was written; the model is of no use then.
    pub fn must_fit(&mut self, rows: &ModelStore, changes: &ChangeSet) -> Result<(), Violation> {
        let violation = |text: String| Violation { change_set: changes.id(), text };
        self.take(rows, changes).map_err(violation)
    }

    fn take(&mut self, rows: &ModelStore, changes: &ChangeSet) -> Checked {
        let before: Vec<Before> =
            changes.saves.iter().map(|save| self.replace(&save.record)).collect();
        for entry in &changes.entries {
            self.book(entry, changes)?;
        }
        for (save, before) in changes.saves.iter().zip(&before) {
            if let (Record::Payment(now), Before::Payment(before)) = (&save.record, before) {
                self.take_back(before, now);
            }
        }
        for (save, before) in changes.saves.iter().zip(before) {
            self.check(rows, (&save.record, before), changes.at)?;
        }
        Ok(())
    }

    fn replace(&mut self, record: &Record) -> Before {
        match record {
            Record::Venue(_) | Record::Show(_) | Record::Checkout(_) => Before::Nothing,
            Record::Performance(now) => {
                let before = self.performances.insert(now.id(), Arc::clone(now));
                before.map_or(Before::Nothing, Before::Performance)
            }
            Record::Reservation(now) => {
                let key = (now.performance(), now.id());
                if sales::is_live(now) {
                    self.live.insert(key);
                } else {
                    self.live.remove(&key);
                }
                let before = self.reservations.insert(now.id(), Arc::clone(now));
                before.map_or(Before::Nothing, Before::Reservation)
            }
            Record::Payment(now) => {
                let before = self.payments.insert(now.id(), Arc::clone(now));
                before.map_or(Before::Nothing, Before::Payment)
            }
            Record::Refund(now) => {
                let before = self.refunds.insert(now.id(), Arc::clone(now));
                self.flows.entry(now.payment()).or_default().refund(before.as_deref(), now);
                before.map_or(Before::Nothing, Before::Refund)
            }
            Record::Ticket(now) => {
                let before = self.replace_ticket(now);
                before.map_or(Before::Nothing, Before::Ticket)
            }
        }
    }

    fn check(
        &self,
        rows: &ModelStore,
        (record, before): (&Record, Before),
        at: DateTime<Utc>,
    ) -> Checked {
        match (record, before) {
            (Record::Performance(now), Before::Performance(before)) => {
                self.performance(&before, now)
            }
            (Record::Reservation(now), Before::Reservation(before)) => {
                self.reservation_moved(&before, now, at)?;
                self.reservation(rows, now)
            }
            (Record::Reservation(now), _) => {
                self.reservation_made(rows, now, at)?;
                self.reservation(rows, now)
            }
            (Record::Payment(now), Before::Payment(before)) => {
                self.payment_moved(&before, now, at)?;
                self.payment(now)
            }
            (Record::Payment(now), _) => self.payment(now),
            (Record::Refund(now), Before::Refund(before)) => self.refund_moved(&before, now, at),
            (Record::Refund(now), _) => self.refund_requested(now),
            (Record::Ticket(now), Before::Ticket(before)) => self.ticket(Some(&before), now),
            (Record::Ticket(now), _) => self.ticket(None, now),
            (
                Record::Venue(_) | Record::Show(_) | Record::Performance(_) | Record::Checkout(_),
                _,
            ) => Ok(()),
        }
    }
}
