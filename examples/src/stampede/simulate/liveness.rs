//! Whether what was begun also ends once nothing goes wrong any more.

use std::collections::BTreeMap;
use std::time::Duration;

use chrono::{DateTime, Utc};
use ticketing_core::error::PortError;
use ticketing_core::id::{CheckoutId, PaymentId, PerformanceId, RefundId, ReservationId};
use ticketing_core::page::PageRequest;
use ticketing_core::port::Inspect;
use ticketing_core::refund::RefundState;
use uuid::Uuid;

use super::failure::{Broken, Found};
use crate::stampede::audit::Checked;
use crate::stampede::figures::PAGE;
use crate::stampede::settle::HORIZON;
use crate::stampede::world::World;

/// The name of what is checked here.
pub(super) const NAME: &str = "everything_ends";

/// How long anything may stay open after its deadline, or without one from when nothing goes wrong: a call may
/// be under way at the gateway for a day, and what failed before is tried again within 17 hours.
const ENDS_WITHIN: Duration = Duration::from_hours(48);
/// How much later than the last thing that somebody has planned all must be over: what is planned then leads
/// to a refund, an account, a statement.
const ALL_ENDS_WITHIN: Duration = Duration::from_hours(30 * 24);
/// How often everything that is open is looked at.
const LOOK_EVERY: Duration = Duration::from_hours(12);
/// Things that one failure names.
pub(super) const NAMED: usize = 20;

/// Something that must end by itself.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Open {
    Reservation(ReservationId),
    Checkout(CheckoutId),
    Payment(PaymentId),
    Account(PaymentId),
    RefundWithoutAccount(RefundId),
    Refund(RefundId),
    WindingUp(PerformanceId),
    Event(Uuid, u64, String),
    Outside(u64, String),
}

impl std::fmt::Display for Open {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Reservation(id) => write!(f, "reservation {id} is still pending"),
            Self::Checkout(id) => write!(f, "checkout {id} is still under way"),
            Self::Payment(id) => write!(f, "payment {id} still waits for the gateway's word"),
            Self::Account(id) => write!(f, "the account of payment {id} is still to be closed"),
            Self::RefundWithoutAccount(id) => write!(f, "refund {id} still waits for an account"),
            Self::Refund(id) => write!(f, "refund {id} is still to be made"),
            Self::WindingUp(id) => write!(f, "performance {id} is still not wound up"),
            Self::Event(of, number, name) => {
                write!(f, "event {number} of {of}, {name}, is still not published")
            }
            Self::Outside(_, what) => write!(f, "{what} still waits for its end"),
        }
    }
}

/// When something was first seen open, and until when it may be.
#[derive(Clone, Copy, Debug)]
struct Term {
    seen_at: DateTime<Utc>,
    ends_by: DateTime<Utc>,
}

/// Looks whether everything ends, from when nothing goes wrong any more.
pub(super) struct Liveness {
    calm_at: DateTime<Utc>,
    all_by: DateTime<Utc>,
    next_look: DateTime<Utc>,
    open: BTreeMap<Open, Term>,
    seen: u64,
}

impl Liveness {
    /// From now on nothing goes wrong, and nothing is planned but what is now and what follows from it.
    pub(super) fn from_now(world: &World) -> Self {
        let calm_at = world.now();
        let planned = world.errands.last_at().map_or(calm_at, |last| last.max(calm_at));
        let all_by = planned + ALL_ENDS_WITHIN;
        Self { calm_at, all_by, next_look: calm_at, open: BTreeMap::new(), seen: 0 }
    }

    /// How many things were seen open.
    pub(super) const fn seen(&self) -> u64 {
        self.seen
    }

    /// What should have ended by now, if it is time to look.
    pub(super) async fn look(
        &mut self,
        world: &World,
        outside: Vec<(u64, String)>,
    ) -> Result<Option<Broken>, PortError> {
        let now = world.now();
        if now < self.next_look {
            return Ok(None);
        }
        self.next_look = now + LOOK_EVERY;
        let mut open = list(world).await?;
        open.extend(outside.into_iter().map(|(number, what)| (Open::Outside(number, what), None)));
        let before = std::mem::take(&mut self.open);
        self.open = open
            .into_iter()
            .map(|(open, deadline)| {
                let known = before.get(&open);
                self.seen += u64::from(known.is_none());
                let seen_at = known.map_or(now, |term| term.seen_at);
                let from = deadline.map_or(seen_at, |deadline| deadline.max(seen_at));
                (open, Term { seen_at, ends_by: from + ENDS_WITHIN })
            })
            .collect();
        Ok(self.overdue(world))
    }

    fn overdue(&self, world: &World) -> Option<Broken> {
        let (now, calm_at) = (world.now(), self.calm_at);
        let mut late: Vec<_> = self.open.iter().filter(|(_, term)| term.ends_by < now).collect();
        late.sort_by_key(|(_, term)| term.ends_by);
        let mut told: Vec<String> = late
            .into_iter()
            .map(|(open, term)| {
                let (seen_at, ends_by) = (term.seen_at, term.ends_by);
                format!("{open}, open since {seen_at} or longer and to end by {ends_by}, calm since {calm_at}")
            })
            .collect();
        if told.is_empty() && now > self.all_by {
            let planned = world.errands.next().map_or_else(
                || "something".to_owned(),
                |(at, errand)| format!("{errand:?}, planned for {at},"),
            );
            let open = self.open.keys().map(ToString::to_string);
            told.push(format!("{planned} is still left, calm since {calm_at}"));
            told.extend(open);
        }
        told.truncate(NAMED);
        (!told.is_empty()).then(|| Broken::of(Found::At(now), NAME, &told))
    }

    /// What it came to, for so many visits and things.
    pub(super) fn checked(broken: Option<&Broken>, ended: u64) -> Checked {
        let broken = broken.filter(|broken| broken.name == Some(NAME));
        let broken: Vec<String> = broken.into_iter().map(|broken| broken.text.clone()).collect();
        Checked { name: NAME, ok: broken.is_empty(), checked: ended, broken }
    }
}

/// Every item of a list that is read in pages.
macro_rules! all {
    (|$page:ident| $list:expr) => {{
        let (mut found, mut after) = (Vec::new(), None);
        loop {
            let $page = PageRequest::next(after, PAGE);
            let page = $list.await?;
            found.extend(page.items);
            after = page.next;
            if after.is_none() {
                break found.into_iter();
            }
        }
    }};
}

/// Everything that is open, with the deadline until which it may be, if it has one.
async fn list(world: &World) -> Result<Vec<(Open, Option<DateTime<Utc>>)>, PortError> {
    let (ports, until) = (world.office.ports(), world.now() + HORIZON);
    let mut open = Vec::new();
    let pending = all!(|page| ports.reservations.due(until, page));
    open.extend(pending.map(|of| (Open::Reservation(of.id()), Some(of.latest()))));
    let stalled = all!(|page| ports.checkouts.stalled(until, page));
    open.extend(stalled.map(|of| (Open::Checkout(of.id()), None)));
    let unsettled = all!(|page| ports.payments.unsettled(until, page));
    open.extend(unsettled.map(|of| (Open::Payment(of.id()), None)));
    let to_close = all!(|page| ports.payments.to_close(page));
    open.extend(to_close.map(|of| (Open::Account(of.id()), None)));
    let refunds = all!(|page| ports.refunds.due(until, page));
    open.extend(refunds.map(|of| match of.state() {
        RefundState::NeedsAccount { .. } => {
            (Open::RefundWithoutAccount(of.id()), Some(of.next_try_at()))
        }
        RefundState::Requested
        | RefundState::Processing { .. }
        | RefundState::Unknown { .. }
        | RefundState::Succeeded { .. }
        | RefundState::Failed { .. }
        | RefundState::Stopped => (Open::Refund(of.id()), None),
    }));
    let called_off = all!(|page| ports.layouts.cancelled(page));
    open.extend(called_off.map(|of| (Open::WindingUp(of.id()), None)));
    // Those that are published are dropped within minutes.
    let events = all!(|page| Inspect::outbox(&world.memory.store, page));
    open.extend(
        events.map(|row| (Open::Event(row.aggregate.id, row.number, row.name.into_owned()), None)),
    );
    Ok(open)
}
