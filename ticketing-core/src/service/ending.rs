//! End a reservation that was not paid: what cancel, expiry and a cancelled performance share.

use chrono::{DateTime, Utc};

use super::settle::{free_all, missing, points_back, post_if_any, refused};
use super::support::{Attempt, Call, Failure, change_set, commit, inconsistent};
use crate::change_set::ReceiptState;
use crate::id::EntryId;
use crate::ledger::Booking;
use crate::payment::{Payment, UnpaidEnd};
use crate::port::Ports;
use crate::reservation::{Reservation, ReservationState};

/// A reservation with the payment that is under way, if any.
pub(super) struct Unpaid {
    pub(super) reservation: Reservation,
    pub(super) payment: Option<Payment>,
}

/// How ending went.
pub(super) enum Ended {
    Now,
    Stale,
    Replayed(ReceiptState),
}

impl Unpaid {
    pub(super) async fn load(ports: &Ports, reservation: Reservation) -> Result<Self, Failure> {
        let payment = match reservation.payment() {
            None => None,
            Some(id) => Some(ports.payments.find(id).await?.ok_or_else(|| missing("payment", id))?),
        };
        Ok(Self { reservation, payment })
    }

    /// Whether only the gateway knows if money is coming.
    pub(super) fn in_flight(&self) -> bool {
        self.payment.as_ref().is_some_and(Payment::is_unsettled)
    }

    /// Commits the end: both aggregates, the seats and the allowance free, the points back. The
    /// reservation has taken its command already; a payment at the gateway stays as it is.
    pub(super) async fn end<T: serde::Serialize + Sync>(
        self,
        ports: &Ports,
        now: DateTime<Utc>,
        answer: Option<(&Call, &T)>,
    ) -> Result<Ended, Failure> {
        let Self { reservation, payment } = self;
        let mut changes = free_all(change_set(ports, now), &reservation);
        if let Some(mut payment) = payment {
            if payment.is_live() && !payment.is_unsettled() {
                payment.end_unpaid(reservation_end(&reservation), now).map_err(refused)?;
                let booking = Booking { id: EntryId::generate(&*ports.ids), at: now };
                let points = points_back(&mut payment, booking)?;
                changes = post_if_any(changes, points);
            }
            changes = changes.save(payment);
        }
        if let Some((call, answer)) = answer {
            changes = Call::keep(Some(call), changes, answer)?;
        }
        let (performance, seats) = (reservation.performance(), reservation.seats());
        let token = reservation.hold();
        match commit(ports, changes.save(reservation)).await? {
            Attempt::Done => {
                // Best effort: a hold that stays ends by itself.
                drop(ports.holds.release(performance, seats, token).await);
                Ok(Ended::Now)
            }
            Attempt::Stale => Ok(Ended::Stale),
            Attempt::Replayed(state) => Ok(Ended::Replayed(state)),
            Attempt::Refused(refusal) => Err(inconsistent(refusal)),
            Attempt::Duplicate => Err(Failure::KeyReused),
        }
    }
}

fn reservation_end(reservation: &Reservation) -> UnpaidEnd {
    match reservation.state() {
        ReservationState::Expired => UnpaidEnd::Lapsed,
        ReservationState::Pending
        | ReservationState::Confirmed { .. }
        | ReservationState::Cancelled { .. }
        | ReservationState::Refunded { .. } => UnpaidEnd::CalledOff,
    }
}
