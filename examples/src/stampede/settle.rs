//! After the last buyer has gone: time is skipped until nothing is left to do.

use std::sync::Arc;
use std::time::Duration;

use ticketing_core::error::PortError;
use ticketing_core::page::{Limit, PageRequest};

use super::clock::ScaledClock;
use super::defect::Strange;
use super::errand;
use super::loops::RELAY;
use super::notices::Notices;
use super::sweep::{Sweep, publish_waiting};
use super::world::World;

/// Rounds of sweeps, each after a skip of the clock.
const ROUNDS: u32 = 3_000;
/// What is due within this time counts as left to do: longer than any deadline.
pub(crate) const HORIZON: Duration = Duration::from_hours(60 * 24);
/// The least and the most that the clock skips at once.
const SHORT: Duration = Duration::from_mins(10);
const LONG: Duration = Duration::from_hours(1);
/// Errands of one round.
const ERRANDS: usize = 1_000;

/// Lets everything come to its end: deadlines, deposits, refunds, notices, events.
pub(crate) async fn settle(
    world: &Arc<World>,
    clock: &ScaledClock,
    notices: &Notices,
) -> Result<(), PortError> {
    let sweep =
        |sweep: Sweep| sweep.run_through(&world.office, world.sale().performance, &world.defects);
    for _ in 0..ROUNDS {
        let mut done = errand::run_due(world, ERRANDS).await;
        done += notices.take(world).await;
        for of in Sweep::ALL.into_iter().filter(|of| *of != Sweep::Holds) {
            done += sweep(of).await;
        }
        done += publish_waiting(&world.office, RELAY, &world.defects).await;
        if done > 0 {
            continue;
        }
        let next = world.errands.next_at();
        if next.is_none() && !is_anything_left(world).await? {
            // Last, as it looks at the hold of every seat that was sold.
            if sweep(Sweep::Holds).await == 0 {
                return Ok(());
            }
            continue;
        }
        let until = next.and_then(|at| (at - world.now()).to_std().ok());
        clock.skip(until.map_or(LONG, |until| until.clamp(SHORT, LONG)));
    }
    let text = "something was still left to do after all rounds";
    world.defects.note("settling", &Strange(text.to_owned()));
    Ok(())
}

pub(crate) async fn is_anything_left(world: &World) -> Result<bool, PortError> {
    let ports = world.office.ports();
    let one = || PageRequest::first(Limit::new(1).unwrap_or(Limit::DEFAULT));
    let horizon = world.now() + HORIZON;
    Ok(!ports.reservations.due(horizon, one()).await?.items.is_empty()
        || !ports.payments.unsettled(horizon, one()).await?.items.is_empty()
        || !ports.payments.to_close(one()).await?.items.is_empty()
        || !ports.checkouts.stalled(horizon, one()).await?.items.is_empty()
        || !ports.refunds.due(horizon, one()).await?.items.is_empty()
        || !ports.layouts.cancelled(one()).await?.items.is_empty()
        || world.memory.gateway.next_late().is_some()
        || ports.outbox.waiting().await? > 0)
}
