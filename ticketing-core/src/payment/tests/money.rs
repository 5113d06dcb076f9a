//! Money that came, and what of it goes back.

use super::*;
use crate::id::PaymentId;
use crate::money::{Currency, MoneyError};
use crate::reservation::tests::{FIRST, SECOND};

fn new(reservation: &crate::reservation::Reservation) -> NewPayment<'_> {
    NewPayment {
        id: PAYMENT,
        reservation,
        checkout: CHECKOUT,
        discount: won(0),
        points: won(0),
        points_entry: None,
        method: Some(Method::Card),
        refund_account: None,
    }
}

#[test]
fn the_shares_of_the_seats_add_up_to_the_price() {
    let payment = created(Some(Method::Card));
    let shares = payment.shares();
    let of: Vec<_> = shares
        .iter()
        .map(|share| (share.seat(), share.points().minor(), share.external().minor()))
        .collect();
    assert_eq!(of, [(FIRST, 18_000, 42_000), (SECOND, 12_000, 28_000)]);
    assert_eq!(payment.shares_of(&Seats::one(SECOND)), [shares[1]]);
}

#[test]
fn a_method_is_named_exactly_if_something_is_left_to_pay() {
    let mismatch = |external| PaymentRefusal::MethodMismatch { external: won(external) };
    assert_eq!(create(None, 30_000, None), Err(mismatch(70_000)));
    assert_eq!(create(Some(Method::Card), 100_000, None), Err(mismatch(0)));
}

#[test]
fn points_come_with_the_entry_that_set_them_aside_and_it_with_them() {
    let reservation = made();
    let without = NewPayment { points: won(1), ..new(&reservation) };
    let refused = Payment::create(without, minute(0));
    assert_eq!(refused, Err(PaymentRefusal::EntryMismatch { points: won(1) }));
    let for_nothing = NewPayment { points_entry: Some(ENTRY), ..new(&reservation) };
    let refused = Payment::create(for_nothing, minute(0));
    assert_eq!(refused, Err(PaymentRefusal::EntryMismatch { points: won(0) }));
}

#[test]
fn tenders_are_never_more_than_the_price_nor_of_another_currency() {
    let reservation = made();
    let too_much = NewPayment { discount: won(60_000), points: won(50_000), ..new(&reservation) };
    let refused = Payment::create(too_much, minute(0)).unwrap_err();
    assert!(matches!(refused, PaymentRefusal::Money(MoneyError::Negative { .. })), "{refused}");
    let dollars = Money::from_minor(1, Currency::USD).unwrap();
    let refused = Payment::create(NewPayment { points: dollars, ..new(&reservation) }, minute(0));
    let mismatch =
        matches!(refused, Err(PaymentRefusal::Money(MoneyError::CurrencyMismatch { .. })));
    assert!(mismatch, "{refused:?}");
}

#[test]
fn confirmed_amount_must_equal_total_less_points() {
    let mut payment = created(Some(Method::Card));
    let before = payment.clone();
    for got in [100_000, 69_999, 70_001, 0] {
        let expected = won(70_000);
        let refused = payment.begin_confirm(key("auth"), won(got), minute(1));
        assert_eq!(refused, Err(PaymentRefusal::AmountMismatch { expected, got: won(got) }));
        assert_unchanged(&before, &payment, "another amount");
    }
    assert_eq!(payment.begin_confirm(key("auth"), won(70_000), minute(1)), Ok(Applied::Now));
}

#[test]
fn refunds_never_exceed_the_capture() {
    let mut payment = confirming();
    assert_eq!(
        payment.take_for_refund(won(1)),
        Err(PaymentRefusal::ExceedsCapture { left: won(0), got: won(1) })
    );
    payment.succeed(Honoured::InTime, minute(2)).unwrap();
    payment.take_for_refund(won(42_000)).unwrap();
    let before = payment.clone();
    assert_eq!(
        payment.take_for_refund(won(28_001)),
        Err(PaymentRefusal::ExceedsCapture { left: won(28_000), got: won(28_001) })
    );
    assert_unchanged(&before, &payment, "a refund of too much");
    payment.take_for_refund(won(28_000)).unwrap();
    assert_eq!((payment.received(), payment.refunded()), (won(70_000), won(70_000)));
}

#[test]
fn a_late_paid_ticket_is_refunded_or_honoured_but_never_forgotten() {
    let mut lapsed = At::Expired.payment();
    assert_eq!(lapsed.succeed(Honoured::No, minute(131)), Ok(Applied::Now));
    assert_eq!((lapsed.received(), lapsed.refunded()), (won(EXTERNAL), won(0)));
    lapsed.take_for_refund(won(EXTERNAL)).unwrap();
    assert_eq!(lapsed.take_points_back(), Some(ENTRY));
    let mut honoured = At::Expired.payment();
    assert_eq!(honoured.succeed(Honoured::Late, minute(131)), Ok(Applied::Now));
    assert_eq!(honoured.honoured(), Some(Honoured::Late));
    assert_eq!(honoured.received(), won(EXTERNAL));
}

#[test]
fn money_of_another_amount_is_kept_for_its_refund_and_changes_no_state() {
    for at in [At::CreatedCard, At::Awaiting, At::Expired, At::PaidCard, At::Reversed] {
        let mut payment = at.payment();
        let (state, before) = (payment.state().clone(), payment.received());
        payment.book_unexpected(won(500), minute(5)).unwrap();
        assert_eq!(*payment.state(), state, "{at:?}");
        assert_eq!(payment.received(), before.add(won(500)).unwrap(), "{at:?}");
        payment.take_for_refund(won(500)).unwrap();
        let last = serde_json::to_value(pending_events(&payment).last().unwrap()).unwrap();
        assert_eq!(last["type"], "payment.unexpected_money");
        assert_eq!(last["expected"]["minor"], EXTERNAL);
        assert_eq!(last["got"]["minor"], 500);
    }
    let mut payment = confirming();
    let before = payment.clone();
    let dollars = Money::from_minor(1, Currency::USD).unwrap();
    assert!(payment.book_unexpected(dollars, minute(5)).is_err());
    assert_unchanged(&before, &payment, "money of another currency");
}

#[test]
fn unexpected_money_that_the_bank_takes_back_leaves_the_rest_as_it_was() {
    let mut payment = awaiting();
    payment.book_unexpected(won(500), minute(3)).unwrap();
    payment.take_for_refund(won(500)).unwrap();
    let before = payment.clone();
    let too_much = payment.lose_unexpected(won(501), minute(4));
    let expected = PaymentRefusal::ExceedsUnexpected { left: won(500), got: won(501) };
    assert_eq!(too_much, Err(expected));
    assert_unchanged(&before, &payment, "more than came");
    payment.succeed(Honoured::InTime, minute(4)).unwrap();
    assert_eq!(payment.unexpected(), won(500));
    payment.lose_unexpected(won(200), minute(5)).unwrap();
    assert_eq!(payment.unexpected(), won(300));
    assert_eq!((payment.received(), payment.refunded()), (won(EXTERNAL + 300), won(300)));
    payment.take_for_refund(won(EXTERNAL)).unwrap();
    let events = pending_events(&payment);
    let last = serde_json::to_value(events.last().unwrap()).unwrap();
    assert_eq!(
        (&last["type"], &last["lost"]["minor"]),
        (&"payment.unexpected_money_lost".into(), &200.into())
    );
    let card = confirming().lose_unexpected(won(0), minute(5));
    assert!(matches!(card, Err(PaymentRefusal::WrongMethod { .. })));
}

#[test]
fn a_lapsed_payment_whose_money_is_all_gone_forgets_the_account() {
    let mut payment = At::Expired.payment();
    payment.set_refund_account(Some(refund_account())).unwrap();
    payment.book_unexpected(won(500), minute(3)).unwrap();
    payment.take_for_refund(won(500)).unwrap();
    payment.lose_unexpected(won(499), minute(4)).unwrap();
    assert!(payment.refund_account().is_some(), "one won is owed");
    payment.lose_unexpected(won(1), minute(5)).unwrap();
    assert_eq!(payment.refund_account(), None);
}

#[test]
fn a_reversed_deposit_takes_its_refunds_out_of_the_count_but_not_those_of_other_money() {
    let mut payment = awaiting();
    payment.book_unexpected(won(500), minute(3)).unwrap();
    payment.take_for_refund(won(500)).unwrap();
    payment.succeed(Honoured::InTime, minute(4)).unwrap();
    payment.take_for_refund(won(28_000)).unwrap();
    payment.reverse(minute(5)).unwrap();
    assert_eq!((payment.received(), payment.refunded()), (won(500), won(500)));
    assert!(payment.take_for_refund(won(1)).is_err());
}

#[test]
fn money_that_comes_again_after_a_reversal_goes_back_without_the_points_that_were_spent() {
    let mut payment = At::Reversed.payment();
    assert_eq!(payment.succeed(Honoured::No, minute(300)), Ok(Applied::Now));
    assert_eq!(payment.take_points_back(), None, "the purchase has used them");
    payment.take_for_refund(won(EXTERNAL)).unwrap();
    assert_eq!(payment.refunded(), payment.received());
}

#[test]
fn points_given_back_at_expiry_are_paid_from_the_wallet_when_money_comes_late() {
    let mut payment = At::Expired.payment();
    assert_eq!(payment.take_points_back(), Some(ENTRY));
    payment.succeed(Honoured::Late, minute(131)).unwrap();
    assert!(payment.points_are_back());
    assert_eq!(payment.take_points_back(), None);
}

#[test]
fn an_order_id_is_the_payments_own_so_an_equal_later_purchase_does_not_collide() {
    let reservation = made();
    let of = |id| Payment::create(NewPayment { id, ..new(&reservation) }, minute(0)).unwrap();
    let (first, second) = (of(PaymentId::from_uuid(Uuid::from_u128(1))), of(PAYMENT));
    assert_eq!(first.tenders(), second.tenders());
    assert_ne!(first.reference(), second.reference());
    let key = crate::port::GatewayKey::confirm;
    assert_ne!(key(first.id()), key(second.id()));
}
