//! Conformance of the ports that read what a store wrote.

#![expect(clippy::missing_panics_doc, reason = "every rule panics where a port breaks it")]

pub(super) mod catalogue;
mod checkouts;
mod payments;
mod refunds;
pub(super) mod trade;

pub use catalogue::{
    cancelled_performances_are_listed_until_wound_up, tickets_are_listed_by_reservation_and_user,
};
pub use checkouts::{
    payments_and_checkouts_are_listed_by_reservation, stalled_checkouts_are_listed_until_they_end,
};
pub use payments::{
    accounts_to_close_are_listed_until_closed, unsettled_lists_what_waits_for_the_gateway,
};
pub use refunds::{due_refunds_are_listed_until_done, refunds_are_listed_by_payment};

use std::fmt::Debug;
use std::future::Future;

use chrono::{DateTime, TimeDelta, Utc};

use super::ports::collect;
use super::sample::{self, Sale, seats};
use super::{Harness, StorePorts};
use crate::aggregate::Aggregate;
use crate::change_set::{ChangeSet, Record};
use crate::error::PortError;
use crate::id::{EntryId, PaymentId, ReservationId};
use crate::page::{Page, PageRequest};
use crate::port::HistoryLine;
use crate::reservation::{CancelReason, Reservation};
use crate::seat::{ClaimBits, ClaimOwner, ClaimStatus, SeatNo};

#[doc(hidden)]
#[macro_export]
macro_rules! __reads_rules {
    ($then:ident $arguments:tt) => {
        $crate::$then! {
            reads $arguments
            committed_is_seen,
            pages_give_each_item_once,
            cancelled_performances_are_listed_until_wound_up,
            tickets_are_listed_by_reservation_and_user,
            due_lists_only_what_is_due,
            payments_and_checkouts_are_listed_by_reservation,
            stalled_checkouts_are_listed_until_they_end,
            unsettled_lists_what_waits_for_the_gateway,
            accounts_to_close_are_listed_until_closed,
            due_refunds_are_listed_until_done,
            refunds_are_listed_by_payment,
            bitmaps_agree_with_claims,
            balance_is_the_sum_of_postings,
            history_is_newest_first,
        }
    };
}
crate::__reads_rules! { __rule_items [] }

/// The reservation as a change set saves it.
fn saved(changes: &ChangeSet) -> &Reservation {
    changes
        .records()
        .find_map(|record| match record {
            Record::Reservation(reservation) => Some(&**reservation),
            _ => None,
        })
        .expect("a change set that saves a reservation")
}

/// Saves an aggregate; the same as the store has it now.
async fn save<A>(h: &Harness, ports: &StorePorts, aggregate: A) -> A
where
    A: Aggregate + Into<Record> + Clone + Send + Sync,
{
    ports.done(&sample::changes(h).save(aggregate.clone()), "a save").await;
    let mut saved = aggregate;
    drop(saved.root_mut().committed());
    saved
}

/// Panics unless the list, read in pages of 1, 2, 3 and many, is always the expected one.
async fn expect_list<T, F>(
    list: impl Fn(PageRequest) -> F + Send + Sync,
    expected: &[T],
    what: &str,
) where
    T: Debug + PartialEq + Send + Sync,
    F: Future<Output = Result<Page<T>, PortError>> + Send,
{
    for size in [1, 2, 3, 1_000] {
        let items = collect(size, &list).await;
        assert_eq!(items, expected, "{what}, in pages of {size}");
    }
}

/// What a commit answered `Done` is in every read that begins after it, whoever asks.
pub async fn committed_is_seen(h: &Harness, ports: &StorePorts) {
    let at = Sale::new(h);
    for seat in 0..20 {
        let sale = at.another_buyer(h);
        let reservation = sale.reservation(h, &seats([seat]));
        let (id, key) = (reservation.id(), sample::receipt_key(h));
        assert_eq!(ports.reservation(id).await, None, "nothing is there before the commit");
        let changes = sale.reserve(h, &reservation, 1).receipt(
            key.clone(),
            sample::fingerprint("a"),
            sample::answer("a"),
        );
        let top_up = sample::top_up(h, sale.user, 10);
        ports.done(&changes, "a reserve").await;
        ports.done(&sample::changes(h).post(top_up.clone()), "a top-up").await;

        let found = ports.committed_reservation(id).await;
        assert_eq!(&found, saved(&changes), "a reservation is read as it was saved");
        assert!(ports.claim(sale.performance, seat).await.is_some(), "the claim is seen");
        let used = ports.claims.allowance_used(sale.user, sale.show).await.expect("allowance");
        assert_eq!(used, 1, "the place is seen");
        assert!(ports.has_receipt(&key).await, "the answer is seen");
        assert_eq!(ports.balance(sample::wallet(sale.user)).await, 10, "the balance is seen");
        let entry = ports.ledger.entry(top_up.id()).await.expect("entry");
        assert_eq!(entry.as_deref(), Some(&top_up), "an entry is read as it was posted");

        let mut found = found;
        let _ = found.cancel(CancelReason::Buyer, false, h.now()).expect("a pending reservation");
        let changes = sample::changes(h).save(found);
        ports.done(&changes, "a cancel").await;
        let found = ports.committed_reservation(id).await;
        assert_eq!(&found, saved(&changes), "the second version is seen");
    }
}

/// A list gives each item once over all its pages, in its order, whatever their size.
pub async fn pages_give_each_item_once(h: &Harness, ports: &StorePorts) {
    let sale = Sale::new(h);
    let mut own: Vec<Reservation> = Vec::new();
    for seat in 0..7 {
        let changes = sale.reserve(h, &sale.reservation(h, &seats([seat])), 7);
        ports.done(&changes, "a reserve").await;
        own.push(saved(&changes).clone());
        let other = sale.another_buyer(h);
        let theirs = other.reserve(h, &other.reservation(h, &seats([100 + seat])), 1);
        ports.done(&theirs, "a reserve of another buyer").await;
    }
    own.sort_by_key(Reservation::id);
    let of_user = |page| ports.reservations.of_user(sale.user, page);
    expect_list(of_user, &own, "the reservations of a user").await;

    let next = Sale { performance: Sale::new(h).performance, ..sale.clone() };
    let mut live: Vec<Reservation> = Vec::new();
    for seat in 0..8 {
        let buyer = next.another_buyer(h);
        let mut changes = buyer.reserve(h, &buyer.reservation(h, &seats([seat])), 1);
        ports.done(&changes, "a reserve").await;
        if seat % 4 < 2 {
            let mut reservation = saved(&changes).clone();
            if seat % 4 == 0 {
                let _ = reservation
                    .cancel(CancelReason::Buyer, false, h.now())
                    .expect("a pending reservation");
            } else {
                confirm(h, &mut reservation);
            }
            changes = sample::changes(h).save(reservation);
            ports.done(&changes, "a reservation that is decided").await;
        }
        if seat % 4 != 0 {
            live.push(saved(&changes).clone());
        }
    }
    live.sort_by_key(Reservation::id);
    let live_of = |page| ports.reservations.live_of(next.performance, page);
    expect_list(live_of, &live, "the live reservations of a performance").await;
    let nobody = |page| ports.reservations.of_user(Sale::new(h).user, page);
    expect_list(nobody, &[], "the reservations of a new user").await;
    catalogue::expect_layouts(h, ports).await;
}

pub(super) fn confirm(h: &Harness, reservation: &mut Reservation) {
    let (payment, now) = (PaymentId::generate(h.ids()), reservation.made_at());
    let deadlines = crate::policy::Deadlines::default();
    let _ = reservation.start_payment(payment, &deadlines, now).expect("a pending reservation");
    let _ = reservation.confirm(payment, now).expect("its own payment");
}

/// Only Pending reservations whose deadline has come are due, the earliest first.
pub async fn due_lists_only_what_is_due(h: &Harness, ports: &StorePorts) {
    let sale = Sale::new(h);
    let base: DateTime<Utc> = h.now() - TimeDelta::days(8_000);
    let made = |seat: u32, seconds: i64| {
        let at = base + TimeDelta::seconds(seconds);
        sale.reservation_made(h, &seats([seat]), at)
    };
    let until = made(0, 30).expires_at();
    let late = base + TimeDelta::days(1);
    let mut due: Vec<Reservation> = Vec::new();
    for (seat, seconds) in (0..).zip([30, 5, 10, 10, 10, 31, 60]) {
        let changes = sample::changes(h).save(made(seat, seconds));
        ports.done(&changes, "a reservation").await;
        if saved(&changes).expires_at() <= until {
            due.push(saved(&changes).clone());
        }
    }
    for (seat, how) in (10..).zip(["cancelled", "expired", "confirmed"]) {
        let mut reservation = made(seat, 1);
        match how {
            "cancelled" => drop(reservation.cancel(CancelReason::Buyer, false, base)),
            "expired" => drop(reservation.expire(false, late)),
            _ => confirm(h, &mut reservation),
        }
        ports.done(&sample::changes(h).save(reservation), how).await;
    }
    due.sort_by_key(|reservation| (reservation.expires_at(), reservation.id()));
    assert_eq!(due.len(), 5, "the one that is due exactly now is due");

    for size in [1, 2, 3, 1_000] {
        let listed = collect(size, |page| ports.reservations.due(until, page)).await;
        let pairs =
            || listed.iter().map(|reservation| (reservation.expires_at(), reservation.id()));
        assert!(pairs().is_sorted(), "due reservations come in the order of (deadline, id)");
        assert!(pairs().all(|(at, _)| at <= until), "listed before its deadline");
        let listed: Vec<Reservation> =
            listed.into_iter().filter(|reservation| reservation.user() == sale.user).collect();
        assert_eq!(listed, due, "what is due at {until}, in pages of {size}");
    }
}

/// The bitmap pair of a performance and its claim rows say the same of every seat.
pub async fn bitmaps_agree_with_claims(h: &Harness, ports: &StorePorts) {
    const CAPACITY: u32 = 200;
    let perf = Sale::new(h).performance;
    let bits = async || ports.claims.bits(perf, CAPACITY).await.expect("bits");
    assert_eq!(bits().await, ClaimBits::new(CAPACITY), "all seats of a new performance are free");

    let [buyer, gone] = [(); 2].map(|()| ReservationId::generate(h.ids()));
    let (pending, sold) = (seats([0, 31, 63, 100, 199]), seats([1, 32, 64, 65, 127, 128]));
    let (house, freed) = (seats([2, 33, 66]), seats([3, 34, 67]));
    let of_buyer = ClaimOwner::Reservation(buyer);
    let of_gone = ClaimOwner::Reservation(gone);
    let elsewhere = Sale::new(h).performance;
    let sets = [
        sample::changes(h)
            .claim(perf, pending.clone(), of_buyer)
            .claim(perf, sold.clone(), of_buyer)
            .claim(perf, house.clone(), ClaimOwner::House)
            .claim(perf, freed.clone(), of_gone),
        sample::changes(h).sell(perf, sold.clone(), buyer).release(perf, freed, of_gone),
        sample::changes(h).claim(elsewhere, seats([7, 8]), of_buyer),
    ];
    for changes in &sets {
        ports.done(changes, "claims").await;
    }

    let mut expected = ClaimBits::new(CAPACITY);
    let statuses =
        [(pending, ClaimStatus::Pending), (sold, ClaimStatus::Sold), (house, ClaimStatus::House)];
    for (seats, status) in &statuses {
        seats.iter().for_each(|seat| expected.set(seat, Some(*status)));
    }
    assert_eq!(bits().await, expected, "the bitmaps of a performance");
    let rows = ports.claims.of_seats(perf, seats(0..CAPACITY)).await.expect("claims");
    assert!(rows.is_sorted_by_key(|(seat, _)| *seat), "claims come ascending: {rows:?}");
    assert_eq!(rows.len(), 14, "seats without a claim are left out: {rows:?}");
    let mut from_rows = ClaimBits::new(CAPACITY);
    for (seat, claim) in &rows {
        from_rows.set(*seat, Some(claim.status));
        let owner = if claim.status == ClaimStatus::House { ClaimOwner::House } else { of_buyer };
        assert_eq!(claim.owner, owner, "whose seat {seat} is");
    }
    assert_eq!(from_rows, expected, "the claims of all seats");
    let some = ports.claims.of_seats(perf, seats([0, 3, 4, 66])).await.expect("claims");
    let some: Vec<SeatNo> = some.into_iter().map(|(seat, _)| seat).collect();
    assert_eq!(some, [SeatNo(0), SeatNo(66)], "only the seats that were asked for");
}

/// The wallet's history as it must be read: newest first.
async fn history(ports: &StorePorts, sale: &Sale, size: usize) -> Vec<HistoryLine> {
    collect(size, |page| ports.ledger.history(sample::wallet(sale.user), page)).await
}

/// A balance is the sum of its account's postings, also after many commits at once.
pub async fn balance_is_the_sum_of_postings(h: &Harness, ports: &StorePorts) {
    let sale = Sale::new(h);
    let wallet = sample::wallet(sale.user);
    assert_eq!(ports.balance(wallet).await, 0, "a wallet never used is empty");
    assert_eq!(history(ports, &sale, 10).await, [], "a wallet never used has no history");

    let mut expected = 0;
    for round in 1..=4_i64 {
        let top_ups =
            (1..=6).map(|n| sample::changes(h).post(sample::top_up(h, sale.user, round * 100 + n)));
        for answer in ports.race(h, top_ups.collect::<Vec<_>>()).await {
            assert!(super::ports::is_done(&answer), "expected Done for a top-up, got {answer:?}");
        }
        expected += round * 600 + 21;
        let reservation = ReservationId::generate(h.ids());
        let spent = sample::points_reserved(h, reservation, sale.user, round * 7);
        ports.done(&sample::changes(h).post(spent.clone()), "points set aside").await;
        expected -= round * 7;
        if round % 2 == 0 {
            let back = sample::points_given_back(h, &spent);
            ports.done(&sample::changes(h).post(back), "points given back").await;
            expected += round * 7;
        }
        let refused = sample::points_reserved(h, reservation, sale.user, 1_000_000);
        let answer = ports.commit(&sample::changes(h).post(refused)).await;
        assert!(answer.is_err(), "expected InsufficientFunds, got {answer:?}");

        assert_eq!(ports.balance(wallet).await, expected, "the balance in round {round}");
        let sum: i64 = history(ports, &sale, 5).await.iter().map(|line| line.amount).sum();
        assert_eq!(sum, expected, "the sum of the history in round {round}");
    }
    let dollars = crate::ledger::AccountKey { currency: crate::money::Currency::USD, ..wallet };
    assert_eq!(ports.balance(dollars).await, 0, "another currency is another balance");
}

/// A history lists the postings of one account, newest entry first.
pub async fn history_is_newest_first(h: &Harness, ports: &StorePorts) {
    let sale = Sale::new(h);
    let other = sale.another_buyer(h);
    let mut expected: Vec<HistoryLine> = Vec::new();
    for amount in [100, 200, 300] {
        let top_up = sample::top_up(h, sale.user, amount);
        let reservation = ReservationId::generate(h.ids());
        let spent = sample::points_reserved(h, reservation, sale.user, amount / 2);
        let back = sample::points_given_back(h, &spent);
        for (entry, amount) in [(top_up, amount), (spent, -amount / 2), (back, amount / 2)] {
            expected.push(HistoryLine {
                entry: entry.id(),
                kind: entry.kind(),
                subject: entry.subject(),
                amount,
                at: entry.at(),
            });
            ports.done(&sample::changes(h).post(entry), "an entry").await;
        }
        let theirs = sample::changes(h).post(sample::top_up(h, other.user, 1));
        ports.done(&theirs, "an entry of another wallet").await;
    }
    expected.sort_by_key(|line| std::cmp::Reverse::<EntryId>(line.entry));
    for size in [1, 2, 3, 1_000] {
        assert_eq!(history(ports, &sale, size).await, expected, "in pages of {size}");
    }
}
