//! Relay the outbox: publish events in order, and only then move the cursor.

use std::time::Duration;

use chrono::TimeDelta;

use super::support::Failure;
use crate::error::{Fault, PortError};
use crate::label::Label;
use crate::page::Limit;
use crate::policy::PolicyError;
use crate::port::{OutboxError, OutboxLease, OutboxRow, Ports};
use crate::timeout::timeout;

/// How a relay works.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RelayOptions {
    /// How long a partition is leased, 1 s to 1 h; default 30 s. Half of it is what the publisher may
    /// take.
    pub lease_ttl: Duration,
    /// The most events of one partition in one run; default 500.
    pub batch: Limit,
    /// The most partitions that one run looks at, at least 1; default 64.
    pub partitions_max: u16,
}

impl Default for RelayOptions {
    fn default() -> Self {
        let batch = Limit::new(500).unwrap_or(Limit::DEFAULT);
        Self { lease_ttl: Duration::from_secs(30), batch, partitions_max: 64 }
    }
}

impl RelayOptions {
    const TTL_MIN: Duration = Duration::from_secs(1);
    const TTL_MAX: Duration = Duration::from_hours(1);

    /// Refuses what is out of bounds.
    ///
    /// # Errors
    /// [`PolicyError`] with the first field that is.
    pub fn check(&self) -> Result<(), PolicyError> {
        if !(Self::TTL_MIN..=Self::TTL_MAX).contains(&self.lease_ttl) {
            return Err(PolicyError {
                field: "lease_ttl",
                expected: "1 s to 3600 s".to_owned(),
                got: format!("{} ms", self.lease_ttl.as_millis()),
            });
        }
        if self.partitions_max == 0 {
            return Err(PolicyError {
                field: "partitions_max",
                expected: "at least 1".to_owned(),
                got: "0".to_owned(),
            });
        }
        Ok(())
    }
}

/// What one run of the relay did.
#[derive(Debug, Default)]
#[must_use]
pub struct Relayed {
    /// How many partitions it leased; another relay had the rest.
    pub leased: usize,
    /// How many events were accepted by the publisher and marked so.
    pub published: usize,
    /// How many partitions another took over meanwhile: what was published may come again from there.
    pub fenced: usize,
    /// How many partitions failed; their events come again.
    pub failed: usize,
    /// The first [`Relayed::ERRORS_MAX`] reasons why, for a log.
    pub errors: Vec<OutboxError>,
    /// Whether a partition had at least a whole batch: run again at once.
    pub more: bool,
}

impl Relayed {
    /// The most errors of one run that are kept.
    pub const ERRORS_MAX: usize = 10;

    fn count(&mut self, result: Result<Sent, OutboxError>) {
        match result {
            Ok(sent) => {
                self.published += sent.events;
                self.more |= sent.is_whole_batch;
            }
            Err(OutboxError::Fenced { .. }) => self.fenced += 1,
            Err(
                error @ (OutboxError::NoSuchPartition { .. }
                | OutboxError::Cursor { .. }
                | OutboxError::Port(_)),
            ) => {
                self.failed += 1;
                if self.errors.len() < Self::ERRORS_MAX {
                    self.errors.push(error);
                }
            }
        }
    }
}

/// Why a relay did not run.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RelayError {
    /// Its options are out of bounds.
    #[error(transparent)]
    Options(#[from] PolicyError),
    /// The outbox did not answer.
    #[error(transparent)]
    Failed(#[from] Failure),
}

/// Publishes one batch of each partition that nobody else has, and moves each cursor only after the
/// publisher's Ok. Whatever fails in between is published again: every event at least once, and the
/// events of a stream for the first time in their order, also with several relays at once. What fails
/// in one partition stops that partition only.
///
/// # Errors
/// [`RelayError`]; nothing was published.
pub async fn run_once(
    ports: &Ports,
    owner: &Label<64>,
    options: &RelayOptions,
) -> Result<Relayed, RelayError> {
    options.check()?;
    let partitions = ports.outbox.partitions().await.map_err(Failure::from)?;
    let mut relayed = Relayed::default();
    // Each run starts somewhere else: relays do not queue for the same partitions, and where a run
    // does not reach all of them, none waits for ever.
    let start = ports.random.next_u64() % u64::from(partitions.max(1));
    let start = u16::try_from(start).unwrap_or(0);
    for offset in 0..partitions.min(options.partitions_max) {
        let before_wrap = partitions - start;
        let partition = if offset < before_wrap { start + offset } else { offset - before_wrap };
        match ports.outbox.lease(partition, owner.clone(), options.lease_ttl).await {
            Ok(None) => {}
            Ok(Some(lease)) => {
                relayed.leased += 1;
                relayed.count(send(ports, &lease, options).await);
                // Best effort: a lease that stays ends by itself, one that is gone needs no giving up.
                drop(ports.outbox.give_up(lease).await);
            }
            Err(error) => relayed.count(Err(error)),
        }
    }
    Ok(relayed)
}

struct Sent {
    events: usize,
    is_whole_batch: bool,
}

async fn send(
    ports: &Ports,
    lease: &OutboxLease,
    options: &RelayOptions,
) -> Result<Sent, OutboxError> {
    let rows = ports.outbox.read(lease.clone(), options.batch).await?;
    let Some(last) = rows.last().map(|row| row.sequence) else {
        return Ok(Sent { events: 0, is_whole_batch: false });
    };
    let events = rows.len();
    publish(ports, rows, options).await?;
    ports.outbox.advance(lease.clone(), last).await?;
    Ok(Sent { events, is_whole_batch: events >= options.batch.get() })
}

/// Gives up while the lease still has time, so that a publisher that hangs does not publish beside the
/// next owner.
async fn publish(
    ports: &Ports,
    rows: Vec<OutboxRow>,
    options: &RelayOptions,
) -> Result<(), PortError> {
    let patience = TimeDelta::from_std(options.lease_ttl / 2).unwrap_or(TimeDelta::MAX);
    let at = ports.clock.now() + patience;
    match timeout(&*ports.timer, at, ports.publisher.publish(rows)).await {
        Ok(answer) => answer,
        Err(elapsed) => {
            Err(PortError::new("publisher", "publish", Fault::Unknown).because(elapsed))
        }
    }
}
