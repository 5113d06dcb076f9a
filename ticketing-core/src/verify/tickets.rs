//! Every ticket that lets somebody in was paid, and every paid seat has one.

use rustc_hash::FxHashSet;

use super::report::Invariant;
use super::snapshot::{Pass, PassState, Snapshot, Stage, Standing};

pub(super) fn check(all: &Snapshot) -> Invariant {
    let mut found = Invariant::new("tickets_without_money");
    let mut taken = FxHashSet::default();
    let mut having = vec![0; all.sales.len()];
    for ticket in &all.tickets {
        let valid = match ticket.state {
            PassState::Issued | PassState::Used => true,
            PassState::Void(_) => false,
        };
        let reason = if valid { unpaid(all, ticket) } else { None };
        found.look(reason.is_none(), || {
            format!("ticket {}: {}", ticket.id, reason.unwrap_or_default())
        });
        if valid {
            let first = taken.insert((ticket.performance, ticket.seat));
            found.must(first, || {
                let (id, seat) = (ticket.id, ticket.seat);
                format!("ticket {id}: seat {seat} has another one that lets somebody in")
            });
            if let Some(place) = all.sales.place(&ticket.reservation) {
                having[place] += 1;
            }
        }
    }
    for (sale, having) in all.sales.iter().zip(having) {
        if let Standing::Confirmed { .. } = sale.standing {
            let must = sale.seats.len();
            found.look(having == must, || {
                format!("reservation {}: expected {must} tickets, got {having}", sale.id)
            });
        }
    }
    found
}

/// Why a ticket that lets somebody in should not.
fn unpaid(all: &Snapshot, ticket: &Pass) -> Option<String> {
    let reservation = ticket.reservation;
    let Some(sale) = all.sales.get(&reservation) else {
        return Some(format!("reservation {reservation} is not there"));
    };
    let Standing::Confirmed { by } = sale.standing else {
        return Some(format!("reservation {reservation} is {}", sale.state));
    };
    if sale.performance != ticket.performance || !sale.owns(ticket.seat) {
        return Some(format!("seat {} of reservation {reservation} is given up", ticket.seat));
    }
    let Some(payment) = all.payments.get(&by).filter(|paid| paid.reservation == reservation) else {
        return Some(format!("payment {by} of reservation {reservation} is not there"));
    };
    // Whoever went in before the bank took the deposit back has been in: that is booked as a loss.
    let lost = || {
        ticket.state == PassState::Used
            && all.books.payments.get(&by).is_some_and(|flow| flow.lost > 0)
    };
    let paid = match payment.stage {
        Stage::Bought => true,
        Stage::Reversed | Stage::NotHonoured => lost(),
        Stage::Created | Stage::Unsettled { .. } | Stage::Awaiting { .. } | Stage::Ended => false,
    };
    (!paid).then(|| format!("payment {by} is {} and bought nothing", payment.state))
}
