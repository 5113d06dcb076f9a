//! The books balance, and what is pending in them is pending in the aggregates.

use std::collections::{BTreeMap, BTreeSet};

use rustc_hash::FxHashMap;

use super::report::Invariant;
use super::snapshot::{Saga, Snapshot};
use crate::checkout::CheckoutState;
use crate::id::EntryId;
use crate::ledger::{Account, AccountKey};
use crate::money::Currency;

/// Entries sum to zero, balances are the sums of postings, points set aside are given back or spent
/// once and when they must be.
pub(super) fn entries(all: &Snapshot) -> Invariant {
    let mut found = Invariant::new("entries_that_do_not_sum");
    found.checked += all.books.entries;
    for entry in &all.books.unbalanced {
        found.must(false, || format!("entry {entry} does not sum to zero"));
    }
    balances(all, &mut found);
    resolutions(all, &mut found);
    reserved(all, &mut found);
    pending(all, &mut found);
    found
}

/// No wallet is below zero, neither by its balance nor by its postings.
pub(super) fn wallets(all: &Snapshot) -> Invariant {
    let mut found = Invariant::new("wallets_below_zero");
    let accounts = accounts(all);
    for account in accounts.into_iter().filter(|key| key.account.is_checked()) {
        let balance = all.books.balances.get(&account).copied().unwrap_or(0);
        let sum = all.books.sums.get(&account).copied().unwrap_or(0);
        found.look(balance.min(sum) >= 0, || format!("{account}: {}", balance.min(sum)));
    }
    found
}

fn accounts(all: &Snapshot) -> BTreeSet<AccountKey> {
    all.books.sums.keys().chain(all.books.balances.keys()).copied().collect()
}

fn balances(all: &Snapshot, found: &mut Invariant) {
    let mut totals: BTreeMap<Currency, i128> = BTreeMap::new();
    for account in accounts(all) {
        let balance = all.books.balances.get(&account).copied().unwrap_or(0);
        let sum = all.books.sums.get(&account).copied().unwrap_or(0);
        *totals.entry(account.currency).or_default() += balance;
        found.look(balance == sum, || {
            format!("{account}: the balance is {balance}, its postings sum to {sum}")
        });
    }
    for (currency, total) in totals {
        found.look(total == 0, || format!("all balances in {currency} sum to {total}"));
    }
}

/// The resolutions are those that the entries name, and each pending entry is ended once.
fn resolutions(all: &Snapshot, found: &mut Invariant) {
    let mut ended: FxHashMap<EntryId, u32> = FxHashMap::default();
    for (pending, by) in &all.books.resolutions {
        let times = ended.entry(*pending).or_default();
        *times += 1;
        let once = *times == 1;
        found.look(once, || format!("entry {pending} is resolved {times} times"));
        let named = all.books.resolvers.get(pending).is_some_and(|named| named.by == *by);
        found.must(named || !once, || format!("entry {by} does not say that it ends {pending}"));
    }
    let pending: FxHashMap<EntryId, i64> =
        all.books.reserved.iter().map(|entry| (entry.id, entry.amount)).collect();
    let mut named: Vec<_> = all.books.resolvers.iter().collect();
    named.sort_unstable_by_key(|(id, _)| **id);
    for (id, resolver) in named {
        let (by, times) = (resolver.by, resolver.times);
        found.look(times == 1, || format!("{times} entries say that they end {id}, {by} is one"));
        found.must(ended.contains_key(id), || format!("entry {by} ends {id} without a resolution"));
        found.must(pending.get(id) == Some(&resolver.amount), || {
            format!("entry {by} ends {id} with another amount of points than that reserved")
        });
    }
}

/// Each entry that set points aside belongs to one checkout, and was ended exactly if the checkout or
/// its payment was.
fn reserved(all: &Snapshot, found: &mut Invariant) {
    let mut owners: FxHashMap<EntryId, (&Saga, u32)> = FxHashMap::default();
    for saga in &all.checkouts {
        if let Some(entry) = saga.points_entry {
            owners.entry(entry).or_insert((saga, 0)).1 += 1;
        }
    }
    for entry in &all.books.reserved {
        let (id, amount) = (entry.id, entry.amount);
        let resolved = all.books.resolvers.contains_key(&id);
        let Some((saga, owners)) = owners.remove(&id) else {
            found.look(false, || format!("entry {id} reserved {amount} points for no checkout"));
            continue;
        };
        let checkout = saga.checkout;
        found.look(owners == 1, || format!("entry {id} belongs to {owners} checkouts"));
        found.must(saga.points == amount, || {
            let points = saga.points;
            format!("checkout {checkout}: expected {points} points reserved, got {amount}")
        });
        found.must(may_be_resolved(all, saga, resolved), || {
            let how = if resolved { "ended too early" } else { "never ended" };
            format!("checkout {checkout}: entry {id} with {amount} points was {how}")
        });
    }
    let mut lost: Vec<_> =
        owners.into_iter().map(|(entry, (saga, _))| (saga.checkout, entry)).collect();
    lost.sort_unstable();
    for (checkout, entry) in lost {
        found.look(false, || format!("checkout {checkout}: entry {entry} reserves no points"));
    }
}

fn may_be_resolved(all: &Snapshot, saga: &Saga, resolved: bool) -> bool {
    match saga.state {
        CheckoutState::Started => !resolved,
        CheckoutState::Compensating { .. } => true,
        CheckoutState::Compensated { .. } => resolved,
        CheckoutState::Completed { payment } => {
            all.payments.get(&payment).is_some_and(|paid| paid.stage.holds_points() != resolved)
        }
    }
}

/// The accounts of what is pending hold exactly what is pending.
fn pending(all: &Snapshot, found: &mut Invariant) {
    let mut open: BTreeMap<Currency, (i128, i128)> = BTreeMap::new();
    for key in accounts(all) {
        open.entry(key.currency).or_default();
    }
    for entry in &all.books.reserved {
        if !all.books.resolvers.contains_key(&entry.id) {
            open.entry(entry.currency).or_default().0 += i128::from(entry.amount);
        }
    }
    for refund in all.refunds.iter().filter(|refund| refund.is_owed) {
        open.entry(refund.currency).or_default().1 += i128::from(refund.to_send());
    }
    for (currency, (points, refunds)) in open {
        for (account, expected) in
            [(Account::PointsHeld, points), (Account::RefundPayable, refunds)]
        {
            let got = all.books.balance_of(account, currency);
            let account = AccountKey { account, currency };
            found.look(got == expected, || format!("{account}: {got}, but {expected} are open"));
        }
    }
}
