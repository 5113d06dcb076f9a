//! Nothing stays where a sweeper or a worker should have moved it on.

use chrono::{DateTime, Utc};

use super::options::VerifyOptions;
use super::report::Invariant;
use super::snapshot::{Due, Hall, Paid, Sale, Snapshot, Stage, Standing};
use crate::service::checkout::STALLED_AFTER;

pub(super) fn check(all: &Snapshot, options: &VerifyOptions) -> Invariant {
    let mut found = Invariant::new("stuck_past_deadline");
    let mut look = |what: &dyn Fn() -> String, due_at: Option<DateTime<Utc>>| {
        let overdue = due_at.filter(|at| options.is_overdue(*at));
        found.look(overdue.is_none(), || {
            let due = overdue.map_or_else(String::new, |at| at.to_string());
            format!("{} should have moved on at {due}", what())
        });
    };
    for hall in all.halls.iter() {
        let what = || format!("performance {}, cancelled and not wound up,", hall.id);
        look(&what, hall.winding_up_since.map(|at| at + hall.deadlines.confirm_window));
    }
    for sale in all.sales.iter() {
        look(&|| format!("reservation {}, {},", sale.id, sale.state), sale_due(all, sale));
    }
    for paid in all.payments.iter() {
        let hall = all.halls.get(&paid.performance);
        let due_at = hall.and_then(|hall| payment_due(hall, paid));
        look(&|| format!("payment {}, {},", paid.id, paid.state), due_at);
        look(&|| format!("the deposit account of payment {}", paid.id), paid.to_close);
    }
    for saga in &all.checkouts {
        let due_at = saga.is_live().then(|| saga.moved_at + STALLED_AFTER);
        look(&|| format!("checkout {}", saga.checkout), due_at);
    }
    for refund in all.refunds.iter() {
        let due_at = match refund.due {
            Due::Never => None,
            Due::Worker(at) => Some(at),
            Due::Buyer(since) => all
                .payments
                .get(&refund.payment)
                .and_then(|paid| all.halls.get(&paid.performance))
                .map(|hall| since + hall.deadlines.refund_account_wait),
        };
        look(&|| format!("refund {}, {},", refund.id, refund.state), due_at);
    }
    for paid in all.payments.iter() {
        abandoned(all, paid, &mut found);
    }
    found
}

/// A reservation waits for its gateway's answer until its absolute maximum, else until its deadline.
fn sale_due(all: &Snapshot, sale: &Sale) -> Option<DateTime<Utc>> {
    match sale.standing {
        Standing::Pending => {
            let paid = sale.payment.and_then(|id| all.payments.get(&id));
            let unsettled = paid.is_some_and(|paid| matches!(paid.stage, Stage::Unsettled { .. }));
            Some(if unsettled { sale.latest } else { sale.expires_at })
        }
        Standing::Confirmed { .. } | Standing::Ended => None,
    }
}

fn payment_due(hall: &Hall, paid: &Paid) -> Option<DateTime<Utc>> {
    match paid.stage {
        Stage::Unsettled { sent_at } => Some(sent_at + hall.deadlines.confirm_window),
        Stage::Awaiting { due_at } => Some(due_at + hall.deadlines.notice_margin),
        Stage::Created | Stage::Bought | Stage::NotHonoured | Stage::Ended | Stage::Reversed => {
            None
        }
    }
}

/// A payment that still waits for money of its own accord is that of a reservation that can be paid:
/// nothing else would end it.
fn abandoned(all: &Snapshot, paid: &Paid, found: &mut Invariant) {
    match paid.stage {
        Stage::Created | Stage::Awaiting { .. } => {}
        Stage::Unsettled { .. }
        | Stage::Bought
        | Stage::NotHonoured
        | Stage::Ended
        | Stage::Reversed => return,
    }
    let waited_for = all
        .sales
        .get(&paid.reservation)
        .is_some_and(|sale| sale.standing == Standing::Pending && sale.payment == Some(paid.id));
    found.must(waited_for, || {
        let (id, state, reservation) = (paid.id, paid.state, paid.reservation);
        format!("payment {id} is {state}, but reservation {reservation} does not wait for it")
    });
}
