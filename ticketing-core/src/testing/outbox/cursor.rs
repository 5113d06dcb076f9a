use super::{LONG, drain, leased, neighbour, of_set, owner, try_lease};
use crate::aggregate::Aggregate;
use crate::port::{OutboxError, OutboxLease};
use crate::reservation::Reservation;
use crate::testing::ports::{is_done, limit};
use crate::testing::sample::{self, seats};
use crate::testing::{Harness, StorePorts};

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
