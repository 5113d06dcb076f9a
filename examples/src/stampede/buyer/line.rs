//! The line: join, poll, enter.

use std::sync::atomic::Ordering;
use std::time::Duration;

use ticketing_core::admission::AdmissionToken;
use ticketing_core::error::PortError;
use ticketing_core::port::{Entered, Joined, Standing};
use ticketing_core::waiting_line::LineStatus;

use super::Visit;
use crate::stampede::faults::count;
use crate::stampede::funnel::Ending;
use crate::stampede::measure::Step;

impl Visit {
    /// Waits until it is this buyer's turn.
    pub(super) async fn stand_in_line(&self) -> Result<AdmissionToken, Ending> {
        let world = &self.world;
        let (room, line, user) = (&world.ports.waiting_room, world.performance, self.person.user);
        let joined = world.measures.time(Step::Join, room.join(line, user, world.now())).await;
        match joined.map_err(|error| self.line_failed(&error))? {
            Joined::Full => return Err(Ending::LineFull),
            Joined::Numbered(_) | Joined::Accepted => {}
        }
        count(&world.funnel.waiting);
        let admission = self.poll().await;
        world.funnel.waiting.fetch_sub(1, Ordering::Relaxed);
        if admission.is_ok() {
            count(&world.funnel.admitted);
        }
        admission
    }

    async fn poll(&self) -> Result<AdmissionToken, Ending> {
        let world = &self.world;
        let (room, line, user) = (&world.ports.waiting_room, world.performance, self.person.user);
        let leaves_at = world.now() + self.person.patience;
        // Ends with patience: every turn waits at least a second.
        loop {
            let look =
                world.measures.time(Step::Poll, room.standing(line, user, world.now())).await;
            let standing = look.map_err(|error| self.line_failed(&error))?;
            match standing {
                Standing::Called { .. } | Standing::Inside { .. } => {
                    if let Some(admission) = self.enter().await? {
                        return Ok(admission);
                    }
                }
                Standing::Accepted | Standing::Waiting { .. } => {}
                Standing::Absent => return Err(Ending::TiredOfWaiting),
            }
            if world.now() >= leaves_at || world.is_closing() {
                self.leave().await;
                return Err(Ending::TiredOfWaiting);
            }
            let pause = self.pause(&standing).await.map_err(|error| self.line_failed(&error))?;
            self.think(pause, 2 * pause).await;
        }
    }

    /// How long the page says to wait before the next look.
    async fn pause(&self, standing: &Standing) -> Result<Duration, PortError> {
        let (world, line) = (&self.world, self.world.performance);
        let state = world.ports.waiting_room.state(line, world.now()).await?;
        let Some(rules) = world.ports.waiting_room.rules(line).await? else {
            return Ok(Duration::from_secs(LineStatus::REFRESH_SECONDS_MAX));
        };
        let status = LineStatus::of(standing, &state, &rules, &world.admission);
        let seconds = match standing {
            Standing::Called { .. } | Standing::Inside { .. } => LineStatus::REFRESH_SECONDS_MIN,
            Standing::Accepted | Standing::Waiting { .. } | Standing::Absent => {
                status.refresh_seconds
            }
        };
        Ok(Duration::from_secs(seconds))
    }

    async fn enter(&self) -> Result<Option<AdmissionToken>, Ending> {
        let (world, user) = (&self.world, self.person.user);
        let (id, expires_at) = world.new_admission();
        let room = &world.ports.waiting_room;
        let call = room.enter(world.performance, user, id, expires_at, world.now());
        let entered = world.measures.time(Step::Enter, call).await;
        match entered.map_err(|error| self.line_failed(&error))? {
            Entered::Inside { admission, expires_at } => {
                Ok(Some(world.sign(admission, user, expires_at)))
            }
            Entered::NotCalled | Entered::Full => Ok(None),
            Entered::Over => Err(Ending::OutOfTime),
        }
    }

    /// Gives the place back, in line or inside.
    pub(super) async fn leave(&self) {
        let world = &self.world;
        if let Err(error) =
            world.ports.waiting_room.leave(world.performance, self.person.user).await
        {
            self.line_failed(&error);
        }
    }

    fn line_failed(&self, error: &PortError) -> Ending {
        self.world.defects.note("line", error);
        Ending::Defect
    }
}
