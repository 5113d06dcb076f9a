//! The loops that a binary keeps running beside its buyers: bounded sweeps, the line's caller, the
//! gateway's notices, the relay, and the world's own mischief.

use std::sync::Arc;
use std::time::Duration;

use ticketing_core::box_office::RelayOptions;
use ticketing_core::label::Label;
use ticketing_core::page::{Cursor, Limit, PageRequest};
use ticketing_core::port::Timer;
use ticketing_core::service::checkout::CheckoutError;
use ticketing_core::service::{Failure, Swept};
use tokio::sync::watch;
use tokio::task::JoinSet;

use super::errand;
use super::faults::count;
use super::notices::Notices;
use super::world::World;

const PAGE: Limit = match Limit::new(500) {
    Ok(limit) => limit,
    Err(_) => Limit::DEFAULT,
};
/// Errands of one round.
const ERRANDS: usize = 1_000;

/// A bounded job over a list of the store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sweep {
    Due,
    StalledCheckouts,
    Unsettled,
    Accounts,
    Refunds,
    Holds,
}

impl Sweep {
    pub(crate) const ALL: [Self; 6] = [
        Self::Due,
        Self::StalledCheckouts,
        Self::Unsettled,
        Self::Accounts,
        Self::Refunds,
        Self::Holds,
    ];

    /// The pause between two runs over the whole list, in the buyers' time.
    const fn pause(self) -> Duration {
        Duration::from_secs(match self {
            Self::Due => 15,
            Self::StalledCheckouts | Self::Unsettled | Self::Refunds => 30,
            Self::Accounts | Self::Holds => 60,
        })
    }

    /// One batch.
    async fn run(self, world: &World, page: PageRequest) -> Result<Swept, Failure> {
        let office = &world.office;
        match self {
            Self::Due => office.sweep_due(page).await,
            Self::StalledCheckouts => office.sweep_checkouts(page).await,
            Self::Unsettled => office.sweep_unsettled(page).await,
            Self::Accounts => office.sweep_accounts(page).await,
            Self::Refunds => office.sweep_refunds(page).await,
            Self::Holds => office.sweep_holds(world.performance, page).await,
        }
    }

    /// One batch; where the next one goes on.
    async fn batch(self, world: &World, after: Option<Cursor>) -> (usize, Option<Cursor>) {
        match self.run(world, PageRequest::next(after, PAGE)).await {
            Ok(swept) => {
                for error in &swept.errors {
                    if !may_pass(&**error) {
                        world.defects.note("sweep", &**error);
                    }
                }
                (swept.changed, swept.next)
            }
            Err(failure) => {
                if !failure.is_transient() {
                    world.defects.note("sweep", &failure);
                }
                (0, None)
            }
        }
    }

    /// Batches to the end of the list; how many items changed.
    pub(crate) async fn run_through(self, world: &World) -> usize {
        const BATCHES: usize = 10_000;
        let mut changed = 0;
        let mut after = None;
        for _ in 0..BATCHES {
            let (here, next) = self.batch(world, after).await;
            changed += here;
            after = next;
            if after.is_none() {
                break;
            }
        }
        changed
    }
}

/// Whether an item that failed may succeed in a later run.
fn may_pass(error: &(dyn std::error::Error + 'static)) -> bool {
    let failure = match error.downcast_ref::<CheckoutError>() {
        Some(CheckoutError::Failed(failure)) => Some(failure),
        Some(_) | None => error.downcast_ref::<Failure>(),
    };
    failure.is_some_and(Failure::is_transient)
}

/// Publishes what the outbox holds, a batch of each partition; how many events.
pub(crate) async fn publish(world: &World) -> usize {
    let owner = Label::new("stampede").expect("short and not empty");
    let options = RelayOptions { lease_ttl: Duration::from_mins(5), ..RelayOptions::default() };
    match world.office.relay(&owner, &options).await {
        Ok(relayed) => relayed.published,
        Err(error) => {
            world.defects.note("relay", &error);
            0
        }
    }
}

/// The loops under way.
pub(crate) struct Loops {
    tasks: JoinSet<()>,
    stop: watch::Sender<bool>,
    pub(crate) notices: Arc<Notices>,
}

impl Loops {
    pub(crate) fn start(world: &Arc<World>) -> Self {
        let (stop, _) = watch::channel(false);
        let mut loops = Self { tasks: JoinSet::new(), stop, notices: Arc::new(Notices::default()) };
        for sweep in Sweep::ALL {
            let world = Arc::clone(world);
            let ticks = loops.ticks(&world, sweep.pause());
            loops.tasks.spawn(async move {
                while ticks.next().await {
                    sweep.run_through(&world).await;
                }
            });
        }
        loops.call_numbers(world);
        loops.take_notices(world);
        loops.run_errands(world);
        loops.relay(world);
        loops.lose_holds(world);
        loops
    }

    /// Stops all loops, each at the end of its round.
    pub(crate) async fn stop(mut self, world: &World) -> Arc<Notices> {
        self.stop.send_replace(true);
        while let Some(ended) = self.tasks.join_next().await {
            if let Err(error) = ended {
                world.defects.note("loop", &error);
            }
        }
        self.notices
    }

    fn ticks(&self, world: &Arc<World>, pause: Duration) -> Ticks {
        Ticks { world: Arc::clone(world), pause, stop: self.stop.subscribe() }
    }

    fn call_numbers(&mut self, world: &Arc<World>) {
        let (world, ticks) = (Arc::clone(world), self.ticks(world, world.admission.interval / 2));
        self.tasks.spawn(async move {
            let mut last = None;
            while ticks.next().await {
                match world.office.call_next(world.performance, &world.admission, last).await {
                    Ok(called) => last = called.last_called_at,
                    Err(error) => world.defects.note("line", &error),
                }
            }
        });
    }

    fn take_notices(&mut self, world: &Arc<World>) {
        let (world, ticks) = (Arc::clone(world), self.ticks(world, Duration::from_secs(5)));
        let notices = Arc::clone(&self.notices);
        self.tasks.spawn(async move {
            while ticks.next().await {
                notices.take(&world).await;
            }
        });
    }

    fn run_errands(&mut self, world: &Arc<World>) {
        let (world, ticks) = (Arc::clone(world), self.ticks(world, Duration::from_secs(5)));
        self.tasks.spawn(async move {
            while ticks.next().await {
                errand::run_due(&world, ERRANDS).await;
            }
        });
    }

    fn relay(&mut self, world: &Arc<World>) {
        let (world, ticks) = (Arc::clone(world), self.ticks(world, Duration::from_secs(2)));
        self.tasks.spawn(async move {
            while ticks.next().await {
                publish(&world).await;
            }
        });
    }

    fn lose_holds(&mut self, world: &Arc<World>) {
        let Some(every) = world.plan.holds_lost_every else { return };
        let (world, ticks) = (Arc::clone(world), self.ticks(world, every));
        self.tasks.spawn(async move {
            while ticks.next().await {
                world.memory.holds.lose_all();
                count(&world.tally.holds_lost);
            }
        });
    }
}

/// Comes round after each pause, until the loops are stopped.
struct Ticks {
    world: Arc<World>,
    pause: Duration,
    stop: watch::Receiver<bool>,
}

impl Ticks {
    async fn next(&self) -> bool {
        let mut stop = self.stop.clone();
        tokio::select! {
            () = self.world.clock.sleep_until(self.world.now() + self.pause) => !*self.stop.borrow(),
            _ = stop.wait_for(|stop| *stop) => false,
        }
    }
}
