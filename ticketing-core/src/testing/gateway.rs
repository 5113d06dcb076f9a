//! Conformance of the gateway port.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;

use super::Harness;
use crate::id::{PaymentId, RefundId};
use crate::label::{Label, Token};
use crate::money::{Currency, Money};
use crate::port::{
    CancelRequest, Captured, ConfirmRequest, Found, GatewayError, GatewayKey, IssueRequest,
    PaymentGateway, RefundAccount,
};

/// What can be broken on the way to a gateway.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Breakage {
    /// The call never arrives.
    LostBefore,
    /// The call is done, but its answer is lost.
    LostAfter,
    /// The gateway is too busy.
    Busy,
    /// The gateway declines.
    Declined,
    /// The call is taken, but done only after a while, at most a minute; its answer is lost.
    Delayed,
}

/// What the functions need from the other side of a gateway: the buyer, the bank, and trouble.
#[async_trait]
pub trait GatewayStage: Send + Sync {
    /// A buyer authenticates a payment; returns the provider key to confirm it with.
    async fn authenticate(&self, payment: PaymentId, amount: Money) -> Token;
    /// A deposit comes to the account of a payment.
    async fn deposit(&self, payment: PaymentId, amount: Money);
    /// Breaks the next confirm, issue, cancel or close of a payment, but no find. `false` if that
    /// cannot be arranged here: the function then goes on without it.
    async fn break_next(&self, payment: PaymentId, breakage: Breakage) -> bool;
}

const BREAKAGES: [Breakage; 4] =
    [Breakage::LostBefore, Breakage::LostAfter, Breakage::Busy, Breakage::Declined];
/// How often a call is repeated before the gateway is said to be down.
const TRIES_MAX: u32 = 50;

/// Runs every function below.
pub async fn all(h: &Harness, gateway: &Arc<dyn PaymentGateway>, stage: &dyn GatewayStage) {
    repeated_key_moves_nothing_twice(h, gateway, stage).await;
    definite_answers_are_true(h, gateway, stage).await;
    a_key_under_way_is_unknown(h, gateway, stage).await;
    never_more_back_than_captured(h, gateway, stage).await;
    find_names_our_refunds(h, gateway, stage).await;
    an_account_is_paid_or_closed(h, gateway, stage).await;
}

/// A key that is sent again, in turn, at once and after a lost answer, gets the first answer.
///
/// # Panics
/// If the adapter breaks this.
pub async fn repeated_key_moves_nothing_twice(
    h: &Harness,
    gateway: &Arc<dyn PaymentGateway>,
    stage: &dyn GatewayStage,
) {
    let payment = new_payment(h);
    let request = authenticated(stage, payment, won(10_000)).await;
    let at_once = (0..4).map(|_| {
        let (gateway, request) = (Arc::clone(gateway), request.clone());
        async move { gateway.confirm(request).await }
    });
    for answer in h.race(at_once).await {
        match answer {
            Ok(captured) => assert_eq!(captured.amount, won(10_000)),
            Err(GatewayError::Declined { code }) => panic!("a repeat was declined: {code}"),
            Err(GatewayError::Retryable { .. } | GatewayError::Unknown(_)) => {}
        }
    }
    let first = confirm(h, gateway, &request).await;
    assert_eq!(confirm(h, gateway, &request).await, first, "a repeat got another answer");
    assert_money(h, gateway, payment, won(10_000), &[]).await;

    let refund = refund_of(h, payment, won(2_000));
    stage.break_next(payment, Breakage::LostAfter).await;
    for _ in 0..3 {
        cancel(h, gateway, &refund).await;
    }
    assert_money(h, gateway, payment, won(10_000), &[(refund.refund, won(2_000))]).await;

    let lost = new_payment(h);
    let request = authenticated(stage, lost, won(500)).await;
    stage.break_next(lost, Breakage::LostAfter).await;
    let first = confirm(h, gateway, &request).await;
    assert_eq!(confirm(h, gateway, &request).await, first, "a repeat got another answer");
    assert_money(h, gateway, lost, won(500), &[]).await;
}

/// Whatever breaks: after `Declined` or `Retryable` nothing moved, after Ok it did, and everything else
/// is `Unknown`.
///
/// # Panics
/// If the adapter breaks this.
pub async fn definite_answers_are_true(
    h: &Harness,
    gateway: &Arc<dyn PaymentGateway>,
    stage: &dyn GatewayStage,
) {
    for breakage in BREAKAGES {
        let payment = new_payment(h);
        let request = authenticated(stage, payment, won(700)).await;
        stage.break_next(payment, breakage).await;
        let answer = gateway.confirm(request).await;
        let found = find(h, gateway, payment).await;
        let money = matches!(found, Found::Captured { .. });
        match answer {
            Ok(captured) => {
                assert!(money, "confirmed, but found {found:?}");
                assert_eq!(captured.amount, won(700));
            }
            Err(GatewayError::Declined { .. } | GatewayError::Retryable { .. }) => {
                assert!(!money, "nothing moved after {breakage:?}, but found {found:?}");
            }
            Err(GatewayError::Unknown(_)) => {}
        }
    }
    for breakage in BREAKAGES {
        let payment = paid(h, gateway, stage, won(700)).await;
        let refund = refund_of(h, payment, won(300));
        stage.break_next(payment, breakage).await;
        let answer = gateway.cancel(refund.clone()).await;
        let sent = cancels(&find(h, gateway, payment).await).contains(&(refund.refund, won(300)));
        match answer {
            Ok(()) => assert!(sent, "the cancel was done, but find does not name it"),
            Err(GatewayError::Declined { .. } | GatewayError::Retryable { .. }) => {
                assert!(!sent, "nothing moved after {breakage:?}, but find names the cancel");
            }
            Err(GatewayError::Unknown(_)) => {}
        }
    }
    let nothing = find(h, gateway, new_payment(h)).await;
    assert_eq!(nothing, Found::NotFound, "of a payment that nobody made");
}

/// A key whose first call is still worked on is not refused: the money moves later.
///
/// # Panics
/// If the adapter breaks this.
pub async fn a_key_under_way_is_unknown(
    h: &Harness,
    gateway: &Arc<dyn PaymentGateway>,
    stage: &dyn GatewayStage,
) {
    let payment = new_payment(h);
    let request = authenticated(stage, payment, won(700)).await;
    stage.break_next(payment, Breakage::Delayed).await;
    let first = gateway.confirm(request.clone()).await;
    // What is too busy for one that it never took may say so here too.
    stage.break_next(payment, Breakage::Busy).await;
    let again = gateway.confirm(request.clone()).await;
    if !matches!(first, Err(GatewayError::Retryable { .. })) {
        assert!(
            matches!(again, Ok(_) | Err(GatewayError::Unknown(_))),
            "a key under way was answered with {again:?}, after {first:?}"
        );
    }
    h.advance(Duration::from_mins(1)).await;
    assert_eq!(confirm(h, gateway, &request).await.amount, won(700));
    assert_money(h, gateway, payment, won(700), &[]).await;
}

/// Cancels, one after another and at once, never add up to more than was captured.
///
/// # Panics
/// If the adapter breaks this.
pub async fn never_more_back_than_captured(
    h: &Harness,
    gateway: &Arc<dyn PaymentGateway>,
    stage: &dyn GatewayStage,
) {
    let payment = paid(h, gateway, stage, won(1_000)).await;
    let too_much = gateway.cancel(refund_of(h, payment, won(1_001))).await;
    assert!(too_much.is_err(), "more than was captured was sent back");
    assert_money(h, gateway, payment, won(1_000), &[]).await;
    let tasks = (0..6).map(|_| {
        let (gateway, request) = (Arc::clone(gateway), refund_of(h, payment, won(400)));
        async move {
            let refund = request.refund;
            gateway.cancel(request).await.map(|()| refund)
        }
    });
    let answers = h.race(tasks).await;
    let done = answers.iter().filter(|answer| answer.is_ok()).count();
    assert!(done <= 2, "{done} cancels of 400 out of 1,000");
    let found = find(h, gateway, payment).await;
    let back = Money::sum(Currency::KRW, cancels(&found).into_iter().map(|(_, amount)| amount));
    assert!(back.is_ok_and(|back| back.minor() <= 1_000), "found {found:?}");
    let unpaid = new_payment(h);
    let from_nothing = gateway.cancel(refund_of(h, unpaid, won(1))).await;
    assert!(from_nothing.is_err(), "money came back from a payment without any");
}

/// `find` names each refund that was sent back, with its amount, also one whose answer was lost.
///
/// # Panics
/// If the adapter breaks this.
pub async fn find_names_our_refunds(
    h: &Harness,
    gateway: &Arc<dyn PaymentGateway>,
    stage: &dyn GatewayStage,
) {
    let payment = paid(h, gateway, stage, won(1_000)).await;
    assert_money(h, gateway, payment, won(1_000), &[]).await;
    let (first, second) = (refund_of(h, payment, won(300)), refund_of(h, payment, won(200)));
    cancel(h, gateway, &first).await;
    stage.break_next(payment, Breakage::LostAfter).await;
    cancel(h, gateway, &second).await;
    let expected = [(first.refund, won(300)), (second.refund, won(200))];
    assert_money(h, gateway, payment, won(1_000), &expected).await;
}

/// An account waits, then is either paid, and can not be closed, or closed, and stays so.
///
/// # Panics
/// If the adapter breaks this.
pub async fn an_account_is_paid_or_closed(
    h: &Harness,
    gateway: &Arc<dyn PaymentGateway>,
    stage: &dyn GatewayStage,
) {
    let due_at = h.now() + Duration::from_hours(72);
    let (paid, closed) = (new_payment(h), new_payment(h));
    for payment in [paid, closed] {
        let request =
            IssueRequest { payment, amount: won(900), due_at, key: GatewayKey::issue(payment) };
        let account = sure(h, || gateway.issue_deposit_account(request.clone())).await;
        assert!(account.due_at <= due_at, "the account is open for longer than asked for");
        let again = sure(h, || gateway.issue_deposit_account(request.clone())).await;
        assert_eq!(again, account, "a repeat got another account");
        let found = find(h, gateway, payment).await;
        assert!(
            matches!(&found, Found::AwaitingDeposit(found) if found.number == account.number),
            "expected an open account, found {found:?}"
        );
    }
    stage.deposit(paid, won(900)).await;
    assert_money(h, gateway, paid, won(900), &[]).await;
    let close = gateway.close_account(paid, GatewayKey::close(paid)).await;
    assert!(close.is_err(), "a paid account was closed");
    assert_money(h, gateway, paid, won(900), &[]).await;
    let refund = refund_of(h, paid, won(900));
    cancel(h, gateway, &refund).await;
    assert_money(h, gateway, paid, won(900), &[(refund.refund, won(900))]).await;

    for _ in 0..2 {
        sure(h, || gateway.close_account(closed, GatewayKey::close(closed))).await;
    }
    assert_eq!(find(h, gateway, closed).await, Found::Cancelled);
}

fn won(minor: i64) -> Money {
    Money::from_minor(minor, Currency::KRW).expect("amounts here are small")
}

fn new_payment(h: &Harness) -> PaymentId {
    PaymentId::generate(h.ids())
}

fn refund_of(h: &Harness, payment: PaymentId, amount: Money) -> CancelRequest {
    let refund = RefundId::generate(h.ids());
    let text = "a short text";
    let account = RefundAccount::new(
        Label::new("BANK").expect(text),
        Label::new("110123456789").expect(text),
        Label::new("HOLDER").expect(text),
    );
    let key = GatewayKey::cancel(refund, 1);
    CancelRequest { payment, refund, amount, account: Some(account), key }
}

async fn authenticated(
    stage: &dyn GatewayStage,
    payment: PaymentId,
    amount: Money,
) -> ConfirmRequest {
    let provider_key = stage.authenticate(payment, amount).await;
    ConfirmRequest { payment, provider_key, amount, key: GatewayKey::confirm(payment) }
}

async fn paid(
    h: &Harness,
    gateway: &Arc<dyn PaymentGateway>,
    stage: &dyn GatewayStage,
    amount: Money,
) -> PaymentId {
    let payment = new_payment(h);
    let request = authenticated(stage, payment, amount).await;
    confirm(h, gateway, &request).await;
    payment
}

/// Repeats a call under its key until the answer is sure.
async fn sure<T, F>(h: &Harness, mut call: impl FnMut() -> F + Send) -> T
where
    T: Send,
    F: Future<Output = Result<T, GatewayError>> + Send,
{
    for _ in 0..TRIES_MAX {
        let wait = match call().await {
            Ok(answer) => return answer,
            Err(GatewayError::Declined { code }) => panic!("declined without a reason: {code}"),
            Err(GatewayError::Retryable { retry_after }) => retry_after,
            Err(GatewayError::Unknown(_)) => None,
        };
        h.advance(wait.unwrap_or(Duration::from_millis(200))).await;
    }
    panic!("no sure answer in {TRIES_MAX} tries");
}

async fn confirm(
    h: &Harness,
    gateway: &Arc<dyn PaymentGateway>,
    request: &ConfirmRequest,
) -> Captured {
    sure(h, || gateway.confirm(request.clone())).await
}

async fn cancel(h: &Harness, gateway: &Arc<dyn PaymentGateway>, request: &CancelRequest) {
    sure(h, || gateway.cancel(request.clone())).await;
}

async fn find(h: &Harness, gateway: &Arc<dyn PaymentGateway>, payment: PaymentId) -> Found {
    sure(h, || gateway.find(payment)).await
}

fn cancels(found: &Found) -> Vec<(RefundId, Money)> {
    let Found::Captured { cancels, .. } = found else { return Vec::new() };
    cancels.iter().filter_map(|cancel| Some((cancel.refund?, cancel.amount))).collect()
}

async fn assert_money(
    h: &Harness,
    gateway: &Arc<dyn PaymentGateway>,
    payment: PaymentId,
    amount: Money,
    refunds: &[(RefundId, Money)],
) {
    let found = find(h, gateway, payment).await;
    let Found::Captured { amount: got, .. } = &found else {
        panic!("expected {amount} of {payment}, found {found:?}");
    };
    assert_eq!(*got, amount, "of {payment}");
    let mut expected = refunds.to_vec();
    let mut named = cancels(&found);
    expected.sort_by_key(|(refund, _)| *refund);
    named.sort_by_key(|(refund, _)| *refund);
    assert_eq!(named, expected, "refunds of {payment}");
}
