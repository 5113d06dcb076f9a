//! Where a checkout stands, and why there is none.

use serde::{Deserialize, Serialize};

use crate::checkout::{Abort, Checkout, CheckoutState};
use crate::error::PortError;
use crate::id::{CheckoutId, PaymentId, ReservationId, UserId};
use crate::money::Money;
use crate::performance::PerformanceRefusal;
use crate::port::Ports;
use crate::reservation::ReservationRefusal;
use crate::service::support::Failure;

/// Where a checkout stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CheckoutView {
    /// Which.
    pub checkout: CheckoutId,
    /// Of which reservation.
    pub reservation: ReservationId,
    /// How far it has come.
    pub state: CheckoutState,
}

impl CheckoutView {
    /// The payment, once the checkout is completed.
    pub const fn payment(&self) -> Option<PaymentId> {
        match self.state {
            CheckoutState::Completed { payment } => Some(payment),
            CheckoutState::Started
            | CheckoutState::Compensating { .. }
            | CheckoutState::Compensated { .. } => None,
        }
    }

    /// Why it did not complete, once it turned back.
    pub const fn abort(&self) -> Option<Abort> {
        match self.state {
            CheckoutState::Compensating { abort } | CheckoutState::Compensated { abort } => {
                Some(abort)
            }
            CheckoutState::Started | CheckoutState::Completed { .. } => None,
        }
    }
}

/// Why no checkout was started.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CheckoutError {
    /// No such reservation of this user.
    #[error("no reservation {0} of this user")]
    NoSuchReservation(ReservationId),
    /// No such checkout of this user.
    #[error("no checkout {0} of this user")]
    NoSuchCheckout(CheckoutId),
    /// The reservation does not allow it.
    #[error(transparent)]
    Reservation(#[from] ReservationRefusal),
    /// The performance does not take place.
    #[error(transparent)]
    Performance(#[from] PerformanceRefusal),
    /// The points exceed the price, or the method does not fit what is left.
    #[error("expected points of at most {total} and a method exactly if something is left to pay")]
    TendersDoNotFit {
        /// The price.
        total: Money,
    },
    /// Too little time is left to wait for a deposit.
    #[error("a bank transfer is not offered so close to the start")]
    BankTransferNotOffered,
    /// It failed for another reason.
    #[error(transparent)]
    Failed(#[from] Failure),
}

impl From<PortError> for CheckoutError {
    fn from(error: PortError) -> Self {
        Self::Failed(error.into())
    }
}

/// Where a checkout of a user stands.
///
/// # Errors
/// [`CheckoutError::NoSuchCheckout`].
pub async fn status(
    ports: &Ports,
    user: UserId,
    id: CheckoutId,
) -> Result<CheckoutView, CheckoutError> {
    let checkout = ports.checkouts.find(id).await?.filter(|checkout| checkout.user() == user);
    checkout.as_ref().map(view).ok_or(CheckoutError::NoSuchCheckout(id))
}

pub(super) fn view(checkout: &Checkout) -> CheckoutView {
    CheckoutView {
        checkout: checkout.id(),
        reservation: checkout.reservation(),
        state: checkout.state(),
    }
}
