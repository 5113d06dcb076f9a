//! One seed: run, then counted from what it left.

use std::any::Any;
use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::Ordering;
use std::sync::{Arc, OnceLock};

use ticketing_core::memory::ManualClock;
use ticketing_core::money::Currency;
use ticketing_core::port::Clock;
use ticketing_core::testing::sim::Simulator;
use ticketing_core::testing::trace::{TraceLine, Tracer};
use uuid::Uuid;

use super::args::SimulateArgs;
use super::failure::{Broken, Found};
use super::liveness::{self, Liveness};
use super::progress::RunProgress;
use super::season::{self, Left, SeasonError, Stand};
use super::{left_over, memory};
use crate::stampede::audit::{Checked, Invariants, audit};
use crate::stampede::figures::{Figures, Scope};
use crate::stampede::report::{InSimulation, Report, Revenue, Story};
use crate::stampede::run::{per_second, rounded};
use crate::stampede::stopwatch::Stopwatch;
use crate::stampede::store::StoreKind;
use crate::stampede::world::begins_at;

/// The most steps while virtual time stands still, besides those of the buyers: sweeps of long lists take many
/// at one instant.
const STEPS_MAX: u64 = 1_000_000;
/// More steps than a whole visit of a buyer takes.
const STEPS_OF_BUYER: u64 = 1_000;

/// Takes every line of a trace.
pub(super) type Listener = Box<dyn FnMut(&TraceLine) + Send>;

/// What one seed came to.
#[derive(Debug)]
pub(super) struct Outcome {
    pub(super) report: Report,
    /// The first thing that broke, if anything.
    pub(super) broken: Option<Broken>,
    /// What was on sale.
    pub(super) performances: Vec<Uuid>,
}

/// Runs one seed on this thread.
pub(super) fn run(
    args: &SimulateArgs,
    seed: u64,
    listener: Option<Listener>,
    progress: RunProgress,
) -> Result<Outcome, SeasonError> {
    let wall = Stopwatch::start();
    let steps_max = STEPS_MAX + STEPS_OF_BUYER * u64::from(args.buyers);
    let mut simulator = Simulator::new(seed, begins_at()).with_steps_max(steps_max);
    let clock = simulator.clock();
    let tracer = Tracer::new(Arc::new(clock.clone()));
    if let Some(listener) = listener {
        tracer.listen(listener);
    }
    let performances = Arc::default();
    let stand = Stand {
        handle: simulator.handle(),
        clock: clock.clone(),
        tracer: tracer.clone(),
        progress,
        performances: Arc::clone(&performances),
    };
    let ended = finish(&mut simulator, season::run(args.clone(), seed, stand));
    let tasks_peak = simulator.tasks_peak();
    let run = Run { args, seed, clock, tracer, wall, tasks_peak, performances };
    match ended {
        Ok(left) => run.count(&mut simulator, left?),
        Err(text) => Ok(run.cut_short(text)),
    }
}

/// Runs until a future is done, or says why it cannot be.
fn finish<T: Send + 'static>(
    simulator: &mut Simulator,
    future: impl Future<Output = T> + Send + 'static,
) -> Result<T, String> {
    match catch_unwind(AssertUnwindSafe(|| simulator.block_on(future))) {
        Ok(done) => done.map_err(|stopped| stopped.to_string()),
        Err(panic) => Err(format!("a task panicked: {}", said(&*panic))),
    }
}

fn named((name, count): (&'static str, u64)) -> (String, u64) {
    (name.to_owned(), count)
}

fn said(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("without a word")
}

/// The invariant of the whole store that was found broken while the run went on.
fn counted(broken: &Broken) -> Option<Checked> {
    let name = broken.name.filter(|name| *name != liveness::NAME)?;
    Some(Checked { name, ok: false, checked: 0, broken: vec![broken.text.clone()] })
}

/// A run that has ended.
struct Run<'a> {
    args: &'a SimulateArgs,
    seed: u64,
    clock: ManualClock,
    tracer: Tracer,
    wall: Stopwatch,
    tasks_peak: usize,
    performances: Arc<OnceLock<Vec<Uuid>>>,
}

impl Run<'_> {
    fn count(self, simulator: &mut Simulator, left: Left) -> Result<Outcome, SeasonError> {
        let settled_s = self.wall.elapsed().as_secs_f64();
        // Now: what is checked goes through no decorator, but it does so asynchronously.
        let (world, watch, left_at, ended) =
            (Arc::clone(&left.world), left.watch.clone(), left.sold_until, left.ended);
        let live = left.broken.clone();
        let counted = finish(simulator, async move {
            let store = &world.memory.store;
            let figures = Figures::count(store, &Scope::All, Currency::KRW, left_at).await?;
            let replayed = watch.replayed();
            let ends = Liveness::checked(live.as_ref(), ended);
            let mut checks = Vec::new();
            let of_model = live.as_ref().filter(|broken| broken.name.is_none());
            let mut broken_live: Vec<String> =
                of_model.map(|broken| broken.text.clone()).into_iter().collect();
            if live.is_none() {
                broken_live = watch.differences(store).await?;
                checks = audit(&world, Some(world.now())).await?.0;
                checks.push(left_over::check(store).await?);
                checks.push(left_over::accounts(store, &world.memory.gateway).await?);
            }
            let (name, ok) = ("written_as_on_the_model", broken_live.is_empty());
            checks.push(Checked { name, ok, checked: replayed, broken: broken_live });
            checks.push(ends);
            checks.extend(live.as_ref().and_then(counted));
            Ok::<_, SeasonError>((figures, Invariants(checks)))
        });
        let (figures, invariants) = match counted {
            Ok(counted) => counted?,
            Err(text) => return Ok(self.cut_short(text)),
        };
        let first = invariants.0.iter().find(|checked| !checked.ok);
        let broken = left.broken.or_else(|| {
            first.map(|checked| Broken::of(Found::AtTheEnd, checked.name, &checked.broken))
        });
        let world = &left.world;
        let (args, endings) = (self.args, world.funnel.endings().into_iter());
        let steps = world.measures.figures();
        let mut faults: BTreeMap<String, u64> = world.tally.counts();
        faults.extend(world.around.counts());
        faults.extend(world.memory.gateway.faults_met().into_iter().map(named));
        faults.extend(world.memory.publisher.faults_met().into_iter().map(|(name, count)| {
            // A call that is made twice has that name.
            named((if name == "publisher.twice" { "publisher.sent_twice" } else { name }, count))
        }));
        faults.extend(left.weather.counts().into_iter().map(named));
        // What the topic itself took twice happens behind every port, where nothing else counts it.
        let mut repeats = 0;
        world.memory.publisher.look_at_arrivals(|_, arrived| repeats += arrived.repeats());
        faults.insert("arrivals_repeated".to_owned(), repeats);
        let total_s = self.wall.elapsed().as_secs_f64();
        let report = Report {
            seed: self.seed,
            mode: "simulate",
            store: StoreKind::Memory,
            seats: args.seats,
            buyers: world.funnel.gone(),
            sold: figures.sold,
            refunded: figures.refunded,
            tickets: figures.tickets,
            revenue: Revenue {
                currency: Currency::KRW.code(),
                amount: figures.revenue_minor.to_string(),
            },
            duration_s: rounded(settled_s),
            purchases_per_s: rounded(per_second(figures.purchases, settled_s)),
            steps: steps.iter().copied().collect(),
            faults,
            invariants,
            simulation: Some(self.simulation(1)),
            story: Story {
                fault_level: args.faults,
                endings: endings.map(|(ending, count)| (ending.text(), count)).collect(),
                settled_in_s: 0.0,
                checked_in_s: total_s - settled_s,
                simulated: virtual_time(self.virtual_s()),
                steps: steps.iter().map(|(name, _)| *name).collect(),
            },
        };
        debug_assert!(world.funnel.arrived.load(Ordering::Relaxed) >= report.buyers);
        Ok(Outcome { report, broken, performances: self.performances() })
    }

    /// A run that could not go on: nothing can be counted.
    fn cut_short(self, text: String) -> Outcome {
        let (name, ok) = ("the_run_goes_on", false);
        let checked = Checked { name, ok, checked: 0, broken: vec![text.clone()] };
        let broken = Broken::by_its_words(Found::At(self.clock.now()), text);
        let report = Report::cut_short(
            self.seed,
            self.args.seats,
            self.args.faults,
            Invariants(vec![checked]),
            self.simulation(1),
        );
        Outcome { report, broken: Some(broken), performances: self.performances() }
    }

    fn performances(&self) -> Vec<Uuid> {
        self.performances.get().cloned().unwrap_or_default()
    }

    fn virtual_s(&self) -> i64 {
        (self.clock.now() - begins_at()).num_seconds()
    }

    fn simulation(&self, seeds_run: u64) -> InSimulation {
        InSimulation {
            trace_hash: self.tracer.hash().to_string(),
            calls: self.tracer.calls(),
            virtual_s: self.virtual_s(),
            seeds_run,
            tasks_peak: self.tasks_peak as u64,
            memory_peak_bytes: memory::peak_bytes(),
            failed: None,
        }
    }
}

fn virtual_time(seconds: i64) -> String {
    format!("{} d {} h", seconds / 86_400, seconds % 86_400 / 3_600)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_count_found_keeps_its_name() {
        let found = || Found::At(begins_at());
        let named = |name| counted(&Broken::of(found(), name, &["one too many".to_owned()]));
        let checked = named("allowances").expect("it has a name");
        assert_eq!((checked.name, checked.ok), ("allowances", false));
        assert_eq!(checked.broken, ["allowances: one too many"]);
        assert_eq!(named(liveness::NAME), None, "it is told anyhow");
        assert_eq!(counted(&Broken::by_its_words(found(), "seat 1 is free".to_owned())), None);
    }
}
