//! A cache that forgets.

use chrono::{DateTime, Utc};

use crate::error::PortError;
use crate::id::PerformanceId;
use crate::page::{Limit, PageRequest};
use crate::port::{Random, SeatHolds};
use crate::seat::Seats;

/// Most pages that are read: seats of a performance over [`Limit::MAX`], and then some for a list that
/// grows meanwhile.
const PAGES_MAX: usize = 1_000;

/// Forgets some held seats of a performance, as a cache does that has no room: each seat with a chance
/// of `thousandths` out of 1,000, so that a hold may keep a part of its seats. Says how many seats were
/// lost. Looks at up to 1,000,000 seats.
///
/// Works for any adapter, for it only lists and releases.
///
/// # Errors
/// Those of the port; some seats may be lost by then.
pub async fn lose_some(
    holds: &dyn SeatHolds,
    performance: PerformanceId,
    now: DateTime<Utc>,
    random: &dyn Random,
    thousandths: u16,
) -> Result<usize, PortError> {
    let limit = Limit::new(Limit::MAX).unwrap_or(Limit::DEFAULT);
    let mut lost = 0;
    let mut after = None;
    for _ in 0..PAGES_MAX {
        let page = holds.ending_after(performance, now, PageRequest::next(after, limit)).await?;
        for held in page.items {
            if random.next_u64() % 1_000 < u64::from(thousandths) {
                lost += holds.release(performance, Seats::one(held.seat), held.token).await?;
            }
        }
        after = page.next;
        if after.is_none() {
            break;
        }
    }
    Ok(lost)
}
