//! Checks every invariant of a store, counted from the store itself and never from a program's own
//! counters.
//!
//! Each table is read once, page by page. Rows must fit each other, so a store that is being written to
//! shows violations that are none: verify one that is quiet, or a consistent copy. What a moment may
//! leave behind in good order, such as a payment whose answer was lost, is no violation before it is
//! overdue.

mod allowances;
mod events;
mod holds;
mod ledger;
mod money;
mod options;
mod report;
mod seats;
mod snapshot;
mod stuck;
#[cfg(test)]
mod tests;
mod tickets;

pub use options::{GatewayPayment, GatewayTruth, PublishedEvents, VerifyOptions};
pub use report::{Invariant, Report};

use crate::error::PortError;
use crate::port::Inspect;
use snapshot::Snapshot;

/// The names of all invariants, in the order of a [`Report`].
pub const INVARIANTS: [&str; 9] = [
    "seats_with_two_owners",
    "tickets_without_money",
    "money_without_ticket_or_refund",
    "entries_that_do_not_sum",
    "wallets_below_zero",
    "allowances",
    "events_missing_or_doubled",
    "holds_leaked",
    "stuck_past_deadline",
];

/// Reads everything and checks every invariant. It needs memory for a compact row per row of the store:
/// in the order of 1 KiB per reservation with its payment, tickets, entries and events.
///
/// # Errors
/// The store could not be read.
pub async fn verify(inspect: &dyn Inspect, options: &VerifyOptions) -> Result<Report, PortError> {
    let all = Snapshot::read(inspect, options).await?;
    let invariants = vec![
        seats::check(&all),
        tickets::check(&all),
        money::check(&all, options),
        ledger::entries(&all),
        ledger::wallets(&all),
        allowances::check(&all),
        all.events.clone(),
        holds::check(&all, options),
        stuck::check(&all, options),
    ];
    Ok(Report { invariants })
}
