//! Rules that more than one command keeps.

use super::*;

#[test]
fn seats_are_kept_in_order_with_the_sum_of_their_prices() {
    let reservation = made();
    let seats: Vec<SeatNo> = reservation.lines().iter().map(|line| line.seat).collect();
    assert_eq!(seats, [FIRST, SECOND]);
    assert_eq!((reservation.total(), reservation.seat_count()), (won(100_000), 2));
    assert_eq!(reservation.seats(), both());
}

#[test]
fn prices_of_two_currencies_make_no_reservation() {
    let mut mixed = new(minute(1_000));
    mixed.lines[0].price = Money::from_minor(1, Currency::USD).unwrap();
    let refused = Reservation::make(mixed, &policy(), minute(0)).unwrap_err();
    assert!(matches!(refused, MoneyError::CurrencyMismatch { .. }), "{refused}");
}

#[test]
#[should_panic(expected = "seats are different")]
fn one_seat_twice_is_a_bug_of_the_caller() {
    let mut twice = new(minute(1_000));
    twice.lines[0].seat = FIRST;
    let _ = Reservation::make(twice, &policy(), minute(0));
}

#[test]
fn as_many_checkouts_begin_as_the_seller_allows() {
    let mut reservation = made();
    for attempt in 0..5 {
        let checkout = CheckoutId::from_uuid(Uuid::from_u128(100 + attempt));
        assert_eq!(reservation.begin_checkout(checkout, 5, minute(1)), Ok(Applied::Now));
        assert_eq!(reservation.begin_checkout(checkout, 5, minute(1)), Ok(Applied::Already));
        assert_eq!(reservation.end_checkout(checkout), Applied::Now);
    }
    let sixth = reservation.begin_checkout(CHECKOUT, 5, minute(1));
    assert_eq!(sixth, Err(ReservationRefusal::TooManyAttempts { max: 5 }));
}

#[test]
fn late_money_of_another_payment_finds_the_seats_sold_once() {
    let mut reservation = expired();
    assert_eq!(reservation.confirm_late(OTHER_PAYMENT, minute(20)), Ok(Applied::Now));
    assert_eq!(reservation.payment(), Some(OTHER_PAYMENT));
    let (command, state) = ("confirm late", "confirmed");
    let second = reservation.confirm_late(PAYMENT, minute(21));
    assert_eq!(second, Err(ReservationRefusal::WrongState { command, state }));
    assert_eq!(reservation.payment(), Some(OTHER_PAYMENT));
}

#[test]
fn the_last_seat_given_up_ends_the_reservation_with_its_cause() {
    let mut reservation = confirmed();
    reservation.give_up(&Seats::one(SECOND), REFUND, minute(3)).unwrap();
    assert_eq!(reservation.live_seats(), Some(&Seats::one(FIRST)));
    reservation.give_up(&Seats::one(FIRST), REVERSAL, minute(4)).unwrap();
    assert_eq!(*reservation.state(), ReservationState::Refunded { cause: REVERSAL });
    assert_eq!(reservation.live_seats(), None);
}

#[test]
fn an_end_takes_the_reservation_from_its_checkout() {
    let mut cancelled = At::CheckedOut.reservation();
    assert_eq!(cancelled.checkout(), Some(CHECKOUT));
    cancelled.cancel(CancelReason::CheckoutRefused, false, minute(2)).unwrap();
    assert_eq!(cancelled.checkout(), None);
    let mut expired = At::CheckedOut.reservation();
    expired.expire(false, minute(10)).unwrap();
    assert_eq!(expired.checkout(), None);
    let mut paid = At::CheckedOut.reservation();
    paid.start_payment(PAYMENT, &policy(), minute(2)).unwrap();
    paid.confirm(PAYMENT, minute(3)).unwrap();
    assert_eq!(paid.checkout(), None);
}
