use std::fmt::Debug;

use super::{History, Recorder, Spec, Verdict, check};
use crate::memory::SeededRandom;
use crate::port::Random;

const STATES_MAX: usize = 10_000;

/// A number that is read, written and swapped.
#[derive(Debug)]
struct Register;

#[derive(Clone, Copy, Debug)]
enum Op {
    Read,
    Write(u8),
    /// Writes the second if the first stands there; answered 1 if so, else 0.
    Swap(u8, u8),
}

impl Spec for Register {
    type State = u8;
    type Op = Op;
    type Answer = u8;

    fn step(&self, state: &u8, op: &Op, answer: Option<&u8>) -> Option<u8> {
        let (after, right) = match *op {
            Op::Read => (*state, *state),
            Op::Write(n) => (n, n),
            Op::Swap(from, to) if from == *state => (to, 1),
            Op::Swap(..) => (*state, 0),
        };
        answer.is_none_or(|answer| *answer == right).then_some(after)
    }

    fn only_reads(&self, op: &Op, answer: &u8) -> bool {
        matches!((op, answer), (Op::Read, _) | (Op::Swap(..), 0))
    }
}

/// A seat: a buyer claims it, and is answered whether it is won.
struct OneSeat;

impl Spec for OneSeat {
    type State = Option<u8>;
    type Op = u8;
    type Answer = bool;

    fn step(&self, state: &Option<u8>, op: &u8, answer: Option<&bool>) -> Option<Option<u8>> {
        let wins = state.is_none();
        let after = state.or(Some(*op));
        answer.is_none_or(|answer| *answer == wins).then_some(after)
    }
}

fn judge<S: Spec>(spec: &S, initial: &S::State, history: &History<S::Op, S::Answer>) -> Verdict {
    check(spec, initial, history, STATES_MAX)
}

#[track_caller]
fn assert_possible(history: &History<Op, u8>) {
    let verdict = judge(&Register, &0, history);
    assert!(matches!(verdict, Verdict::Linearizable(_)), "{verdict:?} of\n{history}");
}

#[track_caller]
fn assert_impossible(history: &History<Op, u8>) {
    let verdict = judge(&Register, &0, history);
    assert!(matches!(verdict, Verdict::Impossible(_)), "{verdict:?} of\n{history}");
}

#[test]
fn a_read_beside_a_write_sees_the_old_or_the_new() {
    for seen in [0, 5] {
        let recorder = Recorder::new();
        let write = recorder.begin(0, Op::Write(5));
        let read = recorder.begin(1, Op::Read);
        recorder.end(read, seen);
        recorder.end(write, 5);
        assert_possible(&recorder.history());
    }
}

#[test]
fn a_stale_read_is_found() {
    let recorder = Recorder::new();
    let write = recorder.begin(0, Op::Write(5));
    recorder.end(write, 5);
    let read = recorder.begin(1, Op::Read);
    recorder.end(read, 0);
    assert_impossible(&recorder.history());
}

#[test]
fn a_read_that_goes_back_is_found() {
    let recorder = Recorder::new();
    let write = recorder.begin(0, Op::Write(5));
    for seen in [5, 0] {
        let read = recorder.begin(1, Op::Read);
        recorder.end(read, seen);
    }
    recorder.end(write, 5);
    assert_impossible(&recorder.history());
}

#[test]
fn a_lost_update_is_found() {
    let recorder = Recorder::new();
    let swaps = [1, 2].map(|to| recorder.begin(usize::from(to), Op::Swap(0, to)));
    for swap in swaps {
        recorder.end(swap, 1);
    }
    assert_impossible(&recorder.history());
}

#[test]
fn two_winners_of_one_seat_are_found_and_one_is_not() {
    for (second, possible) in [(false, true), (true, false)] {
        let recorder = Recorder::new();
        let claims = [0_u8, 1, 2].map(|buyer| recorder.begin(buyer.into(), buyer));
        for (claim, won) in claims.into_iter().zip([second, true, false]) {
            recorder.end(claim, won);
        }
        let verdict = judge(&OneSeat, &None, &recorder.history());
        assert_eq!(matches!(verdict, Verdict::Linearizable(_)), possible, "{verdict:?}");
    }
}

#[test]
fn a_call_without_an_answer_happened_or_not_but_once() {
    let seen = |reads: &[u8]| {
        let recorder = Recorder::new();
        recorder.begin(0, Op::Write(5));
        for read in reads {
            let call = recorder.begin(1, Op::Read);
            recorder.end(call, *read);
        }
        recorder.history()
    };
    assert_possible(&seen(&[0, 0]));
    assert_possible(&seen(&[0, 5]));
    assert_impossible(&seen(&[5, 0]));
    let Verdict::Linearizable(order) = judge(&Register, &0, &seen(&[0])) else {
        panic!("a read before a write that never was")
    };
    assert_eq!(order, [1], "what did not happen is not in the order");
}

#[test]
fn an_order_known_from_elsewhere_counts() {
    let recorder = Recorder::new();
    let calls = [1, 2].map(|n| (n, recorder.begin(0, Op::Write(n))));
    for (n, call) in calls {
        recorder.end(call, n);
    }
    let read = recorder.begin(0, Op::Read);
    recorder.end(read, 1);
    let mut history = recorder.history();
    assert_possible(&history);
    history.must_precede(0, 1);
    assert_impossible(&history);
}

#[test]
fn what_takes_too_many_states_is_given_up() {
    let recorder = Recorder::new();
    let calls: Vec<_> = (0..12).map(|n| (n, recorder.begin(0, Op::Write(n)))).collect();
    for (n, call) in calls {
        recorder.end(call, n);
    }
    let read = recorder.begin(0, Op::Read);
    recorder.end(read, 99);
    assert_eq!(check(&Register, &0, &recorder.history(), 100), Verdict::GaveUp);
}

#[test]
fn a_history_is_told_in_lines() {
    let recorder = Recorder::new();
    let write = recorder.begin(0, Op::Write(5));
    let read = recorder.begin(1, Op::Read);
    recorder.end(read, 0);
    recorder.end(write, 5);
    let _lost = recorder.begin(2, Op::Read);
    let text = recorder.history().to_string();
    let lines = "0: client 0: Write(5) -> 5\n1: client 1: Read -> 0, beside 0\n2: client 2: Read -> not known\n";
    assert_eq!(text, lines);
}

/// Tries every order of every part of the calls that has all answered ones.
fn is_possible<S: Spec>(spec: &S, state: &S::State, history: &History<S::Op, S::Answer>) -> bool
where
    S::State: Debug,
{
    fn go<S: Spec>(
        spec: &S,
        state: &S::State,
        history: &History<S::Op, S::Answer>,
        done: u128,
    ) -> bool {
        let open = |place: &usize| done & (1 << place) == 0;
        let answered = |place: &usize| history.calls[*place].answer.is_some();
        (0..history.len()).filter(open).all(|place| !answered(&place))
            || (0..history.len()).filter(open).any(|place| {
                let call = &history.calls[place];
                let must_wait = call.after & !done != 0;
                let after = spec.step(state, &call.op, call.answer.as_ref());
                !must_wait
                    && after.is_some_and(|after| go(spec, &after, history, done | (1 << place)))
            })
    }
    go(spec, state, history, 0)
}

#[test]
fn the_search_says_what_trying_everything_says() {
    let (mut possible, mut impossible) = (0, 0);
    for seed in 0..2_000 {
        let random = SeededRandom::new(seed);
        let below = |n: u64| u8::try_from(random.next_u64() % n).unwrap();
        let recorder = Recorder::new();
        let mut open = Vec::new();
        for client in 0..6 {
            let op = match below(3) {
                0 => Op::Read,
                1 => Op::Write(below(3)),
                _ => Op::Swap(below(3), below(3)),
            };
            open.push((recorder.begin(client, op), op));
            while below(2) == 0 && !open.is_empty() {
                let (call, op) = open.swap_remove(usize::from(below(open.len() as u64)));
                let right = if let Op::Write(n) = op { n } else { below(2) };
                if below(8) > 0 {
                    recorder.end(call, right);
                }
            }
        }
        let history = recorder.history();
        let expected = is_possible(&Register, &0, &history);
        let verdict = judge(&Register, &0, &history);
        assert_eq!(matches!(verdict, Verdict::Linearizable(_)), expected, "seed {seed}\n{history}");
        assert_ne!(verdict, Verdict::GaveUp);
        *if expected { &mut possible } else { &mut impossible } += 1;
    }
    assert!(possible > 200 && impossible > 200, "{possible} and {impossible}");
}
