//! A store as lists that a test can break.

use std::sync::Arc;

use async_trait::async_trait;
use pollster::block_on;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::checkout::Checkout;
use crate::error::PortError;
use crate::id::EntryId;
use crate::ledger::JournalEntry;
use crate::page::{Cursor, Limit, Page, PageRequest};
use crate::payment::Payment;
use crate::performance::Performance;
use crate::port::{AllowanceRow, BalanceRow, ClaimRow, EventCount, Inspect, OutboxRow};
use crate::refund::Refund;
use crate::reservation::Reservation;
use crate::ticket::Ticket;

macro_rules! fixture {
    ($($list:ident: $row:ty),* $(,)?) => {
        #[derive(Clone, Debug, Default)]
        pub(super) struct Fixture { $(pub(super) $list: Vec<$row>),* }

        impl Fixture {
            pub(super) fn copy(from: &dyn Inspect) -> Self {
                Self { $($list: {
                    let mut rows = Vec::new();
                    let mut after = None;
                    loop {
                        let page = PageRequest::next(after, Limit::DEFAULT);
                        let page = block_on(from.$list(page)).unwrap();
                        rows.extend(page.items);
                        after = page.next;
                        if after.is_none() { break rows }
                    }
                }),* }
            }
        }

        #[async_trait]
        impl Inspect for Fixture {
            $(async fn $list(&self, page: PageRequest) -> Result<Page<$row>, PortError> {
                Ok(list(&self.$list, &page))
            })*
        }
    };
}

fixture! {
    claims: ClaimRow,
    allowances: AllowanceRow,
    performances: Arc<Performance>,
    reservations: Reservation,
    checkouts: Checkout,
    payments: Payment,
    refunds: Refund,
    tickets: Ticket,
    entries: Arc<JournalEntry>,
    resolutions: (EntryId, EntryId),
    balances: BalanceRow,
    outbox: OutboxRow,
    event_counts: EventCount,
}

fn list<T: Clone>(rows: &[T], page: &PageRequest) -> Page<T> {
    let start: usize = page.after.as_ref().map_or(0, |after| after.key().unwrap());
    let end = rows.len().min(start + page.limit.get());
    let next = (end < rows.len()).then(|| Cursor::after(&end));
    Page { items: rows[start..end].to_vec(), next }
}

/// Writes a part of a row that its aggregate would never write.
pub(super) fn edit<T: Serialize + DeserializeOwned>(row: &mut T, pointer: &str, value: Value) {
    let mut json = serde_json::to_value(&*row).unwrap();
    *json.pointer_mut(pointer).unwrap_or_else(|| panic!("{pointer} is not there")) = value;
    *row = serde_json::from_value(json).unwrap();
}
