//! What the saga asks for, step by step.

use super::*;

fn told(checkout: &mut Checkout, reply: Reply) -> Vec<Command> {
    checkout.handle(reply, minute(9)).unwrap()
}

#[test]
fn a_checkout_asks_step_by_step_and_completes_with_the_payment() {
    let mut it = start();
    assert_eq!(told(&mut it, Reply::UserActive), [Command::ReservePoints]);
    assert_eq!(told(&mut it, Reply::PointsReserved(Some(ENTRY))), [Command::CheckFraud]);
    assert_eq!(told(&mut it, Reply::FraudClear), [Command::CreatePayment]);
    assert_eq!(told(&mut it, Reply::PaymentCreated(PAYMENT)), []);
    assert_eq!(it.state(), CheckoutState::Completed { payment: PAYMENT });
    assert_eq!(it.points_entry(), Some(ENTRY));
    assert_eq!(Step::ALL.map(|step| it.step(step)), [StepState::Succeeded; 4]);
}

#[test]
fn each_refusal_undoes_what_was_done_before_it() {
    let cancel = Command::CancelReservation;
    let back = Command::GivePointsBack;
    let rows: [(usize, Reply, Abort, &[Command]); 4] = [
        (0, Reply::UserRefused, Abort::UserRefused, &[cancel]),
        (1, Reply::PointsRefused, Abort::InsufficientPoints, &[]),
        (2, Reply::FraudSuspected, Abort::FraudSuspected, &[back, cancel]),
        (3, Reply::PaymentRefused, Abort::PaymentRefused, &[back]),
    ];
    for (steps, reply, abort, expected) in rows {
        let mut it = after(steps);
        let mut asked = told(&mut it, reply.clone());
        if asked == [back] {
            assert_eq!(it.state(), CheckoutState::Compensating { abort }, "{reply:?}");
            asked.extend(told(&mut it, Reply::PointsBack));
        }
        assert_eq!(asked, expected, "{reply:?}");
        assert_eq!(it.state(), CheckoutState::Compensated { abort }, "{reply:?}");
        assert_eq!(it.step(Step::ALL[steps]), StepState::Failed, "{reply:?}");
    }
}

#[test]
fn a_step_that_times_out_may_have_happened_and_is_undone() {
    let (delete, back) = (Command::DeletePayment, Command::GivePointsBack);
    let rows: [(Step, &[Command]); 4] = [
        (Step::CheckUser, &[]),
        (Step::ReservePoints, &[back]),
        (Step::CheckFraud, &[back]),
        (Step::CreatePayment, &[delete, back]),
    ];
    for (steps, (step, expected)) in rows.into_iter().enumerate() {
        let mut it = after(steps);
        for other in Step::ALL.into_iter().filter(|other| *other != step) {
            assert!(it.handle(Reply::TimedOut(other), minute(8)).is_err(), "{other:?}");
        }
        let mut asked = told(&mut it, Reply::TimedOut(step));
        while it.is_live() {
            let reply = match asked.last() {
                Some(Command::DeletePayment) => Reply::PaymentDeleted,
                Some(Command::GivePointsBack) => Reply::PointsBack,
                other => panic!("{other:?}"),
            };
            asked.extend(told(&mut it, reply));
        }
        assert_eq!(asked, expected, "{step:?}");
        assert_eq!(it.state(), CheckoutState::Compensated { abort: Abort::TimedOut }, "{step:?}");
    }
}

#[test]
fn a_reservation_that_ended_turns_back_from_every_step() {
    for steps in 0..4 {
        let mut it = after(steps);
        let asked = told(&mut it, Reply::ReservationEnded);
        let first = match steps {
            0 => None,
            1 | 2 => Some(Command::GivePointsBack),
            _ => Some(Command::DeletePayment),
        };
        assert_eq!(asked.first().copied(), first, "after {steps} steps");
    }
    let mut completed = after(4);
    assert!(completed.handle(Reply::ReservationEnded, minute(9)).is_err());
}

#[test]
fn points_set_aside_late_are_those_that_the_undo_gives_back() {
    let mut it = after(1);
    assert_eq!(told(&mut it, Reply::TimedOut(Step::ReservePoints)), [Command::GivePointsBack]);
    assert_eq!(told(&mut it, Reply::PointsReserved(Some(ENTRY))), []);
    assert_eq!(it.points_entry(), Some(ENTRY));
    assert_eq!(told(&mut it, Reply::PointsBack), []);
    assert_eq!(it.state(), CheckoutState::Compensated { abort: Abort::TimedOut });
}

#[test]
fn a_late_answer_to_a_check_changes_nothing_on_the_way_back() {
    let mut it = after(2);
    told(&mut it, Reply::TimedOut(Step::CheckFraud));
    let before = it.clone();
    for reply in [Reply::FraudClear, Reply::FraudSuspected, Reply::TimedOut(Step::CheckFraud)] {
        assert_eq!(told(&mut it, reply), []);
        assert_unchanged(&before, &it, "a late answer");
    }
    let never_asked = it.handle(Reply::PaymentCreated(PAYMENT), minute(9)).unwrap_err();
    assert_eq!(never_asked.reply, Reply::PaymentCreated(PAYMENT));
    let text = "the checkout did not ask for UserRefused";
    assert_eq!(start().handle(Reply::FraudClear, minute(1)).unwrap_err().reply, Reply::FraudClear);
    assert_eq!(after(1).handle(Reply::UserRefused, minute(1)).unwrap_err().to_string(), text);
}

/// What it says after `steps` steps, this reply, and all that it then asks to be undone.
fn known_after(steps: usize, reply: Reply) -> Vec<Reply> {
    let mut ended = after(steps);
    let mut asked = told(&mut ended, reply);
    while ended.is_live() {
        let undone = match asked.last() {
            Some(Command::DeletePayment) => Reply::PaymentDeleted,
            Some(Command::GivePointsBack) => Reply::PointsBack,
            other => panic!("{other:?}"),
        };
        asked = told(&mut ended, undone);
    }
    let is_known = |reply: &Reply| ended.clone().handle(reply.clone(), minute(9)).is_ok();
    all_replies().into_iter().filter(is_known).collect()
}

#[test]
fn an_ended_checkout_knows_the_replies_that_it_took_and_no_others() {
    let [active, reserved, clear, created] = FORWARD;
    let done = |more: &[Reply]| [&[active.clone(), reserved.clone()], more].concat();
    let timed_out = Step::ALL.map(Reply::TimedOut);
    let completed = done(&[clear.clone(), created.clone()]);
    assert_eq!(known_after(3, created), completed);
    assert_eq!(known_after(0, Reply::UserRefused), [Reply::UserRefused]);
    let poor = [active.clone(), Reply::PointsRefused];
    assert_eq!(known_after(1, Reply::PointsRefused), poor);
    let suspected = done(&[Reply::FraudSuspected, Reply::PointsBack]);
    assert_eq!(known_after(2, Reply::FraudSuspected), suspected);
    let refused = done(&[clear.clone(), Reply::PaymentRefused, Reply::PointsBack]);
    assert_eq!(known_after(3, Reply::PaymentRefused), refused);
    let late = [done(&[clear, Reply::PointsBack, Reply::PaymentDeleted]), timed_out.to_vec()];
    assert_eq!(known_after(3, Reply::TimedOut(Step::CreatePayment)), late.concat());
    let over = [active.clone(), Reply::ReservationEnded];
    assert_eq!(known_after(0, Reply::ReservationEnded), over);
}

#[test]
fn it_moves_only_when_something_happened() {
    let mut it = after(1);
    assert_eq!(it.moved_at(), minute(1));
    it.handle(Reply::UserActive, minute(5)).unwrap();
    it.handle(Reply::FraudClear, minute(6)).unwrap_err();
    assert_eq!(it.moved_at(), minute(1));
    it.handle(Reply::PointsReserved(None), minute(7)).unwrap();
    assert_eq!(it.moved_at(), minute(7));
}

#[test]
fn the_account_is_not_shown_and_is_forgotten_with_the_checkout() {
    let account = refund_account();
    let (_, number, holder) = account.reveal();
    let shows = |text: &str| text.contains(number) || text.contains(holder);
    let it = after(3);
    assert!(!shows(&format!("{it:?}")));
    assert!(shows(&serde_json::to_string(&it).unwrap()), "the payment that comes needs it");
    let mut refused = after(3);
    told(&mut refused, Reply::PaymentRefused);
    told(&mut refused, Reply::PointsBack);
    for ended in [after(4), refused] {
        assert!(!shows(&serde_json::to_string(&ended).unwrap()), "{ended:?}");
    }
}
