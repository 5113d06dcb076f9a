//! The smallest horizon at which a seed still fails, and the story of what it is about.

use std::time::Duration;

use super::args::SimulateArgs;
use super::failure::{Broken, Failed, Found, Search};
use super::outcome::{self, Listener, Outcome};
use super::progress::{Progress, RunProgress};
use super::season::SeasonError;
use super::story::Story;
use crate::stampede::stopwatch::Stopwatch;
use crate::stampede::world::begins_at;

/// Runs that the search may take: enough to find the second within twelve days.
pub(super) const RUNS: u32 = 20;

/// Looks for a smaller failure of a seed, by bisection of the horizon, and tells its story, to `listener`
/// too. The horizon is when buyers and faults stop: each try settles and is checked to its end, as the first
/// run was. `None` if the seed did not fail.
///
/// Bisection takes it that what fails at a horizon fails at any later one. A run to another horizon is another
/// run, so that need not be so: what is found does fail and a second less does not, but a smaller one may
/// fail too.
pub(super) fn shrink(
    args: &SimulateArgs,
    seed: u64,
    first: &Outcome,
    listener: Option<Listener>,
    progress: &Progress,
) -> Result<Option<Failed>, SeasonError> {
    let Some(broken) = first.broken.clone() else { return Ok(None) };
    let mut smallest = Smallest { broken, horizon: None };
    let search = if args.no_shrink {
        None
    } else {
        let run_to = |horizon: Duration| -> Result<Option<Broken>, SeasonError> {
            progress.searches(seed);
            let args = with_horizon(args, horizon);
            Ok(outcome::run(&args, seed, None, RunProgress::default())?.broken)
        };
        Some(smallest.search(lasted(first), run_to)?)
    };
    let Smallest { broken, horizon } = smallest;
    let shrunk = horizon.map_or_else(|| args.clone(), |horizon| with_horizon(args, horizon));
    let story = Story::about(&broken.text, &first.performances);
    let listener = both(story.listener(), listener);
    outcome::run(&shrunk, seed, Some(listener), RunProgress::default())?;
    let repeat = args.repeat(seed, horizon);
    let (story, untold) = (story.lines(), story.untold());
    Ok(Some(Failed { seed, broken, horizon, search, repeat, story, untold }))
}

fn both(mut one: Listener, other: Option<Listener>) -> Listener {
    match other {
        None => one,
        Some(mut other) => Box::new(move |line| {
            one(line);
            other(line);
        }),
    }
}

/// The smallest failure so far.
struct Smallest {
    broken: Broken,
    horizon: Option<Duration>,
}

impl Smallest {
    /// Bisects the horizons up to `whole`, at which all of the run went on. Only the invariant that was broken
    /// first counts: another failure says nothing of it.
    fn search(
        &mut self,
        whole: Duration,
        run_to: impl Fn(Duration) -> Result<Option<Broken>, SeasonError>,
    ) -> Result<Search, SeasonError> {
        let wall = Stopwatch::start();
        let (mut runs, mut passes, mut fails) = (0, Duration::ZERO, whole);
        // What broke while the run went on needs nothing that came later; but what is found to be broken at
        // the end may have needed all of it.
        let mut next = match self.broken.found {
            Found::At(_) => fails,
            Found::AtTheEnd => fails / 2,
        };
        while runs < RUNS && next > passes {
            next = Duration::from_secs(next.as_secs());
            runs += 1;
            match run_to(next)? {
                Some(same) if same.is_like(&self.broken) => {
                    (self.broken, self.horizon) = (same, Some(next));
                    fails = next;
                }
                Some(_) | None if next == whole => break,
                Some(_) | None => passes = next,
            }
            next = Duration::from_secs(u64::midpoint(passes.as_secs(), fails.as_secs()));
        }
        Ok(Search { runs, took: wall.elapsed(), passes })
    }
}

/// The horizon that cuts nothing off a run: that of its end, or that of what broke while it went on.
fn lasted(first: &Outcome) -> Duration {
    let run = first.report.simulation.as_ref();
    let ended = run.and_then(|run| u64::try_from(run.virtual_s).ok()).unwrap_or_default();
    let seconds = match first.broken.as_ref().map(|broken| broken.found) {
        Some(Found::At(at)) => (at - begins_at()).to_std().unwrap_or_default().as_secs(),
        Some(Found::AtTheEnd) | None => ended,
    };
    // Up to the next whole second.
    Duration::from_secs(seconds + 1)
}

fn with_horizon(args: &SimulateArgs, horizon: Duration) -> SimulateArgs {
    let seconds = u32::try_from(horizon.as_secs()).unwrap_or(u32::MAX);
    let seconds = args.horizon.map_or(seconds, |set| set.min(seconds));
    SimulateArgs { horizon: Some(seconds), ..args.clone() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn broken(found: Found, text: &str) -> Broken {
        Broken::by_its_words(found, text.to_owned())
    }

    fn searched(
        found: Found,
        run_to: impl Fn(u64) -> Option<&'static str>,
    ) -> (Option<u64>, Search) {
        let mut smallest = Smallest { broken: broken(found, "seat 1 is free"), horizon: None };
        let search = smallest
            .search(Duration::from_secs(1_000_000), |horizon| {
                Ok(run_to(horizon.as_secs()).map(|text| broken(found, text)))
            })
            .expect("it runs");
        (smallest.horizon.map(|horizon| horizon.as_secs()), search)
    }

    #[test]
    fn what_is_found_at_the_end_has_a_smallest_horizon() {
        for first in [1, 2, 777, 999_999] {
            let fails = |horizon| (horizon >= first).then_some("seat 2 is free");
            let (horizon, search) = searched(Found::AtTheEnd, fails);
            assert_eq!((horizon, search.passes.as_secs()), (Some(first), first - 1));
            assert!(search.runs <= RUNS, "{search:?}");
        }
        let (horizon, search) = searched(Found::AtTheEnd, |_| None);
        assert_eq!((horizon, search.passes.as_secs()), (None, 999_999));
    }

    #[test]
    fn another_failure_is_not_the_same() {
        let fails =
            |horizon| Some(if horizon >= 5_000 { "seat 9 is free" } else { "seat 9 is sold" });
        for found in [Found::AtTheEnd, Found::At(begins_at())] {
            assert_eq!(searched(found, fails).0, Some(5_000));
        }
        let (horizon, search) = searched(Found::At(begins_at()), |_| Some("it is late"));
        assert_eq!((horizon, search.runs), (None, 1));
    }
}
