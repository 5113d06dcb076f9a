//! A performance: one dated showing, with its own sales window, prices and copy of a layout.

mod event;
mod schedule;
mod seating;
mod state;
#[cfg(test)]
mod tests;

pub use event::PerformanceEvent;
pub use schedule::{NewPerformance, ScheduleError};
pub use state::{PerformanceRefusal, PerformanceState};

use seating::Seating;

use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use chrono_tz::Tz;
use serde::{Deserialize, Serialize};

use crate::aggregate::{Aggregate, AggregateKind, AggregateRef, Applied, Root, StreamKey};
use crate::id::{PerformanceId, SellerId, ShowId};
use crate::label::Grade;
use crate::layout::{GradeMap, Layout};
use crate::money::{BasisPoints, Currency, Money};
use crate::policy::SalesPolicy;
use crate::reservation::SeatLine;
use crate::seat::Seats;
use crate::show::PriceList;

/// One dated showing of a show. Its date, layout and policy never change; cloning it is cheap.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Performance {
    root: Root,
    id: PerformanceId,
    show: ShowId,
    seller: SellerId,
    commission: BasisPoints,
    starts_at: DateTime<Utc>,
    zone: Tz,
    sales_open_at: DateTime<Utc>,
    policy: Arc<SalesPolicy>,
    seating: Seating,
    state: PerformanceState,
}

impl Performance {
    /// How far ahead a performance may be planned: 10 years of 365 days.
    pub const AHEAD_MAX: TimeDelta = TimeDelta::days(3_650);
    /// How long after its start a performance that was broken off can still be cancelled.
    pub const CANCEL_AFTER_START_MAX: TimeDelta = TimeDelta::hours(24);

    /// Schedules a performance.
    ///
    /// # Errors
    /// [`ScheduleError`], the first found; of grades without a price it names all.
    pub fn schedule(new: NewPerformance<'_>, now: DateTime<Utc>) -> Result<Self, ScheduleError> {
        let policy = new.policy.map_or_else(|| Arc::clone(new.show.policy()), Arc::new);
        let prices = new.prices.map_or_else(|| Arc::clone(new.show.prices()), Arc::new);
        policy.check()?;
        let (expected, got) = (new.show.currency(), prices.currency());
        if expected != got {
            return Err(ScheduleError::OtherCurrency { expected, got });
        }
        let seating =
            Seating::new(Arc::new(new.layout.clone()), prices).map_err(ScheduleError::Unpriced)?;
        let starts_at = new.starts_at;
        if starts_at <= now {
            return Err(ScheduleError::StartsInPast { starts_at, now });
        }
        let latest = now + Self::AHEAD_MAX;
        if starts_at > latest {
            return Err(ScheduleError::StartsTooFar { latest, got: starts_at });
        }
        let mut performance = Self {
            root: Root::new(),
            id: new.id,
            show: new.show.id(),
            seller: new.show.seller(),
            commission: new.show.commission(),
            starts_at,
            zone: new.zone,
            sales_open_at: new.sales_open_at,
            policy,
            seating,
            state: PerformanceState::Scheduled,
        };
        let (opens_at, closes_at) = (new.sales_open_at, performance.sales_close_at());
        if opens_at >= closes_at {
            return Err(ScheduleError::NeverOnSale { opens_at, closes_at });
        }
        let event = PerformanceEvent::Scheduled {
            performance: new.id,
            show: performance.show,
            starts_at,
            zone: new.zone,
            sales_open_at: opens_at,
            sales_close_at: closes_at,
            seats: performance.capacity(),
            prices: PriceList::clone(performance.prices()),
        };
        performance.root.record(now, event);
        Ok(performance)
    }

    /// The seats with their grades and prices of now.
    ///
    /// # Errors
    /// [`PerformanceRefusal::NoSuchSeat`].
    pub fn lines(&self, seats: &Seats) -> Result<Vec<SeatLine>, PerformanceRefusal> {
        self.seating.lines(seats)
    }

    /// Refuses seats that it does not have.
    ///
    /// # Errors
    /// [`PerformanceRefusal::NoSuchSeat`].
    pub fn must_have(&self, seats: &Seats) -> Result<(), PerformanceRefusal> {
        let capacity = self.capacity();
        match seats.as_slice().last() {
            Some(&seat) if seat.0 >= capacity => {
                Err(PerformanceRefusal::NoSuchSeat { seat, capacity })
            }
            Some(_) | None => Ok(()),
        }
    }

    /// Refuses a hold or a reservation outside of the sales window.
    ///
    /// # Errors
    /// Cancelled, not open yet, or closed.
    pub fn must_be_on_sale(&self, now: DateTime<Utc>) -> Result<(), PerformanceRefusal> {
        self.must_take_place()?;
        let (opens_at, closed_at) = (self.sales_open_at, self.sales_close_at());
        if now < opens_at {
            return Err(PerformanceRefusal::NotOpen { opens_at });
        }
        if now >= closed_at {
            return Err(PerformanceRefusal::Closed { closed_at });
        }
        Ok(())
    }

    /// Refuses what makes no sense for a performance that does not take place.
    ///
    /// # Errors
    /// [`PerformanceRefusal::Cancelled`].
    pub const fn must_take_place(&self) -> Result<(), PerformanceRefusal> {
        match self.state {
            PerformanceState::Scheduled => Ok(()),
            PerformanceState::Cancelled { .. } => Err(PerformanceRefusal::Cancelled),
        }
    }

    fn must_be_ahead(&self, now: DateTime<Utc>) -> Result<(), PerformanceRefusal> {
        self.must_take_place()?;
        if now >= self.starts_at {
            return Err(PerformanceRefusal::Started { starts_at: self.starts_at });
        }
        Ok(())
    }

    /// Its seller cancels it: sales stop at once, and every reservation will be ended.
    ///
    /// # Errors
    /// [`PerformanceRefusal::Over`] later than [`Self::CANCEL_AFTER_START_MAX`] after its start.
    pub fn cancel(&mut self, now: DateTime<Utc>) -> Result<Applied, PerformanceRefusal> {
        match self.state {
            PerformanceState::Cancelled { .. } => Ok(Applied::Already),
            PerformanceState::Scheduled => {
                let until = self.starts_at + Self::CANCEL_AFTER_START_MAX;
                if now > until {
                    return Err(PerformanceRefusal::Over { until });
                }
                self.state = PerformanceState::Cancelled { at: now, wound_up: false };
                self.root.record(now, PerformanceEvent::Cancelled { performance: self.id });
                Ok(Applied::Now)
            }
        }
    }

    /// Every reservation was ended.
    ///
    /// # Errors
    /// [`PerformanceRefusal::NotCancelled`].
    pub const fn wind_up(&mut self) -> Result<Applied, PerformanceRefusal> {
        match self.state {
            PerformanceState::Scheduled => Err(PerformanceRefusal::NotCancelled),
            PerformanceState::Cancelled { wound_up: true, .. } => Ok(Applied::Already),
            PerformanceState::Cancelled { at, wound_up: false } => {
                self.state = PerformanceState::Cancelled { at, wound_up: true };
                Ok(Applied::Now)
            }
        }
    }

    /// Prices a grade anew, or a grade that no seat has yet. Reservations keep the price they were
    /// made at.
    ///
    /// # Errors
    /// Cancelled, started, or a price that [`PriceList::set`] refuses.
    pub fn reprice(
        &mut self,
        grade: Grade,
        price: Money,
        now: DateTime<Utc>,
    ) -> Result<Applied, PerformanceRefusal> {
        self.must_be_ahead(now)?;
        if self.seating.reprice(&grade, price)? == Applied::Already {
            return Ok(Applied::Already);
        }
        let performance = self.id;
        self.root.record(now, PerformanceEvent::Repriced { performance, grade, price });
        Ok(Applied::Now)
    }

    /// Gives seats another grade. The same commit must demand that they have no claim.
    ///
    /// # Errors
    /// Cancelled, started, no such seat, or a grade without a price.
    pub fn regrade(
        &mut self,
        seats: &Seats,
        grade: Grade,
        now: DateTime<Utc>,
    ) -> Result<Applied, PerformanceRefusal> {
        self.must_be_ahead(now)?;
        if self.seating.regrade(seats, &grade)? == Applied::Already {
            return Ok(Applied::Already);
        }
        let (performance, seats) = (self.id, seats.clone());
        self.root.record(now, PerformanceEvent::Regraded { performance, seats, grade });
        Ok(Applied::Now)
    }

    /// Tells that the house keeps seats back; its claims are written in the same commit.
    ///
    /// # Errors
    /// Cancelled, started, or no such seat.
    pub fn block(
        &mut self,
        seats: &Seats,
        now: DateTime<Utc>,
    ) -> Result<Applied, PerformanceRefusal> {
        self.must_be_ahead(now)?;
        self.seating.must_have(seats)?;
        let (performance, seats) = (self.id, seats.clone());
        self.root.record(now, PerformanceEvent::SeatsBlocked { performance, seats });
        Ok(Applied::Now)
    }

    /// Tells that the house gives seats to the sale; its claims are released in the same commit.
    ///
    /// # Errors
    /// Cancelled, started, or no such seat.
    pub fn unblock(
        &mut self,
        seats: &Seats,
        now: DateTime<Utc>,
    ) -> Result<Applied, PerformanceRefusal> {
        self.must_be_ahead(now)?;
        self.seating.must_have(seats)?;
        let (performance, seats) = (self.id, seats.clone());
        self.root.record(now, PerformanceEvent::SeatsUnblocked { performance, seats });
        Ok(Applied::Now)
    }

    /// Opens its sales at another time. When they close follows from the start and the policy.
    ///
    /// # Errors
    /// Cancelled, started, or a window that would never be open.
    pub fn move_sales_window(
        &mut self,
        opens_at: DateTime<Utc>,
        now: DateTime<Utc>,
    ) -> Result<Applied, PerformanceRefusal> {
        self.must_be_ahead(now)?;
        if self.sales_open_at == opens_at {
            return Ok(Applied::Already);
        }
        let (performance, closes_at) = (self.id, self.sales_close_at());
        if opens_at >= closes_at {
            return Err(PerformanceRefusal::NeverOnSale { opens_at, closes_at });
        }
        self.sales_open_at = opens_at;
        let event = PerformanceEvent::SalesWindowMoved {
            performance,
            sales_open_at: opens_at,
            sales_close_at: closes_at,
        };
        self.root.record(now, event);
        Ok(Applied::Now)
    }

    /// Calendar days from `now` to the start, between local dates in its zone; below zero after the
    /// day of the start.
    pub fn days_left(&self, now: DateTime<Utc>) -> i64 {
        let local_date = |at: DateTime<Utc>| at.with_timezone(&self.zone).date_naive();
        (local_date(self.starts_at) - local_date(now)).num_days()
    }

    /// Its id.
    pub const fn id(&self) -> PerformanceId {
        self.id
    }

    /// The show that is performed.
    pub const fn show(&self) -> ShowId {
        self.show
    }

    /// Who sells it.
    pub const fn seller(&self) -> SellerId {
        self.seller
    }

    /// The currency of all its prices.
    pub fn currency(&self) -> Currency {
        self.prices().currency()
    }

    /// The platform's part of every price.
    pub const fn commission(&self) -> BasisPoints {
        self.commission
    }

    /// When it starts.
    pub const fn starts_at(&self) -> DateTime<Utc> {
        self.starts_at
    }

    /// The zone of its calendar days.
    pub const fn zone(&self) -> Tz {
        self.zone
    }

    /// When its sales open.
    pub const fn sales_open_at(&self) -> DateTime<Utc> {
        self.sales_open_at
    }

    /// When its sales close: the start less the policy's sales stop.
    pub fn sales_close_at(&self) -> DateTime<Utc> {
        self.starts_at - self.policy.deadlines.sales_stop
    }

    /// How it is sold.
    pub fn policy(&self) -> &SalesPolicy {
        &self.policy
    }

    /// How many seats it has.
    pub fn capacity(&self) -> u32 {
        self.seating.capacity()
    }

    /// Whether it takes place.
    pub const fn state(&self) -> PerformanceState {
        self.state
    }

    /// Whether it does not take place.
    pub const fn is_cancelled(&self) -> bool {
        matches!(self.state, PerformanceState::Cancelled { .. })
    }

    /// Whether it is cancelled and every reservation was ended.
    pub const fn is_wound_up(&self) -> bool {
        matches!(self.state, PerformanceState::Cancelled { wound_up: true, .. })
    }

    /// Its seating plan, with the grades it was scheduled with; those of now are
    /// [`Performance::grades`].
    pub const fn layout(&self) -> &Arc<Layout> {
        self.seating.layout()
    }

    /// The grade of every seat now.
    pub fn grades(&self) -> &GradeMap {
        self.seating.grades()
    }

    /// What each grade costs now.
    pub const fn prices(&self) -> &Arc<PriceList> {
        self.seating.prices()
    }
}

impl Aggregate for Performance {
    fn reference(&self) -> AggregateRef {
        AggregateRef { kind: AggregateKind::Performance, id: self.id.as_uuid() }
    }

    fn stream(&self) -> StreamKey {
        StreamKey(self.show.as_uuid())
    }

    fn root(&self) -> &Root {
        &self.root
    }

    fn root_mut(&mut self) -> &mut Root {
        &mut self.root
    }
}
