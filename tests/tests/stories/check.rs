//! What every story must leave true, counted anew from all that is in the store.

use std::collections::{BTreeMap, BTreeSet};
use std::future::Future;

use pollster::block_on;
use ticketing_core::aggregate::AggregateRef;
use ticketing_core::error::PortError;
use ticketing_core::id::{EntryId, ReservationId};
use ticketing_core::ledger::{Account, EntryKind};
use ticketing_core::memory::MemoryStore;
use ticketing_core::page::{Limit, Page, PageRequest};
use ticketing_core::payment::{Honoured, Payment, PaymentState};
use ticketing_core::port::Inspect;
use ticketing_core::refund::{Refund, RefundFor, RefundState, Sent};
use ticketing_core::reservation::{Reservation, ReservationState};
use ticketing_core::seat::{ClaimOwner, ClaimStatus, SeatNo, Seats};
use ticketing_core::ticket::{Ticket, TicketState};

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

pub(crate) fn everything(store: &MemoryStore) {
    let reservations = all(|page| store.reservations(page));
    let payments = all(|page| store.payments(page));
    let refunds = all(|page| store.refunds(page));
    let tickets = all(|page| store.tickets(page));
    seats_and_places(store, &reservations);
    tickets_match(&reservations, &tickets);
    one_live_attempt(store, &reservations, &payments);
    refunds_match(&payments, &refunds);
    books(store, &reservations, &payments, &refunds);
    events(store);
}

/// Claims and allowances are exactly those of Pending reservations and of live seats.
fn seats_and_places(store: &MemoryStore, reservations: &[Reservation]) {
    let mut expected = BTreeSet::new();
    let mut places: BTreeMap<ReservationId, usize> = BTreeMap::new();
    for reservation in reservations {
        let (seats, status) = match reservation.state() {
            ReservationState::Pending => (reservation.seats(), ClaimStatus::Pending),
            ReservationState::Confirmed { live, .. } => (live.clone(), ClaimStatus::Sold),
            ReservationState::Cancelled { .. }
            | ReservationState::Expired
            | ReservationState::Refunded { .. } => continue,
        };
        places.insert(reservation.id(), seats.len());
        let id = reservation.performance();
        expected.extend(seats.iter().map(|seat| (id, seat, reservation.id(), status)));
    }
    let claims: BTreeSet<_> = all(|page| store.claims(page))
        .into_iter()
        .filter_map(|row| match row.claim.owner {
            ClaimOwner::Reservation(id) => Some((row.performance, row.seat, id, row.claim.status)),
            ClaimOwner::House => None,
        })
        .collect();
    assert_eq!(claims, expected, "claims are those of live reservations");
    let mut taken: BTreeMap<ReservationId, usize> = BTreeMap::new();
    let mut slots = BTreeSet::new();
    for row in all(|page| store.allowances(page)) {
        assert!(slots.insert((row.user, row.show, row.slot)), "a place is taken twice: {row:?}");
        *taken.entry(row.reservation).or_default() += 1;
    }
    assert_eq!(taken, places, "places are those of live seats");
}

/// Every live seat has one ticket that is not void, and no other seat has one.
fn tickets_match(reservations: &[Reservation], tickets: &[Ticket]) {
    let mut expected = BTreeSet::new();
    for reservation in reservations {
        for seat in reservation.live_seats().into_iter().flat_map(Seats::iter) {
            expected.insert((reservation.id(), seat));
        }
    }
    let valid: Vec<(ReservationId, SeatNo)> = tickets
        .iter()
        .filter(|ticket| !matches!(ticket.state(), TicketState::Void { .. }))
        .map(|ticket| (ticket.reservation(), ticket.seat()))
        .collect();
    assert_eq!(valid.len(), expected.len(), "one valid ticket for each live seat");
    assert_eq!(valid.into_iter().collect::<BTreeSet<_>>(), expected);
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

/// No payment gives back more than it got, and its refunds are those that it counts.
fn refunds_match(payments: &[Payment], refunds: &[Refund]) {
    for payment in payments {
        let (back, got) = (payment.refunded().minor(), payment.received().minor());
        assert!(back <= got, "{back} of {got} refunded");
        if *payment.state() != PaymentState::Reversed {
            let of_it = refunds.iter().filter(|refund| refund.payment() == payment.id());
            let sum: i64 = of_it.map(|refund| refund.external().minor()).sum();
            assert_eq!(back, sum, "the refunds of {}", payment.id());
        }
    }
}

fn books(
    store: &MemoryStore,
    reservations: &[Reservation],
    payments: &[Payment],
    refunds: &[Refund],
) {
    let entries = all(|page| store.entries(page));
    let resolved: BTreeMap<EntryId, EntryId> =
        all(|page| store.resolutions(page)).into_iter().collect();
    let mut sums = BTreeMap::new();
    let (mut topped_up, mut set_aside) = (0, BTreeMap::new());
    for entry in &entries {
        let sum: i64 = entry.postings().iter().map(|posting| posting.amount).sum();
        assert_eq!(sum, 0, "{entry:?} is not balanced");
        for (account, amount) in entry.lines() {
            *sums.entry(account).or_insert(0) += amount;
        }
        if let Some(pending) = entry.resolves() {
            assert_eq!(resolved.get(&pending), Some(&entry.id()), "{pending} is ended once");
        }
        let positive: i64 = entry.postings().iter().map(|posting| posting.amount.max(0)).sum();
        match entry.kind() {
            EntryKind::TopUp => topped_up += positive,
            EntryKind::PointsReserved if !resolved.contains_key(&entry.id()) => {
                set_aside.insert(entry.id(), positive);
            }
            _ => {}
        }
    }
    assert_eq!(resolved.len(), entries.iter().filter(|entry| entry.resolves().is_some()).count());
    let balances: BTreeMap<_, _> =
        all(|page| store.balances(page)).iter().map(|row| (row.account, row.amount)).collect();
    sums.retain(|_, amount| *amount != 0);
    let held: BTreeMap<_, _> =
        balances.clone().into_iter().filter(|(_, amount)| *amount != 0).collect();
    assert_eq!(held, sums, "balances are the sums of postings");
    let total = |account: Account| {
        let of_it = balances.iter().filter(|(key, _)| key.account == account);
        of_it.map(|(_, amount)| *amount).sum::<i64>()
    };
    for (key, amount) in &balances {
        assert!(!key.account.is_checked() || *amount >= 0, "{key} is below zero: {amount}");
    }

    assert_eq!(total(Account::PointsHeld), set_aside.values().sum::<i64>());
    let waiting: BTreeSet<EntryId> = payments
        .iter()
        .filter(|payment| payment.is_live() && !payment.points_are_back())
        .filter_map(Payment::points_entry)
        .chain(
            all(|page| store.checkouts(page))
                .iter()
                .filter(|checkout| checkout.is_live())
                .filter_map(ticketing_core::checkout::Checkout::points_entry),
        )
        .collect();
    let open: BTreeSet<EntryId> = set_aside.into_keys().collect();
    assert_eq!(open, waiting, "points are set aside for what is not decided, and only for that");

    let external = |refund: &Refund| refund.external().minor();
    let owed: i64 = refunds.iter().filter(|refund| refund.is_owed()).map(external).sum();
    assert_eq!(total(Account::RefundPayable), owed, "refund payable is what is owed");
    let sent = RefundState::Succeeded { sent: Sent::Gateway };
    let sent: i64 = refunds.iter().filter(|refund| *refund.state() == sent).map(external).sum();
    let received: i64 = payments.iter().map(|payment| payment.received().minor()).sum();
    assert_eq!(total(Account::Clearing), sent - received - topped_up, "what the gateway holds");

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
        .filter(|(key, _)| matches!(key.account, Account::Seller(_) | Account::PlatformFee))
        .map(|(_, amount)| *amount)
        .sum();
    assert_eq!(earned, sold + fees, "seller and platform have the live seats and the fees");
}

/// Events are numbered per aggregate and per partition without gaps.
fn events(store: &MemoryStore) {
    let mut numbers: BTreeMap<AggregateRef, u64> = BTreeMap::new();
    let mut sequences: BTreeMap<u16, u64> = BTreeMap::new();
    for row in all(|page| store.outbox(page)) {
        let sequence = sequences.entry(row.partition).or_default();
        *sequence += 1;
        assert_eq!(row.sequence, *sequence, "in partition {}", row.partition);
        let number = numbers.entry(row.aggregate).or_default();
        *number += 1;
        assert_eq!(row.number, *number, "{} of {}", row.name, row.aggregate);
    }
    for count in all(|page| store.event_counts(page)) {
        let told = numbers.remove(&count.aggregate).unwrap_or(0);
        assert_eq!(told, count.recorded, "events of {}", count.aggregate);
    }
    assert!(numbers.is_empty(), "events of nobody: {numbers:?}");
}
