//! What holds after any commands in any order, under a clock that also jumps back.

use proptest::prelude::*;

use super::*;

#[derive(Clone, Debug)]
enum Command {
    Confirm(u8),
    Issue(i64),
    LoseAnswer,
    Asked,
    AccountIssued(u8, bool),
    Succeed(Honoured),
    Fail(u8),
    End(UnpaidEnd),
    Closed,
    Reverse,
    Unexpected(i64),
    Refund(i64),
    PointsBack,
}

fn commands() -> impl Strategy<Value = Command> {
    let honoured = prop_oneof![Just(Honoured::InTime), Just(Honoured::Late), Just(Honoured::No)];
    let end = prop_oneof![Just(UnpaidEnd::Lapsed), Just(UnpaidEnd::CalledOff)];
    prop_oneof![
        2 => (0..2_u8).prop_map(Command::Confirm),
        2 => (100..102_i64).prop_map(Command::Issue),
        1 => Just(Command::LoseAnswer),
        1 => Just(Command::Asked),
        2 => (0..2_u8, any::<bool>()).prop_map(|(id, wanted)| Command::AccountIssued(id, wanted)),
        3 => honoured.prop_map(Command::Succeed),
        1 => (0..2_u8).prop_map(Command::Fail),
        2 => end.prop_map(Command::End),
        1 => Just(Command::Closed),
        2 => Just(Command::Reverse),
        1 => (1..200_000_i64).prop_map(Command::Unexpected),
        3 => (0..120_000_i64).prop_map(Command::Refund),
        2 => Just(Command::PointsBack),
    ]
}

/// `None` for what states no cause: it is not applied twice by itself.
fn run(it: &mut Payment, command: &Command, now: DateTime<Utc>) -> Option<Applied> {
    let answer = match command {
        Command::Confirm(id) => it.begin_confirm(key(&format!("auth-{id}")), it.external(), now),
        Command::Issue(due) => it.begin_issue(minute(*due), now),
        Command::LoseAnswer => it.lose_answer(now),
        Command::AccountIssued(id, wanted) => {
            it.account_issued(deposit_account(&format!("{id}")), *wanted, now)
        }
        Command::Succeed(honoured) => it.succeed(*honoured, now),
        Command::Fail(id) => it.fail(declined(&format!("CODE_{id}")), now),
        Command::End(end) => it.end_unpaid(*end, now),
        Command::Closed => Ok(it.account_closed(now)),
        Command::Reverse => it.reverse(now),
        Command::Asked | Command::Unexpected(_) | Command::Refund(_) | Command::PointsBack => {
            return None;
        }
    };
    Some(answer.unwrap_or(Applied::Already))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn no_sequence_of_commands_loses_or_invents_money(
        method in prop_oneof![
            Just(None), Just(Some(Method::Card)), Just(Some(Method::BankTransfer))
        ],
        steps in prop::collection::vec((commands(), -15..30_i64), 1..60),
    ) {
        let mut it = created(method);
        let (mut now, mut given_back) = (0, 0);
        // What came less what the bank took back, counted apart.
        let mut came = 0;
        for (command, passed) in steps {
            now += passed;
            let before = it.clone();
            match &command {
                Command::Asked => it.asked(minute(now)),
                Command::Unexpected(amount) => {
                    it.book_unexpected(won(*amount), minute(now)).unwrap();
                    came += amount;
                }
                Command::Refund(amount) => {
                    let left = before.received().minor() - before.refunded().minor();
                    let taken = it.take_for_refund(won(*amount));
                    prop_assert_eq!(taken.is_ok(), *amount <= left);
                }
                Command::PointsBack => {
                    given_back += u32::from(it.take_points_back().is_some());
                }
                Command::Confirm(_)
                | Command::Issue(_)
                | Command::LoseAnswer
                | Command::AccountIssued(..)
                | Command::Succeed(_)
                | Command::Fail(_)
                | Command::End(_)
                | Command::Closed
                | Command::Reverse => {}
            }
            match run(&mut it, &command, minute(now)) {
                Some(Applied::Now) => {
                    match &command {
                        Command::Succeed(_) => came += it.external().minor(),
                        Command::Reverse => came -= it.external().minor(),
                        _ => {}
                    }
                    let once = it.clone();
                    prop_assert_eq!(run(&mut it, &command, minute(now)), Some(Applied::Already));
                    assert_unchanged(&once, &it, "a second time");
                }
                Some(Applied::Already) => assert_unchanged(&before, &it, "what was not applied"),
                None => {}
            }
            prop_assert_eq!(it.received().minor(), came);
            prop_assert!(it.refunded().minor() <= it.received().minor());
            let shares = it.shares().iter().map(SeatShare::price);
            prop_assert_eq!(Money::sum(it.external().currency(), shares).unwrap(), won(100_000));
            prop_assert!(given_back <= 1, "the points went back twice");
            if it.honoured() == Some(Honoured::InTime) {
                prop_assert_eq!(given_back, 0, "a purchase in time without its points");
            }
            prop_assert_eq!(it.root().recorded(), pending_events(&it).len() as u64);
            prop_assert!(!it.needs_closing() || it.account().is_some());
            check_state(&before, &it);
        }
    }
}

/// Where a payment may come from where it was.
fn check_state(before: &Payment, after: &Payment) {
    use PaymentState as S;
    if before.state() == after.state() {
        return;
    }
    let asks_for_account = |intent: &Intent| matches!(intent, Intent::IssueAccount { .. });
    let legal = match before.state() {
        S::Created => match after.state() {
            S::Processing { .. } | S::Cancelled => true,
            S::Succeeded { honoured } => {
                before.external().is_zero() && *honoured == Honoured::InTime
            }
            _ => false,
        },
        S::Processing { intent, .. } | S::Unknown { intent, .. } => match after.state() {
            S::Unknown { intent: now, .. } => intent == now,
            S::AwaitingDeposit { .. } | S::Cancelled => asks_for_account(intent),
            S::Succeeded { .. } | S::Failed { .. } => true,
            _ => false,
        },
        S::AwaitingDeposit { .. } => {
            matches!(after.state(), S::Succeeded { .. } | S::Expired | S::Cancelled)
        }
        S::Failed { .. } | S::Expired | S::Cancelled | S::Reversed => {
            matches!(after.honoured(), Some(Honoured::Late | Honoured::No))
        }
        S::Succeeded { .. } => {
            *after.state() == S::Reversed && before.method() == Some(Method::BankTransfer)
        }
    };
    assert!(legal, "{:?} became {:?}", before.state(), after.state());
}
