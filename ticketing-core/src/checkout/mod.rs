//! The checkout saga as a pure state machine: replies in, commands out.
//!
//! The same machine is driven in process, where a driver does what a command says and feeds the reply
//! back, or by messages, where commands are requests and replies arrive later, twice or never.

mod step;
#[cfg(test)]
mod tests;

pub use step::{Abort, Command, Reply, Step, StepState};

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::aggregate::{Aggregate, AggregateKind, AggregateRef, Root, StreamKey};
use crate::bank::RefundAccount;
use crate::event::events;
use crate::id::{CheckoutId, EntryId, PaymentId, ReservationId, UserId};
use crate::money::Money;
use crate::payment::Method;

/// Where a checkout stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CheckoutState {
    /// Going forward.
    Started,
    /// Going back.
    Compensating {
        /// Why.
        abort: Abort,
    },
    /// All undone. Final.
    Compensated {
        /// Why.
        abort: Abort,
    },
    /// The payment exists. Final.
    Completed {
        /// Which.
        payment: PaymentId,
    },
}

/// A reply that does not fit where the saga stands.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the checkout did not ask for {reply:?}")]
pub struct UnexpectedReply {
    /// The reply.
    pub reply: Reply,
}

/// How the buyer wants to pay.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TenderChoice {
    /// Points to use.
    pub points: Money,
    /// How the rest is paid; `None` if points pay it all.
    pub method: Option<Method>,
    /// Where a deposit would be refunded to; may be named later. Forgotten when the checkout ends: the
    /// payment has it then.
    pub refund_account: Option<RefundAccount>,
}

/// The saga from a reservation to its payment: check user, reserve points, check fraud, create payment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Checkout {
    root: Root,
    id: CheckoutId,
    reservation: ReservationId,
    user: UserId,
    choice: TenderChoice,
    steps: [StepState; 4],
    points_entry: Option<EntryId>,
    moved_at: DateTime<Utc>,
    state: CheckoutState,
}

events! {
    /// What happened to a checkout.
    CheckoutEvent {
        /// It was started.
        Started = "checkout.started" {
            /// Which.
            checkout: CheckoutId,
            /// Of which reservation.
            reservation: ReservationId,
        },
        /// The payment exists.
        Completed = "checkout.completed" {
            /// Which.
            checkout: CheckoutId,
            /// The payment.
            payment: PaymentId,
        },
        /// All is undone.
        Compensated = "checkout.compensated" {
            /// Which.
            checkout: CheckoutId,
            /// Why.
            abort: Abort,
        },
    }
}

impl Checkout {
    /// Starts the saga; the first command is [`Command::CheckUser`].
    pub fn start(
        id: CheckoutId,
        reservation: ReservationId,
        user: UserId,
        choice: TenderChoice,
        now: DateTime<Utc>,
    ) -> (Self, Command) {
        let mut root = Root::new();
        root.record(now, CheckoutEvent::Started { checkout: id, reservation });
        let mut steps = [StepState::Waiting; 4];
        steps[0] = StepState::Started;
        let state = CheckoutState::Started;
        let points_entry = None;
        let moved_at = now;
        let checkout =
            Self { root, id, reservation, user, choice, steps, points_entry, moved_at, state };
        (checkout, Command::CheckUser)
    }

    /// Takes a reply and says what to do next. A reply that was taken before changes nothing and asks
    /// for nothing.
    ///
    /// # Errors
    /// [`UnexpectedReply`] if the saga never asked for it, or asks no more.
    pub fn handle(
        &mut self,
        reply: Reply,
        now: DateTime<Utc>,
    ) -> Result<Vec<Command>, UnexpectedReply> {
        match self.state {
            CheckoutState::Started => self.forward(reply, now),
            CheckoutState::Compensating { abort } => self.back(reply, abort, now),
            CheckoutState::Compensated { .. } | CheckoutState::Completed { .. } => {
                if self.was_taken(&reply) { Ok(Vec::new()) } else { Err(UnexpectedReply { reply }) }
            }
        }
    }

    fn forward(
        &mut self,
        reply: Reply,
        now: DateTime<Utc>,
    ) -> Result<Vec<Command>, UnexpectedReply> {
        let (step, abort) = match &reply {
            Reply::UserActive => (Step::CheckUser, None),
            Reply::UserRefused => (Step::CheckUser, Some(Abort::UserRefused)),
            Reply::PointsReserved(_) => (Step::ReservePoints, None),
            Reply::PointsRefused => (Step::ReservePoints, Some(Abort::InsufficientPoints)),
            Reply::FraudClear => (Step::CheckFraud, None),
            Reply::FraudSuspected => (Step::CheckFraud, Some(Abort::FraudSuspected)),
            Reply::PaymentCreated(_) => (Step::CreatePayment, None),
            Reply::PaymentRefused => (Step::CreatePayment, Some(Abort::PaymentRefused)),
            Reply::TimedOut(step) => {
                return if self.step(*step) == StepState::Started {
                    Ok(self.abort(Abort::TimedOut, now))
                } else {
                    Err(UnexpectedReply { reply })
                };
            }
            Reply::ReservationEnded => return Ok(self.abort(Abort::ReservationEnded, now)),
            Reply::PointsBack | Reply::PaymentDeleted => return Err(UnexpectedReply { reply }),
        };
        if self.step(step) != StepState::Started {
            return if self.was_taken(&reply) {
                Ok(Vec::new())
            } else {
                Err(UnexpectedReply { reply })
            };
        }
        self.moved_at = now;
        if let Some(abort) = abort {
            self.steps[step.index()] = StepState::Failed;
            return Ok(self.abort(abort, now));
        }
        self.steps[step.index()] = StepState::Succeeded;
        match reply {
            Reply::PointsReserved(entry) => self.points_entry = entry,
            Reply::PaymentCreated(payment) => {
                self.state = CheckoutState::Completed { payment };
                self.choice.refund_account = None;
                self.root.record(now, CheckoutEvent::Completed { checkout: self.id, payment });
                return Ok(Vec::new());
            }
            Reply::UserActive
            | Reply::FraudClear
            | Reply::UserRefused
            | Reply::PointsRefused
            | Reply::FraudSuspected
            | Reply::PaymentRefused
            | Reply::TimedOut(_)
            | Reply::ReservationEnded
            | Reply::PointsBack
            | Reply::PaymentDeleted => {}
        }
        let next = Step::ALL[step.index() + 1];
        self.steps[next.index()] = StepState::Started;
        Ok(vec![next.command()])
    }

    fn back(
        &mut self,
        reply: Reply,
        abort: Abort,
        now: DateTime<Utc>,
    ) -> Result<Vec<Command>, UnexpectedReply> {
        let step = match &reply {
            Reply::PointsBack => Step::ReservePoints,
            Reply::PaymentDeleted => Step::CreatePayment,
            Reply::UserActive
            | Reply::UserRefused
            | Reply::PointsReserved(_)
            | Reply::PointsRefused
            | Reply::FraudClear
            | Reply::FraudSuspected
            | Reply::PaymentCreated(_)
            | Reply::PaymentRefused
            | Reply::TimedOut(_)
            | Reply::ReservationEnded => return self.belated(reply),
        };
        match self.step(step) {
            StepState::Compensating => {
                self.moved_at = now;
                self.steps[step.index()] = StepState::Compensated;
                Ok(self.next_undo(abort, now))
            }
            StepState::Compensated => Ok(Vec::new()),
            StepState::Waiting | StepState::Started | StepState::Succeeded | StepState::Failed => {
                Err(UnexpectedReply { reply })
            }
        }
    }

    /// An answer to what was asked before it turned back. Points set aside late are given back by the
    /// undo that is under way.
    fn belated(&mut self, reply: Reply) -> Result<Vec<Command>, UnexpectedReply> {
        let step = match &reply {
            Reply::UserActive | Reply::UserRefused => Step::CheckUser,
            Reply::PointsReserved(_) | Reply::PointsRefused => Step::ReservePoints,
            Reply::FraudClear | Reply::FraudSuspected => Step::CheckFraud,
            Reply::PaymentCreated(_) | Reply::PaymentRefused => Step::CreatePayment,
            Reply::TimedOut(step) => *step,
            Reply::ReservationEnded => return Ok(Vec::new()),
            Reply::PointsBack | Reply::PaymentDeleted => return Err(UnexpectedReply { reply }),
        };
        let fits = match self.step(step) {
            StepState::Waiting => false,
            StepState::Failed | StepState::Succeeded => self.was_taken(&reply),
            StepState::Started | StepState::Compensating | StepState::Compensated => true,
        };
        if let Reply::PointsReserved(entry) = &reply
            && fits
        {
            if self.points_entry.is_some() && self.points_entry != *entry {
                return Err(UnexpectedReply { reply });
            }
            self.points_entry = *entry;
        }
        if fits { Ok(Vec::new()) } else { Err(UnexpectedReply { reply }) }
    }

    fn abort(&mut self, abort: Abort, now: DateTime<Utc>) -> Vec<Command> {
        self.moved_at = now;
        self.state = CheckoutState::Compensating { abort };
        self.next_undo(abort, now)
    }

    /// Undoes the latest step that is done or may be done, one at a time.
    fn next_undo(&mut self, abort: Abort, now: DateTime<Utc>) -> Vec<Command> {
        for step in Step::ALL.into_iter().rev() {
            let state = &mut self.steps[step.index()];
            match *state {
                StepState::Started | StepState::Succeeded => match step.undo() {
                    Some(command) => {
                        *state = StepState::Compensating;
                        return vec![command];
                    }
                    None => *state = StepState::Compensated,
                },
                StepState::Compensating => return Vec::new(),
                StepState::Waiting | StepState::Compensated | StepState::Failed => {}
            }
        }
        self.state = CheckoutState::Compensated { abort };
        self.choice.refund_account = None;
        self.root.record(now, CheckoutEvent::Compensated { checkout: self.id, abort });
        if abort.cancels_reservation() { vec![Command::CancelReservation] } else { Vec::new() }
    }

    /// What it waits for, to be asked again by a driver that starts anew.
    pub fn waiting_for(&self) -> Option<Command> {
        Step::ALL.into_iter().find_map(|step| match self.step(step) {
            StepState::Started => Some(step.command()),
            StepState::Compensating => step.undo(),
            StepState::Waiting
            | StepState::Succeeded
            | StepState::Compensated
            | StepState::Failed => None,
        })
    }

    fn was_taken(&self, reply: &Reply) -> bool {
        match reply {
            Reply::UserActive => self.was_done(Step::CheckUser),
            Reply::PointsReserved(entry) => {
                self.was_done(Step::ReservePoints) && self.points_entry == *entry
            }
            Reply::FraudClear => self.was_done(Step::CheckFraud),
            Reply::PaymentCreated(payment) => {
                self.state == CheckoutState::Completed { payment: *payment }
            }
            Reply::UserRefused => self.step(Step::CheckUser) == StepState::Failed,
            Reply::PointsRefused => self.step(Step::ReservePoints) == StepState::Failed,
            Reply::FraudSuspected => self.step(Step::CheckFraud) == StepState::Failed,
            Reply::PaymentRefused => self.step(Step::CreatePayment) == StepState::Failed,
            Reply::TimedOut(_) => self.aborted_by(Abort::TimedOut),
            Reply::ReservationEnded => self.aborted_by(Abort::ReservationEnded),
            Reply::PointsBack => self.step(Step::ReservePoints) == StepState::Compensated,
            Reply::PaymentDeleted => self.step(Step::CreatePayment) == StepState::Compensated,
        }
    }

    fn was_done(&self, step: Step) -> bool {
        matches!(self.step(step), StepState::Succeeded | StepState::Compensated)
    }

    fn aborted_by(&self, cause: Abort) -> bool {
        matches!(self.state, CheckoutState::Compensated { abort } if abort == cause)
    }

    /// How far a step has come.
    pub const fn step(&self, step: Step) -> StepState {
        self.steps[step.index()]
    }

    /// Its id.
    pub const fn id(&self) -> CheckoutId {
        self.id
    }

    /// The reservation.
    pub const fn reservation(&self) -> ReservationId {
        self.reservation
    }

    /// The buyer.
    pub const fn user(&self) -> UserId {
        self.user
    }

    /// How the buyer wants to pay.
    pub const fn choice(&self) -> &TenderChoice {
        &self.choice
    }

    /// The entry that set points aside.
    pub const fn points_entry(&self) -> Option<EntryId> {
        self.points_entry
    }

    /// When it last moved.
    pub const fn moved_at(&self) -> DateTime<Utc> {
        self.moved_at
    }

    /// Its state.
    pub const fn state(&self) -> CheckoutState {
        self.state
    }

    /// Whether it still moves: Started or Compensating.
    pub const fn is_live(&self) -> bool {
        matches!(self.state, CheckoutState::Started | CheckoutState::Compensating { .. })
    }
}

impl Aggregate for Checkout {
    fn reference(&self) -> AggregateRef {
        AggregateRef { kind: AggregateKind::Checkout, id: self.id.as_uuid() }
    }

    fn stream(&self) -> StreamKey {
        StreamKey(self.reservation.as_uuid())
    }

    fn root(&self) -> &Root {
        &self.root
    }

    fn root_mut(&mut self) -> &mut Root {
        &mut self.root
    }
}
