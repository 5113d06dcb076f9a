//! Every state is drawn, and what shrinks ends as something simple.

use std::collections::{BTreeMap, BTreeSet};

use chrono::DateTime;
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;

use super::*;
use crate::aggregate::Aggregate;
use crate::fee::RefundLine;
use crate::ledger::{Account, AccountKey, EntryKind};
use crate::payment::{FailReason, Honoured, Method, Payment, PaymentState};
use crate::refund::{Refund, RefundFor, RefundState, Sent};
use crate::reservation::{CancelReason, EndCause, ReservationState};

/// So many values, the same at every run.
fn draw<S: Strategy>(strategy: &S, count: usize) -> Vec<S::Value> {
    let mut runner = TestRunner::deterministic();
    (0..count).map(|_| strategy.new_tree(&mut runner).unwrap().current()).collect()
}

/// What a value shrinks to if everything fails.
fn simplest<S: Strategy>(strategy: &S) -> S::Value {
    let mut tree = strategy.new_tree(&mut TestRunner::deterministic()).unwrap();
    for _ in 0..100_000 {
        if !tree.simplify() {
            return tree.current();
        }
    }
    panic!("it never ends to shrink");
}

fn names<T>(values: &[T], name: impl Fn(&T) -> String) -> BTreeSet<String> {
    values.iter().map(name).collect()
}

#[track_caller]
fn assert_drawn(drawn: &BTreeSet<String>, expected: &[&str]) {
    let missing: Vec<_> = expected.iter().filter(|name| !drawn.contains(**name)).collect();
    assert!(missing.is_empty(), "never drawn: {missing:?}, but {drawn:?}");
}

macro_rules! states {
    ($($test:ident: $all:ident, $one:ident, $at:ident;)*) => {$(
        #[test]
        fn $test() {
            let drawn: BTreeSet<$at> = draw(&$all(), 300).iter().map($at::of).collect();
            assert_eq!(drawn, $at::ALL.into(), "of all");
            for at in $at::ALL {
                for value in draw(&$one(at), 100) {
                    assert_eq!($at::of(&value), at, "{value:?}");
                    assert_eq!(value.root().version(), 0);
                    assert_eq!(value.root().recorded(), value.root().pending().len() as u64);
                }
            }
            assert_eq!($at::of(&simplest(&$all())), $at::ALL[0], "the simplest");
        }
    )*};
}

states! {
    performances_in_every_state: performances, performances_in, PerformanceAt;
    reservations_in_every_state: reservations, reservations_in, ReservationAt;
    payments_in_every_state: payments, payments_in, PaymentAt;
    refunds_in_every_state: refunds, refunds_in, RefundAt;
    tickets_in_every_state: tickets, tickets_in, TicketAt;
    checkouts_in_every_state: checkouts, checkouts_in, CheckoutAt;
}

#[test]
fn reservations_end_in_every_way() {
    let cancelled = draw(&reservations_in(ReservationAt::Cancelled), 100);
    let reasons = names(&cancelled, |it| match it.state() {
        ReservationState::Cancelled { reason } => format!("{reason:?}"),
        other => panic!("expected Cancelled, got {other:?}"),
    });
    let all =
        [CancelReason::Buyer, CancelReason::CheckoutRefused, CancelReason::PerformanceCancelled];
    assert_drawn(&reasons, &all.map(|reason| format!("{reason:?}")).each_ref().map(|it| &**it));
    let refunded = draw(&reservations_in(ReservationAt::Refunded), 100);
    let causes = names(&refunded, |it| match it.state() {
        ReservationState::Refunded { cause: EndCause::Refund(_) } => "refund".to_owned(),
        ReservationState::Refunded { cause: EndCause::Reversal(_) } => "reversal".to_owned(),
        other => panic!("expected Refunded, got {other:?}"),
    });
    assert_drawn(&causes, &["refund", "reversal"]);
    let confirmed = draw(&reservations_in(ReservationAt::Confirmed), 100);
    let lives = names(&confirmed, |it| {
        let is_whole = it.live_seats() == Some(&it.seats());
        let is_late = it.root().pending().any(|event| event.name() == "reservation.expired");
        format!(
            "{} {}",
            if is_late { "late" } else { "in time" },
            if is_whole { "all" } else { "some" }
        )
    });
    assert_drawn(&lives, &["in time all", "in time some", "late all", "late some"]);
}

#[test]
fn payments_are_of_every_kind() {
    let drawn = draw(&payments(), 1_000);
    let kinds = names(&drawn, |it| {
        let method = match it.method() {
            None => "points",
            Some(Method::Card) => "card",
            Some(Method::BankTransfer) => "bank",
        };
        format!("{method} {}", it.state().name())
    });
    let cards = ["created", "processing", "unknown", "succeeded", "failed", "cancelled"];
    assert_drawn(&kinds, &cards.map(|state| format!("card {state}")).each_ref().map(|it| &**it));
    let banks = ["awaiting deposit", "expired", "reversed"];
    let banks = [&cards[..], &banks[..]].concat();
    let banks: Vec<String> = banks.iter().map(|state| format!("bank {state}")).collect();
    assert_drawn(&kinds, &banks.iter().map(|it| &**it).collect::<Vec<_>>());
    assert_drawn(&kinds, &["points created", "points succeeded", "points cancelled"]);
    let reasons = names(&drawn, |it| match it.state() {
        PaymentState::Failed { reason: FailReason::Declined { .. } } => "Declined".to_owned(),
        PaymentState::Failed { reason } => format!("{reason:?}"),
        _ => String::new(),
    });
    let all = ["Declined", "NotTaken", "NotFound", "CancelledByGateway", "WrongAmount"];
    assert_drawn(&reasons, &all);
    let has = |is: fn(&Payment) -> bool| assert!(drawn.iter().any(is));
    has(|it| it.needs_closing());
    has(|it| it.points_are_back());
    has(|it| it.receipt().is_some());
    has(|it| !it.refunded().is_zero());
    has(|it| it.received().minor() > it.external().minor());
    has(|it| !it.tenders().discount.is_zero());
    has(|it| it.refund_account().is_some());
    has(|it| it.honoured() == Some(Honoured::Late) && it.account().is_some());
}

#[test]
fn refunds_are_of_every_kind() {
    let drawn = draw(&refunds(), 1_000);
    let kinds = names(&drawn, |it| match (it.state(), it.what()) {
        (RefundState::Succeeded { sent }, _) => format!("{sent:?}"),
        (_, RefundFor::NotHonoured) => "not honoured".to_owned(),
        (_, RefundFor::Seats(lines)) if lines.len() > 1 => "seats".to_owned(),
        (_, RefundFor::Seats(_)) => "seat".to_owned(),
    });
    let sent = [Sent::Nothing, Sent::Gateway, Sent::Points].map(|sent| format!("{sent:?}"));
    assert_drawn(&kinds, &sent.each_ref().map(|it| &**it));
    assert_drawn(&kinds, &["not honoured", "seats", "seat"]);
    assert!(drawn.iter().any(|it| it.attempt() > Refund::ATTEMPTS_MAX), "never given up");
    assert!(drawn.iter().any(|it| it.is_open() && it.account().is_some()));
    let has_fee = |line: &RefundLine| !line.fee().is_zero();
    assert!(drawn.iter().any(|it| match it.what() {
        RefundFor::Seats(lines) => lines.iter().any(has_fee),
        RefundFor::NotHonoured => false,
    }));
}

#[test]
fn ledgers_can_be_booked_in_their_order_and_have_every_flow() {
    let mut kinds = BTreeSet::new();
    for entries in draw(&ledgers(), 300) {
        let (mut balances, mut ids) = (BTreeMap::<AccountKey, i64>::new(), BTreeSet::new());
        let (mut pending, mut last) = (BTreeMap::new(), DateTime::UNIX_EPOCH);
        for entry in &entries {
            kinds.insert(format!("{:?}", entry.kind()));
            assert!(ids.insert(entry.id()), "{entry:?} has the id of another");
            assert!(entry.at() > last, "{entry:?} was booked before it was decided");
            last = entry.at();
            for (account, amount) in entry.lines() {
                let balance = balances.entry(account).or_default();
                *balance += amount;
                let is_owned = !matches!(
                    account.account,
                    Account::Clearing | Account::Promotion | Account::Loss | Account::Seller(_)
                );
                assert!(*balance >= 0 || !is_owned, "{account} is at {balance} after {entry:?}");
            }
            let held = entry.postings().iter().find(|it| it.account == Account::PointsHeld);
            match (entry.kind(), entry.resolves()) {
                (EntryKind::PointsReserved, None) => {
                    pending.insert(entry.id(), held.map(|it| it.amount));
                }
                (_, None) => assert_eq!(held, None, "{entry:?}"),
                (_, Some(of)) => {
                    let set_aside = pending.remove(&of).expect("a pending entry, once");
                    assert_eq!(held.map(|it| -it.amount), set_aside, "{entry:?}");
                }
            }
        }
    }
    let all = [
        "TopUp",
        "PointsReserved",
        "PointsGivenBack",
        "Purchase",
        "PurchaseLate",
        "NotHonoured",
        "RefundAccepted",
        "RefundSent",
        "RefundAsPoints",
        "DepositReversed",
        "DepositLost",
        "RefundStopped",
        "Payout",
    ];
    assert_drawn(&kinds, &all);
    assert_eq!(simplest(&ledgers()), []);
}
