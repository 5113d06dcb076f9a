//! Reserve, check out, pay: the common way, and its refusals.

use pollster::block_on;
use ticketing_core::aggregate::{AggregateKind, AggregateRef};
use ticketing_core::checkout::{Abort, CheckoutState};
use ticketing_core::ledger::Account;
use ticketing_core::money::Money;
use ticketing_core::payment::{Honoured, Method, PaymentRefusal};
use ticketing_core::port::{CommitError, UserStatus};
use ticketing_core::reservation::{CancelReason, ReservationRefusal, ReservationState};
use ticketing_core::service::cancel::{self, CancelError, CancelReservation};
use ticketing_core::service::checkout::{self, CheckoutError, StartCheckout};
use ticketing_core::service::confirm::{self, ConfirmError, ConfirmPayment};
use ticketing_core::service::reserve::{self, ReserveError};
use ticketing_core::service::{Failure, PaymentStatus};

use crate::stores::through;
use crate::world::{PRICE, World, seat, seats, token, won};

#[test]
fn a_card_sale_moves_seat_money_and_ticket_in_one_commit() {
    let world = World::new();
    let user = world.user();
    let (reservation, payment, view) = world.buy(user, &seats([3, 4]), 0, Some(Method::Card));
    assert!(view.is_paid());
    assert_eq!(view.tickets.len(), 2);
    assert!(matches!(
        world.reservation(reservation).state(),
        ReservationState::Confirmed { by, .. } if *by == payment
    ));
    assert_eq!(world.balance(Account::Clearing), -2 * PRICE);
    assert_eq!(world.balance(Account::Seller(world.seller)), 2 * PRICE - 600);
    assert_eq!(world.balance(Account::PlatformFee), 600);
    world.check();
}

#[test]
fn points_alone_need_no_gateway_and_points_and_card_mix() {
    let world = World::new();
    let user = world.rich(15_000);
    let (_, _, view) = world.buy(user, &seat(0), PRICE, None);
    assert!(view.is_paid());
    assert_eq!(world.wallet(user), 5_000);
    let (_, payment, view) = world.buy(user, &seat(1), 5_000, Some(Method::Card));
    assert!(view.is_paid());
    assert_eq!(world.payment(payment).external(), won(5_000));
    assert_eq!((world.wallet(user), world.balance(Account::PointsHeld)), (0, 0));
    assert_eq!(world.gateway.money().captured(payment), Some(won(5_000)));
    world.check();
}

#[test]
fn the_confirmed_amount_must_be_the_total_less_points() {
    let world = World::new();
    let user = world.rich(4_000);
    let reservation = world.reserve(user, &seat(0)).reservation;
    let payment = world.checkout(user, reservation, 4_000, Some(Method::Card));
    let request = |amount| ConfirmPayment {
        user,
        payment,
        amount,
        provider_key: Some(token("card")),
        key: None,
    };
    let error = block_on(confirm::confirm(&world.ports, request(won(PRICE)))).unwrap_err();
    let expected = won(6_000);
    assert!(matches!(
        error,
        ConfirmError::Payment(PaymentRefusal::AmountMismatch { expected: e, .. }) if e == expected
    ));
    assert!(block_on(confirm::confirm(&world.ports, request(expected))).unwrap().is_paid());
}

#[test]
fn a_changed_price_is_never_charged_silently() {
    let world = World::new();
    let mut ask = world.ask(world.user(), &seat(0));
    ask.expected_total = won(9_000);
    let error = block_on(reserve::reserve(&world.ports, ask)).unwrap_err();
    assert!(matches!(error, ReserveError::PriceChanged { now } if now == won(PRICE)));
    assert_eq!(world.claimed(&seat(0)), 0);
    let free = world.reserve(world.user(), &seat(0));
    assert_eq!(free.total, won(PRICE), "the refused reserve left no hold behind");
}

#[test]
fn the_seats_of_one_reservation_are_all_or_none() {
    let world = World::new();
    world.reserve(world.user(), &seat(2));
    let loser = world.user();
    let error = block_on(reserve::reserve(&world.ports, world.ask(loser, &seats([1, 2, 3]))));
    assert!(matches!(error, Err(ReserveError::HeldByOthers(taken)) if taken == seat(2)));
    assert_eq!(world.claimed(&seats([1, 3])), 0);
    assert_eq!(world.places(loser), 0);
    world.reserve(world.user(), &seats([1, 3]));
}

#[test]
fn lost_holds_never_sell_a_seat_twice() {
    let world = World::new();
    world.reserve(world.user(), &seat(2));
    world.holds.lose_all();
    let error = block_on(reserve::reserve(&world.ports, world.ask(world.user(), &seats([2, 3]))));
    assert!(matches!(error, Err(ReserveError::SeatTaken(taken)) if taken == seat(2)));
    world.reserve(world.user(), &seat(3));
}

#[test]
fn a_user_has_at_most_the_allowed_tickets_of_a_show() {
    let world = World::new();
    let user = world.user();
    world.buy(user, &seats([0, 1, 2]), 0, Some(Method::Card));
    let error = block_on(reserve::reserve(&world.ports, world.ask(user, &seats([3, 4]))));
    assert!(matches!(error, Err(ReserveError::AllowanceExceeded { limit: 4 })));
    world.reserve(user, &seat(3));
    assert_eq!(world.places(user), 4);
}

#[test]
fn a_repeated_call_gets_the_first_answer_and_another_request_is_refused() {
    let world = World::new();
    let user = world.user();
    let mut ask = world.ask(user, &seat(0));
    ask.key = Some(token("tap"));
    let first = block_on(reserve::reserve(&world.ports, ask.clone())).unwrap();
    assert_eq!(block_on(reserve::reserve(&world.ports, ask.clone())).unwrap(), first);
    ask.seats = seat(1);
    let error = block_on(reserve::reserve(&world.ports, ask)).unwrap_err();
    assert!(matches!(error, ReserveError::Failed(Failure::KeyReused)));
    let payment = world.checkout(user, first.reservation, 0, Some(Method::Card));
    let request = ConfirmPayment {
        user,
        payment,
        amount: won(PRICE),
        provider_key: Some(token("card")),
        key: Some(token("pay")),
    };
    let paid = block_on(confirm::confirm(&world.ports, request.clone())).unwrap();
    assert_eq!(block_on(confirm::confirm(&world.ports, request)).unwrap(), paid);
    assert_eq!(world.gateway.money().captured(payment), Some(won(PRICE)));
}

#[test]
fn a_key_counts_where_points_pay_it_all() {
    let world = World::new();
    let user = world.rich(30_000);
    let pay = |no| {
        let reservation = world.reserve(user, &seat(no)).reservation;
        let payment = world.checkout(user, reservation, PRICE, None);
        ConfirmPayment::new(user, payment, won(0)).with_key(token("pay"))
    };
    let (first, other) = (pay(0), pay(1));
    // What it loads is stale: it is decided again, for the same call.
    let of = AggregateRef { kind: AggregateKind::Payment, id: first.payment.as_uuid() };
    let stale = through(&world, move |number| (number == 1).then_some(CommitError::Conflict(of)));
    let paid = block_on(confirm::confirm(&stale, first.clone())).unwrap();
    assert!(paid.is_paid());
    assert_eq!(block_on(confirm::confirm(&world.ports, first)).unwrap(), paid);
    let reused = block_on(confirm::confirm(&world.ports, other)).unwrap_err();
    assert!(matches!(reused, ConfirmError::Failed(Failure::KeyReused)));
    world.check();
}

#[test]
fn an_equal_later_purchase_is_a_purchase_of_its_own() {
    let world = World::new();
    let user = world.user();
    let (first, one, _) = world.buy(user, &seat(0), 0, Some(Method::Card));
    let (second, two, _) = world.buy(user, &seat(1), 0, Some(Method::Card));
    assert!(first != second && one != two);
    assert_eq!(world.balance(Account::Clearing), -2 * PRICE);
}

#[test]
fn a_paid_reservation_is_not_paid_again() {
    let world = World::new();
    let user = world.user();
    let (reservation, payment, _) = world.buy(user, &seat(0), 0, Some(Method::Card));
    assert!(world.confirm(user, payment).is_paid(), "the same payment shows how it went");
    let request = StartCheckout {
        user,
        reservation,
        points: won(0),
        method: Some(Method::Card),
        refund_account: None,
        key: None,
    };
    let error = block_on(checkout::start(&world.ports, request)).unwrap_err();
    assert!(matches!(
        error,
        CheckoutError::Reservation(ReservationRefusal::WrongState { state: "confirmed", .. })
    ));
    assert_eq!(world.balance(Account::Clearing), -PRICE);
}

#[test]
fn a_declined_card_leaves_the_seat_to_its_buyer_until_the_deadline() {
    use ticketing_core::memory::{CallAct, Step};
    let world = World::new();
    let user = world.rich(2_000);
    let reservation = world.reserve(user, &seat(0)).reservation;
    let payment = world.checkout(user, reservation, 2_000, Some(Method::Card));
    world.gateway.script(payment, [Step::confirm(CallAct::Decline)]);
    let view = world.confirm(user, payment);
    assert!(matches!(view.status, PaymentStatus::Failed { .. }));
    assert_eq!(world.wallet(user), 2_000, "the points came back with the refusal");
    let again = world.checkout(user, reservation, 2_000, Some(Method::Card));
    assert!(world.confirm(user, again).is_paid());
    world.check();
}

#[test]
fn checkouts_of_one_reservation_are_bounded() {
    use ticketing_core::memory::{CallAct, Step};
    let world = World::new();
    let user = world.user();
    let reservation = world.reserve(user, &seat(0)).reservation;
    for _ in 0..5 {
        let payment = world.checkout(user, reservation, 0, Some(Method::Card));
        world.gateway.script(payment, [Step::confirm(CallAct::Decline)]);
        world.confirm(user, payment);
    }
    let error = start(&world, user, reservation, won(0)).unwrap_err();
    assert!(matches!(
        error,
        CheckoutError::Reservation(ReservationRefusal::TooManyAttempts { max: 5 })
    ));
}

#[test]
fn an_inactive_user_and_a_suspected_one_lose_the_reservation_and_keep_their_points() {
    let world = World::new();
    let (inactive, suspect) = (world.rich(3_000), world.rich(3_000));
    world.users.set(inactive, UserStatus::Inactive);
    world.fraud.suspect(suspect);
    for (user, no, expected) in
        [(inactive, 0, Abort::UserRefused), (suspect, 1, Abort::FraudSuspected)]
    {
        let reservation = world.reserve(user, &seat(no)).reservation;
        let view = start(&world, user, reservation, won(3_000)).unwrap();
        assert_eq!(view.state, CheckoutState::Compensated { abort: expected });
        assert_eq!((view.abort(), view.payment()), (Some(expected), None));
        assert_eq!(
            *world.reservation(reservation).state(),
            ReservationState::Cancelled { reason: CancelReason::CheckoutRefused }
        );
        assert_eq!((world.wallet(user), world.places(user)), (3_000, 0));
        assert_eq!(world.claimed(&seat(no)), 0);
        world.reserve(world.user(), &seat(no));
    }
    world.check();
}

#[test]
fn a_poor_wallet_ends_the_checkout_but_not_the_reservation() {
    let world = World::new();
    let user = world.rich(1_000);
    let reservation = world.reserve(user, &seat(0)).reservation;
    let view = start(&world, user, reservation, won(2_000)).unwrap();
    assert_eq!(view.state, CheckoutState::Compensated { abort: Abort::InsufficientPoints });
    assert!(world.reservation(reservation).is_pending());
    let payment = world.checkout(user, reservation, 1_000, Some(Method::Card));
    assert!(world.confirm(user, payment).is_paid());
}

#[test]
fn a_check_that_fails_turns_the_checkout_back_without_an_answer_about_the_buyer() {
    let world = World::new();
    let user = world.rich(2_000);
    let reservation = world.reserve(user, &seat(0)).reservation;
    world.fraud.set_failing(true);
    let view = start(&world, user, reservation, won(2_000)).unwrap();
    assert_eq!(view.state, CheckoutState::Compensated { abort: Abort::TimedOut });
    assert_eq!((world.wallet(user), world.balance(Account::PointsHeld)), (2_000, 0));
    world.fraud.set_failing(false);
    let payment = world.checkout(user, reservation, 2_000, Some(Method::Card));
    assert!(world.confirm(user, payment).is_paid());
}

#[test]
fn a_cancel_frees_everything_at_once() {
    let world = World::new();
    let user = world.rich(2_000);
    let reservation = world.reserve(user, &seats([0, 1])).reservation;
    let payment = world.checkout(user, reservation, 2_000, Some(Method::Card));
    let request = CancelReservation { user, reservation, key: Some(token("x")) };
    block_on(cancel::cancel(&world.ports, request.clone())).unwrap();
    block_on(cancel::cancel(&world.ports, request)).unwrap();
    assert_eq!((world.wallet(user), world.places(user)), (2_000, 0));
    assert_eq!(world.claimed(&seats([0, 1])), 0);
    let request = ConfirmPayment {
        user,
        payment,
        amount: won(18_000),
        provider_key: Some(token("card")),
        key: None,
    };
    assert!(block_on(confirm::confirm(&world.ports, request)).is_err());
    assert_eq!(world.gateway.money().captured(payment), None, "nothing was sent");
    world.reserve(world.user(), &seats([0, 1]));
    world.check();
}

#[test]
fn another_user_sees_nothing_and_changes_nothing() {
    let world = World::new();
    let (user, other) = (world.user(), world.user());
    let reservation = world.reserve(user, &seat(0)).reservation;
    let request = CancelReservation { user: other, reservation, key: None };
    let error = block_on(cancel::cancel(&world.ports, request)).unwrap_err();
    assert!(matches!(error, CancelError::NoSuchReservation(id) if id == reservation));
    assert!(start(&world, other, reservation, won(0)).is_err());
    assert!(world.reservation(reservation).is_pending());
    let view = start(&world, user, reservation, won(0)).unwrap();
    assert_eq!(view.abort(), None);
    let status = |user| block_on(checkout::status(&world.ports, user, view.checkout));
    assert_eq!(status(user).unwrap(), view);
    assert!(matches!(status(other), Err(CheckoutError::NoSuchCheckout(_))));
}

#[test]
fn a_confirmed_payment_says_what_it_bought() {
    let world = World::new();
    let (_, payment, _) = world.buy(world.user(), &seat(0), 0, Some(Method::Card));
    assert_eq!(world.payment(payment).honoured(), Some(Honoured::InTime));
}

fn start(
    world: &World,
    user: ticketing_core::id::UserId,
    reservation: ticketing_core::id::ReservationId,
    points: Money,
) -> Result<checkout::CheckoutView, CheckoutError> {
    let request = StartCheckout {
        user,
        reservation,
        points,
        method: Some(Method::Card),
        refund_account: None,
        key: None,
    };
    block_on(checkout::start(&world.ports, request))
}
