//! What is read, counted as it goes.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use ticketing_core::checkout::Checkout;
use ticketing_core::error::PortError;
use ticketing_core::id::EntryId;
use ticketing_core::ledger::JournalEntry;
use ticketing_core::page::{Page, PageRequest};
use ticketing_core::payment::Payment;
use ticketing_core::performance::Performance;
use ticketing_core::port::{AllowanceRow, BalanceRow, ClaimRow, EventCount, Inspect, OutboxRow};
use ticketing_core::refund::Refund;
use ticketing_core::reservation::Reservation;
use ticketing_core::ticket::Ticket;

/// How far it is.
#[derive(Clone, Copy, Debug, Default)]
struct Progress {
    list: &'static str,
    of_list: usize,
    rows: usize,
}

/// Lists, and how far they have been read.
pub(super) struct Watched<'a> {
    inner: &'a dyn Inspect,
    progress: Mutex<Progress>,
}

impl<'a> Watched<'a> {
    pub(super) fn new(inner: &'a dyn Inspect) -> Self {
        Self { inner, progress: Mutex::default() }
    }

    fn count(&self, list: &'static str, rows: usize) {
        let mut progress = self.progress.lock().unwrap_or_else(PoisonError::into_inner);
        let of_list = if progress.list == list { progress.of_list } else { 0 };
        *progress = Progress { list, of_list: of_list + rows, rows: progress.rows + rows };
    }
}

impl fmt::Display for Watched<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let progress = *self.progress.lock().unwrap_or_else(PoisonError::into_inner);
        let Progress { list, of_list, rows } = progress;
        write!(f, "{rows:>12} rows read, {of_list} of them {}", list.replace('_', " "))
    }
}

macro_rules! watched {
    ($($list:ident: $item:ty,)*) => {
        #[async_trait]
        impl Inspect for Watched<'_> {
            $(async fn $list(&self, page: PageRequest) -> Result<Page<$item>, PortError> {
                let page = self.inner.$list(page).await?;
                self.count(stringify!($list), page.items.len());
                Ok(page)
            })*
        }
    };
}

watched! {
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
