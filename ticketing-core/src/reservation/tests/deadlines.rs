//! What moves a deadline, and how far.

use super::*;

#[test]
fn payment_starts_with_the_grace_from_now_but_never_ends_earlier() {
    let mut early = made();
    early.start_payment(PAYMENT, &policy(), minute(0)).unwrap();
    assert_eq!(early.expires_at(), minute(10));
    let mut late = made();
    late.start_payment(PAYMENT, &policy(), minute(9)).unwrap();
    assert_eq!(late.expires_at(), minute(19));
    let short = Deadlines { grace: std::time::Duration::ZERO, ..policy() };
    let mut without = made();
    without.start_payment(PAYMENT, &short, minute(9)).unwrap();
    assert_eq!(without.expires_at(), minute(10));
}

#[test]
fn the_grace_is_given_once() {
    let mut reservation = paying();
    assert_eq!(reservation.expires_at(), minute(11));
    reservation.end_payment(PAYMENT);
    reservation.start_payment(OTHER_PAYMENT, &policy(), minute(10)).unwrap();
    assert_eq!(reservation.expires_at(), minute(11));
}

#[test]
fn a_card_payment_ends_at_its_maximum_whatever_the_grace() {
    let long = Deadlines { grace: std::time::Duration::from_hours(2), ..policy() };
    let mut reservation = made();
    reservation.start_payment(PAYMENT, &long, minute(5)).unwrap();
    assert_eq!((reservation.expires_at(), reservation.latest()), (minute(40), minute(40)));
}

#[test]
fn no_deadline_is_later_than_the_start() {
    let make = |starts| Reservation::make(new(minute(starts)), &policy(), minute(0)).unwrap();
    assert_eq!(make(5).expires_at(), minute(5));
    let mut card = make(15);
    card.start_payment(PAYMENT, &policy(), minute(9)).unwrap();
    assert_eq!((card.expires_at(), card.latest()), (minute(15), minute(15)));
    let mut deposit = make(120);
    deposit.start_payment(PAYMENT, &policy(), minute(1)).unwrap();
    deposit.await_deposit(PAYMENT, minute(100), &policy(), minute(2)).unwrap();
    assert_eq!((deposit.expires_at(), deposit.latest()), (minute(120), minute(120)));
}

#[test]
fn a_deposit_has_its_own_absolute_maximum_with_the_notice_margin() {
    let reservation = awaiting_deposit();
    assert_eq!(reservation.expires_at(), minute(130));
    assert_eq!(reservation.latest(), minute(130));
}

#[test]
fn a_deposit_that_was_given_up_lets_another_payment_have_its_own() {
    let mut reservation = awaiting_deposit();
    reservation.end_payment(PAYMENT);
    reservation.start_payment(OTHER_PAYMENT, &policy(), minute(90)).unwrap();
    assert_eq!(reservation.expires_at(), minute(130));
    let awaited = reservation.await_deposit(OTHER_PAYMENT, minute(200), &policy(), minute(91));
    assert_eq!(awaited, Ok(Applied::Now));
    assert_eq!(reservation.expires_at(), minute(230));
}

#[test]
fn money_after_the_deadline_is_in_time_while_the_reservation_is_pending() {
    let mut reservation = paying();
    assert_eq!(reservation.confirm(PAYMENT, minute(500)), Ok(Applied::Now));
    let events = pending_events(&reservation);
    let last = serde_json::to_value(events.last().unwrap()).unwrap();
    assert_eq!(last["late"], false);
}

#[test]
fn a_clock_that_jumps_back_takes_no_time_away() {
    let mut reservation = made();
    reservation.start_payment(PAYMENT, &policy(), minute(-60)).unwrap();
    assert_eq!(reservation.expires_at(), minute(10));
}
