//! Release holds that outlived what they were for.
//!
//! A hold lasts at most `hold_max`, or up to `payment_wait` while its reserve is on the way: reserve
//! stretches it so far *before* the commit that takes the claim. Only what follows a commit stretches
//! it further (to a deposit's deadline, to the performance's end), and at that moment the claim stands.
//! So a hold that ends later than both belongs to a reservation that was committed, and one without a
//! claim to a reservation that has ended since: its release got lost.
//!
//! The holds are listed before the claims are read. A claim that stood when the hold was listed and is
//! not there afterwards was released in between, so the hold is a left-over then too. A shorter hold
//! is never touched: it ends by itself before it could matter.

use std::collections::BTreeMap;

use chrono::TimeDelta;

use super::support::{Failure, Swept};
use crate::error::PortError;
use crate::id::{HoldToken, PerformanceId};
use crate::page::PageRequest;
use crate::policy::Deadlines;
use crate::port::Ports;
use crate::seat::{SeatNo, Seats};

/// How far the clocks of two processes may be apart: what another process stretched counts as a
/// left-over only so much later.
pub const CLOCK_SKEW_MAX: TimeDelta = TimeDelta::minutes(1);

/// Releases what is left over of one performance's holds: one page of held seats. Run it with the
/// cursor it answers, until that is `None`. Counts holds, not seats.
///
/// # Errors
/// The performance, its holds or its claims could not be read; nothing was released.
pub async fn sweep_holds(
    ports: &Ports,
    id: PerformanceId,
    page: PageRequest,
) -> Result<Swept, Failure> {
    let Some(performance) = ports.layouts.performance(id).await? else {
        return Ok(Swept::default());
    };
    let until = ports.clock.now() + longest(&performance.policy().deadlines) + CLOCK_SKEW_MAX;
    let held = ports.holds.ending_after(id, until, page).await?;
    let mut swept = Swept::until(held.next);
    let Ok(seats) = Seats::new(held.items.iter().map(|held| held.seat)) else {
        return Ok(swept);
    };
    let claims = ports.claims.of_seats(id, seats).await?;
    let mut holds: BTreeMap<HoldToken, Vec<SeatNo>> = BTreeMap::new();
    for held in held.items {
        let left_over = holds.entry(held.token).or_default();
        if claims.binary_search_by_key(&held.seat, |(seat, _)| *seat).is_err() {
            left_over.push(held.seat);
        }
    }
    for (token, seats) in holds {
        swept.count(release(ports, id, token, seats).await);
    }
    Ok(swept)
}

/// The longest that a hold without a claim is meant to last.
fn longest(deadlines: &Deadlines) -> TimeDelta {
    TimeDelta::from_std(deadlines.hold_longest()).unwrap_or(TimeDelta::MAX)
}

async fn release(
    ports: &Ports,
    id: PerformanceId,
    token: HoldToken,
    seats: Vec<SeatNo>,
) -> Result<bool, PortError> {
    let Ok(seats) = Seats::new(seats) else { return Ok(false) };
    Ok(ports.holds.release(id, seats, token).await? > 0)
}
