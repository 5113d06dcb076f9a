//! Who owns which seat.

use async_trait::async_trait;
use ticketing_core::error::PortError;
use ticketing_core::id::{PerformanceId, ReservationId, ShowId, UserId};
use ticketing_core::port::Claims;
use ticketing_core::seat::{Claim, ClaimBits, ClaimOwner, ClaimStatus, SeatNo, Seats};

use super::query::{Sql, queries, same};
use crate::Store;
use crate::db::fault::Broken;
use crate::db::{Row, Value};
use crate::{codes, sql};

queries! {
    BITS = same!("SELECT seat, status FROM tk_seat_claim WHERE performance = ?");
    ALLOWANCE_USED = same!("SELECT COUNT(*) FROM tk_allowance WHERE user_id = ? AND show_id = ?");
}

/// The claims on as many seats.
pub(crate) fn of_seats(size: usize) -> String {
    let head = "SELECT seat, status, owner FROM tk_seat_claim WHERE performance = ? AND seat IN (";
    sql::repeated(head, "?", ", ", size, ")")
}

pub(crate) fn seat(row: &Row, place: usize) -> Result<SeatNo, Broken> {
    let seat = u32::try_from(row.int(place)?).map_err(|error| Broken::column(place, error))?;
    Ok(SeatNo(seat))
}

fn status(row: &Row, place: usize) -> Result<ClaimStatus, Broken> {
    let code = row.int(place)?;
    codes::status_of(code)
        .ok_or_else(|| Broken::column(place, format!("{code} is no status of a claim")))
}

/// A claim in the columns status and owner, of which this is the first.
pub(crate) fn claim(row: &Row, first: usize) -> Result<Claim, Broken> {
    let owner = row.id_or_null(first + 1)?.map(ReservationId::from_uuid);
    let owner = owner.map_or(ClaimOwner::House, ClaimOwner::Reservation);
    Ok(Claim { owner, status: status(row, first)? })
}

#[async_trait]
impl Claims for Store {
    async fn bits(&self, id: PerformanceId, capacity: u32) -> Result<ClaimBits, PortError> {
        let mut bits = ClaimBits::new(capacity);
        let set = |row: &Row| {
            bits.set(seat(row, 0)?, Some(status(row, 1)?));
            Ok(())
        };
        self.reading("claims", "bits").each(BITS, &[id.as_uuid().into()], set).await?;
        Ok(bits)
    }

    async fn of_seats(
        &self,
        id: PerformanceId,
        seats: Seats,
    ) -> Result<Vec<(SeatNo, Claim)>, PortError> {
        let read = self.reading("claims", "of_seats");
        let mut found = Vec::with_capacity(seats.len());
        for some in seats.as_slice().chunks(sql::SIZE_MAX) {
            let size = sql::size_for(some.len());
            let padded = some.iter().chain(some.last().into_iter().cycle()).take(size);
            let mut values = Vec::with_capacity(1 + size);
            values.push(id.as_uuid().into());
            values.extend(padded.map(|seat| Value::Int(i64::from(seat.0))));
            for row in read.fetch(&of_seats(size), &values).await? {
                let got = seat(&row, 0).and_then(|seat| Ok((seat, claim(&row, 1)?)));
                found.push(got.map_err(|error| read.refused(error))?);
            }
        }
        found.sort_unstable_by_key(|(seat, _)| *seat);
        Ok(found)
    }

    async fn allowance_used(&self, user: UserId, show: ShowId) -> Result<u16, PortError> {
        let values = [user.as_uuid().into(), show.as_uuid().into()];
        let read = self.reading("claims", "allowance_used");
        let used = read.one(ALLOWANCE_USED, &values, |row| row.int(0)).await?;
        Ok(u16::try_from(used.unwrap_or(0)).unwrap_or(u16::MAX))
    }
}
