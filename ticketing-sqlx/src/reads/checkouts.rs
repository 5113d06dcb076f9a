//! Checkouts.

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use ticketing_core::checkout::Checkout;
use ticketing_core::error::PortError;
use ticketing_core::id::{CheckoutId, ReservationId};
use ticketing_core::page::{Page, PageRequest};
use ticketing_core::port::Checkouts;

use super::gather::KeyColumn;
use super::query::{Point, Sql, after2, indexed, one, points, queries, until};
use super::rows::body;
use crate::Store;

points! {
    FIND = one!("tk_checkout");
}

queries! {
    OF_RESERVATION = indexed!("tk_checkout", "by_reservation", "reservation = ?", " ORDER BY id");
    STALLED = until!("tk_checkout", "stalled", "live_since");
}

#[async_trait]
impl Checkouts for Store {
    async fn find(&self, id: CheckoutId) -> Result<Option<Checkout>, PortError> {
        self.reading("checkouts", "find").point(&FIND, [id.as_uuid().into()], body).await
    }

    async fn of_reservation(&self, id: ReservationId) -> Result<Vec<Checkout>, PortError> {
        let read = self.reading("checkouts", "of_reservation");
        read.all(OF_RESERVATION, &[id.as_uuid().into()], body).await
    }

    async fn stalled(
        &self,
        until: DateTime<Utc>,
        page: PageRequest,
    ) -> Result<Page<Checkout>, PortError> {
        self.reading("checkouts", "stalled").page_until(STALLED, until, &page, body).await
    }
}
