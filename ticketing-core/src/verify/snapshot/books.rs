//! The ledger: sums over all entries, by account, payment, refund and pending entry.

use std::collections::BTreeMap;

use rustc_hash::FxHashMap;

use crate::id::{EntryId, PaymentId, RefundId};
use crate::ledger::{Account, AccountKey, EntryKind, EntrySubject, JournalEntry};
use crate::money::Currency;
use crate::port::BalanceRow;

/// What the entries about one payment say, in minor units.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(in crate::verify) struct PaymentFlow {
    pub(in crate::verify) purchases: u32,
    /// What the gateway brought for tickets, and what of points went into them.
    pub(in crate::verify) bought: i64,
    pub(in crate::verify) points: i64,
    /// What the gateway brought for nothing.
    pub(in crate::verify) not_honoured: i64,
    /// What the bank took back of unused seats, and of what was used or refunded.
    pub(in crate::verify) reversed: i64,
    pub(in crate::verify) lost: i64,
}

impl PaymentFlow {
    pub(in crate::verify) const fn taken_back(&self) -> i64 {
        self.reversed + self.lost
    }
}

/// What the entries about one refund say, in minor units.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(in crate::verify) struct RefundFlow {
    /// What became owed and what became points when it was accepted.
    pub(in crate::verify) payable: i64,
    pub(in crate::verify) points: i64,
    /// How it stopped being owed.
    pub(in crate::verify) sent: i64,
    pub(in crate::verify) as_points: i64,
    pub(in crate::verify) stopped: i64,
}

/// Points that were set aside.
#[derive(Clone, Copy, Debug)]
pub(in crate::verify) struct Reserved {
    pub(in crate::verify) id: EntryId,
    pub(in crate::verify) amount: i64,
    pub(in crate::verify) currency: Currency,
}

/// An entry that says that it ends a pending one.
#[derive(Clone, Copy, Debug)]
pub(in crate::verify) struct Resolver {
    pub(in crate::verify) by: EntryId,
    /// What it takes out of the points held.
    pub(in crate::verify) amount: i64,
    /// How many entries say so.
    pub(in crate::verify) times: u32,
}

/// The ledger.
#[derive(Debug, Default)]
pub(in crate::verify) struct Books {
    pub(in crate::verify) entries: u64,
    pub(in crate::verify) unbalanced: Vec<EntryId>,
    pub(in crate::verify) sums: BTreeMap<AccountKey, i128>,
    pub(in crate::verify) payments: FxHashMap<PaymentId, PaymentFlow>,
    pub(in crate::verify) refunds: FxHashMap<RefundId, RefundFlow>,
    pub(in crate::verify) reserved: Vec<Reserved>,
    pub(in crate::verify) resolvers: FxHashMap<EntryId, Resolver>,
    pub(in crate::verify) resolutions: Vec<(EntryId, EntryId)>,
    pub(in crate::verify) balances: BTreeMap<AccountKey, i128>,
}

impl Books {
    pub(super) fn entry(&mut self, entry: &JournalEntry) {
        self.entries += 1;
        let mut sum = 0;
        for (account, amount) in entry.lines() {
            sum += i128::from(amount);
            *self.sums.entry(account).or_default() += i128::from(amount);
        }
        if sum != 0 {
            self.unbalanced.push(entry.id());
        }
        if entry.kind() == EntryKind::PointsReserved {
            let (id, currency) = (entry.id(), entry.currency());
            let amount = on(entry, |account| account == Account::PointsHeld);
            self.reserved.push(Reserved { id, amount, currency });
        }
        if let Some(pending) = entry.resolves() {
            let by = entry.id();
            let amount = -on(entry, |account| account == Account::PointsHeld);
            let known = self.resolvers.entry(pending);
            known.or_insert(Resolver { by, amount, times: 0 }).times += 1;
        }
        match entry.subject() {
            EntrySubject::Payment(payment) => self.of_payment(payment, entry),
            EntrySubject::Refund(refund) => self.of_refund(refund, entry),
            EntrySubject::Wallet(_) | EntrySubject::Reservation(_) | EntrySubject::Seller(_) => {}
        }
    }

    fn of_payment(&mut self, payment: PaymentId, entry: &JournalEntry) {
        let flow = self.payments.entry(payment).or_default();
        let clearing = on(entry, |account| account == Account::Clearing);
        match entry.kind() {
            EntryKind::Purchase | EntryKind::PurchaseLate => {
                flow.purchases += 1;
                flow.bought -= clearing;
                flow.points -= on(entry, |account| {
                    matches!(account, Account::PointsHeld | Account::Wallet(_))
                });
            }
            EntryKind::NotHonoured => flow.not_honoured -= clearing,
            EntryKind::DepositReversed => flow.reversed += clearing,
            EntryKind::DepositLost => flow.lost += clearing,
            EntryKind::TopUp
            | EntryKind::PointsReserved
            | EntryKind::PointsGivenBack
            | EntryKind::RefundAccepted
            | EntryKind::RefundSent
            | EntryKind::RefundAsPoints
            | EntryKind::RefundStopped
            | EntryKind::Payout => {}
        }
    }

    fn of_refund(&mut self, refund: RefundId, entry: &JournalEntry) {
        let flow = self.refunds.entry(refund).or_default();
        let payable = on(entry, |account| account == Account::RefundPayable);
        match entry.kind() {
            EntryKind::RefundAccepted => {
                flow.payable += payable;
                flow.points += on(entry, |account| matches!(account, Account::Wallet(_)));
            }
            EntryKind::RefundSent => flow.sent -= payable,
            EntryKind::RefundAsPoints => flow.as_points -= payable,
            EntryKind::RefundStopped => flow.stopped -= payable,
            EntryKind::TopUp
            | EntryKind::PointsReserved
            | EntryKind::PointsGivenBack
            | EntryKind::Purchase
            | EntryKind::PurchaseLate
            | EntryKind::NotHonoured
            | EntryKind::DepositReversed
            | EntryKind::DepositLost
            | EntryKind::Payout => {}
        }
    }

    pub(super) fn balance(&mut self, row: &BalanceRow) {
        *self.balances.entry(row.account).or_default() += i128::from(row.amount);
    }

    /// A balance over all currencies' rows of one account.
    pub(in crate::verify) fn balance_of(&self, account: Account, currency: Currency) -> i128 {
        self.balances.get(&AccountKey { account, currency }).copied().unwrap_or(0)
    }
}

fn on(entry: &JournalEntry, which: impl Fn(Account) -> bool) -> i64 {
    entry.postings().iter().filter(|line| which(line.account)).map(|line| line.amount).sum()
}
