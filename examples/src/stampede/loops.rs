//! The loops that a binary keeps running beside its buyers: bounded sweeps, the line's caller, the
//! gateway's notices, the relay, and the world's own mischief.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use ticketing_core::box_office::{self, RelayOptions};
use ticketing_core::change_set::MessageKey;
use ticketing_core::label::Label;
use ticketing_core::memory::Notice;
use ticketing_core::page::{Cursor, Limit, PageRequest};
use ticketing_core::port::Timer;
use ticketing_core::service::notice::{NoticeError, NoticeTaken};
use ticketing_core::service::{Failure, Swept};
use tokio::sync::watch;
use tokio::task::JoinSet;

use super::defect::Strange;
use super::errand;
use super::faults::count;
use super::world::World;

const PAGE: Limit = match Limit::new(500) {
    Ok(limit) => limit,
    Err(_) => Limit::DEFAULT,
};
/// Errands of one round.
const ERRANDS: usize = 1_000;
/// How often a notice comes again before the gateway gives up.
const NOTICE_TRIES: u32 = 8;

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
                    let passes = error.downcast_ref::<Failure>().is_some_and(Failure::is_transient);
                    if !passes {
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

/// Notices that were not taken and will come again.
#[derive(Debug, Default)]
pub(crate) struct Notices(Mutex<VecDeque<(Notice, u32)>>);

impl Notices {
    /// Takes the notices that came, and those that come again; how many there were.
    pub(crate) async fn take(&self, world: &World) -> usize {
        let fresh = world.memory.gateway.take_notices().into_iter().map(|notice| (notice, 1));
        let mut batch: VecDeque<(Notice, u32)> = {
            let mut waiting = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            std::mem::take(&mut *waiting)
        };
        batch.extend(fresh);
        let taken = batch.len();
        for (notice, tries) in batch {
            if !deliver(world, &notice).await && tries < NOTICE_TRIES {
                let mut waiting = self.0.lock().unwrap_or_else(PoisonError::into_inner);
                waiting.push_back((notice, tries + 1));
            }
        }
        taken
    }
}

/// Whether the notice needs not come again.
async fn deliver(world: &World, sent: &Notice) -> bool {
    let message = MessageKey {
        consumer: Label::new("gateway").expect("short and not empty"),
        id: sent.id.clone(),
    };
    let notice = box_office::Notice { message, payment: sent.payment, secret: sent.secret.clone() };
    match world.office.take_notice(notice).await {
        Ok(NoticeTaken::Applied(_) | NoticeTaken::NothingNew) => true,
        Ok(NoticeTaken::NotOurs) => {
            world.defects.note("notice", &Strange("our gateway knows a payment that we do not"));
            true
        }
        Err(NoticeError::GatewaySilent(_)) => false,
        Err(NoticeError::Failed(failure)) if failure.is_transient() => false,
        Err(error) => {
            world.defects.note("notice", &error);
            true
        }
    }
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
