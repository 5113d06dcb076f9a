//! What a cancel costs, and what of each seat goes back to where it came from.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::allocation::SeatShare;
use crate::money::{BasisPoints, Money, MoneyError};
use crate::policy::RefundPolicy;
use crate::seat::SeatNo;

/// When a buyer cancels: all that the fee depends on beside the price.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CancelTime {
    /// Now.
    pub now: DateTime<Utc>,
    /// When the payment succeeded.
    pub paid_at: DateTime<Utc>,
    /// Calendar days between the local dates of now and of the start, in the performance's zone.
    pub days_left: i64,
    /// Whether the performance has started.
    pub started: bool,
}

/// Why a buyer may not cancel any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum FeeRefusal {
    /// The performance has started.
    #[error("expected a cancel before the start, but the performance has started")]
    Started,
}

/// The part of what was paid that a cancel costs: nothing soon after the payment while the policy
/// allows it, else the policy's first step whose days are left. A policy without steps costs nothing.
///
/// # Errors
/// [`FeeRefusal::Started`] once the performance has started.
pub fn cancel_rate(policy: &RefundPolicy, time: &CancelTime) -> Result<BasisPoints, FeeRefusal> {
    if time.started {
        return Err(FeeRefusal::Started);
    }
    // A payment that seems to lie ahead was stamped by a clock that is ahead of ours: it is recent.
    let since_payment = (time.now - time.paid_at).to_std().unwrap_or_default();
    if since_payment <= policy.free_after_payment
        && time.days_left >= i64::from(policy.free_days_left_min)
    {
        return Ok(BasisPoints::ZERO);
    }
    let step = policy.tiers.iter().find(|tier| time.days_left >= i64::from(tier.days_left_min));
    Ok(step.or(policy.tiers.last()).map_or(BasisPoints::ZERO, |tier| tier.fee))
}

/// What it costs to cancel a seat for which `paid` was paid (price less discount), rounded down.
///
/// # Errors
/// [`FeeRefusal::Started`] once the performance has started.
pub fn cancel_fee(
    policy: &RefundPolicy,
    paid: Money,
    time: &CancelTime,
) -> Result<Money, FeeRefusal> {
    Ok(paid.portion(cancel_rate(policy, time)?))
}

/// Why a refund of a seat was refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RefundLineError {
    /// The fee is more than what was paid.
    #[error("seat {seat}: expected a cancel fee of at most {paid}, got {got}")]
    FeeTooHigh {
        /// The seat.
        seat: SeatNo,
        /// What was paid for it.
        paid: Money,
        /// The fee.
        got: Money,
    },
    /// The fee is in another currency than the seat's price.
    #[error(transparent)]
    Money(#[from] MoneyError),
}

/// The refund of one seat. The cancel fee comes off what was paid through the gateway first, then
/// off the points; the rest goes back to where it came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "RawLine", into = "RawLine")]
pub struct RefundLine {
    share: SeatShare,
    fee: Money,
    to_points: Money,
    to_external: Money,
}

#[derive(Serialize, Deserialize)]
struct RawLine {
    share: SeatShare,
    fee: Money,
}

impl From<RefundLine> for RawLine {
    fn from(line: RefundLine) -> Self {
        Self { share: line.share, fee: line.fee }
    }
}

impl TryFrom<RawLine> for RefundLine {
    type Error = RefundLineError;

    fn try_from(raw: RawLine) -> Result<Self, RefundLineError> {
        Self::new(raw.share, raw.fee)
    }
}

impl RefundLine {
    /// A refund of a seat, less a cancel fee.
    ///
    /// # Errors
    /// [`RefundLineError::FeeTooHigh`] above what was paid, [`RefundLineError::Money`] in another
    /// currency.
    pub fn new(share: SeatShare, fee: Money) -> Result<Self, RefundLineError> {
        let from_external = fee.min(share.external())?;
        let from_points = fee.sub(from_external)?;
        let to_points = share.points().sub(from_points).map_err(|_| {
            RefundLineError::FeeTooHigh { seat: share.seat(), paid: share.paid(), got: fee }
        })?;
        Ok(Self { share, fee, to_points, to_external: share.external().sub(from_external)? })
    }

    /// A refund of all that was paid, as when the seller cancels.
    pub const fn in_full(share: SeatShare) -> Self {
        Self {
            fee: share.currency().zero(),
            to_points: share.points(),
            to_external: share.external(),
            share,
        }
    }

    /// The seat.
    pub const fn seat(&self) -> SeatNo {
        self.share.seat()
    }

    /// How the seat was paid.
    pub const fn share(&self) -> &SeatShare {
        &self.share
    }

    /// The cancel fee, which goes to the seller less commission.
    pub const fn fee(&self) -> Money {
        self.fee
    }

    /// What goes back to the buyer's wallet.
    pub const fn to_points(&self) -> Money {
        self.to_points
    }

    /// What goes back through the gateway.
    pub const fn to_external(&self) -> Money {
        self.to_external
    }

    /// What the platform keeps of the cancel fee, rounded down.
    pub fn fee_commission(&self, rate: BasisPoints) -> Money {
        self.fee.portion(rate)
    }
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;
    use proptest::prelude::*;

    use super::*;
    use crate::allocation::tests::{share, won};
    use crate::money::Currency;
    use crate::policy::FeeTier;

    fn cancel(days_left: i64, since_payment: TimeDelta) -> CancelTime {
        let now = DateTime::from_timestamp(1_800_000_000, 0).unwrap();
        CancelTime { now, paid_at: now - since_payment, days_left, started: false }
    }

    fn percent(days_left: i64, since_payment: TimeDelta) -> u16 {
        let time = cancel(days_left, since_payment);
        cancel_rate(&RefundPolicy::default(), &time).unwrap().get() / 100
    }

    #[test]
    fn every_step_starts_and_ends_on_its_day() {
        let long_ago = TimeDelta::days(30);
        let steps = [
            (i64::MAX, 0),
            (10, 0),
            (9, 10),
            (7, 10),
            (6, 20),
            (3, 20),
            (2, 30),
            (1, 30),
            (0, 90),
            (-1, 90),
        ];
        for (days_left, expected) in steps {
            assert_eq!(percent(days_left, long_ago), expected, "{days_left} days left");
        }
    }

    #[test]
    fn a_cancel_is_free_within_a_day_of_the_payment_while_three_days_are_left() {
        let day = TimeDelta::hours(24);
        assert_eq!(percent(3, day), 0);
        assert_eq!(percent(3, day + TimeDelta::microseconds(1)), 20);
        assert_eq!(percent(2, TimeDelta::zero()), 30);
        assert_eq!(percent(3, TimeDelta::seconds(-5)), 0, "paid by a clock that is ahead");
    }

    #[test]
    fn nothing_is_refunded_after_the_start() {
        let time = CancelTime { started: true, ..cancel(5, TimeDelta::zero()) };
        let policy = RefundPolicy::default();
        assert_eq!(cancel_fee(&policy, won(100), &time), Err(FeeRefusal::Started));
    }

    #[test]
    fn the_fee_is_rounded_down_and_follows_the_policy() {
        let time = cancel(8, TimeDelta::days(2));
        let fee = |policy: &RefundPolicy, paid| cancel_fee(policy, won(paid), &time).unwrap();
        assert_eq!(fee(&RefundPolicy::default(), 1_009), won(100));
        assert_eq!(fee(&RefundPolicy::default(), 0), won(0));
        let tier = FeeTier { days_left_min: 0, fee: BasisPoints::new(1).unwrap() };
        let policy = RefundPolicy { tiers: vec![tier], ..RefundPolicy::default() };
        assert_eq!(fee(&policy, 19_999), won(1));
    }

    #[test]
    fn the_fee_comes_off_the_external_part_first() {
        let share = share(1, 20, 50, 63);
        for (fee, points, external) in [(0, 50, 63), (63, 50, 0), (64, 49, 0), (113, 0, 0)] {
            let line = RefundLine::new(share, won(fee)).unwrap();
            assert_eq!((line.to_points(), line.to_external()), (won(points), won(external)));
        }
        assert_eq!(RefundLine::new(share, won(0)).unwrap(), RefundLine::in_full(share));
        let rate = BasisPoints::percent(3);
        assert_eq!(RefundLine::new(share, won(99)).unwrap().fee_commission(rate), won(2));
    }

    #[test]
    fn a_fee_above_what_was_paid_is_refused_in_json_too() {
        let share = share(1, 20, 50, 63);
        let error = RefundLine::new(share, won(114)).unwrap_err();
        let text = "seat 1: expected a cancel fee of at most 113 KRW, got 114 KRW";
        assert_eq!(error.to_string(), text);
        let line = RefundLine::new(share, won(113)).unwrap();
        let json = serde_json::to_string(&line).unwrap();
        assert_eq!(serde_json::from_str::<RefundLine>(&json).unwrap(), line);
        let error = serde_json::from_str::<RefundLine>(&json.replace(":113", ":114")).unwrap_err();
        assert!(error.to_string().contains(text), "{error}");
    }

    #[test]
    fn a_fee_in_another_currency_is_refused() {
        let dollar = Money::from_minor(1, Currency::USD).unwrap();
        let refused = RefundLine::new(share(1, 0, 0, 9), dollar);
        assert!(matches!(
            refused,
            Err(RefundLineError::Money(MoneyError::CurrencyMismatch { .. }))
        ));
    }

    proptest! {
        #[test]
        fn what_was_paid_is_what_goes_back_and_the_fee(
            (discount, points, external) in (0..1_000_i64, 0..1_000_i64, 0..1_000_i64),
            basis_points in 0..=10_000_u16,
        ) {
            let share = share(0, discount, points, external);
            let fee = share.paid().portion(BasisPoints::new(basis_points).unwrap());
            let line = RefundLine::new(share, fee).unwrap();
            let parts = [line.to_points(), line.to_external(), line.fee()];
            prop_assert_eq!(Money::sum(Currency::KRW, parts).unwrap(), share.paid());
            prop_assert!(line.to_points().minor() <= points);
            prop_assert!(line.to_external().minor() <= external);
            prop_assert!(line.to_external().is_zero() || line.to_points().minor() == points);
        }
    }
}
