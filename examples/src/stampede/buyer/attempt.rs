//! One call of a buyer: clicked twice by some, made again by all while it may yet succeed.

use std::future::Future;
use std::time::Duration;

use super::Visit;
use crate::stampede::failure::{CallError, may_pass};
use crate::stampede::funnel::Ending;
use crate::stampede::measure::Step;

/// How often a buyer presses the button.
const TRIES: u32 = 6;

/// Two clicks on one button were answered differently.
#[derive(Debug, thiserror::Error)]
#[error("one idempotency key got two answers")]
struct TwoAnswers;

impl Visit {
    /// Makes a call until its answer is definite, a few times at most. `same` compares the answers of
    /// two clicks.
    pub(super) async fn attempt<T, E, F>(
        &self,
        step: Step,
        call: impl Fn() -> F + Send + Sync,
        same: impl Fn(&T, &T) -> bool + Send + Sync,
    ) -> Result<T, E>
    where
        T: Send,
        E: CallError + Send,
        F: Future<Output = Result<T, E>> + Send,
    {
        let mut tries = 1;
        loop {
            let answer = self.click(step, &call, &same).await;
            match answer {
                Err(error) if tries < TRIES && may_pass(&error) => tries += 1,
                answer => return answer,
            }
            self.think(Duration::from_millis(500), Duration::from_secs(4)).await;
        }
    }

    async fn click<T, E, F>(
        &self,
        step: Step,
        call: &(impl Fn() -> F + Sync),
        same: &(impl Fn(&T, &T) -> bool + Sync),
    ) -> Result<T, E>
    where
        T: Send,
        E: CallError + Send,
        F: Future<Output = Result<T, E>> + Send,
    {
        let measures = &self.world.measures;
        if !self.person.clicks_twice {
            return measures.time(step, Box::pin(call())).await;
        }
        let click = || measures.time(step, Box::pin(call()));
        let clicks = tokio::join!(click(), click());
        match clicks {
            (Ok(one), Ok(two)) => {
                if !same(&one, &two) {
                    self.world.defects.note(step.name(), &TwoAnswers);
                }
                Ok(one)
            }
            (Ok(answer), Err(_)) | (Err(_), Ok(answer)) => Ok(answer),
            (Err(one), Err(two)) => Err(if may_pass(&one) { one } else { two }),
        }
    }

    /// A call that failed for good ends the visit; a failure that no fault explains is a defect.
    pub(super) fn gives_up(&self, error: &impl CallError) -> Ending {
        match error.failure() {
            Some(failure) if failure.is_transient() => Ending::OutOfTime,
            None if error.is_called_off() => Ending::CalledOff,
            Some(_) | None => {
                self.world.defects.note("buyer", error);
                Ending::Defect
            }
        }
    }
}
