//! What every [`SeatHolds`] must do.

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, SubsecRound, Utc};

use super::Harness;
use super::suite::{give_up_after, suite};
use crate::id::{HoldToken, PerformanceId, UserId};
use crate::page::{Limit, PageRequest};
use crate::port::{Held, HoldChange, HoldOutcome, HoldRequest, SeatHolds};
use crate::seat::{SeatNo, Seats};

suite! { $ holds: dyn SeatHolds => holds_conformance {
    all_or_none,
    one_of_fifty_holds_a_seat,
    ends_at_its_deadline,
    has_a_deadline_from_the_start,
    same_holder_gets_the_same_token,
    only_the_token_changes_it,
    lists_what_is_held,
} }

const SHORT: Duration = Duration::from_secs(1);
const LONG: Duration = Duration::from_mins(1);
const CAPACITY: u32 = 400;

fn seats(numbers: &[u32]) -> Seats {
    Seats::new(numbers.iter().copied().map(SeatNo)).expect("different seats")
}

/// Whole milliseconds, what every adapter can keep.
fn after(h: &Harness, time: Duration) -> DateTime<Utc> {
    h.now().trunc_subsecs(3) + time
}

/// A request of a new user.
fn request(
    h: &Harness,
    performance: PerformanceId,
    numbers: &[u32],
    time: Duration,
) -> HoldRequest {
    HoldRequest {
        performance,
        seats: seats(numbers),
        holder: UserId::generate(h.ids()),
        token: HoldToken::generate(h.ids()),
        expires_at: after(h, time),
    }
}

async fn hold(h: &Harness, port: &Arc<dyn SeatHolds>, request: &HoldRequest) -> HoldOutcome {
    port.hold(request.clone(), h.now()).await.expect("hold")
}

/// Holds seats that must be free.
async fn must_hold(h: &Harness, port: &Arc<dyn SeatHolds>, request: &HoldRequest) {
    let expected = Held { token: request.token, expires_at: request.expires_at };
    assert_eq!(hold(h, port, request).await, HoldOutcome::Held(expected), "the seats are free");
}

async fn extend(
    h: &Harness,
    port: &Arc<dyn SeatHolds>,
    held: &HoldRequest,
    token: HoldToken,
    time: Duration,
) -> HoldChange {
    let expires_at = after(h, time);
    port.extend(held.performance, held.seats.clone(), token, expires_at, h.now())
        .await
        .expect("extend")
}

async fn held_now(
    h: &Harness,
    port: &Arc<dyn SeatHolds>,
    performance: PerformanceId,
) -> Vec<SeatNo> {
    let bits = port.held(performance, CAPACITY, h.now()).await.expect("held");
    assert_eq!(bits.capacity(), CAPACITY as usize, "one bit for each seat");
    bits.iter().collect()
}

/// A request for several seats takes all of them, or none and says which were in the way; under a race
/// too.
pub async fn all_or_none(h: &Harness, port: &Arc<dyn SeatHolds>) {
    let performance = PerformanceId::generate(h.ids());
    must_hold(h, port, &request(h, performance, &[130], LONG)).await;
    let refused = hold(h, port, &request(h, performance, &[1, 129, 130, 300], LONG)).await;
    assert_eq!(refused, HoldOutcome::Taken(seats(&[130])));
    assert_eq!(
        held_now(h, port, performance).await,
        [SeatNo(130)],
        "a refused hold left seats held"
    );
    must_hold(h, port, &request(h, performance, &[1, 129, 300], LONG)).await;

    let ring = PerformanceId::generate(h.ids());
    let tasks: Vec<_> = (0..20_u32)
        .map(|n| {
            let (port, now) = (Arc::clone(port), h.now());
            let request = request(h, ring, &[n * 19, (n + 1) % 20 * 19], LONG);
            async move {
                let outcome = port.hold(request.clone(), now).await.expect("hold");
                matches!(outcome, HoldOutcome::Held(_)).then_some(request.seats)
            }
        })
        .collect();
    let winners: Vec<Seats> = h.race(tasks).await.into_iter().flatten().collect();
    assert!(!winners.is_empty(), "of overlapping requests at least the first one wins");
    let mut won: Vec<SeatNo> = winners.iter().flat_map(Seats::iter).collect();
    won.sort_unstable();
    assert_eq!(held_now(h, port, ring).await, won, "held is what the winners asked for, once each");
}

/// Of 50 buyers who want one seat at the same time one gets it.
pub async fn one_of_fifty_holds_a_seat(h: &Harness, port: &Arc<dyn SeatHolds>) {
    let performance = PerformanceId::generate(h.ids());
    let tasks: Vec<_> = (0..50)
        .map(|_| {
            let (port, now) = (Arc::clone(port), h.now());
            let request = request(h, performance, &[7], LONG);
            async move { (request.token, port.hold(request, now).await.expect("hold")) }
        })
        .collect();
    let outcomes = h.race(tasks).await;
    let winners: Vec<_> =
        outcomes.iter().filter(|(_, got)| matches!(got, HoldOutcome::Held(_))).collect();
    assert_eq!(winners.len(), 1, "one of fifty holds the seat");
    for (token, outcome) in &outcomes {
        match outcome {
            HoldOutcome::Held(held) => assert_eq!(held.token, *token, "the winner's own token"),
            HoldOutcome::Taken(taken) => assert_eq!(taken, &seats(&[7])),
        }
    }
}

/// At the deadline the seats are free, and the token is worth nothing.
pub async fn ends_at_its_deadline(h: &Harness, port: &Arc<dyn SeatHolds>) {
    let performance = PerformanceId::generate(h.ids());
    let first = request(h, performance, &[1, 200], SHORT);
    must_hold(h, port, &first).await;
    let second = request(h, performance, &[200], LONG);
    assert_eq!(hold(h, port, &second).await, HoldOutcome::Taken(seats(&[200])));

    h.advance(SHORT).await;
    assert_eq!(held_now(h, port, performance).await, [], "held beyond the deadline");
    assert_eq!(extend(h, port, &first, first.token, LONG).await, HoldChange::Lost);
    let second = request(h, performance, &[200], LONG);
    must_hold(h, port, &second).await;
    assert_eq!(extend(h, port, &first, first.token, LONG).await, HoldChange::Lost);
    let released = port.release(performance, seats(&[200]), first.token).await.expect("release");
    assert_eq!(released, 0, "an ended hold releases another's seat");
    assert_eq!(held_now(h, port, performance).await, [SeatNo(200)]);
}

/// A process that dies inside `hold` leaves no seat held for ever: the call is dropped after its first
/// wait, its second, and so on, and each time the seat is free after the deadline.
pub async fn has_a_deadline_from_the_start(h: &Harness, port: &Arc<dyn SeatHolds>) {
    const WAITS_MAX: usize = 64;
    let mut dropped = Vec::new();
    for waits in 1..=WAITS_MAX {
        let performance = PerformanceId::generate(h.ids());
        let request = request(h, performance, &[3, 150], SHORT);
        let ended = give_up_after(waits, port.hold(request, h.now())).await;
        dropped.push((waits, performance));
        if ended.is_some() {
            break;
        }
    }
    h.advance(SHORT).await;
    for (waits, performance) in dropped {
        assert_eq!(
            held_now(h, port, performance).await,
            [],
            "a hold dropped at wait {waits} has no deadline"
        );
        must_hold(h, port, &request(h, performance, &[3, 150], LONG)).await;
    }
}

/// The same holder asking for exactly the same seats gets the same hold; for more, fewer or others it
/// is refused like anyone.
pub async fn same_holder_gets_the_same_token(h: &Harness, port: &Arc<dyn SeatHolds>) {
    let performance = PerformanceId::generate(h.ids());
    let first = request(h, performance, &[1, 200], LONG);
    must_hold(h, port, &first).await;
    let asked = |numbers: &[u32], holder| HoldRequest {
        holder,
        ..request(h, performance, numbers, LONG + SHORT)
    };
    let same = Held { token: first.token, expires_at: first.expires_at };
    let again = hold(h, port, &asked(&[1, 200], first.holder)).await;
    assert_eq!(again, HoldOutcome::Held(same), "neither another token nor a later deadline");
    let more = hold(h, port, &asked(&[1, 2, 200], first.holder)).await;
    assert_eq!(more, HoldOutcome::Taken(seats(&[1, 200])));
    let fewer = hold(h, port, &asked(&[200], first.holder)).await;
    assert_eq!(fewer, HoldOutcome::Taken(seats(&[200])));
    let other = hold(h, port, &asked(&[1, 200], UserId::generate(h.ids()))).await;
    assert_eq!(other, HoldOutcome::Taken(seats(&[1, 200])));

    let holder = UserId::generate(h.ids());
    let tasks: Vec<_> = (0..20)
        .map(|_| {
            let (port, now) = (Arc::clone(port), h.now());
            let request = asked(&[50, 250], holder);
            async move { port.hold(request, now).await.expect("hold") }
        })
        .collect();
    let outcomes = h.race(tasks).await;
    assert!(matches!(outcomes[0], HoldOutcome::Held(_)), "refused its own hold: {outcomes:?}");
    assert!(outcomes.iter().all(|got| *got == outcomes[0]), "more than one hold: {outcomes:?}");
}

/// Without its token a hold is neither extended nor released; with it, only as a whole extended, and
/// only its own seats released.
pub async fn only_the_token_changes_it(h: &Harness, port: &Arc<dyn SeatHolds>) {
    let performance = PerformanceId::generate(h.ids());
    let ours = request(h, performance, &[1, 200], SHORT);
    let theirs = request(h, performance, &[5], LONG);
    must_hold(h, port, &ours).await;
    must_hold(h, port, &theirs).await;

    assert_eq!(extend(h, port, &ours, theirs.token, LONG).await, HoldChange::Lost);
    let released = port.release(performance, ours.seats.clone(), theirs.token).await;
    assert_eq!(released.expect("release"), 0);
    let too_much = HoldRequest { seats: seats(&[1, 5, 200]), ..ours.clone() };
    assert_eq!(extend(h, port, &too_much, ours.token, LONG).await, HoldChange::Lost);
    let free_too = HoldRequest { seats: seats(&[1, 2, 200]), ..ours.clone() };
    assert_eq!(extend(h, port, &free_too, ours.token, LONG).await, HoldChange::Lost);
    assert_eq!(held_now(h, port, performance).await, [SeatNo(1), SeatNo(5), SeatNo(200)]);
    h.advance(SHORT).await;
    assert_eq!(held_now(h, port, performance).await, [SeatNo(5)], "a refused extension moved it");

    let ours = request(h, performance, &[1, 200], SHORT);
    must_hold(h, port, &ours).await;
    assert_eq!(extend(h, port, &ours, ours.token, LONG).await, HoldChange::Done);
    h.advance(SHORT).await;
    assert_eq!(held_now(h, port, performance).await, [SeatNo(1), SeatNo(5), SeatNo(200)]);
    let released = port.release(performance, seats(&[1, 5, 6]), ours.token).await;
    assert_eq!(released.expect("release"), 1, "one of these seats was held under the token");
    assert_eq!(held_now(h, port, performance).await, [SeatNo(5), SeatNo(200)]);
    must_hold(h, port, &request(h, performance, &[1], LONG)).await;
}

/// The bitmap and the list show what is held, of this performance only; the list in the order of
/// seats, in pages, and without what ends in time.
pub async fn lists_what_is_held(h: &Harness, port: &Arc<dyn SeatHolds>) {
    let performance = PerformanceId::generate(h.ids());
    let long = request(h, performance, &[0, 127, 128, 399], LONG);
    let short = request(h, performance, &[5, 300], SHORT);
    let elsewhere = request(h, PerformanceId::generate(h.ids()), &[9], LONG);
    for request in [&long, &short, &elsewhere] {
        must_hold(h, port, request).await;
    }
    let held = [0, 5, 127, 128, 300, 399].map(SeatNo);
    assert_eq!(held_now(h, port, performance).await, held);

    let limit = Limit::new(3).expect("a small limit");
    let mut found = Vec::new();
    let mut page = PageRequest::first(limit);
    for _ in 0..4 {
        let got = port.ending_after(performance, short.expires_at, page).await.expect("list");
        assert!(got.items.len() <= 3, "a page of {} beyond its limit", got.items.len());
        found.extend(got.items);
        page = match got.next {
            Some(next) => PageRequest::next(Some(next), limit),
            None => break,
        };
    }
    assert_eq!(found.iter().map(|held| held.seat).collect::<Vec<_>>(), long.seats.as_slice());
    for held in found {
        let got = (held.token, held.holder, held.expires_at);
        assert_eq!(got, (long.token, long.holder, long.expires_at));
    }
}
