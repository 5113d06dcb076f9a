//! What holds after any commands in any order, under a clock that also jumps back.

use proptest::prelude::*;

use super::*;

#[derive(Clone, Copy, Debug)]
enum Command {
    SetAccount(bool),
    Begin,
    Succeed,
    Fail(u8),
    LoseAnswer,
    GiveAsPoints,
    TakeBack(i64),
}

fn commands() -> impl Strategy<Value = Command> {
    prop_oneof![
        2 => any::<bool>().prop_map(Command::SetAccount),
        5 => Just(Command::Begin),
        1 => Just(Command::Succeed),
        3 => (0..2_u8).prop_map(Command::Fail),
        3 => Just(Command::LoseAnswer),
        1 => Just(Command::GiveAsPoints),
        1 => (0..40_000_i64).prop_map(Command::TakeBack),
    ]
}

fn run(it: &mut Refund, command: Command, now: DateTime<Utc>) -> Result<Applied, RefundRefusal> {
    match command {
        Command::SetAccount(first) => {
            it.set_account(if first { refund_account() } else { other_account() }, now)
        }
        Command::Begin => it.begin(now),
        Command::Succeed => it.succeed(now),
        Command::Fail(code) => it.fail(&format!("CODE_{code}"), now),
        Command::LoseAnswer => it.lose_answer(now),
        Command::GiveAsPoints => it.give_as_points(now),
        Command::TakeBack(amount) => it.take_back(won(amount), now),
    }
}

fn is_sent(it: &Refund) -> bool {
    matches!(it.state(), RefundState::Succeeded { .. })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn money_leaves_once_and_a_key_is_never_sent_when_it_is_too_old(
        start in prop_oneof![Just(At::Requested), Just(At::RequestedToAccount), Just(At::NeedsAccount)],
        steps in prop::collection::vec((commands(), -60..3_000_i64), 1..60),
    ) {
        let mut it = start.refund();
        let (mut now, mut first_sent, mut left, mut taken) = (10, None, 0, 0);
        for (command, passed) in steps {
            now += passed;
            let before = it.clone();
            let answer = run(&mut it, command, minute(now));
            if answer != Ok(Applied::Now) {
                assert_unchanged(&before, &it, "what was not applied");
            }
            if matches!(command, Command::Begin) && answer.is_ok() {
                let is_new =
                    matches!(before.state(), RefundState::Requested | RefundState::Failed { .. });
                prop_assert_eq!(it.attempt(), before.attempt() + u32::from(is_new));
                if is_new {
                    first_sent = Some(now);
                }
                prop_assert!(now - first_sent.unwrap() <= 14 * 24 * 60);
            } else {
                prop_assert_eq!(it.attempt(), before.attempt());
            }
            if before.is_owed() && !it.is_owed() {
                left += 1;
            }
            prop_assert!(left <= 1, "it ended twice");
            if let (Command::TakeBack(amount), Ok(Applied::Now)) = (command, answer) {
                taken += amount;
            }
            let is_settled = !matches!(it.state(), RefundState::Processing { .. } | RefundState::Unknown { .. });
            if it.is_owed() && is_settled {
                prop_assert_eq!(it.to_send(), won(28_000 - taken), "what was taken back is owed no more");
            } else if it.is_owed() {
                prop_assert_eq!(it.left(), won(28_000 - taken));
                prop_assert_eq!(it.to_send(), before.to_send(), "the amount of a key changed");
            }
            prop_assert_eq!(*it.state() == RefundState::Stopped, taken == 28_000 && is_settled && !is_sent(&it));
            prop_assert_eq!((it.external(), it.points()), (won(28_000), before.points()));
            if !it.is_owed() {
                prop_assert_eq!(it.account(), None);
            }
            if start == At::Requested {
                prop_assert_eq!(it.account(), None, "a card refund took an account");
            } else if matches!(it.state(), RefundState::Processing { .. }) {
                prop_assert!(it.account().is_some(), "sent without an account");
            }
            prop_assert_eq!(it.root().recorded(), pending_events(&it).len() as u64);
        }
    }
}
