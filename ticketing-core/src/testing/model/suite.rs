//! A store, step by step beside its model.

use std::future::Future;
use std::ops::Range;

use super::answers::{Tally, agrees};
use super::dump::Dump;
use super::generator::Generator;
use super::shrink::{Failure, lines, shortest};
use super::step::{Action, Part, Step};
use super::world::World;
use super::{ModelStore, reads, told};
use crate::change_set::ChangeSet;
use crate::page::Limit;
use crate::port::{CommitError, Kept};
use crate::testing::ports::limit;
use crate::testing::{Harness, StorePorts};

/// After so many steps everything is read.
const READ_EVERY: usize = 8;
/// How often a change set is sent until it is known what became of it.
const SENDS_MAX: usize = 20;
/// More purges than the runs have rows.
const PURGES_MAX: usize = 10_000;

/// Runs sequences of `steps` steps against a store and its [`ModelStore`]: every answer of a commit is
/// the model's, every read says what was written, and at the end the whole store and its outbox are as
/// they must be. Says how often each answer came up.
///
/// `fresh` gives a store in which nothing was ever written.
///
/// # Panics
/// Where the store and the model differ, with the seed and the shortest sequence that was found to show
/// it.
pub async fn store_matches_model<F, P>(fresh: F, seeds: Range<u64>, steps: usize) -> Tally
where
    F: Fn() -> P + Send + Sync,
    P: Future<Output = (Harness, StorePorts)> + Send,
{
    let mut tally = Tally::default();
    for seed in seeds {
        let mut generator = Generator::new(seed);
        let all: Vec<Step> = (0..steps).map(|_| generator.step()).collect();
        match run(&fresh, seed, all.clone()).await {
            Ok(answers) => tally += answers,
            Err(failure) => {
                let again = |steps: Vec<Step>| async { run(&fresh, seed, steps).await.err() };
                let (steps, failure) = shortest(all, failure, again).await;
                panic!("seed {seed}: {}\nafter these steps:\n{}", failure.text, lines(&steps));
            }
        }
    }
    tally
}

/// Runs some steps on a fresh store.
async fn run<F, P>(fresh: &F, seed: u64, steps: Vec<Step>) -> Result<Tally, Failure>
where
    F: Fn() -> P + Send + Sync,
    P: Future<Output = (Harness, StorePorts)> + Send,
{
    let (h, ports) = fresh().await;
    let mut trial = Trial::new(seed, &h, &ports);
    for (done, step) in (1..).zip(&steps) {
        let failed = |text| Failure { text, steps: done };
        trial.step(step).await.map_err(failed)?;
        if done % READ_EVERY == 0 {
            trial.compare(step).await.map_err(failed)?;
        }
    }
    let failed = |text| Failure { text, steps: steps.len() };
    if let Some(last) = steps.last() {
        trial.compare(last).await.map_err(failed)?;
    }
    trial.finish().await.map_err(failed)?;
    Ok(trial.tally)
}

/// A store and its model, somewhere in a sequence.
pub(super) struct Trial<'a> {
    ports: &'a StorePorts,
    pub(super) world: World,
    pub(super) model: ModelStore,
    /// What was written, in the order of commits.
    pub(super) written: Vec<ChangeSet>,
    tally: Tally,
}

impl<'a> Trial<'a> {
    pub(super) fn new(seed: u64, h: &Harness, ports: &'a StorePorts) -> Self {
        Self {
            ports,
            world: World::new(seed, h.now()),
            model: ModelStore::new(),
            written: Vec::new(),
            tally: Tally::default(),
        }
    }

    /// Takes one step on both sides.
    pub(super) async fn step(&mut self, step: &Step) -> Result<(), String> {
        if let Action::Purge { before } = step.action {
            return self.purge(before).await;
        }
        let Some(changes) = self.world.change_set(step) else { return Ok(()) };
        self.remember(step, &changes);
        let before = self.model.clone();
        let expected = self.model.commit(&changes);
        let mut got = self.ports.commit(&changes).await;
        for _ in 0..SENDS_MAX {
            self.tally.count(&got);
            if !matches!(got, Err(CommitError::Unknown(_))) {
                break;
            }
            // Sending it again tells, and the answer is that of the first time.
            got = self.ports.commit(&changes).await;
        }
        if !agrees(&before, &changes, &expected, &got) {
            return Err(format!("step {step}\nexpected {expected:?}, got {got:?}"));
        }
        self.accept(&before, &changes);
        Ok(())
    }

    pub(super) fn remember(&mut self, step: &Step, changes: &ChangeSet) {
        let Action::Commit(parts) = &step.action else { return };
        self.world.send(step.number, changes);
        self.world.receipt_keys.extend(parts.iter().filter_map(|part| match part {
            Part::Receipt { key, .. } => Some(*key),
            _ => None,
        }));
    }

    fn accept(&mut self, before: &ModelStore, changes: &ChangeSet) {
        if !before.is_committed(changes.id()) && self.model.is_committed(changes.id()) {
            self.world.accepted(changes);
            self.written.push(changes.clone());
        }
    }

    async fn purge(&mut self, before: u32) -> Result<(), String> {
        let before = self.world.at(before);
        for kept in [Kept::Receipts, Kept::Messages, Kept::ChangeSets] {
            let mut purges = 0;
            while self.purge_some(kept, before, limit(2)).await? > 0 {
                purges += 1;
                if purges == PURGES_MAX {
                    return Err(format!("purging {kept:?} has no end"));
                }
            }
        }
        self.model.forget_kept_before(before);
        Ok(())
    }

    async fn purge_some(
        &self,
        kept: Kept,
        before: chrono::DateTime<chrono::Utc>,
        limit: Limit,
    ) -> Result<usize, String> {
        let purged = self.ports.retention.purge(kept, before, limit).await;
        purged.map_err(|error| format!("a purge failed: {error}"))
    }

    async fn compare(&self, last: &Step) -> Result<(), String> {
        let now = self.world.at(last.number);
        reads::compare(self.ports, &self.world, &self.model, now).await
    }

    /// The whole store, and what it tells.
    async fn finish(&self) -> Result<(), String> {
        let stored = Dump::read(&*self.ports.inspect).await;
        let stored = stored.map_err(|error| format!("reading all failed: {error}"))?;
        let mut differences = self.model.differences_from(&stored);
        differences.extend(self.model.differences_of_places(&stored));
        if !differences.is_empty() {
            return Err(differences.join("\n"));
        }
        let outbox = &*self.ports.outbox;
        let partitions = outbox.partitions().await.map_err(|error| error.to_string())?;
        let rows = told::drain_all(outbox).await?;
        let written: Vec<&ChangeSet> = self.written.iter().collect();
        let place = |id| written.iter().position(|changes| changes.id() == id);
        for (first, second) in told::order_of(&rows, &written, partitions)? {
            if place(first) > place(second) {
                return Err(format!(
                    "change set {first} is told before {second}, written after it"
                ));
            }
        }
        Ok(())
    }
}
