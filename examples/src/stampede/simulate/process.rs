//! Processes: several instances of one binary over one store, each of which can die at any await.

use std::future::Future;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use ticketing_core::box_office::BoxOffice;
use ticketing_core::error::{Fault, PortError};
use ticketing_core::memory::{ClockIds, ManualClock, SeededRandom};
use ticketing_core::port::{Ports, Random};
use ticketing_core::service::Failure;
use ticketing_core::testing::faults::{SkewedClock, Weather};
use ticketing_core::testing::sim::{Group, Handle};

use super::chores::Chores;

/// One process that runs.
struct Running {
    group: Group,
    office: BoxOffice,
    clock: SkewedClock,
}

/// All instances, those that are down included.
pub(crate) struct Processes {
    handle: Handle,
    weather: Weather,
    ports: Ports,
    clock: ManualClock,
    seeds: SeededRandom,
    dice: SeededRandom,
    chores: Chores,
    running: Mutex<Vec<Option<Running>>>,
}

/// The process that was asked died, or none is up.
#[derive(Clone, Copy, Debug, thiserror::Error)]
enum Gone {
    #[error("the process died")]
    Died,
    #[error("no process is up")]
    Down,
}

impl From<Gone> for Failure {
    fn from(gone: Gone) -> Self {
        let fault = match gone {
            Gone::Died => Fault::Unknown,
            Gone::Down => Fault::Transient,
        };
        PortError::new("process", "call", fault).because(gone).into()
    }
}

impl Processes {
    /// `count` processes over the same adapters, none of which runs yet.
    pub(crate) fn new(
        count: u16,
        handle: Handle,
        weather: Weather,
        (ports, clock): (Ports, ManualClock),
        seeds: SeededRandom,
        chores: Chores,
    ) -> Self {
        let dice = SeededRandom::new(seeds.next_u64());
        let running = Mutex::new((0..count).map(|_| None).collect());
        Self { handle, weather, ports, clock, seeds, dice, chores, running }
    }

    pub(crate) fn count(&self) -> usize {
        self.lock().len()
    }

    /// Starts a process with nothing but what the store has; its clock is right.
    pub(crate) fn start(&self, place: usize) {
        let number = u16::try_from(place + 1).unwrap_or(u16::MAX);
        let clock = SkewedClock::new(Arc::new(self.clock.clone()), Arc::new(self.clock.clone()));
        let random = || Arc::new(SeededRandom::new(self.seeds.next_u64()));
        let ports = Ports {
            clock: Arc::new(clock.clone()),
            timer: Arc::new(clock.clone()),
            ids: Arc::new(ClockIds::new(Arc::new(clock.clone()), random())),
            random: random(),
            ..self.ports.clone()
        };
        let office = BoxOffice::new(self.weather.wrap(number, &ports));
        let group = self.handle.new_group();
        self.chores.start(&self.handle, group, &office, number);
        self.lock()[place] = Some(Running { group, office, clock });
    }

    /// Ends a process between two awaits of whatever it does; whether it ran.
    pub(crate) fn kill(&self, place: usize) -> bool {
        let died = self.lock()[place].take();
        if let Some(Running { group, .. }) = &died {
            self.handle.kill(*group);
        }
        died.is_some()
    }

    /// The clock of a process that runs.
    pub(crate) fn clock(&self, place: usize) -> Option<SkewedClock> {
        self.lock()[place].as_ref().map(|running| running.clock.clone())
    }

    /// Asks a process by chance, as a load balancer does.
    pub(crate) async fn call<T, E, F>(
        &self,
        ask: impl FnOnce(BoxOffice) -> F + Send,
    ) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<Failure> + Send + 'static,
        F: Future<Output = Result<T, E>> + Send + 'static,
    {
        let Some((group, office)) = self.pick() else {
            return Err(Failure::from(Gone::Down).into());
        };
        let answer = self.handle.spawn(group, ask(office)).await;
        answer.unwrap_or_else(|_| Err(Failure::from(Gone::Died).into()))
    }

    fn pick(&self) -> Option<(Group, BoxOffice)> {
        let running = self.lock();
        let first = usize::try_from(self.dice.next_u64() % running.len() as u64).unwrap_or(0);
        let mut by_turns = (first..running.len()).chain(0..first);
        by_turns.find_map(|place| {
            running[place].as_ref().map(|running| (running.group, running.office.clone()))
        })
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Option<Running>>> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
