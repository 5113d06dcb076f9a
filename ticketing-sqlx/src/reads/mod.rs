//! The read ports.

use ticketing_core::id::ReservationId;
use ticketing_core::seat::{Claim, ClaimOwner, SeatNo};

use crate::codes;
use crate::db::Row;
use crate::db::fault::Broken;

/// A claim from its seat, status and owner, which stand side by side.
pub(crate) fn claim_of(row: &Row, from: usize) -> Result<(SeatNo, Claim), Broken> {
    let seat = u32::try_from(row.int(from)?).map_err(|error| Broken::column(from, error))?;
    let status = codes::status_of(row.int(from + 1)?)
        .ok_or_else(|| Broken::column(from + 1, "expected a status of a claim"))?;
    let owner = row.id_or_null(from + 2)?.map_or(ClaimOwner::House, |owner| {
        ClaimOwner::Reservation(ReservationId::from_uuid(owner))
    });
    Ok((SeatNo(seat), Claim { owner, status }))
}
