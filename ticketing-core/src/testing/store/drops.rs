use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::Arc;
use std::task::Poll;

use crate::change_set::ChangeSet;
use crate::reservation::Reservation;
use crate::seat::{ClaimOwner, SeatNo};
use crate::testing::sample::{self, Sale, seats};
use crate::testing::{Harness, StorePorts};

/// Polls once; whether that was enough.
async fn poll_once<F: Future + Unpin + Send>(future: &mut F) -> bool {
    poll_fn(|context| Poll::Ready(Pin::new(&mut *future).poll(context).is_ready())).await
}

/// Panics unless the store has all of a purchase, or nothing. The reservation is read first: once
/// it is seen, all that was committed with it must be.
async fn expect_all_or_nothing(ports: &StorePorts, sale: &Sale, made: &Reservation) -> bool {
    if ports.reservation(made.id()).await.is_none() {
        return false;
    }
    let SeatNo(seat) = made.lines()[0].seat;
    let owner = ports.claim(sale.performance, seat).await.map(|claim| claim.owner);
    let expected = Some(ClaimOwner::Reservation(made.id()));
    assert_eq!(owner, expected, "the reservation is there, its claim is not");
    let used = ports.claims.allowance_used(sale.user, sale.show).await.expect("allowance");
    assert_eq!(used, 1, "the reservation is there, its place is not");
    let balance = ports.balance(sample::wallet(sale.user)).await;
    assert_eq!(balance, 40, "the reservation is there, its points were not set aside");
    true
}

/// A caller that gives up leaves all of its change set or nothing, holds up nobody else, and sending
/// it again tells.
pub async fn dropped_caller_leaves_all_or_nothing(h: &Harness, ports: &StorePorts) {
    let at = Sale::new(h);
    let mut purchases: Vec<(Sale, Reservation, ChangeSet)> = Vec::new();
    for seat in 0..24 {
        let sale = at.another_buyer(h);
        ports.done(&sample::changes(h).post(sample::top_up(h, sale.user, 100)), "a top-up").await;
        let reservation = sale.reservation(h, &seats([seat]));
        let changes = sale.reserve(h, &reservation, 1).post(sample::points_reserved(
            h,
            reservation.id(),
            sale.user,
            60,
        ));
        purchases.push((sale, reservation, changes));
    }

    let (alone, crowd) = purchases.split_at(8);
    for (sale, reservation, changes) in alone {
        let mut commit = ports.store.commit(changes.clone());
        let answered = poll_once(&mut commit).await;
        drop(commit);
        let there = expect_all_or_nothing(ports, sale, reservation).await;
        assert!(there || !answered, "answered, and nothing was written");
    }
    let stays = |index: usize| index % 2 == 1;
    let tasks = crowd.iter().enumerate().map(|(index, (_, _, changes))| {
        let (store, changes) = (Arc::clone(&ports.store), changes.clone());
        async move {
            let mut commit = store.commit(changes);
            if stays(index) {
                Some(commit.await)
            } else {
                poll_once(&mut commit).await;
                None
            }
        }
    });
    let answers = h.race(tasks.collect::<Vec<_>>()).await;
    for (index, answer) in answers.into_iter().enumerate().filter(|(index, _)| stays(*index)) {
        let answer = answer.expect("this caller waited for its answer");
        assert!(matches!(answer, Ok(crate::port::Committed::Done)), "caller {index}: {answer:?}");
    }

    for (sale, reservation, changes) in &purchases {
        expect_all_or_nothing(ports, sale, reservation).await;
        ports.done(changes, "the change set of a dropped caller, sent again").await;
        let there = expect_all_or_nothing(ports, sale, reservation).await;
        assert!(there, "sent again and Done, and nothing was written");
        let events = ports.events_of(changes.id()).await;
        assert_eq!(events.len(), 1, "its event was told once, got {events:?}");
    }
}
