//! What dishonest clients try, and must be refused: an admission that is old or of another performance, one
//! key for two requests, somebody else's money.

use std::time::Duration;

use ticketing_core::admission::AdmissionToken;
use ticketing_core::box_office::{HoldSeats, RefundSeats, ReserveSeats};
use ticketing_core::id::{PerformanceId, ReservationId, UserId};
use ticketing_core::seat::{SeatNo, Seats};
use ticketing_core::service::hold::HoldError;
use ticketing_core::service::refund::RefundError;
use uuid::Uuid;

use super::Visit;
use crate::stampede::defect::Strange;
use crate::stampede::hall::Look;

/// Longer than an admission lasts, by more than clocks are off.
const TOO_LATE: Duration = Duration::from_mins(13);

impl Visit {
    /// Some of those who leave try once more.
    pub(super) async fn try_what_is_refused(&self, admission: &AdmissionToken) {
        match self.dice.below(1_000) {
            0..15 => self.use_elsewhere(admission).await,
            15..30 => {
                self.think(TOO_LATE, TOO_LATE + Duration::from_mins(2)).await;
                let what = "an admission was good after its end";
                self.must_not_hold(self.performance, admission, what).await;
            }
            30..60 => self.use_key_twice(admission).await,
            _ => {}
        }
    }

    /// At the sale before or after.
    async fn use_elsewhere(&self, admission: &AdmissionToken) {
        let sales = &self.world.sales;
        let Some(place) = sales.iter().position(|sale| sale.performance == self.performance) else {
            return;
        };
        let other = if place > 0 && self.dice.happens(500) { place - 1 } else { place + 1 };
        if let Some(other) = sales.get(other) {
            let what = "an admission was good for another performance";
            self.must_not_hold(other.performance, admission, what).await;
        }
    }

    async fn must_not_hold(
        &self,
        performance: PerformanceId,
        admission: &AdmissionToken,
        what: &str,
    ) {
        let seat = u32::try_from(self.dice.below(u64::from(self.world.capacity))).unwrap_or(0);
        let (user, admission) = (self.person.user, Some(admission.clone()));
        let request = HoldSeats { user, performance, seats: Seats::one(SeatNo(seat)), admission };
        match self.world.call(|office| async move { office.hold(request).await }).await {
            // Who is not admitted is not told what is taken.
            Ok(_) | Err(HoldError::Taken(_)) => self.strange(what),
            Err(HoldError::NotAdmitted(_) | HoldError::Performance(_)) => {}
            Err(HoldError::Failed(failure)) if failure.is_transient() => {}
            Err(error) => self.world.defects.note("a refused hold", &error),
        }
    }

    /// Two requests at once, and the second once more: one key has one answer.
    async fn use_key_twice(&self, admission: &AdmissionToken) {
        let mut requests = Vec::new();
        for _ in 0..2 {
            let Ok(Look::Picked(seats)) = self.look_for(1).await else { return };
            let Ok(expected_total) = self.price(&seats).await else { return };
            requests.push(ReserveSeats {
                user: self.person.user,
                performance: self.performance,
                seats,
                expected_total,
                hold: None,
                admission: Some(admission.clone()),
                key: self.key("one-for-two"),
            });
        }
        let (Some(two), Some(one)) = (requests.pop(), requests.pop()) else { return };
        if one.seats == two.seats {
            return;
        }
        let reserve = |request: &ReserveSeats| {
            let request = request.clone();
            self.world.call(|office| async move { office.reserve(request).await })
        };
        let answers = tokio::join!(reserve(&one), reserve(&two));
        let again = reserve(&two).await;
        if answers.0.is_ok() && (answers.1.is_ok() || again.is_ok()) {
            self.strange("two requests with one key were both answered");
        }
    }

    /// Somebody else asks for the money of a reservation.
    pub(super) async fn let_others_refund(&self, reservation: ReservationId) {
        let user = UserId::from_uuid(Uuid::from_u128(u128::from(self.dice.number())));
        let request = RefundSeats { user, reservation, seats: None, key: None };
        match self.world.call(|office| async move { office.refund(request).await }).await {
            Err(RefundError::NoSuchReservation(_)) => {}
            Err(RefundError::Failed(failure)) if failure.is_transient() => {}
            Ok(_) => self.strange("a reservation was refunded to somebody else"),
            Err(error) => self.world.defects.note("a refund to somebody else", &error),
        }
    }

    fn strange(&self, what: &str) {
        let user = self.person.user;
        self.world.defects.note("a refusal", &Strange(format!("user {user}: {what}")));
    }
}
