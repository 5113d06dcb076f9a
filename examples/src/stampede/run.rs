//! One run from the first buyer to the report.

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use ticketing_core::error::PortError;
use ticketing_core::money::Currency;
use ticketing_core::waiting_line::AdmissionPolicy;
use ticketing_sqlx::ConnectError;

use super::args::LoadArgs;
use super::audit::audit;
use super::clock::ScaledClock;
use super::crowd::Crowd;
use super::database::Durable;
use super::faults::FaultPlan;
use super::figures::{Figures, Scope};
use super::loops::Loops;
use super::report::{Report, Revenue, Story};
use super::screen::Screen;
use super::settle::settle;
use super::stage::{OPENS_AFTER, STARTS_AFTER, SetUpError};
use super::stopwatch::Stopwatch;
use super::store::{StoreChoice, StoreKind};
use super::time::WorldClock;
use super::world::{Plan, World, begins_at, deadlines};

/// The partitions of the outbox, as many as a database has.
const PARTITIONS: u16 = 64;

/// Why a run gave no report.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RunError {
    /// The world could not be made.
    #[error(transparent)]
    SetUp(#[from] SetUpError),
    /// The store could not be read.
    #[error("the store cannot be read")]
    Store(#[from] PortError),
    /// The database cannot be opened.
    #[error("the database cannot be opened")]
    Database(#[from] ConnectError),
}

/// Runs a stampede: the storm, the settling, the checks.
///
/// # Errors
/// [`RunError`]. A broken invariant is no error: the report says so.
pub async fn run(args: &LoadArgs) -> Result<Report, RunError> {
    let aftermath = Aftermath::of(args).await?;
    let report = aftermath.report(args).await;
    if let Some(durable) = &aftermath.world.durable {
        durable.close().await;
    }
    report
}

/// What a storm left behind, settled and not yet counted.
struct Aftermath {
    world: Arc<World>,
    left_at: DateTime<Utc>,
    storm: Duration,
    settling: Duration,
}

impl Aftermath {
    async fn of(args: &LoadArgs) -> Result<Self, RunError> {
        let clock = ScaledClock::new(begins_at(), args.speed());
        let plan = Plan {
            starts_after: STARTS_AFTER,
            deadlines: deadlines(),
            seed: args.seed,
            seats: args.seats,
            seats_per_buyer: args.seats_per_buyer,
            faults: FaultPlan::of(args.faults),
            openings: vec![OPENS_AFTER],
            partitions: PARTITIONS,
            admission: AdmissionPolicy {
                per_interval: u64::from(args.seats / 100).clamp(5, 200),
                interval: Duration::from_secs(1),
                active_max: u64::from(args.seats / 4).clamp(50, 10_000),
            },
            line_pace: 1,
        };
        let world = match &args.store {
            StoreChoice::Memory => {
                World::new(&plan, WorldClock::Scaled(clock.clone()), |_| {}).await?
            }
            StoreChoice::Database(url) => {
                let durable = Durable::open(url, &clock).await?;
                World::over(&plan, WorldClock::Scaled(clock.clone()), durable).await?
            }
        };
        let world = Arc::new(world);
        let crowd = Crowd::gather(args, world.run);
        crowd.fill_wallets(&world).await?;

        world.let_store_fail()?;
        let wall = Stopwatch::start();
        let screen = Screen::start(&world, args.buyers, wall);
        let loops = Loops::start(&world);
        crowd.storm(&world, &wall).await;
        let (storm, left_at) = (wall.elapsed(), world.now());
        let notices = loops.stop(&world).await;
        settle(&world, &clock, &notices).await?;
        screen.stop().await;
        let settling = wall.elapsed().saturating_sub(storm);
        Ok(Self { world, left_at, storm, settling })
    }

    async fn report(&self, args: &LoadArgs) -> Result<Report, RunError> {
        let Self { world, left_at, storm, settling } = self;
        let wall = Stopwatch::start();
        let scope = match &world.durable {
            None => Scope::All,
            Some(durable) => Scope::Sale {
                performances: world.sales.iter().map(|sale| sale.performance).collect(),
                seller: world.seller,
                fees_before: durable.before.fees,
            },
        };
        let inspect = &*world.store.inspect;
        let figures = Figures::count(inspect, &scope, Currency::KRW, *left_at).await?;
        let invariants = audit(world, None).await?;
        let simulated = world.now() - world.sale().opens_at;
        let steps = world.measures.figures();
        let endings = world.funnel.endings().into_iter();
        let story = Story {
            fault_level: args.faults,
            endings: endings.map(|(ending, count)| (ending.text(), count)).collect(),
            settled_in_s: settling.as_secs_f64(),
            checked_in_s: wall.elapsed().as_secs_f64(),
            simulated: format!("{} d {} h", simulated.num_days(), simulated.num_hours() % 24),
            steps: steps.iter().map(|(name, _)| *name).collect(),
        };
        Ok(Report {
            seed: args.seed,
            mode: "load",
            store: world.durable.as_ref().map_or(StoreKind::Memory, |durable| durable.kind),
            seats: args.seats,
            buyers: world.funnel.gone(),
            sold: figures.sold,
            refunded: figures.refunded,
            tickets: figures.tickets,
            revenue: Revenue {
                currency: Currency::KRW.code(),
                amount: figures.revenue_minor.to_string(),
            },
            duration_s: rounded(storm.as_secs_f64()),
            purchases_per_s: rounded(per_second(figures.purchases, storm.as_secs_f64())),
            steps: steps.into_iter().collect(),
            faults: world.faults(),
            invariants,
            simulation: None,
            story,
        })
    }
}

#[expect(clippy::cast_precision_loss, reason = "a rate for the eye")]
pub(crate) fn per_second(count: u64, seconds: f64) -> f64 {
    count as f64 / seconds.max(0.001)
}

/// To the thousandth.
pub(crate) fn rounded(number: f64) -> f64 {
    (number * 1_000.0).round() / 1_000.0
}

#[cfg(test)]
mod tests {
    use clap::Parser;
    use ticketing_core::change_set::ChangeSet;
    use ticketing_core::id::{ChangeSetId, EntryId, PaymentId, ReservationId};
    use ticketing_core::ledger::{Booking, JournalEntry};
    use ticketing_core::port::Ports;
    use ticketing_core::seat::{ClaimOwner, SeatNo, Seats};

    use super::*;
    use crate::stampede::args::Cli;
    use crate::stampede::hall::won;

    fn small() -> LoadArgs {
        let args = ["stampede", "--seats", "60", "--buyers", "120", "--faults", "none"];
        let speed = ["--speed", "3000", "--duration", "3s", "--seed", "5"];
        Cli::try_parse_from(args.into_iter().chain(speed)).unwrap().load
    }

    async fn tamper(ports: &Ports, fill: impl FnOnce(ChangeSet) -> ChangeSet) {
        let changes = ChangeSet::new(ChangeSetId::generate(&*ports.ids), ports.clock.now());
        let _ = ports.store.commit(fill(changes)).await.unwrap();
    }

    #[track_caller]
    fn assert_broken(report: &Report) {
        assert!(!report.is_sound(), "{report}");
        assert_eq!(report.exit_status(), 1);
        assert!(report.to_string().contains("BROKEN"));
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_sound_run_that_somebody_tampers_with_is_found_broken() {
        let args = small();
        let aftermath = Aftermath::of(&args).await.unwrap();
        let ports = aftermath.world.office.ports();
        let report = aftermath.report(&args).await.unwrap();
        assert!(report.is_sound(), "{report}");
        assert_eq!(report.exit_status(), 0);
        assert!(report.sold > 0 && report.sold == report.tickets, "{report}");

        // Money in the books that the gateway never saw.
        let booking = Booking { id: EntryId::generate(&*ports.ids), at: ports.clock.now() };
        let payment = PaymentId::generate(&*ports.ids);
        let entry = JournalEntry::not_honoured(booking, payment, won(1_000)).unwrap();
        tamper(ports, |changes| changes.post(entry)).await;
        assert_broken(&aftermath.report(&args).await.unwrap());
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_claim_without_its_reservation_is_found() {
        let args = small();
        let aftermath = Aftermath::of(&args).await.unwrap();
        let ports = aftermath.world.office.ports();
        let performance = aftermath.world.sale().performance;
        let free = aftermath.world.office.seat_map(performance).await.unwrap();
        let free = free
            .map
            .iter()
            .find(|(_, status)| *status == ticketing_core::seat::SeatStatus::Available);
        let seat = free.map_or(SeatNo(0), |(seat, _)| seat);
        let owner = ClaimOwner::Reservation(ReservationId::generate(&*ports.ids));
        tamper(ports, |changes| changes.claim(performance, Seats::one(seat), owner)).await;
        assert_broken(&aftermath.report(&args).await.unwrap());
    }
}
