//! What goes on outside of the processes: buyers' errands, the gateway's notices, the seller's changes, and
//! the end of what was published.

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use ticketing_core::error::PortError;
use ticketing_core::memory::Notice;
use ticketing_core::page::Limit;
use ticketing_core::port::{OutboxError, OutboxReader};
use ticketing_core::seat::{SeatNo, Seats};
use ticketing_core::service::performances::PerformanceError;
use ticketing_core::testing::sim::{Group, Handle};

use super::calendar::Calendar;
use crate::stampede::notices::{TRIES, deliver};
use crate::stampede::world::World;

const LOOK_EVERY: Duration = Duration::from_secs(5);
/// How often it is looked for something to do once the buyers are gone.
const QUIET_EVERY: Duration = Duration::from_mins(1);
/// Errands that are begun at once; the rest follow at the next look.
const ERRANDS: usize = 2_000;
/// The first pause before a notice comes again; each is four times as long.
const NOTICE_AGAIN: Duration = Duration::from_secs(15);
const NOTICE_PAUSE_MAX: Duration = Duration::from_hours(4);
const HOUSE_EVERY: Duration = Duration::from_mins(2);
const DROP_EVERY: Duration = Duration::from_mins(10);

/// The world outside.
#[derive(Clone)]
pub(super) struct Outside {
    world: Arc<World>,
    handle: Handle,
    group: Group,
    quiet: Arc<AtomicBool>,
    /// Errands and notices under way.
    under_way: Arc<AtomicUsize>,
}

impl Outside {
    pub(super) fn new(world: &Arc<World>, handle: &Handle, quiet: &Arc<AtomicBool>) -> Self {
        Self {
            world: Arc::clone(world),
            handle: handle.clone(),
            group: handle.new_group(),
            quiet: Arc::clone(quiet),
            under_way: Arc::default(),
        }
    }

    /// Whether an errand or a notice is under way.
    pub(super) fn is_busy(&self) -> bool {
        self.under_way.load(Ordering::Relaxed) > 0
    }

    fn begin(&self, what: impl Future<Output = ()> + Send + 'static) {
        let under_way = Arc::clone(&self.under_way);
        under_way.fetch_add(1, Ordering::Relaxed);
        drop(self.handle.spawn(self.group, async move {
            what.await;
            under_way.fetch_sub(1, Ordering::Relaxed);
        }));
    }

    pub(super) fn start(&self, calendar: &Arc<Calendar>) {
        let (seller, calendar) = (self.clone(), Arc::clone(calendar));
        drop(self.handle.spawn(self.group, async move { seller.change_houses(&calendar).await }));
        let (errands, notices, dropping) = (self.clone(), self.clone(), self.clone());
        drop(self.handle.spawn(self.group, async move { errands.run_errands().await }));
        drop(self.handle.spawn(self.group, async move { notices.deliver_notices().await }));
        drop(self.handle.spawn(self.group, async move { dropping.drop_published().await }));
    }

    async fn look_again(&self) {
        let quiet = self.quiet.load(Ordering::Relaxed);
        self.world.wait(if quiet { QUIET_EVERY } else { LOOK_EVERY }).await;
    }

    async fn run_errands(&self) {
        loop {
            self.look_again().await;
            for errand in self.world.errands.take_due(self.world.now(), ERRANDS) {
                let world = Arc::clone(&self.world);
                self.begin(async move { errand.run(&world).await });
            }
        }
    }

    async fn deliver_notices(&self) {
        loop {
            self.look_again().await;
            for notice in self.world.memory.gateway.take_notices() {
                let outside = self.clone();
                self.begin(async move { outside.deliver(notice).await });
            }
        }
    }

    /// As the gateway does it: again and again, ever more rarely, and at last not any more.
    async fn deliver(&self, notice: Notice) {
        let mut pause = NOTICE_AGAIN;
        for _ in 0..TRIES {
            if deliver(&self.world, &notice).await {
                return;
            }
            self.world.wait(pause).await;
            pause = (4 * pause).min(NOTICE_PAUSE_MAX);
        }
    }

    /// The seller keeps a seat back and gives it to the sale again, so that performances change while they
    /// are sold.
    async fn change_houses(&self, calendar: &Calendar) {
        let world = &self.world;
        let seat = Seats::one(SeatNo(world.capacity - 1));
        let mut keeps_back = true;
        while !self.quiet.load(Ordering::Relaxed) {
            world.wait(HOUSE_EVERY).await;
            for performance in calendar.open(world.now()) {
                let (seller, seat) = (world.seller, seat.clone());
                let call = world.call(|office| async move {
                    if keeps_back {
                        office.block(seller, performance, seat).await
                    } else {
                        office.unblock(seller, performance, seat).await
                    }
                });
                match call.await {
                    // Somebody has the seat, or it was never kept back.
                    Ok(())
                    | Err(PerformanceError::SeatsClaimed(_) | PerformanceError::Performance(_)) => {
                    }
                    Err(error) => world.defects.note_unless_transient("house", &error),
                }
            }
            keeps_back = !keeps_back;
        }
    }

    /// Events that were published are not kept: the consumer has counted them.
    async fn drop_published(&self) {
        loop {
            self.world.wait(DROP_EVERY).await;
            if let Err(error) = drop_all(&self.world).await {
                self.world.defects.note("dropping events", &error);
            }
        }
    }
}

async fn drop_all(world: &World) -> Result<(), OutboxError> {
    let (store, now) = (&world.memory.store, world.now());
    let limit = Limit::new(Limit::MAX).unwrap_or(Limit::DEFAULT);
    let partitions =
        store.partitions().await.map_err(|error: PortError| OutboxError::from(error))?;
    for partition in 0..partitions {
        while store.drop_published(partition, now, limit).await? == limit.get() {}
    }
    Ok(())
}
