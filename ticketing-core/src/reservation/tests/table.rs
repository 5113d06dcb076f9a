//! Every command in every state.

use super::*;
use crate::aggregate::Applied::{Already, Now};
use ReservationRefusal as No;

type Answer = Result<Applied, ReservationRefusal>;

/// A command with its answers. Where none is given it is the refusal by state.
struct Row {
    name: &'static str,
    run: fn(&mut Reservation) -> Answer,
    /// How the refusal by state calls it; `None` if every state has its answer.
    command: Option<&'static str>,
    answers: Vec<(&'static [At], Answer)>,
}

impl Row {
    fn answer(&self, at: At, reservation: &Reservation) -> Answer {
        let given = self.answers.iter().find(|(states, _)| states.contains(&at));
        let state = reservation.state().name();
        given.map_or_else(
            || {
                let command = self.command.expect("every state has an answer");
                Err(No::WrongState { command, state })
            },
            |(_, answer)| answer.clone(),
        )
    }
}

const PENDING: &[At] = &[At::Made, At::CheckedOut, At::Paying, At::AwaitingDeposit];
const PAID: &[At] =
    &[At::Confirmed, At::ConfirmedLate, At::PartlyRefunded, At::Refunded, At::Reversed];
const OVER: &[At] = &[
    At::Confirmed,
    At::ConfirmedLate,
    At::PartlyRefunded,
    At::Refunded,
    At::Reversed,
    At::CancelledByBuyer,
    At::CancelledWithPerformance,
    At::Expired,
];

fn checkouts() -> Vec<Row> {
    let under_way = Err(No::PaymentUnderWay(PAYMENT));
    vec![
        Row {
            name: "begin the checkout",
            run: |it| it.begin_checkout(CHECKOUT, 5, minute(5)),
            command: Some("pay for"),
            answers: vec![
                (&[At::Made], Ok(Now)),
                (&[At::CheckedOut], Ok(Already)),
                (&[At::Paying, At::AwaitingDeposit], under_way.clone()),
            ],
        },
        Row {
            name: "begin another checkout",
            run: |it| it.begin_checkout(OTHER_CHECKOUT, 5, minute(5)),
            command: Some("pay for"),
            answers: vec![
                (&[At::Made], Ok(Now)),
                (&[At::CheckedOut], Err(No::CheckoutUnderWay(CHECKOUT))),
                (&[At::Paying, At::AwaitingDeposit], under_way),
            ],
        },
        Row {
            name: "begin a checkout at the deadline",
            run: |it| it.begin_checkout(OTHER_CHECKOUT, 5, it.expires_at()),
            command: Some("pay for"),
            answers: vec![
                (&[At::Made, At::CheckedOut], Err(No::DeadlinePassed { expires_at: minute(10) })),
                (&[At::Paying], Err(No::DeadlinePassed { expires_at: minute(11) })),
                (&[At::AwaitingDeposit], Err(No::DeadlinePassed { expires_at: minute(130) })),
            ],
        },
        Row {
            name: "end the checkout",
            run: |it| Ok(it.end_checkout(CHECKOUT)),
            command: None,
            answers: vec![
                (&[At::CheckedOut], Ok(Now)),
                (&[At::Made, At::Paying, At::AwaitingDeposit], Ok(Already)),
                (OVER, Ok(Already)),
            ],
        },
        Row {
            name: "end another checkout",
            run: |it| Ok(it.end_checkout(OTHER_CHECKOUT)),
            command: None,
            answers: vec![(PENDING, Ok(Already)), (OVER, Ok(Already))],
        },
    ]
}

fn payments() -> Vec<Row> {
    vec![
        Row {
            name: "start the payment",
            run: |it| it.start_payment(PAYMENT, &policy(), minute(5)),
            command: None,
            answers: vec![
                (&[At::Made, At::CheckedOut], Ok(Now)),
                (&[At::Paying, At::AwaitingDeposit], Ok(Already)),
                (OVER, Ok(Already)),
            ],
        },
        Row {
            name: "start another payment",
            run: |it| it.start_payment(OTHER_PAYMENT, &policy(), minute(5)),
            command: Some("pay for"),
            answers: vec![
                (&[At::Made, At::CheckedOut], Ok(Now)),
                (&[At::Paying, At::AwaitingDeposit], Err(No::PaymentUnderWay(PAYMENT))),
            ],
        },
        Row {
            name: "await the deposit",
            run: |it| it.await_deposit(PAYMENT, minute(100), &policy(), minute(5)),
            command: Some("pay for"),
            answers: vec![
                (&[At::Made, At::CheckedOut], Err(No::NotItsPayment(PAYMENT))),
                (&[At::Paying], Ok(Now)),
                (&[At::AwaitingDeposit], Ok(Already)),
            ],
        },
        Row {
            name: "await the deposit until later",
            run: |it| it.await_deposit(PAYMENT, minute(101), &policy(), minute(5)),
            command: Some("pay for"),
            answers: vec![
                (&[At::Made, At::CheckedOut], Err(No::NotItsPayment(PAYMENT))),
                (&[At::Paying], Ok(Now)),
                (&[At::AwaitingDeposit], Err(No::OtherDeposit { due_at: minute(100) })),
            ],
        },
        Row {
            name: "await another payment's deposit",
            run: |it| it.await_deposit(OTHER_PAYMENT, minute(100), &policy(), minute(5)),
            command: Some("pay for"),
            answers: vec![
                (&[At::Made, At::CheckedOut], Err(No::NotItsPayment(OTHER_PAYMENT))),
                (&[At::Paying, At::AwaitingDeposit], Err(No::PaymentUnderWay(PAYMENT))),
            ],
        },
        Row {
            name: "end the payment",
            run: |it| Ok(it.end_payment(PAYMENT)),
            command: None,
            answers: vec![
                (&[At::Paying, At::AwaitingDeposit], Ok(Now)),
                (&[At::Made, At::CheckedOut], Ok(Already)),
                (OVER, Ok(Already)),
            ],
        },
        Row {
            name: "end another payment",
            run: |it| Ok(it.end_payment(OTHER_PAYMENT)),
            command: None,
            answers: vec![(PENDING, Ok(Already)), (OVER, Ok(Already))],
        },
    ]
}

fn confirms() -> Vec<Row> {
    vec![
        Row {
            name: "confirm",
            run: |it| it.confirm(PAYMENT, minute(5)),
            command: Some("pay for"),
            answers: vec![
                (&[At::Made, At::CheckedOut], Err(No::NotItsPayment(PAYMENT))),
                (&[At::Paying, At::AwaitingDeposit], Ok(Now)),
                (PAID, Ok(Already)),
            ],
        },
        Row {
            name: "confirm by another payment",
            run: |it| it.confirm(OTHER_PAYMENT, minute(5)),
            command: Some("pay for"),
            answers: vec![
                (&[At::Made, At::CheckedOut], Err(No::NotItsPayment(OTHER_PAYMENT))),
                (&[At::Paying, At::AwaitingDeposit], Err(No::PaymentUnderWay(PAYMENT))),
            ],
        },
        Row {
            name: "confirm late",
            run: |it| it.confirm_late(PAYMENT, minute(60)),
            command: Some("confirm late"),
            answers: vec![(&[At::Expired], Ok(Now)), (PAID, Ok(Already))],
        },
        Row {
            name: "confirm late by another payment",
            run: |it| it.confirm_late(OTHER_PAYMENT, minute(60)),
            command: Some("confirm late"),
            answers: vec![(&[At::Expired], Ok(Now))],
        },
    ]
}

fn ends() -> Vec<Row> {
    vec![
        Row {
            name: "cancel for the buyer",
            run: |it| it.cancel(CancelReason::Buyer, false, minute(5)),
            command: Some("cancel"),
            answers: vec![(PENDING, Ok(Now)), (&[At::CancelledByBuyer], Ok(Already))],
        },
        Row {
            name: "cancel for the buyer while a payment is in flight",
            run: |it| it.cancel(CancelReason::Buyer, true, minute(5)),
            command: Some("cancel"),
            answers: vec![
                (PENDING, Err(No::PaymentInProgress)),
                (&[At::CancelledByBuyer], Ok(Already)),
            ],
        },
        Row {
            name: "cancel with the performance",
            run: |it| it.cancel(CancelReason::PerformanceCancelled, false, minute(5)),
            command: Some("cancel"),
            answers: vec![(PENDING, Ok(Now)), (&[At::CancelledWithPerformance], Ok(Already))],
        },
        Row {
            name: "expire before the deadline",
            run: |it| it.expire(false, minute(9)),
            command: Some("expire"),
            answers: vec![
                (&[At::Made, At::CheckedOut], Err(No::NotDue { due_at: minute(10) })),
                (&[At::Paying], Err(No::NotDue { due_at: minute(11) })),
                (&[At::AwaitingDeposit], Err(No::NotDue { due_at: minute(130) })),
                (&[At::Expired], Ok(Already)),
            ],
        },
        Row {
            name: "expire at the deadline",
            run: |it| it.expire(false, it.expires_at()),
            command: Some("expire"),
            answers: vec![(PENDING, Ok(Now)), (&[At::Expired], Ok(Already))],
        },
        Row {
            name: "expire at the deadline while a payment is in flight",
            run: |it| it.expire(true, minute(11)),
            command: Some("expire"),
            answers: vec![
                (&[At::Made, At::CheckedOut, At::Paying], Err(No::NotDue { due_at: minute(40) })),
                (&[At::AwaitingDeposit], Err(No::NotDue { due_at: minute(130) })),
                (&[At::Expired], Ok(Already)),
            ],
        },
        Row {
            name: "expire at the absolute maximum while a payment is in flight",
            run: |it| it.expire(true, it.latest()),
            command: Some("expire"),
            answers: vec![(PENDING, Ok(Now)), (&[At::Expired], Ok(Already))],
        },
    ]
}

fn refunds() -> Vec<Row> {
    let first = || No::OtherSeats { before: Seats::one(FIRST) };
    vec![
        Row {
            name: "give up the first seat",
            run: |it| it.give_up(&Seats::one(FIRST), REFUND, minute(5)),
            command: Some("give up seats of"),
            answers: vec![
                (&[At::Confirmed, At::ConfirmedLate], Ok(Now)),
                (&[At::PartlyRefunded, At::Refunded], Ok(Already)),
            ],
        },
        Row {
            name: "give up other seats by the same cause",
            run: |it| it.give_up(&Seats::one(SECOND), REFUND, minute(5)),
            command: Some("give up seats of"),
            answers: vec![
                (&[At::Confirmed, At::ConfirmedLate], Ok(Now)),
                (&[At::PartlyRefunded, At::Refunded], Err(first())),
            ],
        },
        Row {
            name: "give up more seats by the same cause",
            run: |it| it.give_up(&both(), REFUND, minute(5)),
            command: Some("give up seats of"),
            answers: vec![
                (&[At::Confirmed, At::ConfirmedLate], Ok(Now)),
                (&[At::PartlyRefunded, At::Refunded], Err(first())),
            ],
        },
        Row {
            name: "give up the first seat by another cause",
            run: |it| it.give_up(&Seats::one(FIRST), LAST_REFUND, minute(5)),
            command: Some("give up seats of"),
            answers: vec![
                (&[At::Confirmed, At::ConfirmedLate], Ok(Now)),
                (&[At::PartlyRefunded], Err(No::SeatNotLive(FIRST))),
                (&[At::Refunded], Err(No::OtherSeats { before: Seats::one(SECOND) })),
            ],
        },
        Row {
            name: "give up all by a reversal",
            run: |it| it.give_up(&both(), REVERSAL, minute(5)),
            command: Some("give up seats of"),
            answers: vec![
                (&[At::Confirmed, At::ConfirmedLate], Ok(Now)),
                (&[At::PartlyRefunded], Err(No::SeatNotLive(FIRST))),
                (&[At::Reversed], Ok(Already)),
            ],
        },
        Row {
            name: "give up a seat that was never its own",
            run: |it| it.give_up(&Seats::one(SeatNo(5)), LAST_REFUND, minute(5)),
            command: Some("give up seats of"),
            answers: vec![
                (
                    &[At::Confirmed, At::ConfirmedLate, At::PartlyRefunded],
                    Err(No::SeatNotLive(SeatNo(5))),
                ),
                (&[At::Refunded], Err(No::OtherSeats { before: Seats::one(SECOND) })),
            ],
        },
    ]
}

#[test]
fn every_command_in_every_state_answers_as_the_table_says() {
    let rows = [checkouts(), payments(), confirms(), ends(), refunds()];
    for row in rows.iter().flatten() {
        for at in At::ALL {
            let before = at.reservation();
            let mut after = before.clone();
            let what = format!("{} when {at:?}", row.name);
            let answer = (row.run)(&mut after);
            assert_eq!(answer, row.answer(at, &before), "{what}");
            if answer == Ok(Now) {
                assert_ne!(after, before, "{what} changed nothing");
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
fn a_gateway_call_is_refused_at_the_deadline_and_in_every_other_state() {
    for at in At::ALL {
        let reservation = at.reservation();
        let deadline = reservation.expires_at();
        let just_before = reservation.must_be_payable(deadline - TimeDelta::microseconds(1));
        if PENDING.contains(&at) {
            assert_eq!(just_before, Ok(()), "{at:?}");
            let passed = No::DeadlinePassed { expires_at: deadline };
            assert_eq!(reservation.must_be_payable(deadline), Err(passed), "{at:?}");
        } else {
            let (command, state) = ("pay for", reservation.state().name());
            assert_eq!(just_before, Err(No::WrongState { command, state }), "{at:?}");
        }
    }
}

#[test]
fn a_refusal_says_what_was_tried_and_where_it_stands() {
    let mut reservation = confirmed();
    let refused = reservation.cancel(CancelReason::Buyer, false, minute(5)).unwrap_err();
    assert_eq!(refused.to_string(), "cannot cancel a reservation that is confirmed");
    let refused = made().expire(false, minute(9)).unwrap_err();
    assert_eq!(refused.to_string(), "the reservation is not due before 1970-01-01 00:10:00 UTC");
}
