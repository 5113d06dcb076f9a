//! Where a caller waits for its answer.

use std::sync::Mutex;
use std::task::{Context, Waker};

use crate::flush::Answer;
use crate::memory::lock;

#[derive(Debug)]
enum State {
    Waiting(Option<Waker>),
    Answered(Answer),
    Taken,
}

/// A place for one answer. Unlike a channel its waiter can also be woken without an answer, to lead a
/// flush that its leader gave up.
#[derive(Debug)]
pub(super) struct Slot(Mutex<State>);

impl Slot {
    pub(super) const fn new() -> Self {
        Self(Mutex::new(State::Waiting(None)))
    }

    /// Leaves the answer and wakes who waits.
    pub(super) fn answer(&self, answer: Answer) {
        let before = std::mem::replace(&mut *lock(&self.0), State::Answered(answer));
        if let State::Waiting(Some(waker)) = before {
            waker.wake();
        }
    }

    /// Takes the answer, if it is there.
    pub(super) fn take(&self) -> Option<Answer> {
        let mut state = lock(&self.0);
        match std::mem::replace(&mut *state, State::Taken) {
            State::Answered(answer) => Some(answer),
            other => {
                *state = other;
                None
            }
        }
    }

    /// Asks to be woken.
    pub(super) fn wait(&self, context: &Context<'_>) {
        if let State::Waiting(waker) = &mut *lock(&self.0) {
            match waker {
                Some(known) => known.clone_from(context.waker()),
                None => *waker = Some(context.waker().clone()),
            }
        }
    }

    /// Who waits.
    pub(super) fn waker(&self) -> Option<Waker> {
        match &*lock(&self.0) {
            State::Waiting(waker) => waker.clone(),
            State::Answered(_) | State::Taken => None,
        }
    }
}
