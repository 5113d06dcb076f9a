//! Bank transfers: accounts, deposits in time, late, of a wrong amount, and taken back.

use std::time::Duration;

use chrono::TimeDelta;
use pollster::block_on;
use ticketing_core::id::{PaymentId, RefundId, ReservationId, UserId};
use ticketing_core::label::Label;
use ticketing_core::ledger::Account;
use ticketing_core::memory::{CallAct, DepositRefused, FindAct, NoticeAct, Step};
use ticketing_core::page::{Limit, PageRequest};
use ticketing_core::payment::{Honoured, Method, PaymentState};
use ticketing_core::port::{Clock, RefundAccount};
use ticketing_core::refund::{RefundRefusal, RefundState, Sent};
use ticketing_core::reservation::{CancelReason, EndCause, ReservationState};
use ticketing_core::seat::Seats;
use ticketing_core::service::cancel::{self, CancelReservation};
use ticketing_core::service::checkout::{self, CheckoutError, StartCheckout};
use ticketing_core::service::confirm::{self, ConfirmError, ConfirmPayment};
use ticketing_core::service::notice::{self, Notice, NoticeError, NoticeTaken};
use ticketing_core::service::refund::{self, RefundError};
use ticketing_core::service::{PaymentStatus, expire, reconcile, refund_worker};
use ticketing_core::ticket::TicketState;

use crate::check::all;
use crate::world::{PRICE, World, policy, seat, seats, token, won};

const NUMBER: &str = "110-436-777777";

fn account() -> RefundAccount {
    let text = |text: &str| Label::new(text).unwrap();
    RefundAccount::new(text("Bank"), text(NUMBER), Label::new("Hong Gildong").unwrap())
}

/// A reservation with an open deposit account.
fn await_deposit(world: &World, user: UserId, seats: &Seats) -> (ReservationId, PaymentId) {
    let reservation = world.reserve(user, seats).reservation;
    let payment = checkout_with(world, user, reservation, 0, Some(account()));
    let view = world.confirm(user, payment);
    assert!(matches!(view.status, PaymentStatus::AwaitingDeposit { .. }), "{view:?}");
    (reservation, payment)
}

fn checkout_with(
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
fn deposited(world: &World, user: UserId, seats: &Seats) -> (ReservationId, PaymentId) {
    let (reservation, payment) = await_deposit(world, user, seats);
    world.gateway.deposit(payment, world.payment(payment).external()).unwrap();
    assert_eq!(world.take_notices(), 1);
    assert_eq!(world.payment(payment).honoured(), Some(Honoured::InTime));
    (reservation, payment)
}

fn expire(world: &World) -> usize {
    let swept = block_on(expire::sweep_due(&world.ports, PageRequest::first(Limit::DEFAULT)));
    swept.unwrap().changed
}

fn close_accounts(world: &World) -> usize {
    let page = PageRequest::first(Limit::DEFAULT);
    block_on(reconcile::sweep_accounts(&world.ports, page)).unwrap().changed
}

fn send_refunds(world: &World) -> usize {
    let page = PageRequest::first(Limit::DEFAULT);
    let swept = block_on(refund_worker::sweep_refunds(&world.ports, page)).unwrap();
    assert_eq!(swept.failed, 0, "{:?}", swept.errors);
    swept.changed
}

fn refund_state(world: &World, id: RefundId) -> RefundState {
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
fn the_bank_takes_a_deposit_of_unused_tickets_back() {
    let world = World::new();
    let user = world.rich(3_000);
    let id = world.reserve(user, &seats([0, 1])).reservation;
    let payment = checkout_with(&world, user, id, 3_000, Some(account()));
    world.confirm(user, payment);
    world.gateway.deposit(payment, won(17_000)).unwrap();
    assert_eq!(world.take_notices(), 1);
    let earned = world.balance(Account::Seller(world.seller));
    assert_eq!(earned, 2 * PRICE - 600);
    world.gateway.reverse_deposit(payment).unwrap();
    assert_eq!(world.take_notices(), 1);
    assert_eq!(*world.payment(payment).state(), PaymentState::Reversed);
    let cause = EndCause::Reversal(payment);
    assert_eq!(*world.reservation(id).state(), ReservationState::Refunded { cause });
    let void = TicketState::Void { cause };
    assert!(world.tickets(id).iter().all(|ticket| *ticket.state() == void));
    assert_eq!((world.wallet(user), world.places(user)), (3_000, 0));
    for account in [Account::Seller(world.seller), Account::PlatformFee, Account::Loss] {
        assert_eq!(world.balance(account), 0, "{account:?}");
    }
    assert_eq!(world.payment(payment).refund_account(), None, "nothing is left to refund");
    assert_eq!(world.notice("again", payment).unwrap(), NoticeTaken::NothingNew);
    world.check_at_rest();
    world.buy(world.user(), &seats([0, 1]), 0, Some(Method::Card));
    world.check_at_rest();
}

#[test]
fn a_deposit_taken_back_after_somebody_went_in_is_a_loss_for_that_seat() {
    let world = World::new();
    let user = world.user();
    let (id, payment) = deposited(&world, user, &seats([0, 1]));
    world.admit(&world.tickets(id)[0]).unwrap();
    world.gateway.reverse_deposit(payment).unwrap();
    assert_eq!(world.take_notices(), 1);
    assert_eq!(world.balance(Account::Loss), -PRICE);
    assert_eq!(world.balance(Account::Seller(world.seller)), PRICE - 300);
    assert_eq!((world.claimed(&seats([0, 1])), world.places(user)), (1, 1));
    let states: Vec<_> = world.tickets(id).iter().map(|ticket| ticket.state().name()).collect();
    assert_eq!(states, ["used", "void"]);
    assert!(matches!(world.refund(user, id, None), Err(RefundError::NotPaid)));
    world.check_at_rest();
}

#[test]
fn a_refund_not_yet_sent_is_stopped_when_the_bank_takes_the_deposit_back() {
    let world = World::new();
    let user = world.user();
    let (id, payment) = deposited(&world, user, &seats([0, 1]));
    let refund = world.refund(user, id, Some(seat(0))).unwrap();
    world.gateway.reverse_deposit(payment).unwrap();
    assert_eq!(world.take_notices(), 1);
    assert_eq!(refund_state(&world, refund.refund), RefundState::Stopped);
    assert_eq!((world.balance(Account::RefundPayable), world.balance(Account::Loss)), (0, 0));
    assert_eq!(send_refunds(&world), 0);
    world.check_at_rest();
    assert_eq!(world.gateway.money().cancelled(payment), Some(won(0)));
}

#[test]
fn a_refund_sent_before_the_bank_took_the_deposit_back_is_a_loss() {
    let world = World::new();
    let user = world.user();
    let (id, payment) = deposited(&world, user, &seats([0, 1]));
    world.refund(user, id, Some(seat(0))).unwrap();
    assert_eq!(send_refunds(&world), 1);
    world.gateway.reverse_deposit(payment).unwrap();
    assert_eq!(world.take_notices(), 1);
    assert_eq!(world.balance(Account::Loss), -PRICE);
    world.check_at_rest();
}

#[test]
fn a_refund_under_way_that_the_reversed_deposit_makes_impossible_is_stopped() {
    let world = World::new();
    let user = world.user();
    let (id, payment) = deposited(&world, user, &seats([0, 1]));
    world.gateway.script(payment, [Step::cancel(CallAct::LostBefore)]);
    let refund = world.refund(user, id, Some(seat(0))).unwrap().refund;
    send_refunds(&world);
    assert!(matches!(refund_state(&world, refund), RefundState::Unknown { .. }));
    world.gateway.reverse_deposit(payment).unwrap();
    assert_eq!(world.take_notices(), 1);
    assert_eq!(world.balance(Account::RefundPayable), PRICE, "it may have been sent");
    world.check();
    world.minutes(2);
    send_refunds(&world);
    assert_eq!(refund_state(&world, refund), RefundState::Stopped);
    assert_eq!((world.balance(Account::RefundPayable), world.balance(Account::Loss)), (0, 0));
    world.check_at_rest();
}

#[test]
fn a_refund_under_way_that_had_left_is_found_after_the_reversal() {
    let world = World::new();
    let user = world.user();
    let (id, payment) = deposited(&world, user, &seats([0, 1]));
    world.gateway.script(payment, [Step::cancel(CallAct::LostAfter)]);
    let refund = world.refund(user, id, Some(seat(0))).unwrap().refund;
    send_refunds(&world);
    world.gateway.reverse_deposit(payment).unwrap();
    assert_eq!(world.take_notices(), 1);
    world.minutes(2);
    assert_eq!(send_refunds(&world), 1);
    assert_eq!(refund_state(&world, refund), RefundState::Succeeded { sent: Sent::Gateway });
    assert_eq!(world.balance(Account::Loss), -PRICE);
    world.check_at_rest();
}

#[test]
fn a_reversal_is_seen_also_where_another_amount_had_come_before() {
    let world = World::new();
    let (id, payment) = await_deposit(&world, world.user(), &seat(0));
    world.gateway.deposit(payment, won(9_000)).unwrap();
    world.take_notices();
    world.gateway.deposit(payment, won(PRICE)).unwrap();
    world.take_notices();
    assert_eq!(world.payment(payment).honoured(), Some(Honoured::InTime));
    // The gateway goes on saying that money came: that of the other amount.
    world.gateway.reverse_deposit(payment).unwrap();
    assert_eq!(world.take_notices(), 1);
    assert_eq!(*world.payment(payment).state(), PaymentState::Reversed);
    assert!(world.tickets(id).iter().all(|ticket| *ticket.state() != TicketState::Issued));
    world.check();
    assert_eq!(send_refunds(&world), 1);
    world.check_at_rest();
    assert_eq!(world.gateway.money().cancelled(payment), Some(won(9_000)));
}

#[test]
fn money_that_comes_again_after_a_reversal_is_refunded() {
    let world = World::new();
    let user = world.user();
    let (id, payment) = deposited(&world, user, &seat(0));
    world.gateway.reverse_deposit(payment).unwrap();
    world.take_notices();
    world.gateway.deposit(payment, won(PRICE)).unwrap();
    assert_eq!(world.take_notices(), 1);
    assert_eq!(world.payment(payment).honoured(), Some(Honoured::No));
    assert!(world.tickets(id).iter().all(|ticket| *ticket.state() != TicketState::Issued));
    world.check();
    let refund = world.refunds(payment).remove(0);
    assert!(matches!(refund.state(), RefundState::NeedsAccount { .. }));
    block_on(refund::set_account(&world.ports, user, refund.id(), account())).unwrap();
    world.check_at_rest();
    assert_eq!(world.gateway.money().cancelled(payment), Some(won(PRICE)));
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
    world.check_at_rest();
    for row in all(|page| ticketing_core::port::Inspect::outbox(&world.store, page)) {
        let payload = String::from_utf8(row.payload).unwrap();
        assert!(!payload.contains(NUMBER) && !payload.contains("Gildong"), "{payload}");
    }
}
