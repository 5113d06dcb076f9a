//! One season from one seed: the sales, the settling, the checks.

use std::ops::Range;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use ticketing_core::error::PortError;
use ticketing_core::memory::{GatewayFaults, ManualClock, PublisherFaults, SeededRandom};
use ticketing_core::policy::Deadlines;
use ticketing_core::port::Random;
use ticketing_core::testing::faults::Weather;
use ticketing_core::testing::sim::{Group, Handle};
use ticketing_core::testing::trace::Tracer;
use ticketing_core::waiting_line::AdmissionPolicy;
use uuid::Uuid;

use super::args::SimulateArgs;
use super::calendar::{Calendar, SALE_EVERY, SALE_MAX};
use super::chores::Chores;
use super::failure::{Broken, Found};
use super::liveness::{self, Liveness};
use super::mischief::Mischief;
use super::outside::Outside;
use super::process::Processes;
use super::progress::RunProgress;
use super::rates::{RateError, Rates};
use super::sale::Gate;
use super::seller;
use super::watch::Watch;
use crate::stampede::settle::is_anything_left;
use crate::stampede::stage::{OPENS_AFTER, SetUpError};
use crate::stampede::sweep::Sweep;
use crate::stampede::time::WorldClock;
use crate::stampede::world::{Plan, World, begins_at, deadlines};

/// Few, so that an idle relay has little to look at.
const PARTITIONS: u16 = 8;
/// How much slower than they are asked to buyers look at their place in line: a crowd of a million that
/// asks every few seconds would do little else.
const LINE_PACE: u32 = 4;
const LOOK_EVERY: Duration = Duration::from_mins(1);
/// How late anything may be while things go wrong as a level has it: processes that are down and clocks that are
/// off keep sweeps from their work for a while.
const STUCK_AFTER: Duration = Duration::from_hours(6);
/// From the opening of the sales to the start: sooner than the last buyers give tickets back.
const STARTS_AFTER: TimeDelta = TimeDelta::days(9);
/// Hardly longer than the time until payment must have started, so that much money comes after it.
const CARD_MAX: Duration = Duration::from_mins(12);
/// How long after a sale its last buyers may still be inside: they think for a while, pay at most four times
/// and look for half an hour whether the gateway has answered.
const HOME_WITHIN: Duration = Duration::from_hours(12);
/// More calls of ports than one of them waits for, each of which may be held up.
const CALLS_INSIDE: u32 = 500;

/// What a season left behind.
pub(super) struct Left {
    pub(super) world: Arc<World>,
    pub(super) watch: Watch,
    pub(super) weather: Weather,
    /// When the last buyer had gone.
    pub(super) sold_until: DateTime<Utc>,
    /// Visits that ended, and things that were open when nothing went wrong any more.
    pub(super) ended: u64,
    /// What broke while it went on; then nothing was settled.
    pub(super) broken: Option<Broken>,
}

/// Where a season runs, and who looks on.
pub(super) struct Stand {
    pub(super) handle: Handle,
    pub(super) clock: ManualClock,
    pub(super) tracer: Tracer,
    pub(super) progress: RunProgress,
    /// What is on sale, once it is known: also of a run that ends before it is counted.
    pub(super) performances: Arc<OnceLock<Vec<Uuid>>>,
}

/// Everything that a season runs with.
struct Season {
    world: Arc<World>,
    watch: Watch,
    weather: Weather,
    tracer: Tracer,
    clock: ManualClock,
    handle: Handle,
    processes: Arc<Processes>,
    calendar: Arc<Calendar>,
    quiet: Arc<AtomicBool>,
    outside: Outside,
    /// What goes wrong with processes and stores.
    mischief: Group,
    rates: Rates,
    seeds: SeededRandom,
}

fn crowds(args: &SimulateArgs) -> Vec<Range<u32>> {
    let each = args.seats.saturating_mul(args.demand);
    let step = usize::try_from(each).unwrap_or(usize::MAX).max(1);
    (0..args.buyers)
        .step_by(step)
        .map(|first| first..args.buyers.min(first.saturating_add(each)))
        .collect()
}

fn openings(count: usize) -> Vec<Duration> {
    std::iter::successors(Some(OPENS_AFTER), |at| Some(*at + SALE_EVERY)).take(count).collect()
}

/// The world of a season.
pub(super) fn plan(args: &SimulateArgs, seed: u64, rates: &Rates) -> Plan {
    Plan {
        seed,
        seats: args.seats,
        seats_per_buyer: args.seats_per_buyer,
        faults: rates.plan,
        openings: openings(crowds(args).len()),
        starts_after: STARTS_AFTER,
        deadlines: Deadlines { card_max: CARD_MAX, ..deadlines() },
        partitions: PARTITIONS,
        admission: AdmissionPolicy {
            per_interval: u64::from(args.seats / 4).clamp(5, 4_000),
            interval: Duration::from_secs(10),
            active_max: u64::from(2 * args.seats).clamp(50, 8_000),
        },
        line_pace: LINE_PACE,
    }
}

/// Runs a season to its end, or to the first thing that breaks.
pub(super) async fn run(args: SimulateArgs, seed: u64, stand: Stand) -> Result<Left, SeasonError> {
    let Stand { handle, clock, tracer, progress, performances } = stand;
    let horizon = args.horizon().map_or(DateTime::<Utc>::MAX_UTC, |after| begins_at() + after);
    let season = Season::new(&args, seed, handle, clock, tracer).await?;
    let _ = performances
        .set(season.world.sales.iter().map(|sale| sale.performance.as_uuid()).collect());
    let sold_until = season.sell(&args, horizon, &progress).await?;
    let (mut broken, mut opened) = (season.watch.broken(), 0);
    if broken.is_none() {
        opened = season.settle(horizon, &progress).await?;
        broken = season.watch.broken();
    }
    let Season { world, watch, weather, .. } = season;
    let ended = world.funnel.gone() + opened;
    Ok(Left { world, watch, weather, sold_until, ended, broken })
}

/// Why a season could not be run.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SeasonError {
    /// The rates of faults do not go together.
    #[error(transparent)]
    Rates(#[from] RateError),
    /// The world could not be made.
    #[error(transparent)]
    SetUp(#[from] SetUpError),
    /// The store could not be read.
    #[error("the store cannot be read")]
    Store(#[from] PortError),
}

impl Season {
    async fn new(
        args: &SimulateArgs,
        seed: u64,
        handle: Handle,
        clock: ManualClock,
        tracer: Tracer,
    ) -> Result<Self, SeasonError> {
        let rates = args.rates()?;
        let plan = plan(args, seed, &rates);
        // A rate that somebody sets may be that of a gateway that never answers.
        let stuck_after = if args.rates.is_empty() { STUCK_AFTER } else { Duration::MAX };
        let watch = Watch::new(Arc::new(clock.clone()), stuck_after);
        let virtual_clock = WorldClock::Virtual(clock.clone());
        let mut world = World::new(&plan, virtual_clock, |store| watch.attach(store)).await?;
        watch.compare_with(&world.memory.gateway);
        let seeds = SeededRandom::new(seed ^ 0x5ea5_0000_0000);
        let time = || Arc::new(clock.clone());
        let chance = Arc::new(SeededRandom::new(seeds.next_u64()));
        let weather = Weather::new(time(), time(), chance, rates.calls)
            .with_tracer(tracer.clone())
            .yielding(true);
        let calendar = Arc::new(Calendar::of(&world.sales));
        let quiet = Arc::new(AtomicBool::new(false));
        let chores = Chores {
            calendar: Arc::clone(&calendar),
            admission: world.admission,
            defects: Arc::clone(&world.defects),
            quiet: Arc::clone(&quiet),
        };
        let ports = world.office.ports().clone();
        let ports = match args.sabotage {
            Some(sabotage) => sabotage(seed, ports),
            None => ports,
        };
        let processes = Arc::new(Processes::new(
            args.processes,
            handle.clone(),
            weather.clone(),
            (ports, clock.clone()),
            SeededRandom::new(seeds.next_u64()),
            chores,
        ));
        world.processes = Some(Arc::clone(&processes));
        let world = Arc::new(world);
        let outside = Outside::new(&world, (&handle, &quiet), rates.around, seeds.next_u64());
        let mischief = handle.new_group();
        Ok(Self {
            world,
            watch,
            weather,
            tracer,
            clock,
            handle,
            processes,
            calendar,
            quiet,
            outside,
            mischief,
            rates,
            seeds,
        })
    }

    /// Sells every performance; ends when the last buyer has gone, or at the first thing that breaks. From
    /// the horizon on nobody comes.
    async fn sell(
        &self,
        args: &SimulateArgs,
        horizon: DateTime<Utc>,
        progress: &RunProgress,
    ) -> Result<DateTime<Utc>, SeasonError> {
        let (world, handle) = (&self.world, &self.handle);
        world.let_store_fail()?;
        (0..self.processes.count()).for_each(|place| self.processes.start(place));
        self.start_mischief();
        seller::plan(world, self.rates.around);
        self.outside.start(&self.calendar);
        let (buyers, turns) = (handle.new_group(), Arc::new(AtomicUsize::new(0)));
        let open = Arc::new(AtomicUsize::new(world.sales.len()));
        let mut gates = Vec::with_capacity(world.sales.len());
        for (place, (sale, crowd)) in world.sales.iter().zip(crowds(args)).enumerate() {
            let gate = Gate::new(world, (handle, buyers), *sale, horizon, &turns, args);
            let gate = Arc::new(gate);
            gates.push(Arc::clone(&gate));
            let (calendar, open) = (Arc::clone(&self.calendar), Arc::clone(&open));
            drop(handle.spawn(buyers, async move {
                gate.run(crowd).await;
                calendar.close(place);
                open.fetch_sub(1, Ordering::Relaxed);
            }));
        }
        let (mut is_calm, home_by) = (false, self.home_by());
        while open.load(Ordering::Relaxed) > 0 && self.watch.broken().is_none() {
            world.wait(LOOK_EVERY).await;
            progress.look(world.funnel.gone(), world.now());
            self.watch.count_if_due(&world.memory.store).await?;
            if world.now() >= horizon && !is_calm {
                is_calm = true;
                self.calm();
            }
            if world.now() > home_by {
                let inside: Vec<String> = gates.iter().flat_map(|gate| gate.inside()).collect();
                self.watch.found(still_here(&inside, world.now(), home_by));
            }
        }
        world.close();
        Ok(world.now())
    }

    /// When the last buyer of the last sale must have gone.
    fn home_by(&self) -> DateTime<Utc> {
        let held_up = self.rates.calls.delay_max().max(self.rates.plan.gateway.slow_max);
        let last = self.world.sales.iter().map(|sale| sale.opens_at).max();
        last.unwrap_or_else(begins_at) + SALE_MAX + HOME_WITHIN + CALLS_INSIDE * held_up
    }

    fn start_mischief(&self) {
        let mischief = Mischief {
            world: Arc::clone(&self.world),
            processes: Arc::clone(&self.processes),
            calendar: Arc::clone(&self.calendar),
            tracer: self.tracer.clone(),
            clock: self.clock.clone(),
            random: Arc::new(SeededRandom::new(self.seeds.next_u64())),
            mishaps: self.rates.mishaps,
            quiet: Arc::clone(&self.quiet),
        };
        mischief.start(&self.handle, self.mischief);
    }

    /// Nothing goes wrong from now on: every process is up and its clock is right.
    fn calm(&self) {
        self.handle.kill(self.mischief);
        self.weather.calm();
        self.world.memory.store.fail_never();
        let calm = "no faults at all are within the bounds";
        let chance = || Arc::new(SeededRandom::new(0));
        let memory = &self.world.memory;
        memory.gateway.set_faults(chance(), GatewayFaults::default()).expect(calm);
        memory.publisher.set_faults(chance(), PublisherFaults::default()).expect(calm);
        for place in 0..self.processes.count() {
            match self.processes.clock(place) {
                Some(clock) => clock.set_offset(TimeDelta::zero()),
                None => self.processes.start(place),
            }
        }
    }

    /// Waits until nothing is left to do. All goes wrong until the doors of the last performance are closed;
    /// from then on everything must end: how many things were open.
    async fn settle(
        &self,
        horizon: DateTime<Utc>,
        progress: &RunProgress,
    ) -> Result<u64, SeasonError> {
        let world = &self.world;
        self.quiet.store(true, Ordering::Relaxed);
        let last = world.sales.iter().map(|sale| sale.starts_at).max();
        let rough_until = horizon.min(last.unwrap_or(horizon));
        let mut ending: Option<Liveness> = None;
        loop {
            world.wait(10 * LOOK_EVERY).await;
            progress.look(world.funnel.gone(), world.now());
            self.watch.count_if_due(&world.memory.store).await?;
            if self.watch.broken().is_some() {
                break;
            }
            if ending.is_none() && world.now() >= rough_until {
                self.calm();
                ending = Some(Liveness::from_now(world));
            }
            let is_planned = world.errands.next_at().is_some() || self.outside.is_busy();
            if !is_planned && !is_anything_left(world).await? {
                // Nothing but the calm may be left.
                self.calm();
                self.sweep_holds().await;
                break;
            }
            if let Some(ending) = &mut ending
                && let Some(broken) = ending.look(world, self.outside.what_is_under_way()).await?
            {
                self.watch.found(broken);
                break;
            }
        }
        Ok(ending.map_or(0, |ending| ending.seen()))
    }

    async fn sweep_holds(&self) {
        let world = &self.world;
        for sale in &world.sales {
            Sweep::Holds.run_through(&world.office, sale.performance, &world.defects).await;
        }
    }
}

fn still_here(inside: &[String], now: DateTime<Utc>, home_by: DateTime<Utc>) -> Broken {
    let told =
        |who: &str| format!("{who} is still there at {now}, at the latest to be gone by {home_by}");
    let mut told: Vec<String> = inside.iter().map(|who| told(who)).collect();
    if told.is_empty() {
        told.push(format!(
            "a sale is still not over at {now}, at the latest to be so by {home_by}"
        ));
    }
    told.truncate(liveness::NAMED);
    Broken::of(Found::At(now), liveness::NAME, &told)
}
