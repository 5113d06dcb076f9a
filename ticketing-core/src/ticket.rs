//! A ticket: proof of one confirmed seat.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::aggregate::{Aggregate, AggregateKind, AggregateRef, Applied, Root, StreamKey};
use crate::event::events;
use crate::id::{PerformanceId, ReservationId, TicketId, UserId};
use crate::label::Label;
use crate::reservation::{EndCause, Reservation};
use crate::seat::SeatNo;

/// Where a ticket stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TicketState {
    /// It lets one person in.
    Issued,
    /// Somebody went in.
    Used {
        /// When.
        at: DateTime<Utc>,
        /// Through which door.
        gate: Label<64>,
    },
    /// It lets nobody in. Final.
    Void {
        /// Why.
        cause: EndCause,
    },
}

impl TicketState {
    /// The state's name.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Issued => "issued",
            Self::Used { .. } => "used",
            Self::Void { .. } => "void",
        }
    }
}

/// Why a ticket refused a command; nothing changed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TicketRefusal {
    /// Somebody went in with it before.
    #[error("the ticket was used at {at} at {gate}")]
    Used {
        /// When.
        at: DateTime<Utc>,
        /// Through which door.
        gate: Label<64>,
    },
    /// It was refunded or reversed.
    #[error("the ticket is void")]
    Void {
        /// Why.
        cause: EndCause,
    },
}

/// Proof of one confirmed seat. Its signed code is made from its id, see
/// [`crate::ticket_code`]; that proves it genuine, only [`Ticket::admit`] against the store admits.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ticket {
    root: Root,
    id: TicketId,
    reservation: ReservationId,
    performance: PerformanceId,
    user: UserId,
    seat: SeatNo,
    issued_at: DateTime<Utc>,
    state: TicketState,
}

events! {
    /// What happened to a ticket.
    TicketEvent {
        /// It was issued.
        Issued = "ticket.issued" {
            /// Which.
            ticket: TicketId,
            /// Of which reservation.
            reservation: ReservationId,
            /// Of which performance.
            performance: PerformanceId,
            /// Whose.
            user: UserId,
            /// For which seat.
            seat: SeatNo,
        },
        /// Somebody went in.
        Used = "ticket.used" {
            /// Which.
            ticket: TicketId,
            /// Through which door.
            gate: Label<64>,
        },
        /// It lets nobody in any more.
        Voided = "ticket.voided" {
            /// Which.
            ticket: TicketId,
            /// Why.
            cause: EndCause,
        },
    }
}

impl Ticket {
    /// Issues the ticket of one seat of a confirmed reservation.
    pub fn issue(
        id: TicketId,
        reservation: &Reservation,
        seat: SeatNo,
        now: DateTime<Utc>,
    ) -> Self {
        let (performance, user) = (reservation.performance(), reservation.user());
        let reservation = reservation.id();
        let mut root = Root::new();
        root.record(now, TicketEvent::Issued { ticket: id, reservation, performance, user, seat });
        let state = TicketState::Issued;
        Self { root, id, reservation, performance, user, seat, issued_at: now, state }
    }

    /// Lets one person in.
    ///
    /// # Errors
    /// Used before, or void.
    pub fn admit(&mut self, gate: Label<64>, now: DateTime<Utc>) -> Result<(), TicketRefusal> {
        match &self.state {
            TicketState::Issued => {
                self.state = TicketState::Used { at: now, gate: gate.clone() };
                self.root.record(now, TicketEvent::Used { ticket: self.id, gate });
                Ok(())
            }
            TicketState::Used { at, gate } => {
                Err(TicketRefusal::Used { at: *at, gate: gate.clone() })
            }
            TicketState::Void { cause } => Err(TicketRefusal::Void { cause: *cause }),
        }
    }

    /// Makes it void. A used one only if the performance itself was cancelled.
    ///
    /// # Errors
    /// Used, and the performance took place; or void for another cause.
    pub fn void(
        &mut self,
        cause: EndCause,
        performance_cancelled: bool,
        now: DateTime<Utc>,
    ) -> Result<Applied, TicketRefusal> {
        match &self.state {
            TicketState::Used { at, gate } if !performance_cancelled => {
                Err(TicketRefusal::Used { at: *at, gate: gate.clone() })
            }
            TicketState::Issued | TicketState::Used { .. } => {
                self.state = TicketState::Void { cause };
                self.root.record(now, TicketEvent::Voided { ticket: self.id, cause });
                Ok(Applied::Now)
            }
            TicketState::Void { cause: before } if *before == cause => Ok(Applied::Already),
            TicketState::Void { cause } => Err(TicketRefusal::Void { cause: *cause }),
        }
    }

    /// Its id.
    pub const fn id(&self) -> TicketId {
        self.id
    }

    /// The reservation it was issued for.
    pub const fn reservation(&self) -> ReservationId {
        self.reservation
    }

    /// The performance.
    pub const fn performance(&self) -> PerformanceId {
        self.performance
    }

    /// Whose it is.
    pub const fn user(&self) -> UserId {
        self.user
    }

    /// The seat.
    pub const fn seat(&self) -> SeatNo {
        self.seat
    }

    /// When it was issued.
    pub const fn issued_at(&self) -> DateTime<Utc> {
        self.issued_at
    }

    /// Its state.
    pub const fn state(&self) -> &TicketState {
        &self.state
    }
}

impl Aggregate for Ticket {
    fn reference(&self) -> AggregateRef {
        AggregateRef { kind: AggregateKind::Ticket, id: self.id.as_uuid() }
    }

    fn stream(&self) -> StreamKey {
        StreamKey(self.reservation.as_uuid())
    }

    fn root(&self) -> &Root {
        &self.root
    }

    fn root_mut(&mut self) -> &mut Root {
        &mut self.root
    }
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;
    use serde_json::json;
    use uuid::Uuid;

    use super::*;
    use crate::id::{HoldToken, PaymentId, RefundId, ShowId};
    use crate::label::Grade;
    use crate::money::{Currency, Money};
    use crate::policy::Deadlines;
    use crate::reservation::tests::{assert_unchanged, pending_events};
    use crate::reservation::{NewReservation, SeatLine};

    fn ticket() -> Ticket {
        let now = DateTime::UNIX_EPOCH;
        let uuid = Uuid::from_u128(1);
        let price = Money::from_minor(10_000, Currency::KRW).unwrap();
        let grade = Grade::new("R").unwrap();
        let new = NewReservation {
            id: ReservationId::from_uuid(uuid),
            performance: PerformanceId::from_uuid(uuid),
            show: ShowId::from_uuid(uuid),
            starts_at: now + TimeDelta::days(30),
            user: UserId::from_uuid(uuid),
            lines: vec![SeatLine { seat: SeatNo(4), grade, price }],
            hold: HoldToken::from_uuid(uuid),
        };
        let reservation = Reservation::make(new, &Deadlines::default(), now).unwrap();
        Ticket::issue(TicketId::from_uuid(uuid), &reservation, SeatNo(4), now)
    }

    fn gate() -> Label<64> {
        Label::new("north").unwrap()
    }

    const REFUND: EndCause = EndCause::Refund(RefundId::from_uuid(Uuid::from_u128(2)));
    const REVERSAL: EndCause = EndCause::Reversal(PaymentId::from_uuid(Uuid::from_u128(3)));

    #[derive(Clone, Copy, Debug)]
    enum At {
        Issued,
        Used,
        VoidByRefund,
        VoidByReversal,
    }

    impl At {
        const ALL: [Self; 4] = [Self::Issued, Self::Used, Self::VoidByRefund, Self::VoidByReversal];

        fn ticket(self) -> Ticket {
            let mut ticket = ticket();
            match self {
                Self::Issued => {}
                Self::Used => ticket.admit(gate(), DateTime::UNIX_EPOCH).unwrap(),
                Self::VoidByRefund => {
                    ticket.void(REFUND, false, DateTime::UNIX_EPOCH).unwrap();
                }
                Self::VoidByReversal => {
                    ticket.void(REVERSAL, false, DateTime::UNIX_EPOCH).unwrap();
                }
            }
            ticket
        }
    }

    type Run = fn(&mut Ticket, DateTime<Utc>) -> Result<Applied, TicketRefusal>;

    #[test]
    fn every_command_in_every_state() {
        use Applied::{Already, Now};
        let later = DateTime::UNIX_EPOCH + TimeDelta::hours(1);
        let used = || Err(TicketRefusal::Used { at: DateTime::UNIX_EPOCH, gate: gate() });
        let void = |cause| Err(TicketRefusal::Void { cause });
        let other_gate: Run = |it, now| it.admit(Label::new("south").unwrap(), now).map(|()| Now);
        let admit: Run = |it, now| it.admit(gate(), now).map(|()| Now);
        let refund: Run = |it, now| it.void(REFUND, false, now);
        let reversal: Run = |it, now| it.void(REVERSAL, false, now);
        let cancelled: Run = |it, now| it.void(REFUND, true, now);
        let by_refund = || void(REFUND);
        let by_reversal = || void(REVERSAL);
        let rows = [
            ("admit", admit, [Ok(Now), used(), by_refund(), by_reversal()]),
            ("admit at another gate", other_gate, [Ok(Now), used(), by_refund(), by_reversal()]),
            ("refund", refund, [Ok(Now), used(), Ok(Already), by_reversal()]),
            ("reverse", reversal, [Ok(Now), used(), by_refund(), Ok(Already)]),
            ("refund a cancelled show", cancelled, [Ok(Now), Ok(Now), Ok(Already), by_reversal()]),
        ];
        for (name, run, answers) in rows {
            for (at, expected) in At::ALL.into_iter().zip(answers) {
                let before = at.ticket();
                let mut after = before.clone();
                let answer = run(&mut after, later);
                assert_eq!(answer, expected, "{name} when {at:?}");
                if answer == Ok(Now) {
                    assert_eq!(after.root().recorded(), before.root().recorded() + 1, "{name}");
                } else {
                    assert_unchanged(&before, &after, &format!("{name} when {at:?}"));
                }
            }
        }
    }

    #[test]
    fn every_state_reads_back_equal() {
        for at in At::ALL {
            let json = serde_json::to_string(&at.ticket()).unwrap();
            assert_eq!(serde_json::from_str::<Ticket>(&json).unwrap(), at.ticket(), "{at:?}");
        }
    }

    #[test]
    fn events_have_the_names_and_fields_that_consumers_read() {
        let told = |at: At| -> Vec<serde_json::Value> {
            let events = pending_events(&at.ticket());
            events.iter().map(|event| serde_json::to_value(event).unwrap()).collect()
        };
        let id = Uuid::from_u128(1);
        let issued = json!({
            "type": "ticket.issued", "ticket": id, "reservation": id, "performance": id,
            "user": id, "seat": 4,
        });
        let used = json!({"type": "ticket.used", "ticket": id, "gate": "north"});
        assert_eq!(told(At::Used), [issued.clone(), used]);
        let cause = json!({"refund": Uuid::from_u128(2)});
        let voided = json!({"type": "ticket.voided", "ticket": id, "cause": cause});
        assert_eq!(told(At::VoidByRefund), [issued, voided]);
    }

    #[test]
    fn a_ticket_admits_once_and_says_when() {
        let mut ticket = ticket();
        ticket.admit(gate(), DateTime::UNIX_EPOCH).unwrap();
        let again = ticket.admit(gate(), DateTime::UNIX_EPOCH + TimeDelta::hours(1));
        assert_eq!(again, Err(TicketRefusal::Used { at: DateTime::UNIX_EPOCH, gate: gate() }));
        assert_eq!(ticket.root().recorded(), 2);
    }

    #[test]
    fn a_used_ticket_is_voided_only_when_the_performance_was_cancelled() {
        let mut ticket = ticket();
        ticket.admit(gate(), DateTime::UNIX_EPOCH).unwrap();
        assert!(ticket.void(REFUND, false, DateTime::UNIX_EPOCH).is_err());
        assert_eq!(ticket.void(REFUND, true, DateTime::UNIX_EPOCH), Ok(Applied::Now));
    }

    #[test]
    fn a_void_ticket_admits_nobody_and_stays_void() {
        let mut ticket = ticket();
        assert_eq!(ticket.void(REFUND, false, DateTime::UNIX_EPOCH), Ok(Applied::Now));
        assert_eq!(ticket.void(REFUND, false, DateTime::UNIX_EPOCH), Ok(Applied::Already));
        let other = ticket.void(REVERSAL, true, DateTime::UNIX_EPOCH);
        assert_eq!(other, Err(TicketRefusal::Void { cause: REFUND }));
        assert!(ticket.admit(gate(), DateTime::UNIX_EPOCH).is_err());
        assert_eq!(ticket.root().recorded(), 2);
    }
}
