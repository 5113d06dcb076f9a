//! Everything that the invariants speak of, read in one pass per table into compact rows.

mod books;
mod rows;

pub(super) use books::{Books, PaymentFlow, RefundFlow};
pub(super) use rows::{Back, Due, Hall, Paid, Pass, PassState, Saga, Sale, Stage, Standing};

use std::hash::Hash;

use rustc_hash::FxHashMap;

use super::events::EventCheck;
use super::options::VerifyOptions;
use super::report::Invariant;
use crate::error::{Fault, PortError};
use crate::id::{PaymentId, PerformanceId, RefundId, ReservationId};
use crate::page::PageRequest;
use crate::port::{AllowanceRow, ClaimRow, Inspect};

/// The most pages of one list: a list that goes on is one that never ends.
const PAGES_MAX: u64 = 10_000_000;

/// Rows in the order of their list, and where each id is.
#[derive(Debug)]
pub(super) struct Table<K, T> {
    rows: Vec<T>,
    places: FxHashMap<K, usize>,
}

impl<K: Eq + Hash, T> Table<K, T> {
    fn new() -> Self {
        Self { rows: Vec::new(), places: FxHashMap::default() }
    }

    fn push(&mut self, id: K, row: T) {
        self.places.insert(id, self.rows.len());
        self.rows.push(row);
    }

    pub(super) fn get(&self, id: &K) -> Option<&T> {
        self.rows.get(*self.places.get(id)?)
    }

    /// The place of a row, for counts that are kept beside the table.
    pub(super) fn place(&self, id: &K) -> Option<usize> {
        self.places.get(id).copied()
    }

    pub(super) fn iter(&self) -> std::slice::Iter<'_, T> {
        self.rows.iter()
    }

    pub(super) const fn len(&self) -> usize {
        self.rows.len()
    }
}

/// What a store holds.
#[derive(Debug)]
pub(super) struct Snapshot {
    pub(super) halls: Table<PerformanceId, Hall>,
    pub(super) sales: Table<ReservationId, Sale>,
    pub(super) claims: Vec<ClaimRow>,
    pub(super) places: Vec<AllowanceRow>,
    pub(super) payments: Table<PaymentId, Paid>,
    pub(super) checkouts: Vec<Saga>,
    pub(super) refunds: Table<RefundId, Back>,
    pub(super) tickets: Vec<Pass>,
    pub(super) books: Books,
    /// Events are too many to be kept: they are checked as they are read.
    pub(super) events: Invariant,
}

/// Does something with every row of a list.
macro_rules! each {
    ($inspect:expr, $list:ident, $limit:expr, |$row:pat_param| $body:expr) => {{
        let mut after = None;
        let mut pages = 0;
        loop {
            let page = $inspect.$list(PageRequest::next(after, $limit)).await?;
            for $row in page.items {
                $body;
            }
            after = page.next;
            pages += 1;
            if after.is_none() {
                break;
            }
            if pages == PAGES_MAX {
                let error = PortError::new("inspect", stringify!($list), Fault::Permanent);
                return Err(error.because("the list has no end"));
            }
        }
    }};
}

impl Snapshot {
    pub(super) async fn read(
        inspect: &dyn Inspect,
        options: &VerifyOptions,
    ) -> Result<Self, PortError> {
        let limit = options.page;
        let mut all = Self {
            halls: Table::new(),
            sales: Table::new(),
            claims: Vec::new(),
            places: Vec::new(),
            payments: Table::new(),
            checkouts: Vec::new(),
            refunds: Table::new(),
            tickets: Vec::new(),
            books: Books::default(),
            events: Invariant::new("events_missing_or_doubled"),
        };
        each!(inspect, performances, limit, |row| all.halls.push(row.id(), Hall::of(&row)));
        each!(inspect, reservations, limit, |row| all.sales.push(row.id(), Sale::of(&row)));
        each!(inspect, claims, limit, |row| all.claims.push(row));
        each!(inspect, allowances, limit, |row| all.places.push(row));
        each!(inspect, payments, limit, |row| {
            let sale = all.sales.get(&row.reservation());
            all.payments.push(row.id(), Paid::of(&row, sale));
        });
        each!(inspect, checkouts, limit, |row| all.checkouts.push(Saga::of(&row)));
        each!(inspect, refunds, limit, |row| all.refunds.push(row.id(), Back::of(&row)));
        each!(inspect, tickets, limit, |row| all.tickets.push(Pass::of(&row)));
        each!(inspect, entries, limit, |row| all.books.entry(&row));
        each!(inspect, resolutions, limit, |row| all.books.resolutions.push(row));
        each!(inspect, balances, limit, |row| all.books.balance(&row));
        let mut events = EventCheck::new(options);
        each!(inspect, event_counts, limit, |row| events.count(&row));
        each!(inspect, outbox, limit, |row| events.row(&row));
        all.events = events.finish();
        Ok(all)
    }
}
