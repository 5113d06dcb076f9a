//! Lists, bitmaps, retention and the outbox.

use chrono::TimeDelta;

use super::{store, write};
use crate::change_set::ChangeSet;
use crate::flush::tests::{
    changes, entry, entry_id, fingerprint, message, now, of, owner, performance, receipt_key,
    reservation, response, seats, show, user, wallet,
};
use crate::id::ChangeSetId;
use crate::label::Label;
use crate::memory::store::{MemoryStore, MemoryStoreOptions};
use crate::page::{Cursor, Limit, Page, PageRequest};
use crate::port::{
    Claims, Inspect, Kept, Ledger, OutboxError, OutboxReader, Reservations, Retention,
};
use crate::reservation::Reservation;
use crate::seat::{ClaimStatus, SeatNo, Seats};

fn filled() -> MemoryStore {
    let store = store(MemoryStoreOptions { partitions: 3, ..MemoryStoreOptions::default() });
    for n in 0..9_u8 {
        let set = changes(n)
            .save(reservation(n, 0))
            .claim(performance(n % 3), seats(&[u32::from(n)]), of(n))
            .allow(user(n % 2), show(), 1, 9, owner(n))
            .post(entry(n, 1, i64::from(n) + 1, None))
            .caused_by(message(n))
            .receipt(receipt_key(n), fingerprint(n), response("a"));
        write(&store, set);
    }
    store
}

/// All items of a list in pages of two.
fn all<T>(mut page: impl FnMut(PageRequest) -> Page<T>) -> Vec<T> {
    let mut items = Vec::new();
    let mut after: Option<Cursor> = None;
    for _ in 0..100 {
        let Page { items: next, next: cursor } =
            page(PageRequest::next(after.take(), Limit::new(2).unwrap()));
        assert!(!next.is_empty() || items.is_empty());
        items.extend(next);
        match cursor {
            Some(cursor) => after = Some(cursor),
            None => return items,
        }
    }
    panic!("a list without end");
}

macro_rules! pages {
    ($store:ident.$list:ident($($arg:expr),*) as $port:ident) => {
        all(|page| pollster::block_on($port::$list(&$store, $($arg,)* page)).unwrap())
    };
}

#[test]
fn lists_give_each_row_once_in_order() {
    let store = filled();
    let claims = pages!(store.claims() as Inspect);
    let seats: Vec<u32> = claims.iter().map(|row| row.seat.0).collect();
    assert_eq!(seats, [0, 3, 6, 1, 4, 7, 2, 5, 8]);
    let slots: Vec<u16> =
        pages!(store.allowances() as Inspect).iter().map(|row| row.slot).collect();
    assert_eq!(slots, [0, 1, 2, 3, 4, 0, 1, 2, 3]);
    let ids: Vec<_> = pages!(store.reservations() as Inspect).iter().map(Reservation::id).collect();
    assert_eq!(ids, (0..9).map(owner).collect::<Vec<_>>());
    assert_eq!(pages!(store.entries() as Inspect).len(), 9);
    assert_eq!(pages!(store.balances() as Inspect).len(), 2);
    assert_eq!(pages!(store.outbox() as Inspect).len(), 9);
    let counts = pages!(store.event_counts() as Inspect);
    assert_eq!(counts.len(), 9);
    assert!(counts.iter().all(|count| count.recorded == 1 && count.saved_at == Some(now())));
    let of_user = pages!(store.of_user(user(3)) as Reservations);
    assert_eq!(of_user.iter().map(Reservation::id).collect::<Vec<_>>(), [owner(3)]);
    assert_eq!(pages!(store.live_of(performance(0)) as Reservations).len(), 9);
    let history = pages!(store.history(wallet(1)) as Ledger);
    let newest_first: Vec<i64> = history.iter().map(|line| line.amount).collect();
    assert_eq!(newest_first, [9, 8, 7, 6, 5, 4, 3, 2, 1]);
    assert_eq!(history[8].entry, entry_id(0));
    let wrong = PageRequest::next(Some(Cursor::after(&"other")), Limit::DEFAULT);
    assert!(pollster::block_on(Inspect::claims(&store, wrong)).is_err());
}

#[test]
fn only_what_is_due_is_listed_and_leaves_the_list_when_it_ends() {
    let store = filled();
    let due_at = reservation(0, 0).expires_at();
    let due = |at| pages!(store.due(at) as Reservations);
    assert_eq!(due(due_at - TimeDelta::microseconds(1)).len(), 0);
    let found = due(due_at);
    assert_eq!(found.len(), 9);
    let mut first = found.into_iter().next().unwrap();
    let _ = first.expire(false, due_at).unwrap();
    write(&store, changes(100).save(first));
    assert_eq!(due(due_at).len(), 8);
    assert_eq!(pages!(store.live_of(performance(0)) as Reservations).len(), 8);
    assert_eq!(pages!(store.of_user(user(0)) as Reservations).len(), 1);
}

#[test]
fn bitmaps_follow_the_claims_at_every_capacity() {
    let store = filled();
    let bits = |capacity| pollster::block_on(store.bits(performance(0), capacity)).unwrap();
    let pending = |capacity| -> Vec<u32> {
        let bits = bits(capacity);
        (0..20).filter(|seat| bits.get(SeatNo(*seat)) == Some(ClaimStatus::Pending)).collect()
    };
    assert_eq!(pending(20), [0, 3, 6]);
    let set = changes(100)
        .sell(performance(0), seats(&[3]), owner(3))
        .release(performance(0), seats(&[6]), of(6))
        .claim(performance(0), seats(&[15]), of(1));
    write(&store, set);
    assert_eq!(pending(20), [0, 15]);
    assert_eq!(bits(20).get(SeatNo(3)), Some(ClaimStatus::Sold));
    assert_eq!(pending(10), [0], "beyond the capacity");
    assert_eq!(pending(20), [0, 15]);
    let of_seats: Seats = seats(&[0, 1, 15]);
    let found = pollster::block_on(store.of_seats(performance(0), of_seats)).unwrap();
    assert_eq!(found.iter().map(|(seat, _)| seat.0).collect::<Vec<_>>(), [0, 15]);
}

#[test]
fn retention_drops_the_old_within_its_limit() {
    let store = store(MemoryStoreOptions::default());
    for (n, days) in [(1_u8, 5), (2, 1), (3, 3), (4, 2)] {
        let at = now() + TimeDelta::days(days);
        let set = ChangeSet::new(ChangeSetId::from_uuid(changes(n).id().as_uuid()), at)
            .caused_by(message(n))
            .receipt(receipt_key(n), fingerprint(n), response("a"));
        write(&store, set);
    }
    for kept in [Kept::Receipts, Kept::Messages, Kept::ChangeSets] {
        let purge = |days, limit| {
            let before = now() + TimeDelta::days(days);
            pollster::block_on(store.purge(kept, before, Limit::new(limit).unwrap())).unwrap()
        };
        assert_eq!([purge(1, 9), purge(4, 2), purge(4, 2), purge(4, 2)], [0, 2, 1, 0]);
    }
    let tables = store.tables();
    assert_eq!((tables.receipts.len(), tables.messages.len(), tables.change_sets.len()), (1, 1, 1));
    assert!(tables.receipts.contains_key(&receipt_key(1)));
}

#[test]
fn a_partition_is_read_by_its_leaseholder_and_dropped_behind_the_cursor() {
    let store = filled();
    let partition = (0..3)
        .find(|n| store.tables().outbox.after(None).filter(|row| row.partition == *n).count() > 1);
    let partition = partition.expect("nine streams over three partitions");
    let name = |text| Label::new(text).unwrap();
    let ttl = std::time::Duration::from_secs(10);
    let lease = |who| pollster::block_on(store.lease(partition, name(who), ttl)).unwrap();
    let first = lease("a").unwrap();
    assert_eq!(lease("b"), None);
    assert_eq!(lease("a").map(|lease| lease.epoch), Some(first.epoch));
    let read = |lease: &crate::port::OutboxLease| {
        pollster::block_on(store.read(lease.clone(), Limit::DEFAULT))
    };
    let rows = read(&first).unwrap();
    let last = rows.last().unwrap().sequence;
    assert_eq!(
        rows.iter().map(|row| row.sequence).collect::<Vec<_>>(),
        (1..=last).collect::<Vec<_>>()
    );
    let later = now() + TimeDelta::days(1);
    let drop_old =
        || pollster::block_on(store.drop_published(partition, later, Limit::DEFAULT)).unwrap();
    assert_eq!(drop_old(), 0, "nothing is published");
    pollster::block_on(store.advance(first.clone(), 1)).unwrap();
    assert_eq!(drop_old(), 1);
    assert_eq!(read(&first).unwrap().first().unwrap().sequence, 2);
    let beyond = pollster::block_on(store.advance(first.clone(), last + 1));
    assert!(matches!(beyond, Err(OutboxError::Cursor { from: 1, got, .. }) if got == last + 1));
    pollster::block_on(store.give_up(first.clone())).unwrap();
    assert!(matches!(read(&first), Err(OutboxError::Fenced { .. })));
    let second = lease("b").unwrap();
    assert_eq!(second.epoch, first.epoch + 1);
    assert_eq!(pollster::block_on(store.waiting()).unwrap(), 8);
    let nowhere = pollster::block_on(store.lease(3, name("a"), ttl));
    assert!(matches!(nowhere, Err(OutboxError::NoSuchPartition { partitions: 3, got: 3 })));
}
