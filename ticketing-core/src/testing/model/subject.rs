//! A port with a sequential model: one client after another, and all at once.

use std::fmt::{self, Debug, Display};
use std::future::Future;
use std::ops::Range;
use std::sync::Arc;

use async_trait::async_trait;
use chrono::{DateTime, Utc};

use super::crowd::Explained;
use super::dice::Dice;
use super::gate::{Gate, pause};
use super::shrink::{Failure, lines, shortest};
use crate::testing::Harness;
use crate::testing::linear::{Recorder, Spec, Verdict, check};

/// A call and the instant at which its client made it.
#[derive(Clone)]
pub(super) struct At<A> {
    pub(super) call: A,
    pub(super) now: DateTime<Utc>,
}

impl<A: Debug> Debug for At<A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} at {}", self.call, self.now.format("%T%.f"))
    }
}

/// A port under test: what clients ask of it, and what it must answer ([`Spec`]).
#[async_trait]
pub(super) trait Subject:
    Spec<Op = At<Self::Call>, State: Debug + Send + Sync, Answer: Debug + Clone + Send + Sync>
    + Send
    + Sync
    + Sized
    + 'static
{
    /// What is asked, in small numbers.
    type Call: Clone + Debug + Send + Sync;
    /// What a client remembers from one call to the next.
    type Client: Default + Send + Sync;

    /// What there is before the first call.
    fn initial(&self) -> Self::State;

    /// What a client asks next. Time passes only in a client that is alone.
    fn next(&self, client: (usize, &Self::Client), dice: &Dice, is_alone: bool) -> Self::Call;

    /// Asks it.
    async fn ask(&self, h: &Harness, call: &At<Self::Call>) -> Self::Answer;

    /// A client was answered.
    fn learn(&self, client: &mut Self::Client, call: &Self::Call, answer: &Self::Answer);
}

/// Clients that take turns.
const TURNS_OF: usize = 3;
/// Clients at once, and the calls of each.
const CLIENTS: Range<usize> = 4..7;
const CALLS: Range<usize> = 5..9;
const STATES_MAX: usize = 10_000;

struct Line<'a, A>(usize, &'a A);

impl<A: Debug> Display for Line<'_, A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "client {}: {:?}", self.0, self.1)
    }
}

/// Calls of clients that take turns, `steps` for each seed: each is answered as the model says.
pub(super) async fn in_turns<S, F, P>(fresh: F, seeds: Range<u64>, steps: usize)
where
    S: Subject,
    F: Fn() -> P + Send + Sync,
    P: Future<Output = (Harness, S)> + Send,
{
    for seed in seeds {
        let mut calls: Vec<(usize, S::Call)> = Vec::new();
        let Some(failure) = make_and_run(fresh().await, seed, steps, &mut calls).await else {
            continue;
        };
        let again = |calls| async { run(fresh().await, calls).await };
        let (calls, failure) = shortest(calls, failure, again).await;
        let calls: Vec<Line<'_, S::Call>> =
            calls.iter().map(|(who, call)| Line(*who, call)).collect();
        panic!("seed {seed}: {}\nafter these calls:\n{}", failure.text, lines(&calls));
    }
}

/// Makes calls as their clients go on, and writes them down.
async fn make_and_run<S>(
    (h, subject): (Harness, S),
    seed: u64,
    steps: usize,
    made: &mut Vec<(usize, S::Call)>,
) -> Option<Failure>
where
    S: Subject,
{
    let dice = Dice::new(seed);
    let mut clients: [S::Client; TURNS_OF] = std::array::from_fn(|_| S::Client::default());
    let mut state = subject.initial();
    for steps in 1..=steps {
        let who = dice.below(TURNS_OF);
        let call = subject.next((who, &clients[who]), &dice, true);
        made.push((who, call.clone()));
        match ask_and_check(&h, &subject, &mut state, &call).await {
            Ok(answer) => subject.learn(&mut clients[who], &call, &answer),
            Err(text) => return Some(Failure { text, steps }),
        }
    }
    None
}

async fn run<S>((h, subject): (Harness, S), calls: Vec<(usize, S::Call)>) -> Option<Failure>
where
    S: Subject,
{
    let mut state = subject.initial();
    for (steps, (_, call)) in (1..).zip(&calls) {
        if let Err(text) = ask_and_check(&h, &subject, &mut state, call).await {
            return Some(Failure { text, steps });
        }
    }
    None
}

async fn ask_and_check<S>(
    h: &Harness,
    subject: &S,
    state: &mut S::State,
    call: &S::Call,
) -> Result<S::Answer, String>
where
    S: Subject,
{
    let call = At { call: call.clone(), now: h.now() };
    let answer = subject.ask(h, &call).await;
    match subject.step(state, &call, Some(&answer)) {
        Some(after) => {
            *state = after;
            Ok(answer)
        }
        None => Err(format!("{call:?} was answered {answer:?}, which is wrong in {state:?}")),
    }
}

/// Calls of four to six clients at once, five to eight each: some order of them explains every answer.
pub(super) async fn at_once<S, F, P>(fresh: F, seeds: Range<u64>) -> Explained
where
    S: Subject,
    F: Fn() -> P + Send + Sync,
    P: Future<Output = (Harness, S)> + Send,
{
    let mut all = Explained::default();
    for seed in seeds {
        let (h, subject) = fresh().await;
        let subject = Arc::new(subject);
        let recorder: Recorder<At<S::Call>, S::Answer> = Recorder::new();
        let dice = Dice::new(seed);
        let count = dice.between(CLIENTS.start, CLIENTS.end - 1);
        let gate = Gate::of(count);
        let clients = (0..count).map(|client| {
            let calls = dice.between(CALLS.start, CALLS.end - 1);
            let own = Dice::new(seed.rotate_left(16) ^ (client as u64 + 1));
            let (h, subject, recorder) = (h.clone(), Arc::clone(&subject), recorder.clone());
            let gate = gate.clone();
            async move {
                gate.pass().await;
                let mut remembered = S::Client::default();
                for _ in 0..calls {
                    let call = subject.next((client, &remembered), &own, false);
                    let call = At { call, now: h.now() };
                    let begun = recorder.begin(client, call.clone());
                    pause(own.below(3)).await;
                    let answer = subject.ask(&h, &call).await;
                    recorder.end(begun, answer.clone());
                    subject.learn(&mut remembered, &call.call, &answer);
                }
            }
        });
        h.race(clients.collect::<Vec<_>>()).await;
        let history = recorder.history();
        all.overlapping += history.overlapping();
        match check(&*subject, &subject.initial(), &history, STATES_MAX) {
            Verdict::Linearizable(_) => all.explained += 1,
            Verdict::GaveUp => all.given_up += 1,
            Verdict::Impossible(longest) => panic!(
                "seed {seed}: no order explains these calls, the longest beginning of one is {longest:?}:\n{history}"
            ),
        }
    }
    all
}
