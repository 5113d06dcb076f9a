//! The states of a refund, what it tells, and why a command is refused.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::event::events;
use crate::fee::RefundLine;
use crate::id::{PaymentId, RefundId};
use crate::money::Money;

/// What a refund is for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum RefundFor {
    /// Seats that the buyer gave up, or that the seller cancelled.
    Seats(Vec<RefundLine>),
    /// Money that bought nothing.
    NotHonoured,
}

/// How a refund went out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Sent {
    /// There was nothing to send: points alone.
    Nothing,
    /// Through the gateway.
    Gateway,
    /// As points, because no account was named.
    Points,
}

/// Where a refund stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RefundState {
    /// Booked, not sent yet.
    Requested,
    /// Booked; the buyer must say where to send it.
    NeedsAccount {
        /// Since when.
        since: DateTime<Utc>,
    },
    /// An attempt was sent and is not answered.
    Processing {
        /// When.
        sent_at: DateTime<Utc>,
    },
    /// The money is gone to the buyer.
    Succeeded {
        /// How.
        sent: Sent,
    },
    /// The gateway refused an attempt; the money is still owed.
    Failed {
        /// The gateway's code, at most 100 characters.
        code: String,
    },
    /// The gateway's answer was lost.
    Unknown {
        /// Since when.
        since: DateTime<Utc>,
    },
    /// The bank took the money back before anything was sent; nothing is owed.
    Stopped,
}

impl RefundState {
    /// The state's name.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Requested => "requested",
            Self::NeedsAccount { .. } => "waiting for an account",
            Self::Processing { .. } => "processing",
            Self::Succeeded { .. } => "succeeded",
            Self::Failed { .. } => "failed",
            Self::Unknown { .. } => "unknown",
            Self::Stopped => "stopped",
        }
    }
}

/// Why a refund refused a command; nothing changed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RefundRefusal {
    /// The state does not allow it.
    #[error("cannot {command} a refund that is {state}")]
    WrongState {
        /// What was tried.
        command: &'static str,
        /// The state's name.
        state: &'static str,
    },
    /// It goes back to where it came from, such as a card.
    #[error("the refund does not go to an account")]
    AccountNotNeeded,
    /// The bank cannot take back more of it than is owed.
    #[error("expected at most {left} to be taken back of the refund, got {got}")]
    ExceedsOwed {
        /// What was left of it.
        left: Money,
        /// What was to be taken back.
        got: Money,
    },
    /// The gateway may have forgotten the attempt's key: sending it again could pay twice.
    #[error("the attempt was first sent at {first_sent_at}, too long ago to send it again")]
    KeyTooOld {
        /// When it was first sent.
        first_sent_at: DateTime<Utc>,
    },
}

events! {
    /// What happened to a refund.
    RefundEvent {
        /// It was accepted and booked.
        Requested = "refund.requested" {
            /// Which.
            refund: RefundId,
            /// What is refunded.
            payment: PaymentId,
            /// For what.
            what: RefundFor,
            /// How much goes back through the gateway.
            external: Money,
            /// How much became points.
            points: Money,
        },
        /// The buyer must say where to send it.
        NeedsAccount = "refund.needs_account" {
            /// Which.
            refund: RefundId,
        },
        /// The money is gone to the buyer.
        Succeeded = "refund.succeeded" {
            /// Which.
            refund: RefundId,
            /// How much.
            external: Money,
            /// How.
            sent: Sent,
        },
        /// The gateway refused an attempt.
        Failed = "refund.failed" {
            /// Which.
            refund: RefundId,
            /// Which attempt, from 1.
            attempt: u32,
            /// The gateway's code.
            code: String,
        },
        /// The bank took back a part of the money before it was sent: less is owed.
        Reduced = "refund.reduced" {
            /// Which.
            refund: RefundId,
            /// How much is left to send.
            left: Money,
        },
        /// The bank took the money back before anything was sent.
        Stopped = "refund.stopped" {
            /// Which.
            refund: RefundId,
        },
    }
}
