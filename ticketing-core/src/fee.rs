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
