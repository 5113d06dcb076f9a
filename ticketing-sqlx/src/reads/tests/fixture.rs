//! A store on a new file, and rows put into it without a commit.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use serde::Serialize;
use ticketing_core::aggregate::{Aggregate, AggregateRef};
use ticketing_core::change_set::{Receipt, ReceiptKey, ReceiptState};
use ticketing_core::error::PortError;
use ticketing_core::ledger::Account;
use ticketing_core::memory::{ManualClock, MemoryStore};
use ticketing_core::page::{Limit, Page, PageRequest};
use ticketing_core::port::{Inspect, Layouts, OutboxRow};
use ticketing_core::reservation::ReservationState;
use ticketing_core::seat::ClaimOwner;

use crate::db::Value;
use crate::fixture::{File, told};
use crate::outbox::block::Event;
use crate::{Options, Store, codes};

/// A store on a file of its own.
pub(super) struct Fixture {
    pub(super) store: Store,
    pub(super) clock: ManualClock,
    _file: File,
}

pub(super) fn noon() -> DateTime<Utc> {
    "2027-03-01T12:00:00Z".parse().unwrap()
}

impl Fixture {
    pub(super) async fn new(options: Options) -> Self {
        let file = File::migrated(&options).await;
        let clock = ManualClock::at(noon());
        let store = Store::connect(&file.url(), options, Arc::new(clock.clone())).await.unwrap();
        Self { store, clock, _file: file }
    }

    /// Inserts or replaces a row of named columns.
    pub(super) async fn put(&self, table: &str, columns: &[(&str, Value<'_>)]) {
        let names: Vec<&str> = columns.iter().map(|(name, _)| *name).collect();
        let marks = vec!["?"; names.len()].join(", ");
        let sql = format!("REPLACE INTO {table} ({}) VALUES ({marks})", names.join(", "));
        let values: Vec<Value<'_>> = columns.iter().map(|(_, value)| value.clone()).collect();
        self.store.database().execute(&sql, &values).await.unwrap();
    }

    async fn save<A: Aggregate + Serialize + Sync>(
        &self,
        table: &str,
        aggregate: &A,
        saved_at: DateTime<Utc>,
        own: &[(&str, Value<'_>)],
    ) {
        let (AggregateRef { id, .. }, root) = (aggregate.reference(), aggregate.root());
        let mut columns = vec![
            ("id", id.into()),
            ("version", Value::count(root.version())),
            ("replaced", Value::Int(0)),
            ("events", Value::count(root.recorded())),
            ("saved_at", saved_at.into()),
            ("body", Value::text(serde_json::to_string(aggregate).unwrap())),
        ];
        columns.extend_from_slice(own);
        self.put(table, &columns).await;
    }

    /// Puts everything that another store holds into the tables, but for what no list of it tells.
    pub(super) async fn copy(&self, from: &MemoryStore) {
        let counts = all(|page| from.event_counts(page)).await;
        let saved_at = |of: &dyn Aggregate| {
            let count = counts.iter().find(|count| count.aggregate == of.reference()).unwrap();
            count.saved_at.unwrap()
        };
        for venue in all(|page| Layouts::venues(from, page)).await {
            self.save("tk_venue", &*venue, saved_at(&*venue), &[]).await;
        }
        for show in all(|page| Layouts::shows(from, page)).await {
            let own = [("seller", show.seller().as_uuid().into())];
            self.save("tk_show", &*show, saved_at(&*show), &own).await;
        }
        for performance in all(|page| Inspect::performances(from, page)).await {
            let winds_up = performance.is_cancelled() && !performance.is_wound_up();
            let own = [
                ("show_id", performance.show().as_uuid().into()),
                ("winding_up", Value::or_null(winds_up.then_some(1))),
            ];
            self.save("tk_performance", &*performance, saved_at(&*performance), &own).await;
        }
        for of in all(|page| Inspect::reservations(from, page)).await {
            let pending = of.is_pending();
            let live = pending || matches!(of.state(), ReservationState::Confirmed { .. });
            let own = [
                ("user_id", of.user().as_uuid().into()),
                ("live_in", Value::or_null(live.then_some(of.performance().as_uuid()))),
                ("due_at", Value::or_null(pending.then_some(of.expires_at()))),
            ];
            self.save("tk_reservation", &of, saved_at(&of), &own).await;
        }
        for of in all(|page| Inspect::checkouts(from, page)).await {
            let own = [
                ("reservation", of.reservation().as_uuid().into()),
                ("live_since", Value::or_null(of.is_live().then_some(of.moved_at()))),
            ];
            self.save("tk_checkout", &of, saved_at(&of), &own).await;
        }
        for of in all(|page| Inspect::payments(from, page)).await {
            let own = [
                ("reservation", of.reservation().as_uuid().into()),
                ("unsettled_since", Value::or_null(of.is_unsettled().then_some(of.asked_at()))),
                ("to_close", Value::or_null(of.needs_closing().then_some(1))),
            ];
            self.save("tk_payment", &of, saved_at(&of), &own).await;
        }
        for of in all(|page| Inspect::refunds(from, page)).await {
            let own = [
                ("payment", of.payment().as_uuid().into()),
                ("due_at", Value::or_null(of.is_open().then_some(of.next_try_at()))),
            ];
            self.save("tk_refund", &of, saved_at(&of), &own).await;
        }
        for of in all(|page| Inspect::tickets(from, page)).await {
            let own = [
                ("reservation", of.reservation().as_uuid().into()),
                ("seat", Value::Int(of.seat().0.into())),
                ("user_id", of.user().as_uuid().into()),
            ];
            self.save("tk_ticket", &of, saved_at(&of), &own).await;
        }
        self.copy_rows(from).await;
        self.copy_books(from).await;
    }

    async fn copy_rows(&self, from: &MemoryStore) {
        for row in all(|page| Inspect::claims(from, page)).await {
            let owner = match row.claim.owner {
                ClaimOwner::Reservation(id) => id.as_uuid().into(),
                ClaimOwner::House => Value::Null,
            };
            let columns = [
                ("performance", row.performance.as_uuid().into()),
                ("seat", Value::Int(row.seat.0.into())),
                ("status", codes::status(row.claim.status).into()),
                ("owner", owner),
            ];
            self.put("tk_seat_claim", &columns).await;
        }
        for row in all(|page| Inspect::allowances(from, page)).await {
            let columns = [
                ("user_id", row.user.as_uuid().into()),
                ("show_id", row.show.as_uuid().into()),
                ("slot", Value::Int(row.slot.into())),
                ("reservation", row.reservation.as_uuid().into()),
            ];
            self.put("tk_allowance", &columns).await;
        }
        let events = all(|page| Inspect::outbox(from, page)).await;
        for of_part in events.chunk_by(|left, right| left.partition == right.partition) {
            // Pages end inside of blocks.
            for block in of_part.chunks(4) {
                let first = i64::try_from(block[0].sequence).unwrap();
                let events: Vec<_> = block.iter().map(event).collect();
                for (sql, values) in told(block[0].partition, first, &events) {
                    self.store.database().execute(&sql, &values).await.unwrap();
                }
            }
        }
    }

    async fn copy_books(&self, from: &MemoryStore) {
        for entry in all(|page| Inspect::entries(from, page)).await {
            let columns = [
                ("id", entry.id().as_uuid().into()),
                ("booked_at", entry.at().into()),
                ("body", Value::text(serde_json::to_string(&*entry).unwrap())),
            ];
            self.put("tk_entry", &columns).await;
            for (key, amount) in entry.lines() {
                let (account, owner) = codes::account(key.account).unwrap();
                let columns = [
                    ("account", account.into()),
                    ("owner", owner.into()),
                    ("currency", Value::text(key.currency.code())),
                    ("entry", entry.id().as_uuid().into()),
                    ("amount", amount.into()),
                ];
                self.put("tk_posting", &columns).await;
            }
        }
        for (pending, entry) in all(|page| Inspect::resolutions(from, page)).await {
            let columns =
                [("pending", pending.as_uuid().into()), ("entry", entry.as_uuid().into())];
            self.put("tk_resolution", &columns).await;
        }
        for row in all(|page| Inspect::balances(from, page)).await {
            let currency = ("currency", Value::text(row.account.currency.code()));
            if let Account::Wallet(user) = row.account.account {
                let columns =
                    [("user_id", user.as_uuid().into()), currency, ("balance", row.amount.into())];
                self.put("tk_wallet", &columns).await;
                continue;
            }
            let (account, owner) = codes::account(row.account.account).unwrap();
            // In slots that are more than the whole, so that only their sum is right.
            for (slot, balance) in [(0, row.amount + 7), (3, -10), (15, 3)] {
                let columns = [
                    ("account", account.into()),
                    ("owner", owner.into()),
                    currency.clone(),
                    ("slot", Value::Int(slot)),
                    ("balance", Value::Int(balance)),
                ];
                self.put("tk_balance", &columns).await;
            }
        }
    }

    pub(super) async fn put_receipt(&self, key: &ReceiptKey, receipt: &Receipt) {
        let answer = match &receipt.state {
            ReceiptState::InProgress => Value::Null,
            ReceiptState::Done(answer) => Value::text(str::from_utf8(answer.as_bytes()).unwrap()),
        };
        let columns = [
            ("caller", key.caller.as_uuid().into()),
            ("operation", Value::text(key.operation.as_str())),
            ("client_key", Value::text(key.key.as_str())),
            ("fingerprint", Value::bytes(&receipt.fingerprint.0[..])),
            ("answer", answer),
            ("created_at", receipt.created_at.into()),
        ];
        self.put("tk_receipt", &columns).await;
    }
}

fn event(row: &OutboxRow) -> Event<'_> {
    Event {
        change_set: row.change_set,
        stream: row.stream,
        kind: codes::kind(row.aggregate.kind).unwrap(),
        aggregate: row.aggregate.id,
        number: row.number,
        name: &row.name,
        occurred_at: row.occurred_at,
        payload: &row.payload,
    }
}

/// Runs a test on a runtime of its own.
pub(super) fn block_on<T>(test: impl Future<Output = T>) -> T {
    let mut runtime = tokio::runtime::Builder::new_multi_thread();
    runtime.worker_threads(2).enable_all().build().unwrap().block_on(test)
}

/// All items of a list, in pages of `size`. A page may be short of its limit.
pub(super) async fn pages<T, F>(size: usize, list: impl Fn(PageRequest) -> F + Send) -> Vec<T>
where
    T: Send,
    F: Future<Output = Result<Page<T>, PortError>> + Send,
{
    let (mut items, mut after) = (Vec::new(), None);
    for _ in 0..100_000 {
        let page = list(PageRequest::next(after.clone(), Limit::new(size).unwrap())).await.unwrap();
        assert!(page.items.len() <= size, "asked for {size} items, got {}", page.items.len());
        items.extend(page.items);
        let Some(next) = page.next else { return items };
        assert_ne!(after.as_ref(), Some(&next), "the list came back to its cursor");
        after = Some(next);
    }
    panic!("a list without an end");
}

pub(super) async fn all<T, F>(list: impl Fn(PageRequest) -> F + Send) -> Vec<T>
where
    T: Send,
    F: Future<Output = Result<Page<T>, PortError>> + Send,
{
    pages(Limit::MAX, list).await
}
