//! Every read answers as the store in memory does, in pages of any size.

use std::fmt::Debug;

use chrono::{DateTime, TimeDelta, Utc};
use proptest::strategy::{BoxedStrategy, Strategy, ValueTree};
use proptest::test_runner::TestRunner;
use ticketing_core::change_set::{ChangeSet, Record};
use ticketing_core::checkout::Checkout;
use ticketing_core::error::PortError;
use ticketing_core::memory::{ManualClock, MemoryStore, MemoryStoreOptions};
use ticketing_core::page::{Page, PageRequest};
use ticketing_core::payment::Payment;
use ticketing_core::port;
use ticketing_core::reservation::Reservation;
use ticketing_core::testing::sample::{self, Sale};
use ticketing_core::testing::strategies::PerformanceAt;
use ticketing_core::testing::{Harness, strategies};
use uuid::Uuid;

use super::fixture::{Fixture, all, block_on, noon, pages};
use crate::{Options, Store};

/// How many change sets are drawn: enough for every list to have a few pages.
const DRAWN: usize = 160;

/// The two stores that must say the same.
struct Twins {
    memory: MemoryStore,
    fixture: Fixture,
}

/// A reservation under another id.
fn under(reservation: &Reservation, id: Uuid) -> Reservation {
    let mut json = serde_json::to_value(reservation).unwrap();
    json["id"] = serde_json::to_value(id).unwrap();
    serde_json::from_value(json).unwrap()
}

/// What a strategy draws, `count` times.
fn draw<T: Debug>(runner: &mut TestRunner, count: usize, from: &BoxedStrategy<T>) -> Vec<T> {
    (0..count).map(|_| from.new_tree(runner).unwrap().current()).collect()
}

/// Change sets of every kind, aggregates that somebody must still drive, a ledger, and reservations of one user that are due at one instant, of which one has
/// the least id that there is and one the greatest.
fn written() -> Vec<ChangeSet> {
    let h = Harness::threads(ManualClock::at(noon()));
    let changes = || sample::changes(&h);
    let runner = &mut TestRunner::deterministic();
    let mut written = draw(runner, DRAWN, &strategies::change_sets());
    let cancelled = strategies::performances_in(PerformanceAt::Cancelled);
    written.extend(draw(runner, 3, &cancelled).into_iter().map(|of| changes().save(of)));
    let checkouts = draw(runner, 40, &strategies::checkouts());
    written.extend(checkouts.into_iter().map(|of| changes().save(of)));
    let payments = draw(runner, 80, &strategies::payments());
    written.extend(payments.into_iter().map(|of| changes().save(of)));
    let entries = draw(runner, 9, &strategies::ledgers()).into_iter().flatten();
    written.extend(entries.map(|entry| changes().post(entry)));

    let of = Sale::new(&h).reservation(&h, &sample::seats([1]));
    let ids = (0..5).map(|_| h.ids().next_id()).chain([Uuid::nil(), Uuid::max()]);
    written.extend(ids.map(|id| changes().save(under(&of, id))));
    written
}

impl Twins {
    async fn new() -> Self {
        let clock = std::sync::Arc::new(ManualClock::at(noon()));
        let memory = MemoryStore::new(clock, MemoryStoreOptions::default());
        let (mut done, written) = (0, written());
        for changes in &written {
            done += usize::from(port::Store::commit(&memory, changes.clone()).await.is_ok());
        }
        let all = written.len();
        assert!(done > all * 9 / 10, "only {done} of {all} change sets were committed");
        let fixture = Fixture::new(Options::default()).await;
        fixture.copy(&memory).await;
        Self { memory, fixture }
    }

    /// Panics unless both stores list the same in the same order; how many items that were.
    async fn list<'a, T, F, G>(
        &'a self,
        what: &str,
        memory: impl Fn(&'a MemoryStore, PageRequest) -> F + Send + Sync,
        store: impl Fn(&'a Store, PageRequest) -> G + Send + Sync,
    ) -> usize
    where
        T: Debug + PartialEq + Send + Sync,
        F: Future<Output = Result<Page<T>, PortError>> + Send,
        G: Future<Output = Result<Page<T>, PortError>> + Send,
    {
        let expected = all(|page| memory(&self.memory, page)).await;
        for size in [1, 3, 1_000] {
            let got = pages(size, |page| store(&self.fixture.store, page)).await;
            assert!(got == expected, "{what}, in pages of {size}: {got:#?} and not {expected:#?}");
        }
        expected.len()
    }
}

/// Lists by a name, of both.
macro_rules! lists {
    ($twins:ident: $($port:ident::$list:ident($($of:expr),*)),+ $(,)?) => {
        [$($twins.list(
            stringify!($list),
            |store, page| port::$port::$list(store, $($of,)* page),
            |store, page| port::$port::$list(store, $($of,)* page),
        ).await),+]
    };
}

/// One answer, of both.
macro_rules! same {
    ($twins:ident: $($port:ident::$find:ident($($of:expr),*)),+ $(,)?) => {
        $(assert_eq!(
            port::$port::$find(&$twins.fixture.store, $($of),*).await.unwrap(),
            port::$port::$find(&$twins.memory, $($of),*).await.unwrap(),
            stringify!($find),
        );)+
    };
}

#[test]
fn everything_is_listed_as_in_memory() {
    block_on(async {
        let twins = Twins::new().await;
        let found = lists!(twins:
            Inspect::claims(), Inspect::allowances(), Inspect::performances(),
            Inspect::reservations(), Inspect::checkouts(), Inspect::payments(), Inspect::refunds(),
            Inspect::tickets(), Inspect::entries(), Inspect::resolutions(), Inspect::balances(),
            Inspect::outbox(), Inspect::event_counts(), Layouts::venues(), Layouts::shows(),
            Layouts::cancelled(), Payments::to_close(), Refunds::due(noon() + chrono::TimeDelta::days(365)),
        );
        assert!(found.iter().all(|count| *count > 1), "lists of {found:?} items prove little");
        let counts = all(|page| port::Inspect::event_counts(&twins.fixture.store, page)).await;
        let entries = counts.iter().filter(|count| count.aggregate.kind.as_str() == "entry");
        assert!(entries.count() > 1, "entries that tell an event");
    });
}

#[test]
fn what_belongs_to_something_is_listed_as_in_memory() {
    block_on(async {
        let twins = Twins::new().await;
        let from = &twins.memory;
        for show in all(|page| port::Layouts::shows(from, page)).await {
            let (seller, id) = (show.seller(), show.id());
            lists!(twins: Layouts::shows_of(seller), Layouts::performances(id));
            same!(twins: Layouts::show(id));
        }
        for venue in all(|page| port::Layouts::venues(from, page)).await {
            same!(twins: Layouts::venue(venue.id()));
        }
        for of in all(|page| port::Inspect::performances(from, page)).await {
            let id = of.id();
            same!(twins: Layouts::performance(id), Layouts::fresh_performance(id));
        }
        for of in all(|page| port::Inspect::reservations(from, page)).await {
            let (id, user, show) = (of.id(), of.user(), of.show());
            lists!(twins: Reservations::of_user(user), Reservations::live_of(of.performance()),
                Tickets::of_user(user));
            same!(twins: Reservations::find(id), Checkouts::of_reservation(id),
                Payments::of_reservation(id), Tickets::of_reservation(id),
                Claims::allowance_used(user, show));
        }
        for of in all(|page| port::Inspect::payments(from, page)).await {
            lists!(twins: Refunds::of_payment(of.id()));
            same!(twins: Payments::find(of.id()));
        }
        for of in all(|page| port::Inspect::refunds(from, page)).await {
            same!(twins: Refunds::find(of.id()));
        }
        for of in all(|page| port::Inspect::checkouts(from, page)).await {
            same!(twins: Checkouts::find(of.id()));
        }
        for of in all(|page| port::Inspect::tickets(from, page)).await {
            same!(twins: Tickets::find(of.id()));
        }
    });
}

#[test]
fn the_ledger_is_as_in_memory() {
    block_on(async {
        let twins = Twins::new().await;
        for row in all(|page| port::Inspect::balances(&twins.memory, page)).await {
            lists!(twins: Ledger::history(row.account));
            same!(twins: Ledger::balance(row.account));
        }
        for entry in all(|page| port::Inspect::entries(&twins.memory, page)).await {
            same!(twins: Ledger::entry(entry.id()), Ledger::resolution(entry.id()));
        }
        let nobody = sample::wallet(ticketing_core::id::UserId::from_uuid(Uuid::nil()));
        assert_eq!(lists!(twins: Ledger::history(nobody)), [0]);
        same!(twins: Ledger::balance(nobody));
    });
}

#[test]
fn what_waits_is_listed_up_to_an_instant_as_in_memory() {
    block_on(async {
        let twins = Twins::new().await;
        let end = DateTime::<Utc>::MAX_UTC;
        let from = &twins.memory;
        let due = all(|page| port::Reservations::due(from, end, page)).await;
        let stalled = all(|page| port::Checkouts::stalled(from, end, page)).await;
        let unsettled = all(|page| port::Payments::unsettled(from, end, page)).await;
        let mut instants = vec![end, DateTime::<Utc>::MIN_UTC];
        instants.extend(due.iter().map(Reservation::expires_at));
        instants.extend(stalled.iter().map(Checkout::moved_at));
        instants.extend(unsettled.iter().map(Payment::asked_at));
        let counts = [due.len(), stalled.len(), unsettled.len()];
        assert!(counts.iter().all(|count| *count > 2), "lists of {counts:?} items prove little");
        let before =
            instants.iter().filter_map(|at| at.checked_sub_signed(TimeDelta::microseconds(1)));
        for until in before.collect::<Vec<_>>().into_iter().chain(instants) {
            lists!(twins: Reservations::due(until), Checkouts::stalled(until),
                Payments::unsettled(until));
        }
    });
}

/// What a change set saves is what the lists are made of.
#[test]
fn records_of_every_kind_are_drawn() {
    let mut kinds = [0; 8];
    for changes in written() {
        for record in changes.records() {
            let place = match record {
                Record::Venue(_) => 0,
                Record::Show(_) => 1,
                Record::Performance(_) => 2,
                Record::Reservation(_) => 3,
                Record::Checkout(_) => 4,
                Record::Payment(_) => 5,
                Record::Refund(_) => 6,
                Record::Ticket(_) => 7,
                other => panic!("a record of a new kind: {other:?}"),
            };
            kinds[place] += 1;
        }
    }
    assert!(kinds.iter().all(|count| *count > 2), "{kinds:?}");
}
