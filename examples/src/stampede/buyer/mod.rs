//! One buyer's visit: wait in line, find seats, pay, go.

mod attempt;
pub(crate) mod line;
mod pay;
mod pick;
mod probe;

use std::sync::Arc;
use std::time::Duration;

use ticketing_core::admission::AdmissionToken;
use ticketing_core::box_office::CancelReservation;
use ticketing_core::id::{PerformanceId, ReservationId};
use ticketing_core::label::Token;
use ticketing_core::money::Money;
use ticketing_core::seat::Seats;
use ticketing_core::service::cancel::CancelError;

use super::funnel::Ending;
use super::measure::Step;
use super::person::{Dice, Person, WalksAway};
use super::world::World;

/// A buyer who is here.
pub(crate) struct Visit {
    world: Arc<World>,
    performance: PerformanceId,
    person: Person,
    dice: Dice,
}

/// What a buyer got: the right to pay for seats.
#[derive(Clone, Debug)]
struct Basket {
    reservation: ReservationId,
    seats: Seats,
    total: Money,
}

impl Visit {
    pub(crate) fn new(world: Arc<World>, performance: PerformanceId, person: Person) -> Self {
        let dice = person.dice(world.seed);
        Self { world, performance, person, dice }
    }

    /// A buyer who was here before, with the dice as they were left.
    pub(crate) fn resumed(
        world: Arc<World>,
        performance: PerformanceId,
        person: Person,
        dice: u64,
    ) -> Self {
        Self { world, performance, person, dice: Dice::resumed(dice) }
    }

    /// Where the dice are.
    pub(crate) fn dice_state(&self) -> u64 {
        self.dice.state()
    }

    /// The whole visit. The line's place is free again when it ends.
    pub(crate) async fn run(self) {
        let ending = match self.stand_in_line().await {
            Err(ending) => ending,
            // Boxed, so that the thousands who wait in line stay small.
            Ok(admission) => Box::pin(self.inside(&admission)).await,
        };
        self.world.funnel.ended(ending);
    }

    /// What this buyer does inside, and the way out.
    pub(crate) async fn inside(&self, admission: &AdmissionToken) -> Ending {
        let ending = self.shop(admission).await.unwrap_or_else(|ending| ending);
        self.try_what_is_refused(admission).await;
        self.leave().await;
        ending
    }

    async fn shop(&self, admission: &AdmissionToken) -> Result<Ending, Ending> {
        let basket = self.find_seats(admission).await?;
        if self.person.greedy {
            self.try_for_more(admission).await;
        }
        if self.person.walks_away == WalksAway::AfterReserve {
            return Ok(Ending::WalkedAway);
        }
        self.think(Duration::from_secs(5), Duration::from_mins(1)).await;
        if self.person.cancels && self.dice.happens(500) {
            return self.cancel(&basket).await;
        }
        self.pay(&basket).await
    }

    async fn cancel(&self, basket: &Basket) -> Result<Ending, Ending> {
        let request = CancelReservation {
            user: self.person.user,
            reservation: basket.reservation,
            key: self.key("cancel"),
        };
        let call = || {
            let request = request.clone();
            self.world.call(|office| async move { office.cancel_reservation(request).await })
        };
        match self.attempt(Step::Cancel, call, |_, _| true).await {
            Ok(_) => Ok(Ending::Cancelled),
            // It expired first, or its payment is at the gateway.
            Err(CancelError::Reservation(_)) => Ok(Ending::WalkedAway),
            Err(error) => Err(self.gives_up(&error)),
        }
    }

    async fn think(&self, least: Duration, most: Duration) {
        self.world.wait(self.dice.time(least, most)).await;
    }

    /// The idempotency key of one of this buyer's calls.
    fn key(&self, what: &str) -> Option<Token> {
        Token::new(&format!("{what}-{}", self.person.index)).ok()
    }
}
