//! Reservations in every state.

use chrono::{DateTime, TimeDelta, Utc};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;

use super::layout::grades;
use super::policy::deadlines;
use super::value::{Origin, amount, currencies, origins, part, permille, prices};
use crate::id::{
    CheckoutId, HoldToken, PaymentId, PerformanceId, RefundId, ReservationId, ShowId, UserId,
};
use crate::label::Grade;
use crate::memory::ClockIds;
use crate::money::Currency;
use crate::policy::Deadlines;
use crate::reservation::{
    CancelReason, EndCause, NewReservation, Reservation, ReservationState, SeatLine,
};
use crate::seat::{SeatNo, Seats};

/// The most seats of a drawn reservation.
const SEATS_MAX: usize = 8;

/// How many times its seats are given up at the most.
const CAUSES: usize = 3;

/// Where a drawn reservation stands: its state without what the state carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum ReservationAt {
    /// [`ReservationState::Pending`]: new, with a checkout or a payment under way, with a deposit due, or
    /// after a payment that failed.
    Pending,
    /// [`ReservationState::Confirmed`]: in time or late, with all seats or some given up.
    Confirmed,
    /// [`ReservationState::Cancelled`], for any reason.
    Cancelled,
    /// [`ReservationState::Expired`], with a payment under way or none.
    Expired,
    /// [`ReservationState::Refunded`], in one refund or several, or by a reversal.
    Refunded,
}

impl ReservationAt {
    /// All of them, the simplest first.
    pub const ALL: [Self; 5] =
        [Self::Pending, Self::Confirmed, Self::Cancelled, Self::Expired, Self::Refunded];

    /// Where a reservation stands.
    pub const fn of(reservation: &Reservation) -> Self {
        match reservation.state() {
            ReservationState::Pending => Self::Pending,
            ReservationState::Confirmed { .. } => Self::Confirmed,
            ReservationState::Cancelled { .. } => Self::Cancelled,
            ReservationState::Expired => Self::Expired,
            ReservationState::Refunded { .. } => Self::Refunded,
        }
    }
}

/// Reservations of 1 to 8 seats in every state, new to a store: at version 0, with all their events.
/// They shrink to a pending one of one seat that costs one unit.
///
/// ```
/// use proptest::prelude::*;
/// use ticketing_core::testing::strategies;
///
/// proptest!(|(reservation in strategies::reservations())| {
///     prop_assert!(reservation.expires_at() <= reservation.starts_at());
///     if let Some(live) = reservation.live_seats() {
///         prop_assert!(live.is_subset(&reservation.seats()));
///     }
/// });
/// ```
pub fn reservations() -> BoxedStrategy<Reservation> {
    (select(ReservationAt::ALL.to_vec()), lives()).prop_map(|(at, life)| life.bring(at)).boxed()
}

/// The reservations of [`reservations`] that stand at `at`.
///
/// ```
/// use proptest::prelude::*;
/// use ticketing_core::testing::strategies::{self, ReservationAt};
///
/// let pending = strategies::reservations_in(ReservationAt::Pending);
/// proptest!(|(reservation in pending)| prop_assert!(reservation.is_pending()));
/// ```
pub fn reservations_in(at: ReservationAt) -> BoxedStrategy<Reservation> {
    lives().prop_map(move |life| life.bring(at)).boxed()
}

/// The raw choices of what a buyer reserves.
#[derive(Clone, Debug)]
pub(super) struct Order {
    pub(super) origin: Origin,
    currency: Currency,
    /// Each seat: how many seats lie between it and the one before, its grade and its price.
    seats: Vec<(u32, Grade, i64)>,
    pub(super) deadlines: Deadlines,
    ahead: TimeDelta,
    /// How much of the time to pay has passed when the payment starts.
    waits_permille: i64,
}

pub(super) fn orders() -> BoxedStrategy<Order> {
    let seat = (0..40_u32, grades(), prices());
    let month_s = 30 * 24 * 60 * 60;
    let ahead = prop_oneof![4 => Just(month_s), 3 => 1..=month_s, 1 => 1..=600_i64];
    let times = (ahead, permille());
    (origins(), currencies(), vec(seat, 1..=SEATS_MAX), deadlines(), times)
        .prop_map(|(origin, currency, seats, deadlines, (ahead_s, waits_permille))| Order {
            origin,
            currency,
            seats,
            deadlines,
            ahead: TimeDelta::seconds(ahead_s),
            waits_permille,
        })
        .boxed()
}

impl Order {
    pub(super) fn make(&self, ids: &ClockIds) -> Reservation {
        let mut free = 0;
        let lines = self.seats.iter().map(|(between, grade, price)| {
            let seat = SeatNo(free + between);
            free = seat.0 + 1;
            SeatLine { seat, grade: grade.clone(), price: amount(*price, self.currency) }
        });
        let new = NewReservation {
            id: ReservationId::generate(ids),
            performance: PerformanceId::generate(ids),
            show: ShowId::generate(ids),
            starts_at: self.origin.at + self.ahead,
            user: UserId::generate(ids),
            lines: lines.collect(),
            hold: HoldToken::generate(ids),
        };
        let made = Reservation::make(new, &self.deadlines, self.origin.at);
        made.expect("at most 8 seats at the largest price add up")
    }

    /// When a payment of the reservation starts: before its deadline.
    pub(super) fn pays_at(&self, reservation: &Reservation) -> DateTime<Utc> {
        let left = reservation.expires_at() - reservation.made_at();
        let left = left.num_microseconds().expect("30 days fit");
        reservation.made_at() + TimeDelta::microseconds(part(left - 1, self.waits_permille))
    }

    /// When a deposit for the reservation is due: before the performance.
    pub(super) fn due_at(&self, reservation: &Reservation) -> DateTime<Utc> {
        (self.pays_at(reservation) + self.deadlines.deposit_due).min(reservation.starts_at())
    }
}

/// How far a reservation got before it ended, or did not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    Made,
    CheckedOut,
    Paying,
    AwaitingDeposit,
    PaymentEnded,
}

/// The raw choices of a reservation's life. A state takes of them what it needs.
#[derive(Clone, Debug)]
struct Life {
    order: Order,
    stage: Stage,
    is_late: bool,
    is_in_flight: bool,
    reason: CancelReason,
    /// For each seat, by which of its causes it is given up.
    causes: Vec<usize>,
    is_reversed: bool,
}

fn lives() -> BoxedStrategy<Life> {
    let stages = vec![
        Stage::Made,
        Stage::CheckedOut,
        Stage::Paying,
        Stage::AwaitingDeposit,
        Stage::PaymentEnded,
    ];
    let reasons = vec![
        CancelReason::Buyer,
        CancelReason::CheckoutRefused,
        CancelReason::PerformanceCancelled,
    ];
    let ways = (select(stages), select(reasons));
    let ends = (any::<bool>(), any::<bool>(), any::<bool>(), vec(0..CAUSES, SEATS_MAX));
    (orders(), ways, ends)
        .prop_map(|(order, (stage, reason), (is_late, is_in_flight, is_reversed, causes))| Life {
            order,
            stage,
            is_late,
            is_in_flight,
            reason,
            causes,
            is_reversed,
        })
        .boxed()
}

impl Life {
    fn bring(&self, at: ReservationAt) -> Reservation {
        let ids = self.order.origin.ids();
        let mut it = self.order.make(&ids);
        let (now, payment) = (self.order.pays_at(&it), PaymentId::generate(&ids));
        match at {
            ReservationAt::Pending => self.go_to(self.stage, &mut it, &ids, payment),
            ReservationAt::Cancelled => {
                self.go_to(self.stage, &mut it, &ids, payment);
                it.cancel(self.reason, false, now).expect("it is pending");
            }
            ReservationAt::Expired => {
                self.go_to(self.stage, &mut it, &ids, payment);
                self.expire(&mut it);
            }
            ReservationAt::Confirmed => {
                self.confirm(&mut it, &ids, payment);
                self.give_up(&mut it, &ids, payment, true);
            }
            ReservationAt::Refunded => {
                self.confirm(&mut it, &ids, payment);
                self.give_up(&mut it, &ids, payment, false);
            }
        }
        it
    }

    fn go_to(&self, stage: Stage, it: &mut Reservation, ids: &ClockIds, payment: PaymentId) {
        if stage == Stage::Made {
            return;
        }
        let (order, now) = (&self.order, self.order.pays_at(it));
        let checkout = CheckoutId::generate(ids);
        it.begin_checkout(checkout, 1, now).expect("its first checkout, in time");
        if stage == Stage::CheckedOut {
            return;
        }
        it.start_payment(payment, &order.deadlines, now).expect("its first payment, in time");
        it.end_checkout(checkout);
        match stage {
            Stage::Made | Stage::CheckedOut | Stage::Paying => {}
            Stage::AwaitingDeposit => {
                let due_at = order.due_at(it);
                it.await_deposit(payment, due_at, &order.deadlines, now).expect("it is paying");
            }
            Stage::PaymentEnded => {
                it.end_payment(payment);
            }
        }
    }

    fn expire(&self, it: &mut Reservation) {
        let due_at = if self.is_in_flight { it.latest() } else { it.expires_at() };
        it.expire(self.is_in_flight, due_at).expect("it is due");
    }

    fn confirm(&self, it: &mut Reservation, ids: &ClockIds, payment: PaymentId) {
        let stage = match self.stage {
            Stage::AwaitingDeposit => Stage::AwaitingDeposit,
            // Only a late payment pays what no payment is under way for.
            Stage::PaymentEnded if self.is_late => Stage::PaymentEnded,
            Stage::Made | Stage::CheckedOut | Stage::Paying | Stage::PaymentEnded => Stage::Paying,
        };
        self.go_to(stage, it, ids, payment);
        if self.is_late {
            self.expire(it);
            it.confirm_late(payment, it.latest()).expect("it is expired");
        } else {
            it.confirm(payment, self.order.pays_at(it)).expect("it is its payment");
        }
    }

    /// Gives seats up cause by cause; those of the first cause not, if some are to stay.
    fn give_up(&self, it: &mut Reservation, ids: &ClockIds, payment: PaymentId, some_stay: bool) {
        let seats = it.seats();
        // The first seat has the first cause, so that some do stay.
        let causes = [&[0], &self.causes[1..seats.len()]].concat();
        let last = causes.iter().max().copied();
        for cause in usize::from(some_stay)..CAUSES {
            let given = seats.iter().zip(&causes).filter(|(_, by)| **by == cause);
            let Ok(given) = Seats::new(given.map(|(seat, _)| seat)) else { continue };
            let end = if self.is_reversed && last == Some(cause) {
                EndCause::Reversal(payment)
            } else {
                EndCause::Refund(RefundId::generate(ids))
            };
            it.give_up(&given, end, it.latest()).expect("live seats of a new cause");
        }
    }
}
