//! What goes wrong with whole processes and stores: they die, their clocks jump, holds vanish.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use chrono::TimeDelta;
use ticketing_core::memory::{ManualClock, SeededRandom};
use ticketing_core::port::{Clock, Random, Timer};
use ticketing_core::testing::faults::lose_some;
use ticketing_core::testing::sim::{Group, Handle};
use ticketing_core::testing::trace::Tracer;

use super::calendar::Calendar;
use super::process::Processes;
use super::rates::Mishaps;
use crate::stampede::faults::count;
use crate::stampede::world::World;

const HOUR: Duration = Duration::from_hours(1);
/// How much rarer everything is once the buyers are gone: then processes have little to do for days.
const QUIETER: u32 = 8;
/// The longest that a process is down.
const DOWN_MAX: Duration = Duration::from_mins(1);
/// The part of the holds that a cache under pressure loses, in thousandths.
const SOME: u16 = 200;

/// Brings about what happens to processes and stores, until it is calmed.
#[derive(Clone)]
pub(super) struct Mischief {
    pub(super) world: Arc<World>,
    pub(super) processes: Arc<Processes>,
    pub(super) calendar: Arc<Calendar>,
    pub(super) tracer: Tracer,
    pub(super) clock: ManualClock,
    pub(super) random: Arc<SeededRandom>,
    pub(super) mishaps: Mishaps,
    /// Set once the last buyer is gone.
    pub(super) quiet: Arc<AtomicBool>,
}

impl Mischief {
    /// Starts all of it in a group of its own; killing the group calms it.
    pub(super) fn start(&self, handle: &Handle, group: Group) {
        let Mishaps { deaths, forward, back, holds_lost, holds_lost_some, .. } = self.mishaps;
        let spawn = |rate: u32, place: usize, what: Mishap| {
            if rate > 0 {
                let mischief = self.clone();
                drop(handle.spawn(group, async move { mischief.again(rate, place, what).await }));
            }
        };
        for place in 0..self.processes.count() {
            spawn(deaths, place, Mishap::Death);
            spawn(forward, place, Mishap::JumpForward);
            spawn(back, place, Mishap::JumpBack);
        }
        spawn(holds_lost, 0, Mishap::HoldsLost);
        spawn(holds_lost_some, 0, Mishap::HoldsLostSome);
    }

    /// About `rate` times an hour, and less often in the quiet, at times by chance.
    async fn again(&self, rate: u32, place: usize, what: Mishap) {
        loop {
            let rarer = if self.quiet.load(Ordering::Relaxed) { QUIETER } else { 1 };
            self.wait_up_to(2 * rarer * HOUR / rate).await;
            match what {
                Mishap::Death => self.die(place).await,
                Mishap::JumpForward => self.jump(place, true),
                Mishap::JumpBack => self.jump(place, false),
                Mishap::HoldsLost => self.lose_all_holds(),
                Mishap::HoldsLostSome => self.lose_some_holds().await,
            }
        }
    }

    async fn wait_up_to(&self, most: Duration) {
        let most = u64::try_from(most.as_micros()).unwrap_or(u64::MAX).max(1);
        let wait = Duration::from_micros(self.random.next_u64() % most);
        self.clock.sleep_until(self.clock.now() + wait).await;
    }

    async fn die(&self, place: usize) {
        if self.processes.kill(place) {
            count(&self.world.tally.processes_died);
            self.tracer.mark("process died", place as u64 + 1);
        }
        self.wait_up_to(DOWN_MAX).await;
        self.processes.start(place);
        self.tracer.mark("process started", place as u64 + 1);
    }

    /// To somewhere between where the clock is and its bound: jumps do not add up beyond it.
    fn jump(&self, place: usize, is_forward: bool) {
        let Some(clock) = self.processes.clock(place) else { return };
        let most = i64::try_from(self.mishaps.jump_max.as_micros()).unwrap_or(i64::MAX / 4);
        let offset = clock.offset().num_microseconds().unwrap_or(0);
        let room = if is_forward { most - offset } else { most + offset };
        if room <= 0 {
            return;
        }
        let by = i64::try_from(1 + self.random.next_u64() % room.unsigned_abs()).unwrap_or(room);
        let (by, counted, mark) = if is_forward {
            (by, &self.world.around.clock_jumps_forward, "clock jumped forward")
        } else {
            (-by, &self.world.around.clock_jumps_back, "clock jumped back")
        };
        clock.jump(TimeDelta::microseconds(by));
        count(&self.world.tally.clock_jumps);
        count(counted);
        self.tracer.mark(mark, by.unsigned_abs());
    }

    fn lose_all_holds(&self) {
        self.world.memory.holds.lose_all();
        count(&self.world.tally.holds_lost);
        self.tracer.mark("all holds lost", 0);
    }

    async fn lose_some_holds(&self) {
        let now = self.clock.now();
        for performance in self.calendar.open(now) {
            let holds = &*self.world.memory.holds;
            let lost = lose_some(holds, performance, now, &*self.random, SOME).await;
            self.tracer.mark("some holds lost", lost.unwrap_or(0) as u64);
        }
        count(&self.world.around.holds_lost_some);
    }
}

#[derive(Clone, Copy)]
enum Mishap {
    Death,
    JumpForward,
    JumpBack,
    HoldsLost,
    HoldsLostSome,
}
