//! What goes wrong next.

use std::collections::BTreeMap;
use std::fmt;
use std::future::poll_fn;
use std::sync::{Arc, Mutex};
use std::task::Poll;
use std::time::Duration;

use super::rates::{FaultRates, Group, Kind, Table, name};
use super::stale::Shelf;
use crate::performance::Performance;
use crate::port::{Clock, Random, Timer};
use crate::sync::lock;
use crate::testing::trace::Tracer;

/// Makes calls to ports go wrong, by chance and as often as [`FaultRates`] say.
///
/// It puts a decorator before a port ([`Weather::wrap`] before all of them). What happens to a call is
/// drawn when the call is made, so the same calls in the same order with the same [`Random`] suffer the
/// same faults. Where nothing can go wrong, nothing is drawn.
///
/// Clones share the rates, the chance and the counts.
#[derive(Clone)]
pub struct Weather {
    sky: Arc<Sky>,
    tracer: Option<Tracer>,
    is_yielding: bool,
}

struct Sky {
    clock: Arc<dyn Clock>,
    timer: Arc<dyn Timer>,
    random: Arc<dyn Random>,
    state: Mutex<State>,
    performances: Mutex<Shelf<Performance>>,
}

struct State {
    rates: FaultRates,
    counts: Table<u64>,
}

impl fmt::Debug for Weather {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Weather")
            .field("rates", &lock(&self.sky.state).rates)
            .field("is_yielding", &self.is_yielding)
            .finish_non_exhaustive()
    }
}

/// What a call does at the other side, and so what may happen to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Effect {
    /// None.
    Read,
    /// Another one each time.
    Once,
    /// The same once or twice.
    Repeatable,
}

/// When a delay comes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Late {
    /// Before the call.
    Call(Duration),
    /// Between call and answer, or between a call and its repetition.
    Answer(Duration),
}

/// How a call fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Failing {
    /// Without an effect; the coin is for a port that fails in two ways.
    Before { coin: bool },
    /// With its effect.
    After,
}

/// What happens to one call.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Drawn {
    pub(super) late: Option<Late>,
    pub(super) failing: Option<Failing>,
    pub(super) is_repeated: bool,
}

/// One random number, used up roll by roll.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u64) -> u64 {
        let rolled = self.0 % sides;
        self.0 /= sides;
        rolled
    }
}

impl Weather {
    /// Weather over a world whose time is that of `clock` and `timer`: delays are waited for there.
    pub fn new(
        clock: Arc<dyn Clock>,
        timer: Arc<dyn Timer>,
        random: Arc<dyn Random>,
        rates: FaultRates,
    ) -> Self {
        let state = Mutex::new(State { rates, counts: Table::default() });
        let sky = Sky { clock, timer, random, state, performances: Mutex::default() };
        Self { sky: Arc::new(sky), tracer: None, is_yielding: false }
    }

    /// The same weather; ports that it wraps tell the tracer every call and every answer, and every
    /// fault as a mark with the number of its call.
    #[must_use]
    pub fn with_tracer(self, tracer: Tracer) -> Self {
        Self { tracer: Some(tracer), ..self }
    }

    /// The same weather; ports that it wraps give way to other tasks before and after each call.
    #[must_use]
    pub fn yielding(self, is_yielding: bool) -> Self {
        Self { is_yielding, ..self }
    }

    /// Other rates from now on.
    pub fn set_rates(&self, rates: FaultRates) {
        lock(&self.sky.state).rates = rates;
    }

    /// Nothing goes wrong from now on. Delays that began go on.
    pub fn calm(&self) {
        self.set_rates(FaultRates::default());
    }

    /// How often each fault happened, by its name; those that never did are there with 0.
    pub fn counts(&self) -> BTreeMap<&'static str, u64> {
        lock(&self.sky.state).counts.iter().collect()
    }

    pub(super) fn tracer(&self) -> Option<&Tracer> {
        self.tracer.as_ref()
    }

    /// Says what happens to a call that is made now.
    pub(super) fn draw(&self, group: Group, effect: Effect) -> Drawn {
        let (before, after, delay, twice, delay_max) = {
            let rates = &lock(&self.sky.state).rates;
            let rate = |kind| u64::from(rates.of(group, kind));
            let (after, twice) = match effect {
                Effect::Read => (0, 0),
                Effect::Once => (rate(Kind::After), 0),
                Effect::Repeatable => (rate(Kind::After), rate(Kind::Twice)),
            };
            (rate(Kind::Before), after, rate(Kind::Delay), twice, rates.delay_max())
        };
        if before + after + delay + twice == 0 {
            return Drawn::default();
        }
        let whole = u64::from(FaultRates::ALWAYS);
        let mut dice = Dice(self.sky.random.next_u64());
        let (failure, lateness, repetition) =
            (dice.roll(whole), dice.roll(whole), dice.roll(whole));
        Drawn {
            late: (lateness < delay).then(|| {
                let by = self.up_to(delay_max);
                if dice.roll(2) == 0 { Late::Call(by) } else { Late::Answer(by) }
            }),
            failing: if failure < before {
                Some(Failing::Before { coin: dice.roll(2) == 0 })
            } else {
                (failure < before + after).then_some(Failing::After)
            },
            is_repeated: repetition < twice,
        }
    }

    /// A time of 1 us to `most`.
    fn up_to(&self, most: Duration) -> Duration {
        let most = u64::try_from(most.as_micros()).unwrap_or(u64::MAX).max(1);
        Duration::from_micros(1 + self.sky.random.next_u64() % most)
    }

    /// A performance as a cache may give it: now and then an older value that was read here before.
    pub(super) fn aged(
        &self,
        call: Option<u64>,
        found: Option<Arc<Performance>>,
    ) -> Option<Arc<Performance>> {
        let rate = lock(&self.sky.state).rates.of(Group::Layouts, Kind::Stale);
        let newest = found?;
        if rate == 0 {
            return Some(newest);
        }
        let mut dice = Dice(self.sky.random.next_u64());
        let is_stale = dice.roll(u64::from(FaultRates::ALWAYS)) < u64::from(rate);
        let older = {
            let mut known = lock(&self.sky.performances);
            let older =
                if is_stale { known.older(&newest, |count| dice.roll(count)) } else { None };
            known.keep(&newest);
            older
        };
        let Some(older) = older else { return Some(newest) };
        self.note(Group::Layouts, Kind::Stale, call);
        Some(older)
    }

    /// Counts a fault, and marks it in the trace of the call that suffers it.
    pub(super) fn note(&self, group: Group, kind: Kind, call: Option<u64>) {
        *lock(&self.sky.state).counts.get_mut(group, kind) += 1;
        if let (Some(tracer), Some(call)) = (&self.tracer, call) {
            tracer.mark(name(group, kind), call);
        }
    }

    pub(super) async fn wait(&self, by: Duration) {
        self.sky.timer.sleep_until(self.sky.clock.now() + by).await;
    }

    /// Lets every other task that can run do so, if this weather yields.
    pub(super) async fn give_way(&self) {
        let mut is_done = !self.is_yielding;
        poll_fn(|context| {
            if is_done {
                return Poll::Ready(());
            }
            is_done = true;
            context.waker().wake_by_ref();
            Poll::Pending
        })
        .await;
    }
}
