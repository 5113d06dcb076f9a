//! Read a seat map: the claims, and the holds over them.

use std::sync::Arc;

use chrono::TimeDelta;

use super::support::Failure;
use crate::error::PortError;
use crate::id::PerformanceId;
use crate::performance::Performance;
use crate::port::Ports;
use crate::seat::{SeatBits, SeatMap};
use crate::timeout::timeout;

/// How long a seat map waits for the holds before it does without them.
pub const HOLDS_TIMEOUT: TimeDelta = TimeDelta::milliseconds(500);

/// The seats of a performance with their statuses.
#[derive(Clone, Debug)]
pub struct SeatMapView {
    /// The performance: its layout names the seats, its grades and prices are those of now.
    pub performance: Arc<Performance>,
    /// The status of every seat.
    pub map: SeatMap,
    /// Whether the holds are in it. If not, a seat that shows as available may be held.
    pub holds_known: bool,
}

/// Why there is no seat map.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SeatMapError {
    /// No such performance.
    #[error("no performance {0}")]
    NoSuchPerformance(PerformanceId),
    /// The claims could not be read.
    #[error(transparent)]
    Failed(#[from] Failure),
}

impl From<PortError> for SeatMapError {
    fn from(error: PortError) -> Self {
        Self::Failed(error.into())
    }
}

/// Reads the seat map of a performance: two queries, however many seats there are. Holds are never the
/// truth, so a hold store that fails or is slow only takes the holds out of the answer.
///
/// # Errors
/// [`SeatMapError`].
pub async fn read(ports: &Ports, id: PerformanceId) -> Result<SeatMapView, SeatMapError> {
    let found = ports.layouts.performance(id).await?;
    let performance = found.ok_or(SeatMapError::NoSuchPerformance(id))?;
    let capacity = performance.capacity();
    let claims = ports.claims.bits(id, capacity).await?;
    let now = ports.clock.now();
    let held = ports.holds.held(id, capacity, now);
    let held = timeout(&*ports.timer, now + HOLDS_TIMEOUT, held).await;
    let (held, holds_known) = match held {
        Ok(Ok(held)) => (held, true),
        Ok(Err(_)) | Err(_) => (SeatBits::new(capacity), false),
    };
    Ok(SeatMapView { performance, map: SeatMap::new(claims, held), holds_known })
}
