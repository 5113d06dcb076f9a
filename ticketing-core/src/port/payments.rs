use async_trait::async_trait;
use chrono::{DateTime, Utc};

use crate::error::PortError;
use crate::id::{PaymentId, ReservationId};
use crate::page::{Page, PageRequest};
use crate::payment::Payment;

/// Reads payments, from the primary: what was committed is seen. Lists give each item once over all
/// pages.
///
/// An adapter MUST read a payment as it was saved, and list those of a reservation whatever became of
/// them (`testing::reads::payments_and_checkouts_are_listed_by_reservation`). It MUST list what waits
/// for the gateway or must be closed there from the commit that makes it so to the commit that ends it.
#[cfg_attr(feature = "mock", mockall::automock)]
#[async_trait]
pub trait Payments: Send + Sync {
    /// One payment.
    async fn find(&self, id: PaymentId) -> Result<Option<Payment>, PortError>;
    /// All payments of one reservation, in the order of ids; bounded by the policy's attempts.
    async fn of_reservation(&self, id: ReservationId) -> Result<Vec<Payment>, PortError>;
    /// Payments that wait for the gateway's word ([`Payment::is_unsettled`]) and were last sent or
    /// asked about at or before `until`, in the order of ([`Payment::asked_at`], id)
    /// (`testing::reads::unsettled_lists_what_waits_for_the_gateway`).
    async fn unsettled(
        &self,
        until: DateTime<Utc>,
        page: PageRequest,
    ) -> Result<Page<Payment>, PortError>;
    /// Payments whose deposit account must still be closed at the gateway
    /// ([`Payment::needs_closing`]), in the order of ids
    /// (`testing::reads::accounts_to_close_are_listed_until_closed`).
    async fn to_close(&self, page: PageRequest) -> Result<Page<Payment>, PortError>;
}
