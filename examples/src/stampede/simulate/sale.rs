//! One sale: its buyers come, wait in line as data, and take their turns as tasks.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use chrono::{DateTime, Utc};
use ticketing_core::id::UserId;
use ticketing_core::port::Timer;
use ticketing_core::testing::sim::{Group, Handle};

use super::args::SimulateArgs;
use super::calendar::SALE_MAX;
use crate::stampede::buyer::Visit;
use crate::stampede::buyer::line::Turn;
use crate::stampede::faults::count;
use crate::stampede::funnel::Ending;
use crate::stampede::person::Person;
use crate::stampede::tenders::TenderMix;
use crate::stampede::world::{Sale, World};

/// The clock of a line: who is due within it takes a turn.
const TICK: Duration = Duration::from_secs(1);
/// Tasks of all sales together; the rest of what lives are chores, errands and calls.
const TURNS_MAX: usize = 9_000;

/// A buyer who stands in line: data, not a task.
struct Waiting {
    index: u32,
    /// Until when; `None` before the buyer has joined.
    leaves_at: Option<DateTime<Utc>>,
    dice: u64,
}

/// Who is due when. The number keeps the order of those who are due together.
#[derive(Default)]
struct Line {
    due: BTreeMap<(DateTime<Utc>, u64), Waiting>,
    number: u64,
}

impl Line {
    fn add(&mut self, at: DateTime<Utc>, waiting: Waiting) {
        self.number += 1;
        self.due.insert((at, self.number), waiting);
    }
}

/// Where and for whom a sale runs.
pub(super) struct Gate {
    world: Arc<World>,
    handle: Handle,
    group: Group,
    sale: Sale,
    /// No buyer comes from then on.
    ends_at: DateTime<Utc>,
    /// Buyers of all sales who take a turn now.
    turns: Arc<AtomicUsize>,
    tenders: TenderMix,
    seats_per_buyer: u16,
    /// Buyers of the sale before.
    crowd: u32,
    line: Mutex<Line>,
    /// Who takes a turn now.
    inside: Mutex<BTreeMap<u32, UserId>>,
}

impl Gate {
    pub(super) fn new(
        world: &Arc<World>,
        (handle, group): (&Handle, Group),
        sale: Sale,
        horizon: DateTime<Utc>,
        turns: &Arc<AtomicUsize>,
        args: &SimulateArgs,
    ) -> Self {
        Self {
            world: Arc::clone(world),
            handle: handle.clone(),
            group,
            sale,
            ends_at: horizon.min(sale.opens_at + SALE_MAX),
            turns: Arc::clone(turns),
            tenders: args.tenders,
            seats_per_buyer: args.seats_per_buyer,
            crowd: args.seats.saturating_mul(args.demand),
            line: Mutex::default(),
            inside: Mutex::default(),
        }
    }

    /// Those who take a turn now, in words.
    pub(super) fn inside(&self) -> Vec<String> {
        let (performance, inside) = (self.sale.performance, lock(&self.inside));
        let told = inside.values().map(|user| format!("buyer {user} of performance {performance}"));
        told.collect()
    }

    /// Lets the buyers of these numbers come; ends when the last of them has gone.
    pub(super) async fn run(self: Arc<Self>, buyers: std::ops::Range<u32>) {
        let person = |index| self.person(index);
        let mut arrivals: Vec<(DateTime<Utc>, u32)> =
            buyers.map(|index| (self.sale.opens_at + person(index).comes_after, index)).collect();
        arrivals.sort_unstable_by(|one, other| other.cmp(one));
        let mine = Arc::new(AtomicUsize::new(0));
        let mut now = self.sale.opens_at;
        loop {
            self.world.clock.sleep_until(now).await;
            let closing = now >= self.ends_at;
            if closing {
                arrivals.clear();
            }
            while let Some((_, index)) = arrivals.pop_if(|(at, _)| *at <= now) {
                count(&self.world.funnel.arrived);
                let dice = self.person(index).dice(self.world.seed).state();
                self.lock().add(now, Waiting { index, leaves_at: None, dice });
            }
            while let Some(waiting) = self.next_due(now, closing) {
                self.take_turn(waiting, &mine, closing);
            }
            let idle = mine.load(Ordering::Relaxed) == 0 && self.lock().due.is_empty();
            if idle && arrivals.is_empty() {
                return;
            }
            now += TICK;
        }
    }

    /// The next buyer to take a turn, if there is room; when the sale closes everybody is due.
    fn next_due(&self, now: DateTime<Utc>, closing: bool) -> Option<Waiting> {
        if self.turns.load(Ordering::Relaxed) >= TURNS_MAX {
            return None;
        }
        let mut line = self.lock();
        let first = line.due.first_entry()?;
        (closing || first.key().0 <= now).then(|| first.remove())
    }

    /// A buyer looks at the line, and goes in if called; who is not takes a place in line again.
    fn take_turn(self: &Arc<Self>, waiting: Waiting, mine: &Arc<AtomicUsize>, closing: bool) {
        let (gate, mine) = (Arc::clone(self), Arc::clone(mine));
        for counter in [&*gate.turns, &*mine] {
            counter.fetch_add(1, Ordering::Relaxed);
        }
        let turn = async move {
            gate.turn(waiting, closing).await;
            for counter in [&*gate.turns, &*mine] {
                counter.fetch_sub(1, Ordering::Relaxed);
            }
        };
        drop(self.handle.spawn(self.group, turn));
    }

    async fn turn(&self, waiting: Waiting, closing: bool) {
        let index = waiting.index;
        lock(&self.inside).insert(index, self.person(index).user);
        self.take(waiting, closing).await;
        lock(&self.inside).remove(&index);
    }

    async fn take(&self, mut waiting: Waiting, closing: bool) {
        let world = &self.world;
        let person = self.person(waiting.index);
        let visit = Visit::resumed(Arc::clone(world), self.sale.performance, person, waiting.dice);
        let leaves_at = match waiting.leaves_at {
            Some(_) if closing => world.now(),
            Some(leaves_at) => leaves_at,
            None => match visit.arrive().await {
                Ok(leaves_at) => leaves_at,
                Err(ending) => return world.funnel.ended(ending),
            },
        };
        match visit.turn(leaves_at).await {
            Turn::Wait(pause) => {
                waiting.leaves_at = Some(leaves_at);
                waiting.dice = visit.dice_state();
                self.lock().add(world.now() + pause, waiting);
            }
            Turn::Home(ending) => world.funnel.ended(ending),
            Turn::In(admission) => {
                let ending: Ending = Box::pin(visit.inside(&admission)).await;
                world.funnel.ended(ending);
            }
        }
    }

    fn person(&self, index: u32) -> Person {
        let person = Person::draw(self.world.seed, index, &self.tenders, self.seats_per_buyer);
        match index.checked_sub(self.crowd) {
            Some(before) if person.comes_again => {
                Person { user: Person::account_of(self.world.seed, before), ..person }
            }
            Some(_) | None => person,
        }
    }

    fn lock(&self) -> MutexGuard<'_, Line> {
        lock(&self.line)
    }
}

fn lock<T>(of: &Mutex<T>) -> MutexGuard<'_, T> {
    of.lock().unwrap_or_else(PoisonError::into_inner)
}
