use chrono::{DateTime, TimeDelta, Utc};

use super::{LONG, drain, leased, neighbour, neighbour_made, of_set, owner};
use crate::change_set::ChangeSet;
use crate::id::ChangeSetId;
use crate::testing::ports::{collect, limit};
use crate::testing::sample;
use crate::testing::{Harness, StorePorts};

/// Only published events that are old are dropped, no more than asked for. A store may keep an old
/// event that stands behind a young one.
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
    let behind_a_young_one = async || {
        let mut rows = collect(1_000, |page| ports.inspect.outbox(page)).await;
        rows.retain(|row| row.partition == partition);
        let young = rows.iter().position(|row| row.occurred_at >= before);
        let own = rows.iter().position(|row| old.contains(&row.change_set));
        young.zip(own).is_some_and(|(young, own)| young < own)
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
    for _ in 0..100_000 {
        let dropped = purge(before).await;
        let now = kept(&old).await;
        assert!(left - now <= dropped, "{dropped} dropped, {left} became {now}");
        left = now;
        if dropped == 0 {
            break;
        }
    }
    assert!(
        left == 0 || behind_a_young_one().await,
        "{left} published old events are never dropped"
    );
    assert_eq!(kept(&[young.id()]).await, 1, "a young event was dropped");

    let next = sample::changes(h).save(neighbour(h, ports, &sale, partition).await);
    ports.done(&next, "a reservation").await;
    let rows = drain(ports, &lease).await;
    assert_eq!(of_set(&rows, next.id()).len(), 1, "reading goes on after events were dropped");
    ports.outbox.give_up(lease).await.expect("giving up a lease");
}
