//! One seed or many, up to the first that fails.

use std::fs::File;
use std::num::NonZero;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use sha2::{Digest, Sha256};

use super::args::{Seeds, SimulateArgs};
use super::failure::{Failed, Simulated};
use super::outcome::{self, Outcome};
use super::progress::{Progress, Work};
use super::season::SeasonError;
use super::shrink::shrink;
use super::written::Written;
use crate::stampede::report::Report;
use crate::stampede::stopwatch::Stopwatch;

/// Why a simulation gave no report.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SimulateError {
    /// A season could not be run.
    #[error(transparent)]
    Season(#[from] SeasonError),
    /// The trace could not be written.
    #[error("the trace cannot be written")]
    Trace(#[from] std::io::Error),
}

/// Runs what the arguments ask for. A broken invariant is no error: the result says so.
///
/// # Errors
/// [`SimulateError`].
pub fn simulate(args: &SimulateArgs, trace: Option<File>) -> Result<Simulated, SimulateError> {
    let (progress, over) = (Arc::new(Progress::default()), AtomicBool::new(false));
    let mut simulated = std::thread::scope(|scope| {
        let _over = Over(&over);
        scope.spawn(|| Work::of(args).show(&progress, &over));
        let written = Written::to(trace);
        let simulated = match args.seeds {
            Some(seeds) => many(args, seeds, &written, &progress)?,
            None => one(args, &written, &progress)?,
        };
        written.finish()?;
        Ok::<_, SimulateError>(simulated)
    })?;
    if let (Some(expected), Some(run)) = (&args.expect, &simulated.report.simulation)
        && *expected != run.trace_hash
        && simulated.failed.is_none()
    {
        simulated.failed = Some(Failed::unexpected(args, expected, &run.trace_hash));
    }
    if let Some(run) = &mut simulated.report.simulation {
        run.failed = simulated.failed.as_ref().map(Failed::in_short);
    }
    Ok(simulated)
}

/// Ends the showing of the progress, also where a thread panics: it would show it for ever.
struct Over<'a>(&'a AtomicBool);

impl Drop for Over<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

fn one(
    args: &SimulateArgs,
    written: &Written,
    progress: &Arc<Progress>,
) -> Result<Simulated, SimulateError> {
    let ended = outcome::run(args, args.seed, written.listener(), progress.of_run(args.seed))?;
    let failed = shrink(args, args.seed, &ended, None, progress)?;
    Ok(Simulated { report: ended.report, failed })
}

/// What the threads share.
struct Shared {
    next: AtomicU64,
    stop: AtomicBool,
    ended: Mutex<Ended>,
}

#[derive(Default)]
struct Ended {
    /// By seed, so that their order is not that of the threads.
    hashes: std::collections::BTreeMap<u64, String>,
    report: Option<Report>,
    failed: Option<(u64, Outcome)>,
    error: Option<SeasonError>,
}

/// Runs seed after seed. What fails first stops the others from being begun; which seed is told does not
/// depend on the threads: seeds are begun in their order and each runs to its end, so all below one that
/// failed are known, and the lowest that fails is told.
pub(super) fn many(
    args: &SimulateArgs,
    seeds: Seeds,
    written: &Written,
    progress: &Arc<Progress>,
) -> Result<Simulated, SeasonError> {
    let cores = std::thread::available_parallelism().map_or(1, NonZero::get);
    let jobs = args.jobs.map_or(cores, usize::from);
    let wall = Stopwatch::start();
    let shared =
        Shared { next: AtomicU64::new(0), stop: AtomicBool::new(false), ended: Mutex::default() };
    std::thread::scope(|scope| {
        for _ in 0..jobs {
            scope.spawn(|| work(args, seeds, &shared, progress));
        }
    });
    let ended = shared.ended.into_inner().unwrap_or_else(PoisonError::into_inner);
    if let Some(error) = ended.error {
        return Err(error);
    }
    let failed = match ended.failed {
        Some((seed, outcome)) => shrink(args, seed, &outcome, written.listener(), progress)?,
        None => None,
    };
    let mut report = ended.report.expect("a run of seeds has at least one");
    let mut hash = Sha256::new();
    ended.hashes.values().for_each(|of| hash.update(of));
    let hash = data_encoding::HEXLOWER.encode(&hash.finalize()[..16]);
    report.summed_up(seeds.first(), hash, wall.elapsed());
    Ok(Simulated { report, failed })
}

/// Takes seed after seed, until all are taken or one has failed.
fn work(args: &SimulateArgs, seeds: Seeds, shared: &Shared, progress: &Arc<Progress>) {
    while !shared.stop.load(Ordering::Relaxed) {
        let place = shared.next.fetch_add(1, Ordering::Relaxed);
        if place >= seeds.count() {
            return;
        }
        let seed = seeds.first() + place;
        let outcome = outcome::run(args, seed, None, progress.of_run(seed));
        let mut ended = shared.ended.lock().unwrap_or_else(PoisonError::into_inner);
        match outcome {
            Err(error) => {
                ended.error.get_or_insert(error);
                shared.stop.store(true, Ordering::Relaxed);
            }
            Ok(outcome) => {
                ended.take(seed, outcome);
                if ended.failed.is_some() {
                    shared.stop.store(true, Ordering::Relaxed);
                }
            }
        }
        progress.seed_ended(seed);
    }
}

impl Ended {
    fn take(&mut self, seed: u64, outcome: Outcome) {
        let report = &outcome.report;
        if let Some(run) = &report.simulation {
            self.hashes.insert(seed, run.trace_hash.clone());
        }
        match &mut self.report {
            Some(sum) => sum.add(report),
            sum @ None => *sum = Some(report.clone()),
        }
        if outcome.broken.is_some() && self.failed.as_ref().is_none_or(|(first, _)| seed < *first) {
            self.failed = Some((seed, outcome));
        }
    }
}
