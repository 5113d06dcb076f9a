//! The line: join, poll, enter.

use std::sync::atomic::Ordering;
use std::time::Duration;

use ticketing_core::admission::AdmissionToken;
use ticketing_core::service::waiting::WaitingError;

use super::Visit;
use super::attempt::CallError;
use crate::stampede::faults::count;
use crate::stampede::funnel::Ending;
use crate::stampede::measure::Step;

impl Visit {
    /// Waits until it is this buyer's turn.
    pub(super) async fn stand_in_line(&self) -> Result<AdmissionToken, Ending> {
        let world = &self.world;
        let call = || world.office.join_line(world.performance, self.person.user);
        match self.attempt(Step::Join, call, |_, _| true).await {
            Ok(_) => {}
            Err(WaitingError::LineFull) => return Err(Ending::LineFull),
            Err(error) => return Err(self.gives_up(&error)),
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
        let (world, user) = (&self.world, self.person.user);
        let leaves_at = world.now() + self.person.patience;
        // Ends with patience: every turn waits at least a second.
        loop {
            let call = world.office.line_status(world.performance, user, &world.admission);
            let status = match world.measures.time(Step::Poll, call).await {
                Ok(status) => status,
                Err(error) => return Err(self.gives_up(&error)),
            };
            if status.called
                && let Some(admission) = self.enter().await?
            {
                return Ok(admission);
            }
            if world.now() >= leaves_at || world.is_closing() {
                self.leave().await;
                return Err(Ending::TiredOfWaiting);
            }
            let pause = if status.called { 1 } else { status.refresh_seconds };
            self.think(Duration::from_secs(pause), Duration::from_secs(3 * pause)).await;
        }
    }

    /// Enters, unless as many as allowed are inside.
    async fn enter(&self) -> Result<Option<AdmissionToken>, Ending> {
        let (world, user) = (&self.world, self.person.user);
        let call = world.office.enter(world.performance, user);
        match world.measures.time(Step::Enter, call).await {
            Ok(admitted) => Ok(Some(admitted.token)),
            Err(WaitingError::RoomFull | WaitingError::NotCalled) => Ok(None),
            Err(WaitingError::Over) => Err(Ending::OutOfTime),
            Err(error) => Err(self.gives_up(&error)),
        }
    }

    /// Gives the place back, in line or inside.
    pub(super) async fn leave(&self) {
        let world = &self.world;
        if let Err(error) = world.office.leave_line(world.performance, self.person.user).await
            && error.failure().is_some_and(|failure| !failure.is_transient())
        {
            world.defects.note("leave", &error);
        }
    }
}
