//! What goes on outside of the processes: errands, the gateway's notices, the seller's changes, and the end
//! of what was published.

use std::collections::BTreeMap;
use std::future::Future;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use ticketing_core::error::PortError;
use ticketing_core::memory::Notice;
use ticketing_core::page::Limit;
use ticketing_core::port::{OutboxError, OutboxReader};
use ticketing_core::testing::sim::{Group, Handle};

use super::calendar::Calendar;
use super::rates::Around;
use super::seller;
use crate::stampede::faults::count;
use crate::stampede::notices::{TRIES, deliver, forge};
use crate::stampede::person::Dice;
use crate::stampede::world::World;

const LOOK_EVERY: Duration = Duration::from_secs(5);
/// How often it is looked for something to do once the buyers are gone.
const QUIET_EVERY: Duration = Duration::from_mins(1);
/// Errands that are begun at once; the rest follow at the next look.
const ERRANDS: usize = 2_000;
/// The first pause before a notice comes again; each is four times as long.
const NOTICE_AGAIN: Duration = Duration::from_secs(15);
const NOTICE_PAUSE_MAX: Duration = Duration::from_hours(4);
/// How much later a notice comes again that was taken.
const NOTICE_REPEATED: Duration = Duration::from_hours(6);
const DROP_EVERY: Duration = Duration::from_mins(10);

/// The world outside.
#[derive(Clone)]
pub(super) struct Outside {
    world: Arc<World>,
    handle: Handle,
    group: Group,
    quiet: Arc<AtomicBool>,
    around: Around,
    dice: Arc<Dice>,
    under_way: Arc<Mutex<UnderWay>>,
}

/// Errands and notices under way, by the order in which they were begun.
#[derive(Default)]
struct UnderWay {
    begun: u64,
    what: BTreeMap<u64, String>,
}

impl Outside {
    pub(super) fn new(
        world: &Arc<World>,
        (handle, quiet): (&Handle, &Arc<AtomicBool>),
        around: Around,
        seed: u64,
    ) -> Self {
        Self {
            world: Arc::clone(world),
            handle: handle.clone(),
            group: handle.new_group(),
            quiet: Arc::clone(quiet),
            around,
            dice: Arc::new(Dice::of(seed, 0)),
            under_way: Arc::default(),
        }
    }

    /// Whether an errand or a notice is under way.
    pub(super) fn is_busy(&self) -> bool {
        !self.under_way().what.is_empty()
    }

    /// What is under way, each with a number of its own.
    pub(super) fn what_is_under_way(&self) -> Vec<(u64, String)> {
        self.under_way().what.iter().map(|(number, what)| (*number, what.clone())).collect()
    }

    fn begin(&self, name: String, what: impl Future<Output = ()> + Send + 'static) {
        let number = {
            let mut under_way = self.under_way();
            under_way.begun += 1;
            let number = under_way.begun;
            under_way.what.insert(number, name);
            number
        };
        let outside = self.clone();
        drop(self.handle.spawn(self.group, async move {
            what.await;
            outside.under_way().what.remove(&number);
        }));
    }

    fn under_way(&self) -> MutexGuard<'_, UnderWay> {
        self.under_way.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn start(&self, calendar: &Arc<Calendar>) {
        let (world, quiet) = (Arc::clone(&self.world), Arc::clone(&self.quiet));
        let changes = seller::change(world, Arc::clone(calendar), self.around, quiet);
        drop(self.handle.spawn(self.group, changes));
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
                self.begin(format!("{errand:?}"), async move { errand.run(&world).await });
            }
        }
    }

    async fn deliver_notices(&self) {
        loop {
            self.look_again().await;
            for notice in self.world.memory.gateway.take_notices() {
                let outside = self.clone();
                let name = format!("the notice of payment {}", notice.payment);
                self.begin(name, async move { outside.deliver(notice).await });
            }
        }
    }

    /// As the gateway does it: again and again, ever more rarely, and at last not any more. Some come once more
    /// later, as the gateway did not hear that they were taken.
    async fn deliver(&self, notice: Notice) {
        if self.dice.happens(self.around.notices_forged) {
            count(&self.world.around.notices_forged);
            forge(&self.world, &notice).await;
        }
        let mut pause = NOTICE_AGAIN;
        for _ in 0..TRIES {
            if deliver(&self.world, &notice).await {
                break;
            }
            self.world.wait(pause).await;
            pause = (4 * pause).min(NOTICE_PAUSE_MAX);
        }
        if self.dice.happens(self.around.notices_again) {
            self.world.wait(self.dice.time(Duration::ZERO, NOTICE_REPEATED)).await;
            count(&self.world.around.notices_again);
            deliver(&self.world, &notice).await;
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
