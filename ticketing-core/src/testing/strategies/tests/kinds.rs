//! What the states carry is drawn in all its kinds.

use super::*;
use crate::fee::RefundLine;
use crate::payment::{FailReason, Honoured, Method, Payment, PaymentState};
use crate::refund::{Refund, RefundFor, RefundState, Sent};
use crate::reservation::{CancelReason, EndCause, ReservationState};

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
    let reasons = names(&draw(&payments_in(PaymentAt::Failed), 100), |it| match it.state() {
        PaymentState::Failed { reason: FailReason::Declined { .. } } => "Declined".to_owned(),
        PaymentState::Failed { reason } => format!("{reason:?}"),
        other => panic!("expected Failed, got {other:?}"),
    });
    let all = ["Declined", "NotTaken", "NotFound", "CancelledByGateway", "WrongAmount"];
    assert_drawn(&reasons, &all);
    let has = |is: fn(&Payment) -> bool| assert!(drawn.iter().any(is));
    has(Payment::needs_closing);
    has(Payment::points_are_back);
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
