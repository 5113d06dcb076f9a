//! What a seller may choose.

use std::time::Duration;

use proptest::collection::vec;
use proptest::prelude::*;

use super::simplest::simplest_first;
use super::value::rates;
use crate::policy::{Deadlines, FeeTier, LatePayment, RefundPolicy, SalesPolicy};

/// Deadlines within their bounds, with the least and the longest of each. They shrink to the defaults.
///
/// ```
/// use proptest::prelude::*;
/// use ticketing_core::testing::strategies;
///
/// proptest!(|(deadlines in strategies::deadlines())| {
///     prop_assert!(deadlines.hold <= deadlines.hold_max);
/// });
/// ```
pub fn deadlines() -> BoxedStrategy<Deadlines> {
    let usual = Deadlines::default();
    let holds = (times(usual.hold, 1), times(usual.hold_max, 1));
    let payment = (
        times(usual.payment_wait, 1),
        times(usual.grace, 0),
        times(usual.confirm_window, 1),
        times(usual.card_max, 1),
    );
    let deposit = (
        times(usual.deposit_due, 1),
        times(usual.deposit_before_start, 0),
        times(usual.deposit_min, 0),
        times(usual.notice_margin, 0),
    );
    let others = (
        times(usual.sales_stop, 0),
        times(usual.admission, 1),
        times(usual.refund_account_wait, 0),
    );
    let deadlines =
        (holds, payment, deposit, others).prop_map(|(holds, payment, deposit, others)| Deadlines {
            hold: holds.0,
            hold_max: holds.1.max(holds.0),
            payment_wait: payment.0,
            grace: payment.1,
            confirm_window: payment.2,
            card_max: payment.3.max(payment.0),
            deposit_due: deposit.0,
            deposit_before_start: deposit.1,
            deposit_min: deposit.2,
            notice_margin: deposit.3,
            sales_stop: others.0,
            admission: others.1,
            refund_account_wait: others.2,
        });
    simplest_first(usual, deadlines)
}

/// Times from `least_s` seconds to the longest deadline; the usual one first.
fn times(usual: Duration, least_s: u64) -> BoxedStrategy<Duration> {
    let most_s = Deadlines::MAX.as_secs();
    let hours = 7_200;
    let times = prop_oneof![
        6 => Just(usual),
        3 => (least_s..=hours).prop_map(Duration::from_secs),
        1 => (least_s..=most_s).prop_map(Duration::from_secs),
        1 => (least_s * 1_000..=60_000).prop_map(Duration::from_millis),
        1 => Just(Duration::from_secs(least_s)),
        1 => Just(Deadlines::MAX),
    ];
    simplest_first(usual, times)
}

/// Cancel fees of 1 to 16 steps, in any order of height. They shrink to the default.
///
/// ```
/// use proptest::prelude::*;
/// use ticketing_core::testing::strategies;
///
/// proptest!(|(policy in strategies::refund_policies())| {
///     prop_assert_eq!(policy.tiers.last().map(|tier| tier.days_left_min), Some(0));
/// });
/// ```
pub fn refund_policies() -> BoxedStrategy<RefundPolicy> {
    let days = prop_oneof![6 => 1..=30_u16, 1 => 1..=u16::MAX - 16];
    let steps = vec((days, rates()), 0..16);
    let free = (prop_oneof![Just(24 * 60), 0..=14_400_u64], prop_oneof![Just(3), 0..=30_u16]);
    let policies =
        (rates(), steps, free).prop_map(|(last, mut steps, (free_minutes, free_days_left_min))| {
            steps.sort_by_key(|(days, _)| std::cmp::Reverse(*days));
            steps.dedup_by_key(|(days, _)| *days);
            let last = FeeTier { days_left_min: 0, fee: last };
            let steps =
                steps.into_iter().map(|(days_left_min, fee)| FeeTier { days_left_min, fee });
            RefundPolicy {
                tiers: steps.chain([last]).collect(),
                free_after_payment: Duration::from_mins(free_minutes),
                free_days_left_min,
            }
        });
    simplest_first(RefundPolicy::default(), policies)
}

/// Policies that every check lets pass. They shrink to the defaults.
///
/// ```
/// use proptest::prelude::*;
/// use ticketing_core::testing::strategies;
///
/// proptest!(|(policy in strategies::sales_policies())| prop_assert_eq!(policy.check(), Ok(())));
/// ```
pub fn sales_policies() -> BoxedStrategy<SalesPolicy> {
    let late = prop_oneof![Just(LatePayment::TakeIfFree), Just(LatePayment::Refund)];
    let counts = (counts(1, 100), counts(1, 1_000), counts(5, 20));
    let policies = (counts, late, deadlines(), refund_policies(), any::<bool>()).prop_map(
        |((seats, tickets, attempts), late_payment, deadlines, refunds, waiting_room)| {
            SalesPolicy {
                seats_per_reservation: seats,
                tickets_per_user: tickets,
                checkout_attempts: attempts,
                late_payment,
                deadlines,
                refunds,
                waiting_room,
            }
        },
    );
    simplest_first(SalesPolicy::default(), policies)
}

fn counts(usual: u16, most: u16) -> BoxedStrategy<u16> {
    simplest_first(
        usual,
        prop_oneof![3 => Just(usual), 3 => 1..=8_u16, 1 => 1..=most, 1 => Just(most)],
    )
}
