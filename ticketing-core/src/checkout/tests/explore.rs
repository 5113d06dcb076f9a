//! Every interleaving: all replies in all orders from the start, until nothing new is reached.

use std::collections::BTreeSet;

use super::*;

/// A checkout with what its driver was asked for, in order.
#[derive(Clone, Debug)]
struct Path {
    checkout: Checkout,
    asked: Vec<Command>,
}

impl Path {
    fn key(&self) -> String {
        let Checkout { steps, points_entry, state, .. } = &self.checkout;
        format!("{steps:?} {points_entry:?} {state:?} {:?}", self.asked)
    }

    fn reply(&self, reply: &Reply) -> Option<Self> {
        let mut next = self.clone();
        let asked = next.checkout.handle(reply.clone(), minute(1)).ok()?;
        next.asked.extend(asked);
        Some(next)
    }
}

/// All paths that any replies lead to.
fn all_paths() -> Vec<Path> {
    let first = Path { checkout: start(), asked: vec![Command::CheckUser] };
    let mut seen = BTreeSet::from([first.key()]);
    let mut paths = vec![first];
    let mut next = 0;
    while next < paths.len() {
        assert!(paths.len() < 5_000, "the saga does not end");
        for reply in all_replies() {
            if let Some(path) = paths[next].reply(&reply)
                && seen.insert(path.key())
            {
                paths.push(path);
            }
        }
        next += 1;
    }
    paths
}

fn undo_of(command: Command) -> Option<Command> {
    match command {
        Command::ReservePoints => Some(Command::GivePointsBack),
        Command::CreatePayment => Some(Command::DeletePayment),
        Command::CheckUser
        | Command::CheckFraud
        | Command::DeletePayment
        | Command::GivePointsBack
        | Command::CancelReservation => None,
    }
}

#[test]
fn every_end_is_reached_and_nothing_lasts_for_ever() {
    let ends: BTreeSet<String> = all_paths()
        .iter()
        .filter(|path| !path.checkout.is_live())
        .map(|path| format!("{:?}", path.checkout.state()))
        .collect();
    let aborts = [
        Abort::UserRefused,
        Abort::FraudSuspected,
        Abort::InsufficientPoints,
        Abort::PaymentRefused,
        Abort::TimedOut,
        Abort::ReservationEnded,
    ];
    let mut expected: BTreeSet<String> =
        aborts.iter().map(|&abort| format!("{:?}", CheckoutState::Compensated { abort })).collect();
    for payment in [PAYMENT, OTHER_PAYMENT] {
        expected.insert(format!("{:?}", CheckoutState::Completed { payment }));
    }
    assert_eq!(ends, expected);
}

#[test]
fn steps_go_forward_in_order_and_back_in_reverse_each_at_most_once() {
    for path in all_paths() {
        let forward = [
            Command::CheckUser,
            Command::ReservePoints,
            Command::CheckFraud,
            Command::CreatePayment,
        ];
        let steps = path.asked.iter().take_while(|command| forward.contains(command)).count();
        let (done, undone) = path.asked.split_at(steps);
        assert_eq!(done, &forward[..steps], "{path:?}");
        let may_undo: Vec<Command> = done.iter().rev().filter_map(|done| undo_of(*done)).collect();
        let mut rest = may_undo.iter();
        for command in undone.iter().filter(|command| **command != Command::CancelReservation) {
            let in_order = rest.any(|may| may == command);
            assert!(in_order, "{command:?} is out of order, twice or without cause: {path:?}");
        }
    }
}

#[test]
fn only_what_may_have_happened_is_undone_and_all_of_it_before_the_end() {
    for path in all_paths() {
        let CheckoutState::Compensated { abort } = path.checkout.state() else { continue };
        for (step, command) in [
            (Step::ReservePoints, Command::ReservePoints),
            (Step::CreatePayment, Command::CreatePayment),
        ] {
            let was_asked = path.asked.contains(&command);
            let was_refused = path.checkout.step(step) == StepState::Failed;
            let was_undone = path.asked.contains(&undo_of(command).unwrap());
            assert_eq!(was_undone, was_asked && !was_refused, "{step:?} in {path:?}");
        }
        let cancels = path.asked.iter().filter(|asked| **asked == Command::CancelReservation);
        assert_eq!(cancels.count(), usize::from(abort.cancels_reservation()), "{path:?}");
        if abort.cancels_reservation() {
            assert_eq!(path.asked.last(), Some(&Command::CancelReservation), "{path:?}");
        }
    }
}

#[test]
fn a_reply_refused_or_repeated_changes_nothing_and_asks_for_nothing() {
    for path in all_paths() {
        for reply in all_replies() {
            let mut checkout = path.checkout.clone();
            let what = format!("{reply:?} in {path:?}");
            if let Err(refused) = checkout.handle(reply.clone(), minute(2)) {
                assert_eq!(refused, UnexpectedReply { reply }, "{what}");
                assert_unchanged(&path.checkout, &checkout, &what);
                continue;
            }
            let once = checkout.clone();
            let again = checkout.handle(reply, minute(3));
            assert_eq!(again.unwrap_or_default(), [], "{what}, a second time");
            assert_unchanged(&once, &checkout, &format!("{what}, a second time"));
        }
    }
}

#[test]
fn what_it_waits_for_is_what_it_asked_for_last_and_nothing_after_the_end() {
    for path in all_paths() {
        if path.checkout.is_live() {
            assert_eq!(path.checkout.waiting_for().as_ref(), path.asked.last(), "{path:?}");
            continue;
        }
        assert_eq!(path.checkout.waiting_for(), None, "{path:?}");
        for reply in all_replies() {
            let mut checkout = path.checkout.clone();
            assert_eq!(checkout.handle(reply, minute(9)).unwrap_or_default(), [], "{path:?}");
            assert_unchanged(&path.checkout, &checkout, "a reply after the end");
        }
    }
}

#[test]
fn points_told_of_are_never_replaced_by_others() {
    for path in all_paths() {
        let Some(known) = path.checkout.points_entry() else { continue };
        let other = if known == ENTRY { OTHER_ENTRY } else { ENTRY };
        for entry in [Some(other), None] {
            let mut checkout = path.checkout.clone();
            let told = checkout.handle(Reply::PointsReserved(entry), minute(9));
            assert!(told.is_err(), "{entry:?} in {path:?}");
        }
    }
}

#[test]
fn each_step_has_a_start_and_an_end_that_fit() {
    for path in all_paths() {
        let steps = Step::ALL.map(|step| path.checkout.step(step));
        let busy = steps
            .iter()
            .filter(|state| matches!(state, StepState::Started | StepState::Compensating))
            .count();
        assert_eq!(busy, usize::from(path.checkout.is_live()), "one thing at a time: {path:?}");
        let events = pending_events(&path.checkout).len();
        assert_eq!(events, if path.checkout.is_live() { 1 } else { 2 }, "{path:?}");
        let forgets = path.checkout.choice().refund_account.is_none();
        assert_eq!(forgets, !path.checkout.is_live(), "{path:?}");
    }
}
