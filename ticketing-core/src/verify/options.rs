//! What is held against the store, besides the store itself.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use chrono::{DateTime, Utc};
use rustc_hash::FxHashMap;

use crate::aggregate::AggregateRef;
use crate::id::{PaymentId, PerformanceId};
use crate::memory::GatewayMoney;
use crate::page::Limit;
use crate::port::HeldSeat;

/// How to verify.
#[derive(Clone, Debug)]
pub struct VerifyOptions {
    /// The time that deadlines are compared with.
    pub now: DateTime<Utc>,
    /// How long after its deadline a thing counts as stuck: as long as sweepers and workers may be
    /// behind; default 1 h.
    pub stuck_after: Duration,
    /// What the gateway's own books say; without them the gateway is not asked about.
    pub gateway: Option<GatewayTruth>,
    /// What arrived where events are published to; without it only the outbox is looked at.
    pub published: Option<PublishedEvents>,
    /// Published events that happened before may have been dropped from the outbox; `None`: none was
    /// dropped.
    pub events_dropped_before: Option<DateTime<Utc>>,
    /// All holds; without them no hold is looked at.
    pub holds: Option<BTreeMap<PerformanceId, Vec<HeldSeat>>>,
    /// How many rows one page has; default [`Limit::MAX`].
    pub page: Limit,
}

impl VerifyOptions {
    /// The defaults at a time, with nothing but the store to look at.
    ///
    /// # Panics
    /// Never: the largest limit is one.
    pub fn at(now: DateTime<Utc>) -> Self {
        Self {
            now,
            stuck_after: Duration::from_hours(1),
            gateway: None,
            published: None,
            events_dropped_before: None,
            holds: None,
            page: Limit::new(Limit::MAX).expect("the largest limit"),
        }
    }

    /// Whether something that was due at a time is overdue by more than the margin.
    pub(super) fn is_overdue(&self, due_at: DateTime<Utc>) -> bool {
        let margin = chrono::TimeDelta::from_std(self.stuck_after).ok();
        let limit = margin.and_then(|margin| due_at.checked_add_signed(margin));
        limit.is_some_and(|limit| limit < self.now)
    }
}

/// The money of one payment at the gateway, in minor units.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct GatewayPayment {
    /// What came in, less what the bank took back.
    pub captured: i64,
    /// What was sent back.
    pub cancelled: i64,
}

/// What the gateway's own books say of every payment that ever had money.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct GatewayTruth {
    /// By payment; all others had no money.
    pub payments: BTreeMap<PaymentId, GatewayPayment>,
    /// Payments that these books are not about, such as those of another gateway: they are not compared.
    pub elsewhere: BTreeSet<PaymentId>,
}

impl From<&GatewayMoney> for GatewayTruth {
    fn from(money: &GatewayMoney) -> Self {
        let payments = money.payments.iter().map(|(id, money)| {
            let captured = money.captured.minor() - money.reversed.minor();
            (*id, GatewayPayment { captured, cancelled: money.cancelled.minor() })
        });
        Self { payments: payments.collect(), elsewhere: BTreeSet::new() }
    }
}

/// Which events arrived, each counted once however often it was delivered.
#[derive(Clone, Debug, Default)]
pub struct PublishedEvents {
    arrived: FxHashMap<AggregateRef, Numbers>,
}

impl PublishedEvents {
    /// Nothing arrived.
    pub fn new() -> Self {
        Self::default()
    }

    /// Notes an event: whose it is and its place among that aggregate's events, from 1.
    pub fn add(&mut self, aggregate: AggregateRef, number: u64) {
        self.arrived.entry(aggregate).or_default().add(number);
    }

    /// Whether an event arrived.
    pub fn contains(&self, aggregate: AggregateRef, number: u64) -> bool {
        self.arrived.get(&aggregate).is_some_and(|numbers| numbers.contains(number))
    }

    /// The aggregates with their highest numbers, in no order.
    pub(super) fn highest(&self) -> impl Iterator<Item = (AggregateRef, u64)> + '_ {
        self.arrived.iter().map(|(aggregate, numbers)| (*aggregate, numbers.highest()))
    }
}

/// A set of numbers that mostly come in order.
#[derive(Clone, Debug, Default)]
struct Numbers {
    through: u64,
    beyond: BTreeSet<u64>,
}

impl Numbers {
    fn add(&mut self, number: u64) {
        // The usual case keeps nothing: an emptied set holds on to its memory.
        if number == self.through + 1 {
            self.through = number;
        } else if number > self.through {
            self.beyond.insert(number);
        }
        while self.beyond.remove(&(self.through + 1)) {
            self.through += 1;
        }
    }

    fn contains(&self, number: u64) -> bool {
        (1..=self.through).contains(&number) || self.beyond.contains(&number)
    }

    fn highest(&self) -> u64 {
        self.beyond.last().copied().unwrap_or(self.through)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_may_come_twice_and_in_any_order() {
        let mut numbers = Numbers::default();
        for number in [3, 1, 1, 7, 2, 3] {
            numbers.add(number);
        }
        let known: Vec<u64> = (0..9).filter(|&number| numbers.contains(number)).collect();
        assert_eq!(known, [1, 2, 3, 7]);
        assert_eq!((numbers.through, numbers.highest()), (3, 7));
    }

    #[test]
    fn a_margin_beyond_all_time_makes_nothing_overdue() {
        let now = DateTime::from_timestamp(1_800_000_000, 0).unwrap();
        let mut options = VerifyOptions::at(now);
        assert!(!options.is_overdue(now - Duration::from_hours(1)));
        assert!(options.is_overdue(now - Duration::from_secs(3_601)));
        options.stuck_after = Duration::MAX;
        assert!(!options.is_overdue(DateTime::<Utc>::MIN_UTC));
    }
}
