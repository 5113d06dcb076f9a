//! Everything that a store holds and a model knows of, read page by page.

use std::future::Future;

use crate::aggregate::{Aggregate, AggregateRef, Version};
use crate::error::{Fault, PortError};
use crate::id::{EntryId, PerformanceId, ReservationId, ShowId, UserId};
use crate::ledger::AccountKey;
use crate::page::{Limit, Page, PageRequest};
use crate::port::{AllowanceRow, BalanceRow, Inspect};
use crate::seat::{Claim, SeatNo};

/// The most pages of one list: a list that goes on is one that never ends.
const PAGES_MAX: usize = 10_000_000;
const PAGE: Limit = match Limit::new(Limit::MAX) {
    Ok(limit) => limit,
    Err(_) => Limit::DEFAULT,
};

/// Rows in the order of their keys.
pub(super) type Rows<K, V> = Vec<(K, V)>;

/// The rows of a store in which nothing is written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Dump {
    pub(super) claims: Rows<(PerformanceId, SeatNo), Claim>,
    pub(super) places: Rows<(UserId, ShowId, u16), ReservationId>,
    pub(super) entries: Rows<EntryId, ()>,
    pub(super) resolutions: Rows<EntryId, EntryId>,
    /// One for each account that is not at zero.
    pub(super) balances: Rows<AccountKey, i128>,
    /// Of all aggregates that can be listed: not of venues and shows.
    pub(super) versions: Rows<AggregateRef, Version>,
    pub(super) recorded: Rows<AggregateRef, u64>,
}

impl Dump {
    pub(super) async fn read(inspect: &dyn Inspect) -> Result<Self, PortError> {
        Ok(Self {
            claims: claims(inspect).await?,
            places: places(inspect).await?,
            entries: entries(inspect).await?,
            resolutions: resolutions(inspect).await?,
            balances: balances(inspect).await?,
            versions: versions(inspect).await?,
            recorded: recorded(inspect).await?,
        })
    }
}

type Read<K, V> = Result<Rows<K, V>, PortError>;

pub(super) async fn claims(inspect: &dyn Inspect) -> Read<(PerformanceId, SeatNo), Claim> {
    all(|page| inspect.claims(page), |row| ((row.performance, row.seat), row.claim)).await
}

pub(super) async fn places(inspect: &dyn Inspect) -> Read<(UserId, ShowId, u16), ReservationId> {
    let row = |row: AllowanceRow| ((row.user, row.show, row.slot), row.reservation);
    all(|page| inspect.allowances(page), row).await
}

pub(super) async fn entries(inspect: &dyn Inspect) -> Read<EntryId, ()> {
    all(|page| inspect.entries(page), |entry| (entry.id(), ())).await
}

pub(super) async fn resolutions(inspect: &dyn Inspect) -> Read<EntryId, EntryId> {
    all(|page| inspect.resolutions(page), |row| row).await
}

pub(super) async fn balances(inspect: &dyn Inspect) -> Read<AccountKey, i128> {
    let row = |row: BalanceRow| (row.account, i128::from(row.amount));
    Ok(summed(all(|page| inspect.balances(page), row).await?))
}

pub(super) async fn recorded(inspect: &dyn Inspect) -> Read<AggregateRef, u64> {
    all(|page| inspect.event_counts(page), |row| (row.aggregate, row.recorded)).await
}

pub(super) async fn versions(inspect: &dyn Inspect) -> Read<AggregateRef, Version> {
    fn version(of: &dyn Aggregate) -> (AggregateRef, Version) {
        (of.reference(), of.root().version())
    }
    let mut rows = all(|page| inspect.performances(page), |row| version(&*row)).await?;
    rows.extend(all(|page| inspect.reservations(page), |row| version(&row)).await?);
    rows.extend(all(|page| inspect.checkouts(page), |row| version(&row)).await?);
    rows.extend(all(|page| inspect.payments(page), |row| version(&row)).await?);
    rows.extend(all(|page| inspect.refunds(page), |row| version(&row)).await?);
    rows.extend(all(|page| inspect.tickets(page), |row| version(&row)).await?);
    rows.sort_unstable();
    Ok(rows)
}

/// An account may have several rows, and one of zero says what no row says.
fn summed(mut rows: Rows<AccountKey, i128>) -> Rows<AccountKey, i128> {
    rows.dedup_by(|next, sum| {
        let same = next.0 == sum.0;
        sum.1 += if same { next.1 } else { 0 };
        same
    });
    rows.retain(|(_, amount)| *amount != 0);
    rows
}

/// What `row` makes of every item of a list, in the order of the keys.
async fn all<T, K, V, F>(
    list: impl Fn(PageRequest) -> F + Send,
    row: impl Fn(T) -> (K, V) + Send,
) -> Result<Rows<K, V>, PortError>
where
    T: Send,
    K: Ord + Send,
    V: Send,
    F: Future<Output = Result<Page<T>, PortError>> + Send,
{
    let mut rows = Vec::new();
    let mut after = None;
    for _ in 0..PAGES_MAX {
        let page = list(PageRequest::next(after, PAGE)).await?;
        rows.extend(page.items.into_iter().map(&row));
        after = page.next;
        if after.is_none() {
            rows.sort_by(|(one, _), (other, _)| one.cmp(other));
            return Ok(rows);
        }
    }
    Err(PortError::new("inspect", "list", Fault::Permanent).because("the list has no end"))
}
