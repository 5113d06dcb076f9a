//! Adapters with the mistakes that are often made, and the conformance function that finds each.

mod races;

use std::future::{Future, poll_fn};
use std::sync::Arc;
use std::task::Poll;

use async_trait::async_trait;
use chrono::{DateTime, TimeDelta, Utc};
use ticketing_core::error::PortError;
use ticketing_core::id::{AdmissionId, HoldToken, PerformanceId, UserId};
use ticketing_core::memory::{ManualClock, MemoryHolds, MemoryWaitingRoom};
use ticketing_core::page::{Limit, Page, PageRequest};
use ticketing_core::port::{
    Entered, Held, HeldSeat, HoldChange, HoldOutcome, HoldRequest, Joined, LineRules, LineState,
    SeatHolds, Standing, WaitingRoom,
};
use ticketing_core::seat::{SeatBits, Seats};
use ticketing_core::testing::{Harness, holds, waiting_room};

/// Whether a conformance function refuses an adapter, and with which words.
fn finding<F: Future<Output = ()>>(test: impl FnOnce(Harness) -> F) -> Option<String> {
    let clock = ManualClock::at(DateTime::<Utc>::from_timestamp(1_800_000_000, 0).unwrap());
    let run = || pollster::block_on(test(Harness::threads(clock)));
    let panic = std::panic::catch_unwind(std::panic::AssertUnwindSafe(run)).err()?;
    Some(panic.downcast_ref::<String>().cloned().unwrap_or_default())
}

/// Comes back at the next poll, as a call over the network does.
async fn wait_once() {
    let mut has_waited = false;
    poll_fn(|context| {
        if std::mem::replace(&mut has_waited, true) {
            return Poll::Ready(());
        }
        context.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}

#[derive(Clone, Copy, Debug)]
enum HoldsDefect {
    /// The control: calls wait as over a network, and nothing else is wrong.
    None,
    NoDeadline,
    SeatBySeat,
    DeadlineAfterTheWrite,
    /// Looks whether the seats are free, then writes whatever came between.
    ChecksThenWrites,
}

#[derive(Debug)]
struct Holds {
    inner: MemoryHolds,
    defect: HoldsDefect,
}

impl Holds {
    const NEVER: TimeDelta = TimeDelta::days(365);

    async fn without_deadline(
        &self,
        request: HoldRequest,
        now: DateTime<Utc>,
    ) -> Result<HoldOutcome, PortError> {
        let claimed = request.expires_at;
        let forever = HoldRequest { expires_at: now + Self::NEVER, ..request };
        Ok(match self.inner.hold(forever, now).await? {
            HoldOutcome::Held(held) => HoldOutcome::Held(Held { expires_at: claimed, ..held }),
            HoldOutcome::Taken(seats) => HoldOutcome::Taken(seats),
        })
    }

    async fn seat_by_seat(
        &self,
        request: HoldRequest,
        now: DateTime<Utc>,
    ) -> Result<HoldOutcome, PortError> {
        for seat in request.seats.iter() {
            let one = HoldRequest { seats: Seats::one(seat), ..request.clone() };
            if let HoldOutcome::Taken(seats) = self.inner.hold(one, now).await? {
                return Ok(HoldOutcome::Taken(seats));
            }
        }
        Ok(HoldOutcome::Held(Held { token: request.token, expires_at: request.expires_at }))
    }

    async fn checks_then_writes(
        &self,
        request: HoldRequest,
        now: DateTime<Utc>,
    ) -> Result<HoldOutcome, PortError> {
        let performance = request.performance;
        let held = self.inner.held(performance, 400, now).await?;
        if held.iter().all(|seat| !request.seats.contains(seat)) {
            wait_once().await;
            let page = PageRequest::first(Limit::DEFAULT);
            let all = self.inner.ending_after(performance, now, page).await?;
            for HeldSeat { seat, token, .. } in all.items {
                if request.seats.contains(seat) {
                    self.inner.release(performance, Seats::one(seat), token).await?;
                }
            }
        }
        self.inner.hold(request, now).await
    }

    async fn deadline_after_the_write(
        &self,
        request: HoldRequest,
        now: DateTime<Utc>,
    ) -> Result<HoldOutcome, PortError> {
        let outcome = self.without_deadline(request.clone(), now).await?;
        wait_once().await;
        if let HoldOutcome::Held(Held { token, expires_at }) = outcome {
            let HoldRequest { performance, seats, .. } = request;
            let set = self.inner.extend(performance, seats, token, expires_at, now).await?;
            assert_eq!(set, HoldChange::Done);
        }
        Ok(outcome)
    }
}

#[async_trait]
impl SeatHolds for Holds {
    async fn hold(
        &self,
        request: HoldRequest,
        now: DateTime<Utc>,
    ) -> Result<HoldOutcome, PortError> {
        match self.defect {
            HoldsDefect::None => {
                wait_once().await;
                let outcome = self.inner.hold(request, now).await;
                wait_once().await;
                outcome
            }
            HoldsDefect::NoDeadline => self.without_deadline(request, now).await,
            HoldsDefect::SeatBySeat => self.seat_by_seat(request, now).await,
            HoldsDefect::ChecksThenWrites => self.checks_then_writes(request, now).await,
            HoldsDefect::DeadlineAfterTheWrite => self.deadline_after_the_write(request, now).await,
        }
    }

    async fn extend(
        &self,
        performance: PerformanceId,
        seats: Seats,
        token: HoldToken,
        expires_at: DateTime<Utc>,
        now: DateTime<Utc>,
    ) -> Result<HoldChange, PortError> {
        self.inner.extend(performance, seats, token, expires_at, now).await
    }

    async fn release(
        &self,
        performance: PerformanceId,
        seats: Seats,
        token: HoldToken,
    ) -> Result<usize, PortError> {
        self.inner.release(performance, seats, token).await
    }

    async fn held(
        &self,
        performance: PerformanceId,
        capacity: u32,
        now: DateTime<Utc>,
    ) -> Result<SeatBits, PortError> {
        self.inner.held(performance, capacity, now).await
    }

    async fn ending_after(
        &self,
        performance: PerformanceId,
        until: DateTime<Utc>,
        page: PageRequest,
    ) -> Result<Page<HeldSeat>, PortError> {
        self.inner.ending_after(performance, until, page).await
    }
}

fn holds_with(defect: HoldsDefect) -> Arc<dyn SeatHolds> {
    Arc::new(Holds { inner: MemoryHolds::new(), defect })
}

#[test]
fn calls_that_wait_are_no_defect() {
    let port = holds_with(HoldsDefect::None);
    assert_eq!(finding(async move |h| holds::all(&h, &port).await), None);
}

#[test]
fn a_hold_without_a_deadline_is_found() {
    let port = holds_with(HoldsDefect::NoDeadline);
    let found = finding(async move |h| holds::ends_at_its_deadline(&h, &port).await).unwrap();
    assert!(found.contains("held beyond the deadline"), "{found}");
}

#[test]
fn a_hold_that_fails_half_way_and_keeps_seats_is_found() {
    let port = holds_with(HoldsDefect::SeatBySeat);
    let found = finding(async move |h| holds::all_or_none(&h, &port).await).unwrap();
    assert!(found.contains("a refused hold left seats held"), "{found}");
}

#[test]
fn a_deadline_set_after_the_write_is_found_although_it_is_there_in_the_end() {
    let port = holds_with(HoldsDefect::DeadlineAfterTheWrite);
    let works = Arc::clone(&port);
    assert_eq!(finding(async move |h| holds::ends_at_its_deadline(&h, &works).await), None);
    let found = finding(async move |h| holds::has_a_deadline_from_the_start(&h, &port).await);
    let found = found.unwrap();
    assert!(found.contains("a hold dropped at wait 1 has no deadline"), "{found}");
}

/// Counts over all performances: one sorted set, without the performance in its key.
#[derive(Debug, Default)]
struct OneLineForAll(MemoryWaitingRoom);

impl OneLineForAll {
    fn key() -> PerformanceId {
        "00000000-0000-7000-8000-000000000000".parse().unwrap()
    }
}

#[async_trait]
impl WaitingRoom for OneLineForAll {
    async fn configure(&self, line: PerformanceId, rules: LineRules) -> Result<(), PortError> {
        self.0.configure(Self::key(), rules).await?;
        self.0.configure(line, rules).await
    }

    async fn rules(&self, line: PerformanceId) -> Result<Option<LineRules>, PortError> {
        self.0.rules(line).await
    }

    async fn join(
        &self,
        _: PerformanceId,
        user: UserId,
        now: DateTime<Utc>,
    ) -> Result<Joined, PortError> {
        self.0.join(Self::key(), user, now).await
    }

    async fn standing(
        &self,
        _: PerformanceId,
        user: UserId,
        now: DateTime<Utc>,
    ) -> Result<Standing, PortError> {
        self.0.standing(Self::key(), user, now).await
    }

    async fn number_early(&self, _: PerformanceId, seed: u64) -> Result<u64, PortError> {
        self.0.number_early(Self::key(), seed).await
    }

    async fn call(
        &self,
        _: PerformanceId,
        count: u64,
        now: DateTime<Utc>,
    ) -> Result<LineState, PortError> {
        self.0.call(Self::key(), count, now).await
    }

    async fn enter(
        &self,
        _: PerformanceId,
        user: UserId,
        admission: AdmissionId,
        expires_at: DateTime<Utc>,
        now: DateTime<Utc>,
    ) -> Result<Entered, PortError> {
        self.0.enter(Self::key(), user, admission, expires_at, now).await
    }

    async fn leave(&self, _: PerformanceId, user: UserId) -> Result<bool, PortError> {
        self.0.leave(Self::key(), user).await
    }

    async fn state(&self, _: PerformanceId, now: DateTime<Utc>) -> Result<LineState, PortError> {
        self.0.state(Self::key(), now).await
    }
}

#[test]
fn a_position_counted_over_all_performances_is_found() {
    let port: Arc<dyn WaitingRoom> = Arc::new(OneLineForAll::default());
    let alone = Arc::clone(&port);
    let works = finding(async move |h| waiting_room::numbers_are_given_once(&h, &alone).await);
    assert_eq!(works, None, "one line alone looks right");
    let port: Arc<dyn WaitingRoom> = Arc::new(OneLineForAll::default());
    let found = finding(async move |h| waiting_room::lines_do_not_mix(&h, &port).await).unwrap();
    assert!(found.contains("Waiting { number: 6, ahead: 5 }"), "{found}");
}
