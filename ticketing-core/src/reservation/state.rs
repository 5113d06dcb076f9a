//! The states of a reservation and why a command is refused.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::id::{CheckoutId, PaymentId, RefundId};
use crate::label::Grade;
use crate::money::Money;
use crate::seat::{SeatNo, Seats};

/// One seat with its price.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SeatLine {
    /// The seat.
    pub seat: SeatNo,
    /// Its grade when it was reserved.
    pub grade: Grade,
    /// Its price when it was reserved.
    pub price: Money,
}

/// Why a reservation ended before it was paid.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum CancelReason {
    /// The buyer asked for it.
    Buyer,
    /// The buyer may not buy, or the purchase looked wrong.
    CheckoutRefused,
    /// The seller cancelled the performance.
    PerformanceCancelled,
}

/// Why paid seats were given up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum EndCause {
    /// They were refunded.
    Refund(RefundId),
    /// The bank took the deposit back.
    Reversal(PaymentId),
}

/// Where a reservation stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ReservationState {
    /// It can be paid until its deadline.
    Pending,
    /// It is paid.
    Confirmed {
        /// The payment that paid it.
        by: PaymentId,
        /// The seats that were not given up.
        live: Seats,
    },
    /// It ended before it was paid. Final.
    Cancelled {
        /// Why.
        reason: CancelReason,
    },
    /// Its deadline passed. Only a late payment confirms it.
    Expired,
    /// All its seats were given up. Final.
    Refunded {
        /// Why the last of them was.
        cause: EndCause,
    },
}

impl ReservationState {
    /// The state's name.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Confirmed { .. } => "confirmed",
            Self::Cancelled { .. } => "cancelled",
            Self::Expired => "expired",
            Self::Refunded { .. } => "refunded",
        }
    }
}

/// Why a reservation refused a command; nothing changed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ReservationRefusal {
    /// The state does not allow it.
    #[error("cannot {command} a reservation that is {state}")]
    WrongState {
        /// What was tried.
        command: &'static str,
        /// The state's name.
        state: &'static str,
    },
    /// Its deadline has passed.
    #[error("the reservation could be paid until {expires_at}")]
    DeadlinePassed {
        /// When it was.
        expires_at: DateTime<Utc>,
    },
    /// Its deadline has not passed.
    #[error("the reservation is not due before {due_at}")]
    NotDue {
        /// When it will have.
        due_at: DateTime<Utc>,
    },
    /// Its payment is at the gateway; ask again when that has answered.
    #[error("a payment of the reservation is in progress")]
    PaymentInProgress,
    /// Another checkout has it.
    #[error("checkout {0} is under way")]
    CheckoutUnderWay(CheckoutId),
    /// Another payment is under way.
    #[error("payment {0} is under way")]
    PaymentUnderWay(PaymentId),
    /// The payment does not belong to it, or ended before.
    #[error("payment {0} does not pay this reservation")]
    NotItsPayment(PaymentId),
    /// Its deposit is due at another time.
    #[error("a deposit is due at {due_at}")]
    OtherDeposit {
        /// When it is due.
        due_at: DateTime<Utc>,
    },
    /// As many checkouts as allowed were started.
    #[error("a reservation may be checked out {max} times")]
    TooManyAttempts {
        /// How many are allowed.
        max: u16,
    },
    /// The seat was given up before, or never belonged to it.
    #[error("seat {0} is not a paid seat of this reservation")]
    SeatNotLive(SeatNo),
    /// The same refund or reversal gave up other seats before.
    #[error("expected the seats that this cause gave up before: {before:?}")]
    OtherSeats {
        /// Those seats.
        before: Seats,
    },
}
