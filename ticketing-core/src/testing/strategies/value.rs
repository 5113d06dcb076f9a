//! Plain values: currencies, money, rates, texts and instants.

use std::ops::RangeInclusive;
use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use proptest::prelude::*;
use proptest::sample::select;
use proptest::string::string_regex;

use super::simplest::simplest_first;
use crate::bank::RefundAccount;
use crate::label::Label;
use crate::memory::{ClockIds, ManualClock, SeededRandom};
use crate::money::{BasisPoints, Currency, Money};

/// The largest price that is drawn: 10^13 minor units, so that the most seats of a reservation still
/// add up to an amount.
pub const PRICE_MAX: i64 = Money::MAX_MINOR / 100;

/// Currencies of none, two, three and four fraction digits; won first.
///
/// ```
/// use proptest::prelude::*;
/// use ticketing_core::testing::strategies;
///
/// proptest!(|(currency in strategies::currencies())| {
///     prop_assert_eq!(currency.code().parse(), Ok(currency));
/// });
/// ```
pub fn currencies() -> BoxedStrategy<Currency> {
    let other = |code: &str| code.parse::<Currency>().expect("a code of ISO 4217");
    let known = [Currency::KRW, Currency::USD, Currency::JPY, Currency::EUR];
    select([&known[..], &[other("KWD"), other("CLF")]].concat()).boxed()
}

/// Any amount: small ones, all sizes, and often nothing, one unit, the most, or one less than that.
///
/// ```
/// use proptest::prelude::*;
/// use ticketing_core::money::Currency;
/// use ticketing_core::testing::strategies;
///
/// proptest!(|(price in strategies::money(Currency::USD))| {
///     prop_assert!(price.sub(price).unwrap().is_zero());
/// });
/// ```
pub fn money(currency: Currency) -> BoxedStrategy<Money> {
    money_between(currency, 0..=Money::MAX_MINOR).boxed()
}

/// Amounts within bounds, in minor units: often a bound or one unit from it. They shrink to the lower
/// bound.
///
/// # Panics
/// If the bounds are no amounts or in the wrong order.
///
/// ```
/// use proptest::prelude::*;
/// use ticketing_core::money::Currency;
/// use ticketing_core::testing::strategies;
///
/// proptest!(|(price in strategies::money_between(Currency::KRW, 1_000..=9_000))| {
///     prop_assert!((1_000..=9_000).contains(&price.minor()));
/// });
/// ```
pub fn money_between(currency: Currency, bounds: RangeInclusive<i64>) -> BoxedStrategy<Money> {
    for bound in [bounds.start(), bounds.end()] {
        assert!(Money::from_minor(*bound, currency).is_ok(), "{bound} is not an amount");
    }
    minor_between(bounds).prop_map(move |minor| amount(minor, currency)).boxed()
}

/// Rates from nothing to all, both of them often.
///
/// ```
/// use proptest::prelude::*;
/// use ticketing_core::money::Currency;
/// use ticketing_core::testing::strategies;
///
/// proptest!(|(rate in strategies::rates(), price in strategies::money(Currency::EUR))| {
///     prop_assert!(price.portion(rate).minor() <= price.minor());
/// });
/// ```
pub fn rates() -> BoxedStrategy<BasisPoints> {
    let points = prop_oneof![6 => 0..=10_000_u16, 1 => Just(10_000), 1 => Just(0)];
    let rates = points.prop_map(|points| BasisPoints::new(points).expect("at most 100 %"));
    simplest_first(BasisPoints::ZERO, rates)
}

/// Texts of 1 to `MAX` characters: Latin and Hangul, digits, punctuation, quotes, and blanks inside.
///
/// ```
/// use proptest::prelude::*;
/// use ticketing_core::label::Title;
/// use ticketing_core::testing::strategies;
///
/// proptest!(|(title in strategies::labels::<200>())| {
///     prop_assert_eq!(Title::new(title.as_str()), Ok(title));
/// });
/// ```
pub fn labels<const MAX: usize>() -> BoxedStrategy<Label<MAX>> {
    let pattern = match MAX {
        0 | 1 => "[!-~가-힣]".to_owned(),
        _ => format!("[!-~가-힣]([ -~가-힣]{{0,{}}}[!-~가-힣])?", MAX - 2),
    };
    let texts = prop_oneof![
        4 => string_regex("[A-Za-z가-힣0-9]").expect("a pattern"),
        8 => string_regex(&pattern).expect("a pattern"),
        1 => Just("한".repeat(MAX)),
    ];
    let label = |text: &str| Label::new(text).expect("a label by its pattern");
    simplest_first(label("a"), texts.prop_map(move |text| label(&text)))
}

/// Instants of the ten years from 2026, to the microsecond, often at midnight. They shrink to the first.
///
/// ```
/// use proptest::prelude::*;
/// use ticketing_core::testing::strategies;
///
/// proptest!(|(at in strategies::instants())| {
///     prop_assert_eq!(at.timestamp_subsec_nanos() % 1_000, 0);
/// });
/// ```
pub fn instants() -> BoxedStrategy<DateTime<Utc>> {
    const FIRST_S: i64 = 1_767_225_600;
    let first = DateTime::UNIX_EPOCH + TimeDelta::seconds(FIRST_S);
    let parts = (0..3_650_i64, zero_or(0..86_400), zero_or(0..1_000_000));
    let instants = parts.prop_map(move |(days, seconds, micros)| {
        let since = TimeDelta::days(days) + TimeDelta::seconds(seconds);
        first + since + TimeDelta::microseconds(micros)
    });
    simplest_first(first, instants)
}

/// Bank accounts of buyers.
///
/// ```
/// use proptest::prelude::*;
/// use ticketing_core::testing::strategies;
///
/// proptest!(|(account in strategies::refund_accounts())| {
///     prop_assert_eq!(format!("{account:?}"), "RefundAccount(..)");
/// });
/// ```
pub fn refund_accounts() -> BoxedStrategy<RefundAccount> {
    let simplest = || Label::new("a").expect("a short text");
    let account = |(bank, number, holder)| RefundAccount::new(bank, number, holder);
    simplest_first(
        account((simplest(), simplest(), Label::new("a").expect("a short text"))),
        (labels(), labels(), labels()).prop_map(account),
    )
}

/// Minor units within bounds, often at them. The bounds are in order.
pub(super) fn minor_between(bounds: RangeInclusive<i64>) -> BoxedStrategy<i64> {
    let (low, high) = bounds.into_inner();
    let near = |steps: i64| high.min(low.saturating_add(steps));
    let minor = prop_oneof![
        4 => low..=near(1_000),
        4 => low..=near(1_000_000),
        2 => low..=high,
        1 => Just(near(1)),
        1 => Just(low),
        1 => Just(low.max(high - 1)),
        1 => Just(high),
    ];
    simplest_first(low, minor)
}

/// Prices in minor units: above zero.
pub(super) fn prices() -> BoxedStrategy<i64> {
    minor_between(1..=PRICE_MAX).boxed()
}

/// Thousandths, none and all of them often.
pub(super) fn permille() -> BoxedStrategy<i64> {
    simplest_first(0, prop_oneof![3 => Just(0_i64), 3 => 0..=1_000_i64, 1 => Just(1_000)])
}

/// So many thousandths of an amount.
pub(super) fn part(of: i64, permille: i64) -> i64 {
    let part = i128::from(of) * i128::from(permille) / 1_000;
    i64::try_from(part).unwrap_or(of)
}

pub(super) fn amount(minor: i64, currency: Currency) -> Money {
    Money::from_minor(minor, currency).expect("an amount that was drawn within bounds")
}

fn zero_or(range: std::ops::Range<i64>) -> BoxedStrategy<i64> {
    prop_oneof![1 => Just(0_i64), 2 => range].boxed()
}

/// Where the ids and the time of a value come from: the same one gives the same value again.
#[derive(Clone, Copy, Debug)]
pub(super) struct Origin {
    pub(super) at: DateTime<Utc>,
    seed: u64,
}

impl Origin {
    /// New ids, each time from the first on.
    pub(super) fn ids(&self) -> ClockIds {
        let clock = Arc::new(ManualClock::at(self.at));
        ClockIds::new(clock, Arc::new(SeededRandom::new(self.seed)))
    }

    pub(super) const fn seed(&self) -> u64 {
        self.seed
    }
}

/// Ids do not shrink: two values of one test never get the same.
pub(super) fn origins() -> BoxedStrategy<Origin> {
    (instants(), any::<u64>().no_shrink()).prop_map(|(at, seed)| Origin { at, seed }).boxed()
}
