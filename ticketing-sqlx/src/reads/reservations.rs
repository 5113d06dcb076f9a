//! Reservations.

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use ticketing_core::error::PortError;
use ticketing_core::id::{PerformanceId, ReservationId, UserId};
use ticketing_core::page::{Page, PageRequest};
use ticketing_core::port::Reservations;
use ticketing_core::reservation::Reservation;

use super::gather::KeyColumn;
use super::query::{Point, Sql, after2, indexed, list, one, points, queries, until};
use super::rows::body;
use crate::Store;

points! {
    FIND = one!("tk_reservation");
}

queries! {
    OF_USER = list!("tk_reservation", "by_user", "user_id = ?");
    LIVE_OF = list!("tk_reservation", "by_performance", "live_in = ?");
    DUE = until!("tk_reservation", "due", "due_at");
}

#[async_trait]
impl Reservations for Store {
    async fn find(&self, id: ReservationId) -> Result<Option<Reservation>, PortError> {
        self.reading("reservations", "find").point(&FIND, [id.as_uuid().into()], body).await
    }

    async fn of_user(
        &self,
        user: UserId,
        page: PageRequest,
    ) -> Result<Page<Reservation>, PortError> {
        let of = [user.as_uuid().into()];
        self.reading("reservations", "of_user").page(OF_USER, of, &page, body).await
    }

    async fn live_of(
        &self,
        performance: PerformanceId,
        page: PageRequest,
    ) -> Result<Page<Reservation>, PortError> {
        let of = [performance.as_uuid().into()];
        self.reading("reservations", "live_of").page(LIVE_OF, of, &page, body).await
    }

    async fn due(
        &self,
        now: DateTime<Utc>,
        page: PageRequest,
    ) -> Result<Page<Reservation>, PortError> {
        self.reading("reservations", "due").page_until(DUE, now, &page, body).await
    }
}
