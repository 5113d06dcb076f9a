//! One reservation of two seats, brought into every state; what the tables, properties and stories of
//! the aggregates share.

mod deadlines;
mod json;
mod properties;
mod rules;
mod table;

use std::fmt::Debug;

use chrono::{DateTime, TimeDelta, Utc};
use uuid::Uuid;

use super::*;
use crate::aggregate::Aggregate;
use crate::event::EventBody;
use crate::id::RefundId;
use crate::label::Grade;
use crate::money::Currency;

pub(crate) const RESERVATION: ReservationId = ReservationId::from_uuid(Uuid::from_u128(1));
pub(crate) const CHECKOUT: CheckoutId = CheckoutId::from_uuid(Uuid::from_u128(2));
pub(crate) const PAYMENT: PaymentId = PaymentId::from_uuid(Uuid::from_u128(3));
pub(crate) const OTHER_PAYMENT: PaymentId = PaymentId::from_uuid(Uuid::from_u128(4));
pub(crate) const USER: UserId = UserId::from_uuid(Uuid::from_u128(5));
pub(crate) const PERFORMANCE: PerformanceId = PerformanceId::from_uuid(Uuid::from_u128(6));
const OTHER_CHECKOUT: CheckoutId = CheckoutId::from_uuid(Uuid::from_u128(7));
const SHOW: ShowId = ShowId::from_uuid(Uuid::from_u128(8));
const HOLD: HoldToken = HoldToken::from_uuid(Uuid::from_u128(9));

pub(crate) const FIRST: SeatNo = SeatNo(4);
pub(crate) const SECOND: SeatNo = SeatNo(7);
const REFUND: EndCause = EndCause::Refund(RefundId::from_uuid(Uuid::from_u128(10)));
const LAST_REFUND: EndCause = EndCause::Refund(RefundId::from_uuid(Uuid::from_u128(11)));
const REVERSAL: EndCause = EndCause::Reversal(PAYMENT);

pub(crate) fn won(minor: i64) -> Money {
    Money::from_minor(minor, Currency::KRW).unwrap()
}

/// Minutes after the reservation was made.
pub(crate) fn minute(minutes: i64) -> DateTime<Utc> {
    DateTime::UNIX_EPOCH + TimeDelta::minutes(minutes)
}

/// The default: 10 minutes to pay, 10 of grace, 40 in all.
fn policy() -> Deadlines {
    Deadlines::default()
}

fn new(starts_at: DateTime<Utc>) -> NewReservation {
    let line = |seat, price| SeatLine { seat, grade: Grade::new("R").unwrap(), price: won(price) };
    NewReservation {
        id: RESERVATION,
        performance: PERFORMANCE,
        show: SHOW,
        starts_at,
        user: USER,
        lines: vec![line(SECOND, 40_000), line(FIRST, 60_000)],
        hold: HOLD,
    }
}

/// Two seats for 100,000 won, made at minute 0; the performance starts 30 days later.
pub(crate) fn made() -> Reservation {
    Reservation::make(new(minute(30 * 24 * 60)), &policy(), minute(0)).unwrap()
}

/// A payment was started at minute 1: payable until minute 11.
pub(crate) fn paying() -> Reservation {
    let mut reservation = made();
    reservation.begin_checkout(CHECKOUT, 5, minute(1)).unwrap();
    reservation.start_payment(PAYMENT, &policy(), minute(1)).unwrap();
    reservation.end_checkout(CHECKOUT);
    reservation
}

/// A deposit is due at minute 100: payable until minute 130.
fn awaiting_deposit() -> Reservation {
    let mut reservation = paying();
    reservation.await_deposit(PAYMENT, minute(100), &policy(), minute(2)).unwrap();
    reservation
}

pub(crate) fn confirmed() -> Reservation {
    let mut reservation = paying();
    reservation.confirm(PAYMENT, minute(2)).unwrap();
    reservation
}

fn expired() -> Reservation {
    let mut reservation = paying();
    reservation.expire(false, minute(11)).unwrap();
    reservation
}

/// A state of the table, each with all that makes it differ from the others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum At {
    Made,
    CheckedOut,
    Paying,
    AwaitingDeposit,
    Confirmed,
    ConfirmedLate,
    PartlyRefunded,
    Refunded,
    Reversed,
    CancelledByBuyer,
    CancelledWithPerformance,
    Expired,
}

impl At {
    const ALL: [Self; 12] = [
        Self::Made,
        Self::CheckedOut,
        Self::Paying,
        Self::AwaitingDeposit,
        Self::Confirmed,
        Self::ConfirmedLate,
        Self::PartlyRefunded,
        Self::Refunded,
        Self::Reversed,
        Self::CancelledByBuyer,
        Self::CancelledWithPerformance,
        Self::Expired,
    ];

    fn reservation(self) -> Reservation {
        match self {
            Self::Made => made(),
            Self::CheckedOut => {
                let mut reservation = made();
                reservation.begin_checkout(CHECKOUT, 5, minute(1)).unwrap();
                reservation
            }
            Self::Paying => paying(),
            Self::AwaitingDeposit => awaiting_deposit(),
            Self::Confirmed => confirmed(),
            Self::ConfirmedLate => {
                let mut reservation = expired();
                reservation.confirm_late(PAYMENT, minute(20)).unwrap();
                reservation
            }
            Self::PartlyRefunded => {
                let mut reservation = confirmed();
                reservation.give_up(&Seats::one(FIRST), REFUND, minute(3)).unwrap();
                reservation
            }
            Self::Refunded => {
                let mut reservation = Self::PartlyRefunded.reservation();
                reservation.give_up(&Seats::one(SECOND), LAST_REFUND, minute(4)).unwrap();
                reservation
            }
            Self::Reversed => {
                let mut reservation = confirmed();
                reservation.give_up(&both(), REVERSAL, minute(3)).unwrap();
                reservation
            }
            Self::CancelledByBuyer => {
                let mut reservation = paying();
                reservation.cancel(CancelReason::Buyer, false, minute(2)).unwrap();
                reservation
            }
            Self::CancelledWithPerformance => {
                let mut reservation = paying();
                let reason = CancelReason::PerformanceCancelled;
                reservation.cancel(reason, false, minute(2)).unwrap();
                reservation
            }
            Self::Expired => expired(),
        }
    }
}

pub(crate) fn both() -> Seats {
    Seats::new([FIRST, SECOND]).unwrap()
}

/// The events that wait for the next commit.
pub(crate) fn pending_events<A: Aggregate>(aggregate: &A) -> Vec<EventBody> {
    aggregate.root().pending().cloned().collect()
}

/// Fails unless two aggregates are the same in every field, version and waiting event.
#[track_caller]
pub(crate) fn assert_unchanged<A: Aggregate + PartialEq + Debug>(
    before: &A,
    after: &A,
    what: &str,
) {
    assert_eq!(after, before, "{what} changed it");
    assert_eq!(after.root().version(), before.root().version(), "{what} changed the version");
    assert_eq!(pending_events(after), pending_events(before), "{what} recorded an event");
}
