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
    // All claims of a performance in one row, each as its seat times 256 plus its status: a row for each
    // costs the client far more than the text does. The count tells of a text that the server cut short.
    BITS = same!(
        "SELECT COUNT(*), GROUP_CONCAT(seat * 256 + status) FROM tk_seat_claim WHERE performance = ?"
    );
    ALLOWANCE_USED = same!("SELECT COUNT(*) FROM tk_allowance WHERE user_id = ? AND show_id = ?");
}

/// The claims on as many seats.
pub(crate) fn of_seats(size: usize) -> String {
    let head = "SELECT seat, status, owner FROM tk_seat_claim WHERE performance = ? AND seat IN (";
    sql::repeated(head, "?", ", ", size, ")")
}

pub(crate) fn seat(row: &Row, place: usize) -> Result<SeatNo, Broken> {
    seat_of(row.int(place)?).map_err(|error| Broken::column(place, error))
}

fn seat_of(number: i64) -> Result<SeatNo, String> {
    let seat = u32::try_from(number).map(SeatNo);
    seat.map_err(|_| format!("{number} is no number of a seat"))
}

fn status_of(code: i64) -> Result<ClaimStatus, String> {
    codes::status_of(code).ok_or_else(|| format!("{code} is no status of a claim"))
}

/// The claims that one row tells, of the seats below `capacity`.
pub(super) fn bits(row: &Row, capacity: u32) -> Result<ClaimBits, Broken> {
    let mut bits = ClaimBits::new(capacity);
    let mut rest = row.count(0)?;
    let claims = if rest == 0 { "" } else { row.text(1)? };
    let broken = |error: String| Broken::column(1, error);
    for claim in claims.split_terminator(',') {
        let claim: i64 = claim.parse().map_err(|error| Broken::column(1, error))?;
        let seat = seat_of(claim.div_euclid(256)).map_err(broken)?;
        bits.set(seat, Some(status_of(claim.rem_euclid(256)).map_err(broken)?));
        rest = rest.checked_sub(1).ok_or_else(|| broken("more claims than rows".to_owned()))?;
    }
    if rest > 0 {
        return Err(broken(format!("{rest} claims are cut off: raise group_concat_max_len")));
    }
    Ok(bits)
}

/// A claim in the columns status and owner, of which this is the first.
pub(crate) fn claim(row: &Row, first: usize) -> Result<Claim, Broken> {
    let owner = row.id_or_null(first + 1)?.map(ReservationId::from_uuid);
    let owner = owner.map_or(ClaimOwner::House, ClaimOwner::Reservation);
    let status = status_of(row.int(first)?).map_err(|error| Broken::column(first, error))?;
    Ok(Claim { owner, status })
}

#[async_trait]
impl Claims for Store {
    async fn bits(&self, id: PerformanceId, capacity: u32) -> Result<ClaimBits, PortError> {
        let read = self.reading("claims", "bits");
        let rows = read.rows(BITS, &[id.as_uuid().into()]).await?;
        let bits = rows.first().map(|row| bits(row, capacity)).transpose();
        let bits = bits.map_err(|error| read.refused(error))?;
        Ok(bits.unwrap_or_else(|| ClaimBits::new(capacity)))
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
        let count = read.one(ALLOWANCE_USED, &values, |row| row.int(0)).await?;
        Ok(u16::try_from(count.unwrap_or(0)).unwrap_or(u16::MAX))
    }
}
