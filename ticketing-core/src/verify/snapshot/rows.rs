//! One compact row per aggregate.

use chrono::{DateTime, Utc};

use crate::checkout::{Checkout, CheckoutState};
use crate::id::{
    EntryId, PaymentId, PerformanceId, RefundId, ReservationId, ShowId, TicketId, UserId,
};
use crate::money::Money;
use crate::payment::{Honoured, Payment, PaymentState};
use crate::performance::{Performance, PerformanceState};
use crate::policy::Deadlines;
use crate::refund::{Refund, RefundFor, RefundState, Sent};
use crate::reservation::{EndCause, Reservation, ReservationState};
use crate::seat::SeatNo;
use crate::ticket::{Ticket, TicketState};

/// A performance.
#[derive(Debug)]
pub(in crate::verify) struct Hall {
    pub(in crate::verify) id: PerformanceId,
    pub(in crate::verify) capacity: u32,
    pub(in crate::verify) deadlines: Deadlines,
    /// Since when it is cancelled with reservations that are not ended yet.
    pub(in crate::verify) winding_up_since: Option<DateTime<Utc>>,
}

impl Hall {
    pub(super) fn of(performance: &Performance) -> Self {
        let winding_up_since = match performance.state() {
            PerformanceState::Cancelled { at, wound_up: false } => Some(at),
            PerformanceState::Scheduled | PerformanceState::Cancelled { .. } => None,
        };
        Self {
            id: performance.id(),
            capacity: performance.capacity(),
            deadlines: performance.policy().deadlines,
            winding_up_since,
        }
    }
}

/// Whether a reservation may own seats.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::verify) enum Standing {
    Pending,
    Confirmed { by: PaymentId },
    Ended,
}

/// A reservation.
#[derive(Debug)]
pub(in crate::verify) struct Sale {
    pub(in crate::verify) id: ReservationId,
    pub(in crate::verify) performance: PerformanceId,
    pub(in crate::verify) show: ShowId,
    pub(in crate::verify) user: UserId,
    pub(in crate::verify) payment: Option<PaymentId>,
    pub(in crate::verify) standing: Standing,
    /// The state's name.
    pub(in crate::verify) state: &'static str,
    /// The seats that it must own now, ascending.
    pub(in crate::verify) seats: Box<[SeatNo]>,
    pub(in crate::verify) expires_at: DateTime<Utc>,
    pub(in crate::verify) latest: DateTime<Utc>,
}

impl Sale {
    pub(super) fn of(reservation: &Reservation) -> Self {
        let (standing, seats) = match reservation.state() {
            ReservationState::Pending => {
                (Standing::Pending, reservation.lines().iter().map(|line| line.seat).collect())
            }
            ReservationState::Confirmed { by, live } => {
                (Standing::Confirmed { by: *by }, live.as_slice().into())
            }
            ReservationState::Cancelled { .. }
            | ReservationState::Expired
            | ReservationState::Refunded { .. } => (Standing::Ended, Box::default()),
        };
        Self {
            id: reservation.id(),
            performance: reservation.performance(),
            show: reservation.show(),
            user: reservation.user(),
            payment: reservation.payment(),
            standing,
            state: reservation.state().name(),
            seats,
            expires_at: reservation.expires_at(),
            latest: reservation.latest(),
        }
    }

    pub(in crate::verify) fn owns(&self, seat: SeatNo) -> bool {
        self.seats.binary_search(&seat).is_ok()
    }
}

/// How far a payment has come, as far as money and deadlines go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::verify) enum Stage {
    Created,
    Unsettled { sent_at: DateTime<Utc> },
    Awaiting { due_at: DateTime<Utc> },
    Bought,
    NotHonoured,
    Ended,
    Reversed,
}

impl Stage {
    /// Whether points that were set aside for it still are.
    pub(in crate::verify) const fn holds_points(self) -> bool {
        match self {
            Self::Created | Self::Unsettled { .. } | Self::Awaiting { .. } => true,
            Self::Bought | Self::NotHonoured | Self::Ended | Self::Reversed => false,
        }
    }
}

/// A payment. Amounts are minor units of its one currency.
#[derive(Debug)]
pub(in crate::verify) struct Paid {
    pub(in crate::verify) id: PaymentId,
    pub(in crate::verify) reservation: ReservationId,
    pub(in crate::verify) performance: PerformanceId,
    pub(in crate::verify) stage: Stage,
    /// The state's name.
    pub(in crate::verify) state: &'static str,
    pub(in crate::verify) price: i64,
    pub(in crate::verify) external: i64,
    pub(in crate::verify) points: i64,
    pub(in crate::verify) received: i64,
    pub(in crate::verify) refunded: i64,
    pub(in crate::verify) seats: usize,
    /// How many of its seats its reservation still has through it, and what the gateway brought for
    /// them.
    pub(in crate::verify) live_seats: usize,
    pub(in crate::verify) live_external: i64,
    /// When the deposit account that must still be closed was due.
    pub(in crate::verify) to_close: Option<DateTime<Utc>>,
}

impl Paid {
    pub(super) fn of(payment: &Payment, sale: Option<&Sale>) -> Self {
        let stage = match payment.state() {
            PaymentState::Created => Stage::Created,
            PaymentState::Processing { sent_at, .. } | PaymentState::Unknown { sent_at, .. } => {
                Stage::Unsettled { sent_at: *sent_at }
            }
            PaymentState::AwaitingDeposit { due_at } => Stage::Awaiting { due_at: *due_at },
            PaymentState::Succeeded { honoured: Honoured::InTime | Honoured::Late } => {
                Stage::Bought
            }
            PaymentState::Succeeded { honoured: Honoured::No } => Stage::NotHonoured,
            PaymentState::Failed { .. } | PaymentState::Expired | PaymentState::Cancelled => {
                Stage::Ended
            }
            PaymentState::Reversed => Stage::Reversed,
        };
        let by_it = sale.filter(|sale| sale.standing == Standing::Confirmed { by: payment.id() });
        let live = payment
            .shares()
            .iter()
            .filter(|share| by_it.is_some_and(|sale| sale.owns(share.seat())));
        let (live_seats, live_external) = live.fold((0, 0), |(seats, external), share| {
            (seats + 1, external + share.external().minor())
        });
        let due_at = payment.account().map_or(payment.created_at(), |account| account.due_at);
        Self {
            id: payment.id(),
            reservation: payment.reservation(),
            performance: payment.performance(),
            stage,
            state: payment.state().name(),
            price: payment.shares().iter().map(|share| share.price().minor()).sum(),
            external: payment.external().minor(),
            points: payment.points().minor(),
            received: payment.received().minor(),
            refunded: payment.refunded().minor(),
            seats: payment.shares().len(),
            live_seats,
            live_external,
            to_close: payment.needs_closing().then_some(due_at),
        }
    }
}

/// A checkout.
#[derive(Debug)]
pub(in crate::verify) struct Saga {
    pub(in crate::verify) checkout: crate::id::CheckoutId,
    pub(in crate::verify) state: CheckoutState,
    pub(in crate::verify) moved_at: DateTime<Utc>,
    pub(in crate::verify) points_entry: Option<EntryId>,
    pub(in crate::verify) points: i64,
}

impl Saga {
    pub(super) const fn of(checkout: &Checkout) -> Self {
        Self {
            checkout: checkout.id(),
            state: checkout.state(),
            moved_at: checkout.moved_at(),
            points_entry: checkout.points_entry(),
            points: checkout.choice().points.minor(),
        }
    }

    pub(in crate::verify) const fn is_live(&self) -> bool {
        matches!(self.state, CheckoutState::Started | CheckoutState::Compensating { .. })
    }
}

/// A refund. Amounts are minor units of its one currency.
#[derive(Debug)]
pub(in crate::verify) struct Back {
    pub(in crate::verify) id: RefundId,
    pub(in crate::verify) payment: PaymentId,
    pub(in crate::verify) state: &'static str,
    pub(in crate::verify) currency: crate::money::Currency,
    pub(in crate::verify) external: i64,
    pub(in crate::verify) points: i64,
    /// What its seats had cost; `None` for money that bought nothing.
    pub(in crate::verify) lines: Option<BackLines>,
    pub(in crate::verify) sent: Option<Sent>,
    pub(in crate::verify) is_owed: bool,
    pub(in crate::verify) stopped: i64,
    /// Whether the gateway may have sent it without our knowing.
    pub(in crate::verify) in_doubt: bool,
    /// When somebody must have looked at it.
    pub(in crate::verify) due: Due,
}

/// The sums over the seats of a refund.
#[derive(Clone, Copy, Debug)]
pub(in crate::verify) struct BackLines {
    pub(in crate::verify) seats: usize,
    /// What the gateway had brought for them.
    pub(in crate::verify) paid_external: i64,
    pub(in crate::verify) to_external: i64,
    pub(in crate::verify) to_points: i64,
}

/// When somebody must have looked at a refund.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::verify) enum Due {
    /// It is over, or a human must look at it.
    Never,
    /// The worker.
    Worker(DateTime<Utc>),
    /// The buyer, since then: later the amount is given as points.
    Buyer(DateTime<Utc>),
}

impl Back {
    /// What is or was to be sent, all but what was stopped.
    pub(in crate::verify) const fn to_send(&self) -> i64 {
        self.external - self.stopped
    }

    pub(super) fn of(refund: &Refund) -> Self {
        let lines = match refund.what() {
            RefundFor::Seats(lines) => {
                let sum = |amount: fn(&crate::fee::RefundLine) -> Money| {
                    lines.iter().map(|line| amount(line).minor()).sum()
                };
                Some(BackLines {
                    seats: lines.len(),
                    paid_external: sum(|line| line.share().external()),
                    to_external: sum(crate::fee::RefundLine::to_external),
                    to_points: sum(crate::fee::RefundLine::to_points),
                })
            }
            RefundFor::NotHonoured => None,
        };
        let state = refund.state();
        let due = match state {
            RefundState::NeedsAccount { since } => Due::Buyer(*since),
            RefundState::Requested
            | RefundState::Processing { .. }
            | RefundState::Unknown { .. }
            | RefundState::Failed { .. }
                if refund.is_open() =>
            {
                Due::Worker(refund.next_try_at())
            }
            RefundState::Requested
            | RefundState::Processing { .. }
            | RefundState::Unknown { .. }
            | RefundState::Failed { .. }
            | RefundState::Succeeded { .. }
            | RefundState::Stopped => Due::Never,
        };
        Self {
            id: refund.id(),
            payment: refund.payment(),
            state: state.name(),
            currency: refund.external().currency(),
            external: refund.external().minor(),
            points: refund.points().minor(),
            lines,
            sent: if let RefundState::Succeeded { sent } = state { Some(*sent) } else { None },
            is_owed: refund.is_owed(),
            stopped: refund.stopped().minor(),
            in_doubt: matches!(state, RefundState::Processing { .. } | RefundState::Unknown { .. }),
            due,
        }
    }
}

/// Whether a ticket lets somebody in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::verify) enum PassState {
    Issued,
    Used,
    Void(EndCause),
}

/// A ticket.
#[derive(Debug)]
pub(in crate::verify) struct Pass {
    pub(in crate::verify) id: TicketId,
    pub(in crate::verify) reservation: ReservationId,
    pub(in crate::verify) performance: PerformanceId,
    pub(in crate::verify) seat: SeatNo,
    pub(in crate::verify) state: PassState,
}

impl Pass {
    pub(super) const fn of(ticket: &Ticket) -> Self {
        let state = match ticket.state() {
            TicketState::Issued => PassState::Issued,
            TicketState::Used { .. } => PassState::Used,
            TicketState::Void { cause } => PassState::Void(*cause),
        };
        Self {
            id: ticket.id(),
            reservation: ticket.reservation(),
            performance: ticket.performance(),
            seat: ticket.seat(),
            state,
        }
    }
}
