use chrono::{DateTime, TimeDelta, Utc};

use super::save;
use super::trade::{attempt, checkout, completed, expect_whole, send, told};
use crate::aggregate::Aggregate;
use crate::checkout::{Checkout, Reply};
use crate::id::{CheckoutId, PaymentId, ReservationId};
use crate::payment::{FailReason, Method, Payment};
use crate::testing::sample::{self, Sale, seats};
use crate::testing::{Harness, StorePorts};

/// A checkout is listed while it moves, forward or back, in the order of when it last moved, and the
/// list ends with what moved exactly at `until`.
pub async fn stalled_checkouts_are_listed_until_they_end(h: &Harness, ports: &StorePorts) {
    let sale = Sale::new(h);
    let base = h.now() - TimeDelta::days(7_900);
    let at = |seconds| base + TimeDelta::seconds(seconds);
    let listed = async |until: DateTime<Utc>, own: &[Checkout], count: usize, what: &str| {
        let fits = |checkout: &Checkout| checkout.is_live() && checkout.moved_at() <= until;
        let left = own.iter().filter(|checkout| fits(checkout)).count();
        assert_eq!(left, count, "{what}: the sample");
        let key = |checkout: &Checkout| (checkout.moved_at(), checkout.id());
        expect_whole(|page| ports.checkouts.stalled(until, page), own, fits, key, what).await;
    };
    let mut own = Vec::new();
    for (seat, seconds) in (0..).zip([30, 5, 10, 10, 10, 31, 60]) {
        let mut reservation = sale.reservation_made(h, &seats([seat]), base);
        let mut checkout = checkout(h, &reservation, Method::Card, at(seconds));
        let begun = reservation.begin_checkout(checkout.id(), 20, at(seconds));
        let _ = begun.expect("a reservation that can be paid");
        let changes = sample::changes(h).save(reservation).save(checkout.clone());
        ports.done(&changes, "a checkout that is begun").await;
        drop(checkout.root_mut().committed());
        own.push(checkout);
    }
    listed(at(30), &own, 5, "checkouts that were begun by then").await;
    listed(at(100), &own, 7, "all checkouts that were begun").await;

    let forward = [Reply::UserActive, Reply::PointsReserved(None)];
    let back = [Reply::UserActive, Reply::PointsReserved(None), Reply::FraudSuspected];
    let completed = completed(PaymentId::generate(h.ids()));
    let steps: [(usize, &[Reply], i64, usize, usize); 6] = [
        (0, &forward, 40, 4, 7),
        (1, &back, 20, 4, 7),
        (0, &completed[2..], 70, 4, 6),
        (1, &[Reply::PointsBack], 70, 3, 5),
        (2, &[Reply::UserRefused], 70, 2, 4),
        (5, &completed, 70, 2, 3),
    ];
    for (index, replies, seconds, by_then, ever) in steps {
        told(&mut own[index], replies, at(seconds));
        own[index] = save(h, ports, own[index].clone()).await;
        listed(at(30), &own, by_then, "checkouts that moved last by then").await;
        listed(at(100), &own, ever, "checkouts that have not ended").await;
    }
    for checkout in own.iter_mut().filter(|checkout| checkout.is_live()) {
        told(checkout, &[Reply::UserRefused], at(80));
        *checkout = save(h, ports, checkout.clone()).await;
    }
    listed(at(100), &own, 0, "checkouts, when all have ended").await;
}

/// All payments and checkouts of a reservation are listed whatever became of them, in the order of
/// ids, and found by id.
pub async fn payments_and_checkouts_are_listed_by_reservation(h: &Harness, ports: &StorePorts) {
    let sale = Sale::new(h);
    let (mut first, mut second) = (Vec::new(), Vec::new());
    let mut reservations = [0, 1].map(|seat| sale.reservation(h, &seats([seat])));
    let mut ids: Vec<PaymentId> = (0..8).map(|_| PaymentId::generate(h.ids())).collect();
    ids.sort();
    for (number, id) in ids.into_iter().rev().enumerate() {
        let reservation = &mut reservations[number % 2];
        let (mut checkout, mut payment) = attempt(h, reservation, (id, Method::Card), h.now());
        // The last attempt of each is under way; those before it failed.
        if number < 6 {
            send(&mut payment, h.now());
            let _ = payment.fail(FailReason::NotFound, h.now()).expect("a payment that was sent");
            let _ = reservation.end_payment(payment.id());
        }
        let changes = sample::changes(h)
            .save(reservation.clone())
            .save(checkout.clone())
            .save(payment.clone());
        ports.done(&changes, "an attempt to pay").await;
        drop(reservation.root_mut().committed());
        drop(checkout.root_mut().committed());
        drop(payment.root_mut().committed());
        let own = if number % 2 == 0 { &mut first } else { &mut second };
        own.push((checkout, payment));
    }
    for (reservation, own) in reservations.iter().zip([first, second]) {
        expect_attempts(ports, reservation.id(), own).await;
    }
    expect_attempts(ports, ReservationId::generate(h.ids()), Vec::new()).await;
    let found = ports.checkouts.find(CheckoutId::generate(h.ids())).await.expect("checkout");
    assert_eq!(found, None, "a checkout that was never saved");
    let found = ports.payments.find(PaymentId::generate(h.ids())).await.expect("payment");
    assert_eq!(found, None, "a payment that was never saved");
}

async fn expect_attempts(
    ports: &StorePorts,
    reservation: ReservationId,
    own: Vec<(Checkout, Payment)>,
) {
    let (mut checkouts, mut payments): (Vec<_>, Vec<_>) = own.into_iter().unzip();
    checkouts.sort_by_key(Checkout::id);
    payments.sort_by_key(Payment::id);
    let listed = ports.checkouts.of_reservation(reservation).await.expect("checkouts");
    assert_eq!(listed, checkouts, "the checkouts of a reservation, in the order of ids");
    let listed = ports.payments.of_reservation(reservation).await.expect("payments");
    assert_eq!(listed, payments, "the payments of a reservation, in the order of ids");
    for checkout in checkouts {
        let found = ports.checkouts.find(checkout.id()).await.expect("checkout");
        assert_eq!(found, Some(checkout), "a checkout is read as it was saved");
    }
    for payment in payments {
        let found = ports.payments.find(payment.id()).await.expect("payment");
        assert_eq!(found, Some(payment), "a payment is read as it was saved");
    }
}
