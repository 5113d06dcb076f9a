//! The line: join, poll, enter.

use std::sync::atomic::Ordering;
use std::time::Duration;

use chrono::{DateTime, Utc};
use ticketing_core::admission::AdmissionToken;
use ticketing_core::box_office::TopUp;
use ticketing_core::service::waiting::WaitingError;
use ticketing_core::service::wallet::ToppedUp;

use super::Visit;
use crate::stampede::failure::may_pass;
use crate::stampede::faults::count;
use crate::stampede::funnel::Ending;
use crate::stampede::measure::Step;

/// The shortest pause between two looks at one's place.
const PAUSE_MIN: u64 = 1;

/// How often a buyer tries to join who is told to come back later.
const JOINS: u32 = 5;

/// What one look at one's place in line came to.
pub(crate) enum Turn {
    /// This buyer is let in.
    In(AdmissionToken),
    /// Look again after this time.
    Wait(Duration),
    /// This buyer goes home.
    Home(Ending),
}

impl Visit {
    /// Waits until it is this buyer's turn.
    pub(super) async fn stand_in_line(&self) -> Result<AdmissionToken, Ending> {
        let world = &self.world;
        let leaves_at = self.join().await?;
        count(&world.funnel.waiting);
        let admission = loop {
            match self.turn(leaves_at).await {
                Turn::In(admission) => break Ok(admission),
                Turn::Wait(pause) => world.wait(pause).await,
                Turn::Home(ending) => break Err(ending),
            }
        };
        world.funnel.waiting.fetch_sub(1, Ordering::Relaxed);
        admission
    }

    /// Fills the wallet, and joins the line; until when this buyer stands in it.
    pub(crate) async fn arrive(&self) -> Result<DateTime<Utc>, Ending> {
        if let (Some(amount), Some(key)) = (self.person.wallet(), self.key("before-the-sale")) {
            let request = TopUp { user: self.person.user, amount, key };
            let call = || {
                let request = request.clone();
                self.world.call(|office| async move { office.top_up(request).await })
            };
            let topped_up = self.attempt(Step::TopUp, call, ToppedUp::eq).await;
            topped_up.map_err(|error| self.gives_up(&error))?;
        }
        self.join().await
    }

    /// Joins the line; until when this buyer stands in it.
    async fn join(&self) -> Result<DateTime<Utc>, Ending> {
        let (performance, user) = (self.performance, self.person.user);
        let call =
            || self.world.call(|office| async move { office.join_line(performance, user).await });
        for _ in 0..JOINS {
            match self.attempt(Step::Join, call, |_, _| true).await {
                Ok(_) => return Ok(self.world.now() + self.person.patience),
                Err(WaitingError::LineFull) => return Err(Ending::LineFull),
                // Lost answers and clocks that jump use up what a user may ask for.
                Err(WaitingError::TooManyCalls { retry_after }) => {
                    self.world.wait(retry_after).await;
                }
                Err(error) => return Err(self.gives_up(&error)),
            }
        }
        Err(Ending::OutOfTime)
    }

    /// Looks at the place in line, and enters when it is this buyer's turn. Somebody who looks again ends
    /// with their patience: every pause is a second at least.
    pub(crate) async fn turn(&self, leaves_at: DateTime<Utc>) -> Turn {
        let (performance, user) = (self.performance, self.person.user);
        let admission = self.world.admission;
        let call = self
            .world
            .call(|office| async move { office.line_status(performance, user, &admission).await });
        let pause = match self.world.measures.time(Step::Poll, call).await {
            Ok(status) if status.called => match self.enter().await {
                Ok(Some(admission)) => {
                    count(&self.world.funnel.admitted);
                    return Turn::In(admission);
                }
                Ok(None) => PAUSE_MIN,
                Err(ending) => return Turn::Home(ending),
            },
            Ok(status) => status.refresh_seconds.max(PAUSE_MIN),
            Err(error) if may_pass(&error) => PAUSE_MIN,
            Err(error) => return Turn::Home(self.gives_up(&error)),
        };
        if self.world.now() >= leaves_at || self.world.is_closing() {
            self.leave().await;
            return Turn::Home(Ending::TiredOfWaiting);
        }
        let pause = Duration::from_secs(pause) * self.world.line_pace;
        Turn::Wait(self.dice.time(pause, 3 * pause))
    }

    /// Enters, unless as many as allowed are inside.
    async fn enter(&self) -> Result<Option<AdmissionToken>, Ending> {
        let (performance, user) = (self.performance, self.person.user);
        let call = self.world.call(|office| async move { office.enter(performance, user).await });
        match self.world.measures.time(Step::Enter, call).await {
            Ok(admitted) => Ok(Some(admitted.token)),
            Err(WaitingError::RoomFull | WaitingError::NotCalled) => Ok(None),
            Err(WaitingError::Over) => Err(Ending::OutOfTime),
            Err(error) if may_pass(&error) => Ok(None),
            Err(error) => Err(self.gives_up(&error)),
        }
    }

    /// Gives the place back, in line or inside. A place that nobody gives back ends by itself.
    pub(super) async fn leave(&self) {
        let (performance, user) = (self.performance, self.person.user);
        let call =
            self.world.call(|office| async move { office.leave_line(performance, user).await });
        if let Err(error) = call.await {
            self.world.defects.note_unless_transient("leave", &error);
        }
    }
}
