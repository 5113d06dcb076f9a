//! Adapters with a race, which only calls at once show; in the simulator they meet in the same ways each time.

use std::future::ready;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use ticketing_core::error::PortError;
use ticketing_core::id::{AdmissionId, PerformanceId, UserId};
use ticketing_core::memory::{ClockIds, MemoryWaitingRoom, SeededRandom};
use ticketing_core::port::{
    Clock, Entered, Joined, LineRules, LineState, Standing, Timer, WaitingRoom,
};
use ticketing_core::testing::model::{self, Explained};
use ticketing_core::testing::sim::Simulator;
use ticketing_core::testing::{Harness, Task};

use crate::{HoldsDefect, finding, holds_with, wait_once};

const HISTORIES: u32 = 20;

/// What calls at once come to: explained, or the words in which no order explains them.
fn at_once<F>(run: impl FnOnce(Harness) -> F) -> Result<Explained, String>
where
    F: Future<Output = Explained> + Send + 'static,
{
    let mut simulator =
        Simulator::new(1, DateTime::<Utc>::from_timestamp(1_800_000_000, 0).unwrap());
    let (handle, clock) = (simulator.handle(), simulator.clock());
    let shared: Arc<dyn Clock> = Arc::new(clock.clone());
    let ids = ClockIds::new(Arc::clone(&shared), Arc::new(SeededRandom::new(7)));
    let group = handle.new_group();
    let harness = Harness::new(
        shared,
        Arc::new(ids),
        move |task: Task<()>| drop(handle.spawn(group, task)),
        move |by| {
            let clock = clock.clone();
            Box::pin(async move { clock.sleep_until(clock.now() + by).await })
        },
    );
    let run = run(harness);
    catch_unwind(AssertUnwindSafe(|| simulator.block_on(run).unwrap()))
        .map_err(|panic| panic.downcast_ref::<String>().cloned().unwrap_or_default())
}

fn holds_at_once(defect: HoldsDefect) -> Result<Explained, String> {
    at_once(|h| {
        let fresh = move || ready((h.clone(), holds_with(defect)));
        model::holds_are_linearizable(fresh, 0..HISTORIES.into())
    })
}

fn line_at_once(is_racing: bool) -> Result<Explained, String> {
    at_once(move |h| {
        let fresh = move || ready((h.clone(), line_with(is_racing)));
        model::waiting_room_is_linearizable(fresh, 0..HISTORIES.into())
    })
}

#[track_caller]
fn assert_explained(came_to: Result<Explained, String>) {
    let came_to = came_to.unwrap();
    assert_eq!(came_to.explained, HISTORIES, "{came_to:?}");
    assert!(came_to.overlapping >= 10 * HISTORIES as usize, "{came_to:?}");
}

#[test]
fn calls_at_once_that_wait_are_no_defect() {
    assert_explained(holds_at_once(HoldsDefect::None));
    assert_explained(line_at_once(false));
}

#[test]
fn a_hold_that_looks_before_it_writes_is_found_by_calls_at_once() {
    let in_turns = finding(|h| {
        let fresh = move || ready((h.clone(), holds_with(HoldsDefect::ChecksThenWrites)));
        model::holds_match_model(fresh, 0..HISTORIES.into(), 100)
    });
    assert_eq!(in_turns, None, "call after call it looks right");
    let found = holds_at_once(HoldsDefect::ChecksThenWrites).unwrap_err();
    assert!(found.contains("no order explains these calls"), "{found}");
}

#[test]
fn a_number_that_is_read_before_it_is_taken_is_found_by_calls_at_once() {
    let in_turns = finding(|h| {
        let fresh = move || ready((h.clone(), line_with(true)));
        model::waiting_room_matches_model(fresh, 0..HISTORIES.into(), 100)
    });
    assert_eq!(in_turns, None, "call after call it looks right");
    let found = line_at_once(true).unwrap_err();
    assert!(found.contains("no order explains these calls"), "{found}");
}

/// Tells who joins the number after the last one that it saw, whoever was numbered since.
#[derive(Debug)]
struct Line {
    inner: MemoryWaitingRoom,
    is_racing: bool,
}

fn line_with(is_racing: bool) -> Arc<dyn WaitingRoom> {
    Arc::new(Line { inner: MemoryWaitingRoom::new(), is_racing })
}

#[async_trait]
impl WaitingRoom for Line {
    async fn configure(&self, line: PerformanceId, rules: LineRules) -> Result<(), PortError> {
        self.inner.configure(line, rules).await
    }

    async fn rules(&self, line: PerformanceId) -> Result<Option<LineRules>, PortError> {
        self.inner.rules(line).await
    }

    async fn join(
        &self,
        line: PerformanceId,
        user: UserId,
        now: DateTime<Utc>,
    ) -> Result<Joined, PortError> {
        let last = self.inner.state(line, now).await?.numbered;
        wait_once().await;
        Ok(match self.inner.join(line, user, now).await? {
            Joined::Numbered(number) if self.is_racing && number > last => {
                Joined::Numbered(last + 1)
            }
            joined => joined,
        })
    }

    async fn standing(
        &self,
        line: PerformanceId,
        user: UserId,
        now: DateTime<Utc>,
    ) -> Result<Standing, PortError> {
        self.inner.standing(line, user, now).await
    }

    async fn number_early(&self, line: PerformanceId, seed: u64) -> Result<u64, PortError> {
        self.inner.number_early(line, seed).await
    }

    async fn call(
        &self,
        line: PerformanceId,
        count: u64,
        now: DateTime<Utc>,
    ) -> Result<LineState, PortError> {
        self.inner.call(line, count, now).await
    }

    async fn enter(
        &self,
        line: PerformanceId,
        user: UserId,
        admission: AdmissionId,
        expires_at: DateTime<Utc>,
        now: DateTime<Utc>,
    ) -> Result<Entered, PortError> {
        self.inner.enter(line, user, admission, expires_at, now).await
    }

    async fn leave(&self, line: PerformanceId, user: UserId) -> Result<bool, PortError> {
        self.inner.leave(line, user).await
    }

    async fn state(&self, line: PerformanceId, now: DateTime<Utc>) -> Result<LineState, PortError> {
        self.inner.state(line, now).await
    }
}
