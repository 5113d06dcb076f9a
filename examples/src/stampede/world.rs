//! The system under storm, wired of in-memory adapters, and the world that it stands in.

use std::collections::BTreeMap;
use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use ticketing_core::box_office::{BoxOffice, TopUp};
use ticketing_core::id::{PerformanceId, SellerId, UserId};
use ticketing_core::label::Token;
use ticketing_core::memory::{
    ClockIds, FakeGateway, Memory, MemoryPublisher, MemoryStore, MemoryStoreOptions, Race,
    SeededRandom, StoreFault,
};
use ticketing_core::money::Money;
use ticketing_core::policy::{Deadlines, SalesPolicy};
use ticketing_core::port::{Clock, Ports, Random, Timer};
use ticketing_core::service::Failure;
use ticketing_core::testing::StorePorts;
use ticketing_core::testing::faults::{FaultRates, Weather};
use ticketing_core::waiting_line::AdmissionPolicy;

use super::database::Durable;
use super::defect::Defects;
use super::doors::Doors;
use super::errand::Errands;
use super::faults::{
    AroundTally, CountingGateway, FaultPlan, FaultTally, FlakyFraud, FlakyUsers, count,
};
use super::funnel::{Funnel, ReadModel};
use super::measure::Measures;
use super::simulate::Processes;
use super::stage::{self, OrSetUp, SetUpError};
use super::time::WorldClock;

/// When the run begins, on its own clock.
const BEGINS_AT: &str = "2027-03-01T00:58:00Z";
/// Events of the topic that are kept for a look; all are counted.
const EVENTS_KEPT: usize = 1_024;

/// What a world is made of.
#[derive(Clone, Debug)]
pub(crate) struct Plan {
    pub(crate) seed: u64,
    pub(crate) seats: u32,
    pub(crate) seats_per_buyer: u16,
    pub(crate) faults: FaultPlan,
    /// When the sales of each performance open, counted from the beginning; at least one.
    pub(crate) openings: Vec<Duration>,
    /// From then until the performance starts.
    pub(crate) starts_after: TimeDelta,
    pub(crate) deadlines: Deadlines,
    /// The partitions of the outbox.
    pub(crate) partitions: u16,
    pub(crate) admission: AdmissionPolicy,
    /// How much slower than they are asked to buyers look at their place in line.
    pub(crate) line_pace: u32,
}

/// One performance that is sold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Sale {
    pub(crate) performance: PerformanceId,
    pub(crate) opens_at: DateTime<Utc>,
    pub(crate) starts_at: DateTime<Utc>,
}

/// The system and the world around it.
pub(crate) struct World {
    pub(crate) seed: u64,
    /// Over the adapters themselves, whatever processes the buyers talk to.
    pub(crate) office: BoxOffice,
    /// Who answers the buyers; nobody means the office itself.
    pub(crate) processes: Option<Arc<Processes>>,
    pub(crate) memory: Memory<WorldClock>,
    /// The truth, wherever it is kept.
    pub(crate) store: StorePorts,
    /// The database that it is kept in, if any.
    pub(crate) durable: Option<Durable>,
    /// What sets this run apart from others over the same database; 0 in memory.
    pub(crate) run: u64,
    /// What goes wrong before the database.
    weather: Option<Weather>,
    pub(crate) clock: WorldClock,
    pub(crate) plan: FaultPlan,
    pub(crate) tally: Arc<FaultTally>,
    pub(crate) around: AroundTally,
    pub(crate) funnel: Arc<Funnel>,
    pub(crate) measures: Measures,
    pub(crate) errands: Errands,
    pub(crate) defects: Arc<Defects>,
    pub(crate) doors: Doors,
    pub(crate) seller: SellerId,
    pub(crate) sales: Vec<Sale>,
    pub(crate) capacity: u32,
    pub(crate) admission: AdmissionPolicy,
    pub(crate) line_pace: u32,
    closing: AtomicBool,
}

impl std::fmt::Debug for World {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("World").field("sales", &self.sales).finish_non_exhaustive()
    }
}

/// When a run begins, on its own clock.
pub(crate) fn begins_at() -> DateTime<Utc> {
    BEGINS_AT.parse().expect("an instant")
}

impl World {
    /// Sets up the adapters, the hall, the show, its performances and their lines, all in memory. Nothing
    /// fails yet. `before` is shown the store while it is empty.
    ///
    /// # Errors
    /// [`SetUpError`] if a part refuses what the plan asks for.
    pub(crate) async fn new(
        plan: &Plan,
        clock: WorldClock,
        before: impl FnOnce(&MemoryStore) + Send,
    ) -> Result<Self, SetUpError> {
        let seeds = Arc::new(SeededRandom::new(plan.seed));
        let memory = memory(&clock, plan, &seeds)?;
        before(&memory.store);
        let store = StorePorts::of(&Arc::new(memory.store.clone()));
        let parts = Parts { memory, store, durable: None, run: 0, weather: None };
        Self::of(plan, clock, &seeds, parts).await
    }

    /// The same over a database. Its ids and buyers are no other run's, whatever the seed is.
    ///
    /// # Errors
    /// [`SetUpError`] if a part refuses what the plan asks for.
    pub(crate) async fn over(
        plan: &Plan,
        clock: WorldClock,
        durable: Durable,
    ) -> Result<Self, SetUpError> {
        let seeds = Arc::new(SeededRandom::new(plan.seed));
        let mut memory = memory(&clock, plan, &seeds)?;
        let (time, fresh) = (|| Arc::new(clock.clone()), Arc::new(SeededRandom::from_entropy()));
        let run = fresh.next_u64() | 1;
        memory.ids = Arc::new(ClockIds::new(time(), fresh));
        let mut store = StorePorts::of(&durable.store);
        let weather = plan.faults.store_fails().then(|| {
            let weather = Weather::new(time(), time(), chance(&seeds), FaultRates::default());
            store.store = weather.store(0, Arc::clone(&store.store));
            weather
        });
        let parts = Parts { memory, store, durable: Some(durable), run, weather };
        Self::of(plan, clock, &seeds, parts).await
    }

    async fn of(
        plan: &Plan,
        clock: WorldClock,
        seeds: &SeededRandom,
        given: Parts,
    ) -> Result<Self, SetUpError> {
        let Parts { memory, store, durable, run, weather } = given;
        let tally = Arc::new(FaultTally::default());
        let funnel = Arc::new(Funnel::default());
        let begins_at = clock.now();
        let office = BoxOffice::new(ports(&memory, &store, plan.faults, &tally, &funnel, seeds));
        let admission = plan.admission;
        let stage = stage::set_up(&office, plan.seats, policy(plan)).await?;
        let mut sales = Vec::with_capacity(plan.openings.len());
        for after in &plan.openings {
            let opens_at = begins_at + *after;
            let starts_at = opens_at + plan.starts_after;
            let times = (opens_at, starts_at);
            let performance = stage.schedule(&office, times, admission.active_max).await?;
            sales.push(Sale { performance, opens_at, starts_at });
        }
        Ok(Self {
            seed: plan.seed,
            office,
            processes: None,
            memory,
            store,
            durable,
            run,
            weather,
            clock: clock.clone(),
            plan: plan.faults,
            tally,
            around: AroundTally::default(),
            funnel,
            measures: Measures::over(&clock),
            errands: Errands::default(),
            defects: Arc::default(),
            doors: Doors::default(),
            seller: stage.seller,
            sales,
            capacity: plan.seats,
            admission,
            line_pace: plan.line_pace,
            closing: AtomicBool::new(false),
        })
    }

    /// The first performance; the only one of a storm.
    pub(crate) fn sale(&self) -> Sale {
        self.sales[0]
    }

    /// Asks whoever answers the buyers.
    ///
    /// # Errors
    /// The answer's own, or that it got lost with the process that was asked.
    pub(crate) async fn call<T, E, F>(
        &self,
        ask: impl FnOnce(BoxOffice) -> F + Send,
    ) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<Failure> + Send + 'static,
        F: Future<Output = Result<T, E>> + Send + 'static,
    {
        match &self.processes {
            None => ask(self.office.clone()).await,
            Some(processes) => processes.call(ask).await,
        }
    }

    /// From now on the store fails as planned. A database only loses answers: it has races and deadlocks of
    /// its own.
    ///
    /// # Errors
    /// [`SetUpError`] if the plan asks for more than there is.
    pub(crate) fn let_store_fail(&self) -> Result<(), SetUpError> {
        if !self.plan.store_fails() {
            return Ok(());
        }
        if let Some(weather) = &self.weather {
            let mut rates = FaultRates::default();
            rates.set("store.after", self.plan.commit_answers_lost).or_set_up("weather")?;
            weather.set_rates(rates);
            return Ok(());
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
        Ok(())
    }

    /// Faults that were met, by kind.
    pub(crate) fn faults(&self) -> BTreeMap<String, u64> {
        let mut counts = self.tally.counts();
        if let Some(weather) = &self.weather {
            let lost = weather.counts().get("store.after").copied().unwrap_or(0);
            counts.insert("store_answers_lost".to_owned(), lost);
        }
        counts
    }

    pub(crate) fn now(&self) -> DateTime<Utc> {
        self.clock.now()
    }

    pub(crate) async fn wait(&self, time: Duration) {
        self.clock.sleep_until(self.clock.meeting(self.now() + time)).await;
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

/// Where a world keeps the truth, and what else it is made of.
struct Parts {
    memory: Memory<WorldClock>,
    store: StorePorts,
    durable: Option<Durable>,
    run: u64,
    weather: Option<Weather>,
}

fn memory(
    clock: &WorldClock,
    plan: &Plan,
    seeds: &SeededRandom,
) -> Result<Memory<WorldClock>, SetUpError> {
    let time = || Arc::new(clock.clone());
    let gateway = FakeGateway::seeded(time(), time(), chance(seeds), plan.faults.gateway);
    let publisher = MemoryPublisher::seeded(EVENTS_KEPT, chance(seeds), plan.faults.publisher);
    let race = plan.faults.races.then(Race::default);
    Ok(Memory::at(clock.clone())
        .seed(seeds.next_u64())
        .store(MemoryStoreOptions { race, partitions: plan.partitions, ..Default::default() })
        .gateway(gateway.or_set_up("gateway")?)
        .publisher(publisher.or_set_up("publisher")?)
        .build())
}

/// The adapters, with those that fail by chance and those that count in front.
fn ports(
    memory: &Memory<WorldClock>,
    store: &StorePorts,
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
    let store = store.clone();
    Ports {
        store: store.store,
        layouts: store.layouts,
        reservations: store.reservations,
        checkouts: store.checkouts,
        payments: store.payments,
        refunds: store.refunds,
        tickets: store.tickets,
        ledger: store.ledger,
        claims: store.claims,
        receipts: store.receipts,
        retention: store.retention,
        outbox: store.outbox,
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

fn policy(plan: &Plan) -> SalesPolicy {
    let Plan { seats_per_buyer, deadlines, .. } = *plan;
    SalesPolicy {
        seats_per_reservation: seats_per_buyer,
        tickets_per_user: seats_per_buyer,
        waiting_room: true,
        deadlines,
        ..SalesPolicy::default()
    }
}

/// The default deadlines, but for a short wait for refund accounts.
pub(crate) fn deadlines() -> Deadlines {
    Deadlines { refund_account_wait: Duration::from_hours(3 * 24), ..Deadlines::default() }
}
