//! The crowd: who comes when, and how many are under way at once.

use std::sync::Arc;
use std::time::Duration;

use ticketing_core::port::Timer;
use tokio::sync::Semaphore;
use tokio::task::{JoinError, JoinSet};

use super::args::LoadArgs;
use super::buyer::Visit;
use super::faults::count;
use super::person::Person;
use super::stage::SetUpError;
use super::stopwatch::Stopwatch;
use super::world::World;

/// How often the crowd is asked whether the time is up, in wall time.
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// All buyers, in the order in which they come.
pub(crate) struct Crowd {
    arrivals: Vec<(Duration, u32)>,
    args: LoadArgs,
}

impl Crowd {
    pub(crate) fn gather(args: &LoadArgs) -> Self {
        let mut arrivals: Vec<(Duration, u32)> =
            (0..args.buyers).map(|index| (person(args, index).comes_after, index)).collect();
        arrivals.sort_unstable();
        Self { arrivals, args: args.clone() }
    }

    /// Fills the wallets of those who will pay with points.
    pub(crate) async fn fill_wallets(&self, world: &World) -> Result<(), SetUpError> {
        for index in 0..self.args.buyers {
            let person = person(&self.args, index);
            if let Some(amount) = person.wallet() {
                world.top_up(person.user, amount).await?;
            }
        }
        Ok(())
    }

    /// Lets the buyers come; ends when the last one has left.
    pub(crate) async fn storm(&self, world: &Arc<World>, wall: &Stopwatch) {
        let begins_at = world.now();
        let places = Arc::new(Semaphore::new(self.args.concurrency as usize));
        let mut visits = JoinSet::new();
        for (comes_after, index) in &self.arrivals {
            while let Some(ended) = visits.try_join_next() {
                left(world, ended);
            }
            world.clock.sleep_until(begins_at + *comes_after).await;
            let place = loop {
                if wall.elapsed() >= self.args.duration.get() {
                    break None;
                }
                let place = tokio::time::timeout(LOOK_EVERY, places.clone().acquire_owned()).await;
                if let Ok(place) = place {
                    break place.ok();
                }
            };
            let Some(place) = place else { break };
            count(&world.funnel.arrived);
            let visit =
                Visit::new(Arc::clone(world), world.sale().performance, person(&self.args, *index));
            visits.spawn(async move {
                visit.run().await;
                drop(place);
            });
        }
        while !visits.is_empty() {
            if wall.elapsed() >= self.args.duration.get() {
                world.close();
            }
            if let Ok(Some(ended)) = tokio::time::timeout(LOOK_EVERY, visits.join_next()).await {
                left(world, ended);
            }
        }
        world.close();
    }
}

/// A visit may end in any way but a panic.
fn left(world: &World, ended: Result<(), JoinError>) {
    if let Err(error) = ended {
        world.defects.note("visit", &error);
    }
}

fn person(args: &LoadArgs, index: u32) -> Person {
    Person::draw(args.seed, index, &args.tenders, args.seats_per_buyer)
}
