use async_trait::async_trait;
use chrono::{DateTime, Utc};

use crate::error::PortError;
use crate::id::{PaymentId, ReservationId};
use crate::page::{Page, PageRequest};
use crate::payment::Payment;

/// Reads payments, from the primary.
#[cfg_attr(feature = "mock", mockall::automock)]
#[async_trait]
pub trait Payments: Send + Sync {
    /// One payment.
    async fn find(&self, id: PaymentId) -> Result<Option<Payment>, PortError>;
    /// All payments of one reservation, in the order of ids; bounded by the policy's attempts.
    async fn of_reservation(&self, id: ReservationId) -> Result<Vec<Payment>, PortError>;
    /// Payments that wait for the gateway's word ([`Payment::is_unsettled`]) and were last sent or
    /// asked about at or before `until`, in the order of (that instant, id).
    async fn unsettled(
        &self,
        until: DateTime<Utc>,
        page: PageRequest,
    ) -> Result<Page<Payment>, PortError>;
    /// Payments whose deposit account must still be closed at the gateway
    /// ([`Payment::needs_closing`]), in the order of ids.
    async fn to_close(&self, page: PageRequest) -> Result<Page<Payment>, PortError>;
}
