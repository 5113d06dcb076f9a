//! Everything, page by page.

use std::sync::Arc;

use async_trait::async_trait;
use ticketing_core::aggregate::{AggregateKind, AggregateRef};
use ticketing_core::checkout::Checkout;
use ticketing_core::error::PortError;
use ticketing_core::id::{EntryId, PerformanceId, ReservationId, ShowId, UserId};
use ticketing_core::ledger::{Account, AccountKey, JournalEntry};
use ticketing_core::page::{Cursor, Page, PageRequest};
use ticketing_core::payment::Payment;
use ticketing_core::performance::Performance;
use ticketing_core::port::{AllowanceRow, BalanceRow, ClaimRow, EventCount, Inspect, OutboxRow};
use ticketing_core::refund::Refund;
use ticketing_core::reservation::Reservation;
use ticketing_core::ticket::Ticket;
use uuid::Uuid;

use crate::db::fault::Broken;
use crate::db::{Row, Value};
use crate::outbox::block;
use crate::reads::query::{Sql, after, after2, after3, queries, scan, scan2, scan3};
use crate::reads::rows::{Read, body, next_id, shared};
use crate::reads::{claim, seat};
use crate::{Store, codes};

queries! {
    CLAIMS = scan2!("performance, seat, status, owner", "tk_seat_claim", "performance", "seat");
    ALLOWANCES = scan3!(
        "user_id, show_id, slot, reservation", "tk_allowance", "user_id", "show_id", "slot", ""
    );
    PERFORMANCES = scan!("id, body", "tk_performance");
    RESERVATIONS = scan!("id, body", "tk_reservation");
    CHECKOUTS = scan!("id, body", "tk_checkout");
    PAYMENTS = scan!("id, body", "tk_payment");
    REFUNDS = scan!("id, body", "tk_refund");
    TICKETS = scan!("id, body", "tk_ticket");
    ENTRIES = scan!("id, body", "tk_entry");
    RESOLUTIONS = Sql {
        mysql: "SELECT pending, entry FROM tk_resolution FORCE INDEX (PRIMARY) \
            WHERE pending >= ? ORDER BY pending LIMIT ?",
        sqlite: "SELECT pending, entry FROM tk_resolution WHERE pending >= ? ORDER BY pending LIMIT ?",
    };
    WALLETS = scan2!("user_id, currency, balance", "tk_wallet", "user_id", "currency");
    // A sum is a decimal on MySQL; as text it is the same in each dialect.
    BALANCES = scan3!(
        "account, owner, currency, CAST(SUM(balance) AS CHAR)", "tk_balance", "account", "owner",
        "currency", " GROUP BY account, owner, currency"
    );
    OUTBOX = scan2!("part, sequence, events, body", "tk_outbox", "part", "sequence");
    VENUE_EVENTS = scan!("id, events, saved_at", "tk_venue");
    SHOW_EVENTS = scan!("id, events, saved_at", "tk_show");
    PERFORMANCE_EVENTS = scan!("id, events, saved_at", "tk_performance");
    RESERVATION_EVENTS = scan!("id, events, saved_at", "tk_reservation");
    CHECKOUT_EVENTS = scan!("id, events, saved_at", "tk_checkout");
    PAYMENT_EVENTS = scan!("id, events, saved_at", "tk_payment");
    REFUND_EVENTS = scan!("id, events, saved_at", "tk_refund");
    TICKET_EVENTS = scan!("id, events, saved_at", "tk_ticket");
}

/// The tables of the aggregates, in the order of their kinds.
const EVENTS: [(AggregateKind, Sql); 8] = [
    (AggregateKind::Venue, VENUE_EVENTS),
    (AggregateKind::Show, SHOW_EVENTS),
    (AggregateKind::Performance, PERFORMANCE_EVENTS),
    (AggregateKind::Reservation, RESERVATION_EVENTS),
    (AggregateKind::Checkout, CHECKOUT_EVENTS),
    (AggregateKind::Payment, PAYMENT_EVENTS),
    (AggregateKind::Refund, REFUND_EVENTS),
    (AggregateKind::Ticket, TICKET_EVENTS),
];

fn claim_row(row: &Row) -> Result<ClaimRow, Broken> {
    let performance = PerformanceId::from_uuid(row.id(0)?);
    Ok(ClaimRow { performance, seat: seat(row, 1)?, claim: claim(row, 2)? })
}

fn allowance(row: &Row) -> Result<AllowanceRow, Broken> {
    let slot = row.int(2)?;
    Ok(AllowanceRow {
        user: UserId::from_uuid(row.id(0)?),
        show: ShowId::from_uuid(row.id(1)?),
        slot: u16::try_from(slot).map_err(|error| Broken::column(2, error))?,
        reservation: ReservationId::from_uuid(row.id(3)?),
    })
}

fn resolution(row: &Row) -> Result<(EntryId, EntryId), Broken> {
    Ok((EntryId::from_uuid(row.id(0)?), EntryId::from_uuid(row.id(1)?)))
}

fn wallet(row: &Row) -> Result<BalanceRow, Broken> {
    let account = Account::Wallet(UserId::from_uuid(row.id(0)?));
    let currency = row.text(1)?.parse().map_err(|error| Broken::column(1, error))?;
    Ok(BalanceRow { account: AccountKey { account, currency }, amount: row.int(2)? })
}

fn balance(row: &Row) -> Result<BalanceRow, Broken> {
    let code = row.int(0)?;
    let account = codes::account_of(code, row.id(1)?)
        .ok_or_else(|| Broken::column(0, format!("{code} is no account")))?;
    let currency = row.text(2)?.parse().map_err(|error| Broken::column(2, error))?;
    let amount = row.text(3)?.parse().map_err(|error| Broken::column(3, error))?;
    Ok(BalanceRow { account: AccountKey { account, currency }, amount })
}

/// An entry's place in the event counts; `None` if it tells no event.
fn told(row: &Row) -> Result<Option<EventCount>, Broken> {
    let entry: JournalEntry = body(row)?;
    let aggregate = AggregateRef { kind: AggregateKind::Entry, id: entry.id().as_uuid() };
    let count = EventCount { aggregate, recorded: 1, saved_at: Some(entry.at()) };
    Ok(entry.tells_event().then_some(count))
}

/// The least id of a kind after an aggregate; `None` if all of the kind come before it.
fn start(kind: AggregateKind, after: Option<AggregateRef>) -> Option<Uuid> {
    match after {
        Some(last) if last.kind > kind => None,
        Some(last) if last.kind == kind => next_id(Some(last.id)),
        Some(_) | None => next_id(None),
    }
}

impl Store {
    /// A page of a whole table in the order of ids.
    async fn scan<T>(
        &self,
        operation: &'static str,
        sql: Sql,
        page: &PageRequest,
        item: fn(&Row) -> Result<T, Broken>,
    ) -> Result<Page<T>, PortError> {
        self.reading("inspect", operation).page(sql, [], page, item).await
    }
}

impl Read<'_> {
    /// Wallets after an account.
    async fn wallets(
        &self,
        after: Option<AccountKey>,
        limit: usize,
    ) -> Result<Vec<BalanceRow>, PortError> {
        let (owner, currency) = match after {
            None => (Uuid::nil(), ""),
            Some(AccountKey { account: Account::Wallet(user), currency }) => {
                (user.as_uuid(), currency.code())
            }
            Some(_) => return Ok(Vec::new()),
        };
        let last = [owner.into(), Value::text(currency)];
        self.some(WALLETS, last, limit, wallet).await
    }

    /// Other accounts after an account. Their codes are in the order of the accounts, a wallet's is the
    /// least.
    async fn balances(
        &self,
        after: Option<AccountKey>,
        limit: usize,
    ) -> Result<Vec<BalanceRow>, PortError> {
        let last = after.filter(|key| !matches!(key.account, Account::Wallet(_)));
        let key = last.and_then(|key| Some((codes::account(key.account)?, key.currency.code())));
        let ((code, owner), currency) = key.unwrap_or(((0, Uuid::nil()), ""));
        let last = [code.into(), owner.into(), Value::text(currency)];
        self.some(BALANCES, last, limit, balance).await
    }

    async fn some<T, const N: usize>(
        &self,
        sql: Sql,
        last: [Value<'_>; N],
        limit: usize,
        item: fn(&Row) -> Result<T, Broken>,
    ) -> Result<Vec<T>, PortError> {
        let mut values = after(self.dialect(), last);
        values.push(Value::count(limit as u64));
        self.all(sql, &values, item).await
    }

    /// Blocks of the outbox that end after an event.
    async fn blocks(&self, last: Option<(u16, u64)>, count: usize) -> Result<Vec<Row>, PortError> {
        let (part, sequence) = match last {
            None => (Value::Int(-1), Value::Int(-1)),
            Some((part, sequence)) => (Value::Int(part.into()), Value::count(sequence)),
        };
        let mut values = after(self.dialect(), [part, sequence]);
        values.push(Value::count(count as u64));
        self.rows(OUTBOX, &values).await
    }

    async fn event_counts(
        &self,
        (kind, sql): (AggregateKind, Sql),
        from: Uuid,
        limit: usize,
    ) -> Result<Vec<EventCount>, PortError> {
        let rows = self.rows(sql, &[from.into(), Value::count(limit as u64)]).await?;
        let count = |row: &Row| {
            let aggregate = AggregateRef { kind, id: row.id(0)? };
            Ok(EventCount { aggregate, recorded: row.count(1)?, saved_at: Some(row.time(2)?) })
        };
        rows.iter()
            .map(count)
            .collect::<Result<_, _>>()
            .map_err(|error: Broken| self.refused(error))
    }
}

#[async_trait]
impl Inspect for Store {
    async fn claims(&self, page: PageRequest) -> Result<Page<ClaimRow>, PortError> {
        let read = self.reading("inspect", "claims");
        let (performance, seat) = match read.after::<(Uuid, u32)>(&page)? {
            None => (Uuid::nil(), -1),
            Some((performance, seat)) => (performance, i64::from(seat)),
        };
        let last = [performance.into(), seat.into()];
        let key = |row: &Row| Ok((row.id(0)?, row.int(1)?));
        read.page_after(CLAIMS, [], last, &page, key, claim_row).await
    }

    async fn allowances(&self, page: PageRequest) -> Result<Page<AllowanceRow>, PortError> {
        let read = self.reading("inspect", "allowances");
        let (user, show, slot) = match read.after::<(Uuid, Uuid, u16)>(&page)? {
            None => (Uuid::nil(), Uuid::nil(), -1),
            Some((user, show, slot)) => (user, show, i64::from(slot)),
        };
        let last = [user.into(), show.into(), slot.into()];
        let key = |row: &Row| Ok((row.id(0)?, row.id(1)?, row.int(2)?));
        read.page_after(ALLOWANCES, [], last, &page, key, allowance).await
    }

    async fn performances(&self, page: PageRequest) -> Result<Page<Arc<Performance>>, PortError> {
        self.scan("performances", PERFORMANCES, &page, shared).await
    }

    async fn reservations(&self, page: PageRequest) -> Result<Page<Reservation>, PortError> {
        self.scan("reservations", RESERVATIONS, &page, body).await
    }

    async fn checkouts(&self, page: PageRequest) -> Result<Page<Checkout>, PortError> {
        self.scan("checkouts", CHECKOUTS, &page, body).await
    }

    async fn payments(&self, page: PageRequest) -> Result<Page<Payment>, PortError> {
        self.scan("payments", PAYMENTS, &page, body).await
    }

    async fn refunds(&self, page: PageRequest) -> Result<Page<Refund>, PortError> {
        self.scan("refunds", REFUNDS, &page, body).await
    }

    async fn tickets(&self, page: PageRequest) -> Result<Page<Ticket>, PortError> {
        self.scan("tickets", TICKETS, &page, body).await
    }

    async fn entries(&self, page: PageRequest) -> Result<Page<Arc<JournalEntry>>, PortError> {
        self.scan("entries", ENTRIES, &page, shared).await
    }

    async fn resolutions(&self, page: PageRequest) -> Result<Page<(EntryId, EntryId)>, PortError> {
        self.scan("resolutions", RESOLUTIONS, &page, resolution).await
    }

    async fn balances(&self, page: PageRequest) -> Result<Page<BalanceRow>, PortError> {
        let read = self.reading("inspect", "balances");
        let (last, limit) = (read.after::<AccountKey>(&page)?, page.limit.get());
        let mut items = read.wallets(last, limit + 1).await?;
        if items.len() <= limit {
            items.extend(read.balances(last, limit + 1 - items.len()).await?);
        }
        let more = items.len() > limit;
        items.truncate(limit);
        let next = items.last().filter(|_| more).map(|row| Cursor::after(&row.account));
        Ok(Page { items, next })
    }

    async fn outbox(&self, page: PageRequest) -> Result<Page<OutboxRow>, PortError> {
        let read = self.reading("inspect", "outbox");
        let limit = page.limit.get();
        let mut last = read.after::<(u16, u64)>(&page)?;
        let (mut items, mut blocks): (Vec<OutboxRow>, _) = (Vec::new(), 0);
        while items.len() <= limit {
            let step = block::step(limit + 1 - items.len(), (blocks, items.len()));
            let rows = read.blocks(last, step).await?;
            for row in &rows {
                let mut events = block::events(row).map_err(|error| read.refused(error))?;
                // The last page may have ended inside a block.
                events.retain(|event| Some((event.partition, event.sequence)) > last);
                last = events.last().map_or(last, |event| Some((event.partition, event.sequence)));
                items.append(&mut events);
            }
            blocks += rows.len();
            if rows.len() < step {
                break;
            }
        }
        let more = items.len() > limit;
        items.truncate(limit);
        let next = items.last().filter(|_| more);
        let next = next.map(|event| Cursor::after(&(event.partition, event.sequence)));
        Ok(Page { items, next })
    }

    /// Entries follow the aggregates. Which of them tell an event stands in their bodies alone: a page counts
    /// those that it read, so that it may have fewer items than its limit and a next page all the same.
    async fn event_counts(&self, page: PageRequest) -> Result<Page<EventCount>, PortError> {
        let read = self.reading("inspect", "event_counts");
        let (last, limit) = (read.after::<AggregateRef>(&page)?, page.limit.get());
        let mut items: Vec<EventCount> = Vec::new();
        for table in EVENTS {
            if items.len() <= limit
                && let Some(from) = start(table.0, last)
            {
                let limit = limit + 1 - items.len();
                items.extend(read.event_counts(table, from, limit).await?);
            }
        }
        if items.len() > limit {
            items.truncate(limit);
            let next = items.last().map(|count| Cursor::after(&count.aggregate));
            return Ok(Page { items, next });
        }
        let Some(from) = start(AggregateKind::Entry, last) else {
            return Ok(Page { items, next: None });
        };
        let limit = limit + 1 - items.len();
        let rows = read.rows(ENTRIES, &[from.into(), Value::count(limit as u64)]).await?;
        let own = &rows[..rows.len().min(limit - 1)];
        let next = if rows.len() < limit {
            None
        } else if let Some(row) = own.last() {
            let id = row.id(0).map_err(|error| read.refused(error))?;
            Some(Cursor::after(&AggregateRef { kind: AggregateKind::Entry, id }))
        } else {
            items.last().map(|count| Cursor::after(&count.aggregate))
        };
        for row in own {
            items.extend(told(row).map_err(|error| read.refused(error))?);
        }
        Ok(Page { items, next })
    }
}
