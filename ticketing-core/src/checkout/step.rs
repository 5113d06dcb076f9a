//! The steps of a checkout, what the saga asks for and what it is told.

use serde::{Deserialize, Serialize};

use crate::id::{EntryId, PaymentId};

/// The steps, in order. Compensation runs in reverse.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Step {
    /// May the user buy? Nothing to undo.
    CheckUser,
    /// Set points aside; undone by giving them back.
    ReservePoints,
    /// Does the purchase look honest? Nothing to undo.
    CheckFraud,
    /// Create the payment's row; undone by cancelling it.
    CreatePayment,
}

impl Step {
    /// All steps, in order.
    pub const ALL: [Self; 4] =
        [Self::CheckUser, Self::ReservePoints, Self::CheckFraud, Self::CreatePayment];

    pub(super) const fn index(self) -> usize {
        match self {
            Self::CheckUser => 0,
            Self::ReservePoints => 1,
            Self::CheckFraud => 2,
            Self::CreatePayment => 3,
        }
    }

    pub(super) const fn command(self) -> Command {
        match self {
            Self::CheckUser => Command::CheckUser,
            Self::ReservePoints => Command::ReservePoints,
            Self::CheckFraud => Command::CheckFraud,
            Self::CreatePayment => Command::CreatePayment,
        }
    }

    /// What undoes the step, if it leaves anything behind.
    pub(super) const fn undo(self) -> Option<Command> {
        match self {
            Self::CheckUser | Self::CheckFraud => None,
            Self::ReservePoints => Some(Command::GivePointsBack),
            Self::CreatePayment => Some(Command::DeletePayment),
        }
    }
}

/// How far a step has come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StepState {
    /// Not begun.
    #[default]
    Waiting,
    /// Asked for, not answered.
    Started,
    /// Done.
    Succeeded,
    /// Being undone.
    Compensating,
    /// Undone.
    Compensated,
    /// Refused; nothing to undo.
    Failed,
}

/// What the saga asks its driver for. Each may be asked for more than once and must then have the
/// same effect once. What was undone stays undone: a step that reaches the driver after its undo does
/// nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Command {
    /// Ask the user directory.
    CheckUser,
    /// Set the points aside.
    ReservePoints,
    /// Ask the fraud check.
    CheckFraud,
    /// Create the payment's row.
    CreatePayment,
    /// Undo [`Command::CreatePayment`].
    DeletePayment,
    /// Undo [`Command::ReservePoints`].
    GivePointsBack,
    /// The buyer was refused: end the reservation and free its seats.
    CancelReservation,
}

/// What the driver tells the saga.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Reply {
    /// The user may buy.
    UserActive,
    /// The user may not buy.
    UserRefused,
    /// The points are set aside, by this entry; `None` if the price takes none.
    PointsReserved(Option<EntryId>),
    /// The wallet has too little.
    PointsRefused,
    /// The purchase looks honest.
    FraudClear,
    /// It does not.
    FraudSuspected,
    /// The payment's row exists.
    PaymentCreated(PaymentId),
    /// It cannot be created any more.
    PaymentRefused,
    /// A step did not answer in time.
    TimedOut(Step),
    /// The reservation ended meanwhile.
    ReservationEnded,
    /// The points are back, or never were set aside.
    PointsBack,
    /// The payment is cancelled, or never existed.
    PaymentDeleted,
}

/// Why a checkout did not complete.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Abort {
    /// The user may not buy; the reservation is cancelled.
    UserRefused,
    /// The purchase looked wrong; the reservation is cancelled.
    FraudSuspected,
    /// The wallet had too little; the reservation keeps its deadline.
    InsufficientPoints,
    /// The payment could not be created; the reservation keeps its deadline.
    PaymentRefused,
    /// A step did not answer in time; the reservation keeps its deadline.
    TimedOut,
    /// The reservation ended meanwhile.
    ReservationEnded,
}

impl Abort {
    /// Whether the reservation is cancelled with it.
    pub const fn cancels_reservation(self) -> bool {
        match self {
            Self::UserRefused | Self::FraudSuspected => true,
            Self::InsufficientPoints
            | Self::PaymentRefused
            | Self::TimedOut
            | Self::ReservationEnded => false,
        }
    }
}
