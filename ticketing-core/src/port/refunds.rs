use async_trait::async_trait;

use crate::error::PortError;
use crate::id::{PaymentId, RefundId};
use crate::page::{Page, PageRequest};
use crate::refund::Refund;

/// Reads refunds, from the primary.
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
    /// Refunds that the worker must still drive ([`Refund::is_open`]), in the order of ids.
    async fn open(&self, page: PageRequest) -> Result<Page<Refund>, PortError>;
}
