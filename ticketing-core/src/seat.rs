//! Seats of a performance: dense numbers, sets of them, and the status of each as bitmaps.

use std::fmt;

use fixedbitset::FixedBitSet;
use serde::{Deserialize, Serialize};

use crate::id::ReservationId;

/// One seat of a performance: a dense number `0..n`, so that a seat map is an array.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct SeatNo(pub u32);

impl SeatNo {
    /// The number as an index.
    pub const fn index(self) -> usize {
        self.0 as usize
    }
}

impl fmt::Display for SeatNo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

impl fmt::Debug for SeatNo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "#{}", self.0)
    }
}

/// Why a list of seats was refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SeatsError {
    /// No seat at all.
    #[error("expected 1 to {} seats, got none", Seats::MAX)]
    Empty,
    /// More than [`Seats::MAX`].
    #[error("expected 1 to {} seats, got {got} or more", Seats::MAX)]
    TooMany {
        /// How many were counted before the rest was left alone.
        got: usize,
    },
    /// One seat twice.
    #[error("seat {seat} is named twice")]
    Repeated {
        /// The seat.
        seat: SeatNo,
    },
}

/// One to [`Seats::MAX`] different seats of one performance, ascending.
#[derive(Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "Vec<SeatNo>", into = "Vec<SeatNo>")]
pub struct Seats(Box<[SeatNo]>);

impl Seats {
    /// The most seats in one list.
    pub const MAX: usize = 1_000;

    /// Checks and sorts a list of seats.
    ///
    /// # Errors
    /// [`SeatsError`]: none, too many, or one twice.
    pub fn new(seats: impl IntoIterator<Item = SeatNo>) -> Result<Self, SeatsError> {
        let mut seats: Vec<SeatNo> = seats.into_iter().take(Self::MAX + 1).collect();
        if seats.is_empty() {
            return Err(SeatsError::Empty);
        }
        if seats.len() > Self::MAX {
            return Err(SeatsError::TooMany { got: seats.len() });
        }
        seats.sort_unstable();
        if let Some(pair) = seats.windows(2).find(|pair| pair[0] == pair[1]) {
            return Err(SeatsError::Repeated { seat: pair[0] });
        }
        Ok(Self(seats.into()))
    }

    /// A single seat.
    pub fn one(seat: SeatNo) -> Self {
        Self(Box::new([seat]))
    }

    /// How many there are, at least one.
    #[expect(clippy::len_without_is_empty, reason = "never empty")]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// The seats, ascending.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = SeatNo> + '_ {
        self.0.iter().copied()
    }

    /// The seats, ascending.
    pub fn as_slice(&self) -> &[SeatNo] {
        &self.0
    }

    /// Whether a seat is among them.
    pub fn contains(&self, seat: SeatNo) -> bool {
        self.0.binary_search(&seat).is_ok()
    }

    /// Those that are not in `other`; `None` if nothing is left.
    #[must_use]
    pub fn without(&self, other: &Self) -> Option<Self> {
        let rest: Box<[SeatNo]> = self.iter().filter(|&seat| !other.contains(seat)).collect();
        (!rest.is_empty()).then_some(Self(rest))
    }

    /// Whether every seat is also in `other`.
    pub fn is_subset(&self, other: &Self) -> bool {
        self.iter().all(|seat| other.contains(seat))
    }
}

impl fmt::Debug for Seats {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.0.iter()).finish()
    }
}

impl TryFrom<Vec<SeatNo>> for Seats {
    type Error = SeatsError;

    fn try_from(seats: Vec<SeatNo>) -> Result<Self, SeatsError> {
        Self::new(seats)
    }
}

impl From<Seats> for Vec<SeatNo> {
    fn from(seats: Seats) -> Self {
        seats.0.into_vec()
    }
}

/// Who owns a claim.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ClaimOwner {
    /// A buyer's reservation.
    Reservation(ReservationId),
    /// The house: the seat is blocked from sale.
    House,
}

/// How far a claim has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ClaimStatus {
    /// Taken by a reservation that is not paid yet.
    Pending,
    /// Paid.
    Sold,
    /// Blocked by the house.
    House,
}

/// The row that makes a seat taken; at most one per seat.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Claim {
    /// Whose it is.
    pub owner: ClaimOwner,
    /// How far it has come.
    pub status: ClaimStatus,
}

/// What a buyer sees of a seat.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SeatStatus {
    /// Free to hold.
    Available,
    /// Free in the store, but another buyer is deciding.
    Held,
    /// Reserved, payment pending.
    PaymentPending,
    /// Sold.
    Sold,
    /// Kept back by the house.
    Blocked,
}

/// A set of seats of one performance, one bit each.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct SeatBits(FixedBitSet);

impl SeatBits {
    /// No seat of `capacity`.
    pub fn new(capacity: u32) -> Self {
        Self(FixedBitSet::with_capacity(capacity as usize))
    }

    /// How many seats the performance has.
    pub fn capacity(&self) -> usize {
        self.0.len()
    }

    /// The seats as words of 64, the first seat in the lowest bit of the first.
    pub fn words(&self) -> impl Iterator<Item = u64> + '_ {
        let blocks = u64::BITS.div_ceil(usize::BITS) as usize;
        self.0.as_slice().chunks(blocks).map(|blocks| {
            blocks.iter().rev().fold(0_u64, |word, block| {
                word.checked_shl(usize::BITS).unwrap_or(0) | *block as u64
            })
        })
    }

    /// Adds a seat; beyond the capacity nothing happens.
    pub fn insert(&mut self, seat: SeatNo) {
        if seat.index() < self.0.len() {
            self.0.insert(seat.index());
        }
    }

    /// Takes a seat out.
    pub fn remove(&mut self, seat: SeatNo) {
        if seat.index() < self.0.len() {
            self.0.remove(seat.index());
        }
    }

    /// Adds or takes out.
    pub fn set(&mut self, seat: SeatNo, on: bool) {
        if on {
            self.insert(seat);
        } else {
            self.remove(seat);
        }
    }

    /// Whether a seat is in it.
    pub fn contains(&self, seat: SeatNo) -> bool {
        self.0.contains(seat.index())
    }

    /// How many seats are in it.
    pub fn count(&self) -> usize {
        self.0.count_ones(..)
    }

    /// The seats in it, ascending.
    pub fn iter(&self) -> impl Iterator<Item = SeatNo> + '_ {
        self.0.ones().filter_map(|index| u32::try_from(index).ok()).map(SeatNo)
    }
}

impl fmt::Debug for SeatBits {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SeatBits({} of {})", self.count(), self.capacity())
    }
}

/// The store's view of a performance as a bitmap pair: a seat is in `pending` if a pending claim
/// stands on it, in `sold` if it is sold, in both if the house blocks it, in neither if it is free.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClaimBits {
    pending: SeatBits,
    sold: SeatBits,
}

impl ClaimBits {
    /// All seats free.
    pub fn new(capacity: u32) -> Self {
        Self { pending: SeatBits::new(capacity), sold: SeatBits::new(capacity) }
    }

    /// Writes down the claim of a seat, or that there is none.
    pub fn set(&mut self, seat: SeatNo, claim: Option<ClaimStatus>) {
        let (pending, sold) = match claim {
            None => (false, false),
            Some(ClaimStatus::Pending) => (true, false),
            Some(ClaimStatus::Sold) => (false, true),
            Some(ClaimStatus::House) => (true, true),
        };
        self.pending.set(seat, pending);
        self.sold.set(seat, sold);
    }

    /// The claim's status on a seat.
    pub fn get(&self, seat: SeatNo) -> Option<ClaimStatus> {
        match (self.pending.contains(seat), self.sold.contains(seat)) {
            (false, false) => None,
            (true, false) => Some(ClaimStatus::Pending),
            (false, true) => Some(ClaimStatus::Sold),
            (true, true) => Some(ClaimStatus::House),
        }
    }

    /// The pending bits and the sold bits.
    #[cfg(feature = "testing")]
    pub(crate) const fn pair(&self) -> (&SeatBits, &SeatBits) {
        (&self.pending, &self.sold)
    }
}

/// How many seats stand at each status.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct SeatCounts {
    /// Free to hold.
    pub available: usize,
    /// Held by a buyer who is deciding.
    pub held: usize,
    /// Reserved, payment pending.
    pub payment_pending: usize,
    /// Sold.
    pub sold: usize,
    /// Kept back by the house.
    pub blocked: usize,
}

/// The status of every seat of a performance, read without a row per seat.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SeatMap {
    claims: ClaimBits,
    held: SeatBits,
}

impl SeatMap {
    /// Lays the holds over the claims; a hold shows only where no claim stands.
    pub fn new(claims: ClaimBits, held: SeatBits) -> Self {
        Self { claims, held }
    }

    /// How many seats the performance has.
    pub fn capacity(&self) -> usize {
        self.claims.pending.capacity()
    }

    /// The status of one seat; `None` beyond the capacity.
    pub fn status(&self, seat: SeatNo) -> Option<SeatStatus> {
        (seat.index() < self.capacity()).then(|| match self.claims.get(seat) {
            Some(ClaimStatus::Pending) => SeatStatus::PaymentPending,
            Some(ClaimStatus::Sold) => SeatStatus::Sold,
            Some(ClaimStatus::House) => SeatStatus::Blocked,
            None if self.held.contains(seat) => SeatStatus::Held,
            None => SeatStatus::Available,
        })
    }

    /// Every seat with its status, ascending.
    pub fn iter(&self) -> impl Iterator<Item = (SeatNo, SeatStatus)> + '_ {
        (0..u32::try_from(self.capacity()).unwrap_or(u32::MAX))
            .map(SeatNo)
            .filter_map(|seat| Some((seat, self.status(seat)?)))
    }

    /// How many seats stand at each status; word-wise, without looking at single seats.
    pub fn counts(&self) -> SeatCounts {
        let (pending, sold) = (&self.claims.pending.0, &self.claims.sold.0);
        let blocked = pending.intersection_count(sold);
        let taken = pending.union_count(sold);
        let mut held = self.held.0.clone();
        held.difference_with(pending);
        held.difference_with(sold);
        let held = held.count_ones(..);
        SeatCounts {
            available: self.capacity() - taken - held,
            held,
            payment_pending: pending.count_ones(..) - blocked,
            sold: sold.count_ones(..) - blocked,
            blocked,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_are_sorted_and_checked() {
        let seats = Seats::new([SeatNo(3), SeatNo(1)]).unwrap();
        assert_eq!(seats.as_slice(), [SeatNo(1), SeatNo(3)]);
        assert_eq!(Seats::new([]), Err(SeatsError::Empty));
        assert_eq!(
            Seats::new([SeatNo(1), SeatNo(1)]),
            Err(SeatsError::Repeated { seat: SeatNo(1) })
        );
        assert!(matches!(Seats::new((0..2_000).map(SeatNo)), Err(SeatsError::TooMany { .. })));
    }

    #[test]
    fn a_hold_shows_only_over_an_available_seat() {
        let mut claims = ClaimBits::new(6);
        claims.set(SeatNo(1), Some(ClaimStatus::Pending));
        claims.set(SeatNo(2), Some(ClaimStatus::Sold));
        claims.set(SeatNo(3), Some(ClaimStatus::House));
        let mut held = SeatBits::new(6);
        for seat in 0..5 {
            held.insert(SeatNo(seat));
        }
        let map = SeatMap::new(claims, held);
        let statuses: Vec<SeatStatus> = map.iter().map(|(_, status)| status).collect();
        assert_eq!(
            statuses,
            [
                SeatStatus::Held,
                SeatStatus::PaymentPending,
                SeatStatus::Sold,
                SeatStatus::Blocked,
                SeatStatus::Held,
                SeatStatus::Available,
            ]
        );
        let counts = SeatCounts { available: 1, held: 2, payment_pending: 1, sold: 1, blocked: 1 };
        assert_eq!(map.counts(), counts);
        assert_eq!(map.status(SeatNo(6)), None);
    }
}
