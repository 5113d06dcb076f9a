//! Performances, reservations and tickets: who may have a seat, and who has it.

use std::sync::Arc;

use chrono::{DateTime, Utc};

use super::{Checked, DomainModel, must};
use crate::id::{PerformanceId, ReservationId};
use crate::payment::{Honoured, PaymentState};
use crate::performance::Performance;
use crate::reservation::{Reservation, ReservationState};
use crate::seat::{Claim, ClaimOwner, ClaimStatus, SeatNo};
use crate::testing::model::store::{ModelStore, claim_text};
use crate::ticket::{Ticket, TicketState};

/// Whether it is pending or confirmed.
pub(super) fn is_live(reservation: &Reservation) -> bool {
    match reservation.state() {
        ReservationState::Pending | ReservationState::Confirmed { .. } => true,
        ReservationState::Cancelled { .. }
        | ReservationState::Expired
        | ReservationState::Refunded { .. } => false,
    }
}

impl DomainModel {
    pub(super) fn replace_ticket(&mut self, now: &Arc<Ticket>) -> Option<Arc<Ticket>> {
        let seat = (now.performance(), now.seat());
        match now.state() {
            TicketState::Issued | TicketState::Used { .. } => {
                self.tickets.insert(seat, Arc::clone(now))
            }
            TicketState::Void { .. } => {
                self.tickets.remove(&seat).filter(|before| before.id() == now.id())
            }
        }
    }

    pub(super) fn performance(&self, before: &Performance, now: &Performance) -> Checked {
        let id = now.id();
        must(now.is_cancelled() || !before.is_cancelled(), || {
            format!("performance {id} was cancelled and takes place again")
        })?;
        if now.is_wound_up() && !before.is_wound_up() {
            self.wound_up(id)?;
        }
        Ok(())
    }

    /// Nobody has a right to money or seats of it any more. Where the bank took the deposit back, seats that
    /// were used stay.
    fn wound_up(&self, id: PerformanceId) -> Checked {
        let (first, last) = (ReservationId::from_uuid(uuid::Uuid::nil()), uuid::Uuid::max());
        let mut left = self.live.range((id, first)..=(id, ReservationId::from_uuid(last)));
        let owed = left.find(|(_, id)| {
            let by = self.reservations.get(id).and_then(|found| found.payment());
            let paid = by.and_then(|by| self.payments.get(&by));
            !paid.is_some_and(|paid| match paid.state() {
                PaymentState::Reversed | PaymentState::Succeeded { honoured: Honoured::No } => true,
                PaymentState::Created
                | PaymentState::Processing { .. }
                | PaymentState::Unknown { .. }
                | PaymentState::AwaitingDeposit { .. }
                | PaymentState::Succeeded { .. }
                | PaymentState::Failed { .. }
                | PaymentState::Expired
                | PaymentState::Cancelled => false,
            })
        });
        owed.map_or(Ok(()), |(_, left)| {
            let state = self.reservations.get(left).map_or("gone", |left| left.state().name());
            Err(format!("performance {id} is wound up, but reservation {left} is {state}"))
        })
    }

    /// What a reserve may write: the performance as it stands now must allow it.
    pub(super) fn reservation_made(
        &self,
        rows: &ModelStore,
        now: &Reservation,
        at: DateTime<Utc>,
    ) -> Checked {
        let id = now.id();
        must(now.is_pending(), || format!("reservation {id} is made {}", now.state().name()))?;
        let performance = self.performance_of(now)?;
        performance.must_be_on_sale(at).map_err(|refusal| {
            format!(
                "reservation {id} is made at {at} of performance {}: {refusal}",
                performance.id()
            )
        })?;
        let lines = performance.lines(&now.seats()).map_err(|refusal| {
            format!("reservation {id} of performance {}: {refusal}", performance.id())
        })?;
        must(lines == now.lines(), || {
            let seats = now.seats();
            format!("reservation {id} has other grades or prices for {seats:?} than there are now")
        })?;
        let most = performance.policy().seats_per_reservation;
        must(now.seat_count() <= most, || {
            format!("reservation {id} has {} of at most {most} seats", now.seat_count())
        })?;
        self.within_allowance(rows, now)
    }

    fn within_allowance(&self, rows: &ModelStore, now: &Reservation) -> Checked {
        let (user, show) = (now.user(), now.show());
        let most = self.performance_of(now)?.policy().tickets_per_user;
        let places = rows.allowance_used(user, show);
        must(places <= usize::from(most), || {
            let id = now.id();
            format!("user {user} has {places} of at most {most} places, reservation {id} the last")
        })
    }

    fn performance_of(&self, of: &Reservation) -> Result<&Performance, String> {
        let found = self.performances.get(&of.performance()).map(|found| &**found);
        found.ok_or_else(|| {
            format!("reservation {}: performance {} is not there", of.id(), of.performance())
        })
    }

    /// From where a reservation may come to where it is.
    pub(super) fn reservation_moved(
        &self,
        before: &Reservation,
        now: &Reservation,
        at: DateTime<Utc>,
    ) -> Checked {
        let id = now.id();
        let moves =
            || format!("reservation {id} was {}, is {}", before.state().name(), now.state().name());
        match (before.state(), now.state()) {
            (ReservationState::Pending, ReservationState::Expired) => {
                let at_gateway = now
                    .payment()
                    .and_then(|payment| self.payments.get(&payment))
                    .is_some_and(|payment| payment.is_unsettled());
                let due_at = if at_gateway { before.latest() } else { before.expires_at() };
                must(at >= due_at, || format!("{} at {at}, before {due_at}", moves()))
            }
            (
                ReservationState::Pending | ReservationState::Expired,
                ReservationState::Confirmed { by, .. },
            ) => {
                let performance = self.performance_of(now)?;
                must(!performance.is_cancelled(), || {
                    format!("{}, but performance {} is cancelled", moves(), performance.id())
                })?;
                let late = !before.is_pending();
                let honoured = if late { Honoured::Late } else { Honoured::InTime };
                let paid = self.payments.get(by);
                let pays = paid.is_some_and(|paid| {
                    paid.reservation() == id && paid.honoured() == Some(honoured)
                });
                must(pays, || {
                    let state = paid.map_or("not there", |paid| paid.state().name());
                    format!("{} by payment {by}, which is {state}", moves())
                })
            }
            (
                ReservationState::Confirmed { by, live },
                ReservationState::Confirmed { by: now_by, live: now_live },
            ) => {
                let shrinks = by == now_by && now_live.iter().all(|seat| live.contains(seat));
                must(shrinks, || format!("{} with other seats or by another payment", moves()))
            }
            (
                ReservationState::Pending,
                ReservationState::Pending | ReservationState::Cancelled { .. },
            )
            | (ReservationState::Confirmed { .. }, ReservationState::Refunded { .. })
            | (ReservationState::Expired, ReservationState::Expired)
            | (ReservationState::Cancelled { .. }, ReservationState::Cancelled { .. })
            | (ReservationState::Refunded { .. }, ReservationState::Refunded { .. }) => Ok(()),
            (
                ReservationState::Pending
                | ReservationState::Confirmed { .. }
                | ReservationState::Cancelled { .. }
                | ReservationState::Expired
                | ReservationState::Refunded { .. },
                _,
            ) => Err(moves()),
        }
    }

    /// The claims, places and tickets that a reservation has, and no others.
    pub(super) fn reservation(&self, rows: &ModelStore, now: &Reservation) -> Checked {
        let (id, performance) = (now.id(), now.performance());
        must(now.expires_at() <= now.latest(), || {
            let (expires_at, latest) = (now.expires_at(), now.latest());
            format!("reservation {id} can be paid until {expires_at}, at most until {latest}")
        })?;
        let owner = ClaimOwner::Reservation(id);
        let mut having = 0;
        for seat in now.lines().iter().map(|line| line.seat) {
            let (status, admits) = match now.state() {
                ReservationState::Pending => (Some(ClaimStatus::Pending), false),
                ReservationState::Confirmed { live, .. } if live.contains(seat) => {
                    (Some(ClaimStatus::Sold), true)
                }
                ReservationState::Confirmed { .. }
                | ReservationState::Cancelled { .. }
                | ReservationState::Expired
                | ReservationState::Refunded { .. } => (None, false),
            };
            having += usize::from(status.is_some());
            let claim = rows.claim(performance, seat);
            let fits = match status {
                Some(status) => claim == Some(Claim { owner, status }),
                None => claim.is_none_or(|claim| claim.owner != owner),
            };
            must(fits, || {
                let (state, claim) = (now.state().name(), claim_text(claim));
                format!(
                    "seat {seat} of performance {performance} is {claim}, reservation {id} is {state}"
                )
            })?;
            must(self.has_ticket(now, seat) == admits, || {
                let (state, or_no) = (now.state().name(), if admits { "no" } else { "a" });
                format!(
                    "seat {seat} of performance {performance} has {or_no} ticket of reservation {id}, which is {state}"
                )
            })?;
        }
        let places = rows.places.get(&(now.user(), now.show()));
        let got = places.map_or(0, |places| places.iter().filter(|(_, of)| *of == id).count());
        must(got == having, || {
            let (user, state) = (now.user(), now.state().name());
            format!(
                "reservation {id} of user {user} is {state}: expected {having} places, got {got}"
            )
        })?;
        if having > 0 { self.within_allowance(rows, now) } else { Ok(()) }
    }

    fn has_ticket(&self, of: &Reservation, seat: SeatNo) -> bool {
        let ticket = self.tickets.get(&(of.performance(), seat));
        ticket.is_some_and(|ticket| ticket.reservation() == of.id())
    }

    /// A ticket is issued for a seat that is paid, used once, and void for ever.
    pub(super) fn ticket(&self, before: Option<&Ticket>, now: &Ticket) -> Checked {
        let (id, performance, seat) = (now.id(), now.performance(), now.seat());
        let was = before.map_or("not there", |before| before.state().name());
        let moves = || {
            format!(
                "ticket {id} of seat {seat} of performance {performance} was {was}, is {}",
                now.state().name()
            )
        };
        if let Some(other) = before.filter(|before| before.id() != id) {
            return Err(format!("{}, and ticket {} is {was}", moves(), other.id()));
        }
        let may = match (before.map(Ticket::state), now.state()) {
            (None, TicketState::Issued)
            | (Some(TicketState::Issued), TicketState::Used { .. } | TicketState::Void { .. }) => {
                true
            }
            // Whoever went in gets the money back only where nothing was to be seen.
            (Some(TicketState::Used { .. }), TicketState::Void { .. }) => {
                self.performances.get(&performance).is_some_and(|of| of.is_cancelled())
            }
            (
                None
                | Some(TicketState::Issued | TicketState::Used { .. } | TicketState::Void { .. }),
                _,
            ) => false,
        };
        must(may, moves)?;
        if matches!(now.state(), TicketState::Void { .. }) {
            return Ok(());
        }
        let reservation = now.reservation();
        let live = self.reservations.get(&reservation).and_then(|found| found.live_seats());
        must(live.is_some_and(|live| live.contains(seat)), || {
            format!("{}, but reservation {reservation} does not have the seat", moves())
        })
    }
}
