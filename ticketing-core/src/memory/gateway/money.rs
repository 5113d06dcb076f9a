//! What the gateway's books say, for checks.

use std::collections::BTreeMap;

use super::book::Entry;
use crate::id::PaymentId;
use crate::money::{Currency, Money};
use crate::port::GatewayCancel;

/// The money of one payment at the gateway.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PaymentMoney {
    /// What was asked for.
    pub asked: Money,
    /// What came in, all deposits together.
    pub captured: Money,
    /// What was sent back.
    pub cancelled: Money,
    /// What the bank took back.
    pub reversed: Money,
    /// How it was sent back, in order.
    pub cancels: Vec<GatewayCancel>,
}

impl PaymentMoney {
    /// What came in and was not taken back by the bank.
    pub fn kept(&self) -> Money {
        self.captured.sub(self.reversed).unwrap_or(self.captured.currency().zero())
    }
}

/// The money of all payments in one currency, in minor units.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct GatewayTotals {
    /// What came in.
    pub captured: i128,
    /// What was sent back.
    pub cancelled: i128,
    /// What the bank took back.
    pub reversed: i128,
}

impl GatewayTotals {
    /// What is left: in, minus back. Below zero only where a deposit was both refunded and reversed.
    pub const fn net(&self) -> i128 {
        self.captured - self.cancelled - self.reversed
    }
}

/// What the gateway holds, every payment it ever captured, ascending by id.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct GatewayMoney {
    /// Per payment; payments without any money are left out.
    pub payments: BTreeMap<PaymentId, PaymentMoney>,
}

impl GatewayMoney {
    pub(super) fn of<'a>(entries: impl Iterator<Item = (&'a PaymentId, &'a Entry)>) -> Self {
        let payments = entries
            .filter(|(_, entry)| !entry.captured.is_zero())
            .map(|(payment, entry)| {
                let money = PaymentMoney {
                    asked: entry.asked,
                    captured: entry.captured,
                    cancelled: entry.cancelled,
                    reversed: entry.reversed,
                    cancels: entry.cancels.clone(),
                };
                (*payment, money)
            })
            .collect();
        Self { payments }
    }

    /// What came in for a payment; `None` if nothing did.
    pub fn captured(&self, payment: PaymentId) -> Option<Money> {
        self.payments.get(&payment).map(|money| money.captured)
    }

    /// What was sent back of a payment; `None` if nothing ever came in.
    pub fn cancelled(&self, payment: PaymentId) -> Option<Money> {
        self.payments.get(&payment).map(|money| money.cancelled)
    }

    /// The sums over all payments, by currency.
    pub fn totals(&self) -> BTreeMap<Currency, GatewayTotals> {
        let mut totals: BTreeMap<Currency, GatewayTotals> = BTreeMap::new();
        for money in self.payments.values() {
            let total = totals.entry(money.captured.currency()).or_default();
            total.captured += i128::from(money.captured.minor());
            total.cancelled += i128::from(money.cancelled.minor());
            total.reversed += i128::from(money.reversed.minor());
        }
        totals
    }
}
