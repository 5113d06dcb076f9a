use std::time::Duration;

use pollster::block_on;
use ticketing_core::admission::{Admission, AdmissionRefusal, AdmissionToken};
use ticketing_core::box_office::*;
use ticketing_core::id::{AdmissionId, PerformanceId, UserId};
use ticketing_core::policy::SalesPolicy;
use ticketing_core::port::Joined;
use ticketing_core::service::EntryRefusal;
use ticketing_core::service::hold::HoldError;
use ticketing_core::service::waiting::{JOIN_QUOTA, WaitingError};
use ticketing_core::signing::{HmacSigner, KeyRing, SigningKey};
use ticketing_core::waiting_line::AdmissionPolicy;

use crate::world::{World, policy, seats};

const SECOND: Duration = Duration::from_secs(1);
const PACE: AdmissionPolicy =
    AdmissionPolicy { per_interval: 2, interval: SECOND, active_max: 100 };

async fn world() -> World {
    World::with(SalesPolicy { waiting_room: true, ..policy() }, 4).await
}

async fn open(world: &World, performance: PerformanceId, early: Option<Duration>) {
    let line = OpenLine {
        seller: world.seller,
        performance,
        active_max: PACE.active_max,
        line_max: 1_000,
        opens_at: early.map(|early| world.now() + early),
    };
    world.office.open_line(line).await.unwrap();
}

async fn admitted(world: &World, performance: PerformanceId, user: UserId) -> AdmissionToken {
    world.office.join_line(performance, user).await.unwrap();
    let run = world.office.call_next(performance, &PACE, None).await.unwrap();
    assert_eq!(run.called, 1);
    world.advance(SECOND);
    world.office.enter(performance, user).await.unwrap().token
}

async fn hold(
    world: &World,
    user: UserId,
    seat: u32,
    admission: Option<AdmissionToken>,
) -> Result<(), HoldError> {
    let wanted = HoldSeats::new(user, world.performance, seats([seat]));
    world.office.hold(HoldSeats { admission, ..wanted }).await.map(drop)
}

#[track_caller]
fn assert_refused(result: Result<(), HoldError>, expected: impl Into<EntryRefusal>) {
    let expected = expected.into();
    match result {
        Err(HoldError::NotAdmitted(refusal)) => assert_eq!(refusal, expected),
        other => panic!("expected {expected:?}, got {other:?}"),
    }
}

#[test]
fn who_is_called_enters_once_and_may_hold() {
    block_on(async {
        let world = world().await;
        let (id, office) = (world.performance, &world.office);
        let users: Vec<UserId> = (0..5).map(|_| world.user()).collect();
        let closed = office.join_line(id, users[0]).await;
        assert!(matches!(closed, Err(WaitingError::NoWaitingRoom(_))), "{closed:?}");
        let foreign = OpenLine {
            seller: world.another_seller(),
            performance: id,
            active_max: 1,
            line_max: 1,
            opens_at: None,
        };
        let refused = office.open_line(foreign).await;
        assert!(matches!(refused, Err(WaitingError::NoSuchPerformance(_))), "{refused:?}");
        for (active_max, line_max) in [(0, 1), (1, 0), (1, u64::MAX), (u64::MAX, 1)] {
            let seller = world.seller;
            let line = OpenLine { seller, performance: id, active_max, line_max, opens_at: None };
            let refused = office.open_line(line).await;
            assert!(matches!(refused, Err(WaitingError::Policy(_))), "{refused:?}");
        }
        open(&world, id, None).await;
        for (user, number) in users.iter().zip(1..) {
            assert_eq!(office.join_line(id, *user).await.unwrap(), Joined::Numbered(number));
        }
        assert_eq!(office.join_line(id, users[3]).await.unwrap(), Joined::Numbered(4));
        let status = office.line_status(id, users[3], &PACE).await.unwrap();
        assert_eq!((status.in_room, status.called, status.position), (true, false, Some(4)));

        let run = office.call_next(id, &PACE, None).await.unwrap();
        assert_eq!((run.called, run.state.serving), (2, 2));
        assert!(office.line_status(id, users[1], &PACE).await.unwrap().called);
        let early = office.enter(id, users[2]).await;
        assert!(matches!(early, Err(WaitingError::NotCalled)), "{early:?}");

        let first = office.enter(id, users[0]).await.unwrap();
        world.advance(SECOND);
        assert_eq!(office.enter(id, users[0]).await.unwrap(), first);
        assert_refused(hold(&world, users[0], 0, None).await, EntryRefusal::Missing);
        hold(&world, users[0], 0, Some(first.token.clone())).await.unwrap();

        assert!(office.leave_line(id, users[0]).await.unwrap());
        assert!(!office.leave_line(id, users[0]).await.unwrap());
        let again = office.call_next(id, &PACE, run.last_called_at).await.unwrap();
        assert_eq!((again.called, again.state.active), (2, 0));
    });
}

#[test]
fn an_admission_of_another_or_forged_or_expired_holds_nothing() {
    block_on(async {
        let world = world().await;
        let (id, user) = (world.performance, world.user());
        let other = world.another_performance().await;
        open(&world, id, None).await;
        open(&world, other, None).await;
        let token = admitted(&world, id, user).await;
        let entered_at = world.now();
        let elsewhere = admitted(&world, other, user).await;

        let refused = hold(&world, user, 0, Some(elsewhere)).await;
        let expected = AdmissionRefusal::OtherPerformance { admitted_to: other };
        assert_refused(refused, expected);
        let refused = hold(&world, world.user(), 0, Some(token.clone())).await;
        assert_refused(refused, AdmissionRefusal::OtherUser);
        let own = Admission {
            id: AdmissionId::generate(&*world.memory.ids),
            user,
            performance: id,
            expires_at: world.now() + SECOND,
        };
        let key = SigningKey::new(&[1; 32]).unwrap();
        let forged = own.sign(&HmacSigner::new(KeyRing::new(key)));
        let refused = hold(&world, user, 0, Some(forged)).await;
        assert_refused(refused, AdmissionRefusal::BadSignature);

        let lasts = policy().deadlines.admission;
        let at = entered_at + lasts;
        world.memory.clock.set(at - SECOND);
        hold(&world, user, 0, Some(token.clone())).await.unwrap();
        world.advance(SECOND);
        let refused = hold(&world, user, 1, Some(token)).await;
        assert_refused(refused, AdmissionRefusal::Expired { at });
        let over = world.office.enter(id, user).await;
        assert!(matches!(over, Err(WaitingError::Over)), "{over:?}");
    });
}

#[test]
fn a_position_counts_the_line_of_its_own_performance() {
    block_on(async {
        let world = world().await;
        let other = world.another_performance().await;
        open(&world, world.performance, None).await;
        open(&world, other, None).await;
        for _ in 0..9 {
            world.office.join_line(other, world.user()).await.unwrap();
        }
        let user = world.user();
        world.office.join_line(world.performance, user).await.unwrap();
        let status = world.office.line_status(world.performance, user, &PACE).await.unwrap();
        assert_eq!(status.position, Some(1));
    });
}

#[test]
fn early_birds_are_numbered_at_the_opening() {
    block_on(async {
        let world = world().await;
        let (id, office) = (world.performance, &world.office);
        open(&world, id, Some(60 * SECOND)).await;
        let early: Vec<UserId> = (0..20).map(|_| world.user()).collect();
        for user in &early {
            assert_eq!(office.join_line(id, *user).await.unwrap(), Joined::Accepted);
        }
        let before = office.call_next(id, &PACE, None).await.unwrap();
        assert_eq!((before.numbered, before.called, before.state.accepted), (0, 0, 20));
        let status = office.line_status(id, early[0], &PACE).await.unwrap();
        assert_eq!((status.in_room, status.position), (true, None));

        world.advance(60 * SECOND);
        let run = office.call_next(id, &PACE, None).await.unwrap();
        assert_eq!((run.numbered, run.called), (20, 2));
        assert_eq!(office.join_line(id, world.user()).await.unwrap(), Joined::Numbered(21));
        let mut positions = Vec::new();
        for user in &early {
            positions.push(office.line_status(id, *user, &PACE).await.unwrap().position);
        }
        assert!(!positions.is_sorted(), "the order of coming decides nothing: {positions:?}");
        positions.sort();
        let expected: Vec<_> = [None, None].into_iter().chain((1..=18).map(Some)).collect();
        assert_eq!(positions, expected);
    });
}

#[test]
fn who_joins_too_often_is_told_when_to_come_back() {
    block_on(async {
        let world = world().await;
        let (id, user) = (world.performance, world.user());
        open(&world, id, None).await;
        for _ in 0..JOIN_QUOTA.burst {
            assert_eq!(world.office.join_line(id, user).await.unwrap(), Joined::Numbered(1));
        }
        let refused = world.office.join_line(id, user).await;
        let Err(WaitingError::TooManyCalls { retry_after }) = refused else {
            panic!("expected TooManyCalls, got {refused:?}");
        };
        assert_eq!(world.office.join_line(id, world.user()).await.unwrap(), Joined::Numbered(2));
        world.advance(retry_after);
        assert_eq!(world.office.join_line(id, user).await.unwrap(), Joined::Numbered(1));
    });
}

#[test]
fn several_callers_keep_the_pace_of_one() {
    block_on(async {
        let world = world().await;
        let id = world.performance;
        let pace = AdmissionPolicy { active_max: 10_000, ..PACE };
        open(&world, id, None).await;
        for _ in 0..200 {
            world.office.join_line(id, world.user()).await.unwrap();
        }
        let (mut last_called, mut calls) = ([None; 3], [0; 3]);
        for tick in 0..400 {
            // Three processes look every 100 ms in turn, and the second one rests for a while.
            let process = tick % 3;
            if process != 1 || !(90..210).contains(&tick) {
                let run = world.office.call_next(id, &pace, last_called[process]).await.unwrap();
                last_called[process] = run.last_called_at;
                calls[process] += run.called;
            }
            world.advance(Duration::from_millis(100));
        }
        let all: u64 = calls.iter().sum();
        assert!((70..=90).contains(&all), "40 s at 2 per second, got {calls:?}");
    });
}
