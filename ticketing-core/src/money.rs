//! Exact money: minor units of one ISO 4217 currency.

use std::fmt;
use std::str::FromStr;

use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

/// Why an amount or a sum of amounts was refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum MoneyError {
    /// Not an ISO 4217 code, or one without minor units (such as gold).
    #[error("expected an ISO 4217 currency with minor units, got {got:?}")]
    UnknownCurrency {
        /// The text that was given.
        got: String,
    },
    /// More fraction digits than the currency has.
    #[error("{currency} has {digits} fraction digits, got {got}")]
    TooPrecise {
        /// The currency asked for.
        currency: Currency,
        /// How many fraction digits it has.
        digits: u32,
        /// The amount that was given.
        got: Decimal,
    },
    /// Below zero where only zero or more is allowed.
    #[error("expected zero or more, got {minor} minor units of {currency}")]
    Negative {
        /// The currency.
        currency: Currency,
        /// The amount that was given, in minor units.
        minor: i64,
    },
    /// Two currencies in one sum.
    #[error("expected {expected}, got {got}")]
    CurrencyMismatch {
        /// The currency of the left side.
        expected: Currency,
        /// The currency of the right side.
        got: Currency,
    },
    /// Beyond [`Money::MAX_MINOR`].
    #[error("amount beyond {} minor units of {currency}", Money::MAX_MINOR)]
    TooLarge {
        /// The currency.
        currency: Currency,
    },
}

/// An ISO 4217 currency that has minor units.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Currency(iso_currency::Currency);

impl Currency {
    /// South Korean won; no fraction digits.
    pub const KRW: Self = Self(iso_currency::Currency::KRW);
    /// US dollar; two fraction digits.
    pub const USD: Self = Self(iso_currency::Currency::USD);
    /// Euro; two fraction digits.
    pub const EUR: Self = Self(iso_currency::Currency::EUR);
    /// Japanese yen; no fraction digits.
    pub const JPY: Self = Self(iso_currency::Currency::JPY);

    /// The alphabetic code, such as `KRW`.
    pub fn code(self) -> &'static str {
        self.0.code()
    }

    /// How many fraction digits an amount has: 0 for KRW, 2 for USD, 3 for KWD.
    pub fn digits(self) -> u32 {
        u32::from(self.0.exponent().unwrap_or(0))
    }

    /// Nothing, in this currency.
    pub const fn zero(self) -> Money {
        Money { currency: self, minor: 0 }
    }
}

impl PartialOrd for Currency {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Currency {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.code().cmp(other.code())
    }
}

impl FromStr for Currency {
    type Err = MoneyError;

    fn from_str(code: &str) -> Result<Self, MoneyError> {
        iso_currency::Currency::from_code(code)
            .filter(|currency| currency.exponent().is_some())
            .map(Self)
            .ok_or_else(|| MoneyError::UnknownCurrency { got: code.chars().take(16).collect() })
    }
}

impl fmt::Display for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

impl fmt::Debug for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

impl Serialize for Currency {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.code())
    }
}

impl<'de> Deserialize<'de> for Currency {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Code;
        impl serde::de::Visitor<'_> for Code {
            type Value = Currency;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an ISO 4217 code")
            }
            fn visit_str<E: serde::de::Error>(self, code: &str) -> Result<Currency, E> {
                code.parse().map_err(E::custom)
            }
        }
        deserializer.deserialize_str(Code)
    }
}

/// An amount of zero or more, exact, in one currency.
///
/// Holds whole minor units (won, cents). Fractions beyond the currency's digits are refused, never
/// rounded. In JSON: `{"currency":"USD","minor":1250}`.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "RawMoney")]
pub struct Money {
    currency: Currency,
    minor: i64,
}

#[derive(Deserialize)]
struct RawMoney {
    currency: Currency,
    minor: i64,
}

impl TryFrom<RawMoney> for Money {
    type Error = MoneyError;

    fn try_from(raw: RawMoney) -> Result<Self, MoneyError> {
        Self::from_minor(raw.minor, raw.currency)
    }
}

impl Money {
    /// The largest amount, in minor units: 10^15. Leaves room for 9,000 such amounts in an `i64` sum.
    pub const MAX_MINOR: i64 = 1_000_000_000_000_000;

    /// An amount from whole minor units.
    ///
    /// # Errors
    /// [`MoneyError::Negative`] below zero, [`MoneyError::TooLarge`] beyond [`Money::MAX_MINOR`].
    pub const fn from_minor(minor: i64, currency: Currency) -> Result<Self, MoneyError> {
        if minor < 0 {
            return Err(MoneyError::Negative { currency, minor });
        }
        if minor > Self::MAX_MINOR {
            return Err(MoneyError::TooLarge { currency });
        }
        Ok(Self { currency, minor })
    }

    /// An amount from a decimal in major units, such as `12.50` USD.
    ///
    /// # Errors
    /// [`MoneyError::TooPrecise`] if it has more fraction digits than the currency, and those of
    /// [`Money::from_minor`].
    pub fn from_decimal(amount: Decimal, currency: Currency) -> Result<Self, MoneyError> {
        let digits = currency.digits();
        let amount = amount.normalize();
        if amount.scale() > digits {
            return Err(MoneyError::TooPrecise { currency, digits, got: amount });
        }
        let minor = amount
            .checked_mul(Decimal::from(10_i64.pow(digits)))
            .and_then(|minor| i64::try_from(minor).ok())
            .ok_or(MoneyError::TooLarge { currency })?;
        Self::from_minor(minor, currency)
    }

    /// The amount in major units.
    pub fn to_decimal(self) -> Decimal {
        Decimal::new(self.minor, self.currency.digits())
    }

    /// The currency.
    pub const fn currency(self) -> Currency {
        self.currency
    }

    /// Whole minor units, zero or more.
    pub const fn minor(self) -> i64 {
        self.minor
    }

    /// Whether there is nothing.
    pub const fn is_zero(self) -> bool {
        self.minor == 0
    }

    /// The sum.
    ///
    /// # Errors
    /// [`MoneyError::CurrencyMismatch`], [`MoneyError::TooLarge`].
    #[expect(clippy::should_implement_trait, reason = "a sum can be refused")]
    pub fn add(self, other: Self) -> Result<Self, MoneyError> {
        self.same_currency(other)?;
        Self::from_minor(self.minor + other.minor, self.currency)
    }

    /// The difference.
    ///
    /// # Errors
    /// [`MoneyError::CurrencyMismatch`]; [`MoneyError::Negative`] if `other` is more.
    #[expect(clippy::should_implement_trait, reason = "a difference can be refused")]
    pub fn sub(self, other: Self) -> Result<Self, MoneyError> {
        self.same_currency(other)?;
        Self::from_minor(self.minor - other.minor, self.currency)
    }

    /// The smaller of two amounts.
    ///
    /// # Errors
    /// [`MoneyError::CurrencyMismatch`].
    pub fn min(self, other: Self) -> Result<Self, MoneyError> {
        self.same_currency(other)?;
        Ok(if self.minor <= other.minor { self } else { other })
    }

    /// The sum of all, zero if there are none.
    ///
    /// # Errors
    /// As [`Money::add`].
    pub fn sum(
        currency: Currency,
        amounts: impl IntoIterator<Item = Self>,
    ) -> Result<Self, MoneyError> {
        amounts.into_iter().try_fold(currency.zero(), Self::add)
    }

    /// This part of the amount, rounded down to whole minor units.
    #[must_use]
    pub fn portion(self, rate: BasisPoints) -> Self {
        let minor = i128::from(self.minor) * i128::from(rate.get()) / 10_000;
        Self { minor: i64::try_from(minor).unwrap_or(self.minor), ..self }
    }

    /// Splits the amount in proportion to `weights` by largest remainder; ties go to the earlier
    /// weight. The parts always add up to the amount. No part exceeds its weight while the amount
    /// does not exceed the sum of the weights. All parts are zero where all weights are and the
    /// amount is zero.
    ///
    /// # Errors
    /// [`MoneyError::CurrencyMismatch`]; [`MoneyError::TooLarge`] if the weights sum to less than
    /// the amount.
    pub fn split(self, weights: &[Self]) -> Result<Vec<Self>, MoneyError> {
        let total = Self::sum(self.currency, weights.iter().copied())?;
        if total.minor < self.minor {
            return Err(MoneyError::TooLarge { currency: self.currency });
        }
        if self.minor == 0 {
            return Ok(vec![self; weights.len()]);
        }
        let product = |weight: &Self| i128::from(self.minor) * i128::from(weight.minor);
        let sum = i128::from(total.minor);
        let mut parts: Vec<i64> = weights
            .iter()
            .map(|weight| i64::try_from(product(weight) / sum).unwrap_or(0))
            .collect();
        let mut rest = self.minor - parts.iter().sum::<i64>();
        let mut order: Vec<usize> = (0..weights.len()).collect();
        order.sort_by_key(|&i| std::cmp::Reverse(product(&weights[i]) % sum));
        for i in order {
            if rest == 0 {
                break;
            }
            parts[i] += 1;
            rest -= 1;
        }
        Ok(parts.into_iter().map(|minor| Self { minor, ..self }).collect())
    }

    fn same_currency(self, other: Self) -> Result<(), MoneyError> {
        if self.currency == other.currency {
            Ok(())
        } else {
            Err(MoneyError::CurrencyMismatch { expected: self.currency, got: other.currency })
        }
    }
}

impl fmt::Display for Money {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.to_decimal(), self.currency)
    }
}

impl fmt::Debug for Money {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// A rate from 0 to 10,000 hundredths of a percent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "u16")]
pub struct BasisPoints(u16);

/// A rate above 100 %.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("expected 0 to 10000 basis points, got {0}")]
pub struct RateTooHigh(pub u16);

impl BasisPoints {
    /// 0 %.
    pub const ZERO: Self = Self(0);

    /// A rate in hundredths of a percent: 300 is 3 %.
    ///
    /// # Errors
    /// [`RateTooHigh`] above 10,000.
    pub const fn new(points: u16) -> Result<Self, RateTooHigh> {
        if points > 10_000 { Err(RateTooHigh(points)) } else { Ok(Self(points)) }
    }

    /// Whole percents, for constants. Above 100 it is cut to 100.
    pub const fn percent(percent: u8) -> Self {
        let percent = if percent > 100 { 100 } else { percent };
        Self(percent as u16 * 100)
    }

    /// Hundredths of a percent.
    pub const fn get(self) -> u16 {
        self.0
    }
}

impl TryFrom<u16> for BasisPoints {
    type Error = RateTooHigh;

    fn try_from(points: u16) -> Result<Self, RateTooHigh> {
        Self::new(points)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn won(minor: i64) -> Money {
        Money::from_minor(minor, Currency::KRW).unwrap()
    }

    #[test]
    fn more_digits_than_the_currency_has_are_refused() {
        let error = Money::from_decimal(Decimal::new(1005, 1), Currency::KRW).unwrap_err();
        assert_eq!(error.to_string(), "KRW has 0 fraction digits, got 100.5");
        assert_eq!(
            Money::from_decimal(Decimal::new(12_500, 3), Currency::USD).unwrap().minor(),
            1250
        );
    }

    #[test]
    fn currencies_do_not_mix_and_sums_do_not_overflow() {
        let dollar = Money::from_minor(1, Currency::USD).unwrap();
        assert!(matches!(won(1).add(dollar), Err(MoneyError::CurrencyMismatch { .. })));
        let most = won(Money::MAX_MINOR);
        assert_eq!(most.add(won(1)), Err(MoneyError::TooLarge { currency: Currency::KRW }));
        assert!(matches!(won(1).sub(won(2)), Err(MoneyError::Negative { .. })));
    }

    #[test]
    fn currencies_without_minor_units_are_refused() {
        assert!("XAU".parse::<Currency>().is_err());
        assert!("won".parse::<Currency>().is_err());
        assert_eq!("KWD".parse::<Currency>().unwrap().digits(), 3);
    }

    #[test]
    fn ties_of_a_split_go_to_the_earlier_seat() {
        let parts = won(5).split(&[won(10), won(10), won(10)]).unwrap();
        assert_eq!(parts, [won(2), won(2), won(1)]);
    }

    #[test]
    fn json_refuses_what_the_constructor_refuses() {
        assert!(serde_json::from_str::<Money>(r#"{"currency":"KRW","minor":-1}"#).is_err());
        let json = serde_json::to_string(&won(7)).unwrap();
        assert_eq!(json, r#"{"currency":"KRW","minor":7}"#);
        assert_eq!(serde_json::from_str::<Money>(&json).unwrap(), won(7));
    }

    proptest! {
        #[test]
        fn a_split_adds_up_and_no_part_exceeds_its_weight(
            weights in prop::collection::vec(0..1_000_000_i64, 1..9),
            share in 0..=1_000_i64,
        ) {
            let total: i64 = weights.iter().sum();
            let amount = won(total * share / 1_000);
            let weights: Vec<Money> = weights.into_iter().map(won).collect();
            let parts = amount.split(&weights).unwrap();
            prop_assert_eq!(Money::sum(Currency::KRW, parts.iter().copied()).unwrap(), amount);
            for (part, weight) in parts.iter().zip(&weights) {
                prop_assert!(part.minor() <= weight.minor());
            }
        }

        #[test]
        fn decimal_and_minor_units_round_trip(minor in 0..=Money::MAX_MINOR) {
            let money = Money::from_minor(minor, Currency::USD).unwrap();
            prop_assert_eq!(Money::from_decimal(money.to_decimal(), Currency::USD).unwrap(), money);
        }
    }
}
