//! Aggregates as a read answers them: which one, at which version, and where it stands.

use std::fmt;

use super::{Canon, Encoder};
use crate::aggregate::Aggregate;
use crate::checkout::{Checkout, CheckoutState};
use crate::ledger::JournalEntry;
use crate::payment::Payment;
use crate::performance::{Performance, PerformanceState};
use crate::refund::Refund;
use crate::reservation::Reservation;
use crate::show::Show;
use crate::ticket::Ticket;
use crate::venue::Venue;

/// Reference, version and how many events it recorded. All of it would be too much, reads are many; what
/// stands at a version is what a commit wrote there, and of commits the trace has everything.
macro_rules! read {
    ($($name:ty, $aggregate:ident => $standing:expr;)*) => {$(
        impl Canon for $name {
            fn canon(&self, out: &mut Encoder) {
                let root = self.root();
                (self.reference(), root.version(), root.recorded()).canon(out);
            }

            fn show(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                let $aggregate = self;
                write!(f, "{} v{} {}", self.reference(), self.root().version(), $standing)
            }
        }
    )*};
}

read! {
    Venue, venue => venue.name();
    Show, show => show.title();
    Performance, performance => performance_standing(performance);
    Reservation, reservation => reservation.state().name();
    Checkout, checkout => checkout_standing(checkout);
    Payment, payment => payment.state().name();
    Refund, refund => refund.state().name();
    Ticket, ticket => ticket.state().name();
}

const fn performance_standing(performance: &Performance) -> &'static str {
    match performance.state() {
        PerformanceState::Scheduled => "scheduled",
        PerformanceState::Cancelled { wound_up: false, .. } => "cancelled",
        PerformanceState::Cancelled { wound_up: true, .. } => "cancelled and wound up",
    }
}

const fn checkout_standing(checkout: &Checkout) -> &'static str {
    match checkout.state() {
        CheckoutState::Started => "started",
        CheckoutState::Compensating { .. } => "compensating",
        CheckoutState::Compensated { .. } => "compensated",
        CheckoutState::Completed { .. } => "completed",
    }
}

/// All of it: an entry is written once.
impl Canon for JournalEntry {
    fn canon(&self, out: &mut Encoder) {
        out.put_json(self);
    }

    fn show(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} {}", self.kind(), self.id())?;
        for (at, (account, amount)) in self.lines().enumerate() {
            let before = if at == 0 { ": " } else { ", " };
            write!(f, "{before}{account} {amount}")?;
        }
        if let Some(pending) = self.resolves() {
            write!(f, ", resolves {pending}")?;
        }
        Ok(())
    }
}
