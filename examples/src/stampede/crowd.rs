//! The crowd: who comes when, and how many are under way at once.

use std::sync::Arc;
use std::time::Duration;

use ticketing_core::id::UserId;
use ticketing_core::port::Timer;
use tokio::sync::Semaphore;
use tokio::task::{JoinError, JoinSet};
use uuid::Uuid;

use super::args::LoadArgs;
use super::buyer::Visit;
use super::faults::count;
use super::person::Person;
use super::stage::{OrSetUp, SetUpError};
use super::stopwatch::Stopwatch;
use super::world::World;

/// How often the crowd is asked whether the time is up, in wall time.
const LOOK_EVERY: Duration = Duration::from_millis(50);
/// Wallets that are filled at once: a store commits them together.
const FILLING_MAX: usize = 256;

/// All buyers, in the order in which they come.
pub(crate) struct Crowd {
    arrivals: Vec<(Duration, u32)>,
    args: LoadArgs,
    run: u64,
}

impl Crowd {
    /// The same crowd for the same seed; only who they are differs by `run`.
    pub(crate) fn gather(args: &LoadArgs, run: u64) -> Self {
        let mut crowd = Self { arrivals: Vec::new(), args: args.clone(), run };
        let comes = |index| (crowd.person(index).comes_after, index);
        let mut arrivals: Vec<_> = (0..args.buyers).map(comes).collect();
        arrivals.sort_unstable();
        crowd.arrivals = arrivals;
        crowd
    }

    fn person(&self, index: u32) -> Person {
        let Self { args, run, .. } = self;
        let person = Person::draw(args.seed, index, &args.tenders, args.seats_per_buyer);
        let user = person.user.as_uuid().as_u128() ^ (u128::from(*run) << 64);
        Person { user: UserId::from_uuid(Uuid::from_u128(user)), ..person }
    }

    /// Fills the wallets of those who will pay with points.
    pub(crate) async fn fill_wallets(&self, world: &Arc<World>) -> Result<(), SetUpError> {
        let mut filling = JoinSet::new();
        for index in 0..self.args.buyers {
            let person = self.person(index);
            let Some(amount) = person.wallet() else { continue };
            while filling.len() >= FILLING_MAX
                && let Some(filled) = filling.join_next().await
            {
                filled.or_set_up("wallet")??;
            }
            let world = Arc::clone(world);
            filling.spawn(async move { world.top_up(person.user, amount).await });
        }
        while let Some(filled) = filling.join_next().await {
            filled.or_set_up("wallet")??;
        }
        Ok(())
    }

    /// Lets the buyers come; ends when the last one has left.
    pub(crate) async fn storm(&self, world: &Arc<World>, wall: &Stopwatch) {
        let begins_at = world.now();
        let places = Arc::new(Semaphore::new(self.args.concurrency() as usize));
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
                Visit::new(Arc::clone(world), world.sale().performance, self.person(*index));
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
