//! The system under storm, wired of in-memory adapters, and the world that it stands in.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use chrono_tz::Tz;
use ticketing_core::admission::{Admission, AdmissionToken};
use ticketing_core::change_set::ChangeSet;
use ticketing_core::error::PortError;
use ticketing_core::id::{
    AdmissionId, ChangeSetId, EntryId, PerformanceId, SellerId, ShowId, UserId, VenueId,
};
use ticketing_core::label::{Grade, Title};
use ticketing_core::layout::Layout;
use ticketing_core::ledger::{Booking, JournalEntry};
use ticketing_core::memory::{
    ClockIds, FakeGateway, MemoryHolds, MemoryPublisher, MemoryRateLimit, MemoryStore,
    MemoryStoreOptions, MemoryUsers, MemoryWaitingRoom, Race, SeededRandom, StoreFault,
};
use ticketing_core::money::{BasisPoints, Currency, Money};
use ticketing_core::performance::{NewPerformance, Performance};
use ticketing_core::policy::{Deadlines, SalesPolicy};
use ticketing_core::port::{Clock, CommitError, LineRules, Ports, Random, Timer};
use ticketing_core::seat::{SeatMap, Seats};
use ticketing_core::show::{NewShow, PriceList, Show};
use ticketing_core::signing::{HmacSigner, KeyRing, SigningKey};
use ticketing_core::venue::Venue;
use ticketing_core::waiting_line::AdmissionPolicy;

use super::args::LoadArgs;
use super::clock::ScaledClock;
use super::errand::Errands;
use super::faults::{CountingGateway, FaultPlan, FaultTally, FlakyFraud, FlakyUsers, count};
use super::funnel::{Ending, Funnel, ReadModel};
use super::hall::{GRADES, layout, won};
use super::loops::Strange;
use super::measure::Measures;

/// When the run begins, on its own clock.
const BEGINS_AT: &str = "2027-03-01T00:58:00Z";
/// From the beginning until sales open: who comes earlier waits.
pub(crate) const OPENS_AFTER: Duration = Duration::from_mins(2);
/// Points of a buyer who pays the rest by card, in won.
pub(crate) const POINTS_OF_MIXED: i64 = 50_000;
const STARTS_AFTER: TimeDelta = TimeDelta::days(30);
/// Events of the topic that are kept for a look; all are counted.
const EVENTS_KEPT: usize = 1_024;
/// Defects of which the text is kept.
const DEFECTS_KEPT: usize = 20;

/// Why the world could not be made.
#[derive(Debug, thiserror::Error)]
#[error("the {what} cannot be set up")]
pub struct SetUpError {
    what: &'static str,
    #[source]
    source: Box<dyn std::error::Error + Send + Sync>,
}

trait OrSetUp<T> {
    fn or_set_up(self, what: &'static str) -> Result<T, SetUpError>;
}

impl<T, E: Into<Box<dyn std::error::Error + Send + Sync>>> OrSetUp<T> for Result<T, E> {
    fn or_set_up(self, what: &'static str) -> Result<T, SetUpError> {
        self.map_err(|error| SetUpError { what, source: error.into() })
    }
}

/// Calls that ended as no correct system would let them end.
#[derive(Debug, Default)]
pub(crate) struct Defects {
    count: AtomicU64,
    first: Mutex<Vec<String>>,
}

impl Defects {
    pub(crate) fn note(&self, what: &str, error: &(dyn std::error::Error + 'static)) {
        count(&self.count);
        let mut first = self.first.lock().unwrap_or_else(PoisonError::into_inner);
        if first.len() < DEFECTS_KEPT {
            let mut text = format!("{what}: {error}");
            let mut source = error.source();
            while let Some(cause) = source {
                text.push_str(": ");
                text.push_str(&cause.to_string());
                source = cause.source();
            }
            first.push(text);
        }
    }

    pub(crate) fn count(&self) -> u64 {
        self.count.load(Ordering::Relaxed)
    }

    pub(crate) fn first(&self) -> Vec<String> {
        self.first.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// The system and the world around it.
pub struct World {
    pub(crate) seed: u64,
    pub(crate) ports: Ports,
    pub(crate) clock: Arc<ScaledClock>,
    pub(crate) store: MemoryStore,
    pub(crate) holds: Arc<MemoryHolds>,
    pub(crate) gateway: Arc<FakeGateway>,
    pub(crate) topic: Arc<MemoryPublisher>,
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
    admission_ttl: Duration,
    closing: AtomicBool,
}

impl std::fmt::Debug for World {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("World").field("performance", &self.performance).finish_non_exhaustive()
    }
}

impl World {
    /// Sets up the adapters, the hall, the show and the line.
    ///
    /// # Errors
    /// [`SetUpError`] if a part refuses what the arguments ask for.
    pub async fn new(args: &LoadArgs) -> Result<Self, SetUpError> {
        let plan = FaultPlan::of(args.faults);
        let tally = Arc::new(FaultTally::default());
        let funnel = Arc::new(Funnel::default());
        let begins_at: DateTime<Utc> = BEGINS_AT.parse().or_set_up("clock")?;
        let clock = Arc::new(ScaledClock::new(begins_at, args.speed));
        let chance = |stream: u64| -> Arc<dyn Random> {
            Arc::new(SeededRandom::new(args.seed.wrapping_mul(31).wrapping_add(stream)))
        };
        let (time, timer): (Arc<dyn Clock>, Arc<dyn Timer>) = (clock.clone(), clock.clone());
        let gateway = FakeGateway::seeded(time.clone(), timer.clone(), chance(1), plan.gateway);
        let gateway = Arc::new(gateway.or_set_up("gateway")?);
        let topic = MemoryPublisher::seeded(EVENTS_KEPT, chance(2), plan.publisher);
        let topic = Arc::new(topic.or_set_up("publisher")?);
        let store = store(plan, &time, chance(3), &tally);
        let holds = Arc::new(MemoryHolds::new());
        let random = chance(4);
        let key = SigningKey::new(&[7; 32]).or_set_up("signer")?;
        let users =
            FlakyUsers { inner: MemoryUsers::new(), plan, random: chance(5), tally: tally.clone() };
        let ports = Ports {
            store: Arc::new(store.clone()),
            layouts: Arc::new(store.clone()),
            reservations: Arc::new(store.clone()),
            checkouts: Arc::new(store.clone()),
            payments: Arc::new(store.clone()),
            refunds: Arc::new(store.clone()),
            tickets: Arc::new(store.clone()),
            ledger: Arc::new(store.clone()),
            claims: Arc::new(store.clone()),
            receipts: Arc::new(store.clone()),
            retention: Arc::new(store.clone()),
            outbox: Arc::new(store.clone()),
            publisher: Arc::new(ReadModel::new(topic.clone(), funnel.clone(), tally.clone())),
            holds: holds.clone(),
            waiting_room: Arc::new(MemoryWaitingRoom::new()),
            rate_limit: Arc::new(MemoryRateLimit::new()),
            gateway: Arc::new(CountingGateway { inner: gateway.clone(), tally: tally.clone() }),
            users: Arc::new(users),
            fraud: Arc::new(FlakyFraud { plan, random: chance(6), tally: tally.clone() }),
            clock: time.clone(),
            timer,
            ids: Arc::new(ClockIds::new(time, random.clone())),
            random,
            signer: Arc::new(HmacSigner::new(KeyRing::new(key))),
        };
        let policy = policy(args.seats_per_buyer);
        let admission_ttl = policy.deadlines.admission;
        let opens_at = begins_at + OPENS_AFTER;
        let performance = stage(&ports, args.seats, policy, opens_at).await?;
        let admission = AdmissionPolicy {
            per_interval: u64::from(args.seats / 100).clamp(5, 200),
            interval: Duration::from_secs(1),
            active_max: u64::from(args.seats / 4).clamp(50, 10_000),
        };
        let rules = LineRules {
            active_max: admission.active_max,
            line_max: u64::from(args.buyers).max(1),
            opens_at: Some(opens_at),
        };
        ports.waiting_room.configure(performance, rules).await.or_set_up("line")?;
        Ok(Self {
            seed: args.seed,
            ports,
            clock,
            store,
            holds,
            gateway,
            topic,
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
            admission_ttl,
            closing: AtomicBool::new(false),
        })
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

    /// The hall as a buyer sees it.
    pub(crate) async fn seat_map(&self) -> Result<SeatMap, PortError> {
        let claims = self.ports.claims.bits(self.performance, self.capacity).await?;
        let held = self.ports.holds.held(self.performance, self.capacity, self.now()).await?;
        Ok(SeatMap::new(claims, held))
    }

    /// What these seats cost.
    pub(crate) async fn price(&self, seats: &Seats) -> Result<Money, Ending> {
        let priced = async {
            let found = self.ports.layouts.performance(self.performance).await?;
            let lines = found.ok_or(Strange("the performance is gone"))?.lines(seats)?;
            Ok(Money::sum(Currency::KRW, lines.iter().map(|line| line.price))?)
        };
        priced.await.map_err(|error: Box<dyn std::error::Error + Send + Sync>| {
            self.defects.note("price", &*error);
            Ending::Defect
        })
    }

    /// Gives a buyer points before the sale.
    pub(crate) async fn top_up(&self, user: UserId, amount: Money) -> Result<(), SetUpError> {
        let booking = Booking { id: EntryId::generate(&*self.ports.ids), at: self.now() };
        let entry = JournalEntry::top_up(booking, user, amount).or_set_up("wallet")?;
        commit(&self.ports, "wallet", |changes| changes.post(entry)).await
    }

    pub(crate) fn new_admission(&self) -> (AdmissionId, DateTime<Utc>) {
        (AdmissionId::generate(&*self.ports.ids), self.now() + self.admission_ttl)
    }

    pub(crate) fn sign(
        &self,
        id: AdmissionId,
        user: UserId,
        expires_at: DateTime<Utc>,
    ) -> AdmissionToken {
        let admission = Admission { id, user, performance: self.performance, expires_at };
        admission.sign(&*self.ports.signer)
    }
}

fn store(
    plan: FaultPlan,
    clock: &Arc<dyn Clock>,
    random: Arc<dyn Random>,
    tally: &Arc<FaultTally>,
) -> MemoryStore {
    let race = plan.races.then(Race::default);
    let options = MemoryStoreOptions { gather: true, race, ..MemoryStoreOptions::default() };
    let store = MemoryStore::new(Arc::clone(clock), options);
    let tally = Arc::clone(tally);
    store.fail_when(move |_| {
        let fault = plan.store_fault(&*random);
        match fault {
            Some(StoreFault::LoseAnswer { .. }) => count(&tally.store_answers_lost),
            Some(_) => count(&tally.store_deadlocks),
            None => {}
        }
        fault
    });
    store
}

fn policy(seats_per_buyer: u16) -> SalesPolicy {
    SalesPolicy {
        seats_per_reservation: seats_per_buyer,
        tickets_per_user: seats_per_buyer,
        waiting_room: true,
        deadlines: Deadlines {
            refund_account_wait: Duration::from_hours(3 * 24),
            ..Deadlines::default()
        },
        ..SalesPolicy::default()
    }
}

async fn stage(
    ports: &Ports,
    seats: u32,
    policy: SalesPolicy,
    opens_at: DateTime<Utc>,
) -> Result<PerformanceId, SetUpError> {
    let now = ports.clock.now();
    let layout = Layout::new(&layout(seats)).or_set_up("hall")?;
    let name = Title::new("Stampede Hall").or_set_up("hall")?;
    let venue = Venue::create(VenueId::generate(&*ports.ids), name, layout.clone(), now);
    let prices: Result<Vec<_>, _> =
        GRADES.iter().map(|(_, grade, price)| Ok((Grade::new(grade)?, won(*price)))).collect();
    let prices = prices.map_err(|error: ticketing_core::label::LabelError| error);
    let show = NewShow {
        id: ShowId::generate(&*ports.ids),
        seller: SellerId::generate(&*ports.ids),
        title: Title::new("The Night Everybody Wants").or_set_up("show")?,
        commission: BasisPoints::percent(5),
        prices: PriceList::new(prices.or_set_up("prices")?).or_set_up("prices")?,
        policy,
    };
    let show = Show::create(show, now).or_set_up("show")?;
    let id = PerformanceId::generate(&*ports.ids);
    let performance = NewPerformance {
        id,
        show: &show,
        layout: &layout,
        starts_at: now + STARTS_AFTER,
        zone: Tz::Asia__Seoul,
        sales_open_at: opens_at,
        prices: None,
        policy: None,
    };
    let performance = Performance::schedule(performance, now).or_set_up("performance")?;
    commit(ports, "venue", |changes| changes.save(venue)).await?;
    commit(ports, "show", |changes| changes.save(show)).await?;
    commit(ports, "performance", |changes| changes.save(performance)).await?;
    Ok(id)
}

/// Commits what the set-up decides. The same change set is sent again while the store is failing.
async fn commit(
    ports: &Ports,
    what: &'static str,
    fill: impl FnOnce(ChangeSet) -> ChangeSet,
) -> Result<(), SetUpError> {
    const TRIES: u32 = 20;
    let changes = fill(ChangeSet::new(ChangeSetId::generate(&*ports.ids), ports.clock.now()));
    let mut tries = 1;
    loop {
        match ports.store.commit(changes.clone()).await {
            Ok(_) => return Ok(()),
            Err(CommitError::Unknown(_) | CommitError::Port(_) | CommitError::Overloaded(_))
                if tries < TRIES =>
            {
                tries += 1;
            }
            Err(error) => return Err(error).or_set_up(what),
        }
    }
}
