//! Deposits that the bank takes back.

use std::sync::Arc;

use async_trait::async_trait;
use pollster::block_on;
use ticketing_core::id::{PaymentId, UserId};
use ticketing_core::ledger::Account;
use ticketing_core::memory::{CallAct, FakeGateway, FindAct, NoticeAct, Step};
use ticketing_core::payment::{Honoured, Method, PaymentState};
use ticketing_core::port::{
    CancelRequest, Captured, ConfirmRequest, DepositAccount, Found, GatewayError, GatewayKey,
    IssueRequest, PaymentGateway, RefundAccount,
};
use ticketing_core::refund::{RefundState, Sent};
use ticketing_core::reservation::{EndCause, ReservationState};
use ticketing_core::service::PaymentStatus;
use ticketing_core::service::cancel::{self, CancelReservation};
use ticketing_core::service::notice::NoticeTaken;
use ticketing_core::service::refund::{self, RefundError};
use ticketing_core::ticket::TicketState;

use crate::deposits::{
    account, await_deposit, checkout_with, close_accounts, deposited, expire, refund_state,
    send_refunds,
};
use crate::world::{PRICE, World, seat, seats, won};

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
    let Ok(NoticeTaken::Applied(view)) = world.notice("reversal", payment) else {
        panic!("expected the reversal to be news");
    };
    assert_eq!((view.status, view.tickets), (PaymentStatus::Reversed, Vec::new()));
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
fn every_refund_not_yet_sent_is_stopped() {
    let world = World::new();
    let user = world.user();
    let (id, payment) = deposited(&world, user, &seats([0, 1, 2]));
    let one = |no| world.refund(user, id, Some(seat(no))).unwrap().refund;
    let refunds = [one(0), one(1)];
    world.gateway.reverse_deposit(payment).unwrap();
    assert_eq!(world.take_notices(), 1);
    for refund in refunds {
        assert_eq!(refund_state(&world, refund), RefundState::Stopped);
    }
    assert_eq!((world.balance(Account::RefundPayable), world.balance(Account::Loss)), (0, 0));
    world.check_at_rest();
    assert_eq!(world.gateway.money().cancelled(payment), Some(won(0)));
}

#[test]
fn money_of_another_amount_is_owed_whatever_becomes_of_the_deposit() {
    let world = World::new();
    let (_, payment) = await_deposit(&world, world.user(), &seat(0));
    world.gateway.script(payment, [CallAct::LostBefore, CallAct::Decline].map(Step::cancel));
    world.gateway.deposit(payment, won(9_000)).unwrap();
    world.take_notices();
    send_refunds(&world);
    world.gateway.deposit(payment, won(PRICE)).unwrap();
    world.take_notices();
    world.gateway.reverse_deposit(payment).unwrap();
    world.take_notices();
    assert_eq!(*world.payment(payment).state(), PaymentState::Reversed);
    world.minutes(2);
    send_refunds(&world);
    let refund = world.refunds(payment).remove(0);
    assert!(matches!(refund.state(), RefundState::Failed { .. }), "{refund:?}");
    world.minutes(2);
    world.check_at_rest();
    assert_eq!(world.gateway.money().cancelled(payment), Some(won(9_000)));
}

/// A deposit that was seen only when its seat was another's, after money of another amount. Both are owed
/// back, and no account is known.
fn owed_twice(world: &World) -> PaymentId {
    let user = world.user();
    let reservation = world.reserve(user, &seat(0)).reservation;
    let payment = checkout_with(world, user, reservation, 0, None);
    world.confirm(user, payment);
    world.gateway.deposit(payment, won(9_000)).unwrap();
    assert_eq!(world.take_notices(), 1);
    world.gateway.script(payment, [Step::Notice(NoticeAct::Lost), Step::Find(FindAct::Lost)]);
    world.gateway.deposit(payment, won(PRICE)).unwrap();
    world.minutes(60 * 72 + 30);
    assert_eq!(expire(world), 1);
    world.buy(world.user(), &seat(0), 0, Some(Method::Card));
    assert_eq!(close_accounts(world), 1);
    assert_eq!(world.payment(payment).honoured(), Some(Honoured::No));
    assert_eq!(world.refunds(payment).len(), 2);
    payment
}

#[test]
fn of_money_that_bought_nothing_only_the_deposit_itself_is_taken_back() {
    let world = World::new();
    let payment = owed_twice(&world);
    world.gateway.reverse_deposit(payment).unwrap();
    assert_eq!(world.take_notices(), 1);
    for refund in world.refunds(payment) {
        let is_stopped = *refund.state() == RefundState::Stopped;
        assert_eq!(is_stopped, refund.external() == won(PRICE), "{refund:?}");
    }
    assert_eq!((world.balance(Account::RefundPayable), world.balance(Account::Loss)), (9_000, 0));
    world.check();
}

#[test]
fn of_two_deposits_of_the_same_amount_one_is_owed_when_the_other_is_taken_back() {
    for honoured in [Honoured::InTime, Honoured::No] {
        let world = World::new();
        let user = world.user();
        let (id, payment) = await_deposit(&world, user, &seat(0));
        if honoured == Honoured::No {
            let request = CancelReservation { user, reservation: id, key: None };
            block_on(cancel::cancel(&world.ports, request)).unwrap();
        }
        // The bank takes parts as deposits of another amount, and so the whole once more.
        world.gateway.script(payment, [Step::Notice(NoticeAct::Lost)]);
        for part in [4_000, PRICE - 4_000] {
            world.gateway.deposit(payment, won(part)).unwrap();
        }
        assert_eq!(world.take_notices(), 1);
        assert_eq!(world.payment(payment).honoured(), Some(honoured));
        world.gateway.deposit(payment, won(PRICE)).unwrap();
        assert_eq!(world.take_notices(), 1);
        world.gateway.reverse_deposit(payment).unwrap();
        assert_eq!(world.take_notices(), 1);
        assert_eq!(*world.payment(payment).state(), PaymentState::Reversed);
        let (owed, lost) = (world.balance(Account::RefundPayable), world.balance(Account::Loss));
        assert_eq!((owed, lost), (PRICE, 0), "{honoured:?}");
        world.check_at_rest();
        assert_eq!(world.gateway.money().cancelled(payment), Some(won(PRICE)));
    }
}

/// Another amount and the whole deposit, told in one answer: neither is a sale.
fn seen_as_one(world: &World, user: UserId, account: Option<RefundAccount>) -> PaymentId {
    let reservation = world.reserve(user, &seat(0)).reservation;
    let payment = checkout_with(world, user, reservation, 0, account);
    world.confirm(user, payment);
    world.gateway.script(payment, [Step::Notice(NoticeAct::Lost)]);
    world.gateway.deposit(payment, won(9_000)).unwrap();
    world.gateway.deposit(payment, won(PRICE)).unwrap();
    assert_eq!(world.take_notices(), 1);
    assert!(matches!(world.payment(payment).state(), PaymentState::AwaitingDeposit { .. }));
    assert_eq!(world.balance(Account::RefundPayable), 9_000 + PRICE);
    payment
}

#[test]
fn money_that_bought_nothing_and_is_taken_back_is_owed_no_more() {
    let world = World::new();
    let payment = seen_as_one(&world, world.user(), Some(account()));
    world.gateway.reverse_deposit(payment).unwrap();
    assert_eq!(world.take_notices(), 1);
    assert_eq!(world.told("payment.unexpected_money_lost"), 1);
    assert_eq!(world.payment(payment).received(), won(9_000));
    assert_eq!((world.balance(Account::RefundPayable), world.balance(Account::Loss)), (9_000, 0));
    world.check();
    assert_eq!(world.notice("again", payment).unwrap(), NoticeTaken::NothingNew);
    assert_eq!(send_refunds(&world), 1);
    assert_eq!(world.gateway.money().cancelled(payment), Some(won(9_000)));
    // The deposit may still come, and buys what it should have bought.
    world.gateway.deposit(payment, won(PRICE)).unwrap();
    assert_eq!(world.take_notices(), 1);
    assert_eq!(world.payment(payment).honoured(), Some(Honoured::InTime));
    world.check_at_rest();
}

#[test]
fn money_that_was_sent_back_before_the_bank_took_it_too_is_lost() {
    let world = World::new();
    let payment = seen_as_one(&world, world.user(), Some(account()));
    assert_eq!(send_refunds(&world), 1);
    world.gateway.reverse_deposit(payment).unwrap();
    assert_eq!(world.take_notices(), 1);
    assert_eq!((world.balance(Account::RefundPayable), world.balance(Account::Loss)), (0, -PRICE));
    world.check_at_rest();
}

#[test]
fn what_is_under_way_when_the_bank_takes_the_money_is_sent_only_as_far_as_it_is_there() {
    let world = World::new();
    let payment = seen_as_one(&world, world.user(), Some(account()));
    world.gateway.script(payment, [Step::cancel(CallAct::LostBefore)]);
    send_refunds(&world);
    world.gateway.reverse_deposit(payment).unwrap();
    assert_eq!(world.take_notices(), 1);
    let (owed, lost) = (world.balance(Account::RefundPayable), world.balance(Account::Loss));
    assert_eq!((owed, lost), (9_000 + PRICE, -PRICE), "it may have been sent");
    world.check();
    world.minutes(2);
    send_refunds(&world);
    assert_eq!((world.balance(Account::RefundPayable), world.balance(Account::Loss)), (9_000, 0));
    world.minutes(5);
    send_refunds(&world);
    assert_eq!(world.gateway.money().cancelled(payment), Some(won(9_000)));
    world.check_at_rest();
}

#[test]
fn money_is_taken_back_also_from_a_payment_that_lapsed() {
    let world = World::new();
    let user = world.user();
    let payment = seen_as_one(&world, user, None);
    world.minutes(60 * 72 + 30);
    assert_eq!(expire(&world), 1);
    world.gateway.reverse_deposit(payment).unwrap();
    assert_eq!(world.take_notices(), 1);
    assert_eq!((world.balance(Account::RefundPayable), world.balance(Account::Loss)), (9_000, 0));
    world.check();
    close_accounts(&world);
    let refund = world.refunds(payment).remove(0);
    assert_eq!((refund.external(), refund.to_send()), (won(9_000 + PRICE), won(9_000)));
    block_on(refund::set_account(&world.ports, user, refund.id(), account())).unwrap();
    world.check_at_rest();
    assert_eq!(world.gateway.money().cancelled(payment), Some(won(9_000)));
}

#[test]
fn a_deposit_that_is_gone_is_seen_though_less_came_since() {
    let world = World::new();
    let user = world.user();
    let (id, payment) = deposited(&world, user, &seat(0));
    world.gateway.script(payment, [Step::Notice(NoticeAct::Lost)]);
    world.gateway.reverse_deposit(payment).unwrap();
    world.gateway.deposit(payment, won(1)).unwrap();
    assert_eq!(world.take_notices(), 1);
    assert_eq!(*world.payment(payment).state(), PaymentState::Reversed);
    assert!(world.tickets(id).iter().all(|ticket| *ticket.state() != TicketState::Issued));
    assert_eq!(world.balance(Account::RefundPayable), 1);
    world.check();
    let refund = world.refunds(payment).remove(0);
    block_on(refund::set_account(&world.ports, user, refund.id(), account())).unwrap();
    world.check_at_rest();
    assert_eq!(world.gateway.money().cancelled(payment), Some(won(1)));
}

#[test]
fn money_that_came_unseen_before_its_account_was_closed_goes_back() {
    let world = World::new();
    let user = world.user();
    let (id, payment) = await_deposit(&world, user, &seat(0));
    world.gateway.script(payment, [Step::Notice(NoticeAct::Lost)]);
    world.gateway.deposit(payment, won(9_000)).unwrap();
    let request = CancelReservation { user, reservation: id, key: None };
    block_on(cancel::cancel(&world.ports, request)).unwrap();
    assert!(world.payment(payment).needs_closing());
    assert_eq!(close_accounts(&world), 1);
    assert!(!world.payment(payment).needs_closing());
    assert_eq!(world.balance(Account::RefundPayable), 9_000);
    assert_eq!(send_refunds(&world), 1);
    world.check_at_rest();
    assert_eq!(world.gateway.money().cancelled(payment), Some(won(9_000)));
}

/// The gateway, telling of so much more or less than it has.
struct Tells {
    gateway: Arc<FakeGateway>,
    more: i64,
}

impl Tells {
    fn more(world: &World, more: i64) -> Arc<Self> {
        Arc::new(Self { gateway: world.gateway.clone(), more })
    }
}

#[async_trait]
impl PaymentGateway for Tells {
    async fn confirm(&self, request: ConfirmRequest) -> Result<Captured, GatewayError> {
        self.gateway.confirm(request).await
    }

    async fn issue_deposit_account(
        &self,
        request: IssueRequest,
    ) -> Result<DepositAccount, GatewayError> {
        self.gateway.issue_deposit_account(request).await
    }

    async fn close_account(&self, payment: PaymentId, key: GatewayKey) -> Result<(), GatewayError> {
        self.gateway.close_account(payment, key).await
    }

    async fn cancel(&self, request: CancelRequest) -> Result<(), GatewayError> {
        self.gateway.cancel(request).await
    }

    async fn find(&self, payment: PaymentId) -> Result<Found, GatewayError> {
        self.gateway.find(payment).await.map(|found| match found {
            Found::Captured { amount, cancels } => {
                Found::Captured { amount: won(amount.minor() + self.more), cancels }
            }
            other => other,
        })
    }
}

#[test]
fn a_deposit_of_another_amount_is_taken_off_its_own_refund_and_off_one_under_way_only_at_last() {
    let mut world = World::new();
    let (_, payment) = await_deposit(&world, world.user(), &seat(0));
    world.gateway.script(payment, [Step::cancel(CallAct::LostBefore)]);
    let deposit = |amount| {
        world.gateway.deposit(payment, won(amount)).unwrap();
        assert_eq!(world.take_notices(), 1);
    };
    deposit(9_000);
    send_refunds(&world);
    deposit(4_000);
    deposit(9_000);
    world.ports.gateway = Tells::more(&world, -9_000);
    assert!(matches!(world.notice("reversal", payment), Ok(NoticeTaken::Applied(_))));
    let refunds = world.refunds(payment);
    let left: Vec<_> = refunds.iter().map(|it| (it.state().name(), it.left().minor())).collect();
    assert_eq!(left, [("unknown", 9_000), ("requested", 4_000), ("stopped", 0)]);
    assert_eq!((world.balance(Account::RefundPayable), world.balance(Account::Loss)), (13_000, 0));
    world.check();
}

#[test]
fn a_card_of_which_less_is_told_than_before_loses_nothing() {
    let mut world = World::new();
    let (_, payment, _) = world.buy(world.user(), &seat(0), 0, Some(Method::Card));
    world.ports.gateway = Tells::more(&world, 5_000);
    assert!(matches!(world.notice("more", payment), Ok(NoticeTaken::Applied(_))));
    world.ports.gateway = Tells::more(&world, 1_000);
    assert_eq!(world.notice("less", payment).unwrap(), NoticeTaken::NothingNew);
    assert_eq!((world.balance(Account::RefundPayable), world.balance(Account::Loss)), (5_000, 0));
    world.check();
}
