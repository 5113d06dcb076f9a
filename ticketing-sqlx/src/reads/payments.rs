//! Payments.

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use ticketing_core::error::PortError;
use ticketing_core::id::{PaymentId, ReservationId};
use ticketing_core::page::{Page, PageRequest};
use ticketing_core::payment::Payment;
use ticketing_core::port::Payments;

use super::gather::KeyColumn;
use super::query::{Point, Sql, after2, indexed, list, one, points, queries, until};
use super::rows::body;
use crate::Store;

points! {
    FIND = one!("tk_payment");
}

queries! {
    OF_RESERVATION = indexed!("tk_payment", "by_reservation", "reservation = ?", " ORDER BY id");
    UNSETTLED = until!("tk_payment", "unsettled", "unsettled_since");
    TO_CLOSE = list!("tk_payment", "to_close", "to_close = 1");
}

#[async_trait]
impl Payments for Store {
    async fn find(&self, id: PaymentId) -> Result<Option<Payment>, PortError> {
        self.reading("payments", "find").point(&FIND, [id.as_uuid().into()], body).await
    }

    async fn of_reservation(&self, id: ReservationId) -> Result<Vec<Payment>, PortError> {
        let read = self.reading("payments", "of_reservation");
        read.all(OF_RESERVATION, &[id.as_uuid().into()], body).await
    }

    async fn unsettled(
        &self,
        until: DateTime<Utc>,
        page: PageRequest,
    ) -> Result<Page<Payment>, PortError> {
        self.reading("payments", "unsettled").page_until(UNSETTLED, until, &page, body).await
    }

    async fn to_close(&self, page: PageRequest) -> Result<Page<Payment>, PortError> {
        self.reading("payments", "to_close").page(TO_CLOSE, [], &page, body).await
    }
}
