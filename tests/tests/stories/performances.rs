//! A seller cancels a performance: sales stop at once, and every buyer gets everything back.

use std::sync::Arc;

use chrono::TimeDelta;
use pollster::block_on;
use ticketing_core::id::{PaymentId, ReservationId, UserId};
use ticketing_core::ledger::Account;
use ticketing_core::memory::{CallAct, DepositRefused, FindAct, Step};
use ticketing_core::page::{Limit, PageRequest};
use ticketing_core::payment::{Honoured, Method, PaymentState};
use ticketing_core::performance::PerformanceRefusal;
use ticketing_core::refund::RefundState;
use ticketing_core::reservation::{CancelReason, ReservationState};
use ticketing_core::service::cancel_performance::{
    CancelPerformanceError, cancel_performance, sweep_cancelled,
};
use ticketing_core::service::checkout::{self, CheckoutError, StartCheckout};
use ticketing_core::service::confirm::{self, ConfirmError, ConfirmPayment};
use ticketing_core::service::reconcile;
use ticketing_core::service::reserve::{self, ReserveError};
use ticketing_core::testing::Harness;
use ticketing_core::ticket::TicketState;

use crate::cached::Cached;
use crate::world::{PRICE, World, policy, seat, seats, token, won};

fn cancel(world: &World) {
    block_on(cancel_performance(&world.ports, world.seller, world.performance)).unwrap();
}

/// One run of the sweeper over pages of a size; how much it changed.
fn wind_up(world: &World, limit: usize) -> usize {
    let limit = Limit::new(limit).unwrap();
    let swept = block_on(sweep_cancelled(&world.ports, PageRequest::first(limit), limit)).unwrap();
    assert_eq!(swept.failed, 0, "{:?}", swept.errors);
    swept.changed
}

fn wind_up_all(world: &World, limit: usize) {
    for _ in 0..100 {
        if wind_up(world, limit) == 0 {
            return;
        }
        world.check();
    }
    panic!("the sweeper never ends");
}

fn is_wound_up(world: &World) -> bool {
    let found = block_on(world.ports.layouts.fresh_performance(world.performance));
    found.unwrap().unwrap().is_wound_up()
}

fn is_cancelled(world: &World, id: ReservationId) -> bool {
    let reason = CancelReason::PerformanceCancelled;
    *world.reservation(id).state() == ReservationState::Cancelled { reason }
}

fn request(user: UserId, payment: PaymentId) -> ConfirmPayment {
    let (amount, provider_key) = (won(PRICE), Some(token("card")));
    ConfirmPayment { user, payment, amount, provider_key, key: None }
}

/// A reservation whose deposit account is open.
fn await_deposit(world: &World, no: u32) -> (ReservationId, PaymentId) {
    let user = world.user();
    let id = world.reserve(user, &seat(no)).reservation;
    let payment = world.checkout(user, id, 0, Some(Method::BankTransfer));
    world.confirm(user, payment);
    (id, payment)
}

#[test]
fn sales_stop_with_the_cancel_whatever_a_cache_says() {
    let world = World::new();
    let (user, pending) = (world.user(), world.user());
    let id = world.reserve(user, &seat(0)).reservation;
    let payment = world.checkout(user, id, 0, Some(Method::Card));
    let other = world.reserve(pending, &seat(1)).reservation;
    let mut stale = world.ports.clone();
    stale.layouts = Arc::new(Cached::of(&world));
    cancel(&world);
    for ports in [&world.ports, &stale] {
        let error = block_on(reserve::reserve(ports, world.ask(world.user(), &seat(5))));
        let refused = PerformanceRefusal::Cancelled;
        assert!(
            matches!(&error, Err(ReserveError::Performance(found)) if *found == refused),
            "{error:?}"
        );
        let error = block_on(confirm::confirm(ports, request(user, payment)));
        assert!(
            matches!(&error, Err(ConfirmError::Performance(found)) if *found == refused),
            "{error:?}"
        );
    }
    let start = StartCheckout {
        user: pending,
        reservation: other,
        points: won(0),
        method: Some(Method::Card),
        refund_account: None,
        key: None,
    };
    let error = block_on(checkout::start(&world.ports, start));
    assert!(matches!(error, Err(CheckoutError::Performance(PerformanceRefusal::Cancelled))));
    assert_eq!(world.gateway.money().captured(payment), None);
    assert_eq!(world.claimed(&seat(5)), 0);
    world.check();
    wind_up_all(&world, 2);
    assert!(is_cancelled(&world, id) && is_cancelled(&world, other));
    world.check_at_rest();
}

#[test]
fn only_its_seller_cancels_it_and_twice_is_harmless() {
    let world = World::new();
    let stranger = ticketing_core::id::SellerId::generate(&*world.ports.ids);
    let error = block_on(cancel_performance(&world.ports, stranger, world.performance));
    assert!(matches!(error, Err(CancelPerformanceError::NoSuchPerformance(_))));
    cancel(&world);
    cancel(&world);
    assert_eq!(world.told("performance.cancelled"), 1);
    wind_up_all(&world, 1);
    assert!(is_wound_up(&world));
    assert_eq!(wind_up(&world, 1), 0);
    world.check_at_rest();
}

#[test]
fn everybody_gets_everything_back_over_small_pages() {
    let world = World::with(policy(), TimeDelta::hours(30));
    let mut buyers = Vec::new();
    for no in 0..5 {
        let user = world.rich(4_000);
        let (id, payment, _) = world.buy(user, &seat(no), 4_000, Some(Method::Card));
        buyers.push((user, id, payment));
    }
    world.admit(&world.tickets(buyers[0].1)[0]).unwrap();
    let waiting = world.rich(3_000);
    let pending = world.reserve(waiting, &seat(10)).reservation;
    let created = world.checkout(waiting, pending, 3_000, Some(Method::Card));
    let (deposit, account) = await_deposit(&world, 11);
    world.minutes(60 * 24);
    let later = world.reserve(world.user(), &seat(12)).reservation;
    cancel(&world);
    wind_up_all(&world, 1);
    assert!(is_wound_up(&world));
    for (user, id, payment) in buyers {
        assert!(matches!(world.reservation(id).state(), ReservationState::Refunded { .. }));
        assert!(matches!(world.tickets(id)[0].state(), TicketState::Void { .. }));
        assert_eq!(world.wallet(user), 4_000);
        assert_eq!(world.refunds(payment)[0].external(), won(6_000), "no fee");
    }
    assert!(is_cancelled(&world, later));
    assert_eq!(*world.payment(created).state(), PaymentState::Cancelled);
    assert_eq!(world.wallet(waiting), 3_000);
    assert!(is_cancelled(&world, deposit));
    world.check_at_rest();
    assert_eq!(world.gateway.deposit(account, won(PRICE)), Err(DepositRefused::Closed));
    for account in [Account::Seller(world.seller), Account::PlatformFee, Account::RefundPayable] {
        assert_eq!(world.balance(account), 0, "{account:?}");
    }
}

#[test]
fn one_run_ends_one_page_of_reservations() {
    let world = World::new();
    for no in 0..3 {
        world.reserve(world.user(), &seat(no));
    }
    cancel(&world);
    for left in (0..3).rev() {
        assert_eq!(wind_up(&world, 1), 1, "with {left} left for later runs");
    }
    world.check_at_rest();
}

#[test]
fn a_buyer_who_asks_before_the_sweeper_pays_no_fee_either() {
    let world = World::with(policy(), TimeDelta::hours(3));
    let user = world.user();
    let (id, _, _) = world.buy(user, &seats([0, 1]), 0, Some(Method::Card));
    world.admit(&world.tickets(id)[0]).unwrap();
    let mut stale = world.ports.clone();
    stale.layouts = Arc::new(Cached::of(&world));
    cancel(&world);
    let refund = world.refund(user, id, Some(seat(0))).unwrap();
    assert_eq!((refund.fee, refund.external), (won(0), won(PRICE)));
    let ask = ticketing_core::service::refund::RefundSeats {
        user,
        reservation: id,
        seats: None,
        key: None,
    };
    let refund = block_on(ticketing_core::service::refund::request(&stale, ask)).unwrap();
    assert_eq!((refund.fee, refund.external), (won(0), won(PRICE)));
    wind_up_all(&world, 1);
    assert!(is_wound_up(&world));
    world.check_at_rest();
}

#[test]
fn a_payment_at_the_gateway_is_waited_for_and_its_money_refunded() {
    let world = World::new();
    let (paying, failing) = (world.rich(1_000), world.rich(1_000));
    let mut payments = Vec::new();
    for (user, no, act) in [(paying, 0, CallAct::LostAfter), (failing, 1, CallAct::LostBefore)] {
        let id = world.reserve(user, &seat(no)).reservation;
        let payment = world.checkout(user, id, 1_000, Some(Method::Card));
        world.gateway.script(payment, [Step::confirm(act)]);
        world.confirm(user, payment);
        payments.push((id, payment));
    }
    let (paid, _, _) = world.buy(world.user(), &seat(2), 0, Some(Method::Card));
    cancel(&world);
    assert_eq!(wind_up(&world, 1), 1, "the others do not wait for those");
    assert!(matches!(world.reservation(paid).state(), ReservationState::Refunded { .. }));
    assert_eq!(wind_up(&world, 1), 0);
    assert!(!is_wound_up(&world));
    assert!(payments.iter().all(|(id, _)| world.reservation(*id).is_pending()));
    world.check();
    world.take_notices();
    assert!(is_cancelled(&world, payments[0].0), "its outcome ended it");
    assert_eq!(world.payment(payments[0].1).honoured(), Some(Honoured::No));
    assert_eq!(world.wallet(paying), 1_000);
    world.minutes(17);
    world.sweep();
    wind_up_all(&world, 1);
    assert!(is_wound_up(&world));
    assert_eq!(world.wallet(failing), 1_000);
    world.check_at_rest();
    assert_eq!(world.gateway.money().cancelled(payments[0].1), Some(won(9_000)));
}

#[test]
fn a_cache_that_does_not_know_of_the_cancel_sells_nothing_either() {
    let world = World::new();
    let user = world.user();
    let id = world.reserve(user, &seat(0)).reservation;
    let payment = world.checkout(user, id, 0, Some(Method::Card));
    world.gateway.script(payment, [Step::confirm(CallAct::LostAfter)]);
    world.confirm(user, payment);
    let mut stale = world.ports.clone();
    stale.layouts = Arc::new(Cached::of(&world));
    cancel(&world);
    world.minutes(2);
    let page = PageRequest::first(Limit::DEFAULT);
    let swept = block_on(reconcile::sweep_unsettled(&stale, page)).unwrap();
    assert_eq!((swept.changed, swept.failed), (1, 0), "{:?}", swept.errors);
    assert_eq!(world.payment(payment).honoured(), Some(Honoured::No));
    assert!(world.tickets(id).is_empty());
    world.check_at_rest();
}

#[test]
fn an_outcome_after_the_winding_up_is_refunded() {
    let world = World::new();
    let user = world.user();
    let id = world.reserve(user, &seat(0)).reservation;
    let payment = world.checkout(user, id, 0, Some(Method::Card));
    let silent = [Step::confirm(CallAct::LostAfter), Step::Find(FindAct::Lost)];
    world.gateway.script(payment, silent);
    world.confirm(user, payment);
    cancel(&world);
    world.minutes(40);
    world.sweep();
    wind_up_all(&world, 2);
    assert!(is_wound_up(&world));
    assert_eq!(*world.reservation(id).state(), ReservationState::Expired);
    world.check();
    world.minutes(2);
    world.check_at_rest();
    assert_eq!(world.payment(payment).honoured(), Some(Honoured::No));
    assert_eq!(world.gateway.money().cancelled(payment), Some(won(PRICE)));
}

#[test]
fn a_deposit_that_came_unseen_is_refunded() {
    let world = World::new();
    let (id, payment) = await_deposit(&world, 0);
    world.gateway.script(payment, [Step::Notice(ticketing_core::memory::NoticeAct::Lost)]);
    world.gateway.deposit(payment, won(PRICE)).unwrap();
    cancel(&world);
    wind_up_all(&world, 1);
    assert!(is_cancelled(&world, id));
    world.check_at_rest();
    assert_eq!(world.payment(payment).honoured(), Some(Honoured::No));
    assert!(matches!(world.refunds(payment)[0].state(), RefundState::NeedsAccount { .. }));
    assert_eq!(world.balance(Account::RefundPayable), PRICE);
}

#[test]
fn an_account_issued_after_the_cancel_is_closed() {
    let world = World::new();
    let user = world.user();
    let id = world.reserve(user, &seat(0)).reservation;
    let payment = world.checkout(user, id, 0, Some(Method::BankTransfer));
    world.gateway.script(payment, [Step::issue(CallAct::LostAfter)]);
    world.confirm(user, payment);
    cancel(&world);
    assert_eq!(wind_up(&world, 1), 0);
    world.minutes(2);
    world.sweep();
    assert_eq!(*world.payment(payment).state(), PaymentState::Cancelled);
    wind_up_all(&world, 1);
    assert!(is_cancelled(&world, id) && is_wound_up(&world));
    world.check_at_rest();
    assert_eq!(world.gateway.deposit(payment, won(PRICE)), Err(DepositRefused::Closed));
}

#[test]
fn late_money_of_one_attempt_does_not_strand_the_next() {
    let mut long = policy();
    long.deadlines.payment_wait = std::time::Duration::from_mins(38);
    let world = World::with(long, TimeDelta::days(30));
    let user = world.rich(1_000);
    let id = world.reserve(user, &seat(0)).reservation;
    let first = world.checkout(user, id, 0, Some(Method::Card));
    let late = CallAct::Late(std::time::Duration::from_mins(20));
    world.gateway.script(first, [Step::confirm(late)]);
    world.confirm(user, first);
    world.minutes(16);
    world.sweep();
    let second = world.checkout(user, id, 1_000, Some(Method::Card));
    world.minutes(4);
    cancel(&world);
    world.take_notices();
    assert_eq!(world.payment(first).honoured(), Some(Honoured::No));
    world.check();
    wind_up_all(&world, 1);
    assert_eq!(*world.payment(second).state(), PaymentState::Cancelled);
    assert_eq!(world.wallet(user), 1_000);
    world.check_at_rest();
}

#[test]
fn a_used_seat_whose_deposit_was_taken_back_does_not_keep_it_open() {
    let world = World::new();
    let (id, payment) = await_deposit(&world, 0);
    world.gateway.deposit(payment, won(PRICE)).unwrap();
    world.take_notices();
    world.admit(&world.tickets(id)[0]).unwrap();
    world.gateway.reverse_deposit(payment).unwrap();
    world.take_notices();
    let other = world.reserve(world.user(), &seat(1)).reservation;
    cancel(&world);
    wind_up_all(&world, 1);
    assert!(is_cancelled(&world, other));
    assert!(is_wound_up(&world));
    assert!(world.refunds(payment).is_empty(), "there is no money to refund");
    world.check_at_rest();
}

#[test]
fn buyers_and_a_cancelling_seller_at_once_leave_no_sale_behind() {
    for round in 0..10 {
        let world = World::new();
        let mut paying = Vec::new();
        for no in 0..8 {
            let user = world.user();
            let id = world.reserve(user, &seat(no)).reservation;
            paying.push((user, world.checkout(user, id, 0, Some(Method::Card))));
        }
        let ports = &world.ports;
        let mut tasks: Vec<ticketing_core::testing::Task<()>> = Vec::new();
        for (user, payment) in paying {
            let ports = ports.clone();
            tasks.push(Box::pin(async move {
                drop(confirm::confirm(&ports, request(user, payment)).await);
            }));
        }
        for no in 8..16 {
            let (ports, ask) = (ports.clone(), world.ask(world.user(), &seat(no)));
            tasks.push(Box::pin(async move { drop(reserve::reserve(&ports, ask).await) }));
        }
        let (mine, seller, performance) = (ports.clone(), world.seller, world.performance);
        tasks.insert(
            round,
            Box::pin(async move {
                cancel_performance(&mine, seller, performance).await.unwrap();
            }),
        );
        Harness::storm(tasks);
        world.check();
        world.minutes(2);
        world.sweep();
        wind_up_all(&world, 3);
        assert!(is_wound_up(&world));
        world.check_at_rest();
        assert_eq!(world.claimed(&seats(0..16)), 0);
        assert_eq!(world.balance(Account::Seller(world.seller)), 0);
        assert_eq!(world.balance(Account::Clearing), 0);
    }
}
