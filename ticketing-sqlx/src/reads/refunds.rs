//! Refunds.

use async_trait::async_trait;
use ticketing_core::error::PortError;
use ticketing_core::id::{PaymentId, RefundId};
use ticketing_core::page::{Page, PageRequest};
use ticketing_core::port::Refunds;
use ticketing_core::refund::Refund;

use super::query::{Sql, indexed, list, one, queries, same};
use super::rows::body;
use crate::Store;

queries! {
    FIND = one!("tk_refund");
    OF_PAYMENT = list!("tk_refund", "by_payment", "payment = ?");
    OPEN = list!("tk_refund", "open", "open = 1");
}

#[async_trait]
impl Refunds for Store {
    async fn find(&self, id: RefundId) -> Result<Option<Refund>, PortError> {
        self.read("refunds", "find").one(FIND, &[id.as_uuid().into()], body).await
    }

    async fn of_payment(
        &self,
        payment: PaymentId,
        page: PageRequest,
    ) -> Result<Page<Refund>, PortError> {
        let of = [payment.as_uuid().into()];
        self.read("refunds", "of_payment").page(OF_PAYMENT, of, &page, body).await
    }

    async fn open(&self, page: PageRequest) -> Result<Page<Refund>, PortError> {
        self.read("refunds", "open").page(OPEN, [], &page, body).await
    }
}
