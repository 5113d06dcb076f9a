use std::sync::Arc;

use async_trait::async_trait;
use chrono::{DateTime, Utc};

use crate::aggregate::AggregateRef;
use crate::checkout::Checkout;
use crate::error::PortError;
use crate::id::{EntryId, PerformanceId, ReservationId, ShowId, UserId};
use crate::ledger::{AccountKey, JournalEntry};
use crate::page::{Page, PageRequest};
use crate::payment::Payment;
use crate::performance::Performance;
use crate::port::OutboxRow;
use crate::refund::Refund;
use crate::reservation::Reservation;
use crate::seat::{Claim, SeatNo};
use crate::ticket::Ticket;

/// One claim row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClaimRow {
    /// The performance.
    pub performance: PerformanceId,
    /// The seat.
    pub seat: SeatNo,
    /// Whose it is.
    pub claim: Claim,
}

/// One place of a user in a show.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AllowanceRow {
    /// The user.
    pub user: UserId,
    /// The show.
    pub show: ShowId,
    /// The place, from 0 and below the limit.
    pub slot: u16,
    /// The reservation that took it.
    pub reservation: ReservationId,
}

/// One balance.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BalanceRow {
    /// The account.
    pub account: AccountKey,
    /// Minor units, signed.
    pub amount: i64,
}

/// How many events an aggregate says it recorded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EventCount {
    /// The aggregate.
    pub aggregate: AggregateRef,
    /// How many.
    pub recorded: u64,
    /// When it was last committed, if the store knows.
    pub saved_at: Option<DateTime<Utc>>,
}

/// Reads everything, page by page: what every check of the invariants counts from. Each list gives
/// each row once over all pages (`testing::inspect::lists_are_complete`); without writes in between
/// they are one consistent state.
#[cfg_attr(feature = "mock", mockall::automock)]
#[async_trait]
pub trait Inspect: Send + Sync {
    /// All claims.
    async fn claims(&self, page: PageRequest) -> Result<Page<ClaimRow>, PortError>;
    /// All places in shows.
    async fn allowances(&self, page: PageRequest) -> Result<Page<AllowanceRow>, PortError>;
    /// All performances.
    async fn performances(&self, page: PageRequest) -> Result<Page<Arc<Performance>>, PortError>;
    /// All reservations.
    async fn reservations(&self, page: PageRequest) -> Result<Page<Reservation>, PortError>;
    /// All checkouts.
    async fn checkouts(&self, page: PageRequest) -> Result<Page<Checkout>, PortError>;
    /// All payments.
    async fn payments(&self, page: PageRequest) -> Result<Page<Payment>, PortError>;
    /// All refunds.
    async fn refunds(&self, page: PageRequest) -> Result<Page<Refund>, PortError>;
    /// All tickets.
    async fn tickets(&self, page: PageRequest) -> Result<Page<Ticket>, PortError>;
    /// All journal entries.
    async fn entries(&self, page: PageRequest) -> Result<Page<Arc<JournalEntry>>, PortError>;
    /// All resolutions: the pending entry and the one that ended it.
    async fn resolutions(&self, page: PageRequest) -> Result<Page<(EntryId, EntryId)>, PortError>;
    /// All balances.
    async fn balances(&self, page: PageRequest) -> Result<Page<BalanceRow>, PortError>;
    /// All events that were not dropped yet, published or not, by partition and sequence.
    async fn outbox(&self, page: PageRequest) -> Result<Page<OutboxRow>, PortError>;
    /// How many events each aggregate recorded, venues and shows included.
    async fn event_counts(&self, page: PageRequest) -> Result<Page<EventCount>, PortError>;
}
