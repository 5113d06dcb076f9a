//! Conformance of [`OutboxReader`](crate::port::OutboxReader).
//!
//! The partitions may be shared with other runs: a rule looks for a partition that nobody holds, and
//! reads over events that are not its own.

#![expect(clippy::missing_panics_doc, reason = "every rule panics where a port breaks it")]

mod cursor;
mod dropping;
mod leases;

pub use cursor::{
    cursor_stays_between_its_bounds, numbers_have_no_gaps, rows_come_again_until_the_cursor_moves,
    waiting_counts_what_is_behind_the_cursors,
};
pub use dropping::only_published_events_are_dropped;
pub use leases::{old_epoch_is_fenced, one_owner_at_a_time, partition_out_of_range_is_refused};

use std::time::Duration;

use chrono::{DateTime, Utc};

use super::ports::limit;
use super::sample::{Sale, seats};
use super::{Harness, StorePorts};
use crate::aggregate::Aggregate;
use crate::id::ChangeSetId;
use crate::label::Label;
use crate::port::{OutboxLease, OutboxRow};
use crate::reservation::Reservation;

#[doc(hidden)]
#[macro_export]
macro_rules! __outbox_rules {
    ($then:ident $arguments:tt) => {
        $crate::$then! {
            outbox $arguments
            one_owner_at_a_time,
            old_epoch_is_fenced,
            numbers_have_no_gaps,
            rows_come_again_until_the_cursor_moves,
            cursor_stays_between_its_bounds,
            partition_out_of_range_is_refused,
            only_published_events_are_dropped,
            waiting_counts_what_is_behind_the_cursors,
        }
    };
}
crate::__outbox_rules! { __rule_items [] }

/// Long enough for a rule that does not wait for its end.
const LONG: Duration = Duration::from_mins(1);
/// Short enough to wait for its end on a real clock.
const SHORT: Duration = Duration::from_secs(2);
/// Tries to find a partition that nobody else holds.
const TRIES: usize = 1_000;

fn owner(h: &Harness) -> Label<64> {
    Label::new(&h.ids().next_id().to_string()).expect("a uuid is short")
}

async fn try_lease(
    ports: &StorePorts,
    partition: u16,
    owner: &Label<64>,
    ttl: Duration,
) -> Option<OutboxLease> {
    let lease = ports.outbox.lease(partition, owner.clone(), ttl).await.expect("leasing");
    if let Some(lease) = &lease {
        assert_eq!(lease.partition, partition, "the lease of the partition asked for");
        assert_eq!(lease.owner, *owner, "the lease of the owner who asked");
    }
    lease
}

/// A sale whose reservations go to a partition that was leased for `owner`, and a reservation.
async fn leased(
    h: &Harness,
    ports: &StorePorts,
    owner: &Label<64>,
    ttl: Duration,
) -> (OutboxLease, Sale, Reservation) {
    let partitions = ports.outbox.partitions().await.expect("partitions");
    assert!(partitions > 0, "expected at least one partition");
    let sale = Sale::new(h);
    for _ in 0..TRIES {
        let reservation = sale.reservation(h, &seats([0]));
        let partition = reservation.stream().partition(partitions);
        if let Some(lease) = try_lease(ports, partition, owner, ttl).await {
            return (lease, sale, reservation);
        }
    }
    panic!("no partition could be leased in {TRIES} tries");
}

/// A reservation of the same sale whose events go to the same partition.
async fn neighbour(h: &Harness, ports: &StorePorts, sale: &Sale, partition: u16) -> Reservation {
    neighbour_made(h, ports, sale, partition, h.now()).await
}

async fn neighbour_made(
    h: &Harness,
    ports: &StorePorts,
    sale: &Sale,
    partition: u16,
    at: DateTime<Utc>,
) -> Reservation {
    let partitions = ports.outbox.partitions().await.expect("partitions");
    for _ in 0..100 * usize::from(partitions) {
        let made = sale.reservation_made(h, &seats([0]), at);
        if made.stream().partition(partitions) == partition {
            return made;
        }
    }
    panic!("no stream of partition {partition} of {partitions} was found");
}

/// The events after the cursor, oldest first, which moves behind them.
async fn drain(ports: &StorePorts, lease: &OutboxLease) -> Vec<OutboxRow> {
    let mut all: Vec<OutboxRow> = Vec::new();
    loop {
        let rows = ports.outbox.read(lease.clone(), limit(7)).await.expect("reading events");
        assert!(rows.len() <= 7, "asked for 7 events, got {}", rows.len());
        let Some(last) = rows.last() else { return all };
        let sequence = last.sequence;
        assert!(
            all.last().is_none_or(|row| row.sequence < rows[0].sequence),
            "events before the cursor came again"
        );
        all.extend(rows);
        ports.outbox.advance(lease.clone(), sequence).await.expect("moving the cursor");
    }
}

fn of_set(rows: &[OutboxRow], id: ChangeSetId) -> Vec<OutboxRow> {
    rows.iter().filter(|row| row.change_set == id).cloned().collect()
}
