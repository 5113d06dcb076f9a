//! The outbox reader, and everything page by page.

use std::ops::Bound;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::records::Table;
use super::{MemoryStore, page};
use crate::aggregate::{Aggregate, AggregateKind, AggregateRef};
use crate::checkout::Checkout;
use crate::error::PortError;
use crate::id::{
    CheckoutId, EntryId, PaymentId, PerformanceId, RefundId, ReservationId, ShowId, TicketId,
    UserId, VenueId,
};
use crate::label::Label;
use crate::ledger::{AccountKey, JournalEntry};
use crate::page::{Limit, Page, PageRequest};
use crate::payment::Payment;
use crate::performance::Performance;
use crate::port;
use crate::port::{
    AllowanceRow, BalanceRow, ClaimRow, EventCount, OutboxError, OutboxLease, OutboxRow,
};
use crate::refund::Refund;
use crate::reservation::Reservation;
use crate::seat::SeatNo;
use crate::ticket::Ticket;

#[async_trait]
impl port::OutboxReader for MemoryStore {
    async fn partitions(&self) -> Result<u16, PortError> {
        Ok(self.tables().outbox.partitions())
    }

    async fn lease(
        &self,
        partition: u16,
        owner: Label<64>,
        ttl: Duration,
    ) -> Result<Option<OutboxLease>, OutboxError> {
        let now = self.now();
        let expires_at =
            chrono::TimeDelta::from_std(ttl).ok().and_then(|ttl| now.checked_add_signed(ttl));
        let expires_at = expires_at.unwrap_or(DateTime::<Utc>::MAX_UTC);
        self.tables().outbox.lease(partition, owner, now, expires_at)
    }

    async fn give_up(&self, lease: OutboxLease) -> Result<(), OutboxError> {
        self.tables().outbox.give_up(&lease)
    }

    async fn read(&self, lease: OutboxLease, limit: Limit) -> Result<Vec<OutboxRow>, OutboxError> {
        self.tables().outbox.read(&lease, limit.get())
    }

    async fn advance(&self, lease: OutboxLease, sequence: u64) -> Result<(), OutboxError> {
        self.tables().outbox.advance(&lease, sequence)
    }

    async fn drop_published(
        &self,
        partition: u16,
        before: DateTime<Utc>,
        limit: Limit,
    ) -> Result<usize, OutboxError> {
        self.tables().outbox.drop_published(partition, before, limit.get())
    }

    async fn waiting(&self) -> Result<u64, PortError> {
        Ok(self.tables().outbox.waiting())
    }
}

/// A page of a map: what `item` makes of each key and value.
macro_rules! rows {
    ($self:ident, $page:ident, |$tables:ident| $map:expr, $key:ty, $item:expr) => {{
        let after = page::after::<$key>(&$page)?;
        let $tables = $self.tables();
        let start = after.map_or(Bound::Unbounded, Bound::Excluded);
        let rows = $map.range((start, Bound::Unbounded));
        Ok(page::take(&$page, rows.map(|(key, value)| (*key, $item(key, value)))))
    }};
}

fn copy<K, T: Clone>(_: &K, stored: &super::Stored<T>) -> T {
    T::clone(&stored.record)
}

/// The event counts of one table after an aggregate.
fn counts<K: Ord + Copy, T: Aggregate>(
    table: &Table<K, T>,
    kind: AggregateKind,
    after: Option<AggregateRef>,
    id: impl Fn(Uuid) -> K,
) -> impl Iterator<Item = EventCount> + '_ {
    let start = match after {
        Some(last) if last.kind > kind => None,
        Some(last) if last.kind == kind => Some(Bound::Excluded(id(last.id))),
        Some(_) | None => Some(Bound::Unbounded),
    };
    start.into_iter().flat_map(move |start| {
        table.range((start, Bound::Unbounded)).map(|(_, stored)| EventCount {
            aggregate: stored.record.reference(),
            recorded: stored.record.root().recorded(),
            saved_at: Some(stored.saved_at),
        })
    })
}

#[async_trait]
impl port::Inspect for MemoryStore {
    async fn claims(&self, page: PageRequest) -> Result<Page<ClaimRow>, PortError> {
        let after = page::after::<(PerformanceId, SeatNo)>(&page)?;
        let tables = self.tables();
        let rows = tables.claims.after(after).map(|(performance, seat, claim)| {
            ((performance, seat), ClaimRow { performance, seat, claim })
        });
        Ok(page::take(&page, rows))
    }

    async fn allowances(&self, page: PageRequest) -> Result<Page<AllowanceRow>, PortError> {
        let after = page::after::<(UserId, ShowId, u16)>(&page)?;
        let tables = self.tables();
        let start = after.map_or(Bound::Unbounded, |(user, show, _)| Bound::Included((user, show)));
        let rows = tables
            .allowances
            .range((start, Bound::Unbounded))
            .flat_map(|(&(user, show), slots)| {
                slots.iter().map(move |&(slot, reservation)| {
                    ((user, show, slot), AllowanceRow { user, show, slot, reservation })
                })
            })
            .skip_while(|(key, _)| after.is_some_and(|after| *key <= after));
        Ok(page::take(&page, rows))
    }

    async fn performances(&self, page: PageRequest) -> Result<Page<Arc<Performance>>, PortError> {
        let item =
            |_: &PerformanceId, stored: &super::Stored<Performance>| Arc::clone(&stored.record);
        rows!(self, page, |tables| tables.records.performances, PerformanceId, item)
    }

    async fn reservations(&self, page: PageRequest) -> Result<Page<Reservation>, PortError> {
        rows!(self, page, |tables| tables.records.reservations, ReservationId, copy)
    }

    async fn checkouts(&self, page: PageRequest) -> Result<Page<Checkout>, PortError> {
        rows!(self, page, |tables| tables.records.checkouts, CheckoutId, copy)
    }

    async fn payments(&self, page: PageRequest) -> Result<Page<Payment>, PortError> {
        rows!(self, page, |tables| tables.records.payments, PaymentId, copy)
    }

    async fn refunds(&self, page: PageRequest) -> Result<Page<Refund>, PortError> {
        rows!(self, page, |tables| tables.records.refunds, RefundId, copy)
    }

    async fn tickets(&self, page: PageRequest) -> Result<Page<Ticket>, PortError> {
        rows!(self, page, |tables| tables.records.tickets, TicketId, copy)
    }

    async fn entries(&self, page: PageRequest) -> Result<Page<Arc<JournalEntry>>, PortError> {
        let item = |_: &EntryId, entry: &Arc<JournalEntry>| Arc::clone(entry);
        rows!(self, page, |tables| tables.books.entries, EntryId, item)
    }

    async fn resolutions(&self, page: PageRequest) -> Result<Page<(EntryId, EntryId)>, PortError> {
        let item = |pending: &EntryId, by: &EntryId| (*pending, *by);
        rows!(self, page, |tables| tables.books.resolutions, EntryId, item)
    }

    async fn balances(&self, page: PageRequest) -> Result<Page<BalanceRow>, PortError> {
        let after = page::after::<AccountKey>(&page)?;
        let tables = self.tables();
        let rows = tables
            .books
            .after(after)
            .map(|(account, book)| (account, BalanceRow { account, amount: book.balance }));
        Ok(page::take(&page, rows))
    }

    async fn outbox(&self, page: PageRequest) -> Result<Page<OutboxRow>, PortError> {
        let after = page::after::<(u16, u64)>(&page)?;
        let tables = self.tables();
        let rows = tables.outbox.after(after);
        Ok(page::take(&page, rows.map(|row| ((row.partition, row.sequence), row.clone()))))
    }

    async fn event_counts(&self, page: PageRequest) -> Result<Page<EventCount>, PortError> {
        use AggregateKind as Kind;
        let after = page::after::<AggregateRef>(&page)?;
        let tables = self.tables();
        let all = &tables.records;
        let telling = tables.books.telling.iter().map(|(id, at)| EventCount {
            aggregate: AggregateRef { kind: Kind::Entry, id: id.as_uuid() },
            recorded: 1,
            saved_at: Some(*at),
        });
        let rows = counts(&all.venues, Kind::Venue, after, VenueId::from_uuid)
            .chain(counts(&all.shows, Kind::Show, after, ShowId::from_uuid))
            .chain(counts(&all.performances, Kind::Performance, after, PerformanceId::from_uuid))
            .chain(counts(&all.reservations, Kind::Reservation, after, ReservationId::from_uuid))
            .chain(counts(&all.checkouts, Kind::Checkout, after, CheckoutId::from_uuid))
            .chain(counts(&all.payments, Kind::Payment, after, PaymentId::from_uuid))
            .chain(counts(&all.refunds, Kind::Refund, after, RefundId::from_uuid))
            .chain(counts(&all.tickets, Kind::Ticket, after, TicketId::from_uuid))
            .chain(telling.filter(|count| after.is_none_or(|after| count.aggregate > after)));
        Ok(page::take(&page, rows.map(|count| (count.aggregate, count))))
    }
}
