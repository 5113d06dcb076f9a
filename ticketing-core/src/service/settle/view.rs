//! What a buyer sees of a payment.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::id::{PaymentId, ReservationId, TicketId};
use crate::payment::{FailReason, Honoured, Payment, PaymentState};

/// Where a payment stands, for its buyer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum PaymentStatus {
    /// Not sent yet.
    Created,
    /// At the gateway; ask again.
    Processing,
    /// Pay to this account.
    AwaitingDeposit {
        /// The bank.
        bank: String,
        /// The account number.
        account: String,
        /// Until when.
        due_at: DateTime<Utc>,
    },
    /// Paid.
    Succeeded {
        /// What it bought.
        honoured: Honoured,
    },
    /// Refused.
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

/// A payment as its buyer sees it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PaymentView {
    /// Which.
    pub payment: PaymentId,
    /// What it pays.
    pub reservation: ReservationId,
    /// Where it stands.
    pub status: PaymentStatus,
    /// The tickets that were issued by this step, in the order of seats.
    pub tickets: Vec<TicketId>,
}

impl PaymentView {
    pub(crate) fn of(payment: &Payment, tickets: Vec<TicketId>) -> Self {
        let status = match payment.state() {
            PaymentState::Created => PaymentStatus::Created,
            PaymentState::Processing { .. } | PaymentState::Unknown { .. } => {
                PaymentStatus::Processing
            }
            PaymentState::AwaitingDeposit { due_at } => {
                let account = payment.account();
                PaymentStatus::AwaitingDeposit {
                    bank: account.map_or_else(String::new, |a| a.bank.to_string()),
                    account: account.map_or_else(String::new, |a| a.number.to_string()),
                    due_at: *due_at,
                }
            }
            PaymentState::Succeeded { honoured } => {
                PaymentStatus::Succeeded { honoured: *honoured }
            }
            PaymentState::Failed { reason } => PaymentStatus::Failed { reason: reason.clone() },
            PaymentState::Expired => PaymentStatus::Expired,
            PaymentState::Cancelled => PaymentStatus::Cancelled,
            PaymentState::Reversed => PaymentStatus::Reversed,
        };
        Self { payment: payment.id(), reservation: payment.reservation(), status, tickets }
    }

    /// Whether the money came and bought the tickets.
    pub const fn is_paid(&self) -> bool {
        matches!(
            self.status,
            PaymentStatus::Succeeded { honoured: Honoured::InTime | Honoured::Late }
        )
    }
}
