use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::label::Grade;
use crate::layout::Layout;
use crate::money::{Currency, Money};

/// Why a price list was refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PriceListError {
    /// No price at all.
    #[error("expected prices of 1 to {} grades, got none", Layout::GRADES_MAX)]
    Empty,
    /// Too many grades.
    #[error("expected prices of 1 to {} grades, got {got}", Layout::GRADES_MAX)]
    TooManyGrades {
        /// How many there were.
        got: usize,
    },
    /// One grade twice.
    #[error("grade {grade} is priced twice")]
    Repeated {
        /// The grade.
        grade: Grade,
    },
    /// A grade costs nothing: there would be nothing to pay and nothing to book.
    #[error("expected a price above zero for grade {grade}")]
    Free {
        /// The grade.
        grade: Grade,
    },
    /// A price in another currency than the others.
    #[error("grade {grade}: expected {expected}, got {got}")]
    OtherCurrency {
        /// The grade.
        grade: Grade,
        /// The currency of the list.
        expected: Currency,
        /// The currency of the price.
        got: Currency,
    },
}

/// What each grade costs: at least one price, all above zero and in one currency.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "BTreeMap<Grade, Money>", into = "BTreeMap<Grade, Money>")]
pub struct PriceList {
    currency: Currency,
    prices: BTreeMap<Grade, Money>,
}

impl PriceList {
    /// Checks a list of prices.
    ///
    /// # Errors
    /// [`PriceListError`], the first found.
    pub fn new(prices: impl IntoIterator<Item = (Grade, Money)>) -> Result<Self, PriceListError> {
        let mut prices = prices.into_iter();
        let (grade, price) = prices.next().ok_or(PriceListError::Empty)?;
        let mut list = Self { currency: price.currency(), prices: BTreeMap::new() };
        list.set(grade, price)?;
        for (grade, price) in prices {
            if list.prices.contains_key(&grade) {
                return Err(PriceListError::Repeated { grade });
            }
            list.set(grade, price)?;
        }
        Ok(list)
    }

    /// Prices one grade, or prices it anew.
    ///
    /// # Errors
    /// Free, in another currency, or one grade too many; nothing changed.
    pub fn set(&mut self, grade: Grade, price: Money) -> Result<(), PriceListError> {
        if price.is_zero() {
            return Err(PriceListError::Free { grade });
        }
        let (expected, got) = (self.currency, price.currency());
        if expected != got {
            return Err(PriceListError::OtherCurrency { grade, expected, got });
        }
        if self.prices.len() >= Layout::GRADES_MAX && !self.prices.contains_key(&grade) {
            return Err(PriceListError::TooManyGrades { got: self.prices.len() + 1 });
        }
        self.prices.insert(grade, price);
        Ok(())
    }

    /// The currency of all prices.
    pub const fn currency(&self) -> Currency {
        self.currency
    }

    /// The price of a grade.
    pub fn get(&self, grade: &Grade) -> Option<Money> {
        self.prices.get(grade).copied()
    }

    /// All grades with their prices, in the order of the grades.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&Grade, Money)> {
        self.prices.iter().map(|(grade, price)| (grade, *price))
    }
}

impl TryFrom<BTreeMap<Grade, Money>> for PriceList {
    type Error = PriceListError;

    fn try_from(prices: BTreeMap<Grade, Money>) -> Result<Self, PriceListError> {
        Self::new(prices)
    }
}

impl From<PriceList> for BTreeMap<Grade, Money> {
    fn from(list: PriceList) -> Self {
        list.prices
    }
}
