use async_trait::async_trait;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::error::PortError;
use crate::id::{AdmissionId, PerformanceId, UserId};

/// How a line is ordered and how many may be inside.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LineRules {
    /// Users inside at the same time.
    pub active_max: u64,
    /// Users in line at the same time; more are refused.
    pub line_max: u64,
    /// Until then joins get no number; at the opening they are numbered in random order. `None`: first
    /// come, first served from the start.
    pub opens_at: Option<DateTime<Utc>>,
}

/// What a join gives.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Joined {
    /// A place in line, from 1; the same one however often the user joins.
    Numbered(u64),
    /// Registered before the opening; the number comes by poll.
    Accepted,
    /// The line is full.
    Full,
}

/// Where a user stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Standing {
    /// Not in this line.
    Absent,
    /// Registered before the opening.
    Accepted,
    /// In line.
    Waiting {
        /// The user's number.
        number: u64,
        /// How many numbers come before it.
        ahead: u64,
    },
    /// The number was called: the user may enter.
    Called {
        /// The user's number.
        number: u64,
    },
    /// The user is inside.
    Inside {
        /// Which admission.
        admission: AdmissionId,
        /// Until when.
        expires_at: DateTime<Utc>,
    },
}

/// The state of one line.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LineState {
    /// The last number given out.
    pub numbered: u64,
    /// The last number called.
    pub serving: u64,
    /// How many of the called numbers are done with: their user entered or left.
    pub entered: u64,
    /// Users inside now.
    pub active: u64,
    /// Users registered before the opening and not numbered yet.
    pub accepted: u64,
}

/// What entering gives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub enum Entered {
    /// Inside, under this admission: the given one, or the one from the first time.
    Inside {
        /// Which admission.
        admission: AdmissionId,
        /// Until when.
        expires_at: DateTime<Utc>,
    },
    /// The number was not called yet, or the user never joined.
    NotCalled,
    /// As many as allowed are inside; try again later, the place is kept.
    Full,
    /// This user's admission expired or was revoked; join again.
    Over,
}

/// The numbered line before an on-sale. One line per performance.
///
/// An adapter MUST give each number once (`testing::waiting_room::numbers_are_given_once`), give a
/// user one number (`testing::waiting_room::joining_twice_keeps_the_place`), count only the line of
/// the performance asked about (`testing::waiting_room::lines_do_not_mix`), call no number that was
/// not given (`testing::waiting_room::calls_only_who_is_there`), never let more than `active_max`
/// inside (`testing::waiting_room::never_more_inside_than_allowed`), answer a repeated entry with the
/// same admission (`testing::waiting_room::entry_is_one_time`), free the place at expiry and leave
/// (`testing::waiting_room::expiry_and_leave_free_the_place`), refuse who comes while `line_max` are
/// in line (`testing::waiting_room::a_full_line_refuses`), and number those who came before the
/// opening in an order that the seed decides, before all who come later
/// (`testing::waiting_room::early_birds_are_shuffled`).
#[cfg_attr(feature = "mock", mockall::automock)]
#[async_trait]
pub trait WaitingRoom: Send + Sync {
    /// Opens a line, or changes its rules.
    async fn configure(&self, line: PerformanceId, rules: LineRules) -> Result<(), PortError>;
    /// The rules of a line; `None` if it was never configured.
    async fn rules(&self, line: PerformanceId) -> Result<Option<LineRules>, PortError>;
    /// Joins a line at `now`.
    async fn join(
        &self,
        line: PerformanceId,
        user: UserId,
        now: DateTime<Utc>,
    ) -> Result<Joined, PortError>;
    /// Where a user stands at `now`. Costs the same however long the line is.
    async fn standing(
        &self,
        line: PerformanceId,
        user: UserId,
        now: DateTime<Utc>,
    ) -> Result<Standing, PortError>;
    /// Numbers those who came before the opening, in the order of a shuffle seeded by `seed`; once.
    /// Answers how many got a number, 0 if that was done before.
    async fn number_early(&self, line: PerformanceId, seed: u64) -> Result<u64, PortError>;
    /// Calls the next `count` numbers, at most up to the last one given; answers the state after it.
    async fn call(
        &self,
        line: PerformanceId,
        count: u64,
        now: DateTime<Utc>,
    ) -> Result<LineState, PortError>;
    /// Lets a called user in, under the admission given, once.
    async fn enter(
        &self,
        line: PerformanceId,
        user: UserId,
        admission: AdmissionId,
        expires_at: DateTime<Utc>,
        now: DateTime<Utc>,
    ) -> Result<Entered, PortError>;
    /// Takes a user out of the line or from inside and frees the place; whether there was one.
    async fn leave(&self, line: PerformanceId, user: UserId) -> Result<bool, PortError>;
    /// The state of a line at `now`.
    async fn state(&self, line: PerformanceId, now: DateTime<Utc>) -> Result<LineState, PortError>;
}
