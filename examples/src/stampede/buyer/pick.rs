//! Seats: look, pick, hold, lose them to somebody, pick again, reserve.

use std::sync::atomic::Ordering;
use std::time::Duration;

use chrono::{DateTime, Utc};
use ticketing_core::admission::AdmissionToken;
use ticketing_core::box_office::{HeldSeats, HoldSeats, ReserveSeats};
use ticketing_core::id::HoldToken;
use ticketing_core::money::Money;
use ticketing_core::performance::PerformanceRefusal;
use ticketing_core::seat::Seats;
use ticketing_core::service::hold::HoldError;
use ticketing_core::service::reserve::{ReserveError, Reserved};

use super::{Basket, Visit};
use crate::stampede::defect::Strange;
use crate::stampede::faults::count;
use crate::stampede::funnel::Ending;
use crate::stampede::hall::{Look, look};
use crate::stampede::measure::Step;
use crate::stampede::person::WalksAway;

/// The longest that a hold lasts, and how much two clocks may differ.
const HOLD_MAX: Duration = Duration::from_secs(10 * 60 + 110);

/// How a try for seats ended.
enum Try {
    Got(Basket),
    Lost,
}

impl Visit {
    /// Looks for seats until some are reserved.
    pub(super) async fn find_seats(&self, admission: &AdmissionToken) -> Result<Basket, Ending> {
        let (mut sold_out, mut nothing_free) = (false, 0);
        for number in 0..self.person.looks_max {
            self.think(Duration::from_secs(3), Duration::from_secs(40)).await;
            match self.look().await? {
                Look::Picked(seats) => {
                    if let Try::Got(basket) = self.try_for(seats, admission, number).await? {
                        return Ok(basket);
                    }
                }
                // Seats that others pay for may come back: few wait for that.
                Look::Later if nothing_free >= self.person.hopes => return Err(Ending::OutOfTime),
                Look::Later => {
                    sold_out = false;
                    nothing_free += 1;
                }
                // Most believe it at the second look.
                Look::SoldOut if sold_out => return Err(Ending::SoldOut),
                Look::SoldOut => sold_out = true,
            }
        }
        Err(if sold_out { Ending::SoldOut } else { Ending::OutOfTime })
    }

    async fn look(&self) -> Result<Look, Ending> {
        self.look_for(self.person.party).await
    }

    pub(super) async fn look_for(&self, party: u16) -> Result<Look, Ending> {
        let performance = self.performance;
        let call = || self.world.call(|office| async move { office.seat_map(performance).await });
        let view = self
            .attempt(Step::Look, call, |_, _| true)
            .await
            .map_err(|error| self.gives_up(&error))?;
        Ok(look(&view.map, self.person.favourite, party, self.dice.number()))
    }

    async fn try_for(
        &self,
        seats: Seats,
        admission: &AdmissionToken,
        number: u16,
    ) -> Result<Try, Ending> {
        let hold = if self.person.skips_hold {
            None
        } else {
            let Some(token) = self.hold(&seats, admission).await? else { return Ok(Try::Lost) };
            count(&self.world.funnel.holding);
            let decision = self.decide(&seats, token).await;
            self.world.funnel.holding.fetch_sub(1, Ordering::Relaxed);
            match decision? {
                Some(token) => Some(token),
                None => return Ok(Try::Lost),
            }
        };
        let reserved = self.reserve(&seats, hold, admission, number).await?;
        Ok(reserved.map_or(Try::Lost, |reserved| {
            let Reserved { reservation, total, .. } = reserved;
            Try::Got(Basket { reservation, seats, total })
        }))
    }

    async fn hold(
        &self,
        seats: &Seats,
        admission: &AdmissionToken,
    ) -> Result<Option<HoldToken>, Ending> {
        let request = HoldSeats {
            user: self.person.user,
            performance: self.performance,
            seats: seats.clone(),
            admission: Some(admission.clone()),
        };
        let call = || {
            let request = request.clone();
            self.world.call(|office| async move { office.hold(request).await })
        };
        match self.attempt(Step::Hold, call, |_, _| true).await {
            Ok(held) => Ok(Some(held.token)),
            Err(
                HoldError::Taken(_) | HoldError::Performance(PerformanceRefusal::NotOpen { .. }),
            ) => Ok(None),
            Err(HoldError::NotAdmitted(_)) => Err(Ending::OutOfTime),
            Err(error) => Err(self.gives_up(&error)),
        }
    }

    /// Thinks about held seats: takes them, lets them go, asks for more time, or walks away.
    async fn decide(&self, seats: &Seats, token: HoldToken) -> Result<Option<HoldToken>, Ending> {
        if self.person.walks_away == WalksAway::AfterHold {
            return Err(Ending::WalkedAway);
        }
        let since = self.world.now();
        self.think(Duration::from_secs(3), Duration::from_mins(2)).await;
        let held = HeldSeats { performance: self.performance, seats: seats.clone(), token };
        match self.dice.below(100) {
            0..8 => {
                match self.world.call(|office| async move { office.release_hold(held).await }).await
                {
                    Ok(_) => Ok(None),
                    Err(error) => self.unless_lost(error).map(|()| None),
                }
            }
            8..18 => {
                self.think(Duration::from_mins(2), Duration::from_mins(4)).await;
                if self.extend(&held, since).await? && self.dice.happens(500) {
                    self.think(Duration::from_mins(4), Duration::from_secs(290)).await;
                    self.extend(&held, since).await?;
                }
                Ok(Some(token))
            }
            _ => Ok(Some(token)),
        }
    }

    /// Whether there is more time; if not, reserve takes the hold again, if nobody else was faster.
    async fn extend(&self, held: &HeldSeats, since: DateTime<Utc>) -> Result<bool, Ending> {
        let held = held.clone();
        match self.world.call(|office| async move { office.extend_hold(held).await }).await {
            Ok(held) => {
                if held.expires_at > since + HOLD_MAX {
                    let (token, until) = (held.token, held.expires_at);
                    let text = format!("hold {token} since {since} lasts until {until}");
                    self.world.defects.note("extend", &Strange(text));
                }
                Ok(true)
            }
            Err(error) => self.unless_lost(error).map(|()| false),
        }
    }

    fn unless_lost(&self, error: HoldError) -> Result<(), Ending> {
        match error {
            HoldError::Lost | HoldError::HeldLongEnough { .. } | HoldError::Reserved => Ok(()),
            HoldError::Failed(failure) if failure.is_transient() => Ok(()),
            error => Err(self.gives_up(&error)),
        }
    }

    async fn reserve(
        &self,
        seats: &Seats,
        hold: Option<HoldToken>,
        admission: &AdmissionToken,
        number: u16,
    ) -> Result<Option<Reserved>, Ending> {
        let request = ReserveSeats {
            user: self.person.user,
            performance: self.performance,
            seats: seats.clone(),
            expected_total: self.price(seats).await?,
            hold,
            admission: Some(admission.clone()),
            key: self.key(&format!("reserve-{number}")),
        };
        let call = || {
            let request = request.clone();
            self.world.call(|office| async move { office.reserve(request).await })
        };
        match self.attempt(Step::Reserve, call, Reserved::eq).await {
            Ok(reserved) => {
                if reserved.total != request.expected_total {
                    let Reserved { reservation, total, .. } = reserved;
                    let text = format!(
                        "reservation {reservation} costs {total}, its buyer saw {}",
                        request.expected_total
                    );
                    self.world.defects.note("reserve", &Strange(text));
                }
                Ok(Some(reserved))
            }
            Err(
                ReserveError::SeatTaken(_)
                | ReserveError::HeldByOthers(_)
                | ReserveError::PriceChanged { .. }
                | ReserveError::Performance(PerformanceRefusal::NotOpen { .. }),
            ) => Ok(None),
            Err(ReserveError::NotAdmitted(_)) => Err(Ending::OutOfTime),
            // By other visits on the same account.
            Err(ReserveError::AllowanceExceeded { .. }) => Err(Ending::HasEnough),
            Err(error) => Err(self.gives_up(&error)),
        }
    }

    /// What the page says that these seats cost.
    pub(super) async fn price(&self, seats: &Seats) -> Result<Money, Ending> {
        let performance = self.performance;
        let call = || {
            let seats = seats.clone();
            self.world.call(|office| async move { office.quote(performance, &seats).await })
        };
        match self.attempt(Step::Look, call, |_, _| true).await {
            Ok(quote) => Ok(quote.total),
            Err(error) => Err(self.gives_up(&error)),
        }
    }

    /// Other windows at the same time: more seats on the same account, one by one. The allowance stops what
    /// is too much; the rest is never paid and lapses.
    pub(super) async fn try_for_more(&self, admission: &AdmissionToken) {
        let window = |number| self.open_window(admission, number);
        tokio::join!(window(1), window(2), window(3), window(4));
    }

    async fn open_window(&self, admission: &AdmissionToken, number: u8) {
        let Ok(Look::Picked(seats)) = self.look_for(1).await else { return };
        let Ok(expected_total) = self.price(&seats).await else { return };
        let request = ReserveSeats {
            user: self.person.user,
            performance: self.performance,
            seats,
            expected_total,
            hold: None,
            admission: Some(admission.clone()),
            key: self.key(&format!("window-{number}")),
        };
        let call = self.world.call(|office| async move { office.reserve(request).await });
        match self.world.measures.time(Step::Reserve, call).await {
            Ok(_)
            | Err(
                ReserveError::AllowanceExceeded { .. }
                | ReserveError::SeatTaken(_)
                | ReserveError::HeldByOthers(_)
                | ReserveError::PriceChanged { .. }
                | ReserveError::NotAdmitted(_)
                | ReserveError::Performance(_),
            ) => {}
            Err(ReserveError::Failed(failure)) if failure.is_transient() => {}
            Err(error) => self.world.defects.note("another window", &error),
        }
    }
}
