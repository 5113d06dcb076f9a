//! Bank transfers: accounts, deposits in time, late, of a wrong amount, and taken back.

use std::time::Duration;

use chrono::TimeDelta;
use pollster::block_on;
use ticketing_core::id::{PaymentId, RefundId, ReservationId, UserId};
use ticketing_core::label::Label;
use ticketing_core::ledger::Account;
use ticketing_core::memory::{CallAct, DepositRefused, FindAct, NoticeAct, Step};
use ticketing_core::page::{Limit, PageRequest};
use ticketing_core::payment::{Honoured, Method, PaymentRefusal, PaymentState};
use ticketing_core::port::{Clock, RefundAccount};
use ticketing_core::refund::{RefundRefusal, RefundState, Sent};
use ticketing_core::reservation::{CancelReason, ReservationState};
use ticketing_core::seat::Seats;
use ticketing_core::service::cancel::{self, CancelReservation};
use ticketing_core::service::checkout::{self, CheckoutError, StartCheckout};
use ticketing_core::service::confirm::{self, ConfirmError, ConfirmPayment};
use ticketing_core::service::notice::{self, Notice, NoticeError, NoticeTaken};
use ticketing_core::service::refund::{self, RefundError};
use ticketing_core::service::{PaymentStatus, expire, reconcile, refund_worker};

use crate::check::all;
use crate::world::{PRICE, World, policy, seat, seats, token, won};

const NUMBER: &str = "110-436-777777";

pub(crate) fn account() -> RefundAccount {
    let text = |text: &str| Label::new(text).unwrap();
    RefundAccount::new(text("Bank"), text(NUMBER), Label::new("Hong Gildong").unwrap())
}

/// A reservation with an open deposit account.
pub(crate) fn await_deposit(
    world: &World,
    user: UserId,
    seats: &Seats,
) -> (ReservationId, PaymentId) {
    let reservation = world.reserve(user, seats).reservation;
    let payment = checkout_with(world, user, reservation, 0, Some(account()));
    let view = world.confirm(user, payment);
    assert!(matches!(view.status, PaymentStatus::AwaitingDeposit { .. }), "{view:?}");
    (reservation, payment)
}

pub(crate) fn checkout_with(
    world: &World,
    user: UserId,
    reservation: ReservationId,
    points: i64,
    refund_account: Option<RefundAccount>,
) -> PaymentId {
    let request = StartCheckout {
        user,
        reservation,
        points: won(points),
        method: Some(Method::BankTransfer),
        refund_account,
        key: None,
    };
    block_on(checkout::start(&world.ports, request)).unwrap().payment().unwrap()
}

/// A paid bank transfer.
pub(crate) fn deposited(world: &World, user: UserId, seats: &Seats) -> (ReservationId, PaymentId) {
    let (reservation, payment) = await_deposit(world, user, seats);
    world.gateway.deposit(payment, world.payment(payment).external()).unwrap();
    assert_eq!(world.take_notices(), 1);
    assert_eq!(world.payment(payment).honoured(), Some(Honoured::InTime));
    (reservation, payment)
}

pub(crate) fn expire(world: &World) -> usize {
    let swept = block_on(expire::sweep_due(&world.ports, PageRequest::first(Limit::DEFAULT)));
    swept.unwrap().changed
}

pub(crate) fn close_accounts(world: &World) -> usize {
    let page = PageRequest::first(Limit::DEFAULT);
    block_on(reconcile::sweep_accounts(&world.ports, page)).unwrap().changed
}

pub(crate) fn send_refunds(world: &World) -> usize {
    let page = PageRequest::first(Limit::DEFAULT);
    let swept = block_on(refund_worker::sweep_refunds(&world.ports, page)).unwrap();
    assert_eq!(swept.failed, 0, "{:?}", swept.errors);
    swept.changed
}

pub(crate) fn refund_state(world: &World, id: RefundId) -> RefundState {
    block_on(world.ports.refunds.find(id)).unwrap().unwrap().state().clone()
}

#[test]
fn an_account_is_issued_and_the_deadline_is_its_due_time_and_the_notice_margin() {
    let world = World::new();
    let user = world.user();
    let now = world.clock.now();
    let (id, payment) = await_deposit(&world, user, &seat(0));
    let due_at = now + TimeDelta::hours(72);
    assert_eq!(*world.payment(payment).state(), PaymentState::AwaitingDeposit { due_at });
    let reservation = world.reservation(id);
    assert_eq!(reservation.expires_at(), due_at + TimeDelta::minutes(30));
    assert_eq!(reservation.latest(), reservation.expires_at());
    world.minutes(60 * 71);
    assert_eq!(world.sweep(), 0);
    assert!(matches!(world.confirm(user, payment).status, PaymentStatus::AwaitingDeposit { .. }));
    world.gateway.deposit(payment, won(PRICE)).unwrap();
    assert_eq!(world.take_notices(), 1);
    assert_eq!(world.payment(payment).honoured(), Some(Honoured::InTime));
    assert_eq!(world.tickets(id).len(), 1);
    world.check_at_rest();
}

#[test]
fn a_deposit_is_due_a_day_before_the_start_and_not_offered_with_less_than_an_hour_to_that() {
    let world = World::with(policy(), TimeDelta::hours(48));
    let (_, payment) = await_deposit(&world, world.user(), &seat(0));
    let due_at = world.clock.now() + TimeDelta::hours(24);
    assert_eq!(*world.payment(payment).state(), PaymentState::AwaitingDeposit { due_at });

    let world = World::with(policy(), TimeDelta::hours(25));
    await_deposit(&world, world.user(), &seat(0));
    let user = world.user();
    let reservation = world.reserve(user, &seat(1)).reservation;
    let payment = checkout_with(&world, user, reservation, 0, None);
    world.pass(Duration::from_secs(1));
    let late = ConfirmPayment { user, payment, amount: won(PRICE), provider_key: None, key: None };
    let error = block_on(confirm::confirm(&world.ports, late)).unwrap_err();
    assert!(matches!(error, ConfirmError::BankTransferNotOffered));
    let other = world.user();
    let reservation = world.reserve(other, &seat(2)).reservation;
    let request = StartCheckout {
        user: other,
        reservation,
        points: won(0),
        method: Some(Method::BankTransfer),
        refund_account: None,
        key: None,
    };
    let error = block_on(checkout::start(&world.ports, request)).unwrap_err();
    assert!(matches!(error, CheckoutError::BankTransferNotOffered));
    world.check_at_rest();
}

#[test]
fn a_deposit_whose_notice_was_lost_is_found_before_it_expires() {
    let world = World::new();
    let (id, payment) = await_deposit(&world, world.user(), &seat(0));
    world.gateway.script(payment, [Step::Notice(NoticeAct::Lost)]);
    world.minutes(60 * 70);
    world.gateway.deposit(payment, won(PRICE)).unwrap();
    assert_eq!(world.take_notices(), 0);
    world.minutes(151);
    assert_eq!(expire(&world), 1);
    assert_eq!(world.payment(payment).honoured(), Some(Honoured::InTime));
    assert_eq!(world.tickets(id).len(), 1);
    world.check_at_rest();
}

#[test]
fn a_deposit_not_paid_in_three_days_gives_seats_and_points_back_and_closes_the_account() {
    let world = World::new();
    let user = world.rich(1_000);
    let id = world.reserve(user, &seat(0)).reservation;
    let payment = checkout_with(&world, user, id, 1_000, None);
    world.confirm(user, payment);
    world.minutes(60 * 72 + 29);
    assert_eq!(expire(&world), 0);
    world.check();
    world.minutes(1);
    let steps = [Step::close(CallAct::LostBefore), Step::close(CallAct::LostAfter)];
    world.gateway.script(payment, steps);
    assert_eq!(expire(&world), 1);
    assert_eq!(*world.payment(payment).state(), PaymentState::Expired);
    assert_eq!(*world.reservation(id).state(), ReservationState::Expired);
    assert_eq!((world.wallet(user), world.places(user)), (1_000, 0));
    assert_eq!(world.claimed(&seat(0)), 0);
    for retry in 0..2 {
        assert_eq!(close_accounts(&world), 0, "try {retry}");
        assert!(world.payment(payment).needs_closing());
    }
    assert_eq!(close_accounts(&world), 1);
    assert!(!world.payment(payment).needs_closing());
    assert_eq!(world.gateway.deposit(payment, won(9_000)), Err(DepositRefused::Closed));
    assert_eq!(close_accounts(&world), 0);
    world.check_at_rest();
}

#[test]
fn a_silent_gateway_lets_it_lapse_at_its_maximum_and_the_money_is_late() {
    let world = World::new();
    let (id, payment) = await_deposit(&world, world.user(), &seat(0));
    let steps = [Step::Notice(NoticeAct::Lost), Step::Find(FindAct::Lost)];
    world.gateway.script(payment, steps);
    world.gateway.deposit(payment, won(PRICE)).unwrap();
    world.minutes(60 * 72 + 30);
    assert_eq!(expire(&world), 1);
    assert_eq!(*world.reservation(id).state(), ReservationState::Expired);
    world.check();
    assert_eq!(close_accounts(&world), 1, "the close is refused, as it was paid");
    assert_eq!(world.payment(payment).honoured(), Some(Honoured::Late));
    assert_eq!(world.tickets(id).len(), 1);
    world.check_at_rest();
}

#[test]
fn a_gateway_that_stays_silent_keeps_no_seat_for_ever() {
    let world = World::new();
    let (id, payment) = await_deposit(&world, world.user(), &seat(0));
    world.gateway.script(payment, [Step::Find(FindAct::Lost)]);
    world.minutes(60 * 72 + 31);
    assert_eq!(expire(&world), 1, "its maximum is behind it, not only reached");
    assert_eq!(*world.reservation(id).state(), ReservationState::Expired);
    world.check_at_rest();
}

#[test]
fn an_account_is_opened_for_the_amount_that_the_buyer_saw_or_not_at_all() {
    let world = World::new();
    let user = world.user();
    let reservation = world.reserve(user, &seat(0)).reservation;
    let payment = checkout_with(&world, user, reservation, 0, None);
    let amount = won(PRICE - 1);
    let wrong = ConfirmPayment { user, payment, amount, provider_key: None, key: None };
    let error = block_on(confirm::confirm(&world.ports, wrong)).unwrap_err();
    let expected = PaymentRefusal::AmountMismatch { expected: won(PRICE), got: amount };
    assert!(matches!(error, ConfirmError::Payment(refusal) if refusal == expected));
    assert_eq!(*world.payment(payment).state(), PaymentState::Created);
    world.check_at_rest();
}

#[test]
fn a_close_that_takes_its_time_is_waited_for() {
    let world = World::new();
    let (_, payment) = await_deposit(&world, world.user(), &seat(0));
    world.minutes(60 * 72 + 30);
    assert_eq!(expire(&world), 1);
    let slow = CallAct::Slow(Duration::from_secs(20));
    world.gateway.script(payment, [Step::close(slow), Step::close(slow)]);
    let page = PageRequest::first(Limit::DEFAULT);
    let swept = world.run(reconcile::sweep_accounts(&world.ports, page)).unwrap();
    assert_eq!(swept.changed, 1);
    assert!(!world.payment(payment).needs_closing());
    world.check_at_rest();
}

#[test]
fn deposits_of_another_amount_are_refunded_and_the_right_one_still_completes() {
    let world = World::new();
    let user = world.user();
    let (id, payment) = await_deposit(&world, user, &seat(0));
    for (wrong, sum) in [(9_000, 9_000), (11_000, 20_000)] {
        world.gateway.deposit(payment, won(wrong)).unwrap();
        assert_eq!(world.take_notices(), 1);
        assert!(matches!(world.payment(payment).state(), PaymentState::AwaitingDeposit { .. }));
        assert_eq!(world.balance(Account::RefundPayable), sum);
        assert!(world.tickets(id).is_empty());
        world.check();
    }
    assert_eq!(world.told("payment.unexpected_money"), 2);
    assert_eq!(send_refunds(&world), 2);
    assert_eq!(world.balance(Account::RefundPayable), 0);
    world.gateway.deposit(payment, won(PRICE)).unwrap();
    assert_eq!(world.take_notices(), 1);
    assert_eq!(world.payment(payment).honoured(), Some(Honoured::InTime));
    world.check_at_rest();
    assert_eq!(world.gateway.money().cancelled(payment), Some(won(20_000)));
    world.refund(user, id, None).unwrap();
    world.check_at_rest();
    assert_eq!(world.gateway.money().cancelled(payment), Some(won(30_000)));
}

#[test]
fn a_wrong_amount_alone_lets_the_reservation_lapse() {
    let world = World::new();
    let (id, payment) = await_deposit(&world, world.user(), &seat(0));
    world.gateway.deposit(payment, won(9_000)).unwrap();
    world.take_notices();
    world.minutes(60 * 72 + 30);
    assert_eq!(expire(&world), 1);
    assert_eq!(*world.reservation(id).state(), ReservationState::Expired);
    world.check_at_rest();
    assert_eq!(world.gateway.money().cancelled(payment), Some(won(9_000)));
    assert!(!world.payment(payment).needs_closing());
}

#[test]
fn an_account_issued_after_the_reservation_ended_is_closed() {
    let world = World::new();
    let user = world.rich(1_000);
    let id = world.reserve(user, &seat(0)).reservation;
    let payment = checkout_with(&world, user, id, 1_000, None);
    world.gateway.script(payment, [Step::issue(CallAct::LostAfter)]);
    world.confirm(user, payment);
    world.minutes(40);
    assert_eq!(expire(&world), 1);
    assert_eq!(world.balance(Account::PointsHeld), 1_000);
    let page = PageRequest::first(Limit::DEFAULT);
    assert_eq!(block_on(reconcile::sweep_unsettled(&world.ports, page)).unwrap().changed, 1);
    assert_eq!(*world.payment(payment).state(), PaymentState::Cancelled);
    assert_eq!(world.wallet(user), 1_000);
    world.check();
    assert_eq!(close_accounts(&world), 1);
    assert_eq!(world.gateway.deposit(payment, won(9_000)), Err(DepositRefused::Closed));
    world.check_at_rest();
}

#[test]
fn a_lost_answer_to_the_issue_is_found() {
    let world = World::new();
    let user = world.user();
    let id = world.reserve(user, &seat(0)).reservation;
    let payment = checkout_with(&world, user, id, 0, None);
    world.gateway.script(payment, [Step::issue(CallAct::LostAfter)]);
    assert_eq!(world.confirm(user, payment).status, PaymentStatus::Processing);
    world.minutes(2);
    assert_eq!(world.sweep(), 1);
    assert!(matches!(world.confirm(user, payment).status, PaymentStatus::AwaitingDeposit { .. }));
    world.check_at_rest();
}

#[test]
fn a_buyer_may_cancel_while_a_deposit_is_awaited_and_money_that_comes_is_refunded() {
    let world = World::new();
    let user = world.user();
    let (id, payment) = await_deposit(&world, user, &seat(0));
    world.gateway.script(payment, [Step::Notice(NoticeAct::Lost)]);
    world.gateway.deposit(payment, won(PRICE)).unwrap();
    let request = CancelReservation { user, reservation: id, key: None };
    block_on(cancel::cancel(&world.ports, request)).unwrap();
    assert_eq!(*world.payment(payment).state(), PaymentState::Cancelled);
    assert_eq!(world.claimed(&seat(0)), 0);
    world.check_at_rest();
    assert_eq!(world.payment(payment).honoured(), Some(Honoured::No));
    assert_eq!(
        *world.reservation(id).state(),
        ReservationState::Cancelled { reason: CancelReason::Buyer }
    );
    assert_eq!(world.gateway.money().cancelled(payment), Some(won(PRICE)));
}

#[test]
fn a_notice_with_a_wrong_secret_is_refused() {
    let world = World::new();
    let (_, payment) = await_deposit(&world, world.user(), &seat(0));
    world.gateway.deposit(payment, won(PRICE)).unwrap();
    let message = crate::world::message(token("forged"));
    let forged = Notice { message, payment, secret: Some(token("guess")) };
    let error = block_on(notice::take(&world.ports, forged)).unwrap_err();
    assert!(matches!(error, NoticeError::WrongSecret));
    assert!(matches!(world.payment(payment).state(), PaymentState::AwaitingDeposit { .. }));
    assert!(matches!(world.notice("real", payment).unwrap(), NoticeTaken::Applied(_)));
    world.check_at_rest();
}

#[test]
fn what_the_gateway_said_before_the_money_came_again_says_nothing_then() {
    let world = World::new();
    let user = world.user();
    let (_, payment) = deposited(&world, user, &seat(0));
    world.gateway.script(payment, [Step::Find(FindAct::Slow(Duration::from_secs(30)))]);
    world.gateway.reverse_deposit(payment).unwrap();
    let secret = world.payment(payment).account().and_then(|account| account.secret.clone());
    let message = crate::world::message(token("slow"));
    let slow = notice::take(&world.ports, Notice { message, payment, secret });
    let slow = World::start_waiting(slow);
    assert_eq!(world.take_notices(), 1);
    world.gateway.deposit(payment, won(PRICE)).unwrap();
    assert_eq!(world.take_notices(), 1);
    assert_eq!(world.run(slow).unwrap(), NoticeTaken::NothingNew);
    assert_eq!(world.payment(payment).honoured(), Some(Honoured::No));
    let refund = world.refunds(payment).remove(0);
    assert!(matches!(refund.state(), RefundState::NeedsAccount { .. }), "{:?}", refund.state());
    block_on(refund::set_account(&world.ports, user, refund.id(), account())).unwrap();
    world.check_at_rest();
    assert_eq!(world.gateway.money().cancelled(payment), Some(won(PRICE)));
}

#[test]
fn a_deposit_is_refunded_to_the_account_given_with_the_checkout_which_is_then_forgotten() {
    let world = World::new();
    let user = world.user();
    let (id, payment) = deposited(&world, user, &seats([0, 1]));
    world.refund(user, id, Some(seat(0))).unwrap();
    assert_eq!(send_refunds(&world), 1);
    assert!(world.payment(payment).refund_account().is_some(), "one seat may still be refunded");
    world.refund(user, id, None).unwrap();
    assert_eq!(send_refunds(&world), 1);
    assert_eq!(world.payment(payment).refund_account(), None);
    world.check_at_rest();
    assert_eq!(world.gateway.money().cancelled(payment), Some(won(2 * PRICE)));
    for checkout in block_on(world.ports.checkouts.of_reservation(id)).unwrap() {
        assert_eq!(checkout.choice().refund_account, None);
    }
}

#[test]
fn an_account_named_later_lets_the_refund_go() {
    let world = World::new();
    let (user, other) = (world.user(), world.user());
    let id = world.reserve(user, &seat(0)).reservation;
    let payment = checkout_with(&world, user, id, 0, None);
    world.confirm(user, payment);
    world.gateway.deposit(payment, won(PRICE)).unwrap();
    world.take_notices();
    let refund = world.refund(user, id, None).unwrap().refund;
    assert!(matches!(refund_state(&world, refund), RefundState::NeedsAccount { .. }));
    assert_eq!(send_refunds(&world), 0);
    let error = block_on(refund::set_account(&world.ports, other, refund, account()));
    assert!(matches!(error, Err(RefundError::NoSuchRefund(_))));
    block_on(refund::set_account(&world.ports, user, refund, account())).unwrap();
    assert_eq!(send_refunds(&world), 1);
    let again = block_on(refund::set_account(&world.ports, user, refund, account()));
    assert!(matches!(again, Err(RefundError::Refund(RefundRefusal::WrongState { .. }))));
    world.check_at_rest();
    assert_eq!(world.gateway.money().cancelled(payment), Some(won(PRICE)));
}

#[test]
fn a_wrong_account_is_replaced_even_after_the_worker_gave_up() {
    let world = World::new();
    let user = world.user();
    let (id, payment) = deposited(&world, user, &seat(0));
    world.gateway.script(payment, vec![Step::cancel(CallAct::Decline); 10]);
    let refund = world.refund(user, id, None).unwrap().refund;
    for _ in 0..10 {
        assert_eq!(send_refunds(&world), 1);
        assert!(matches!(refund_state(&world, refund), RefundState::Failed { .. }));
        assert_eq!(world.balance(Account::RefundPayable), PRICE);
        assert_eq!(send_refunds(&world), 0, "there is a pause");
        world.check();
        world.minutes(1 << 10);
    }
    assert_eq!(send_refunds(&world), 0, "now only a human helps");
    let text = |text: &str| Label::new(text).unwrap();
    let other = RefundAccount::new(text("Bank"), text("2"), Label::new("Hong Gildong").unwrap());
    block_on(refund::set_account(&world.ports, user, refund, other)).unwrap();
    world.check_at_rest();
    assert_eq!(refund_state(&world, refund), RefundState::Succeeded { sent: Sent::Gateway });
    assert_eq!(world.gateway.money().cancelled(payment), Some(won(PRICE)));
}

#[test]
fn without_an_account_the_refund_becomes_points_after_thirty_days() {
    let world = World::with(policy(), TimeDelta::days(60));
    let user = world.user();
    let id = world.reserve(user, &seat(0)).reservation;
    let payment = checkout_with(&world, user, id, 0, None);
    world.confirm(user, payment);
    world.gateway.deposit(payment, won(PRICE)).unwrap();
    world.take_notices();
    let refund = world.refund(user, id, None).unwrap().refund;
    world.minutes(60 * 24 * 30 - 1);
    assert_eq!(send_refunds(&world), 0);
    world.minutes(1);
    assert_eq!(send_refunds(&world), 1);
    assert_eq!(refund_state(&world, refund), RefundState::Succeeded { sent: Sent::Points });
    assert_eq!((world.wallet(user), world.balance(Account::RefundPayable)), (PRICE, 0));
    world.check_at_rest();
    assert_eq!(world.gateway.money().cancelled(payment), Some(won(0)));
}

#[test]
fn an_account_is_never_in_an_event_or_a_debug_output() {
    let world = World::new();
    let user = world.user();
    let (id, payment) = deposited(&world, user, &seat(0));
    let view = world.refund(user, id, None).unwrap();
    let refund = block_on(world.ports.refunds.find(view.refund)).unwrap().unwrap();
    assert!(refund.account().is_some());
    let shown = format!("{refund:?} {:?} {:?}", world.payment(payment), account());
    assert!(!shown.contains(NUMBER) && !shown.contains("Gildong"), "{shown}");
    let message = crate::world::message(token("message"));
    let notice = Notice { message, payment, secret: Some(token("whisper")) };
    let shown = format!("{notice:?}");
    assert!(shown.contains(&payment.to_string()) && !shown.contains("whisper"), "{shown}");
    world.check_at_rest();
    for row in all(|page| ticketing_core::port::Inspect::outbox(&world.store, page)) {
        let payload = String::from_utf8(row.payload).unwrap();
        assert!(!payload.contains(NUMBER) && !payload.contains("Gildong"), "{payload}");
    }
}
