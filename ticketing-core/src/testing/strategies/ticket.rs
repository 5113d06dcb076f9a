//! Tickets in every state.

use proptest::prelude::*;
use proptest::sample::select;
use uuid::Uuid;

use super::purchase::{Sale, sales};
use super::value::labels;
use crate::id::RefundId;
use crate::label::Label;
use crate::reservation::EndCause;
use crate::ticket::{Ticket, TicketState};

/// Where a drawn ticket stands: its state without what the state carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum TicketAt {
    /// [`TicketState::Issued`].
    Issued,
    /// [`TicketState::Used`].
    Used,
    /// [`TicketState::Void`]: after a refund or a reversal, some after they were used.
    Void,
}

impl TicketAt {
    /// All of them, the simplest first.
    pub const ALL: [Self; 3] = [Self::Issued, Self::Used, Self::Void];

    /// Where a ticket stands.
    pub const fn of(ticket: &Ticket) -> Self {
        match ticket.state() {
            TicketState::Issued => Self::Issued,
            TicketState::Used { .. } => Self::Used,
            TicketState::Void { .. } => Self::Void,
        }
    }
}

/// Tickets of a seat of [`sales`] in every state: new to a store, with all their events.
///
/// ```
/// use proptest::prelude::*;
/// use ticketing_core::testing::strategies;
///
/// proptest!(|(ticket in strategies::tickets())| {
///     prop_assert!(ticket.state().name().len() > 3);
/// });
/// ```
pub fn tickets() -> BoxedStrategy<Ticket> {
    (select(TicketAt::ALL.to_vec()), lives()).prop_map(|(at, life)| life.bring(at)).boxed()
}

/// The tickets of [`tickets`] that stand at `at`.
///
/// ```
/// use proptest::prelude::*;
/// use ticketing_core::testing::strategies::{self, TicketAt};
///
/// let used = strategies::tickets_in(TicketAt::Used);
/// proptest!(|(ticket in used)| prop_assert_eq!(ticket.state().name(), "used"));
/// ```
pub fn tickets_in(at: TicketAt) -> BoxedStrategy<Ticket> {
    lives().prop_map(move |life| life.bring(at)).boxed()
}

#[derive(Clone, Debug)]
struct Life {
    sale: Sale,
    seat: usize,
    gate: Label<64>,
    is_used: bool,
    refund: Option<RefundId>,
}

fn lives() -> BoxedStrategy<Life> {
    let id = any::<u128>().no_shrink();
    let refund = id.prop_map(|id| RefundId::from_uuid(Uuid::from_u128(id)));
    let ends = (any::<bool>(), proptest::option::of(refund));
    (sales(), 0..8_usize, labels(), ends)
        .prop_map(|(sale, seat, gate, (is_used, refund))| Life {
            sale,
            seat,
            gate,
            is_used,
            refund,
        })
        .boxed()
}

impl Life {
    fn bring(self, at: TicketAt) -> Ticket {
        let Sale { payment, tickets, .. } = self.sale;
        let mut it = tickets[self.seat % tickets.len()].clone();
        let now = it.issued_at();
        if at == TicketAt::Used || (at == TicketAt::Void && self.is_used) {
            it.admit(self.gate, now).expect("it is new");
        }
        if at == TicketAt::Void {
            let reversal = EndCause::Reversal(payment.id());
            let cause = self.refund.map_or(reversal, EndCause::Refund);
            it.void(cause, self.is_used, now).expect("unused, or the performance is cancelled");
        }
        it
    }
}
