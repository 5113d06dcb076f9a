//! What a performance tells.

use chrono::{DateTime, Utc};
use chrono_tz::Tz;

use crate::event::events;
use crate::id::{PerformanceId, ShowId};
use crate::label::Grade;
use crate::money::Money;
use crate::seat::Seats;
use crate::show::PriceList;

events! {
    /// What happened to a performance.
    PerformanceEvent {
        /// It was scheduled.
        Scheduled = "performance.scheduled" {
            /// Which.
            performance: PerformanceId,
            /// Of which show.
            show: ShowId,
            /// When it starts.
            starts_at: DateTime<Utc>,
            /// The zone of its calendar days.
            zone: Tz,
            /// When its sales open.
            sales_open_at: DateTime<Utc>,
            /// When its sales close.
            sales_close_at: DateTime<Utc>,
            /// How many seats it has.
            seats: u32,
            /// What each grade costs.
            prices: PriceList,
        },
        /// A grade has another price, for seats not reserved yet.
        Repriced = "performance.repriced" {
            /// Which.
            performance: PerformanceId,
            /// The grade.
            grade: Grade,
            /// Its price now.
            price: Money,
        },
        /// Seats have another grade.
        Regraded = "performance.regraded" {
            /// Which.
            performance: PerformanceId,
            /// The seats.
            seats: Seats,
            /// Their grade now.
            grade: Grade,
        },
        /// The house keeps seats back.
        SeatsBlocked = "performance.seats_blocked" {
            /// Which.
            performance: PerformanceId,
            /// The seats.
            seats: Seats,
        },
        /// The house gives seats to the sale.
        SeatsUnblocked = "performance.seats_unblocked" {
            /// Which.
            performance: PerformanceId,
            /// The seats.
            seats: Seats,
        },
        /// Its sales open at another time.
        SalesWindowMoved = "performance.sales_window_moved" {
            /// Which.
            performance: PerformanceId,
            /// When its sales open now.
            sales_open_at: DateTime<Utc>,
            /// When its sales close.
            sales_close_at: DateTime<Utc>,
        },
        /// Its seller cancelled it.
        Cancelled = "performance.cancelled" {
            /// Which.
            performance: PerformanceId,
        },
    }
}
