//! What every story must leave true, counted anew from all that is in the store.

use std::collections::{BTreeMap, BTreeSet};
use std::future::Future;

use pollster::block_on;
use ticketing_core::error::PortError;
use ticketing_core::ledger::{Account, EntryKind};
use ticketing_core::memory::MemoryStore;
use ticketing_core::page::{Limit, Page, PageRequest};
use ticketing_core::payment::{Honoured, Payment};
use ticketing_core::port::Inspect;
use ticketing_core::refund::{Refund, RefundFor, RefundState, Sent};
use ticketing_core::reservation::{Reservation, ReservationState};
use ticketing_core::verify::{VerifyOptions, verify};

/// All rows of a list, over small pages.
pub(crate) fn all<T, F>(list: impl Fn(PageRequest) -> F) -> Vec<T>
where
    F: Future<Output = Result<Page<T>, PortError>>,
{
    let limit = Limit::new(7).unwrap();
    let (mut rows, mut page) = (Vec::new(), PageRequest::first(limit));
    loop {
        let got = block_on(list(page)).unwrap();
        rows.extend(got.items);
        match got.next {
            None => return rows,
            next => page = PageRequest::next(next, limit),
        }
    }
}

/// The invariants of [`verify`], and what it does not count.
pub(crate) fn everything(store: &MemoryStore, options: &VerifyOptions) {
    let report = block_on(verify(store, options)).unwrap();
    assert!(report.is_sound(), "{report}");
    let reservations = all(|page| store.reservations(page));
    let payments = all(|page| store.payments(page));
    let refunds = all(|page| store.refunds(page));
    one_live_attempt(store, &reservations, &payments);
    who_has_what(store, &reservations, &payments, &refunds);
}

/// A reservation has at most one live checkout, one live payment, one payment that bought it.
fn one_live_attempt(store: &MemoryStore, reservations: &[Reservation], payments: &[Payment]) {
    let by_id: BTreeMap<_, _> = reservations.iter().map(|found| (found.id(), found)).collect();
    let mut live = BTreeSet::new();
    let mut bought = BTreeSet::new();
    for payment in payments {
        let (id, reservation) = (payment.id(), by_id[&payment.reservation()]);
        if payment.is_live() {
            assert!(live.insert(reservation.id()), "two live payments of {}", reservation.id());
            let is_its_own = reservation.is_pending() && reservation.payment() == Some(id);
            let state = payment.state();
            assert!(is_its_own || payment.is_unsettled(), "payment {id} is left {state:?}");
        }
        if matches!(payment.honoured(), Some(Honoured::InTime | Honoured::Late)) {
            assert!(bought.insert(reservation.id()), "{} was bought twice", reservation.id());
            assert_eq!(reservation.payment(), Some(id), "it is the payment that bought it");
            assert!(matches!(
                reservation.state(),
                ReservationState::Confirmed { .. } | ReservationState::Refunded { .. }
            ));
        }
    }
    for reservation in reservations {
        if let (true, Some(id)) = (reservation.is_pending(), reservation.payment()) {
            let payment = payments.iter().find(|payment| payment.id() == id).unwrap();
            assert!(payment.is_live(), "{} waits for a payment that ended", reservation.id());
        }
    }
    let mut checked_out = BTreeSet::new();
    for checkout in all(|page| store.checkouts(page)).iter().filter(|it| it.is_live()) {
        assert!(checked_out.insert(checkout.reservation()), "two live checkouts");
    }
}

/// What is at the gateway, and what seller and platform have, by all sales and refunds together.
fn who_has_what(
    store: &MemoryStore,
    reservations: &[Reservation],
    payments: &[Payment],
    refunds: &[Refund],
) {
    let balances = all(|page| store.balances(page));
    let clearing: i64 = balances
        .iter()
        .filter(|row| row.account.account == Account::Clearing)
        .map(|row| row.amount)
        .sum();
    let topped_up: i64 = all(|page| store.entries(page))
        .iter()
        .filter(|entry| entry.kind() == EntryKind::TopUp)
        .flat_map(|entry| entry.lines().map(|(_, amount)| amount.max(0)))
        .sum();
    let sent = RefundState::Succeeded { sent: Sent::Gateway };
    let sent: i64 = refunds
        .iter()
        .filter(|refund| *refund.state() == sent)
        .map(|refund| refund.to_send().minor())
        .sum();
    let received: i64 = payments.iter().map(|payment| payment.received().minor()).sum();
    assert_eq!(clearing, sent - received - topped_up, "what the gateway holds");

    let sold: i64 = reservations
        .iter()
        .filter_map(|reservation| Some((reservation, reservation.live_seats()?)))
        .flat_map(|(reservation, live)| {
            reservation.lines().iter().filter(|line| live.contains(line.seat))
        })
        .map(|line| line.price.minor())
        .sum();
    let fees: i64 = refunds
        .iter()
        .filter_map(|refund| match refund.what() {
            RefundFor::Seats(lines) => {
                Some(lines.iter().map(|line| line.fee().minor()).sum::<i64>())
            }
            _ => None,
        })
        .sum::<i64>();
    let earned: i64 = balances
        .iter()
        .filter(|row| matches!(row.account.account, Account::Seller(_) | Account::PlatformFee))
        .map(|row| row.amount)
        .sum();
    assert_eq!(earned, sold + fees, "seller and platform have the live seats and the fees");
}
