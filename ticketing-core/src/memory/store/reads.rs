//! The read ports.

use std::ops::Bound;
use std::sync::Arc;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::{MemoryStore, page};
use crate::change_set::{Receipt, ReceiptKey};
use crate::checkout::Checkout;
use crate::error::PortError;
use crate::flush::Lookup;
use crate::id::{
    CheckoutId, EntryId, PaymentId, PerformanceId, RefundId, ReservationId, SellerId, ShowId,
    TicketId, UserId, VenueId,
};
use crate::ledger::{AccountKey, JournalEntry};
use crate::page::{Limit, Page, PageRequest};
use crate::payment::Payment;
use crate::performance::Performance;
use crate::port;
use crate::port::{HistoryLine, Kept};
use crate::refund::Refund;
use crate::reservation::Reservation;
use crate::seat::{Claim, ClaimBits, SeatNo, Seats};
use crate::show::Show;
use crate::ticket::Ticket;
use crate::venue::Venue;

/// A page of the second halves of an index's pairs: those that start with `$first`.
macro_rules! list {
    ($self:ident, $page:ident, $index:ident[$first:expr, $id:ty] => $table:ident, $item:expr) => {{
        let after = page::after::<$id>(&$page)?;
        let state = $self.tables();
        let first = $first;
        let start = (first, <$id>::from_uuid(Uuid::nil()));
        let end = Bound::Included((first, <$id>::from_uuid(Uuid::max())));
        let range = page::from(after.map(|id| (first, id)), start, end);
        let rows = state
            .records
            .$index
            .range(range)
            .filter_map(|(_, id)| Some((*id, $item(&state.records.$table.get(id)?.record))));
        Ok(page::take(&$page, rows))
    }};
}

/// A page of a whole table or of an index of ids.
macro_rules! scan {
    ($self:ident, $page:ident, $index:ident[$id:ty], $row:expr) => {{
        let after = page::after::<$id>(&$page)?;
        let state = $self.tables();
        let range = page::from(after, <$id>::from_uuid(Uuid::nil()), Bound::Unbounded);
        let rows = state.records.$index.range(range).filter_map(|row| $row(&state.records, row));
        Ok(page::take(&$page, rows))
    }};
}

/// A page of an index by instant, up to and with `$until`.
macro_rules! until {
    ($self:ident, $page:ident, $index:ident[$until:expr, $id:ty] => $table:ident) => {{
        let after = page::after::<(DateTime<Utc>, $id)>(&$page)?;
        let state = $self.tables();
        let start = (DateTime::<Utc>::MIN_UTC, <$id>::from_uuid(Uuid::nil()));
        let from = after.unwrap_or(start);
        let end = ($until, <$id>::from_uuid(Uuid::max()));
        let empty = from > end;
        let range = page::from(after, start, Bound::Included(if empty { from } else { end }));
        let rows = state
            .records
            .$index
            .range(range)
            .take_while(|_| !empty)
            .filter_map(|key| Some((*key, clone(&state.records.$table.get(&key.1)?.record))));
        Ok(page::take(&$page, rows))
    }};
}

fn clone<T: Clone>(record: &Arc<T>) -> T {
    T::clone(record)
}

#[async_trait]
impl port::Layouts for MemoryStore {
    async fn venue(&self, id: VenueId) -> Result<Option<Arc<Venue>>, PortError> {
        Ok(self.tables().records.venues.get(&id).map(|stored| Arc::clone(&stored.record)))
    }

    async fn venues(&self, page: PageRequest) -> Result<Page<Arc<Venue>>, PortError> {
        scan!(self, page, venues[VenueId], |_, (id, stored): (&VenueId, &super::Stored<Venue>)| {
            Some((*id, Arc::clone(&stored.record)))
        })
    }

    async fn show(&self, id: ShowId) -> Result<Option<Arc<Show>>, PortError> {
        Ok(self.tables().records.shows.get(&id).map(|stored| Arc::clone(&stored.record)))
    }

    async fn shows(&self, page: PageRequest) -> Result<Page<Arc<Show>>, PortError> {
        scan!(self, page, shows[ShowId], |_, (id, stored): (&ShowId, &super::Stored<Show>)| {
            Some((*id, Arc::clone(&stored.record)))
        })
    }

    async fn shows_of(
        &self,
        seller: SellerId,
        page: PageRequest,
    ) -> Result<Page<Arc<Show>>, PortError> {
        list!(self, page, shows_of_seller[seller, ShowId] => shows, Arc::clone)
    }

    async fn performance(&self, id: PerformanceId) -> Result<Option<Arc<Performance>>, PortError> {
        Ok(self.tables().records.performances.get(&id).map(|stored| Arc::clone(&stored.record)))
    }

    async fn fresh_performance(
        &self,
        id: PerformanceId,
    ) -> Result<Option<Arc<Performance>>, PortError> {
        self.performance(id).await
    }

    async fn performances(
        &self,
        show: ShowId,
        page: PageRequest,
    ) -> Result<Page<Arc<Performance>>, PortError> {
        list!(self, page, performances_of_show[show, PerformanceId] => performances, Arc::clone)
    }

    async fn cancelled(&self, page: PageRequest) -> Result<Page<Arc<Performance>>, PortError> {
        scan!(
            self,
            page,
            cancelled[PerformanceId],
            |records: &super::Records, id: &PerformanceId| {
                Some((*id, Arc::clone(&records.performances.get(id)?.record)))
            }
        )
    }
}

#[async_trait]
impl port::Reservations for MemoryStore {
    async fn find(&self, id: ReservationId) -> Result<Option<Reservation>, PortError> {
        Ok(self.tables().records.reservations.get(&id).map(|stored| clone(&stored.record)))
    }

    async fn of_user(
        &self,
        user: UserId,
        page: PageRequest,
    ) -> Result<Page<Reservation>, PortError> {
        list!(self, page, reservations_of_user[user, ReservationId] => reservations, clone)
    }

    async fn live_of(
        &self,
        performance: PerformanceId,
        page: PageRequest,
    ) -> Result<Page<Reservation>, PortError> {
        list!(self, page, live_of_performance[performance, ReservationId] => reservations, clone)
    }

    async fn due(
        &self,
        now: DateTime<Utc>,
        page: PageRequest,
    ) -> Result<Page<Reservation>, PortError> {
        until!(self, page, due[now, ReservationId] => reservations)
    }
}

#[async_trait]
impl port::Checkouts for MemoryStore {
    async fn find(&self, id: CheckoutId) -> Result<Option<Checkout>, PortError> {
        Ok(self.tables().records.checkouts.get(&id).map(|stored| clone(&stored.record)))
    }

    async fn of_reservation(&self, id: ReservationId) -> Result<Vec<Checkout>, PortError> {
        let tables = self.tables();
        let records = &tables.records;
        let nil = CheckoutId::from_uuid(Uuid::nil());
        let keys = records.checkouts_of_reservation.range((id, nil)..);
        let ids = keys.take_while(|(reservation, _)| *reservation == id);
        Ok(ids.filter_map(|(_, id)| Some(clone(&records.checkouts.get(id)?.record))).collect())
    }

    async fn stalled(
        &self,
        until: DateTime<Utc>,
        page: PageRequest,
    ) -> Result<Page<Checkout>, PortError> {
        until!(self, page, stalled[until, CheckoutId] => checkouts)
    }
}

#[async_trait]
impl port::Payments for MemoryStore {
    async fn find(&self, id: PaymentId) -> Result<Option<Payment>, PortError> {
        Ok(self.tables().records.payments.get(&id).map(|stored| clone(&stored.record)))
    }

    async fn of_reservation(&self, id: ReservationId) -> Result<Vec<Payment>, PortError> {
        let tables = self.tables();
        let records = &tables.records;
        let nil = PaymentId::from_uuid(Uuid::nil());
        let keys = records.payments_of_reservation.range((id, nil)..);
        let ids = keys.take_while(|(reservation, _)| *reservation == id);
        Ok(ids.filter_map(|(_, id)| Some(clone(&records.payments.get(id)?.record))).collect())
    }

    async fn unsettled(
        &self,
        until: DateTime<Utc>,
        page: PageRequest,
    ) -> Result<Page<Payment>, PortError> {
        until!(self, page, unsettled[until, PaymentId] => payments)
    }

    async fn to_close(&self, page: PageRequest) -> Result<Page<Payment>, PortError> {
        scan!(self, page, to_close[PaymentId], |records: &super::Records, id: &PaymentId| {
            Some((*id, clone(&records.payments.get(id)?.record)))
        })
    }
}

#[async_trait]
impl port::Refunds for MemoryStore {
    async fn find(&self, id: RefundId) -> Result<Option<Refund>, PortError> {
        Ok(self.tables().records.refunds.get(&id).map(|stored| clone(&stored.record)))
    }

    async fn of_payment(
        &self,
        payment: PaymentId,
        page: PageRequest,
    ) -> Result<Page<Refund>, PortError> {
        list!(self, page, refunds_of_payment[payment, RefundId] => refunds, clone)
    }

    async fn due(
        &self,
        until: DateTime<Utc>,
        page: PageRequest,
    ) -> Result<Page<Refund>, PortError> {
        until!(self, page, due_refunds[until, RefundId] => refunds)
    }
}

#[async_trait]
impl port::Tickets for MemoryStore {
    async fn find(&self, id: TicketId) -> Result<Option<Ticket>, PortError> {
        Ok(self.tables().records.tickets.get(&id).map(|stored| clone(&stored.record)))
    }

    async fn of_reservation(&self, id: ReservationId) -> Result<Vec<Ticket>, PortError> {
        let tables = self.tables();
        let records = &tables.records;
        let first = (id, SeatNo(0), TicketId::from_uuid(Uuid::nil()));
        let keys = records.tickets_of_reservation.range(first..);
        let ids = keys.take_while(|(reservation, ..)| *reservation == id);
        Ok(ids.filter_map(|(_, _, id)| Some(clone(&records.tickets.get(id)?.record))).collect())
    }

    async fn of_user(&self, user: UserId, page: PageRequest) -> Result<Page<Ticket>, PortError> {
        list!(self, page, tickets_of_user[user, TicketId] => tickets, clone)
    }
}

#[async_trait]
impl port::Ledger for MemoryStore {
    async fn balance(&self, account: AccountKey) -> Result<i64, PortError> {
        Ok(self.tables().balance(&account).unwrap_or(0))
    }

    async fn history(
        &self,
        account: AccountKey,
        page: PageRequest,
    ) -> Result<Page<HistoryLine>, PortError> {
        let after = page::after::<EntryId>(&page)?;
        let tables = self.tables();
        let books = &tables.books;
        let Some(book) = books.account(&account) else {
            return Ok(Page { items: Vec::new(), next: None });
        };
        let rows = book.before(after).filter_map(|id| {
            let entry = books.entry(id)?;
            let (_, amount) = entry.lines().find(|(line, _)| *line == account)?;
            let (kind, subject, at) = (entry.kind(), entry.subject(), entry.at());
            Some((id, HistoryLine { entry: id, kind, subject, amount, at }))
        });
        Ok(page::take(&page, rows))
    }

    async fn entry(&self, id: EntryId) -> Result<Option<Arc<JournalEntry>>, PortError> {
        Ok(self.tables().books.entry(id).cloned())
    }

    async fn resolution(&self, of: EntryId) -> Result<Option<EntryId>, PortError> {
        Ok(self.tables().books.resolution(of))
    }
}

#[async_trait]
impl port::Claims for MemoryStore {
    async fn bits(&self, id: PerformanceId, capacity: u32) -> Result<ClaimBits, PortError> {
        Ok(self.tables().claims.bits(id, capacity))
    }

    async fn of_seats(
        &self,
        id: PerformanceId,
        seats: Seats,
    ) -> Result<Vec<(SeatNo, Claim)>, PortError> {
        let tables = self.tables();
        Ok(seats.iter().filter_map(|seat| Some((seat, tables.claim(id, seat)?))).collect())
    }

    async fn allowance_used(&self, user: UserId, show: ShowId) -> Result<u16, PortError> {
        Ok(u16::try_from(self.tables().slots(user, show).len()).unwrap_or(u16::MAX))
    }
}

#[async_trait]
impl port::Receipts for MemoryStore {
    async fn find(&self, key: ReceiptKey) -> Result<Option<Receipt>, PortError> {
        Ok(self.tables().receipt(&key).cloned())
    }
}

#[async_trait]
impl port::Retention for MemoryStore {
    async fn purge(
        &self,
        kept: Kept,
        before: DateTime<Utc>,
        limit: Limit,
    ) -> Result<usize, PortError> {
        let (mut tables, limit) = (self.tables(), limit.get());
        Ok(match kept {
            Kept::Receipts => tables.purge_receipts(before, limit),
            Kept::Messages => tables.purge_messages(before, limit),
            Kept::ChangeSets => tables.purge_change_sets(before, limit),
        })
    }
}
