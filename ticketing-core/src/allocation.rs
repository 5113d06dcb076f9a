//! How a payment's tenders fall on its seats, so that every seat can be refunded on its own.

use serde::{Deserialize, Serialize};

use crate::money::{BasisPoints, Currency, Money, MoneyError};
use crate::seat::{SeatNo, Seats, SeatsError};

/// What is paid with what: a price is always exactly the sum of the three.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tenders {
    /// Taken off the price at our cost.
    pub discount: Money,
    /// Paid from the buyer's wallet.
    pub points: Money,
    /// Paid through the gateway.
    pub external: Money,
}

impl Tenders {
    /// All of it through the gateway.
    pub const fn external(amount: Money) -> Self {
        let zero = amount.currency().zero();
        Self { discount: zero, points: zero, external: amount }
    }

    /// What the buyer gives: points and external.
    ///
    /// # Errors
    /// [`MoneyError`] if the currencies differ or the sum is too large.
    pub fn paid(&self) -> Result<Money, MoneyError> {
        self.points.add(self.external)
    }

    /// The price that they pay together.
    ///
    /// # Errors
    /// [`MoneyError`] if the currencies differ or the sum is too large.
    pub fn total(&self) -> Result<Money, MoneyError> {
        self.discount.add(self.paid()?)
    }
}

/// Why tenders were not laid on seats.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AllocationError {
    /// No seats, too many, or one twice.
    #[error(transparent)]
    Seats(#[from] SeatsError),
    /// The tenders do not add up to the price.
    #[error("expected tenders of {expected}, got {got}")]
    Total {
        /// The price.
        expected: Money,
        /// The sum of the tenders.
        got: Money,
    },
    /// Currencies differ or a sum is too large.
    #[error(transparent)]
    Money(#[from] MoneyError),
}

/// What one seat costs and how it was paid: price = discount + points + external, in one currency.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "RawShare", into = "RawShare")]
pub struct SeatShare {
    seat: SeatNo,
    price: Money,
    paid: Money,
    tenders: Tenders,
}

#[derive(Serialize, Deserialize)]
struct RawShare {
    seat: SeatNo,
    price: Money,
    discount: Money,
    points: Money,
    external: Money,
}

impl From<SeatShare> for RawShare {
    fn from(share: SeatShare) -> Self {
        let Tenders { discount, points, external } = share.tenders;
        Self { seat: share.seat, price: share.price, discount, points, external }
    }
}

impl TryFrom<RawShare> for SeatShare {
    type Error = AllocationError;

    fn try_from(raw: RawShare) -> Result<Self, AllocationError> {
        let RawShare { seat, price, discount, points, external } = raw;
        Self::new(seat, price, Tenders { discount, points, external })
    }
}

impl SeatShare {
    /// A seat at a price that the tenders pay exactly.
    ///
    /// # Errors
    /// [`AllocationError::Total`] if they pay more or less, [`AllocationError::Money`] if the
    /// currencies differ.
    pub fn new(seat: SeatNo, price: Money, tenders: Tenders) -> Result<Self, AllocationError> {
        pays(price, &tenders)?;
        Ok(Self { seat, price, paid: tenders.paid()?, tenders })
    }

    /// The seat.
    pub const fn seat(&self) -> SeatNo {
        self.seat
    }

    /// Its price, before any discount.
    pub const fn price(&self) -> Money {
        self.price
    }

    /// What was taken off the price.
    pub const fn discount(&self) -> Money {
        self.tenders.discount
    }

    /// What was paid in points.
    pub const fn points(&self) -> Money {
        self.tenders.points
    }

    /// What was paid through the gateway.
    pub const fn external(&self) -> Money {
        self.tenders.external
    }

    /// What the buyer gave: the price less the discount.
    pub const fn paid(&self) -> Money {
        self.paid
    }

    /// The currency of all its amounts.
    pub const fn currency(&self) -> Currency {
        self.price.currency()
    }

    /// What the platform keeps of its price.
    pub fn platform_fee(&self, rate: BasisPoints) -> Money {
        platform_fee(self.price, rate)
    }
}

/// What the platform keeps of one seat's price: rounded down, seat by seat.
pub fn platform_fee(price: Money, rate: BasisPoints) -> Money {
    price.portion(rate)
}

/// Lays a payment's tenders on its seats by largest remainder, ties to the lower seat: the discount
/// in proportion to the price, the points in proportion to what is left of it, the rest external.
/// The shares come in ascending order of seats and add up to the tenders exactly.
///
/// # Errors
/// [`AllocationError::Seats`] for no seat, more than [`Seats::MAX`] or one twice;
/// [`AllocationError::Total`] if the tenders do not add up to the prices;
/// [`AllocationError::Money`] if currencies differ or a sum is too large.
pub fn allocate(
    lines: &[(SeatNo, Money)],
    tenders: &Tenders,
) -> Result<Vec<SeatShare>, AllocationError> {
    Seats::new(lines.iter().map(|&(seat, _)| seat))?;
    let mut lines = lines.to_vec();
    lines.sort_unstable_by_key(|&(seat, _)| seat);
    let prices: Vec<Money> = lines.iter().map(|&(_, price)| price).collect();
    let currency = tenders.discount.currency();
    pays(Money::sum(currency, prices.iter().copied())?, tenders)?;

    let discounts = tenders.discount.split(&prices)?;
    let left = differences(&prices, &discounts)?;
    let points = tenders.points.split(&left)?;
    let externals = differences(&left, &points)?;
    lines
        .into_iter()
        .zip(discounts.into_iter().zip(points.into_iter().zip(externals)))
        .map(|((seat, price), (discount, (points, external)))| {
            SeatShare::new(seat, price, Tenders { discount, points, external })
        })
        .collect()
}

fn pays(price: Money, tenders: &Tenders) -> Result<(), AllocationError> {
    let got = tenders.total()?;
    if got.currency() != price.currency() {
        let (expected, got) = (price.currency(), got.currency());
        return Err(MoneyError::CurrencyMismatch { expected, got }.into());
    }
    if got == price { Ok(()) } else { Err(AllocationError::Total { expected: price, got }) }
}

fn differences(from: &[Money], take: &[Money]) -> Result<Vec<Money>, MoneyError> {
    from.iter().zip(take).map(|(from, take)| from.sub(*take)).collect()
}
