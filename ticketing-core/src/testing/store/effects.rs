use crate::aggregate::Aggregate;
use crate::change_set::ChangeSet;
use crate::id::{PaymentId, RefundId, ReservationId};
use crate::policy::Deadlines;
use crate::port::OutboxRow;
use crate::reservation::EndCause;
use crate::seat::{Claim, ClaimOwner, ClaimStatus};
use crate::testing::ports::collect;
use crate::testing::sample::{self, Sale, seats};
use crate::testing::{Harness, StorePorts};

fn json(payload: &[u8]) -> serde_json::Value {
    serde_json::from_slice(payload).expect("the payload of an event is JSON")
}

/// Panics unless the outbox holds exactly the events of these change sets, in order.
async fn expect_events(ports: &StorePorts, committed: &[&ChangeSet]) -> Vec<OutboxRow> {
    let partitions = ports.outbox.partitions().await.expect("partitions");
    let mut found = Vec::new();
    for changes in committed {
        let rows = ports.events_of(changes.id()).await;
        let names: Vec<&str> = rows.iter().map(|row| &*row.name).collect();
        let expected: Vec<&str> = changes.events().iter().map(|event| event.name).collect();
        assert_eq!(names, expected, "the outbox holds the events of its change set");
        for (row, event) in rows.iter().zip(changes.events()) {
            assert_eq!(row.aggregate, event.aggregate, "whose event {} is", row.name);
            assert_eq!(row.number, event.number, "the place of {}", row.name);
            assert_eq!(row.occurred_at, event.occurred_at, "when {} happened", row.name);
            assert_eq!(json(&row.payload), json(&event.payload), "what {} tells", row.name);
            assert_eq!(row.stream, changes.stream(), "the stream of {}", row.name);
            let partition = changes.stream().partition(partitions);
            assert_eq!(row.partition, partition, "the partition is the hash of the stream");
        }
        found.extend(rows);
    }
    found
}

/// Every event of a change set is in the outbox with it, in order, numbered without gaps.
pub async fn events_come_with_their_change(h: &Harness, ports: &StorePorts) {
    let sale = Sale::new(h);
    let reservation = sale.reservation(h, &seats([0, 1]));
    let (id, reference) = (reservation.id(), reservation.reference());
    let made = sale.reserve(h, &reservation, 2);
    ports.done(&made, "a reserve").await;

    let payment = PaymentId::generate(h.ids());
    let mut reservation = ports.committed_reservation(id).await;
    let _ = reservation
        .start_payment(payment, &Deadlines::default(), h.now())
        .expect("a pending reservation");
    let _ = reservation.confirm(payment, h.now()).expect("its own payment");
    let paid = sample::changes(h).save(reservation).sell(sale.performance, seats([0, 1]), id);
    ports.done(&paid, "a change set of two events").await;

    let mut reservation = ports.committed_reservation(id).await;
    let cause = EndCause::Refund(RefundId::generate(h.ids()));
    let _ = reservation.give_up(&seats([1]), cause, h.now()).expect("a paid seat");
    let given_up = sample::changes(h).save(reservation);
    ports.done(&given_up, "a seat given up").await;

    let rows = expect_events(ports, &[&made, &paid, &given_up]).await;
    let numbers: Vec<u64> = rows.iter().map(|row| row.number).collect();
    assert_eq!(numbers, [1, 2, 3, 4], "an aggregate's events are numbered from 1 without gaps");
    let ascending = rows.windows(2).all(|pair| pair[0].sequence < pair[1].sequence);
    assert!(ascending, "the stream is not in the order of its commits: {rows:?}");
    let all = collect(1_000, |page| ports.inspect.outbox(page)).await;
    let own = all.iter().filter(|row| row.aggregate == reference).count();
    assert_eq!(own, 4, "the outbox holds an event that no change set told");

    let top_up = sample::changes(h).post(sample::top_up(h, sale.user, 100));
    ports.done(&top_up, "a top-up").await;
    expect_events(ports, &[&top_up]).await;
    let silent = sample::changes(h).claim(sale.performance, seats([5]), sample::owner(h));
    ports.done(&silent, "a change set without events").await;
    expect_events(ports, &[&silent]).await;
}

/// A release frees the claims of its owner and leaves those of all others.
pub async fn release_is_for_the_owner(h: &Harness, ports: &StorePorts) {
    let perf = Sale::new(h).performance;
    let [mine, theirs] = [(); 2].map(|()| sample::owner(h));
    let house = ClaimOwner::House;
    let claims = sample::changes(h)
        .claim(perf, seats([0, 1, 2]), mine)
        .claim(perf, seats([3]), theirs)
        .claim(perf, seats([4]), house);
    ports.done(&claims, "claims of three owners").await;

    let release = |owner| sample::changes(h).release(perf, seats([0, 3, 4, 9]), owner);
    ports.done(&release(mine), "a release of more than is owned").await;
    let owner_of = async |seat| ports.claim(perf, seat).await.map(|claim| claim.owner);
    assert_eq!(owner_of(0).await, None, "the owner's seat 0 is free");
    assert_eq!(owner_of(1).await, Some(mine), "seat 1 was not released");
    assert_eq!(owner_of(3).await, Some(theirs), "seat 3 is another's");
    assert_eq!(owner_of(4).await, Some(house), "seat 4 is the house's");
    ports.done(&release(sample::owner(h)), "a release by one who has nothing").await;
    assert_eq!(owner_of(3).await, Some(theirs), "seat 3 is another's");
    ports.done(&release(house), "a release by the house").await;
    assert_eq!(owner_of(4).await, None, "the house's seat 4 is free");
    assert_eq!(owner_of(3).await, Some(theirs), "the house does not free a buyer's seat");

    let next = sample::changes(h).claim(perf, seats([0, 4]), theirs);
    ports.done(&next, "a claim on the seats that are free again").await;
    assert_eq!(owner_of(0).await, Some(theirs), "seat 0 has its next owner");
    let swap = sample::changes(h).release(perf, seats([3]), theirs).claim(perf, seats([5]), theirs);
    ports.done(&swap, "one seat released and another taken in one change set").await;
    assert_eq!((owner_of(3).await, owner_of(5).await), (None, Some(theirs)), "the seats changed");
}

/// A sale turns the claims of its owner from pending to sold, and no others.
pub async fn sold_seats_are_marked_sold(h: &Harness, ports: &StorePorts) {
    let perf = Sale::new(h).performance;
    let [mine, theirs] = [(); 2].map(|()| ReservationId::generate(h.ids()));
    let claims = sample::changes(h)
        .claim(perf, seats([0, 1, 2]), ClaimOwner::Reservation(mine))
        .claim(perf, seats([3]), ClaimOwner::Reservation(theirs))
        .claim(perf, seats([4]), ClaimOwner::House);
    ports.done(&claims, "claims of three owners").await;
    ports.done(&sample::changes(h).sell(perf, seats([0, 2]), mine), "a sale").await;

    let claim = |id, status| Some(Claim { owner: ClaimOwner::Reservation(id), status });
    let expected = [
        claim(mine, ClaimStatus::Sold),
        claim(mine, ClaimStatus::Pending),
        claim(mine, ClaimStatus::Sold),
        claim(theirs, ClaimStatus::Pending),
        Some(Claim { owner: ClaimOwner::House, status: ClaimStatus::House }),
    ];
    for (seat, expected) in (0..).zip(expected) {
        assert_eq!(ports.claim(perf, seat).await, expected, "the claim on seat {seat}");
    }
    let release = sample::changes(h).release(perf, seats([0]), ClaimOwner::Reservation(mine));
    ports.done(&release, "a release of a sold seat").await;
    assert_eq!(ports.claim(perf, 0).await, None, "a sold seat that was given up is free");
}
