//! Read a buyer's reservations.

use super::support::Failure;
use crate::id::{ReservationId, UserId};
use crate::page::{Page, PageRequest};
use crate::port::Ports;
use crate::reservation::Reservation;

/// One reservation of a user; `None` if there is none, or it is another user's.
///
/// # Errors
/// It could not be read.
pub async fn find(
    ports: &Ports,
    user: UserId,
    id: ReservationId,
) -> Result<Option<Reservation>, Failure> {
    let found = ports.reservations.find(id).await?;
    Ok(found.filter(|reservation| reservation.user() == user))
}

/// The reservations of a user, in the order of ids.
///
/// # Errors
/// The list could not be read, or the cursor is not of this list.
pub async fn list(
    ports: &Ports,
    user: UserId,
    page: PageRequest,
) -> Result<Page<Reservation>, Failure> {
    Ok(ports.reservations.of_user(user, page).await?)
}
