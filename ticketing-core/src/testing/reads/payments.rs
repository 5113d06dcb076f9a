use chrono::{DateTime, TimeDelta, Utc};

use super::save;
use super::trade::{created, expect_whole, issue, send};
use crate::label::Label;
use crate::payment::{FailReason, Honoured, Method, Payment, UnpaidEnd};
use crate::testing::sample::Sale;
use crate::testing::{Harness, StorePorts};

/// A payment is unsettled from when it is sent until its outcome, also while its answer is lost. The
/// list is in the order of when it was last sent or asked about, and ends with what was so exactly at
/// `until`.
pub async fn unsettled_lists_what_waits_for_the_gateway(h: &Harness, ports: &StorePorts) {
    let sale = Sale::new(h);
    let base = h.now() - TimeDelta::days(7_900);
    let at = |seconds| base + TimeDelta::seconds(seconds);
    let listed = async |until: DateTime<Utc>, own: &[Payment], count: usize, what: &str| {
        let fits = |payment: &Payment| payment.is_unsettled() && payment.asked_at() <= until;
        assert_eq!(own.iter().filter(|payment| fits(payment)).count(), count, "{what}: the sample");
        let key = |payment: &Payment| (payment.asked_at(), payment.id());
        expect_whole(|page| ports.payments.unsettled(until, page), own, fits, key, what).await;
    };
    let sent = [30, 5, 10, 10, 10, 31, 60];
    let mut own = Vec::new();
    for (seat, _) in (0..).zip(sent) {
        let method = if seat % 2 == 0 { Method::Card } else { Method::BankTransfer };
        own.push(created(h, ports, (&sale, seat), method, base).await);
    }
    listed(at(100), &own, 0, "payments that were never sent").await;

    for (payment, seconds) in own.iter_mut().zip(sent) {
        send(payment, at(seconds));
        *payment = save(h, ports, payment.clone()).await;
    }
    listed(at(30), &own, 5, "payments that were sent by then").await;
    listed(at(100), &own, 7, "all payments that were sent").await;
    for payment in &mut own[..2] {
        let _ = payment.lose_answer(at(40)).expect("a payment that was sent");
        *payment = save(h, ports, payment.clone()).await;
    }
    listed(at(30), &own, 5, "payments, of which two have lost their answers").await;
    own[1].asked(at(45));
    own[1] = save(h, ports, own[1].clone()).await;
    listed(at(30), &own, 4, "payments, of which one was asked about later").await;
    listed(at(45), &own, 6, "payments that were asked about by then").await;

    for settled in 0..own.len() {
        let payment = &mut own[settled];
        match settled {
            0 => {
                let _ = payment.succeed(Honoured::InTime, at(70)).expect("a payment that was sent");
            }
            1 | 3 => issue(h, payment, true, at(70)),
            5 => issue(h, payment, false, at(70)),
            2 => {
                let _ =
                    payment.fail(FailReason::NotFound, at(70)).expect("a payment that was sent");
            }
            _ => {
                let code = Label::new("REJECTED").expect("a short code");
                let declined = FailReason::Declined { code };
                let _ = payment.fail(declined, at(70)).expect("a payment that was sent");
            }
        }
        *payment = save(h, ports, payment.clone()).await;
        listed(at(100), &own, 6 - settled, "payments that have no outcome yet").await;
    }
}

/// A deposit account is listed from when its payment ends unpaid until the gateway closed it or the
/// money came after all.
pub async fn accounts_to_close_are_listed_until_closed(h: &Harness, ports: &StorePorts) {
    let (sale, now) = (Sale::new(h), h.now());
    let listed = async |own: &[Payment], count: usize, what: &str| {
        let left = own.iter().filter(|payment| payment.needs_closing()).count();
        assert_eq!(left, count, "{what}: the sample");
        let list = |page| ports.payments.to_close(page);
        expect_whole(list, own, Payment::needs_closing, Payment::id, what).await;
    };
    let mut own = Vec::new();
    for seat in 0..6 {
        let method = if seat == 5 { Method::Card } else { Method::BankTransfer };
        let mut payment = created(h, ports, (&sale, seat), method, now).await;
        if seat < 4 {
            send(&mut payment, now);
            issue(h, &mut payment, true, now);
            payment = save(h, ports, payment).await;
        }
        own.push(payment);
    }
    listed(&own, 0, "accounts that wait for a deposit").await;

    let ends = [UnpaidEnd::Lapsed, UnpaidEnd::CalledOff, UnpaidEnd::Lapsed];
    for (payment, end) in own.iter_mut().zip(ends) {
        let _ = payment.end_unpaid(end, now).expect("a payment without money");
        *payment = save(h, ports, payment.clone()).await;
    }
    let _ = own[3].succeed(Honoured::InTime, now).expect("a deposit is awaited");
    send(&mut own[4], now);
    issue(h, &mut own[4], false, now);
    let _ = own[5].end_unpaid(UnpaidEnd::CalledOff, now).expect("nothing was sent");
    for payment in &mut own[3..] {
        *payment = save(h, ports, payment.clone()).await;
    }
    listed(&own, 4, "accounts of payments that ended unpaid").await;

    for (closed, left) in [(1, 3), (4, 2), (0, 1)] {
        let _ = own[closed].account_closed(now);
        own[closed] = save(h, ports, own[closed].clone()).await;
        listed(&own, left, "accounts that are not closed yet").await;
    }
    let _ = own[2].succeed(Honoured::Late, now).expect("a deposit came late");
    own[2] = save(h, ports, own[2].clone()).await;
    listed(&own, 0, "accounts, when all are closed or paid").await;
}
