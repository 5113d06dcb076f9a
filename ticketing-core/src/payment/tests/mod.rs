//! One payment of each method, brought into every state.

mod json;
mod money;
mod properties;
mod rules;
mod table;

use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::*;
use crate::aggregate::Aggregate;
use crate::label::{Label, Token};
use crate::reservation::tests::{
    CHECKOUT, PAYMENT, assert_unchanged, both, made, minute, pending_events, won,
};

const ENTRY: EntryId = EntryId::from_uuid(Uuid::from_u128(20));
/// What the gateway brings: 100,000 less 30,000 points.
const EXTERNAL: i64 = 70_000;
const NUMBER: &str = "110-234-567890";
const HOLDER: &str = "Kim Yuna";

fn key(text: &str) -> Token {
    Token::new(text).unwrap()
}

fn declined(code: &str) -> FailReason {
    FailReason::Declined { code: Label::new(code).unwrap() }
}

pub(crate) fn refund_account() -> RefundAccount {
    let number = Label::new(NUMBER).unwrap();
    RefundAccount::new(Label::new("Shinhan").unwrap(), number, Label::new(HOLDER).unwrap())
}

/// The account that was issued, due at minute 100.
fn deposit_account(number: &str) -> DepositAccount {
    DepositAccount {
        bank: Label::new("Woori").unwrap(),
        number: Label::new(number).unwrap(),
        due_at: minute(100),
        secret: Some(key("notice-secret")),
    }
}

fn create(
    method: Option<Method>,
    points: i64,
    account: Option<RefundAccount>,
) -> Result<Payment, PaymentRefusal> {
    let new = NewPayment {
        id: PAYMENT,
        reservation: &made(),
        checkout: CHECKOUT,
        discount: won(0),
        points: won(points),
        points_entry: (points > 0).then_some(ENTRY),
        method,
        refund_account: account,
    };
    Payment::create(new, minute(0))
}

/// 30,000 points and 70,000 won by card or deposit; 100,000 points without a method.
pub(crate) fn created(method: Option<Method>) -> Payment {
    let points = if method.is_none() { 100_000 } else { 30_000 };
    create(method, points, None).unwrap()
}

pub(crate) fn confirming() -> Payment {
    let mut payment = created(Some(Method::Card));
    payment.begin_confirm(key("auth"), won(EXTERNAL), minute(1)).unwrap();
    payment
}

fn issuing() -> Payment {
    let mut payment = created(Some(Method::BankTransfer));
    payment.begin_issue(minute(100), minute(1)).unwrap();
    payment
}

fn awaiting() -> Payment {
    let mut payment = issuing();
    payment.account_issued(deposit_account("1"), true, minute(2)).unwrap();
    payment
}

pub(crate) fn paid_by_card() -> Payment {
    let mut payment = confirming();
    payment.succeed(Honoured::InTime, minute(2)).unwrap();
    payment
}

/// A paid deposit whose buyer named no account.
pub(crate) fn paid_by_deposit() -> Payment {
    let mut payment = awaiting();
    payment.succeed(Honoured::InTime, minute(3)).unwrap();
    payment
}

/// A state of the table, each with all that makes it differ from the others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum At {
    CreatedCard,
    CreatedBank,
    CreatedPoints,
    Confirming,
    ConfirmUnknown,
    Issuing,
    IssueUnknown,
    Awaiting,
    PaidCard,
    PaidBank,
    PaidPoints,
    PaidLate,
    NotHonoured,
    Failed,
    Expired,
    CancelledCard,
    CancelledPoints,
    CancelledBank,
    Reversed,
}

impl At {
    const ALL: [Self; 19] = [
        Self::CreatedCard,
        Self::CreatedBank,
        Self::CreatedPoints,
        Self::Confirming,
        Self::ConfirmUnknown,
        Self::Issuing,
        Self::IssueUnknown,
        Self::Awaiting,
        Self::PaidCard,
        Self::PaidBank,
        Self::PaidPoints,
        Self::PaidLate,
        Self::NotHonoured,
        Self::Failed,
        Self::Expired,
        Self::CancelledCard,
        Self::CancelledPoints,
        Self::CancelledBank,
        Self::Reversed,
    ];

    fn payment(self) -> Payment {
        let after = |mut payment: Payment, step: fn(&mut Payment)| {
            step(&mut payment);
            payment
        };
        let lost = |it: &mut Payment| {
            it.lose_answer(minute(2)).unwrap();
        };
        match self {
            Self::CreatedCard => created(Some(Method::Card)),
            Self::CreatedBank => created(Some(Method::BankTransfer)),
            Self::CreatedPoints => created(None),
            Self::Confirming => confirming(),
            Self::ConfirmUnknown => after(confirming(), lost),
            Self::Issuing => issuing(),
            Self::IssueUnknown => after(issuing(), lost),
            Self::Awaiting => awaiting(),
            Self::PaidCard => paid_by_card(),
            Self::PaidBank => paid_by_deposit(),
            Self::PaidPoints => after(created(None), |it| {
                it.succeed(Honoured::InTime, minute(2)).unwrap();
            }),
            Self::PaidLate => after(confirming(), |it| {
                it.succeed(Honoured::Late, minute(50)).unwrap();
            }),
            Self::NotHonoured => after(confirming(), |it| {
                it.succeed(Honoured::No, minute(50)).unwrap();
            }),
            Self::Failed => after(confirming(), |it| {
                it.fail(declined("NO_FUNDS"), minute(2)).unwrap();
            }),
            Self::Expired => after(awaiting(), |it| {
                it.end_unpaid(UnpaidEnd::Lapsed, minute(130)).unwrap();
            }),
            Self::CancelledCard => after(created(Some(Method::Card)), |it| {
                it.end_unpaid(UnpaidEnd::CalledOff, minute(2)).unwrap();
            }),
            Self::CancelledPoints => after(created(None), |it| {
                it.end_unpaid(UnpaidEnd::CalledOff, minute(2)).unwrap();
            }),
            Self::CancelledBank => after(issuing(), |it| {
                it.account_issued(deposit_account("1"), false, minute(50)).unwrap();
            }),
            Self::Reversed => after(paid_by_deposit(), |it| {
                it.reverse(minute(200)).unwrap();
            }),
        }
    }
}
