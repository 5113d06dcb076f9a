use std::sync::Arc;
use std::time::Duration;

use super::{LONG, SHORT, leased, owner, try_lease};
use crate::label::Label;
use crate::port::{OutboxError, OutboxLease};
use crate::testing::ports::limit;
use crate::testing::{Harness, StorePorts};

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
