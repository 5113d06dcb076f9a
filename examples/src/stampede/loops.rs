//! The loops that a binary keeps running beside its buyers: bounded sweeps, the line's caller, the
//! gateway's notices, the relay, and the world's own mischief.

use std::sync::Arc;
use std::time::Duration;

use ticketing_core::port::Timer;
use tokio::sync::watch;
use tokio::task::JoinSet;

use super::errand;
use super::faults::count;
use super::notices::Notices;
use super::sweep::{Sweep, publish_waiting};
use super::world::World;

/// Who the relay is.
pub(crate) const RELAY: &str = "stampede";
/// Errands of one round.
const ERRANDS: usize = 1_000;

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
                    sweep
                        .run_through(&world.office, world.sale().performance, &world.defects)
                        .await;
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
                match world.office.call_next(world.sale().performance, &world.admission, last).await
                {
                    Ok(called) => last = called.last_called_at,
                    Err(error) => world.defects.note_unless_transient("line", &error),
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
                publish_waiting(&world.office, RELAY, &world.defects).await;
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
