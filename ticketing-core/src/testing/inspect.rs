//! Conformance of [`Inspect`](crate::port::Inspect).

#![expect(clippy::missing_panics_doc, reason = "every rule panics where a port breaks it")]

use std::fmt::Debug;
use std::future::Future;
use std::sync::Arc;

use super::ports::collect;
use super::sample::{self, Sale, seats};
use super::{Harness, StorePorts};
use crate::aggregate::Aggregate;
use crate::change_set::ChangeSet;
use crate::error::PortError;
use crate::ledger::JournalEntry;
use crate::page::{Page, PageRequest};
use crate::port::{AllowanceRow, BalanceRow, ClaimRow, OutboxRow};
use crate::reservation::Reservation;
use crate::seat::{Claim, ClaimOwner, ClaimStatus, SeatNo};

#[doc(hidden)]
#[macro_export]
macro_rules! __inspect_rules {
    ($then:ident $arguments:tt) => {
        $crate::$then! {
            inspect $arguments
            lists_are_complete,
            places_are_the_lowest_free_ones,
        }
    };
}
crate::__inspect_rules! { __rule_items [] }

/// Panics unless the rows that are `own`, sorted by `key`, are the expected ones: each once.
async fn expect_own<T, F, K: Ord>(
    what: &str,
    list: impl Fn(PageRequest) -> F + Send + Sync,
    own: impl Fn(&T) -> bool + Send + Sync,
    key: impl Fn(&T) -> K + Send + Sync,
    mut expected: Vec<T>,
) where
    T: Debug + PartialEq + Send + Sync,
    F: Future<Output = Result<Page<T>, PortError>> + Send,
{
    expected.sort_by_key(&key);
    for size in [2, 1_000] {
        let mut rows: Vec<T> = collect(size, &list).await;
        rows.retain(|row| own(row));
        rows.sort_by_key(&key);
        assert_eq!(rows, expected, "{what}, in pages of {size}");
    }
}

/// What the rule commits and then looks for in every list.
struct Written {
    sales: Vec<Sale>,
    sets: Vec<ChangeSet>,
    reservations: Vec<Reservation>,
    entries: Vec<Arc<JournalEntry>>,
    claims: Vec<ClaimRow>,
    allowances: Vec<AllowanceRow>,
    balances: Vec<BalanceRow>,
}

async fn write(h: &Harness, ports: &StorePorts) -> Written {
    let at = Sale::new(h);
    let mut written = Written {
        sales: (0..5).map(|_| at.another_buyer(h)).collect(),
        sets: Vec::new(),
        reservations: Vec::new(),
        entries: Vec::new(),
        claims: Vec::new(),
        allowances: Vec::new(),
        balances: Vec::new(),
    };
    for (seat, sale) in (0..).step_by(2).zip(&written.sales) {
        let reservation = sale.reservation(h, &seats([seat, seat + 1]));
        let id = reservation.id();
        let top_up = sample::top_up(h, sale.user, 1_000);
        let spent = sample::points_reserved(h, id, sale.user, 300);
        let back = sample::points_given_back(h, &spent);
        let sets = [
            sample::changes(h).post(top_up),
            sale.reserve(h, &reservation, 2).post(spent),
            sample::changes(h).post(back),
        ];
        for changes in sets {
            ports.done(&changes, "a purchase").await;
            written.entries.extend(changes.entries().iter().cloned());
            written.sets.push(changes);
        }
        let reservation = ports.committed_reservation(id).await;
        written.reservations.push(reservation);
        let claim = Claim { owner: ClaimOwner::Reservation(id), status: ClaimStatus::Pending };
        for (seat, slot) in [(seat, 0), (seat + 1, 1)] {
            let seat = SeatNo(seat);
            written.claims.push(ClaimRow { performance: at.performance, seat, claim });
            let (user, show) = (sale.user, sale.show);
            written.allowances.push(AllowanceRow { user, show, slot, reservation: id });
        }
        written.balances.push(BalanceRow { account: sample::wallet(sale.user), amount: 1_000 });
    }
    written
}

/// Every row that was committed is in its list, once over all pages, with the values it was given.
pub async fn lists_are_complete(h: &Harness, ports: &StorePorts) {
    let written = write(h, ports).await;
    let (performance, show) = (written.sales[0].performance, written.sales[0].show);
    let inspect = &ports.inspect;

    expect_own(
        "claims",
        |page| inspect.claims(page),
        |row| row.performance == performance,
        |row| row.seat,
        written.claims,
    )
    .await;
    expect_own(
        "places in shows",
        |page| inspect.allowances(page),
        |row| row.show == show,
        |row| (row.user, row.slot),
        written.allowances,
    )
    .await;
    expect_own(
        "reservations",
        |page| inspect.reservations(page),
        |row| row.performance() == performance,
        Reservation::id,
        written.reservations.clone(),
    )
    .await;
    let ids: Vec<_> = written.entries.iter().map(|entry| entry.id()).collect();
    expect_own(
        "journal entries",
        |page| inspect.entries(page),
        |entry| ids.contains(&entry.id()),
        |entry| entry.id(),
        written.entries.clone(),
    )
    .await;
    expect_own(
        "resolutions",
        |page| inspect.resolutions(page),
        |(pending, end)| ids.contains(pending) || ids.contains(end),
        |row| *row,
        written.entries.iter().filter_map(|e| Some((e.resolves()?, e.id()))).collect(),
    )
    .await;
    expect_own(
        "balances of wallets",
        |page| inspect.balances(page),
        |row| written.balances.iter().any(|own| own.account == row.account),
        |row| row.account,
        written.balances.clone(),
    )
    .await;

    expect_events(ports, &written.sets).await;
    let counts = collect(2, |page| inspect.event_counts(page)).await;
    for reservation in &written.reservations {
        let reference = reservation.reference();
        let own: Vec<u64> = counts
            .iter()
            .filter(|count| count.aggregate == reference)
            .map(|count| count.recorded)
            .collect();
        assert_eq!(own, [reservation.root().recorded()], "events recorded by {reference}");
    }
}

async fn expect_events(ports: &StorePorts, sets: &[ChangeSet]) {
    let mut expected: Vec<_> =
        sets.iter().flat_map(ChangeSet::events).map(|e| (e.aggregate, e.number)).collect();
    expected.sort_unstable();
    for size in [2, 1_000] {
        let rows: Vec<OutboxRow> = collect(size, |page| ports.inspect.outbox(page)).await;
        let places = || rows.iter().map(|row| (row.partition, row.sequence));
        assert!(places().is_sorted(), "events come by partition and sequence");
        let mut own: Vec<_> = rows
            .iter()
            .filter(|row| sets.iter().any(|changes| changes.id() == row.change_set))
            .map(|row| (row.aggregate, row.number))
            .collect();
        own.sort_unstable();
        assert_eq!(own, expected, "events, in pages of {size}");
    }
}

/// The places of a user in a show are the lowest that are free, each below the limit and had once.
pub async fn places_are_the_lowest_free_ones(h: &Harness, ports: &StorePorts) {
    let sale = Sale::new(h);
    let (user, show) = (sale.user, sale.show);
    let [a, b, c] = [(); 3].map(|()| crate::id::ReservationId::generate(h.ids()));
    let steps = [
        sample::changes(h).allow(user, show, 2, 4, a),
        sample::changes(h).allow(user, show, 2, 4, b),
        sample::changes(h).give_back(user, show, 2, a),
        sample::changes(h).allow(user, show, 1, 4, c),
    ];
    for changes in &steps {
        ports.done(changes, "a change of places").await;
    }
    expect_own(
        "places in a show",
        |page| ports.inspect.allowances(page),
        |row| row.user == user,
        |row| row.slot,
        [(0, c), (2, b), (3, b)]
            .map(|(slot, reservation)| AllowanceRow { user, show, slot, reservation })
            .to_vec(),
    )
    .await;
}
