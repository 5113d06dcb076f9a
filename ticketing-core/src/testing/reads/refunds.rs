use chrono::{DateTime, TimeDelta, Utc};

use super::trade::{expect_whole, paid, refunded};
use super::{expect_list, save};
use crate::id::{PaymentId, RefundId};
use crate::page::PageRequest;
use crate::payment::Method;
use crate::refund::Refund;
use crate::testing::sample::Sale;
use crate::testing::{Harness, StorePorts};

/// What becomes of a refund, how many of the rule's own are open then, and how many of those are due.
type Change = (usize, &'static str, fn(&mut Refund, DateTime<Utc>), usize, usize);

const CHANGES: [Change; 12] = [
    (0, "one is sent", send, 6, 3),
    (0, "its answer is lost", lose_answer, 6, 3),
    (0, "the gateway refuses it", refuse, 6, 3),
    (0, "it is sent again", send, 6, 3),
    (0, "the money is gone", succeed, 5, 3),
    (2, "one is stopped that needs an account", stop, 4, 3),
    (3, "one is given as points", give_as_points, 3, 3),
    (5, "one is stopped that was not sent", stop, 2, 2),
    (6, "one is refused all but once", refuse_all_but_once, 2, 1),
    (6, "it is given up", refuse_again, 1, 1),
    (6, "a human starts it again", send, 2, 1),
    (6, "that succeeds", succeed, 1, 1),
];

fn send(refund: &mut Refund, now: DateTime<Utc>) {
    let _ = refund.begin(now).expect("a refund that is owed");
}

fn refuse(refund: &mut Refund, now: DateTime<Utc>) {
    let _ = refund.fail("REFUSED", now).expect("a refund that was sent");
}

fn refuse_all_but_once(refund: &mut Refund, now: DateTime<Utc>) {
    for _ in 1..Refund::ATTEMPTS_MAX {
        refuse_again(refund, now);
    }
}

fn refuse_again(refund: &mut Refund, now: DateTime<Utc>) {
    send(refund, now);
    refuse(refund, now);
}

fn succeed(refund: &mut Refund, now: DateTime<Utc>) {
    let _ = refund.succeed(now).expect("a refund that was sent");
}

fn lose_answer(refund: &mut Refund, now: DateTime<Utc>) {
    let _ = refund.lose_answer(now).expect("a refund that was sent");
}

fn give_as_points(refund: &mut Refund, now: DateTime<Utc>) {
    let _ = refund.give_as_points(now).expect("a refund that needs an account");
}

fn stop(refund: &mut Refund, now: DateTime<Utc>) {
    let _ = refund.take_back(refund.left(), now).expect("a refund that is owed");
}

/// A refund is due from its request until it succeeded, was stopped or was given up, and again when a
/// human starts one anew that was given up; in between not before the worker looks at it again. The list
/// is in the order of that time.
pub async fn due_refunds_are_listed_until_done(h: &Harness, ports: &StorePorts) {
    let sale = Sale::new(h);
    let listed = async |own: &[Refund], open: usize, due: usize, what: &str| {
        let now = h.now();
        for (until, count) in [(now + TimeDelta::days(60), open), (now, due)] {
            let fits = |refund: &Refund| refund.is_open() && refund.next_try_at() <= until;
            assert_eq!(own.iter().filter(|refund| fits(refund)).count(), count, "{what}");
            let key = |refund: &Refund| (refund.next_try_at(), refund.id());
            let what = format!("due until {until} when {what}");
            expect_whole(|page| ports.refunds.due(until, page), own, fits, key, &what).await;
        }
    };
    let mut card = paid(h, ports, (&sale, 0), Method::Card).await;
    let mut transfer = paid(h, ports, (&sale, 1), Method::BankTransfer).await;
    let mut own: Vec<Refund> = Vec::new();
    for (number, external) in (1_i64..).zip([100, 200, 300, 400, 0, 500, 600]) {
        let payment = if matches!(external, 300 | 400) { &mut transfer } else { &mut card };
        let wanted = (RefundId::generate(h.ids()), external, number);
        own.push(refunded(h, ports, payment, wanted).await);
    }
    listed(&own, 6, 4, "all but one have something to send, and two need an account").await;

    for (index, what, change, open, due) in CHANGES {
        change(&mut own[index], h.now());
        own[index] = save(h, ports, own[index].clone()).await;
        listed(&own, open, due, what).await;
    }
    send(&mut own[1], h.now());
    succeed(&mut own[1], h.now());
    own[1] = save(h, ports, own[1].clone()).await;
    listed(&own, 0, 0, "all are done").await;
}

/// The refunds of a payment are listed whatever became of them, in the order of ids, and found by id.
pub async fn refunds_are_listed_by_payment(h: &Harness, ports: &StorePorts) {
    let sale = Sale::new(h);
    let mut payment = paid(h, ports, (&sale, 0), Method::Card).await;
    let mut other = paid(h, ports, (&sale, 1), Method::Card).await;
    let mut ids: Vec<RefundId> = (0..7).map(|_| RefundId::generate(h.ids())).collect();
    ids.sort();
    let (mut own, mut theirs) = (Vec::new(), Vec::new());
    for (number, id) in (1_i64..).zip(ids.into_iter().rev()) {
        let mut refund = refunded(h, ports, &mut payment, (id, number * 10, 0)).await;
        if number % 3 > 0 {
            if number % 3 == 1 {
                stop(&mut refund, h.now());
            } else {
                send(&mut refund, h.now());
                succeed(&mut refund, h.now());
            }
            refund = save(h, ports, refund).await;
        }
        own.push(refund);
        let id = RefundId::generate(h.ids());
        theirs.push(refunded(h, ports, &mut other, (id, number, 0)).await);
    }
    own.sort_by_key(Refund::id);
    theirs.sort_by_key(Refund::id);
    for (of, expected) in [(payment.id(), &own), (other.id(), &theirs)] {
        let list = |page: PageRequest| ports.refunds.of_payment(of, page);
        expect_list(list, expected, "the refunds of a payment").await;
    }
    let unknown = PaymentId::generate(h.ids());
    let list = |page: PageRequest| ports.refunds.of_payment(unknown, page);
    expect_list(list, &[], "the refunds of no payment").await;

    for refund in own.iter().chain(&theirs) {
        let found = ports.refunds.find(refund.id()).await.expect("refund");
        assert_eq!(found.as_ref(), Some(refund), "a refund is read as it was saved");
    }
    let found = ports.refunds.find(RefundId::generate(h.ids())).await.expect("refund");
    assert_eq!(found, None, "a refund that was never saved");
    let found = ports.payments.find(payment.id()).await.expect("payment");
    assert_eq!(found, Some(payment), "a payment is read as it was saved, with what it gave back");
}
