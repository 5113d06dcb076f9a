//! How far a simulation has come, and how that is told.

use std::collections::BTreeSet;
use std::io::{IsTerminal, Write};
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use chrono::{DateTime, Utc};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::args::SimulateArgs;
use super::shrink;
use crate::stampede::stopwatch::Stopwatch;
use crate::stampede::world::begins_at;

/// How often the progress is shown on a terminal, and elsewhere.
const BAR_EVERY: Duration = Duration::from_millis(200);
const LINE_EVERY: Duration = Duration::from_secs(10);

/// What all runs together have done.
#[derive(Debug, Default)]
pub(super) struct Progress {
    gone: AtomicU64,
    virtual_s: AtomicU64,
    seeds: AtomicU64,
    under_way: Mutex<BTreeSet<u64>>,
    search: Mutex<Option<(u64, u32)>>,
}

impl Progress {
    /// For the run of a seed.
    pub(super) fn of_run(self: &Arc<Self>, seed: u64) -> RunProgress {
        lock(&self.under_way).insert(seed);
        RunProgress { all: Arc::clone(self), ..RunProgress::default() }
    }

    /// A seed has been run.
    pub(super) fn seed_ended(&self, seed: u64) {
        lock(&self.under_way).remove(&seed);
        self.seeds.fetch_add(1, Ordering::Relaxed);
    }

    /// Where a run that does not go on is the one to look at.
    fn lowest_under_way(&self) -> Option<u64> {
        lock(&self.under_way).first().copied()
    }

    /// One more run looks for a smaller failure of a seed.
    pub(super) fn searches(&self, seed: u64) {
        let mut search = lock(&self.search);
        let runs = search.map_or(0, |(_, runs)| runs);
        *search = Some((seed, runs + 1));
    }

    fn searched(&self) -> Option<(u64, u32)> {
        *lock(&self.search)
    }
}

fn lock<T>(of: &Mutex<T>) -> MutexGuard<'_, T> {
    of.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What one run has done, which counts with all the others.
#[derive(Debug, Default)]
pub(super) struct RunProgress {
    all: Arc<Progress>,
    gone: AtomicU32,
    virtual_s: AtomicU32,
}

impl RunProgress {
    /// So many buyers have come and gone by now.
    pub(super) fn look(&self, gone: u64, now: DateTime<Utc>) {
        let add = |all: &AtomicU64, mine: &AtomicU32, now: u64| {
            let now = u32::try_from(now).unwrap_or(u32::MAX);
            let before = mine.swap(now, Ordering::Relaxed);
            all.fetch_add(u64::from(now.saturating_sub(before)), Ordering::Relaxed);
        };
        let seconds = u64::try_from((now - begins_at()).num_seconds()).unwrap_or(0);
        add(&self.all.gone, &self.gone, gone);
        add(&self.all.virtual_s, &self.virtual_s, seconds);
    }
}

/// What there is to do.
#[derive(Clone, Copy, Debug)]
pub(super) struct Work {
    total: u64,
    is_of_seeds: bool,
}

impl Work {
    pub(super) fn of(args: &SimulateArgs) -> Self {
        match args.seeds {
            Some(seeds) => Self { total: seeds.count(), is_of_seeds: true },
            None => Self { total: u64::from(args.buyers), is_of_seeds: false },
        }
    }

    fn done(&self, progress: &Progress) -> u64 {
        let done = if self.is_of_seeds { &progress.seeds } else { &progress.gone };
        done.load(Ordering::Relaxed)
    }

    fn message(&self, progress: &Progress) -> String {
        let unit = if self.is_of_seeds { "seeds" } else { "buyers" };
        let hours = progress.virtual_s.load(Ordering::Relaxed) / 3_600;
        let search = progress.searched().map_or_else(String::new, |(seed, runs)| {
            let most = shrink::RUNS;
            format!(
                "; looking for the smallest horizon at which seed {seed} fails, run {runs} of at most {most}"
            )
        });
        let lowest = progress.lowest_under_way().filter(|_| self.is_of_seeds);
        let lowest = lowest
            .map_or_else(String::new, |seed| format!("; the lowest seed under way is {seed}"));
        format!("{unit}, {hours} h of virtual time{lowest}{search}")
    }

    pub(super) fn line(&self, progress: &Progress, wall: Duration) -> String {
        let (seconds, at, total) = (wall.as_secs(), self.done(progress), self.total);
        format!("{seconds:>5} s  {at} of {total} {}", self.message(progress))
    }

    /// Shows the progress until it is over: a bar on a terminal, lines elsewhere.
    pub(super) fn show(&self, progress: &Progress, over: &AtomicBool) {
        let wall = Stopwatch::start();
        let is_terminal = std::io::stderr().is_terminal();
        let bar = is_terminal.then(|| {
            let style = "{bar:40.cyan/blue} {human_pos}/{human_len} {msg}";
            let style = ProgressStyle::with_template(style);
            ProgressBar::with_draw_target(Some(self.total), ProgressDrawTarget::stderr())
                .with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
        });
        let mut shown = Duration::ZERO;
        while !over.load(Ordering::Relaxed) {
            match &bar {
                Some(bar) => {
                    bar.set_position(self.done(progress));
                    bar.set_message(self.message(progress));
                }
                None if wall.elapsed() >= shown + LINE_EVERY => {
                    shown = wall.elapsed();
                    // Who closed the stream does not want to know.
                    let _ = writeln!(std::io::stderr(), "{}", self.line(progress, shown));
                }
                None => {}
            }
            std::thread::park_timeout(BAR_EVERY);
        }
        if let Some(bar) = bar {
            bar.finish_and_clear();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after(hours: u64) -> DateTime<Utc> {
        begins_at() + Duration::from_hours(hours)
    }

    #[test]
    fn the_runs_of_many_seeds_add_up() {
        let progress = Arc::new(Progress::default());
        let (one, two) = (progress.of_run(3), progress.of_run(4));
        one.look(10, after(5));
        two.look(7, after(2));
        one.look(30, after(20));
        progress.seed_ended(3);
        let seeds = Work { total: 9, is_of_seeds: true };
        let wall = Duration::from_secs(20);
        let line = "   20 s  1 of 9 seeds, 22 h of virtual time; the lowest seed under way is 4";
        assert_eq!(seeds.line(&progress, wall), line);
        let buyers = Work { total: 80, is_of_seeds: false };
        assert_eq!(buyers.line(&progress, wall), "   20 s  37 of 80 buyers, 22 h of virtual time");
    }

    #[test]
    fn the_search_for_a_smaller_failure_is_told() {
        let progress = Progress::default();
        progress.searches(7);
        progress.searches(7);
        let line = Work { total: 9, is_of_seeds: true }.line(&progress, Duration::ZERO);
        assert!(line.ends_with("at which seed 7 fails, run 2 of at most 20"), "{line}");
    }
}
