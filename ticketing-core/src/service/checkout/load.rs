//! What a checkout reads.

use std::sync::Arc;

use super::view::CheckoutError;
use crate::checkout::Checkout;
use crate::error::{Fault, PortError};
use crate::id::{CheckoutId, PerformanceId, ReservationId, UserId};
use crate::performance::Performance;
use crate::port::Ports;
use crate::reservation::Reservation;

pub(super) struct Loaded {
    pub(super) checkout: Checkout,
    pub(super) reservation: Reservation,
    /// Where it was read already.
    pub(super) performance: Option<Arc<Performance>>,
}

pub(super) async fn owned(
    ports: &Ports,
    id: ReservationId,
    user: UserId,
) -> Result<Reservation, CheckoutError> {
    let found = ports.reservations.find(id).await?;
    found.filter(|found| found.user() == user).ok_or(CheckoutError::NoSuchReservation(id))
}

pub(super) async fn load(ports: &Ports, id: CheckoutId) -> Result<Loaded, CheckoutError> {
    let checkout = ports.checkouts.find(id).await?.ok_or(CheckoutError::NoSuchCheckout(id))?;
    let reservation = ports
        .reservations
        .find(checkout.reservation())
        .await?
        .ok_or(CheckoutError::NoSuchReservation(checkout.reservation()))?;
    Ok(Loaded { checkout, reservation, performance: None })
}

pub(super) async fn load_performance(
    ports: &Ports,
    id: PerformanceId,
) -> Result<Arc<Performance>, CheckoutError> {
    let found = ports.layouts.performance(id).await?;
    found.ok_or_else(|| {
        let missing = PortError::new("layouts", "performance", Fault::Permanent);
        missing.because(format!("no performance {id}")).into()
    })
}
