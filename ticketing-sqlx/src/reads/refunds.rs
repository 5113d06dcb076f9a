//! Refunds.

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use ticketing_core::error::PortError;
use ticketing_core::id::{PaymentId, RefundId};
use ticketing_core::page::{Page, PageRequest};
use ticketing_core::port::Refunds;
use ticketing_core::refund::Refund;

use super::gather::KeyColumn;
use super::query::{Point, Sql, after2, indexed, list, one, points, queries, until};
use super::rows::body;
use crate::Store;

points! {
    FIND = one!("tk_refund");
}

queries! {
    OF_PAYMENT = list!("tk_refund", "by_payment", "payment = ?");
    DUE = until!("tk_refund", "due", "due_at");
}

#[async_trait]
impl Refunds for Store {
    async fn find(&self, id: RefundId) -> Result<Option<Refund>, PortError> {
        self.reading("refunds", "find").point(&FIND, [id.as_uuid().into()], body).await
    }

    async fn of_payment(
        &self,
        payment: PaymentId,
        page: PageRequest,
    ) -> Result<Page<Refund>, PortError> {
        let of = [payment.as_uuid().into()];
        self.reading("refunds", "of_payment").page(OF_PAYMENT, of, &page, body).await
    }

    async fn due(
        &self,
        until: DateTime<Utc>,
        page: PageRequest,
    ) -> Result<Page<Refund>, PortError> {
        self.reading("refunds", "due").page_until(DUE, until, &page, body).await
    }
}
