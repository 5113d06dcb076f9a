//! The aggregates, with the indexes that the lists need.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use chrono::{DateTime, Utc};

use super::tables::Stored;
use crate::aggregate::{Aggregate, AggregateKind, AggregateRef, Version};
use crate::change_set::Record;
use crate::checkout::Checkout;
use crate::id::{
    CheckoutId, PaymentId, PerformanceId, RefundId, ReservationId, SellerId, ShowId, TicketId,
    UserId, VenueId,
};
use crate::payment::Payment;
use crate::performance::Performance;
use crate::refund::Refund;
use crate::reservation::{Reservation, ReservationState};
use crate::seat::SeatNo;
use crate::show::Show;
use crate::ticket::Ticket;
use crate::venue::Venue;

/// Aggregates of one kind in the order of ids.
pub(super) type Table<K, T> = BTreeMap<K, Stored<T>>;

/// All aggregates.
#[derive(Debug, Default)]
pub(super) struct Records {
    pub(super) venues: Table<VenueId, Venue>,
    pub(super) shows: Table<ShowId, Show>,
    pub(super) performances: Table<PerformanceId, Performance>,
    pub(super) reservations: Table<ReservationId, Reservation>,
    pub(super) checkouts: Table<CheckoutId, Checkout>,
    pub(super) payments: Table<PaymentId, Payment>,
    pub(super) refunds: Table<RefundId, Refund>,
    pub(super) tickets: Table<TicketId, Ticket>,
    pub(super) shows_of_seller: BTreeSet<(SellerId, ShowId)>,
    pub(super) performances_of_show: BTreeSet<(ShowId, PerformanceId)>,
    pub(super) cancelled: BTreeSet<PerformanceId>,
    pub(super) reservations_of_user: BTreeSet<(UserId, ReservationId)>,
    pub(super) live_of_performance: BTreeSet<(PerformanceId, ReservationId)>,
    pub(super) due: BTreeSet<(DateTime<Utc>, ReservationId)>,
    pub(super) checkouts_of_reservation: BTreeSet<(ReservationId, CheckoutId)>,
    pub(super) stalled: BTreeSet<(DateTime<Utc>, CheckoutId)>,
    pub(super) payments_of_reservation: BTreeSet<(ReservationId, PaymentId)>,
    pub(super) unsettled: BTreeSet<(DateTime<Utc>, PaymentId)>,
    pub(super) to_close: BTreeSet<PaymentId>,
    pub(super) refunds_of_payment: BTreeSet<(PaymentId, RefundId)>,
    pub(super) due_refunds: BTreeSet<(DateTime<Utc>, RefundId)>,
    pub(super) tickets_of_reservation: BTreeSet<(ReservationId, SeatNo, TicketId)>,
    pub(super) tickets_of_user: BTreeSet<(UserId, TicketId)>,
}

fn version<K: Ord, T: Aggregate>(table: &Table<K, T>, id: &K) -> Version {
    table.get(id).map_or(0, |stored| stored.record.root().version())
}

/// Moves an index entry from where it stood to where it stands.
fn moved<K: Ord>(index: &mut BTreeSet<K>, before: Option<K>, now: Option<K>) {
    if before == now {
        return;
    }
    if let Some(before) = before {
        index.remove(&before);
    }
    if let Some(now) = now {
        index.insert(now);
    }
}

fn live_key(of: &Reservation) -> Option<(PerformanceId, ReservationId)> {
    match of.state() {
        ReservationState::Pending | ReservationState::Confirmed { .. } => {
            Some((of.performance(), of.id()))
        }
        ReservationState::Cancelled { .. }
        | ReservationState::Expired
        | ReservationState::Refunded { .. } => None,
    }
}

fn due_key(of: &Reservation) -> Option<(DateTime<Utc>, ReservationId)> {
    of.is_pending().then(|| (of.expires_at(), of.id()))
}

fn stalled_key(of: &Checkout) -> Option<(DateTime<Utc>, CheckoutId)> {
    of.is_live().then(|| (of.moved_at(), of.id()))
}

fn unsettled_key(of: &Payment) -> Option<(DateTime<Utc>, PaymentId)> {
    of.is_unsettled().then(|| (of.asked_at(), of.id()))
}

fn to_close_key(of: &Payment) -> Option<PaymentId> {
    of.needs_closing().then(|| of.id())
}

fn due_refund_key(of: &Refund) -> Option<(DateTime<Utc>, RefundId)> {
    of.is_open().then(|| (of.next_try_at(), of.id()))
}

fn cancelled_key(of: &Performance) -> Option<PerformanceId> {
    (of.is_cancelled() && !of.is_wound_up()).then(|| of.id())
}

impl Records {
    /// The version of an aggregate; 0 if it is missing. A journal entry has none.
    pub(super) fn version(&self, of: AggregateRef) -> Version {
        match of.kind {
            AggregateKind::Venue => version(&self.venues, &VenueId::from_uuid(of.id)),
            AggregateKind::Show => version(&self.shows, &ShowId::from_uuid(of.id)),
            AggregateKind::Performance => {
                version(&self.performances, &PerformanceId::from_uuid(of.id))
            }
            AggregateKind::Reservation => {
                version(&self.reservations, &ReservationId::from_uuid(of.id))
            }
            AggregateKind::Checkout => version(&self.checkouts, &CheckoutId::from_uuid(of.id)),
            AggregateKind::Payment => version(&self.payments, &PaymentId::from_uuid(of.id)),
            AggregateKind::Refund => version(&self.refunds, &RefundId::from_uuid(of.id)),
            AggregateKind::Ticket => version(&self.tickets, &TicketId::from_uuid(of.id)),
            AggregateKind::Entry => 0,
        }
    }

    /// Inserts or replaces an aggregate.
    pub(super) fn save(&mut self, record: Record, saved_at: DateTime<Utc>) {
        match record {
            Record::Venue(record) => {
                self.venues.insert(record.id(), Stored { record, saved_at });
            }
            Record::Show(record) => self.save_show(&record, saved_at),
            Record::Performance(record) => self.save_performance(&record, saved_at),
            Record::Reservation(record) => self.save_reservation(&record, saved_at),
            Record::Checkout(record) => self.save_checkout(&record, saved_at),
            Record::Payment(record) => self.save_payment(&record, saved_at),
            Record::Refund(record) => self.save_refund(&record, saved_at),
            Record::Ticket(record) => self.save_ticket(&record, saved_at),
        }
    }

    fn save_show(&mut self, record: &Arc<Show>, saved_at: DateTime<Utc>) {
        let now = (record.seller(), record.id());
        let stored = Stored { record: Arc::clone(record), saved_at };
        let before = self.shows.insert(record.id(), stored);
        let before = before.map(|old| (old.record.seller(), old.record.id()));
        moved(&mut self.shows_of_seller, before, Some(now));
    }

    fn save_performance(&mut self, record: &Arc<Performance>, saved_at: DateTime<Utc>) {
        let stored = Stored { record: Arc::clone(record), saved_at };
        let old = self.performances.insert(record.id(), stored).map(|old| old.record);
        let before = old.as_ref().map(|old| (old.show(), old.id()));
        moved(&mut self.performances_of_show, before, Some((record.show(), record.id())));
        let before = old.as_deref().and_then(cancelled_key);
        moved(&mut self.cancelled, before, cancelled_key(record));
    }

    fn save_reservation(&mut self, record: &Arc<Reservation>, saved_at: DateTime<Utc>) {
        let stored = Stored { record: Arc::clone(record), saved_at };
        let old = self.reservations.insert(record.id(), stored).map(|old| old.record);
        let before = old.as_ref().map(|old| (old.user(), old.id()));
        moved(&mut self.reservations_of_user, before, Some((record.user(), record.id())));
        let before = old.as_deref().and_then(live_key);
        moved(&mut self.live_of_performance, before, live_key(record));
        let before = old.as_deref().and_then(due_key);
        moved(&mut self.due, before, due_key(record));
    }

    fn save_checkout(&mut self, record: &Arc<Checkout>, saved_at: DateTime<Utc>) {
        let stored = Stored { record: Arc::clone(record), saved_at };
        let old = self.checkouts.insert(record.id(), stored).map(|old| old.record);
        let before = old.as_ref().map(|old| (old.reservation(), old.id()));
        let now = Some((record.reservation(), record.id()));
        moved(&mut self.checkouts_of_reservation, before, now);
        let before = old.as_deref().and_then(stalled_key);
        moved(&mut self.stalled, before, stalled_key(record));
    }

    fn save_payment(&mut self, record: &Arc<Payment>, saved_at: DateTime<Utc>) {
        let stored = Stored { record: Arc::clone(record), saved_at };
        let old = self.payments.insert(record.id(), stored).map(|old| old.record);
        let before = old.as_ref().map(|old| (old.reservation(), old.id()));
        let now = Some((record.reservation(), record.id()));
        moved(&mut self.payments_of_reservation, before, now);
        let before = old.as_deref().and_then(unsettled_key);
        moved(&mut self.unsettled, before, unsettled_key(record));
        let before = old.as_deref().and_then(to_close_key);
        moved(&mut self.to_close, before, to_close_key(record));
    }

    fn save_refund(&mut self, record: &Arc<Refund>, saved_at: DateTime<Utc>) {
        let stored = Stored { record: Arc::clone(record), saved_at };
        let old = self.refunds.insert(record.id(), stored).map(|old| old.record);
        let before = old.as_ref().map(|old| (old.payment(), old.id()));
        moved(&mut self.refunds_of_payment, before, Some((record.payment(), record.id())));
        let before = old.as_deref().and_then(due_refund_key);
        moved(&mut self.due_refunds, before, due_refund_key(record));
    }

    fn save_ticket(&mut self, record: &Arc<Ticket>, saved_at: DateTime<Utc>) {
        let stored = Stored { record: Arc::clone(record), saved_at };
        let old = self.tickets.insert(record.id(), stored).map(|old| old.record);
        let before = old.as_ref().map(|old| (old.reservation(), old.seat(), old.id()));
        let now = Some((record.reservation(), record.seat(), record.id()));
        moved(&mut self.tickets_of_reservation, before, now);
        let before = old.as_ref().map(|old| (old.user(), old.id()));
        moved(&mut self.tickets_of_user, before, Some((record.user(), record.id())));
    }
}
