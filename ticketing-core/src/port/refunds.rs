use async_trait::async_trait;
use chrono::{DateTime, Utc};

use crate::error::PortError;
use crate::id::{PaymentId, RefundId};
use crate::page::{Page, PageRequest};
use crate::refund::Refund;

/// Reads refunds, from the primary: what was committed is seen. Lists give each item once over all
/// pages.
///
/// An adapter MUST read a refund as it was saved, and list those of a payment whatever became of them
/// (`testing::reads::refunds_are_listed_by_payment`).
#[cfg_attr(feature = "mock", mockall::automock)]
#[async_trait]
pub trait Refunds: Send + Sync {
    /// One refund.
    async fn find(&self, id: RefundId) -> Result<Option<Refund>, PortError>;
    /// The refunds of one payment, in the order of ids.
    async fn of_payment(
        &self,
        payment: PaymentId,
        page: PageRequest,
    ) -> Result<Page<Refund>, PortError>;
    /// Refunds that the worker must still drive ([`Refund::is_open`]) and looks at again at or before
    /// `until`, in the order of ([`Refund::next_try_at`], id): until they succeeded, were stopped or were
    /// given up, and again when a human starts one anew
    /// (`testing::reads::due_refunds_are_listed_until_done`). Most open refunds wait for an account for
    /// days: an adapter MUST NOT read those that are not due yet.
    async fn due(&self, until: DateTime<Utc>, page: PageRequest)
    -> Result<Page<Refund>, PortError>;
}
