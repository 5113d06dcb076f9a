//! A store with many callers at once: what each of them saw must be explained by some order.

use std::fmt::Write;
use std::future::Future;
use std::ops::Range;
use std::sync::Arc;

use super::answers::Tally;
use super::calls::{CallAnswer, CallOp, How, StoreSpec, call};
use super::dice::Dice;
use super::dump::Dump;
use super::gate::Gate;
use super::generator::Generator;
use super::step::{PERFORMANCES, Pick, SEATS, SHOWS, Step, USERS};
use super::suite::Trial;
use super::told;
use crate::change_set::ChangeSet;
use crate::id::ChangeSetId;
use crate::testing::linear::{History, Recorder, Verdict, check};
use crate::testing::sample::{seats, wallet};
use crate::testing::{Harness, StorePorts};

const STATES_MAX: usize = 20_000;

type StoreHistory = History<CallOp, CallAnswer>;
type StoreRecorder = Recorder<CallOp, CallAnswer>;

/// What a suite of histories came to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Explained {
    /// How often a commit was answered how; all zero where a suite is not about a store.
    pub answers: Tally,
    /// How many histories were explained.
    pub explained: u32,
    /// How many took too long to explain.
    pub given_up: u32,
    /// How many calls began while another was open.
    pub overlapping: usize,
}

/// How many come, and what they do.
#[derive(Clone, Copy)]
struct Crowd {
    /// Steps before the crowd comes, so that there is something to meet at.
    steps_before: usize,
    /// How many things of a kind they pick from.
    reach: usize,
    clients: usize,
    calls: usize,
    reads_percent: usize,
    drops_percent: usize,
}

/// Lets a few clients commit and read at once: in half of the histories four to six of them with five to
/// eight calls each, in the others fewer that are closer together. Some callers go away before they are
/// answered. All that they saw must be explained by one order of the calls in which each took effect at
/// once, some time between its begin and its end.
///
/// `fresh` gives a store in which nothing was ever written.
///
/// # Panics
/// Where no order explains what was seen, with the seed and all calls.
pub async fn store_is_linearizable<F, P>(fresh: F, seeds: Range<u64>) -> Explained
where
    F: Fn() -> P + Send + Sync,
    P: Future<Output = (Harness, StorePorts)> + Send,
{
    let crowd = |dice: &Dice| {
        if dice.chance(50) {
            let (clients, calls) = (dice.between(4, 6), dice.between(5, 8));
            let (steps_before, reach) = (24, 3);
            Crowd { steps_before, reach, clients, calls, reads_percent: 40, drops_percent: 4 }
        } else {
            let (clients, calls) = (dice.between(3, 4), dice.between(2, 4));
            let (steps_before, reach) = (6, 1);
            Crowd { steps_before, reach, clients, calls, reads_percent: 30, drops_percent: 2 }
        }
    };
    explain_all(&fresh, seeds, crowd).await
}

/// Commits eight to thirty-two change sets at once: the answers, the store and its outbox must be those of
/// some order.
///
/// `fresh` gives a store in which nothing was ever written.
///
/// # Panics
/// Where no order explains the answers, with the seed and all calls.
pub async fn many_at_once_are_as_in_some_order<F, P>(fresh: F, seeds: Range<u64>) -> Explained
where
    F: Fn() -> P + Send + Sync,
    P: Future<Output = (Harness, StorePorts)> + Send,
{
    let crowd = |dice: &Dice| Crowd {
        steps_before: 24,
        reach: 3,
        clients: dice.between(8, 32),
        calls: 1,
        reads_percent: 0,
        drops_percent: 0,
    };
    explain_all(&fresh, seeds, crowd).await
}

async fn explain_all<F, P>(
    fresh: &F,
    seeds: Range<u64>,
    crowd: impl Fn(&Dice) -> Crowd + Send,
) -> Explained
where
    F: Fn() -> P + Send + Sync,
    P: Future<Output = (Harness, StorePorts)> + Send,
{
    let mut all = Explained::default();
    for seed in seeds {
        let mut generator = Generator::at_once(seed);
        let crowd = crowd(generator.dice());
        generator.pick_from(crowd.reach);
        let (h, ports) = fresh().await;
        let mut run = Run { h: &h, ports: &ports, trial: Trial::new(seed, &h, &ports) };
        let judged = match run.history(&mut generator, crowd).await {
            Ok(history) => run.judge(&history).map(|verdict| (history, verdict)),
            Err(text) => Err(text),
        };
        match judged {
            Ok((history, was_explained)) => {
                count(&mut all.answers, &history);
                all.overlapping += history.overlapping();
                all.explained += u32::from(was_explained);
                all.given_up += u32::from(!was_explained);
            }
            Err(text) => panic!("seed {seed}: {text}"),
        }
    }
    all
}

fn count(tally: &mut Tally, history: &StoreHistory) {
    for (_, answer) in history.iter() {
        if let Some(CallAnswer::Commit(answer)) = answer {
            tally.count(answer);
        }
    }
}

struct Run<'a> {
    h: &'a Harness,
    ports: &'a StorePorts,
    trial: Trial<'a>,
}

impl Run<'_> {
    /// Some steps alone, the crowd, and a last look at everything.
    async fn history(
        &mut self,
        generator: &mut Generator,
        crowd: Crowd,
    ) -> Result<StoreHistory, String> {
        for _ in 0..crowd.steps_before {
            let step = generator.concurrent_step();
            self.trial.step(&step).await?;
        }
        let recorder = StoreRecorder::new();
        let gate = Gate::of(crowd.clients);
        let mut clients = Vec::new();
        for client in 0..crowd.clients {
            let calls: Vec<_> =
                (0..crowd.calls).filter_map(|_| self.next_call(generator, crowd)).collect();
            let (recorder, ports, gate) = (recorder.clone(), self.ports.clone(), gate.clone());
            clients.push(async move {
                gate.pass().await;
                for (op, how) in calls {
                    call(&ports, &recorder, client, op, how).await;
                }
            });
        }
        self.h.race(clients).await;
        self.look_again(&recorder, crowd.clients).await?;
        let mut history = recorder.history();
        self.order_by_outbox(&mut history).await?;
        Ok(history)
    }

    fn next_call(&mut self, generator: &mut Generator, crowd: Crowd) -> Option<(CallOp, How)> {
        let waits = generator.dice().below(3);
        if generator.dice().chance(crowd.reads_percent) {
            return Some((
                self.next_read(generator.dice(), crowd),
                How { waits, drop_after: None },
            ));
        }
        let step = generator.concurrent_step();
        let changes = self.trial.world.change_set(&step)?;
        self.trial.remember(&step, &changes);
        let dice = generator.dice();
        let drop_after = dice.chance(crowd.drops_percent).then(|| dice.between(1, 6));
        Some((CallOp::Commit(step, Arc::new(changes)), How { waits, drop_after }))
    }

    fn next_read(&self, dice: &Dice, crowd: Crowd) -> CallOp {
        let world = &self.trial.world;
        let performance = world.performances[dice.below(PERFORMANCES)];
        let user = world.users[dice.below(USERS)];
        match dice.below(6) {
            0 => CallOp::Bits(performance),
            1 => CallOp::Claims(performance, seats(dice.some_of(dice.between(1, 6), SEATS))),
            2 => CallOp::Used(user, world.shows[dice.below(SHOWS)]),
            3 => CallOp::Balance(wallet(user)),
            4 => {
                let keys = &world.receipt_keys;
                let key = if keys.is_empty() { 0 } else { keys[dice.below(keys.len())] };
                CallOp::Receipt(world.receipt_key(key))
            }
            _ => {
                let back = dice.below(crowd.reach);
                let pick = Pick { back, stale: false };
                CallOp::Version(world.owner(pick))
            }
        }
    }

    /// Sends again what was written or may be, which settles it, and reads all.
    async fn look_again(&self, recorder: &StoreRecorder, client: usize) -> Result<(), String> {
        let mut again: Vec<(Step, Arc<ChangeSet>)> = Vec::new();
        for (op, answer) in recorder.history().iter() {
            let CallOp::Commit(step, changes) = op else { continue };
            let may_be = answer.is_none_or(CallAnswer::is_done);
            if may_be && again.iter().all(|(_, other)| other.id() != changes.id()) {
                again.push((step.clone(), Arc::clone(changes)));
            }
        }
        for (step, changes) in again {
            call(self.ports, recorder, client, CallOp::Commit(step, changes), How::default()).await;
        }
        let mut keys = self.trial.world.receipt_keys.clone();
        keys.sort_unstable();
        keys.dedup();
        for key in keys {
            let op = CallOp::Receipt(self.trial.world.receipt_key(key));
            call(self.ports, recorder, client, op, How::default()).await;
        }
        let dump = Dump::read(&*self.ports.inspect).await;
        let dump = dump.map_err(|error| format!("reading all failed: {error}"))?;
        let last = recorder.begin(client, CallOp::Everything);
        recorder.end(last, CallAnswer::Everything(Arc::new(dump)));
        Ok(())
    }

    /// The outbox tells in which order a partition's change sets were written.
    async fn order_by_outbox(&self, history: &mut StoreHistory) -> Result<(), String> {
        let outbox = &*self.ports.outbox;
        let partitions = outbox.partitions().await.map_err(|error| error.to_string())?;
        let rows = told::drain_all(outbox).await?;
        let mut written: Vec<&ChangeSet> = self.trial.written.iter().collect();
        let mut calls: Vec<(ChangeSetId, usize)> = Vec::new();
        for (place, (op, answer)) in history.iter().enumerate() {
            let CallOp::Commit(_, changes) = op else { continue };
            let is_done = answer.is_some_and(CallAnswer::is_done);
            if is_done || answer.is_none() {
                calls.push((changes.id(), place));
            }
            let is_told = || rows.iter().any(|row| row.change_set == changes.id());
            let was_written = is_done || (answer.is_none() && is_told());
            if was_written && written.iter().all(|other| other.id() != changes.id()) {
                written.push(changes);
            }
        }
        let order = told::order_of(&rows, &written, partitions)?;
        // Of one that was sent again before it was answered nobody knows which call wrote it.
        let place = |id: ChangeSetId| {
            let before = self.trial.written.iter().any(|changes| changes.id() == id);
            let of: Vec<usize> =
                calls.iter().filter(|(sent, _)| *sent == id).map(|(_, place)| *place).collect();
            let (first, again) = of.split_first()?;
            let alone = again.iter().all(|again| history.precedes(*first, *again));
            (alone && !before).then_some(*first)
        };
        let known: Vec<(usize, usize)> = order
            .into_iter()
            .filter_map(|(first, second)| Some((place(first)?, place(second)?)))
            .collect();
        for (first, second) in known {
            history.must_precede(first, second);
        }
        Ok(())
    }

    /// Whether the history was explained, or it took too long; else why no order does.
    fn judge(&self, history: &StoreHistory) -> Result<bool, String> {
        match check(&StoreSpec, &self.trial.model.clone().into(), history, STATES_MAX) {
            Verdict::Linearizable(_) => Ok(true),
            Verdict::GaveUp => Ok(false),
            Verdict::Impossible(longest) => Err(format!(
                "no order explains these calls, the longest beginning of one is {longest:?}:\n{history}{}",
                self.what_is_left(history, &longest)
            )),
        }
    }

    /// What the model says after a part of the calls of those that may come next.
    fn what_is_left(&self, history: &StoreHistory, done: &[usize]) -> String {
        let calls: Vec<_> = history.iter().collect();
        let mut model = self.trial.model.clone();
        for place in done {
            if let (CallOp::Commit(_, changes), _) = calls[*place] {
                drop(model.commit(changes));
            }
        }
        let mut text = String::new();
        for place in history.next_after(done) {
            let expected = match calls[place] {
                (CallOp::Commit(_, changes), _) => format!("{:?}", model.clone().commit(changes)),
                (_, Some(CallAnswer::Everything(dump))) => model.differences_from(dump).join("\n"),
                _ => continue,
            };
            writeln!(text, "after these, call {place} should be: {expected}").expect("a text");
        }
        text
    }
}
