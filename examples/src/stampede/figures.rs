//! What was sold, counted from the store.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use ticketing_core::error::PortError;
use ticketing_core::id::{PerformanceId, SellerId};
use ticketing_core::ledger::Account;
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

/// Which part of a store is counted.
#[derive(Clone, Debug)]
pub(crate) enum Scope {
    /// All of it.
    All,
    /// One sale of a store that holds others.
    Sale {
        /// What it sells.
        performances: BTreeSet<PerformanceId>,
        seller: SellerId,
        /// What the platform had before it, in minor units.
        fees_before: i64,
    },
}

impl Scope {
    fn has(&self, performance: PerformanceId) -> bool {
        match self {
            Self::All => true,
            Self::Sale { performances, .. } => performances.contains(&performance),
        }
    }

    /// What of an account's balance counts.
    fn revenue(&self, account: Account, balance: i64) -> i64 {
        match (self, account) {
            (Self::All, Account::Seller(_) | Account::PlatformFee) => balance,
            (Self::Sale { seller, .. }, Account::Seller(of)) if of == *seller => balance,
            (Self::Sale { fees_before, .. }, Account::PlatformFee) => balance - fees_before,
            (Self::All | Self::Sale { .. }, _) => 0,
        }
    }
}

impl Figures {
    /// Counts; `left_at` is when the last buyer left.
    pub(crate) async fn count(
        store: &dyn Inspect,
        scope: &Scope,
        currency: Currency,
        left_at: DateTime<Utc>,
    ) -> Result<Self, PortError> {
        let mut figures = Self::default();
        for_each!(store, claims, |row| {
            let sold = row.claim.status == ClaimStatus::Sold && scope.has(row.performance);
            figures.sold += u64::from(sold);
        });
        for_each!(store, tickets, |ticket| if scope.has(ticket.performance()) {
            match ticket.state() {
                TicketState::Issued | TicketState::Used { .. } => figures.tickets += 1,
                TicketState::Void { .. } => figures.refunded += 1,
            }
        });
        for_each!(store, payments, |payment| {
            let honoured = matches!(payment.honoured(), Some(Honoured::InTime | Honoured::Late));
            let in_time = payment.paid_at().is_some_and(|at| at <= left_at);
            let counts = honoured && in_time && scope.has(payment.performance());
            figures.purchases += u64::from(counts);
        });
        for_each!(store, balances, |row| {
            if row.account.currency == currency {
                figures.revenue_minor += scope.revenue(row.account.account, row.amount);
            }
        });
        Ok(figures)
    }
}
