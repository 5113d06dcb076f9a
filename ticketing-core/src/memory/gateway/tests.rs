use std::collections::BTreeMap;
use std::future::Future;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use chrono::DateTime;
use pollster::block_on;
use proptest::prelude::*;
use uuid::Uuid;

use super::*;
use crate::id::RefundId;
use crate::label::Label;
use crate::memory::{ManualClock, SeededRandom};
use crate::money::Currency;
use crate::port::RefundAccount;

const MINUTE: Duration = Duration::from_mins(1);

fn clock() -> ManualClock {
    ManualClock::at(DateTime::from_timestamp(1_800_000_000, 0).unwrap())
}

fn gateway(clock: &ManualClock) -> FakeGateway {
    FakeGateway::new(Arc::new(clock.clone()), Arc::new(clock.clone()))
}

fn won(minor: i64) -> Money {
    Money::from_minor(minor, Currency::KRW).unwrap()
}

fn payment(n: u128) -> PaymentId {
    PaymentId::from_uuid(Uuid::from_u128(n))
}

fn confirm(n: u128, amount: i64) -> ConfirmRequest {
    ConfirmRequest {
        payment: payment(n),
        provider_key: Token::new("from the buyer").unwrap(),
        amount: won(amount),
        key: GatewayKey::confirm(payment(n)),
    }
}

fn issue(clock: &ManualClock, n: u128, amount: i64) -> IssueRequest {
    IssueRequest {
        payment: payment(n),
        amount: won(amount),
        due_at: clock.now() + Duration::from_hours(72),
        key: GatewayKey::issue(payment(n)),
    }
}

fn cancel(n: u128, refund: u128, attempt: u32, amount: i64) -> CancelRequest {
    let refund = RefundId::from_uuid(Uuid::from_u128(refund));
    let text = |text: &str| Label::new(text).unwrap();
    CancelRequest {
        payment: payment(n),
        refund,
        amount: won(amount),
        account: Some(RefundAccount::new(
            Label::new("bank").unwrap(),
            text("110-1"),
            Label::new("holder").unwrap(),
        )),
        key: GatewayKey::cancel(refund, attempt),
    }
}

fn cancels(found: Found) -> Vec<i64> {
    let Found::Captured { cancels, .. } = found else { panic!("expected money, got {found:?}") };
    cancels.iter().map(|cancel| cancel.amount.minor()).collect()
}

#[test]
fn a_lost_answer_is_given_to_the_same_key_and_captures_nothing_twice() {
    let clock = clock();
    let gateway = gateway(&clock);
    gateway.script(payment(1), [Step::confirm(CallAct::LostAfter)]);
    let lost = block_on(gateway.confirm(confirm(1, 100)));
    assert!(matches!(lost, Err(GatewayError::Unknown(Some(_)))));
    clock.advance(MINUTE);
    let first = block_on(gateway.confirm(confirm(1, 999))).unwrap();
    assert_eq!(first, Captured { amount: won(100), at: clock.now() - MINUTE });
    assert_eq!(gateway.money().captured(payment(1)), Some(won(100)));
}

#[test]
fn another_key_on_a_captured_payment_is_unknown_and_moves_nothing() {
    let clock = clock();
    let gateway = gateway(&clock);
    block_on(gateway.confirm(confirm(1, 100))).unwrap();
    let other = ConfirmRequest { key: GatewayKey::issue(payment(1)), ..confirm(1, 100) };
    assert!(matches!(block_on(gateway.confirm(other)), Err(GatewayError::Unknown(_))));
    clock.advance(Duration::from_hours(15 * 24 + 1));
    let forgotten = block_on(gateway.confirm(confirm(1, 100)));
    assert!(matches!(forgotten, Err(GatewayError::Unknown(_))), "keys last 15 days");
    assert_eq!(gateway.money().captured(payment(1)), Some(won(100)));
}

#[test]
fn what_never_arrived_can_be_sent_again_and_a_decline_is_final() {
    let clock = clock();
    let gateway = gateway(&clock);
    let refuse = CallAct::Refuse { retry_after: Some(MINUTE) };
    gateway.script(payment(1), [CallAct::LostBefore, refuse, CallAct::Decline].map(Step::confirm));
    assert!(matches!(block_on(gateway.confirm(confirm(1, 7))), Err(GatewayError::Unknown(_))));
    assert!(matches!(block_on(gateway.find(payment(1))), Ok(Found::NotFound)));
    let again = block_on(gateway.confirm(confirm(1, 7)));
    assert!(matches!(again, Err(GatewayError::Retryable { retry_after: Some(MINUTE) })));
    for _ in 0..2 {
        let declined = block_on(gateway.confirm(confirm(1, 7)));
        assert!(matches!(declined, Err(GatewayError::Declined { .. })));
    }
    assert!(matches!(block_on(gateway.find(payment(1))), Ok(Found::Declined)));
    assert!(gateway.money().payments.is_empty());
}

#[test]
fn a_late_confirm_is_in_progress_then_not_found_then_captured_with_a_notice() {
    let clock = clock();
    let gateway = gateway(&clock);
    gateway.script(payment(1), [Step::confirm(CallAct::Late(4 * MINUTE))]);
    assert!(matches!(block_on(gateway.confirm(confirm(1, 5))), Err(GatewayError::Unknown(_))));
    let repeat = block_on(gateway.confirm(confirm(1, 5)));
    assert!(matches!(repeat, Err(GatewayError::Unknown(_))), "the key is being processed");
    assert!(matches!(block_on(gateway.find(payment(1))), Ok(Found::InProgress)));
    clock.advance(3 * MINUTE);
    assert!(matches!(block_on(gateway.find(payment(1))), Ok(Found::NotFound)));
    assert!(gateway.take_notices().is_empty() && gateway.money().payments.is_empty());
    assert_eq!(gateway.next_late(), Some(clock.now() + MINUTE));
    clock.advance(2 * MINUTE);
    let kinds: Vec<_> = gateway.take_notices().iter().map(|notice| notice.kind).collect();
    assert_eq!(kinds, [NoticeKind::PaymentStatus]);
    let repeat = block_on(gateway.confirm(confirm(1, 5))).unwrap();
    assert_eq!(repeat, Captured { amount: won(5), at: clock.now() - MINUTE });
}

#[test]
fn a_slow_answer_is_done_at_once_even_if_its_caller_gives_up() {
    let clock = clock();
    let gateway = gateway(&clock);
    gateway.script(payment(1), [Step::confirm(CallAct::Slow(MINUTE))]);
    let mut call = gateway.confirm(confirm(1, 5));
    let mut context = Context::from_waker(Waker::noop());
    assert!(call.as_mut().poll(&mut context).is_pending());
    assert_eq!(gateway.money().captured(payment(1)), Some(won(5)));
    let repeat = block_on(gateway.confirm(confirm(1, 5)));
    assert!(matches!(repeat, Err(GatewayError::Unknown(_))), "the key is being processed");
    drop(call);
    clock.advance(MINUTE);
    assert_eq!(block_on(gateway.confirm(confirm(1, 5))).unwrap().amount, won(5));
}

#[test]
fn an_authenticated_payment_is_confirmed_only_as_authenticated_and_in_time() {
    let clock = clock();
    let gateway = gateway(&clock);
    let provider_key = gateway.authenticate(payment(1), won(100));
    let as_authenticated = ConfirmRequest { provider_key, ..confirm(1, 100) };
    let less = ConfirmRequest { amount: won(1), ..as_authenticated.clone() };
    assert!(matches!(block_on(gateway.confirm(less)), Err(GatewayError::Declined { .. })));
    assert!(matches!(block_on(gateway.find(payment(1))), Ok(Found::InProgress)));
    let again = GatewayKey::issue(payment(1));
    let again = ConfirmRequest { key: again, ..as_authenticated.clone() };
    assert_eq!(block_on(gateway.confirm(again)).unwrap().amount, won(100));

    let provider_key = gateway.authenticate(payment(2), won(100));
    clock.advance(10 * MINUTE);
    let late = ConfirmRequest { provider_key, ..confirm(2, 100) };
    assert!(matches!(block_on(gateway.confirm(late)), Err(GatewayError::Declined { .. })));
    assert!(matches!(block_on(gateway.find(payment(2))), Ok(Found::Declined)));
}

#[test]
fn a_refund_key_used_for_two_parts_loses_the_second() {
    let gateway = gateway(&clock());
    block_on(gateway.confirm(confirm(1, 100))).unwrap();
    block_on(gateway.cancel(cancel(1, 8, 1, 30))).unwrap();
    block_on(gateway.cancel(cancel(1, 8, 1, 20))).unwrap();
    assert_eq!(gateway.money().cancelled(payment(1)), Some(won(30)));
    block_on(gateway.cancel(cancel(1, 8, 2, 20))).unwrap();
    assert_eq!(cancels(block_on(gateway.find(payment(1))).unwrap()), [30, 20]);
    let too_much = block_on(gateway.cancel(cancel(1, 9, 1, 51)));
    assert!(matches!(too_much, Err(GatewayError::Declined { .. })));
    block_on(gateway.cancel(cancel(1, 9, 2, 50))).unwrap();
    let nothing_left = block_on(gateway.cancel(cancel(1, 9, 3, 1)));
    assert!(matches!(nothing_left, Err(GatewayError::Unknown(_))));
}

#[test]
fn refunds_fail_for_good_or_without_an_answer_as_scripted() {
    let gateway = gateway(&clock());
    block_on(gateway.confirm(confirm(1, 100))).unwrap();
    gateway.script(payment(1), [CallAct::Decline, CallAct::LostAfter].map(Step::cancel));
    let declined = block_on(gateway.cancel(cancel(1, 8, 1, 30)));
    assert!(matches!(declined, Err(GatewayError::Declined { .. })));
    let unknown = block_on(gateway.cancel(cancel(1, 8, 2, 30)));
    assert!(matches!(unknown, Err(GatewayError::Unknown(_))));
    let ours = RefundId::from_uuid(Uuid::from_u128(8));
    let Found::Captured { cancels, .. } = block_on(gateway.find(payment(1))).unwrap() else {
        panic!("the payment was captured");
    };
    assert_eq!(cancels.iter().map(|cancel| cancel.refund).collect::<Vec<_>>(), [Some(ours)]);
}

#[test]
fn a_deposit_comes_with_a_notice_that_carries_the_secret_and_goes_back_by_reversal() {
    let clock = clock();
    let gateway = gateway(&clock);
    let account = block_on(gateway.issue_deposit_account(issue(&clock, 1, 900))).unwrap();
    assert_eq!(
        block_on(gateway.find(payment(1))).unwrap(),
        Found::AwaitingDeposit(account.clone())
    );
    assert!(gateway.take_notices().is_empty());
    gateway.deposit(payment(1), won(900)).unwrap();
    assert_eq!(gateway.deposit(payment(1), won(900)), Err(DepositRefused::Paid));
    let notice = gateway.take_notices().remove(0);
    assert_eq!((notice.kind, &notice.secret), (NoticeKind::Deposit, &account.secret));
    assert!(!format!("{notice:?}").contains(account.secret.as_ref().unwrap().as_str()));
    let close = block_on(gateway.close_account(payment(1), GatewayKey::close(payment(1))));
    assert!(matches!(close, Err(GatewayError::Declined { .. })), "it was paid");

    gateway.reverse_deposit(payment(1)).unwrap();
    assert_eq!(gateway.reverse_deposit(payment(1)), Err(DepositRefused::NotPaid));
    assert_eq!(gateway.take_notices().len(), 1);
    assert_eq!(block_on(gateway.find(payment(1))).unwrap(), Found::AwaitingDeposit(account));
    let totals = gateway.money().totals()[&Currency::KRW];
    assert_eq!((totals.captured, totals.reversed, totals.net()), (900, 900, 0));
}

#[test]
fn a_short_deposit_is_shown_as_it_is_and_the_account_stays_open() {
    let clock = clock();
    let gateway = gateway(&clock);
    block_on(gateway.issue_deposit_account(issue(&clock, 1, 900))).unwrap();
    gateway.deposit(payment(1), won(600)).unwrap();
    let short = Found::Captured { amount: won(600), cancels: vec![] };
    assert_eq!(block_on(gateway.find(payment(1))).unwrap(), short);
    let nowhere = CancelRequest { account: None, ..cancel(1, 8, 1, 600) };
    assert!(matches!(block_on(gateway.cancel(nowhere)), Err(GatewayError::Declined { .. })));
    block_on(gateway.cancel(cancel(1, 8, 2, 600))).unwrap();
    gateway.deposit(payment(1), won(900)).unwrap();
    let found = block_on(gateway.find(payment(1))).unwrap();
    assert!(matches!(&found, Found::Captured { amount, .. } if *amount == won(1_500)));
    assert_eq!(cancels(found), [600]);
}

#[test]
fn an_account_takes_nothing_when_due_or_closed_and_tells_nobody_that_it_ran_out() {
    let clock = clock();
    let gateway = gateway(&clock);
    let account = block_on(gateway.issue_deposit_account(issue(&clock, 1, 900))).unwrap();
    block_on(gateway.issue_deposit_account(issue(&clock, 2, 900))).unwrap();
    block_on(gateway.close_account(payment(2), GatewayKey::close(payment(2)))).unwrap();
    assert_eq!(gateway.deposit(payment(2), won(900)), Err(DepositRefused::Closed));
    assert_eq!(block_on(gateway.find(payment(2))).unwrap(), Found::Cancelled);
    gateway.take_notices();
    clock.set(account.due_at);
    let overdue = DepositRefused::Overdue { due_at: account.due_at };
    assert_eq!(gateway.deposit(payment(1), won(900)), Err(overdue));
    assert!(gateway.take_notices().is_empty());
    assert_eq!(block_on(gateway.find(payment(1))).unwrap(), Found::AwaitingDeposit(account));
}

#[test]
fn notices_come_twice_late_or_never_as_scripted() {
    let clock = clock();
    let gateway = gateway(&clock);
    let acts = [NoticeAct::Twice, NoticeAct::Late(MINUTE), NoticeAct::Lost];
    gateway.script_next(acts.map(Step::Notice));
    for n in 1..=4 {
        block_on(gateway.confirm(confirm(n, 5))).unwrap();
    }
    let notices = gateway.take_notices();
    let about: Vec<_> = notices.iter().map(|notice| notice.payment).collect();
    assert_eq!(about, [payment(1), payment(1), payment(4)]);
    assert_eq!(notices[0].id, notices[1].id);
    clock.advance(MINUTE);
    let late: Vec<_> = gateway.take_notices().iter().map(|notice| notice.payment).collect();
    assert_eq!(late, [payment(2)]);
}

/// Runs all tasks at once, each on a thread of its own.
fn storm<T: Send + 'static>(tasks: Vec<impl Future<Output = T> + Send + 'static>) -> Vec<T> {
    let barrier = Arc::new(std::sync::Barrier::new(tasks.len()));
    let threads: Vec<_> = tasks
        .into_iter()
        .map(|task| {
            let barrier = Arc::clone(&barrier);
            std::thread::spawn(move || {
                barrier.wait();
                block_on(task)
            })
        })
        .collect();
    threads.into_iter().map(|thread| thread.join().unwrap()).collect()
}

#[test]
fn many_threads_with_one_key_capture_once() {
    let clock = clock();
    let gateway = Arc::new(gateway(&clock));
    let tasks: Vec<_> = (0..8)
        .map(|n| {
            let gateway = Arc::clone(&gateway);
            async move { gateway.confirm(confirm(1, 100 + n)).await.unwrap().amount }
        })
        .collect();
    let answers = storm(tasks);
    assert!(answers.iter().all(|answer| *answer == answers[0]));
    assert_eq!(gateway.money().captured(payment(1)), Some(answers[0]));
}

#[derive(Clone, Copy, Debug)]
enum Do {
    Confirm { payment: u128, amount: i64 },
    Issue { payment: u128, amount: i64 },
    Close { payment: u128 },
    Cancel { payment: u128, refund: u128, attempt: u32, amount: i64 },
    Deposit { payment: u128, amount: i64 },
    Reverse { payment: u128 },
    Wait { seconds: u64 },
}

fn anything() -> impl Strategy<Value = Do> {
    let (payment, amount) = (0..4_u128, 1..200_i64);
    prop_oneof![
        (payment.clone(), amount.clone())
            .prop_map(|(payment, amount)| Do::Confirm { payment, amount }),
        (payment.clone(), amount.clone())
            .prop_map(|(payment, amount)| Do::Issue { payment, amount }),
        payment.clone().prop_map(|payment| Do::Close { payment }),
        (payment.clone(), 0..6_u128, 1..3_u32, amount.clone()).prop_map(
            |(payment, refund, attempt, amount)| Do::Cancel { payment, refund, attempt, amount }
        ),
        (payment.clone(), amount).prop_map(|(payment, amount)| Do::Deposit { payment, amount }),
        payment.prop_map(|payment| Do::Reverse { payment }),
        (1..400_u64).prop_map(|seconds| Do::Wait { seconds }),
    ]
}

/// Polls once; a slow answer is given up.
fn now_or_never<T>(call: impl Future<Output = T>) -> Option<T> {
    match std::pin::pin!(call).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(answer) => Some(answer),
        Poll::Pending => None,
    }
}

proptest! {
    #[test]
    fn no_sequence_captures_twice_or_sends_back_more_than_came(
        seed in any::<u64>(),
        steps in prop::collection::vec(anything(), 1..80),
    ) {
        let clock = clock();
        let faults = GatewayFaults { decline: 50, refuse_retryable: 100, lost_before: 100,
            lost_after: 150, slow: 150, late: 150, ..GatewayFaults::default() };
        let (time, random) = (Arc::new(clock.clone()), Arc::new(SeededRandom::new(seed)));
        let gateway = FakeGateway::seeded(time.clone(), time, random, faults).unwrap();
        let mut answers: BTreeMap<String, String> = BTreeMap::new();
        let mut same = |key: String, answer: Option<String>| {
            let Some(answer) = answer else { return true };
            *answers.entry(key).or_insert_with(|| answer.clone()) == answer
        };
        for step in steps {
            match step {
                Do::Confirm { payment, amount } => {
                    let answer = now_or_never(gateway.confirm(confirm(payment, amount)));
                    let key = format!("confirm {payment}");
                    prop_assert!(same(key, definite(answer)));
                }
                Do::Issue { payment, amount } => {
                    let request = issue(&clock, payment, amount);
                    let answer = now_or_never(gateway.issue_deposit_account(request));
                    let key = format!("issue {payment}");
                    prop_assert!(same(key, definite(answer)));
                }
                Do::Close { payment: n } => {
                    let call = gateway.close_account(payment(n), GatewayKey::close(payment(n)));
                    let answer = now_or_never(call);
                    let key = format!("close {n}");
                    prop_assert!(same(key, definite(answer)));
                }
                Do::Cancel { payment, refund, attempt, amount } => {
                    let request = cancel(payment, refund, attempt, amount);
                    let key = format!("cancel {}", request.key);
                    let answer = now_or_never(gateway.cancel(request));
                    prop_assert!(same(key, definite(answer)));
                }
                Do::Deposit { payment: n, amount } => {
                    let _ = gateway.deposit(payment(n), won(amount));
                }
                Do::Reverse { payment: n } => {
                    let _ = gateway.reverse_deposit(payment(n));
                }
                Do::Wait { seconds } => clock.advance(Duration::from_secs(seconds)),
            }
            for (payment, money) in gateway.money().payments {
                let back = Money::sum(Currency::KRW, money.cancels.iter().map(|c| c.amount));
                prop_assert_eq!(back.unwrap(), money.cancelled);
                prop_assert!(money.cancelled.minor() <= money.captured.minor());
                let found = gateway.state.lock().unwrap().found(payment, clock.now());
                let by_card = matches!(
                    gateway.state.lock().unwrap().book.entries[&payment].standing,
                    Standing::Captured
                );
                if by_card {
                    prop_assert_eq!(money.captured, money.asked, "captured once, as asked");
                }
                if let Found::Captured { amount, cancels } = found {
                    prop_assert_eq!(amount, money.captured.sub(money.reversed).unwrap());
                    prop_assert_eq!(cancels, money.cancels);
                }
            }
        }
    }
}

/// What must be the same whenever the key is repeated.
fn definite<T: std::fmt::Debug>(answer: Option<Result<T, GatewayError>>) -> Option<String> {
    match answer? {
        Ok(answer) => Some(format!("{answer:?}")),
        Err(GatewayError::Declined { code }) => Some(format!("declined {code}")),
        Err(GatewayError::Retryable { .. } | GatewayError::Unknown(_)) => None,
    }
}

#[test]
fn faults_can_be_set_by_name_and_stopped() {
    let mut faults = GatewayFaults::default();
    faults.set("gateway.lost_after", 1_000).unwrap();
    faults.set("gateway.notice_lost", 1_000).unwrap();
    let expected = GatewayFaults { lost_after: 1_000, notice_lost: 1_000, ..faults };
    assert_eq!((faults, faults.get("gateway.notice_lost")), (expected, Some(1_000)));
    for (name, text) in [
        ("gateway.slow", "rates of calls: expected at most 1000 thousandths in all, got 1001"),
        ("gateway.slowly", "fault: expected one of gateway.decline, gateway.refuse_retryable, "),
    ] {
        let error = faults.set(name, 1).unwrap_err().to_string();
        assert!(error.starts_with(text), "{error}");
        assert_eq!(faults, expected);
    }

    let clock = clock();
    let gateway = gateway(&clock);
    let random = Arc::new(SeededRandom::new(4));
    gateway.set_faults(random.clone(), faults).unwrap();
    assert!(matches!(block_on(gateway.confirm(confirm(1, 100))), Err(GatewayError::Unknown(_))));
    let beyond = GatewayFaults { late: 1, ..faults };
    assert!(gateway.set_faults(random.clone(), beyond).is_err());
    assert!(matches!(block_on(gateway.confirm(confirm(2, 100))), Err(GatewayError::Unknown(_))));
    assert_eq!(gateway.take_notices(), []);
    gateway.set_faults(random, GatewayFaults::default()).unwrap();
    assert!(block_on(gateway.confirm(confirm(1, 100))).is_ok());
    assert!(block_on(gateway.confirm(confirm(3, 100))).is_ok());
    assert_eq!(gateway.take_notices().len(), 1);
}
