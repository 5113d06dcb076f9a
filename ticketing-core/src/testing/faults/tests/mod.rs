mod effects;
mod stale;

use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use uuid::Uuid;

use super::*;
use crate::change_set::ChangeSet;
use crate::id::{ChangeSetId, PaymentId, PerformanceId, ReservationId, ShowId, UserId};
use crate::label::{Label, Token};
use crate::memory::{ManualClock, Memory, SeededRandom};
use crate::money::{Currency, Money};
use crate::port::{
    Clock, ConfirmRequest, FraudQuery, GatewayKey, HoldRequest, LineRules, Ports, Quota, Random,
};
use crate::seat::{ClaimOwner, SeatNo, Seats};
use crate::testing::Harness;
use crate::testing::trace::Tracer;

/// Counts how often it is asked.
struct Counted {
    random: SeededRandom,
    draws: AtomicU64,
}

impl Random for Counted {
    fn next_u64(&self) -> u64 {
        self.draws.fetch_add(1, Ordering::Relaxed);
        self.random.next_u64()
    }
}

/// In-memory ports, and the same behind weather.
struct World {
    clock: ManualClock,
    memory: Memory,
    h: Harness,
    chance: Arc<Counted>,
    weather: Weather,
    ports: Ports,
}

impl World {
    fn new(seed: u64, rates: FaultRates) -> Self {
        let clock = ManualClock::at(DateTime::from_timestamp(1_800_000_000, 0).unwrap());
        let memory = Memory::at(clock.clone()).seed(1).build();
        let chance =
            Arc::new(Counted { random: SeededRandom::new(seed), draws: AtomicU64::new(0) });
        let time = Arc::new(clock.clone());
        let weather = Weather::new(time.clone(), time, Arc::clone(&chance) as _, rates);
        let ports = weather.wrap(3, &memory.ports());
        let h = Harness::threads(clock.clone());
        Self { clock, memory, h, chance, weather, ports }
    }

    fn with<const N: usize>(faults: [(&str, u32); N]) -> Self {
        Self::new(5, rates(faults))
    }

    fn now(&self) -> DateTime<Utc> {
        self.clock.now()
    }

    fn id(&self) -> Uuid {
        self.ports.ids.next_id()
    }

    /// Runs a call to its end, however late it comes; also says how often it waited.
    fn run<T>(&self, call: impl Future<Output = T>) -> (T, u32) {
        let mut call = pin!(call);
        for waits in 0..1_000 {
            if let Some(answer) = poll_once(call.as_mut()) {
                return (answer, waits);
            }
            if let Some(at) = self.clock.next_wake() {
                self.clock.set(at);
            }
        }
        panic!("a call that does not end")
    }

    fn answer<T>(&self, call: impl Future<Output = T>) -> T {
        self.run(call).0
    }

    fn count(&self, fault: &str) -> u64 {
        self.weather.counts()[fault]
    }

    fn hold(&self, performance: PerformanceId, seat: u32) -> HoldRequest {
        HoldRequest {
            performance,
            seats: Seats::one(SeatNo(seat)),
            holder: UserId::from_uuid(self.id()),
            token: crate::id::HoldToken::from_uuid(self.id()),
            expires_at: self.now() + TimeDelta::hours(1),
        }
    }

    fn confirm(&self) -> ConfirmRequest {
        let payment = PaymentId::from_uuid(self.id());
        ConfirmRequest {
            payment,
            provider_key: Token::new("from the buyer").unwrap(),
            amount: won(100),
            key: GatewayKey::confirm(payment),
        }
    }

    /// A change set that can be committed.
    fn commitment(&self) -> ChangeSet {
        let performance = PerformanceId::from_uuid(self.id());
        let changes = ChangeSet::new(ChangeSetId::from_uuid(self.id()), self.now());
        changes.claim(performance, Seats::one(SeatNo(1)), ClaimOwner::House)
    }

    /// One call of each group, but for the cached ones; what was answered.
    async fn one_of_each(&self) -> Vec<String> {
        let ports = &self.ports;
        let now = self.now();
        let performance = PerformanceId::from_uuid(self.id());
        let user = UserId::from_uuid(self.id());
        let reservation = ReservationId::from_uuid(self.id());
        let changes = self.commitment();
        let quota = Quota { burst: 1, every: Duration::from_secs(1) };
        let line = LineRules { active_max: 1, line_max: 1, opens_at: None };
        let query = FraudQuery { user, reservation, performance, total: won(100) };
        vec![
            format!("{:?}", ports.store.commit(changes).await),
            format!("{:?}", ports.reservations.find(reservation).await),
            format!("{:?}", ports.holds.hold(self.hold(performance, 1), now).await),
            format!("{:?}", ports.waiting_room.configure(performance, line).await),
            format!("{:?}", ports.gateway.confirm(self.confirm()).await),
            format!("{:?}", ports.users.status(user).await),
            format!("{:?}", ports.fraud.check(query).await),
            format!(
                "{:?}",
                ports.rate_limit.acquire(Token::new(&user.to_string()).unwrap(), quota, now).await
            ),
            format!(
                "{:?}",
                ports.outbox.lease(0, Label::new("me").unwrap(), Duration::from_mins(1)).await
            ),
            format!("{:?}", ports.publisher.publish(Vec::new()).await),
        ]
    }
}

fn rates<const N: usize>(faults: [(&str, u32); N]) -> FaultRates {
    let mut rates = FaultRates::default();
    for (name, rate) in faults {
        rates.set(name, rate).unwrap();
    }
    rates
}

fn won(amount: i64) -> Money {
    Money::from_minor(amount, Currency::KRW).unwrap()
}

fn poll_once<T>(future: std::pin::Pin<&mut impl Future<Output = T>>) -> Option<T> {
    match future.poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(answer) => Some(answer),
        Poll::Pending => None,
    }
}

#[test]
fn every_fault_happens_when_it_always_should_and_is_counted() {
    for name in FaultRates::names().filter(|name| *name != "layouts.stale") {
        let world = World::with([(name, FaultRates::ALWAYS)]);
        let answers = world.answer(world.one_of_each());
        let counts = world.weather.counts();
        assert_eq!(counts.len(), FaultRates::names().len());
        for (fault, count) in counts {
            assert_eq!(count, u64::from(fault == name), "{fault} where {name} is on");
        }
        let failed = answers.iter().filter(|answer| !answer.starts_with("Ok")).count();
        let (_, kind) = name.split_once('.').unwrap();
        let fails = ["before", "after"].contains(&kind);
        assert_eq!(failed, usize::from(fails), "{name}: {answers:#?}");
        world.weather.calm();
        let answers = world.answer(world.one_of_each());
        assert!(answers.iter().all(|answer| answer.starts_with("Ok")), "{name}: {answers:#?}");
        assert_eq!(
            world.weather.counts().values().sum::<u64>(),
            1,
            "{name} happens in calm weather"
        );
    }
}

#[test]
fn nothing_is_drawn_where_nothing_can_go_wrong() {
    let world = World::with([]);
    let answers = world.answer(world.one_of_each());
    assert!(answers.iter().all(|answer| answer.starts_with("Ok")), "{answers:#?}");
    assert_eq!(world.chance.draws.load(Ordering::Relaxed), 0);
    let world = World::with([("outbox.after", 1), ("outbox.twice", 1), ("layouts.stale", 1)]);
    assert!(world.answer(world.ports.outbox.partitions()).is_ok());
    world.answer(world.ports.layouts.performance(PerformanceId::from_uuid(world.id()))).unwrap();
    assert_eq!(world.chance.draws.load(Ordering::Relaxed), 0, "none of these can happen here");
}

#[test]
fn a_seed_gives_the_same_faults() {
    let run = |seed| {
        let mut rates = FaultRates::harsh();
        for name in FaultRates::names() {
            rates.set(name, 10_000).unwrap();
        }
        let world = World::new(seed, rates);
        let answers: Vec<_> = (0..50).map(|_| world.run(world.one_of_each())).collect();
        (answers, world.weather.counts(), world.now())
    };
    assert!(run(5) == run(5));
    assert_ne!(run(5).1, run(6).1);
}

#[test]
fn rates_are_kept_over_many_calls() {
    let rates = rates([
        ("store.before", 10_000),
        ("store.after", 20_000),
        ("store.delay", 30_000),
        ("store.twice", 40_000),
    ]);
    let world = World::new(5, rates);
    for _ in 0..10_000 {
        drop(world.answer(world.ports.store.commit(world.commitment())));
    }
    // A call that fails before it is made is not made twice.
    for (name, expected) in [
        ("store.before", 1_000),
        ("store.after", 2_000),
        ("store.delay", 3_000),
        ("store.twice", 3_600),
    ] {
        let count = world.count(name);
        assert!(count.abs_diff(expected) < expected / 10, "{name}: {count} of 10,000");
    }
}

#[test]
fn each_call_gives_way_before_and_after() {
    let world = World::with([]);
    let calls = u32::try_from(world.answer(world.one_of_each()).len()).unwrap();
    assert_eq!(world.run(world.one_of_each()).1, 0);
    let weather = world.weather.clone().yielding(true);
    let ports = weather.wrap(0, &world.ports);
    let yielding = World { ports, ..world };
    assert_eq!(yielding.run(yielding.one_of_each()).1, 2 * calls);
}

#[test]
fn the_trace_has_calls_answers_and_faults_and_is_the_same_for_a_seed() {
    let run = |seed| {
        let world = World::new(seed, rates([("holds.after", 50_000), ("store.delay", 50_000)]));
        let tracer = Tracer::new(Arc::new(world.clock.clone()));
        let lines = Arc::new(std::sync::Mutex::new(Vec::new()));
        let sink = Arc::clone(&lines);
        tracer.listen(move |line| {
            sink.lock().unwrap().push(format!("{:?} {} {}", line.process, line.port, line.call));
        });
        let weather = world.weather.clone().with_tracer(tracer.clone());
        let world = World { ports: weather.wrap(4, &world.memory.ports()), ..world };
        for _ in 0..20 {
            world.answer(world.one_of_each());
        }
        let lines = std::mem::take(&mut *lines.lock().unwrap());
        (tracer.hash(), tracer.calls(), lines)
    };
    let (hash, calls, lines) = run(5);
    assert_eq!(calls, 200);
    assert_eq!(lines.iter().filter(|line| *line == "Some(4) store commit").count(), 40);
    let late = lines.iter().filter(|line| *line == "None world store.delay").count();
    assert!((1..20).contains(&late), "{late} of 20 commits were late");
    assert_eq!((hash, lines), (run(5).0, run(5).2));
    assert_ne!(hash, run(6).0);
}

#[test]
fn a_call_is_late_before_or_after_its_effect_and_no_longer_than_allowed() {
    let mut rates = rates([("holds.delay", FaultRates::ALWAYS)]);
    let most = Duration::from_secs(9);
    rates.set_delay_max(most).unwrap();
    let world = World::new(5, rates);
    let performance = PerformanceId::from_uuid(world.id());
    let (mut done_first, mut longest) = (0, TimeDelta::zero());
    for seat in 0..100 {
        let began = world.now();
        let mut call = pin!(world.ports.holds.hold(world.hold(performance, seat), began));
        assert!(poll_once(call.as_mut()).is_none(), "every call is late");
        let held = world.memory.holds.as_ref();
        let held = world.answer(crate::port::SeatHolds::held(held, performance, 100, began));
        done_first += u32::from(held.unwrap().contains(SeatNo(seat)));
        drop(world.answer(call));
        longest = longest.max(world.now() - began);
    }
    assert!((30..70).contains(&done_first), "{done_first} of 100 took effect first");
    assert!(longest > TimeDelta::seconds(6) && longest <= TimeDelta::from_std(most).unwrap());
}

#[test]
fn any_hold_store_forgets_some_of_its_seats() {
    let world = World::with([]);
    let performance = PerformanceId::from_uuid(world.id());
    let now = world.now();
    for first in [0, 900] {
        let seats = Seats::new((first..first + 900).map(SeatNo)).unwrap();
        let request = HoldRequest { seats, ..world.hold(performance, 0) };
        drop(world.answer(world.ports.holds.hold(request, now)));
    }
    let forget = |thousandths| {
        let random = SeededRandom::new(7);
        world.answer(lose_some(&*world.ports.holds, performance, now, &random, thousandths))
    };
    let held = || {
        let held = world.answer(world.ports.holds.held(performance, 1_800, now)).unwrap();
        (0..1_800).filter(|seat| held.contains(SeatNo(*seat))).count()
    };
    assert_eq!((forget(0).unwrap(), held()), (0, 1_800));
    let lost = forget(500).unwrap();
    assert!((800..1_000).contains(&lost), "{lost} of 1,800 were lost");
    assert_eq!(held(), 1_800 - lost);
    world.weather.set_rates(rates([("holds.before", FaultRates::ALWAYS)]));
    assert!(forget(1_000).is_err());
    world.weather.calm();
    assert_eq!((forget(1_000).unwrap(), held()), (1_800 - lost, 0));
}
