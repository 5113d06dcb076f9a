//! Conformance of [`OutboxReader`](crate::port::OutboxReader).
//!
//! The partitions may be shared with other runs: a rule looks for a partition that nobody holds, and
//! reads over events that are not its own.

#![expect(clippy::missing_panics_doc, reason = "every rule panics where a port breaks it")]

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};

use super::ports::{collect, is_done, limit};
use super::sample::{self, Sale, seats};
use super::{Harness, StorePorts};
use crate::aggregate::Aggregate;
use crate::change_set::ChangeSet;
use crate::id::ChangeSetId;
use crate::label::Label;
use crate::port::{OutboxError, OutboxLease, OutboxRow};
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

/// Takes a partition over, waiting for leases to end.
async fn take_over(h: &Harness, ports: &StorePorts, partition: u16) -> OutboxLease {
    let owner = owner(h);
    for _ in 0..10 {
        h.advance(SHORT + Duration::from_millis(500)).await;
        if let Some(lease) = try_lease(ports, partition, &owner, LONG).await {
            return lease;
        }
    }
    panic!("partition {partition} was not given to another after its lease had ended");
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

/// A partition has one owner until its lease ends or is given up.
pub async fn one_owner_at_a_time(h: &Harness, ports: &StorePorts) {
    let [first, second] = [(); 2].map(|()| owner(h));
    let (lease, ..) = leased(h, ports, &first, LONG).await;
    let partition = lease.partition;
    assert!(lease.expires_at > h.now(), "a lease of a minute ends at {}", lease.expires_at);
    assert_eq!(
        try_lease(ports, partition, &second, LONG).await,
        None,
        "another got a partition that is leased"
    );
    let renewed = try_lease(ports, partition, &first, LONG).await.expect("an own lease is renewed");
    assert_eq!(renewed.epoch, lease.epoch, "a renewed lease keeps its epoch");

    ports.outbox.give_up(renewed).await.expect("giving up a lease");
    let rivals: Vec<Label<64>> = (0..8).map(|_| owner(h)).collect();
    let tasks = rivals.iter().map(|rival| {
        let (outbox, rival) = (Arc::clone(&ports.outbox), rival.clone());
        async move { outbox.lease(partition, rival, LONG).await.expect("leasing") }
    });
    let won: Vec<OutboxLease> =
        h.race(tasks.collect::<Vec<_>>()).await.into_iter().flatten().collect();
    assert!(won.len() == 1, "expected one of eight to get the free partition, got {won:?}");
    assert!(won[0].epoch > lease.epoch, "the epoch grows with the owner");
    let loser = rivals.iter().find(|rival| **rival != won[0].owner).expect("seven lost");
    assert_eq!(try_lease(ports, partition, loser, LONG).await, None, "a loser asks again");
    ports.outbox.give_up(won[0].clone()).await.expect("giving up a lease");
}

/// An owner whose lease was taken over can neither read nor move the cursor nor end the new lease.
pub async fn old_epoch_is_fenced(h: &Harness, ports: &StorePorts) {
    let (old, sale, reservation) = leased(h, ports, &owner(h), SHORT).await;
    let partition = old.partition;
    ports.done(&sale.reserve(h, &reservation, 1), "a reserve").await;
    let new = take_over(h, ports, partition).await;
    assert!(new.epoch > old.epoch, "the epoch grows with the owner: {old:?}, {new:?}");

    let fenced = |error: &OutboxError| matches!(error, OutboxError::Fenced { partition: p, epoch } if *p == partition && *epoch == old.epoch);
    let read = ports.outbox.read(old.clone(), limit(10)).await;
    assert!(matches!(&read, Err(error) if fenced(error)), "expected Fenced, got {read:?}");
    let rows = ports.outbox.read(new.clone(), limit(1)).await.expect("the new owner reads");
    let sequence = rows.first().expect("an event waits").sequence;
    let moved = ports.outbox.advance(old.clone(), sequence).await;
    assert!(matches!(&moved, Err(error) if fenced(error)), "expected Fenced, got {moved:?}");
    let again = ports.outbox.read(new.clone(), limit(1)).await.expect("the new owner reads");
    assert_eq!(again, rows, "the fenced owner moved the cursor");

    let given_up = ports.outbox.give_up(old.clone()).await;
    assert!(
        given_up.as_ref().is_ok() || matches!(&given_up, Err(error) if fenced(error)),
        "expected nothing or Fenced, got {given_up:?}"
    );
    let third = try_lease(ports, partition, &owner(h), LONG).await;
    assert_eq!(third, None, "the fenced owner ended the lease of the new one");
    let back = try_lease(ports, partition, &old.owner, LONG).await;
    assert_eq!(back, None, "the fenced owner got the partition back");
    let renewed = try_lease(ports, partition, &new.owner, LONG).await.expect("it is its own");
    assert_eq!(renewed.epoch, new.epoch, "the new owner keeps its epoch");
    ports.outbox.give_up(renewed).await.expect("giving up a lease");
}

/// A partition is numbered in commit order without gaps, also where commits race and are refused.
pub async fn numbers_have_no_gaps(h: &Harness, ports: &StorePorts) {
    let (lease, sale, reservation) = leased(h, ports, &owner(h), LONG).await;
    let before = drain(ports, &lease).await;
    let mut sets = Vec::new();
    for seat in 0..20 {
        let neighbour = neighbour(h, ports, &sale, lease.partition).await;
        sets.push(sample::changes(h).save(neighbour.clone()));
        let refused = sale.reservation(h, &seats([seat]));
        sets.push(sale.reserve(h, &refused, 1));
    }
    let answers = ports.race(h, sets.clone()).await;
    let first = sample::changes(h).save(reservation.clone());
    ports.done(&first, "a reservation").await;
    let loaded = ports.committed_reservation(reservation.id()).await;
    let second = sample::changes(h).save(cancelled(h, loaded));
    ports.done(&second, "its cancel").await;

    let rows = drain(ports, &lease).await;
    let all: Vec<u64> = before.iter().chain(&rows).map(|row| row.sequence).collect();
    let gapless = all.windows(2).all(|pair| pair[0] + 1 == pair[1]);
    assert!(gapless && all.first().is_some_and(|n| *n >= 1), "numbered with gaps: {all:?}");
    assert!(rows.iter().all(|row| row.partition == lease.partition), "of another partition");
    for (changes, answer) in sets.iter().zip(&answers).step_by(2) {
        assert!(is_done(answer), "expected Done for a save, got {answer:?}");
        assert_eq!(of_set(&rows, changes.id()).len(), 1, "an event came not once");
    }
    let refused = sets.iter().zip(&answers).filter(|(_, answer)| !is_done(answer));
    let mut count = 0;
    for (changes, _) in refused {
        assert!(of_set(&rows, changes.id()).is_empty(), "a refused change set was told");
        count += 1;
    }
    assert_eq!(count, 19, "one of twenty has the user's only place");
    let own: Vec<(&str, u64)> = rows
        .iter()
        .filter(|row| row.aggregate == reservation.reference())
        .map(|row| (&*row.name, row.number))
        .collect();
    let expected = [("reservation.made", 1), ("reservation.cancelled", 2)];
    assert_eq!(own, expected, "the stream is in the order of its commits");
    ports.outbox.give_up(lease).await.expect("giving up a lease");
}

fn cancelled(h: &Harness, mut reservation: Reservation) -> Reservation {
    let reason = crate::reservation::CancelReason::Buyer;
    let _ = reservation.cancel(reason, false, h.now()).expect("a pending reservation");
    reservation
}

/// Events are read again until the cursor moves behind them, also by the next owner.
pub async fn rows_come_again_until_the_cursor_moves(h: &Harness, ports: &StorePorts) {
    let first = owner(h);
    let (lease, sale, reservation) = leased(h, ports, &first, LONG).await;
    drain(ports, &lease).await;
    let mut sets = vec![sample::changes(h).save(reservation)];
    for _ in 0..3 {
        let next = neighbour(h, ports, &sale, lease.partition).await;
        sets.push(sample::changes(h).save(next));
    }
    for changes in &sets {
        ports.done(changes, "a reservation").await;
    }
    let read = async |lease: &OutboxLease, size| {
        ports.outbox.read(lease.clone(), limit(size)).await.expect("reading events")
    };
    let rows = read(&lease, 1_000).await;
    for changes in &sets {
        assert_eq!(of_set(&rows, changes.id()).len(), 1, "a committed event waits");
    }
    let again = read(&lease, rows.len()).await;
    assert_eq!(again, rows, "nothing was published, the same events come again");
    assert_eq!(read(&lease, 2).await, rows[..2], "the oldest come first");

    ports.outbox.advance(lease.clone(), rows[1].sequence).await.expect("moving the cursor");
    assert_eq!(read(&lease, rows.len() - 2).await, rows[2..], "the cursor stands behind two");
    let to = rows[1].sequence;
    ports.outbox.advance(lease.clone(), to).await.expect("moving the cursor to where it stands");
    assert_eq!(read(&lease, rows.len() - 2).await, rows[2..], "the cursor stayed");

    ports.outbox.give_up(lease.clone()).await.expect("giving up a lease");
    let next = try_lease(ports, lease.partition, &owner(h), LONG).await.expect("it was given up");
    let seen = read(&next, rows.len() - 2).await;
    assert_eq!(seen, rows[2..], "the next owner reads on from the cursor");
    ports.outbox.give_up(next).await.expect("giving up a lease");
}

/// The cursor neither goes back nor beyond the last event.
pub async fn cursor_stays_between_its_bounds(h: &Harness, ports: &StorePorts) {
    let (lease, sale, reservation) = leased(h, ports, &owner(h), LONG).await;
    ports.done(&sample::changes(h).save(reservation), "a reservation").await;
    let next = neighbour(h, ports, &sale, lease.partition).await;
    ports.done(&sample::changes(h).save(next), "a reservation").await;
    let rows = drain(ports, &lease).await;
    let last = rows.last().expect("two events at least").sequence;
    for sequence in [last - 1, 0, last + 1_000_000_000] {
        let answer = ports.outbox.advance(lease.clone(), sequence).await;
        assert!(
            matches!(&answer, Err(OutboxError::Cursor { got, .. }) if *got == sequence),
            "expected Cursor for a move from {last} to {sequence}, got {answer:?}"
        );
    }
    let next = neighbour(h, ports, &sale, lease.partition).await;
    let changes = sample::changes(h).save(next);
    ports.done(&changes, "a reservation").await;
    let rows = ports.outbox.read(lease.clone(), limit(1_000)).await.expect("reading events");
    assert_eq!(of_set(&rows, changes.id()).len(), 1, "a refused move hides the next event");
    assert!(rows[0].sequence == last + 1, "the cursor moved from {last} to before {:?}", rows[0]);
    ports.outbox.give_up(lease).await.expect("giving up a lease");
}

/// A partition that does not exist is named with how many there are.
pub async fn partition_out_of_range_is_refused(h: &Harness, ports: &StorePorts) {
    let count = ports.outbox.partitions().await.expect("partitions");
    let again = ports.outbox.partitions().await.expect("partitions");
    assert_eq!(count, again, "the number of partitions is fixed");
    let refused = |error: &OutboxError| matches!(error, OutboxError::NoSuchPartition { partitions, got } if *partitions == count && *got == count);
    let lease = ports.outbox.lease(count, owner(h), LONG).await;
    assert!(matches!(&lease, Err(error) if refused(error)), "expected a refusal, got {lease:?}");
    let dropped = ports.outbox.drop_published(count, h.now(), limit(1)).await;
    assert!(matches!(&dropped, Err(error) if refused(error)), "got {dropped:?}");
}

/// Only published events that are old are dropped, no more than asked for.
pub async fn only_published_events_are_dropped(h: &Harness, ports: &StorePorts) {
    let (lease, sale, _) = leased(h, ports, &owner(h), LONG).await;
    let partition = lease.partition;
    let old_at: DateTime<Utc> = h.now() - TimeDelta::days(9_000);
    let before = old_at + TimeDelta::days(1);
    let mut old = Vec::new();
    for _ in 0..4 {
        let made = neighbour_made(h, ports, &sale, partition, old_at).await;
        let changes = ChangeSet::new(ChangeSetId::generate(h.ids()), old_at).save(made);
        ports.done(&changes, "an old reservation").await;
        old.push(changes.id());
    }
    let young = sample::changes(h).save(neighbour(h, ports, &sale, partition).await);
    ports.done(&young, "a young reservation").await;

    let kept = async |ids: &[ChangeSetId]| {
        let rows = collect(1_000, |page| ports.inspect.outbox(page)).await;
        rows.iter().filter(|row| ids.contains(&row.change_set)).count()
    };
    let purge = async |before| {
        let dropped = ports.outbox.drop_published(partition, before, limit(2)).await;
        let dropped = dropped.expect("dropping events");
        assert!(dropped <= 2, "asked to drop 2 events, dropped {dropped}");
        dropped
    };
    purge(before).await;
    assert_eq!(kept(&old).await, 4, "an event was dropped that was not published");
    drain(ports, &lease).await;
    purge(old_at).await;
    assert_eq!(kept(&old).await, 4, "an event was dropped that did not happen before");

    let mut left = 4;
    let mut calls = 0;
    while left > 0 {
        let dropped = purge(before).await;
        let now = kept(&old).await;
        assert!(left - now <= dropped, "{dropped} dropped, {left} became {now}");
        assert!(dropped > 0 || now == 0, "nothing dropped and {now} are left");
        calls += 1;
        assert!(calls < 100_000, "dropping comes to no end");
        left = now;
    }
    assert!(calls >= 2, "four events were dropped in {calls} calls of two");
    assert_eq!(kept(&[young.id()]).await, 1, "a young event was dropped");

    let next = sample::changes(h).save(neighbour(h, ports, &sale, partition).await);
    ports.done(&next, "a reservation").await;
    let rows = drain(ports, &lease).await;
    assert_eq!(of_set(&rows, next.id()).len(), 1, "reading goes on after events were dropped");
    ports.outbox.give_up(lease).await.expect("giving up a lease");
}

/// What waits is counted over all partitions.
pub async fn waiting_counts_what_is_behind_the_cursors(h: &Harness, ports: &StorePorts) {
    let (lease, sale, reservation) = leased(h, ports, &owner(h), LONG).await;
    drain(ports, &lease).await;
    ports.done(&sample::changes(h).save(reservation), "a reservation").await;
    for _ in 0..4 {
        let next = neighbour(h, ports, &sale, lease.partition).await;
        ports.done(&sample::changes(h).save(next), "a reservation").await;
    }
    let waiting = ports.outbox.waiting().await.expect("waiting");
    assert!(waiting >= 5, "five events wait in a partition that is held, counted {waiting}");
    ports.outbox.give_up(lease).await.expect("giving up a lease");
}
