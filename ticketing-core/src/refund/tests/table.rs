//! Every command in every state.

use super::*;
use crate::aggregate::Applied::{Already, Now};
use RefundRefusal as No;

type Answer = Result<Applied, RefundRefusal>;

/// A command with its answers. Where none is given it is the refusal by state.
struct Row {
    name: &'static str,
    run: fn(&mut Refund) -> Answer,
    /// How the refusal by state calls it.
    command: &'static str,
    answers: Vec<(&'static [At], Answer)>,
    /// Whether each run is a send of its own, under the attempt's one key.
    is_repeated: bool,
}

const SENT: &[At] = &[At::Processing, At::ProcessingToAccount, At::Unknown];
const TO_SEND: &[At] = &[At::Requested, At::RequestedToAccount, At::Failed, At::FailedToAccount];
const OLD: i64 = 11 + 14 * 24 * 60;

fn rows() -> Vec<Row> {
    let row = |name, run, command, answers| Row { name, run, command, answers, is_repeated: false };
    let too_old = Err(No::KeyTooOld { first_sent_at: minute(11) });
    vec![
        row(
            "name the account",
            |it| it.set_account(refund_account(), minute(20)),
            "name an account for",
            vec![
                (&[At::NeedsAccount], Ok(Now)),
                (
                    &[At::RequestedToAccount, At::ProcessingToAccount, At::FailedToAccount],
                    Ok(Already),
                ),
                (&[At::Requested, At::Failed], Err(No::AccountNotNeeded)),
            ],
        ),
        row(
            "name another account",
            |it| it.set_account(other_account(), minute(20)),
            "name an account for",
            vec![
                (&[At::NeedsAccount, At::RequestedToAccount, At::FailedToAccount], Ok(Now)),
                (&[At::Requested, At::Failed], Err(No::AccountNotNeeded)),
            ],
        ),
        Row {
            name: "begin",
            run: |it| it.begin(minute(20)),
            command: "send",
            answers: vec![(TO_SEND, Ok(Now)), (SENT, Ok(Now))],
            is_repeated: true,
        },
        Row {
            name: "begin while the key is good",
            run: |it| it.begin(minute(OLD)),
            command: "send",
            answers: vec![(TO_SEND, Ok(Now)), (SENT, Ok(Now))],
            is_repeated: true,
        },
        Row {
            name: "begin when the key is too old",
            run: |it| it.begin(minute(OLD) + TimeDelta::microseconds(1)),
            command: "send",
            answers: vec![(TO_SEND, Ok(Now)), (SENT, too_old)],
            is_repeated: true,
        },
        row(
            "succeed",
            |it| it.succeed(minute(20)),
            "complete",
            vec![(SENT, Ok(Now)), (&[At::SentByGateway], Ok(Already))],
        ),
        row(
            "fail",
            |it| it.fail("NOT_AVAILABLE_BANK", minute(20)),
            "fail",
            vec![(SENT, Ok(Now)), (&[At::Failed, At::FailedToAccount], Ok(Already))],
        ),
        row(
            "fail for another reason",
            |it| it.fail("REFUSED", minute(20)),
            "fail",
            vec![(SENT, Ok(Now))],
        ),
        Row {
            name: "lose the answer",
            run: |it| it.lose_answer(minute(20)),
            command: "lose the answer of",
            answers: vec![(SENT, Ok(Now))],
            is_repeated: true,
        },
        row(
            "give as points",
            |it| it.give_as_points(minute(50_000)),
            "give as points",
            vec![(&[At::NeedsAccount], Ok(Now)), (&[At::SentAsPoints], Ok(Already))],
        ),
    ]
}

/// What the bank takes back.
fn losses() -> Vec<Row> {
    let row = |name, run, command, answers| Row { name, run, command, answers, is_repeated: false };
    let too_much = Err(No::ExceedsOwed { left: won(28_000), got: won(28_001) });
    vec![
        Row {
            name: "take a part back",
            run: |it| it.take_back(won(8_000), minute(20)),
            command: "take back the money of",
            answers: vec![(TO_SEND, Ok(Now)), (&[At::NeedsAccount], Ok(Now)), (SENT, Ok(Now))],
            is_repeated: true,
        },
        row(
            "take nothing back",
            |it| it.take_back(won(0), minute(20)),
            "take back the money of",
            vec![(TO_SEND, Ok(Already)), (&[At::NeedsAccount], Ok(Already)), (SENT, Ok(Already))],
        ),
        row(
            "take too much back",
            |it| it.take_back(won(28_001), minute(20)),
            "take back the money of",
            vec![
                (TO_SEND, too_much.clone()),
                (&[At::NeedsAccount], too_much.clone()),
                (SENT, too_much),
            ],
        ),
    ]
}

#[test]
fn every_command_in_every_state_answers_as_the_table_says() {
    for row in rows().into_iter().chain(losses()) {
        for at in At::ALL {
            let before = at.refund();
            let mut after = before.clone();
            let what = format!("{} when {at:?}", row.name);
            let given = row.answers.iter().find(|(states, _)| states.contains(&at));
            let (command, state) = (row.command, before.state().name());
            let expected =
                given.map_or(Err(No::WrongState { command, state }), |(_, answer)| answer.clone());
            let answer = (row.run)(&mut after);
            assert_eq!(answer, expected, "{what}");
            if answer != Ok(Now) {
                assert_unchanged(&before, &after, &what);
                continue;
            }
            let once = after.clone();
            let again = (row.run)(&mut after);
            assert_eq!(again, Ok(if row.is_repeated { Now } else { Already }), "{what}, again");
            if row.name != "take a part back" {
                assert_unchanged(&once, &after, &format!("{what}, again"));
            }
        }
    }
}

#[test]
fn what_is_owed_is_driven_until_it_is_sent_or_stopped() {
    for at in At::ALL {
        let refund = at.refund();
        let over =
            matches!(at, At::SentNothing | At::SentByGateway | At::SentAsPoints | At::Stopped);
        assert_eq!((refund.is_owed(), refund.is_open()), (!over, !over), "{at:?}");
    }
}

#[test]
fn a_refusal_says_what_was_tried_and_where_it_stands() {
    let text = |answer: Answer| answer.unwrap_err().to_string();
    assert_eq!(
        text(needs_account().begin(minute(11))),
        "cannot send a refund that is waiting for an account"
    );
    assert_eq!(
        text(to_card().set_account(refund_account(), minute(11))),
        "the refund does not go to an account"
    );
}
