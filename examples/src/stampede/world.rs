//! The system under storm, wired of in-memory adapters, and the world that it stands in.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use chrono::{DateTime, Utc};
use ticketing_core::box_office::{BoxOffice, TopUp};
use ticketing_core::id::{PerformanceId, UserId};
use ticketing_core::label::Token;
use ticketing_core::memory::{
    FakeGateway, Memory, MemoryPublisher, MemoryStoreOptions, Race, SeededRandom, StoreFault,
};
use ticketing_core::money::Money;
use ticketing_core::policy::{Deadlines, SalesPolicy};
use ticketing_core::port::{Clock, Ports, Random, Timer};
use ticketing_core::waiting_line::AdmissionPolicy;

use super::args::LoadArgs;
use super::clock::ScaledClock;
use super::defect::Defects;
use super::errand::Errands;
use super::faults::{CountingGateway, FaultPlan, FaultTally, FlakyFraud, FlakyUsers, count};
use super::funnel::{Funnel, ReadModel};
use super::measure::Measures;
use super::stage::{self, OPENS_AFTER, OrSetUp, SetUpError};

/// When the run begins, on its own clock.
const BEGINS_AT: &str = "2027-03-01T00:58:00Z";
/// Events of the topic that are kept for a look; all are counted.
const EVENTS_KEPT: usize = 1_024;

/// The system and the world around it.
pub(crate) struct World {
    pub(crate) seed: u64,
    pub(crate) office: BoxOffice,
    pub(crate) memory: Memory<ScaledClock>,
    pub(crate) clock: ScaledClock,
    pub(crate) plan: FaultPlan,
    pub(crate) tally: Arc<FaultTally>,
    pub(crate) funnel: Arc<Funnel>,
    pub(crate) measures: Measures,
    pub(crate) errands: Errands,
    pub(crate) defects: Defects,
    pub(crate) performance: PerformanceId,
    pub(crate) capacity: u32,
    pub(crate) opens_at: DateTime<Utc>,
    pub(crate) admission: AdmissionPolicy,
    closing: AtomicBool,
}

impl std::fmt::Debug for World {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("World").field("performance", &self.performance).finish_non_exhaustive()
    }
}

impl World {
    /// Sets up the adapters, the hall, the show and the line. Nothing fails yet.
    ///
    /// # Errors
    /// [`SetUpError`] if a part refuses what the arguments ask for.
    pub(crate) async fn new(args: &LoadArgs) -> Result<Self, SetUpError> {
        let plan = FaultPlan::of(args.faults);
        let tally = Arc::new(FaultTally::default());
        let funnel = Arc::new(Funnel::default());
        let begins_at: DateTime<Utc> = BEGINS_AT.parse().or_set_up("clock")?;
        let clock = ScaledClock::new(begins_at, args.speed);
        let seeds = Arc::new(SeededRandom::new(args.seed));
        let memory = memory(&clock, plan, &seeds)?;
        let ports = ports(&memory, plan, &tally, &funnel, &seeds);
        let office = BoxOffice::new(ports);
        let admission = AdmissionPolicy {
            per_interval: u64::from(args.seats / 100).clamp(5, 200),
            interval: Duration::from_secs(1),
            active_max: u64::from(args.seats / 4).clamp(50, 10_000),
        };
        let opens_at = begins_at + OPENS_AFTER;
        let hall = stage::Hall {
            seats: args.seats,
            policy: policy(args.seats_per_buyer),
            opens_at,
            active_max: admission.active_max,
        };
        let performance = stage::set_up(&office, hall).await?;
        Ok(Self {
            seed: args.seed,
            office,
            memory,
            clock,
            plan,
            tally,
            funnel,
            measures: Measures::new(),
            errands: Errands::default(),
            defects: Defects::default(),
            performance,
            capacity: args.seats,
            opens_at,
            admission,
            closing: AtomicBool::new(false),
        })
    }

    /// From now on the store fails as planned.
    pub(crate) fn let_store_fail(&self) {
        if !self.plan.store_fails() {
            return;
        }
        let (plan, tally) = (self.plan, Arc::clone(&self.tally));
        let random = SeededRandom::new(!self.seed);
        self.memory.store.fail_when(move |_| {
            let fault = plan.store_fault(&random);
            match fault {
                Some(StoreFault::LoseAnswer { .. }) => count(&tally.store_answers_lost),
                Some(_) => count(&tally.store_deadlocks),
                None => {}
            }
            fault
        });
    }

    pub(crate) fn now(&self) -> DateTime<Utc> {
        self.clock.now()
    }

    pub(crate) async fn wait(&self, time: Duration) {
        self.clock.sleep_until(self.now() + time).await;
    }

    /// No more buyers come, and who waits in line goes home.
    pub(crate) fn close(&self) {
        self.closing.store(true, Ordering::Relaxed);
    }

    pub(crate) fn is_closing(&self) -> bool {
        self.closing.load(Ordering::Relaxed)
    }

    /// Gives a buyer points before the sale.
    pub(crate) async fn top_up(&self, user: UserId, amount: Money) -> Result<(), SetUpError> {
        let key = Token::new("before-the-sale").or_set_up("wallet")?;
        self.office.top_up(TopUp { user, amount, key }).await.or_set_up("wallet")?;
        Ok(())
    }
}

fn memory(
    clock: &ScaledClock,
    plan: FaultPlan,
    seeds: &SeededRandom,
) -> Result<Memory<ScaledClock>, SetUpError> {
    let time = || Arc::new(clock.clone());
    let gateway = FakeGateway::seeded(time(), time(), chance(seeds), plan.gateway);
    let publisher = MemoryPublisher::seeded(EVENTS_KEPT, chance(seeds), plan.publisher);
    let race = plan.races.then(Race::default);
    Ok(Memory::at(clock.clone())
        .seed(seeds.next_u64())
        .store(MemoryStoreOptions { race, ..MemoryStoreOptions::default() })
        .gateway(gateway.or_set_up("gateway")?)
        .publisher(publisher.or_set_up("publisher")?)
        .build())
}

/// The adapters, with those that fail by chance and those that count in front.
fn ports(
    memory: &Memory<ScaledClock>,
    plan: FaultPlan,
    tally: &Arc<FaultTally>,
    funnel: &Arc<Funnel>,
    seeds: &SeededRandom,
) -> Ports {
    let read_model =
        ReadModel::new(Arc::clone(&memory.publisher), Arc::clone(funnel), Arc::clone(tally));
    let gateway = CountingGateway { inner: Arc::clone(&memory.gateway), tally: Arc::clone(tally) };
    let users = FlakyUsers {
        inner: Arc::clone(&memory.users),
        plan,
        random: chance(seeds),
        tally: Arc::clone(tally),
    };
    let fraud = FlakyFraud {
        inner: Arc::clone(&memory.fraud),
        plan,
        random: chance(seeds),
        tally: Arc::clone(tally),
    };
    Ports {
        publisher: Arc::new(read_model),
        gateway: Arc::new(gateway),
        users: Arc::new(users),
        fraud: Arc::new(fraud),
        ..memory.ports()
    }
}

fn chance(seeds: &SeededRandom) -> Arc<dyn Random> {
    Arc::new(SeededRandom::new(seeds.next_u64()))
}

fn policy(seats_per_buyer: u16) -> SalesPolicy {
    let refund_account_wait = Duration::from_hours(3 * 24);
    SalesPolicy {
        seats_per_reservation: seats_per_buyer,
        tickets_per_user: seats_per_buyer,
        waiting_room: true,
        deadlines: Deadlines { refund_account_wait, ..Deadlines::default() },
        ..SalesPolicy::default()
    }
}
