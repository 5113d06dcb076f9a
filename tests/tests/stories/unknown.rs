//! Answers that were lost: never guessed, always found out.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use pollster::block_on;
use ticketing_core::id::{PaymentId, ReservationId, UserId};
use ticketing_core::ledger::Account;
use ticketing_core::memory::{CallAct, FakeGateway, FindAct, NoticeAct, Step};
use ticketing_core::money::Money;
use ticketing_core::page::{Limit, PageRequest};
use ticketing_core::payment::{FailReason, Honoured, Method, PaymentState};
use ticketing_core::port::{
    CancelRequest, Captured, ConfirmRequest, DepositAccount, Found, GatewayError, GatewayKey,
    IssueRequest, PaymentGateway, Ports,
};
use ticketing_core::service::confirm::{self, ConfirmError, ConfirmPayment};
use ticketing_core::service::notice::{self, Notice, NoticeTaken};
use ticketing_core::service::{Failure, PaymentStatus, reconcile};

use crate::world::{World, message, seat, token, won};

/// A reservation of one seat with 4,000 points and a card payment of 6,000 won.
fn about_to_pay(world: &World) -> (UserId, ReservationId, PaymentId) {
    let user = world.rich(4_000);
    let id = world.reserve(user, &seat(0)).reservation;
    (user, id, world.checkout(user, id, 4_000, Some(Method::Card)))
}

fn request(user: UserId, payment: PaymentId, key: Option<&str>) -> ConfirmPayment {
    ConfirmPayment {
        user,
        payment,
        amount: won(6_000),
        provider_key: Some(token("card")),
        key: key.map(token),
    }
}

/// How many payments one run of the reconciler resolved.
fn reconcile(world: &World) -> usize {
    let page = PageRequest::first(Limit::DEFAULT);
    let swept = block_on(reconcile::sweep_unsettled(&world.ports, page)).unwrap();
    assert_eq!(swept.failed, 0, "{:?}", swept.errors);
    swept.changed
}

fn is_unknown(world: &World, payment: PaymentId) -> bool {
    matches!(world.payment(payment).state(), PaymentState::Unknown { .. })
}

#[test]
fn an_answer_lost_after_the_money_moved_is_found() {
    let world = World::new();
    let (user, id, payment) = about_to_pay(&world);
    world.gateway.script(payment, [Step::confirm(CallAct::LostAfter)]);
    assert_eq!(world.confirm(user, payment).status, PaymentStatus::Processing);
    assert!(is_unknown(&world, payment));
    assert_eq!(world.balance(Account::PointsHeld), 4_000);
    world.check();
    assert_eq!(reconcile(&world), 0, "a call that may be under way is not asked about");
    world.minutes(2);
    assert_eq!(reconcile(&world), 1);
    assert_eq!(world.payment(payment).honoured(), Some(Honoured::InTime));
    assert_eq!(world.tickets(id).len(), 1);
    world.check_at_rest();
}

#[test]
fn a_call_that_never_arrived_fails_only_after_the_confirm_window() {
    let world = World::new();
    let (user, id, payment) = about_to_pay(&world);
    world.gateway.script(payment, [Step::confirm(CallAct::LostBefore)]);
    world.confirm(user, payment);
    for minute in (2..15).step_by(2) {
        world.minutes(2);
        assert_eq!(reconcile(&world), 0, "in minute {minute}");
        assert!(is_unknown(&world, payment));
        assert_eq!(world.wallet(user), 0);
        world.check();
    }
    world.pass(Duration::from_mins(1) + reconcile::ASK_AGAIN_AFTER.to_std().unwrap());
    assert_eq!(reconcile(&world), 1);
    let failed = PaymentState::Failed { reason: FailReason::NotFound };
    assert_eq!(*world.payment(payment).state(), failed);
    assert_eq!((world.wallet(user), world.balance(Account::PointsHeld)), (4_000, 0));
    assert!(world.reservation(id).is_pending(), "its end is the expiry's business");
    world.check_at_rest();
    assert_eq!(world.claimed(&seat(0)), 0);
}

#[test]
fn the_gateways_in_progress_and_not_found_are_no_answers_within_the_window() {
    for silence in [FindAct::InProgress, FindAct::NotFound, FindAct::Lost, FindAct::Refuse] {
        let world = World::new();
        let (user, _, payment) = about_to_pay(&world);
        world.gateway.script(payment, [Step::confirm(CallAct::LostAfter), Step::Find(silence)]);
        world.confirm(user, payment);
        world.minutes(14);
        assert_eq!(reconcile(&world), 0, "{silence:?}");
        assert!(is_unknown(&world, payment));
        world.minutes(2);
        assert_eq!(reconcile(&world), 1);
        assert_eq!(world.payment(payment).honoured(), Some(Honoured::InTime));
        world.check_at_rest();
    }
}

#[test]
fn a_gateway_that_does_not_answer_says_nothing_even_after_the_window() {
    let world = World::new();
    let (user, _, payment) = about_to_pay(&world);
    let silent = [Step::confirm(CallAct::LostAfter), Step::Find(FindAct::Lost)];
    world.gateway.script(payment, silent);
    world.confirm(user, payment);
    world.minutes(30);
    assert_eq!(reconcile(&world), 0);
    assert!(is_unknown(&world, payment));
    world.minutes(2);
    assert_eq!(reconcile(&world), 1);
    world.check_at_rest();
}

#[test]
fn a_refusal_that_was_lost_is_found_at_once() {
    let world = World::new();
    let (user, _, payment) = about_to_pay(&world);
    world.gateway.script(payment, [Step::confirm(CallAct::Decline)]);
    let mut ports = world.ports.clone();
    ports.gateway = Arc::new(DeafTo::answers(&world));
    let view = block_on(confirm::confirm(&ports, request(user, payment, None))).unwrap();
    assert_eq!(view.status, PaymentStatus::Processing);
    world.minutes(2);
    assert_eq!(reconcile(&world), 1);
    assert!(matches!(world.payment(payment).state(), PaymentState::Failed { .. }));
    assert_eq!(world.wallet(user), 4_000);
    world.check_at_rest();
}

#[test]
fn a_call_that_was_not_taken_is_made_again_under_its_key() {
    let world = World::new();
    let (user, _, payment) = about_to_pay(&world);
    let refused = Step::confirm(CallAct::Refuse { retry_after: Some(Duration::from_secs(2)) });
    world.gateway.script(payment, [refused, Step::confirm(CallAct::Refuse { retry_after: None })]);
    let before = world.ports.clock.now();
    let view = world.run(confirm::confirm(&world.ports, request(user, payment, None))).unwrap();
    assert!(view.is_paid());
    assert!(world.ports.clock.now() >= before + chrono::TimeDelta::seconds(2));
    world.check_at_rest();
}

#[test]
fn a_gateway_that_never_takes_the_call_moved_nothing_and_the_buyer_may_try_again() {
    let world = World::new();
    let (user, id, payment) = about_to_pay(&world);
    let refused = Step::confirm(CallAct::Refuse { retry_after: Some(Duration::from_secs(1)) });
    world.gateway.script(payment, vec![refused; 200]);
    let before = world.ports.clock.now();
    let view = world.run(confirm::confirm(&world.ports, request(user, payment, None))).unwrap();
    assert_eq!(view.status, PaymentStatus::Failed { reason: FailReason::NotTaken });
    assert!(world.ports.clock.now() <= before + chrono::TimeDelta::minutes(1));
    assert_eq!(world.wallet(user), 4_000, "the points came back");
    let again = world.checkout(user, id, 4_000, Some(Method::Card));
    assert!(world.confirm(user, again).is_paid());
    world.check_at_rest();
}

#[test]
fn a_gateway_that_asks_for_more_patience_than_there_is_is_not_waited_for() {
    let world = World::new();
    let (user, _, payment) = about_to_pay(&world);
    let retry_after = Some(Duration::MAX);
    world.gateway.script(payment, [Step::confirm(CallAct::Refuse { retry_after })]);
    let view = block_on(confirm::confirm(&world.ports, request(user, payment, None))).unwrap();
    assert_eq!(view.status, PaymentStatus::Failed { reason: FailReason::NotTaken });
    world.check_at_rest();
}

#[test]
fn an_answer_slower_than_the_timeout_counts_as_lost() {
    let world = World::new();
    let (user, _, payment) = about_to_pay(&world);
    world.gateway.script(payment, [Step::confirm(CallAct::Slow(Duration::from_mins(3)))]);
    let view = world.run(confirm::confirm(&world.ports, request(user, payment, None))).unwrap();
    assert_eq!(view.status, PaymentStatus::Processing);
    assert!(is_unknown(&world, payment));
    world.check_at_rest();
    assert_eq!(world.payment(payment).honoured(), Some(Honoured::InTime));
}

#[test]
fn a_crash_after_the_gateway_took_the_money_is_resolved() {
    let world = World::new();
    let (user, id, payment) = about_to_pay(&world);
    world.gateway.script(payment, [Step::confirm(CallAct::Slow(Duration::from_secs(5)))]);
    World::die_waiting(confirm::confirm(&world.ports, request(user, payment, Some("tap"))));
    assert!(matches!(world.payment(payment).state(), PaymentState::Processing { .. }));
    assert_eq!(world.gateway.money().captured(payment), Some(won(6_000)));
    world.check();
    let again = block_on(confirm::confirm(&world.ports, request(user, payment, Some("tap"))));
    assert!(matches!(again, Err(ConfirmError::Failed(Failure::InProgress { .. }))));
    world.minutes(2);
    assert_eq!(reconcile(&world), 1);
    assert_eq!(world.tickets(id).len(), 1);
    let again = block_on(confirm::confirm(&world.ports, request(user, payment, Some("tap"))));
    assert!(again.unwrap().is_paid(), "the reconciler gave the call its answer");
    world.check_at_rest();
}

#[test]
fn a_crash_before_the_gateway_heard_of_it_fails_after_the_window() {
    let world = World::new();
    let (user, _, payment) = about_to_pay(&world);
    let mut ports = world.ports.clone();
    ports.gateway = Arc::new(DeafTo::calls(&world));
    World::die_waiting(confirm::confirm(&ports, request(user, payment, Some("tap"))));
    world.minutes(14);
    assert_eq!(reconcile(&world), 0);
    assert!(matches!(world.payment(payment).state(), PaymentState::Processing { .. }));
    world.minutes(2);
    assert_eq!(reconcile(&world), 1);
    assert_eq!(world.wallet(user), 4_000);
    let again = block_on(confirm::confirm(&world.ports, request(user, payment, Some("tap"))));
    let failed = PaymentStatus::Failed { reason: FailReason::NotFound };
    assert_eq!(again.unwrap().status, failed);
    world.check_at_rest();
}

#[test]
fn a_repeated_confirm_gets_in_progress_and_then_the_first_answer() {
    let world = World::new();
    let (user, _, payment) = about_to_pay(&world);
    world.gateway.script(payment, [Step::confirm(CallAct::LostAfter)]);
    let call = || block_on(confirm::confirm(&world.ports, request(user, payment, Some("tap"))));
    assert_eq!(call().unwrap().status, PaymentStatus::Processing);
    for key in [Some("tap"), Some("other"), None] {
        let again = block_on(confirm::confirm(&world.ports, request(user, payment, key)));
        assert!(
            matches!(again, Err(ConfirmError::Failed(Failure::InProgress { .. }))),
            "{key:?}: {again:?}"
        );
    }
    world.minutes(2);
    reconcile(&world);
    let first = call().unwrap();
    assert!(first.is_paid());
    assert_eq!(call().unwrap(), first);
    world.check_at_rest();
}

#[test]
fn a_declined_payment_is_an_answer_that_is_kept() {
    let world = World::new();
    let (user, _, payment) = about_to_pay(&world);
    world.gateway.script(payment, [Step::confirm(CallAct::Decline)]);
    let call = || block_on(confirm::confirm(&world.ports, request(user, payment, Some("tap"))));
    let first = call().unwrap();
    assert!(matches!(first.status, PaymentStatus::Failed { .. }));
    assert_eq!(call().unwrap(), first);
    let mut other = request(user, payment, Some("tap"));
    other.amount = won(5_000);
    let reused = block_on(confirm::confirm(&world.ports, other));
    assert!(matches!(reused, Err(ConfirmError::Failed(Failure::KeyReused))));
    world.check_at_rest();
}

#[test]
fn one_notice_twice_and_another_about_the_same_apply_once() {
    let world = World::new();
    let (user, id, payment) = about_to_pay(&world);
    let steps = [Step::confirm(CallAct::LostAfter), Step::Notice(NoticeAct::Twice)];
    world.gateway.script(payment, steps);
    world.confirm(user, payment);
    assert_eq!(world.take_notices(), 1, "it came twice");
    assert_eq!(world.notice("another", payment).unwrap(), NoticeTaken::NothingNew);
    assert_eq!(world.tickets(id).len(), 1);
    assert_eq!(world.balance(Account::Clearing), -6_000 - 4_000);
    assert_eq!(world.told("payment.succeeded"), 1);
    world.check_at_rest();
}

#[test]
fn a_notice_without_news_says_so_and_may_come_again() {
    let world = World::new();
    let (user, _, payment) = about_to_pay(&world);
    let steps = [Step::confirm(CallAct::LostAfter), Step::Find(FindAct::InProgress)];
    world.gateway.script(payment, steps);
    world.confirm(user, payment);
    assert_eq!(world.notice("one", payment).unwrap(), NoticeTaken::NothingNew);
    assert!(matches!(world.notice("one", payment).unwrap(), NoticeTaken::Applied(_)));
    world.check_at_rest();
}

#[test]
fn a_gateway_that_takes_its_time_to_tell_is_waited_for() {
    let world = World::new();
    let (user, _, payment) = about_to_pay(&world);
    let slow = Step::Find(FindAct::Slow(Duration::from_secs(20)));
    world.gateway.script(payment, [Step::confirm(CallAct::LostAfter), slow]);
    world.confirm(user, payment);
    let notice = Notice { message: message(token("slow")), payment, secret: None };
    let taken = world.run(notice::take(&world.ports, notice)).unwrap();
    assert!(matches!(taken, NoticeTaken::Applied(view) if view.is_paid()));
    world.check_at_rest();
}

#[test]
fn a_payment_without_news_does_not_keep_the_reconciler_from_the_others() {
    let world = World::new();
    let payments = [0, 1].map(|no| {
        let user = world.user();
        let id = world.reserve(user, &seat(no)).reservation;
        let payment = world.checkout(user, id, 0, Some(Method::Card));
        world.gateway.script(payment, [Step::confirm(CallAct::LostAfter)]);
        world.confirm(user, payment);
        payment
    });
    world.gateway.script(payments[0], [Step::Find(FindAct::Lost)]);
    world.minutes(2);
    let run = || {
        let page = PageRequest::first(Limit::new(1).unwrap());
        block_on(reconcile::sweep_unsettled(&world.ports, page)).unwrap().changed
    };
    assert_eq!((run(), run()), (0, 1));
    assert_eq!(payments.map(|payment| is_unknown(&world, payment)), [true, false]);
    world.check_at_rest();
}

#[test]
fn a_notice_of_nobodys_payment_changes_nothing() {
    let world = World::new();
    let (_, _, payment) = about_to_pay(&world);
    assert_eq!(world.notice("early", payment).unwrap(), NoticeTaken::NothingNew);
    assert_eq!(*world.payment(payment).state(), PaymentState::Created);
    world.check_at_rest();
}

#[test]
fn another_amount_than_expected_is_never_a_sale() {
    for (captured, lost) in [(7_000, false), (5_000, false), (7_000, true)] {
        let world = World::new();
        let (user, id, payment) = about_to_pay(&world);
        let mut ports = world.ports.clone();
        ports.gateway = Arc::new(DeafTo::amounts(&world, won(captured)));
        let act = if lost { CallAct::LostAfter } else { CallAct::Answer };
        world.gateway.script(payment, [Step::confirm(act)]);
        let view = block_on(confirm::confirm(&ports, request(user, payment, None))).unwrap();
        world.take_notices();
        if !lost {
            let failed = PaymentStatus::Failed { reason: FailReason::WrongAmount };
            assert_eq!(view.status, failed);
        }
        assert!(world.tickets(id).is_empty());
        assert_eq!(world.balance(Account::RefundPayable), captured);
        assert_eq!(world.told("payment.unexpected_money"), 1);
        assert_eq!((world.wallet(user), world.places(user)), (4_000, 1));
        let again = world.checkout(user, id, 4_000, Some(Method::Card));
        assert!(world.confirm(user, again).is_paid());
        world.check_at_rest();
        assert_eq!(world.gateway.money().cancelled(payment), Some(won(captured)));
    }
}

#[test]
fn money_on_a_failed_payment_is_refunded_while_the_reservation_is_pending() {
    let mut long = crate::world::policy();
    long.deadlines.payment_wait = Duration::from_mins(38);
    let world = World::with(long, chrono::TimeDelta::days(30));
    let (user, id, payment) = about_to_pay(&world);
    world.gateway.script(payment, [Step::confirm(CallAct::Late(Duration::from_mins(20)))]);
    world.confirm(user, payment);
    world.minutes(16);
    assert_eq!(reconcile(&world), 1);
    world.minutes(4);
    assert_eq!(world.take_notices(), 1);
    assert_eq!(world.payment(payment).honoured(), Some(Honoured::No));
    assert!(world.reservation(id).is_pending());
    world.check_at_rest();
    assert_eq!(world.gateway.money().cancelled(payment), Some(won(6_000)));
}

#[test]
fn a_cached_performance_does_not_stop_a_confirm() {
    let world = World::new();
    let (user, _, payment) = about_to_pay(&world);
    let mut ports: Ports = world.ports.clone();
    ports.layouts = Arc::new(crate::cached::Cached::of(&world));
    world.reprice(won(12_000));
    let view = block_on(confirm::confirm(&ports, request(user, payment, None))).unwrap();
    assert!(view.is_paid(), "the price was fixed at the reserve");
    world.check_at_rest();
}

/// A line to the gateway that swallows something.
struct DeafTo {
    gateway: Arc<FakeGateway>,
    what: What,
}

enum What {
    Calls,
    Answers,
    Amounts(Money),
}

impl DeafTo {
    fn calls(world: &World) -> Self {
        Self { gateway: world.gateway.clone(), what: What::Calls }
    }

    fn answers(world: &World) -> Self {
        Self { gateway: world.gateway.clone(), what: What::Answers }
    }

    /// The gateway captures this much, whatever it was asked for.
    fn amounts(world: &World, captures: Money) -> Self {
        Self { gateway: world.gateway.clone(), what: What::Amounts(captures) }
    }
}

#[async_trait]
impl PaymentGateway for DeafTo {
    async fn confirm(&self, mut request: ConfirmRequest) -> Result<Captured, GatewayError> {
        match self.what {
            What::Calls => std::future::pending().await,
            What::Answers => {
                drop(self.gateway.confirm(request).await);
                Err(GatewayError::Unknown(None))
            }
            What::Amounts(amount) => {
                request.amount = amount;
                self.gateway.confirm(request).await
            }
        }
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
        self.gateway.find(payment).await
    }
}
