//! The states of a payment and why a command is refused.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::allocation::AllocationError;
use crate::label::{Label, Token};
use crate::money::{Money, MoneyError};

/// How the part that is not points is paid.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Method {
    /// A card, captured by the gateway at once.
    Card,
    /// A deposit to an account issued by the gateway.
    BankTransfer,
}

/// What we asked the gateway for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Intent {
    /// To capture what the buyer authenticated.
    Confirm {
        /// The gateway's reference of the authentication.
        provider_key: Token,
    },
    /// To issue a deposit account.
    IssueAccount {
        /// Until when a deposit may come.
        due_at: DateTime<Utc>,
    },
}

/// Why a payment failed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum FailReason {
    /// The gateway declined it.
    Declined {
        /// The gateway's code.
        code: Label<100>,
    },
    /// The gateway took none of the calls: nothing was sent.
    NotTaken,
    /// The gateway does not know it, long after it was sent.
    NotFound,
    /// The gateway cancelled it.
    CancelledByGateway,
    /// Another amount than expected was captured; that money is refunded.
    WrongAmount,
}

/// What money that came in bought.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Honoured {
    /// The tickets, in time.
    InTime,
    /// The tickets, after the reservation had lapsed.
    Late,
    /// Nothing: all of it is refunded.
    No,
}

/// Why a payment ends without money.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UnpaidEnd {
    /// The deadline passed.
    Lapsed,
    /// The reservation was cancelled, or the gateway closed the deposit account.
    CalledOff,
}

/// Where a payment stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PaymentState {
    /// The row exists; nothing was sent.
    Created,
    /// Something was sent to the gateway and is not answered.
    Processing {
        /// What was sent.
        intent: Intent,
        /// When it was last sent.
        sent_at: DateTime<Utc>,
    },
    /// The gateway's answer was lost; only `find` tells.
    Unknown {
        /// What was sent.
        intent: Intent,
        /// When it was last sent.
        sent_at: DateTime<Utc>,
    },
    /// A deposit account is open.
    AwaitingDeposit {
        /// Until when the bank takes the deposit.
        due_at: DateTime<Utc>,
    },
    /// The expected amount came in.
    Succeeded {
        /// What it bought.
        honoured: Honoured,
    },
    /// It was refused; no expected money came.
    Failed {
        /// Why.
        reason: FailReason,
    },
    /// No deposit came in time.
    Expired,
    /// Its reservation ended before any money came.
    Cancelled,
    /// The bank took the deposit back.
    Reversed,
}

impl PaymentState {
    /// The state's name.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Created => "created",
            Self::Processing { .. } => "processing",
            Self::Unknown { .. } => "unknown",
            Self::AwaitingDeposit { .. } => "awaiting deposit",
            Self::Succeeded { .. } => "succeeded",
            Self::Failed { .. } => "failed",
            Self::Expired => "expired",
            Self::Cancelled => "cancelled",
            Self::Reversed => "reversed",
        }
    }
}

/// Why a payment refused a command; nothing changed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PaymentRefusal {
    /// The state does not allow it.
    #[error("cannot {command} a payment that is {state}")]
    WrongState {
        /// What was tried.
        command: &'static str,
        /// The state's name.
        state: &'static str,
    },
    /// The method does not allow it.
    #[error("cannot {command} a payment by {}", method_name(*.method))]
    WrongMethod {
        /// What was tried.
        command: &'static str,
        /// How it is paid; `None` for points alone.
        method: Option<Method>,
    },
    /// Another call is at the gateway.
    #[error("the payment was sent with another authentication")]
    OtherAuthentication,
    /// The amount is not what must be paid.
    #[error("expected {expected}, got {got}")]
    AmountMismatch {
        /// What must be paid.
        expected: Money,
        /// What was said or captured.
        got: Money,
    },
    /// More would go back than came in.
    #[error("{left} can still be refunded, got {got}")]
    ExceedsCapture {
        /// What is left of the capture.
        left: Money,
        /// What was asked for.
        got: Money,
    },
    /// The bank cannot take back more than came in without having been expected.
    #[error("{left} came in unexpected, got {got} to be taken back")]
    ExceedsUnexpected {
        /// What came in unexpected and was not taken back.
        left: Money,
        /// What was to be taken back.
        got: Money,
    },
    /// The tender mix needs a method for what is not points, and none where nothing is left.
    #[error("expected a method exactly if something is left to pay, {external} is")]
    MethodMismatch {
        /// What is left to pay.
        external: Money,
    },
    /// Points need the entry that set them aside; without points there is none.
    #[error("expected the entry that set points aside exactly if there are any, {points} are")]
    EntryMismatch {
        /// The points.
        points: Money,
    },
    /// Another deposit account was issued before.
    #[error("another deposit account was issued before")]
    OtherAccount,
    /// The amounts do not fit the price.
    #[error(transparent)]
    Allocation(#[from] AllocationError),
    /// The amounts do not fit each other.
    #[error(transparent)]
    Money(#[from] MoneyError),
}

const fn method_name(method: Option<Method>) -> &'static str {
    match method {
        None => "points alone",
        Some(Method::Card) => "card",
        Some(Method::BankTransfer) => "bank transfer",
    }
}
