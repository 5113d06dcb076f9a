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

#[cfg(test)]
pub(crate) mod tests {
    use proptest::prelude::*;

    use super::*;

    pub(crate) fn won(minor: i64) -> Money {
        Money::from_minor(minor, Currency::KRW).unwrap()
    }

    pub(crate) fn tenders(discount: i64, points: i64, external: i64) -> Tenders {
        Tenders { discount: won(discount), points: won(points), external: won(external) }
    }

    /// A seat paid with discount, points and external, at their sum.
    pub(crate) fn share(seat: u32, discount: i64, points: i64, external: i64) -> SeatShare {
        let tenders = tenders(discount, points, external);
        SeatShare::new(SeatNo(seat), tenders.total().unwrap(), tenders).unwrap()
    }

    fn lines(prices: &[i64]) -> Vec<(SeatNo, Money)> {
        (0..).map(SeatNo).zip(prices.iter().copied().map(won)).collect()
    }

    prop_compose! {
        /// Prices of some seats, zero among them, and tenders that pay them, zero among those.
        pub(crate) fn bills()(
            prices in prop::collection::vec(prop_oneof![Just(0), 0..200_000_i64], 1..8),
            discount_permille in prop_oneof![Just(0), Just(1_000), 0..=1_000_i64],
            points_permille in prop_oneof![Just(0), Just(1_000), 0..=1_000_i64],
        ) -> (Vec<(SeatNo, Money)>, Tenders) {
            let total: i64 = prices.iter().sum();
            let discount = total * discount_permille / 1_000;
            let points = (total - discount) * points_permille / 1_000;
            (lines(&prices), tenders(discount, points, total - discount - points))
        }
    }

    #[test]
    fn the_largest_remainder_gets_the_odd_unit_and_ties_go_to_the_lower_seat() {
        let prices = [(SeatNo(7), won(100)), (SeatNo(3), won(100)), (SeatNo(5), won(101))];
        let shares = allocate(&prices, &tenders(2, 100, 199)).unwrap();
        // 2 over (100, 100, 101): seat 5 has the largest remainder, 3 and 7 tie.
        // 100 over (99, 100, 100) = 33.1, 33.4, 33.4: seats 5 and 7 tie.
        assert_eq!(shares, [share(3, 1, 33, 66), share(5, 1, 34, 66), share(7, 0, 33, 67)]);
    }

    #[test]
    fn the_largest_payment_does_not_overflow() {
        let half = Money::MAX_MINOR / 2;
        let shares = allocate(&lines(&[half, half]), &tenders(half, 1, half - 1)).unwrap();
        let prices = shares.iter().map(SeatShare::price);
        assert_eq!(Money::sum(Currency::KRW, prices).unwrap(), won(Money::MAX_MINOR));
        assert!(matches!(
            allocate(&lines(&[Money::MAX_MINOR, 1]), &tenders(0, 0, 1)),
            Err(AllocationError::Money(MoneyError::TooLarge { .. }))
        ));
    }

    #[test]
    fn what_does_not_pay_the_seats_exactly_is_refused() {
        let error = allocate(&lines(&[70, 30]), &tenders(0, 0, 99)).unwrap_err();
        assert_eq!(error.to_string(), "expected tenders of 100 KRW, got 99 KRW");
        assert_eq!(allocate(&[], &tenders(0, 0, 0)), Err(SeatsError::Empty.into()));
        let twice = [(SeatNo(1), won(1)), (SeatNo(1), won(1))];
        let repeated = SeatsError::Repeated { seat: SeatNo(1) };
        assert_eq!(allocate(&twice, &tenders(0, 0, 2)), Err(repeated.into()));
        let over = SeatShare::new(SeatNo(1), won(3), tenders(1, 1, 2));
        assert_eq!(over, Err(AllocationError::Total { expected: won(3), got: won(4) }));
    }

    #[test]
    fn currencies_do_not_mix() {
        let dollar = Money::from_minor(1, Currency::USD).unwrap();
        let mixed = [(SeatNo(1), won(1)), (SeatNo(2), dollar)];
        let dollars = Tenders::external(dollar);
        for result in [
            allocate(&mixed, &tenders(0, 0, 2)).map(drop),
            allocate(&lines(&[1]), &dollars).map(drop),
            allocate(&lines(&[1]), &Tenders { points: dollar, ..tenders(0, 0, 0) }).map(drop),
            SeatShare::new(SeatNo(1), won(1), dollars).map(drop),
        ] {
            assert!(matches!(
                result,
                Err(AllocationError::Money(MoneyError::CurrencyMismatch { .. }))
            ));
        }
    }

    #[test]
    fn json_names_every_part_and_refuses_parts_that_do_not_add_up() {
        let json = serde_json::to_string(&share(4, 1, 2, 3)).unwrap();
        let money = |minor: i64| format!(r#"{{"currency":"KRW","minor":{minor}}}"#);
        assert_eq!(
            json,
            format!(
                r#"{{"seat":4,"price":{},"discount":{},"points":{},"external":{}}}"#,
                money(6),
                money(1),
                money(2),
                money(3)
            )
        );
        assert_eq!(serde_json::from_str::<SeatShare>(&json).unwrap(), share(4, 1, 2, 3));
        let wrong = json.replace(&money(6), &money(7));
        let error = serde_json::from_str::<SeatShare>(&wrong).unwrap_err();
        assert_eq!(error.to_string(), "expected tenders of 7 KRW, got 6 KRW");
    }

    proptest! {
        #[test]
        fn shares_add_up_per_seat_and_per_tender((lines, tenders) in bills()) {
            let shares = allocate(&lines, &tenders).unwrap();
            let prices: Vec<_> = shares.iter().map(|share| (share.seat(), share.price())).collect();
            prop_assert_eq!(prices, lines);
            for share in &shares {
                let parts = [share.discount(), share.points(), share.external()];
                prop_assert_eq!(Money::sum(Currency::KRW, parts).unwrap(), share.price());
                prop_assert_eq!(share.discount().add(share.paid()).unwrap(), share.price());
            }
            let sum = |part: fn(&SeatShare) -> Money| {
                Money::sum(Currency::KRW, shares.iter().map(part)).unwrap()
            };
            prop_assert_eq!(sum(SeatShare::discount), tenders.discount);
            prop_assert_eq!(sum(SeatShare::points), tenders.points);
            prop_assert_eq!(sum(SeatShare::external), tenders.external);
        }

        #[test]
        fn the_order_of_the_lines_does_not_matter(
            ((lines, tenders), shuffled) in bills().prop_flat_map(|(lines, tenders)| {
                let shuffled = Just(lines.clone()).prop_shuffle();
                (Just((lines, tenders)), shuffled)
            }),
        ) {
            prop_assert_eq!(allocate(&shuffled, &tenders), allocate(&lines, &tenders));
        }

        #[test]
        fn no_part_is_a_unit_away_from_its_proportion((lines, tenders) in bills()) {
            let total = i128::from(tenders.total().unwrap().minor());
            for share in allocate(&lines, &tenders).unwrap() {
                let exact = i128::from(tenders.discount.minor()) * i128::from(share.price().minor());
                let got = i128::from(share.discount().minor()) * total;
                prop_assert!((exact - got).abs() < total.max(1));
            }
        }
    }
}
