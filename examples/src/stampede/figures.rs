//! What was sold, counted from the store.

use chrono::{DateTime, Utc};
use ticketing_core::error::PortError;
use ticketing_core::ledger::Account;
use ticketing_core::memory::MemoryStore;
use ticketing_core::money::Currency;
use ticketing_core::page::{Limit, PageRequest};
use ticketing_core::payment::Honoured;
use ticketing_core::port::Inspect;
use ticketing_core::seat::ClaimStatus;
use ticketing_core::ticket::TicketState;

/// The outcome of the sale.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Figures {
    /// Seats sold at the end.
    pub(crate) sold: u64,
    /// Tickets that let somebody in.
    pub(crate) tickets: u64,
    /// Tickets that were issued and are void.
    pub(crate) refunded: u64,
    /// Reservations that were paid and honoured while the buyers were there.
    pub(crate) purchases: u64,
    /// What seller and platform have of it, in minor units.
    pub(crate) revenue_minor: i64,
}

pub(crate) const PAGE: Limit = match Limit::new(Limit::MAX) {
    Ok(limit) => limit,
    Err(_) => Limit::DEFAULT,
};

/// Runs `$body` for every item of one list of [`Inspect`].
macro_rules! for_each {
    ($store:expr, $list:ident, |$item:ident| $body:expr) => {
        let mut after = None;
        loop {
            let page = Inspect::$list($store, PageRequest::next(after, PAGE)).await?;
            for $item in page.items {
                $body
            }
            after = page.next;
            if after.is_none() {
                break;
            }
        }
    };
}
pub(crate) use for_each;

impl Figures {
    /// Counts; `left_at` is when the last buyer left.
    pub(crate) async fn count(
        store: &MemoryStore,
        currency: Currency,
        left_at: DateTime<Utc>,
    ) -> Result<Self, PortError> {
        let mut figures = Self::default();
        for_each!(store, claims, |row| {
            figures.sold += u64::from(row.claim.status == ClaimStatus::Sold);
        });
        for_each!(store, tickets, |ticket| match ticket.state() {
            TicketState::Issued | TicketState::Used { .. } => figures.tickets += 1,
            TicketState::Void { .. } => figures.refunded += 1,
        });
        for_each!(store, payments, |payment| {
            let honoured = matches!(payment.honoured(), Some(Honoured::InTime | Honoured::Late));
            let in_time = payment.paid_at().is_some_and(|at| at <= left_at);
            figures.purchases += u64::from(honoured && in_time);
        });
        for_each!(store, balances, |row| {
            let counts = matches!(row.account.account, Account::Seller(_) | Account::PlatformFee);
            if counts && row.account.currency == currency {
                figures.revenue_minor += row.amount;
            }
        });
        Ok(figures)
    }
}
