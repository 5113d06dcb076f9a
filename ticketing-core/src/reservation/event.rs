//! What a reservation tells.

use chrono::{DateTime, Utc};

use super::state::{CancelReason, EndCause};
use crate::event::events;
use crate::id::{PaymentId, PerformanceId, ReservationId, UserId};
use crate::money::Money;
use crate::seat::SeatNo;

events! {
    /// What happened to a reservation.
    ReservationEvent {
        /// It was made; the seats are taken.
        Made = "reservation.made" {
            /// Which.
            reservation: ReservationId,
            /// Of which performance.
            performance: PerformanceId,
            /// Whose.
            user: UserId,
            /// The seats.
            seats: Vec<SeatNo>,
            /// The price of all seats.
            total: Money,
            /// Until when it can be paid.
            expires_at: DateTime<Utc>,
        },
        /// A payment was started.
        PaymentStarted = "reservation.payment_started" {
            /// Which.
            reservation: ReservationId,
            /// The payment.
            payment: PaymentId,
            /// Until when it can be paid now.
            expires_at: DateTime<Utc>,
        },
        /// A deposit is awaited until later.
        DeadlineMoved = "reservation.deadline_moved" {
            /// Which.
            reservation: ReservationId,
            /// Until when it can be paid now.
            expires_at: DateTime<Utc>,
        },
        /// It was paid.
        Confirmed = "reservation.confirmed" {
            /// Which.
            reservation: ReservationId,
            /// Whose.
            user: UserId,
            /// The payment that paid it.
            payment: PaymentId,
            /// The price of all seats.
            total: Money,
            /// Whether it had lapsed before.
            late: bool,
        },
        /// It ended before it was paid; the seats are free.
        Cancelled = "reservation.cancelled" {
            /// Which.
            reservation: ReservationId,
            /// Why.
            reason: CancelReason,
        },
        /// Its deadline passed; the seats are free.
        Expired = "reservation.expired" {
            /// Which.
            reservation: ReservationId,
        },
        /// Paid seats were given up and are free.
        SeatsGivenUp = "reservation.seats_given_up" {
            /// Which.
            reservation: ReservationId,
            /// The seats.
            seats: Vec<SeatNo>,
            /// How many paid seats are left.
            left: usize,
            /// Why.
            cause: EndCause,
        },
    }
}
