use std::fmt;
use std::future::Future;
use std::sync::Arc;

use rustc_hash::FxHashSet;

use super::Harness;
use crate::change_set::{ChangeSet, MessageKey, ReceiptKey};
use crate::error::PortError;
use crate::id::{ChangeSetId, PerformanceId, ReservationId};
use crate::ledger::AccountKey;
use crate::page::{Cursor, Limit, Page, PageRequest};
use crate::port::{
    Checkouts, Claims, CommitError, Committed, Inspect, Layouts, Ledger, OutboxReader, OutboxRow,
    Payments, Receipts, Refunds, Reservations, Retention, Store, Tickets,
};
use crate::reservation::Reservation;
use crate::seat::{Claim, SeatNo, Seats};

/// The ports of one store: the only one that writes, and those that read what it wrote.
#[derive(Clone)]
#[expect(missing_docs, reason = "each field is named after its trait")]
pub struct StorePorts {
    pub store: Arc<dyn Store>,
    pub layouts: Arc<dyn Layouts>,
    pub reservations: Arc<dyn Reservations>,
    pub checkouts: Arc<dyn Checkouts>,
    pub payments: Arc<dyn Payments>,
    pub refunds: Arc<dyn Refunds>,
    pub tickets: Arc<dyn Tickets>,
    pub ledger: Arc<dyn Ledger>,
    pub claims: Arc<dyn Claims>,
    pub receipts: Arc<dyn Receipts>,
    pub retention: Arc<dyn Retention>,
    pub outbox: Arc<dyn OutboxReader>,
    pub inspect: Arc<dyn Inspect>,
}

impl fmt::Debug for StorePorts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("StorePorts(..)")
    }
}

impl StorePorts {
    /// The ports of an adapter that implements all of them on one type.
    pub fn of<A>(adapter: &Arc<A>) -> Self
    where
        A: Store + Layouts + Reservations + Checkouts + Payments + Refunds + Tickets,
        A: Ledger + Claims + Receipts + Retention + OutboxReader + Inspect + 'static,
    {
        Self {
            store: Arc::clone(adapter) as _,
            layouts: Arc::clone(adapter) as _,
            reservations: Arc::clone(adapter) as _,
            checkouts: Arc::clone(adapter) as _,
            payments: Arc::clone(adapter) as _,
            refunds: Arc::clone(adapter) as _,
            tickets: Arc::clone(adapter) as _,
            ledger: Arc::clone(adapter) as _,
            claims: Arc::clone(adapter) as _,
            receipts: Arc::clone(adapter) as _,
            retention: Arc::clone(adapter) as _,
            outbox: Arc::clone(adapter) as _,
            inspect: Arc::clone(adapter) as _,
        }
    }

    pub(super) async fn commit(&self, changes: &ChangeSet) -> Result<Committed, CommitError> {
        self.store.commit(changes.clone()).await
    }

    pub(super) async fn done(&self, changes: &ChangeSet, what: &str) {
        let answer = self.commit(changes).await;
        assert!(is_done(&answer), "expected Done for {what}, got {answer:?}");
    }

    pub(super) async fn race(
        &self,
        h: &Harness,
        sets: impl IntoIterator<Item = ChangeSet>,
    ) -> Vec<Result<Committed, CommitError>> {
        h.race(sets.into_iter().map(|changes| {
            let store = Arc::clone(&self.store);
            async move { store.commit(changes).await }
        }))
        .await
    }

    pub(super) async fn reservation(&self, id: ReservationId) -> Option<Reservation> {
        self.reservations.find(id).await.expect("finding a reservation")
    }

    pub(super) async fn committed_reservation(&self, id: ReservationId) -> Reservation {
        self.reservation(id).await.unwrap_or_else(|| panic!("{id} was committed and is not found"))
    }

    pub(super) async fn claim(&self, performance: PerformanceId, seat: u32) -> Option<Claim> {
        let seat = SeatNo(seat);
        let claims = self.claims.of_seats(performance, Seats::one(seat)).await;
        let claims = claims.expect("reading claims");
        assert!(
            claims.iter().all(|(number, _)| *number == seat) && claims.len() <= 1,
            "asked for the claim on seat {seat}, got {claims:?}"
        );
        claims.first().map(|(_, claim)| *claim)
    }

    pub(super) async fn balance(&self, account: AccountKey) -> i64 {
        self.ledger.balance(account).await.expect("reading a balance")
    }

    pub(super) async fn has_receipt(&self, key: &ReceiptKey) -> bool {
        self.receipts.find(key.clone()).await.expect("finding a receipt").is_some()
    }

    /// Whether the store remembers a message, found out by a change set that is refused either way:
    /// it wants a seat that is taken.
    pub(super) async fn remembers(
        &self,
        h: &Harness,
        message: &MessageKey,
        taken: (PerformanceId, u32),
    ) -> bool {
        let (performance, seat) = taken;
        let probe = super::sample::changes(h).caused_by(message.clone()).claim(
            performance,
            Seats::one(SeatNo(seat)),
            super::sample::owner(h),
        );
        match self.commit(&probe).await {
            Ok(Committed::Duplicate(key)) if key == *message => true,
            Err(CommitError::SeatTaken(_)) => false,
            answer => panic!("expected Duplicate or SeatTaken for {message}, got {answer:?}"),
        }
    }

    pub(super) async fn events_of(&self, changes: ChangeSetId) -> Vec<OutboxRow> {
        let rows = collect(Limit::MAX, |page| self.inspect.outbox(page)).await;
        rows.into_iter().filter(|row| row.change_set == changes).collect()
    }
}

pub(super) const fn is_done(answer: &Result<Committed, CommitError>) -> bool {
    matches!(answer, Ok(Committed::Done))
}

pub(super) fn limit(limit: usize) -> Limit {
    Limit::new(limit).expect("the suites ask for 1 to 1,000 items")
}

/// All items of a list, read in pages of `size`.
pub(super) async fn collect<T, F>(size: usize, list: impl Fn(PageRequest) -> F + Send) -> Vec<T>
where
    T: Send,
    F: Future<Output = Result<Page<T>, PortError>> + Send,
{
    let mut seen: FxHashSet<Cursor> = FxHashSet::default();
    let mut items = Vec::new();
    let mut after = None;
    loop {
        let page = list(PageRequest::next(after, limit(size))).await.expect("reading a page");
        assert!(page.items.len() <= size, "asked for {size} items, got {}", page.items.len());
        items.extend(page.items);
        let Some(next) = page.next else { return items };
        assert!(seen.insert(next.clone()), "the list came back to its cursor {next}");
        after = Some(next);
    }
}
