//! Policies: what a seller may choose, with units and bounds.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::money::BasisPoints;

/// Why a policy was refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{field}: expected {expected}, got {got}")]
pub struct PolicyError {
    /// The field.
    pub field: &'static str,
    /// What is allowed.
    pub expected: String,
    /// What was given.
    pub got: String,
}

const MINUTE: Duration = Duration::from_mins(1);
const HOUR: Duration = Duration::from_hours(1);

/// How long a buyer may take for each step. Every field is exact time, at most 30 days.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Deadlines {
    /// How long a hold lasts; default 5 min.
    pub hold: Duration,
    /// How long a hold lasts at the most, counted from the first hold; default 10 min.
    pub hold_max: Duration,
    /// From reserve until payment must have started; default 10 min.
    pub payment_wait: Duration,
    /// What a buyer gets once when payment starts; default 10 min.
    pub grace: Duration,
    /// How long after the last send to the gateway its answer may come; default 15 min.
    pub confirm_window: Duration,
    /// The longest that a card payment may take from reserve; default 40 min.
    pub card_max: Duration,
    /// From account issue until a deposit is due; default 72 h.
    pub deposit_due: Duration,
    /// How long before the start a deposit is due at the latest; default 24 h.
    pub deposit_before_start: Duration,
    /// The shortest time to deposit that is offered; default 1 h.
    pub deposit_min: Duration,
    /// How late the bank's notice may come; default 30 min.
    pub notice_margin: Duration,
    /// How long before the start new holds and reservations stop; default 1 h.
    pub sales_stop: Duration,
    /// How long an admission lasts; default 10 min.
    pub admission: Duration,
    /// How long we wait for a buyer's refund account before points are given; default 30 days.
    pub refund_account_wait: Duration,
}

impl Default for Deadlines {
    fn default() -> Self {
        Self {
            hold: 5 * MINUTE,
            hold_max: 10 * MINUTE,
            payment_wait: 10 * MINUTE,
            grace: 10 * MINUTE,
            confirm_window: 15 * MINUTE,
            card_max: 40 * MINUTE,
            deposit_due: 72 * HOUR,
            deposit_before_start: 24 * HOUR,
            deposit_min: HOUR,
            notice_margin: 30 * MINUTE,
            sales_stop: HOUR,
            admission: 10 * MINUTE,
            refund_account_wait: 30 * 24 * HOUR,
        }
    }
}

impl Deadlines {
    /// The longest of any deadline.
    pub const MAX: Duration = Duration::from_hours(30 * 24);

    /// The longest that a hold without a claim is meant to last: a buyer's own, or one that a reserve
    /// just stretched.
    pub fn hold_longest(&self) -> Duration {
        self.hold_max.max(self.payment_wait)
    }

    fn check(&self) -> Result<(), PolicyError> {
        let bounded = [
            ("hold", self.hold, 1),
            ("hold_max", self.hold_max, 1),
            ("payment_wait", self.payment_wait, 1),
            ("grace", self.grace, 0),
            ("confirm_window", self.confirm_window, 1),
            ("card_max", self.card_max, 1),
            ("deposit_due", self.deposit_due, 1),
            ("deposit_before_start", self.deposit_before_start, 0),
            ("deposit_min", self.deposit_min, 0),
            ("notice_margin", self.notice_margin, 0),
            ("sales_stop", self.sales_stop, 0),
            ("admission", self.admission, 1),
            ("refund_account_wait", self.refund_account_wait, 0),
        ];
        for (field, value, least_s) in bounded {
            if value < Duration::from_secs(least_s) || value > Self::MAX {
                return Err(PolicyError {
                    field,
                    expected: format!("{least_s} s to {} s", Self::MAX.as_secs()),
                    got: format!("{} s", value.as_secs_f64()),
                });
            }
        }
        let ordered = [
            ("hold_max", self.hold_max, "hold", self.hold),
            ("card_max", self.card_max, "payment_wait", self.payment_wait),
        ];
        for (field, value, least, bound) in ordered {
            if value < bound {
                return Err(PolicyError {
                    field,
                    expected: format!("at least {least} ({} s)", bound.as_secs()),
                    got: format!("{} s", value.as_secs()),
                });
            }
        }
        Ok(())
    }
}

/// What happens to money that comes after the reservation lapsed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LatePayment {
    /// The seats are taken again if all are still free, else the money goes back.
    #[default]
    TakeIfFree,
    /// The money always goes back.
    Refund,
}

/// One step of the cancel fee.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FeeTier {
    /// Calendar days left, in the performance's zone, from which on this step holds.
    pub days_left_min: u16,
    /// The part of what was paid that is kept.
    pub fee: BasisPoints,
}

/// What a cancel costs the buyer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RefundPolicy {
    /// The steps, most days first; the last one starts at 0 days. At most 16.
    pub tiers: Vec<FeeTier>,
    /// How long after the payment a cancel is free; default 24 h.
    pub free_after_payment: Duration,
    /// How many days must be left for that; default 3.
    pub free_days_left_min: u16,
}

impl Default for RefundPolicy {
    fn default() -> Self {
        let tier =
            |days_left_min, percent| FeeTier { days_left_min, fee: BasisPoints::percent(percent) };
        Self {
            tiers: vec![tier(10, 0), tier(7, 10), tier(3, 20), tier(1, 30), tier(0, 90)],
            free_after_payment: 24 * HOUR,
            free_days_left_min: 3,
        }
    }
}

impl RefundPolicy {
    fn check(&self) -> Result<(), PolicyError> {
        let descending =
            self.tiers.windows(2).all(|pair| pair[0].days_left_min > pair[1].days_left_min);
        let ends_at_zero = self.tiers.last().is_some_and(|tier| tier.days_left_min == 0);
        if self.tiers.len() <= 16 && descending && ends_at_zero {
            return Ok(());
        }
        Err(PolicyError {
            field: "tiers",
            expected: "1 to 16 steps, most days first, the last at 0 days".to_owned(),
            got: format!("{:?}", self.tiers.iter().map(|t| t.days_left_min).collect::<Vec<_>>()),
        })
    }
}

/// What a seller may choose for a show. Checked when a show or a performance takes it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SalesPolicy {
    /// Seats in one reservation, 1 to 100; default 1.
    pub seats_per_reservation: u16,
    /// Tickets of one user for one show, 1 to 1,000; default 1.
    pub tickets_per_user: u16,
    /// Checkouts of one reservation, 1 to 20; default 5.
    pub checkout_attempts: u16,
    /// What happens to money that comes too late.
    pub late_payment: LatePayment,
    /// How long each step may take.
    pub deadlines: Deadlines,
    /// What a cancel costs.
    pub refunds: RefundPolicy,
    /// Whether a hold needs an admission from the waiting room.
    pub waiting_room: bool,
}

impl Default for SalesPolicy {
    fn default() -> Self {
        Self {
            seats_per_reservation: 1,
            tickets_per_user: 1,
            checkout_attempts: 5,
            late_payment: LatePayment::default(),
            deadlines: Deadlines::default(),
            refunds: RefundPolicy::default(),
            waiting_room: false,
        }
    }
}

impl SalesPolicy {
    /// Refuses what is out of bounds.
    ///
    /// # Errors
    /// [`PolicyError`] with the first field that is.
    pub fn check(&self) -> Result<(), PolicyError> {
        let counts = [
            ("seats_per_reservation", self.seats_per_reservation, 100),
            ("tickets_per_user", self.tickets_per_user, 1_000),
            ("checkout_attempts", self.checkout_attempts, 20),
        ];
        for (field, value, most) in counts {
            if value == 0 || value > most {
                let expected = format!("1 to {most}");
                return Err(PolicyError { field, expected, got: value.to_string() });
            }
        }
        self.deadlines.check()?;
        self.refunds.check()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_defaults_are_within_their_own_bounds() {
        SalesPolicy::default().check().unwrap();
    }

    #[test]
    fn a_wrong_field_is_named_with_what_was_expected() {
        let policy = SalesPolicy { tickets_per_user: 0, ..SalesPolicy::default() };
        let text = policy.check().unwrap_err().to_string();
        assert_eq!(text, "tickets_per_user: expected 1 to 1000, got 0");
        let mut policy = SalesPolicy::default();
        policy.deadlines.hold_max = MINUTE;
        assert_eq!(policy.check().unwrap_err().field, "hold_max");
        let mut policy = SalesPolicy::default();
        policy.refunds.tiers.pop();
        assert_eq!(policy.check().unwrap_err().field, "tiers");
    }
}
