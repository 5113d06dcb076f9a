use std::fmt;
use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

pub use crate::bank::{DepositAccount, RefundAccount};
use crate::id::{PaymentId, RefundId};
use crate::label::{Label, Token};
use crate::money::Money;

/// The key under which the gateway answers a repeated call with its first answer.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct GatewayKey(String);

impl GatewayKey {
    /// For the confirm of a payment: its id.
    pub fn confirm(payment: PaymentId) -> Self {
        Self(payment.to_string())
    }

    /// For the issue of a deposit account.
    pub fn issue(payment: PaymentId) -> Self {
        Self(format!("{payment}:account"))
    }

    /// For closing a deposit account.
    pub fn close(payment: PaymentId) -> Self {
        Self(format!("{payment}:close"))
    }

    /// For one attempt of a refund: a definite refusal starts a new attempt, a timeout does not.
    pub fn cancel(refund: RefundId, attempt: u32) -> Self {
        Self(format!("{refund}:{attempt}"))
    }

    /// The key.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for GatewayKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for GatewayKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "GatewayKey({})", self.0)
    }
}

/// Capture a payment that the buyer authenticated.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfirmRequest {
    /// Our payment: the gateway's order id.
    pub payment: PaymentId,
    /// The gateway's own reference of the buyer's authentication.
    pub provider_key: Token,
    /// The amount that must be captured.
    pub amount: Money,
    /// The idempotency key.
    pub key: GatewayKey,
}

/// Issue a deposit account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IssueRequest {
    /// Our payment: the gateway's order id.
    pub payment: PaymentId,
    /// The amount that must come.
    pub amount: Money,
    /// Until when.
    pub due_at: DateTime<Utc>,
    /// The idempotency key.
    pub key: GatewayKey,
}

/// Send money back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CancelRequest {
    /// The payment that is refunded.
    pub payment: PaymentId,
    /// The refund; goes into the cancel reason, so that `find` lists which cancels are ours.
    pub refund: RefundId,
    /// How much, at most what is left of the capture.
    pub amount: Money,
    /// Where to, for a paid deposit account.
    pub account: Option<RefundAccount>,
    /// The idempotency key.
    pub key: GatewayKey,
}

/// The gateway captured money.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Captured {
    /// How much.
    pub amount: Money,
    /// When.
    pub at: DateTime<Utc>,
}

/// One cancel that the gateway did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GatewayCancel {
    /// Which of our refunds, if it is one.
    pub refund: Option<RefundId>,
    /// How much.
    pub amount: Money,
}

/// What the gateway knows of a payment.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Found {
    /// Money was captured; some of it may have been sent back.
    Captured {
        /// How much came in and was not taken back by the bank; what was sent back counts as in.
        amount: Money,
        /// What was sent back.
        cancels: Vec<GatewayCancel>,
    },
    /// A deposit account is open.
    AwaitingDeposit(DepositAccount),
    /// It was refused for good.
    Declined,
    /// It was cancelled or closed before any money came.
    Cancelled,
    /// It is being worked on.
    InProgress,
    /// Nothing of that id; it may still come.
    NotFound,
}

/// Why a gateway call gave no result.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum GatewayError {
    /// A definite no: nothing moved, and the same call will be refused again.
    #[error("the gateway declined: {code}")]
    Declined {
        /// The gateway's code.
        code: Label<100>,
    },
    /// Nothing moved under this key, nor will unless it is sent again: then it may succeed.
    #[error("the gateway did not take the call")]
    Retryable {
        /// When, if it said so.
        retry_after: Option<Duration>,
    },
    /// It is not known whether anything moved: ask with `find`.
    #[error("the gateway call ended with an unknown outcome")]
    Unknown(#[source] Option<Box<dyn std::error::Error + Send + Sync>>),
}

/// Where money comes from and goes back to.
///
/// An adapter MUST answer a repeated key with the first answer and move no money twice
/// (`testing::gateway::repeated_key_moves_nothing_twice`), MUST say `Unknown` for every outcome that
/// it cannot prove, and MUST never say `Declined` or `Retryable` where money may have moved
/// (`testing::gateway::definite_answers_are_true`): also not because an earlier call under the same key is
/// still being worked on, which is `Unknown` (`testing::gateway::a_key_under_way_is_unknown`). It MUST refuse to send back more than was captured
/// (`testing::gateway::never_more_back_than_captured`), and `find` MUST name our refunds among the
/// cancels (`testing::gateway::find_names_our_refunds`).
#[cfg_attr(feature = "mock", mockall::automock)]
#[async_trait]
pub trait PaymentGateway: Send + Sync {
    /// Captures a payment.
    async fn confirm(&self, request: ConfirmRequest) -> Result<Captured, GatewayError>;
    /// Issues a deposit account.
    async fn issue_deposit_account(
        &self,
        request: IssueRequest,
    ) -> Result<DepositAccount, GatewayError>;
    /// Closes a deposit account, so that no money can come any more. `Declined` if it was paid.
    async fn close_account(&self, payment: PaymentId, key: GatewayKey) -> Result<(), GatewayError>;
    /// Sends money back.
    async fn cancel(&self, request: CancelRequest) -> Result<(), GatewayError>;
    /// Says what it knows. Only `Retryable` and `Unknown` errors: no answer about the payment.
    async fn find(&self, payment: PaymentId) -> Result<Found, GatewayError>;
}
