//! What became known about a payment.

use chrono::{DateTime, Utc};

use crate::label::Label;
use crate::money::Money;
use crate::payment::{Intent, Method, Payment, PaymentState};
use crate::policy::Deadlines;
use crate::port::{DepositAccount, Found};

/// What became known about a payment. Never a guess: each comes from the gateway's own answer.
#[derive(Clone, Debug)]
pub(crate) enum Fact {
    /// Nothing is expected from the gateway: points pay it all.
    PointsAlone,
    /// This much was captured in all.
    Captured(Money),
    /// A definite no.
    Declined(Label<100>),
    /// A deposit account is open.
    AccountIssued(DepositAccount),
    /// The gateway took none of the calls: nothing moved.
    NotTaken,
    /// The gateway cancelled it before any money came.
    CancelledThere,
    /// The gateway does not know it, and the confirm window has passed.
    NotFound,
    /// The bank took the deposit back.
    Reversed,
    /// The answer to what was sent was lost.
    AnswerLost,
    /// The gateway was asked and could not tell yet.
    NoNews,
}

impl Fact {
    /// What an answer to `find` means for a payment.
    pub(crate) fn of(
        found: Found,
        payment: &Payment,
        deadlines: &Deadlines,
        now: DateTime<Utc>,
    ) -> Self {
        let paid_deposit = payment.method() == Some(Method::BankTransfer)
            && matches!(payment.state(), PaymentState::Succeeded { .. });
        match found {
            // What is left is what came unexpected: the deposit itself is gone.
            Found::Captured { amount, .. }
                if paid_deposit && payment.received().sub(payment.external()) == Ok(amount) =>
            {
                Self::Reversed
            }
            Found::Captured { amount, .. } => Self::Captured(amount),
            Found::AwaitingDeposit(_) | Found::Cancelled if paid_deposit => Self::Reversed,
            Found::AwaitingDeposit(account) => match payment.state() {
                PaymentState::Processing { intent: Intent::IssueAccount { .. }, .. }
                | PaymentState::Unknown { intent: Intent::IssueAccount { .. }, .. } => {
                    Self::AccountIssued(account)
                }
                PaymentState::Created
                | PaymentState::Processing { .. }
                | PaymentState::Unknown { .. }
                | PaymentState::AwaitingDeposit { .. }
                | PaymentState::Succeeded { .. }
                | PaymentState::Failed { .. }
                | PaymentState::Expired
                | PaymentState::Cancelled
                | PaymentState::Reversed => Self::NoNews,
            },
            Found::Declined => Self::Declined(Label::new("declined").expect("a short code")),
            Found::Cancelled => Self::CancelledThere,
            Found::InProgress | Found::NotFound => match payment.state() {
                PaymentState::Processing { sent_at, .. }
                | PaymentState::Unknown { sent_at, .. }
                    if now >= *sent_at + deadlines.confirm_window =>
                {
                    Self::NotFound
                }
                PaymentState::Created
                | PaymentState::Processing { .. }
                | PaymentState::Unknown { .. }
                | PaymentState::AwaitingDeposit { .. }
                | PaymentState::Succeeded { .. }
                | PaymentState::Failed { .. }
                | PaymentState::Expired
                | PaymentState::Cancelled
                | PaymentState::Reversed => Self::NoNews,
            },
        }
    }
}
