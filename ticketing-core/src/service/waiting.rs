//! The waiting room: join the line, see one's place, enter, leave; open the line and call numbers.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};

use super::support::Failure;
use crate::admission::{Admission, AdmissionToken};
use crate::error::PortError;
use crate::id::{AdmissionId, PerformanceId, SellerId, UserId};
use crate::label::Token;
use crate::performance::{Performance, PerformanceRefusal};
use crate::policy::PolicyError;
use crate::port::{Entered, Joined, LineRules, LineState, Ports, Quota, RateDecision};
use crate::waiting_line::{AdmissionPolicy, LineStatus, calls_due};

/// How often one user may join lines: all performances together.
pub const JOIN_QUOTA: Quota = Quota { burst: 10, every: Duration::from_secs(1) };
/// The most users in one line.
pub const LINE_MAX: u64 = 10_000_000;

/// How a line is opened.
#[derive(Clone, Copy, Debug)]
pub struct OpenLine {
    /// Who sells the performance.
    pub seller: SellerId,
    /// The performance.
    pub performance: PerformanceId,
    /// Users inside at the same time, 1 to 10,000,000.
    pub active_max: u64,
    /// Users in line at the same time, 1 to [`LINE_MAX`].
    pub line_max: u64,
    /// Until then joins get no number; at the opening they are numbered in random order. `None`: first
    /// come, first served from the start.
    pub opens_at: Option<DateTime<Utc>>,
}

/// Leave to enter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Admitted {
    /// What hold and reserve ask for.
    pub token: AdmissionToken,
    /// Until when it is good.
    pub expires_at: DateTime<Utc>,
}

/// What one run of [`call_next`] did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub struct Called {
    /// How many of those who came before the opening got their number.
    pub numbered: u64,
    /// How many numbers were called.
    pub called: u64,
    /// The line afterwards.
    pub state: LineState,
    /// When numbers were last called, as far as this caller knows: what the next run is told.
    pub last_called_at: Option<DateTime<Utc>>,
}

/// Why the waiting room did not do as asked.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum WaitingError {
    /// No such performance, or not one of this seller.
    #[error("no performance {0}")]
    NoSuchPerformance(PerformanceId),
    /// The performance is cancelled, or its sales have closed.
    #[error(transparent)]
    Performance(#[from] PerformanceRefusal),
    /// The performance is sold without a waiting room, or its line is not opened.
    #[error("performance {0} has no waiting room")]
    NoWaitingRoom(PerformanceId),
    /// The pace or the size of the line is out of bounds.
    #[error(transparent)]
    Policy(#[from] PolicyError),
    /// The user joins too often.
    #[error("too many calls, retry after {} ms", retry_after.as_millis())]
    TooManyCalls {
        /// When to try again.
        retry_after: Duration,
    },
    /// The line takes nobody else.
    #[error("the line is full")]
    LineFull,
    /// The user's number was not called yet, or there is none.
    #[error("the number was not called yet")]
    NotCalled,
    /// As many as allowed are inside; the place in line is kept.
    #[error("as many as allowed are inside")]
    RoomFull,
    /// The user was inside and the time is over: join again.
    #[error("the admission is over")]
    Over,
    /// It failed for another reason.
    #[error(transparent)]
    Failed(#[from] Failure),
}

impl From<PortError> for WaitingError {
    fn from(error: PortError) -> Self {
        Self::Failed(error.into())
    }
}

/// Opens the line of a performance, or changes its rules. Who is in line stays there.
///
/// # Errors
/// [`WaitingError`]; nothing changed.
pub async fn configure(ports: &Ports, request: OpenLine) -> Result<(), WaitingError> {
    let OpenLine { seller, performance: id, active_max, line_max, opens_at } = request;
    let performance = with_room(ports, id).await?;
    if performance.seller() != seller {
        return Err(WaitingError::NoSuchPerformance(id));
    }
    performance.must_take_place()?;
    within("active_max", active_max, 10_000_000)?;
    within("line_max", line_max, LINE_MAX)?;
    Ok(ports.waiting_room.configure(id, LineRules { active_max, line_max, opens_at }).await?)
}

fn within(field: &'static str, got: u64, most: u64) -> Result<(), PolicyError> {
    if (1..=most).contains(&got) {
        return Ok(());
    }
    Err(PolicyError { field, expected: format!("1 to {most}"), got: got.to_string() })
}

/// Joins the line of a performance. Joining again keeps the place; so does closing the page.
///
/// # Errors
/// [`WaitingError`]; the user is not in line.
pub async fn join(ports: &Ports, id: PerformanceId, user: UserId) -> Result<Joined, WaitingError> {
    let now = ports.clock.now();
    let key = quota_key(format_args!("join/{user}"));
    if let RateDecision::Limited { retry_after } =
        ports.rate_limit.acquire(key, JOIN_QUOTA, now).await?
    {
        return Err(WaitingError::TooManyCalls { retry_after });
    }
    let performance = with_room(ports, id).await?;
    match performance.must_be_on_sale(now) {
        // A line forms before the sales open.
        Ok(()) | Err(PerformanceRefusal::NotOpen { .. }) => {}
        Err(refusal) => return Err(refusal.into()),
    }
    rules(ports, id).await?;
    match ports.waiting_room.join(id, user, now).await? {
        Joined::Full => Err(WaitingError::LineFull),
        joined @ (Joined::Numbered(_) | Joined::Accepted) => Ok(joined),
    }
}

/// Where a user stands in the line of this performance. Costs the same however long the line is.
///
/// # Errors
/// [`WaitingError`]: no line, or it could not be read.
pub async fn poll(
    ports: &Ports,
    id: PerformanceId,
    user: UserId,
    policy: &AdmissionPolicy,
) -> Result<LineStatus, WaitingError> {
    let now = ports.clock.now();
    let rules = rules(ports, id).await?;
    let standing = ports.waiting_room.standing(id, user, now).await?;
    let state = ports.waiting_room.state(id, now).await?;
    Ok(LineStatus::of(&standing, &state, &rules, policy))
}

/// Lets a called user in. It is an exchange for once: asked again, it gives the same admission, with
/// the end it had at first.
///
/// # Errors
/// [`WaitingError`]; the user is not inside.
pub async fn enter(
    ports: &Ports,
    id: PerformanceId,
    user: UserId,
) -> Result<Admitted, WaitingError> {
    let now = ports.clock.now();
    let performance = with_room(ports, id).await?;
    performance.must_take_place()?;
    let new = AdmissionId::generate(&*ports.ids);
    let ends_at = now + performance.policy().deadlines.admission;
    match ports.waiting_room.enter(id, user, new, ends_at, now).await? {
        Entered::Inside { admission, expires_at } => {
            let admission = Admission { id: admission, user, performance: id, expires_at };
            Ok(Admitted { token: admission.sign(&*ports.signer), expires_at })
        }
        Entered::NotCalled => Err(WaitingError::NotCalled),
        Entered::Full => Err(WaitingError::RoomFull),
        Entered::Over => Err(WaitingError::Over),
    }
}

/// Takes a user out of the line or from inside, and frees the place; whether there was one.
///
/// # Errors
/// The waiting room failed.
pub async fn leave(ports: &Ports, id: PerformanceId, user: UserId) -> Result<bool, Failure> {
    Ok(ports.waiting_room.leave(id, user).await?)
}

/// Calls as many numbers as are due, and first numbers those who came before the opening. Run it
/// several times per interval, and pass on the `last_called_at` of the run before.
///
/// Several processes may run it for one line: the rate limit gives each interval to one of them, and
/// the others learn when that was.
///
/// # Errors
/// [`WaitingError`]: no line, a policy out of bounds, or the room failed.
pub async fn call_next(
    ports: &Ports,
    id: PerformanceId,
    policy: &AdmissionPolicy,
    last_called_at: Option<DateTime<Utc>>,
) -> Result<Called, WaitingError> {
    policy.check()?;
    let now = ports.clock.now();
    let rules = rules(ports, id).await?;
    let mut state = ports.waiting_room.state(id, now).await?;
    let mut done = Called { numbered: 0, called: 0, state, last_called_at };
    if rules.opens_at.is_some_and(|opens_at| now < opens_at) {
        return Ok(done);
    }
    if state.accepted > 0 {
        let seed = ports.random.next_u64();
        done.numbered = ports.waiting_room.number_early(id, seed).await?;
        state = ports.waiting_room.state(id, now).await?;
        done.state = state;
    }
    let due = calls_due(&state, policy, last_called_at, now);
    if due == 0 {
        return Ok(done);
    }
    let key = quota_key(format_args!("call/{id}"));
    let quota = Quota { burst: 1, every: policy.interval };
    match ports.rate_limit.acquire(key, quota, now).await? {
        RateDecision::Allowed => {
            done.state = ports.waiting_room.call(id, due, now).await?;
            done.called = done.state.serving.saturating_sub(state.serving);
            done.last_called_at = Some(now);
        }
        RateDecision::Limited { retry_after } => {
            done.last_called_at = others_call(now, retry_after, policy.interval).or(last_called_at);
        }
    }
    Ok(done)
}

/// When another process called, if it may do so again after `retry_after`.
fn others_call(
    now: DateTime<Utc>,
    retry_after: Duration,
    interval: Duration,
) -> Option<DateTime<Utc>> {
    let since = TimeDelta::from_std(interval.saturating_sub(retry_after)).ok()?;
    now.checked_sub_signed(since)
}

fn quota_key(name: fmt::Arguments<'_>) -> Token {
    Token::new(&name.to_string()).expect("short and without control characters")
}

async fn with_room(ports: &Ports, id: PerformanceId) -> Result<Arc<Performance>, WaitingError> {
    let found = ports.layouts.performance(id).await?;
    let performance = found.ok_or(WaitingError::NoSuchPerformance(id))?;
    if performance.policy().waiting_room {
        Ok(performance)
    } else {
        Err(WaitingError::NoWaitingRoom(id))
    }
}

async fn rules(ports: &Ports, id: PerformanceId) -> Result<LineRules, WaitingError> {
    ports.waiting_room.rules(id).await?.ok_or(WaitingError::NoWaitingRoom(id))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_time_left_tells_when_another_called() {
        let now = DateTime::UNIX_EPOCH + TimeDelta::seconds(100);
        let second = Duration::from_secs(1);
        let called = others_call(now, Duration::from_millis(300), second);
        assert_eq!(called, Some(now - TimeDelta::milliseconds(700)));
        assert_eq!(others_call(now, 2 * second, second), Some(now));
    }
}
