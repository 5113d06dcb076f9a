//! Every command in every state.

use super::*;
use crate::aggregate::Applied::{Already, Now};
use PaymentRefusal as No;

type Answer = Result<Applied, PaymentRefusal>;

/// A command with its answers. Where none is given it is the refusal by method, then by state.
struct Row {
    name: &'static str,
    run: fn(&mut Payment) -> Answer,
    /// How the refusal by state calls it.
    command: &'static str,
    /// The method it is for.
    only: Option<Method>,
    answers: Vec<(&'static [At], Answer)>,
}

impl Row {
    fn answer(&self, at: At, payment: &Payment) -> Answer {
        let command = self.command;
        if let Some((_, answer)) = self.answers.iter().find(|(states, _)| states.contains(&at)) {
            return answer.clone();
        }
        if self.only.is_some() && self.only != payment.method() {
            return Err(No::WrongMethod { command, method: payment.method() });
        }
        Err(No::WrongState { command, state: payment.state().name() })
    }
}

const CARDS_SENT: &[At] =
    &[At::Confirming, At::ConfirmUnknown, At::PaidCard, At::PaidLate, At::NotHonoured, At::Failed];
const CARDS: &[At] = &[
    At::CreatedCard,
    At::CancelledCard,
    At::Confirming,
    At::ConfirmUnknown,
    At::PaidCard,
    At::PaidLate,
    At::NotHonoured,
    At::Failed,
];
const ASKED_FOR_ACCOUNT: &[At] = &[
    At::Issuing,
    At::IssueUnknown,
    At::Awaiting,
    At::PaidBank,
    At::Expired,
    At::CancelledBank,
    At::Reversed,
];
const HAS_ACCOUNT: &[At] =
    &[At::Awaiting, At::PaidBank, At::Expired, At::CancelledBank, At::Reversed];
const SENT: &[At] = &[At::Confirming, At::ConfirmUnknown, At::Issuing, At::IssueUnknown];
const EXPECTS_MONEY: &[At] =
    &[At::Confirming, At::ConfirmUnknown, At::Issuing, At::IssueUnknown, At::Awaiting];
const ENDED_WITH_EXTERNAL: &[At] =
    &[At::Failed, At::Expired, At::CancelledCard, At::CancelledBank, At::Reversed];

fn sends() -> Vec<Row> {
    let mismatch = Err(No::AmountMismatch { expected: won(EXTERNAL), got: won(EXTERNAL + 1) });
    vec![
        Row {
            name: "confirm",
            run: |it| it.begin_confirm(key("auth"), won(EXTERNAL), minute(5)),
            command: "confirm",
            only: Some(Method::Card),
            answers: vec![(&[At::CreatedCard], Ok(Now)), (CARDS_SENT, Ok(Already))],
        },
        Row {
            name: "confirm with another authentication",
            run: |it| it.begin_confirm(key("other"), won(EXTERNAL), minute(5)),
            command: "confirm",
            only: Some(Method::Card),
            answers: vec![
                (&[At::CreatedCard], Ok(Now)),
                (CARDS_SENT, Err(No::OtherAuthentication)),
            ],
        },
        Row {
            name: "confirm another amount",
            run: |it| it.begin_confirm(key("auth"), won(EXTERNAL + 1), minute(5)),
            command: "confirm",
            only: Some(Method::Card),
            answers: vec![(CARDS, mismatch)],
        },
        Row {
            name: "ask for an account",
            run: |it| it.begin_issue(minute(100), minute(5)),
            command: "issue an account for",
            only: Some(Method::BankTransfer),
            answers: vec![(&[At::CreatedBank], Ok(Now)), (ASKED_FOR_ACCOUNT, Ok(Already))],
        },
        Row {
            name: "ask for an account until later",
            run: |it| it.begin_issue(minute(101), minute(5)),
            command: "issue an account for",
            only: Some(Method::BankTransfer),
            answers: vec![(&[At::CreatedBank], Ok(Now))],
        },
        Row {
            name: "lose the answer",
            run: |it| it.lose_answer(minute(5)),
            command: "lose the answer of",
            only: None,
            answers: vec![
                (&[At::Confirming, At::Issuing], Ok(Now)),
                (&[At::ConfirmUnknown, At::IssueUnknown], Ok(Already)),
            ],
        },
    ]
}

fn accounts() -> Vec<Row> {
    vec![
        Row {
            name: "the account is issued",
            run: |it| it.account_issued(deposit_account("1"), true, minute(5)),
            command: "issue an account for",
            only: None,
            answers: vec![(&[At::Issuing, At::IssueUnknown], Ok(Now)), (HAS_ACCOUNT, Ok(Already))],
        },
        Row {
            name: "the account is issued and nobody wants it",
            run: |it| it.account_issued(deposit_account("1"), false, minute(5)),
            command: "issue an account for",
            only: None,
            answers: vec![(&[At::Issuing, At::IssueUnknown], Ok(Now)), (HAS_ACCOUNT, Ok(Already))],
        },
        Row {
            name: "another account is issued",
            run: |it| it.account_issued(deposit_account("2"), true, minute(5)),
            command: "issue an account for",
            only: None,
            answers: vec![
                (&[At::Issuing, At::IssueUnknown], Ok(Now)),
                (HAS_ACCOUNT, Err(No::OtherAccount)),
            ],
        },
        Row {
            name: "the account is closed",
            run: |it| Ok(it.account_closed(minute(5))),
            command: "close the account of",
            only: None,
            answers: vec![(&[At::Expired, At::CancelledBank], Ok(Now)), (&At::ALL, Ok(Already))],
        },
    ]
}

fn outcomes() -> Vec<Row> {
    vec![
        Row {
            name: "succeed in time",
            run: |it| it.succeed(Honoured::InTime, minute(5)),
            command: "succeed",
            only: None,
            answers: vec![
                (EXPECTS_MONEY, Ok(Now)),
                (&[At::CreatedPoints], Ok(Now)),
                (&[At::PaidCard, At::PaidBank, At::PaidPoints], Ok(Already)),
            ],
        },
        Row {
            name: "succeed late",
            run: |it| it.succeed(Honoured::Late, minute(5)),
            command: "succeed",
            only: None,
            answers: vec![
                (EXPECTS_MONEY, Ok(Now)),
                (ENDED_WITH_EXTERNAL, Ok(Now)),
                (&[At::PaidLate], Ok(Already)),
            ],
        },
        Row {
            name: "succeed and buy nothing",
            run: |it| it.succeed(Honoured::No, minute(5)),
            command: "succeed",
            only: None,
            answers: vec![
                (EXPECTS_MONEY, Ok(Now)),
                (ENDED_WITH_EXTERNAL, Ok(Now)),
                (&[At::NotHonoured], Ok(Already)),
            ],
        },
        Row {
            name: "fail",
            run: |it| it.fail(declined("NO_FUNDS"), minute(5)),
            command: "fail",
            only: None,
            answers: vec![(SENT, Ok(Now)), (&[At::Failed], Ok(Already))],
        },
        Row {
            name: "fail for another reason",
            run: |it| it.fail(FailReason::NotFound, minute(5)),
            command: "fail",
            only: None,
            answers: vec![(SENT, Ok(Now))],
        },
        Row {
            name: "lapse",
            run: |it| it.end_unpaid(UnpaidEnd::Lapsed, minute(5)),
            command: "end",
            only: None,
            answers: vec![
                (&[At::CreatedCard, At::CreatedBank, At::CreatedPoints, At::Awaiting], Ok(Now)),
                (&[At::CancelledCard, At::CancelledPoints, At::CancelledBank], Ok(Already)),
                (&[At::Expired], Ok(Already)),
            ],
        },
        Row {
            name: "call off",
            run: |it| it.end_unpaid(UnpaidEnd::CalledOff, minute(500)),
            command: "end",
            only: None,
            answers: vec![
                (&[At::CreatedCard, At::CreatedBank, At::CreatedPoints, At::Awaiting], Ok(Now)),
                (&[At::CancelledCard, At::CancelledPoints, At::CancelledBank], Ok(Already)),
            ],
        },
        Row {
            name: "reverse",
            run: |it| it.reverse(minute(5)),
            command: "reverse",
            only: Some(Method::BankTransfer),
            answers: vec![(&[At::PaidBank], Ok(Now)), (&[At::Reversed], Ok(Already))],
        },
    ]
}

#[test]
fn every_command_in_every_state_answers_as_the_table_says() {
    for row in [sends(), accounts(), outcomes()].iter().flatten() {
        for at in At::ALL {
            let before = at.payment();
            let mut after = before.clone();
            let what = format!("{} when {at:?}", row.name);
            let answer = (row.run)(&mut after);
            assert_eq!(answer, row.answer(at, &before), "{what}");
            if answer == Ok(Now) {
                let news = pending_events(&after).len() - pending_events(&before).len();
                assert_eq!(news, 1, "{what} tells one thing");
                let once = after.clone();
                assert_eq!((row.run)(&mut after), Ok(Already), "{what}, a second time");
                assert_unchanged(&once, &after, &format!("{what}, a second time"));
            } else {
                assert_unchanged(&before, &after, &what);
            }
        }
    }
}

#[test]
fn being_asked_about_counts_only_while_the_gateway_decides() {
    for at in At::ALL {
        let before = at.payment();
        let mut after = before.clone();
        after.asked(minute(99));
        if SENT.contains(&at) {
            assert_eq!(after.asked_at(), minute(99), "{at:?}");
            assert_eq!(after.state(), before.state(), "{at:?}");
        } else {
            assert_unchanged(&before, &after, &format!("being asked about when {at:?}"));
        }
    }
}

#[test]
fn points_go_back_once_and_only_where_no_purchase_has_a_use_for_them() {
    let gives = [At::NotHonoured, At::Failed, At::Expired, At::CancelledCard, At::CancelledPoints];
    for at in At::ALL {
        let before = at.payment();
        let mut after = before.clone();
        if gives.contains(&at) || at == At::CancelledBank {
            assert_eq!(after.take_points_back(), Some(ENTRY), "{at:?}");
            assert!(after.points_are_back(), "{at:?}");
            assert_eq!(after.take_points_back(), None, "{at:?}, a second time");
        } else {
            assert_eq!(after.take_points_back(), None, "{at:?}");
            assert_unchanged(&before, &after, &format!("asking for points back when {at:?}"));
        }
    }
}

#[test]
fn only_a_deposit_is_refunded_to_an_account() {
    for at in At::ALL {
        let before = at.payment();
        let mut after = before.clone();
        let answer = after.set_refund_account(Some(refund_account()));
        if before.method() == Some(Method::BankTransfer) {
            assert_eq!(answer, Ok(()), "{at:?}");
            assert_eq!(after.refund_account(), Some(&refund_account()), "{at:?}");
            assert_eq!(after.set_refund_account(None), Ok(()), "{at:?}");
            assert_unchanged(&before, &after, "an account that was forgotten");
        } else {
            let command = "set a refund account of";
            assert_eq!(answer, Err(No::WrongMethod { command, method: before.method() }));
            assert_unchanged(&before, &after, "an account for another method");
        }
    }
}

#[test]
fn a_refusal_says_what_was_expected() {
    let refused = |answer: Answer| answer.unwrap_err().to_string();
    let mut card = confirming();
    assert_eq!(
        refused(card.begin_confirm(key("auth"), won(1), minute(2))),
        "expected 70000 KRW, got 1 KRW"
    );
    assert_eq!(
        refused(card.begin_issue(minute(100), minute(2))),
        "cannot issue an account for a payment by card"
    );
    assert_eq!(
        refused(created(None).begin_confirm(key("auth"), won(0), minute(2))),
        "cannot confirm a payment by points alone"
    );
}
