//! Claims per performance, with their bitmaps kept up to date.

use std::collections::BTreeMap;
use std::collections::btree_map::Range;

use crate::id::PerformanceId;
use crate::seat::{Claim, ClaimBits, SeatNo};

#[derive(Debug, Default)]
struct House {
    seats: BTreeMap<SeatNo, Claim>,
    /// The bitmaps of the capacity that was last asked for.
    bits: Option<(u32, ClaimBits)>,
}

/// All claims.
#[derive(Debug, Default)]
pub(super) struct ClaimTable(BTreeMap<PerformanceId, House>);

impl ClaimTable {
    /// The claim on a seat.
    pub(super) fn get(&self, performance: PerformanceId, seat: SeatNo) -> Option<Claim> {
        self.0.get(&performance)?.seats.get(&seat).copied()
    }

    /// Writes or removes the claim on a seat.
    pub(super) fn set(&mut self, performance: PerformanceId, seat: SeatNo, claim: Option<Claim>) {
        let house = self.0.entry(performance).or_default();
        match claim {
            Some(claim) => house.seats.insert(seat, claim),
            None => house.seats.remove(&seat),
        };
        if let Some((_, bits)) = &mut house.bits {
            bits.set(seat, claim.map(|claim| claim.status));
        }
    }

    /// The bitmaps of a performance of `capacity` seats. Built on the first call, kept from then on.
    pub(super) fn bits(&mut self, performance: PerformanceId, capacity: u32) -> ClaimBits {
        let Some(house) = self.0.get_mut(&performance) else { return ClaimBits::new(capacity) };
        if let Some((kept, bits)) = &house.bits
            && *kept == capacity
        {
            return bits.clone();
        }
        let mut bits = ClaimBits::new(capacity);
        for (seat, claim) in house.seats.range(..SeatNo(capacity)) {
            bits.set(*seat, Some(claim.status));
        }
        house.bits = Some((capacity, bits.clone()));
        bits
    }

    /// All claims after a seat, in the order of (performance, seat).
    pub(super) fn after(
        &self,
        after: Option<(PerformanceId, SeatNo)>,
    ) -> impl Iterator<Item = (PerformanceId, SeatNo, Claim)> + '_ {
        let first: Option<(PerformanceId, Range<'_, SeatNo, Claim>)> =
            after.and_then(|(performance, seat)| {
                let house = self.0.get(&performance)?;
                Some((performance, house.seats.range(super::page::beyond(seat))))
            });
        let rest = match after {
            Some((performance, _)) => self.0.range(super::page::beyond(performance)),
            None => self.0.range(..),
        };
        first
            .into_iter()
            .chain(rest.map(|(performance, house)| (*performance, house.seats.range(..))))
            .flat_map(|(performance, seats)| {
                seats.map(move |(seat, claim)| (performance, *seat, *claim))
            })
    }
}
