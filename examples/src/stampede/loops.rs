//! The loops that a binary keeps running beside its buyers: bounded sweeps, the line's caller, the
//! gateway's notices, the relay, and the world's own mischief.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use chrono::{DateTime, Utc};
use ticketing_core::change_set::MessageKey;
use ticketing_core::label::Label;
use ticketing_core::memory::Notice;
use ticketing_core::page::{Cursor, Limit, PageRequest};
use ticketing_core::port::Timer;
use ticketing_core::service::notice::{self, NoticeError, NoticeTaken};
use ticketing_core::service::{Failure, Swept, checkout, expire, reconcile, refund_worker};
use ticketing_core::waiting_line::calls_due;
use tokio::sync::watch;
use tokio::task::JoinSet;

use super::errand;
use super::faults::count;
use super::relay;
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
}

impl Sweep {
    pub(crate) const ALL: [Self; 5] =
        [Self::Due, Self::StalledCheckouts, Self::Unsettled, Self::Accounts, Self::Refunds];

    /// The pause between two runs over the whole list, in the buyers' time.
    const fn pause(self) -> Duration {
        Duration::from_secs(match self {
            Self::Due => 15,
            Self::StalledCheckouts | Self::Unsettled | Self::Refunds => 30,
            Self::Accounts => 60,
        })
    }

    /// One batch.
    async fn run(self, world: &World, page: PageRequest) -> Result<Swept, Failure> {
        let ports = &world.ports;
        match self {
            Self::Due => expire::sweep_due(ports, page).await,
            Self::StalledCheckouts => checkout::sweep_stalled(ports, page).await,
            Self::Unsettled => reconcile::sweep_unsettled(ports, page).await,
            Self::Accounts => reconcile::sweep_accounts(ports, page).await,
            Self::Refunds => refund_worker::sweep_refunds(ports, page).await,
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
        let fresh = world.gateway.take_notices().into_iter().map(|notice| (notice, 1));
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
    let notice = notice::Notice { message, payment: sent.payment, secret: sent.secret.clone() };
    match notice::take(&world.ports, notice).await {
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

/// Something that cannot be.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(crate) struct Strange(pub(crate) &'static str);

/// Who calls numbers in the waiting room.
#[derive(Debug, Default)]
struct Caller {
    opened: bool,
    called_at: Option<DateTime<Utc>>,
}

impl Caller {
    async fn call(&mut self, world: &World) -> Result<(), ticketing_core::error::PortError> {
        let (room, line, now) = (&world.ports.waiting_room, world.performance, world.now());
        if now < world.opens_at {
            return Ok(());
        }
        if !self.opened {
            room.number_early(line, world.seed).await?;
            self.opened = true;
        }
        let state = room.state(line, now).await?;
        let due = calls_due(&state, &world.admission, self.called_at, now);
        if due > 0 {
            room.call(line, due, now).await?;
            self.called_at = Some(now);
        }
        Ok(())
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
        let (world, ticks) = (Arc::clone(world), self.ticks(world, world.admission.interval));
        self.tasks.spawn(async move {
            let mut caller = Caller::default();
            while ticks.next().await {
                if let Err(error) = caller.call(&world).await {
                    world.defects.note("line", &error);
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
                relay::run_once(&world).await;
            }
        });
    }

    fn lose_holds(&mut self, world: &Arc<World>) {
        let Some(every) = world.plan.holds_lost_every else { return };
        let (world, ticks) = (Arc::clone(world), self.ticks(world, every));
        self.tasks.spawn(async move {
            while ticks.next().await {
                world.holds.lose_all();
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
