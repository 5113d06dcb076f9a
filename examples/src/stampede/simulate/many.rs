//! One seed or many, with progress, up to the first that fails.

use std::fs::File;
use std::io::{BufWriter, IsTerminal, Write};
use std::num::NonZero;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use sha2::{Digest, Sha256};

use super::Progress;
use super::args::{Seeds, SimulateArgs};
use super::failure::{Failed, Simulated};
use super::outcome::{self, Listener, Outcome};
use super::season::SeasonError;
use super::shrink::shrink;
use crate::stampede::report::Report;
use crate::stampede::stopwatch::Stopwatch;

/// How often the progress is shown on a terminal, and elsewhere.
const BAR_EVERY: Duration = Duration::from_millis(200);
const LINE_EVERY: Duration = Duration::from_secs(10);

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
    let progress = Arc::new(Progress::default());
    let (over, done) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
    let mut simulated = std::thread::scope(|scope| {
        scope.spawn(|| show(args, &progress, &done, &over));
        let simulated = match args.seeds {
            Some(seeds) => many(args, seeds, &done),
            None => one(args, trace, &progress),
        };
        over.store(true, Ordering::Relaxed);
        simulated
    })?;
    if let (Some(expected), Some(run)) = (&args.expect, &simulated.report.simulation)
        && *expected != run.trace_hash
        && simulated.failed.is_none()
    {
        let text = format!("expected the trace hash {expected}, got {}", run.trace_hash);
        simulated.failed = Some(Failed::unexpected(args, text));
    }
    Ok(simulated)
}

fn one(
    args: &SimulateArgs,
    trace: Option<File>,
    progress: &Arc<Progress>,
) -> Result<Simulated, SimulateError> {
    let written = trace.map(|file| Arc::new(Mutex::new(Trace::new(file))));
    let listener = written.clone().map(|trace| -> Listener {
        Box::new(move |line| {
            trace.lock().unwrap_or_else(PoisonError::into_inner).write(line);
        })
    });
    let ended = outcome::run(args, args.seed, listener, progress)?;
    if let Some(trace) = written {
        trace.lock().unwrap_or_else(PoisonError::into_inner).finish()?;
    }
    let failed = shrink(args, args.seed, &ended, progress)?;
    Ok(Simulated { report: ended.report, failed })
}

/// JSON lines on their way to a file; the first error ends it.
struct Trace {
    file: BufWriter<File>,
    failed: Option<std::io::Error>,
}

impl Trace {
    fn new(file: File) -> Self {
        Self { file: BufWriter::new(file), failed: None }
    }

    fn write(&mut self, line: &ticketing_core::testing::trace::TraceLine) {
        if self.failed.is_some() {
            return;
        }
        let written = serde_json::to_writer(&mut self.file, line).map_err(std::io::Error::from);
        if let Err(error) = written.and_then(|()| self.file.write_all(b"\n")) {
            self.failed = Some(error);
        }
    }

    fn finish(&mut self) -> Result<(), std::io::Error> {
        match self.failed.take() {
            Some(error) => Err(error),
            None => self.file.flush(),
        }
    }
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

fn many(args: &SimulateArgs, seeds: Seeds, done: &AtomicU64) -> Result<Simulated, SimulateError> {
    let cores = std::thread::available_parallelism().map_or(1, NonZero::get);
    let jobs = args.jobs.map_or(cores, usize::from);
    let wall = Stopwatch::start();
    let shared =
        Shared { next: AtomicU64::new(0), stop: AtomicBool::new(false), ended: Mutex::default() };
    std::thread::scope(|scope| {
        for _ in 0..jobs {
            scope.spawn(|| work(args, seeds, &shared, done));
        }
    });
    let ended = shared.ended.into_inner().unwrap_or_else(PoisonError::into_inner);
    if let Some(error) = ended.error {
        return Err(error.into());
    }
    let failed = match ended.failed {
        Some((seed, outcome)) => shrink(args, seed, &outcome, &Arc::default())?,
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
fn work(args: &SimulateArgs, seeds: Seeds, shared: &Shared, done: &AtomicU64) {
    while !shared.stop.load(Ordering::Relaxed) {
        let place = shared.next.fetch_add(1, Ordering::Relaxed);
        if place >= seeds.count() {
            return;
        }
        let seed = seeds.first() + place;
        let outcome = outcome::run(args, seed, None, &Arc::default());
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
        done.fetch_add(1, Ordering::Relaxed);
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

/// Shows how far it is until it is over: a bar on a terminal, lines elsewhere.
fn show(args: &SimulateArgs, progress: &Progress, done: &AtomicU64, over: &AtomicBool) {
    let (total, unit) = match args.seeds {
        Some(seeds) => (seeds.count(), "seeds"),
        None => (u64::from(args.buyers), "buyers"),
    };
    let wall = Stopwatch::start();
    let is_terminal = std::io::stderr().is_terminal();
    let bar = is_terminal.then(|| {
        let style = "{bar:40.cyan/blue} {human_pos}/{human_len} {msg}";
        let style = ProgressStyle::with_template(style);
        ProgressBar::with_draw_target(Some(total), ProgressDrawTarget::stderr())
            .with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
    });
    let mut shown = Duration::ZERO;
    while !over.load(Ordering::Relaxed) {
        let at = if args.seeds.is_some() { done.load(Ordering::Relaxed) } else { progress.gone() };
        let hours = progress.virtual_s() / 3_600;
        match &bar {
            Some(bar) => {
                bar.set_position(at);
                bar.set_message(format!("{unit}, {hours} h of virtual time"));
            }
            None if wall.elapsed() >= shown + LINE_EVERY => {
                shown = wall.elapsed();
                let seconds = shown.as_secs();
                eprintln!("{seconds:>5} s  {at} of {total} {unit}, {hours} h of virtual time");
            }
            None => {}
        }
        std::thread::park_timeout(BAR_EVERY);
    }
    if let Some(bar) = bar {
        bar.finish_and_clear();
    }
}
