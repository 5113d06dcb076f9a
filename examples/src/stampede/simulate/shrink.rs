//! The smallest horizon at which a seed still fails, and the story of what it is about.

use std::sync::Arc;
use std::time::Duration;

use uuid::Uuid;

use super::Progress;
use super::args::SimulateArgs;
use super::failure::{Broken, Failed};
use super::outcome;
use super::season::SeasonError;
use super::story::Story;
use crate::stampede::world::begins_at;

/// Runs that the search may take.
const RUNS: u32 = 14;

/// Looks for a smaller failure of a seed, by bisection of the horizon, and tells its story.
pub(super) fn shrink(
    args: &SimulateArgs,
    seed: u64,
    first: (Broken, Vec<Uuid>),
    progress: &Arc<Progress>,
) -> Result<Failed, SeasonError> {
    let run_to = |horizon: Duration| -> Result<Option<Broken>, SeasonError> {
        let args = with_horizon(args, horizon);
        Ok(outcome::run(&args, seed, None, progress)?.broken)
    };
    let (mut broken, performances) = first;
    let mut fails = since_begin(&broken);
    let mut horizon = None;
    if !args.no_shrink {
        // The failure may need what came after it was due: then the whole run is the smallest.
        if let Some(same) = run_to(fails)? {
            (broken, horizon) = (same, Some(fails));
            let mut passes = Duration::ZERO;
            for _ in 0..RUNS {
                let middle = Duration::from_secs((passes + fails).as_secs() / 2);
                if middle <= passes || middle >= fails {
                    break;
                }
                match run_to(middle)? {
                    Some(same) => {
                        (broken, horizon) = (same, Some(middle));
                        fails = middle;
                    }
                    None => passes = middle,
                }
            }
        }
    }
    let shrunk = horizon.map_or_else(|| args.clone(), |horizon| with_horizon(args, horizon));
    let story = Story::about(&broken.text, &performances);
    outcome::run(&shrunk, seed, Some(story.listener()), progress)?;
    let repeat = args.repeat(seed, horizon);
    Ok(Failed { seed, broken, horizon, repeat, story: story.lines() })
}

fn with_horizon(args: &SimulateArgs, horizon: Duration) -> SimulateArgs {
    let seconds = u32::try_from(horizon.as_secs()).unwrap_or(u32::MAX);
    let seconds = args.horizon.map_or(seconds, |set| set.min(seconds));
    SimulateArgs { horizon: Some(seconds), ..args.clone() }
}

/// Up to the next whole second.
fn since_begin(broken: &Broken) -> Duration {
    let whole = (broken.at - begins_at()).to_std().unwrap_or_default();
    Duration::from_secs(whole.as_secs() + 1)
}
