//! One run from the first buyer to the report.

use std::sync::Arc;

use ticketing_core::error::PortError;
use ticketing_core::money::Currency;

use super::args::LoadArgs;
use super::audit::audit;
use super::crowd::Crowd;
use super::figures::Figures;
use super::loops::Loops;
use super::report::{Report, Revenue, Story};
use super::screen::Screen;
use super::settle::settle;
use super::stage::SetUpError;
use super::stopwatch::Stopwatch;
use super::world::World;

/// Why a run gave no report.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RunError {
    /// The world could not be made.
    #[error(transparent)]
    SetUp(#[from] SetUpError),
    /// The store could not be read at the end.
    #[error("the store cannot be read")]
    Store(#[from] PortError),
}

/// Runs a stampede: the storm, the settling, the checks.
///
/// # Errors
/// [`RunError`]. A broken invariant is no error: the report says so.
pub async fn run(args: &LoadArgs) -> Result<Report, RunError> {
    let world = Arc::new(World::new(args).await?);
    let crowd = Crowd::gather(args);
    crowd.fill_wallets(&world).await?;

    world.let_store_fail();
    let wall = Stopwatch::start();
    let screen = Screen::start(&world, args.buyers, wall);
    let loops = Loops::start(&world);
    crowd.storm(&world, &wall).await;
    let (storm, left_at) = (wall.elapsed(), world.now());
    let notices = loops.stop(&world).await;
    settle(&world, &notices).await?;
    screen.stop().await;
    let settled = wall.elapsed();

    let figures = Figures::count(&world.memory.store, Currency::KRW, left_at).await?;
    let invariants = audit(&world, &world.memory.store).await?;
    let simulated = world.now() - world.opens_at;
    let steps = world.measures.figures();
    let story = Story {
        fault_level: args.faults,
        endings: world.funnel.endings().into_iter().map(|(end, of)| (end.text(), of)).collect(),
        settled_in_s: (settled - storm).as_secs_f64(),
        checked_in_s: (wall.elapsed() - settled).as_secs_f64(),
        simulated: format!("{} d {} h", simulated.num_days(), simulated.num_hours() % 24),
        steps: steps.iter().map(|(name, _)| *name).collect(),
    };
    Ok(Report {
        seed: args.seed,
        mode: "load",
        store: args.store,
        seats: args.seats,
        buyers: world.funnel.gone(),
        sold: figures.sold,
        refunded: figures.refunded,
        tickets: figures.tickets,
        revenue: Revenue {
            currency: Currency::KRW.code(),
            amount: figures.revenue_minor.to_string(),
        },
        duration_s: rounded(storm.as_secs_f64()),
        purchases_per_s: rounded(per_second(figures.purchases, storm.as_secs_f64())),
        steps: steps.into_iter().collect(),
        faults: world.tally.counts(),
        invariants,
        story,
    })
}

#[expect(clippy::cast_precision_loss, reason = "a rate for the eye")]
fn per_second(count: u64, seconds: f64) -> f64 {
    count as f64 / seconds.max(0.001)
}

/// To the thousandth.
fn rounded(number: f64) -> f64 {
    (number * 1_000.0).round() / 1_000.0
}
