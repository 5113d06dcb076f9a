//! What holds for every payment, however it was made and undone.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::tests::{PAYMENT, REFUND, RESERVATION, SELLER, USER, booking, paid, refunded};
use super::*;
use crate::allocation::tests::bills;
use crate::allocation::{SeatShare, allocate};
use crate::fee::RefundLine;
use crate::ledger::AccountKey;
use crate::money::BasisPoints;

/// The balances after some entries, without those of zero.
#[derive(Debug, Default, PartialEq)]
struct Balances(BTreeMap<AccountKey, i64>);

impl Balances {
    fn post(&mut self, entry: impl Into<Option<JournalEntry>>) {
        let Some(entry) = entry.into() else { return };
        assert_eq!(entry.postings().iter().map(|posting| posting.amount).sum::<i64>(), 0);
        for (key, amount) in entry.lines() {
            *self.0.entry(key).or_default() += amount;
        }
        self.0.retain(|_, balance| *balance != 0);
    }

    fn of(&self, account: Account) -> i64 {
        self.0.get(&AccountKey { account, currency: Currency::KRW }).copied().unwrap_or(0)
    }
}

fn sum(amounts: impl IntoIterator<Item = Money>) -> Money {
    Money::sum(Currency::KRW, amounts).unwrap()
}

/// Reserves the points of a payment, if it has any, and buys.
fn buy(balances: &mut Balances, shares: &[SeatShare], rate: BasisPoints) {
    let points = sum(shares.iter().map(SeatShare::points));
    let reserved = reserve(balances, points);
    let purchase = JournalEntry::purchase(booking(2), &paid(shares, rate), reserved).unwrap();
    assert_eq!(purchase.as_ref().and_then(JournalEntry::resolves), reserved);
    balances.post(purchase);
}

fn reserve(balances: &mut Balances, points: Money) -> Option<EntryId> {
    if points.is_zero() {
        return None;
    }
    let entry = JournalEntry::points_reserved(booking(1), RESERVATION, USER, points).unwrap();
    let id = entry.id();
    balances.post(entry);
    Some(id)
}

fn refund(balances: &mut Balances, lines: &[RefundLine], rate: BasisPoints) {
    balances.post(JournalEntry::refund_accepted(booking(3), &refunded(lines, rate)).unwrap());
    let external = sum(lines.iter().map(RefundLine::to_external));
    if !external.is_zero() {
        balances.post(JournalEntry::refund_sent(booking(4), REFUND, external).unwrap());
    }
}

prop_compose! {
    /// Paid seats, each with a cancel fee of anything from nothing to all that was paid for it.
    fn sales()((lines, tenders) in bills())(
        fees in prop::collection::vec(0..=10_000_u16, lines.len()),
        shares in Just(allocate(&lines, &tenders).unwrap()),
    ) -> Vec<RefundLine> {
        let fee = |(share, fee): (SeatShare, u16)| {
            RefundLine::new(share, share.paid().portion(BasisPoints::new(fee).unwrap())).unwrap()
        };
        shares.into_iter().zip(fees).map(fee).collect()
    }
}

fn rates() -> impl Strategy<Value = BasisPoints> {
    (0..=10_000_u16).prop_map(|points| BasisPoints::new(points).unwrap())
}

fn shares_of(lines: &[RefundLine]) -> Vec<SeatShare> {
    lines.iter().map(|line| *line.share()).collect()
}

proptest! {
    #[test]
    fn a_purchase_leaves_what_each_party_gave_and_got(lines in sales(), rate in rates()) {
        let shares = shares_of(&lines);
        let mut balances = Balances::default();
        buy(&mut balances, &shares, rate);
        let fee = sum(shares.iter().map(|share| share.platform_fee(rate))).minor();
        let price = sum(shares.iter().map(SeatShare::price)).minor();
        prop_assert_eq!(balances.of(Account::PointsHeld), 0);
        prop_assert_eq!(balances.of(Account::PlatformFee), fee);
        prop_assert_eq!(balances.of(Account::Seller(SELLER)), price - fee);
        let of = |part: fn(&SeatShare) -> Money| -sum(shares.iter().map(part)).minor();
        prop_assert_eq!(balances.of(Account::Wallet(USER)), of(SeatShare::points));
        prop_assert_eq!(balances.of(Account::Clearing), of(SeatShare::external));
        prop_assert_eq!(balances.of(Account::Promotion), of(SeatShare::discount));
    }

    #[test]
    fn a_refund_leaves_only_the_cancel_fees(lines in sales(), rate in rates()) {
        let mut balances = Balances::default();
        buy(&mut balances, &shares_of(&lines), rate);
        refund(&mut balances, &lines, rate);
        for line in &lines {
            prop_assert!(line.to_points().minor() <= line.share().points().minor());
            prop_assert!(line.to_external().minor() <= line.share().external().minor());
        }
        let fees = sum(lines.iter().map(RefundLine::fee)).minor();
        let commission = sum(lines.iter().map(|line| line.fee_commission(rate))).minor();
        let kept = |gave: fn(&SeatShare) -> Money, back: fn(&RefundLine) -> Money| {
            let gave = sum(lines.iter().map(|line| gave(line.share()))).minor();
            gave - sum(lines.iter().map(back)).minor()
        };
        let of_points = kept(SeatShare::points, RefundLine::to_points);
        let of_external = kept(SeatShare::external, RefundLine::to_external);
        prop_assert_eq!(of_points + of_external, fees);
        prop_assert_eq!(balances.of(Account::Wallet(USER)), -of_points);
        prop_assert_eq!(balances.of(Account::Clearing), -of_external);
        prop_assert_eq!(balances.of(Account::Seller(SELLER)), fees - commission);
        prop_assert_eq!(balances.of(Account::PlatformFee), commission);
        for settled in [Account::PointsHeld, Account::RefundPayable, Account::Promotion] {
            prop_assert_eq!(balances.of(settled), 0);
        }
    }

    #[test]
    fn a_refund_without_fee_leaves_nothing(lines in sales(), rate in rates()) {
        let shares = shares_of(&lines);
        let mut balances = Balances::default();
        buy(&mut balances, &shares, rate);
        let lines: Vec<RefundLine> = shares.into_iter().map(RefundLine::in_full).collect();
        refund(&mut balances, &lines, rate);
        prop_assert_eq!(balances, Balances::default());
    }

    #[test]
    fn refunds_in_any_order_and_parts_add_up_to_one_refund(
        (lines, shuffled) in sales().prop_flat_map(|lines| {
            (Just(lines.clone()), Just(lines).prop_shuffle())
        }),
        rate in rates(),
        size in 1..4_usize,
    ) {
        let mut at_once = Balances::default();
        refund(&mut at_once, &lines, rate);
        let mut in_parts = Balances::default();
        for part in shuffled.chunks(size) {
            refund(&mut in_parts, part, rate);
        }
        prop_assert_eq!(in_parts, at_once);
    }

    #[test]
    fn a_late_purchase_ends_as_one_in_time(lines in sales(), rate in rates()) {
        let shares = shares_of(&lines);
        let mut in_time = Balances::default();
        buy(&mut in_time, &shares, rate);
        let mut late = Balances::default();
        let points = sum(shares.iter().map(SeatShare::points));
        if let Some(reserved) = reserve(&mut late, points) {
            let back = booking(2);
            let back = JournalEntry::points_given_back(back, reserved, RESERVATION, USER, points);
            late.post(back.unwrap());
        }
        prop_assert_eq!(&late, &Balances::default());
        late.post(JournalEntry::purchase_late(booking(3), &paid(&shares, rate), USER).unwrap());
        prop_assert_eq!(late, in_time);
    }

    #[test]
    fn a_reversed_deposit_leaves_nothing_of_live_seats(lines in sales(), rate in rates()) {
        let shares = shares_of(&lines);
        let mut balances = Balances::default();
        buy(&mut balances, &shares, rate);
        let reversed = JournalEntry::deposit_reversed(booking(3), &paid(&shares, rate), USER);
        balances.post(reversed.unwrap());
        prop_assert_eq!(balances, Balances::default());
    }

    #[test]
    fn a_reversed_deposit_whose_refund_is_stopped_costs_the_fees_that_were_passed_on(
        lines in sales(),
        rate in rates(),
    ) {
        let mut balances = Balances::default();
        buy(&mut balances, &shares_of(&lines), rate);
        balances.post(JournalEntry::refund_accepted(booking(3), &refunded(&lines, rate)).unwrap());
        let came = sum(lines.iter().map(|line| line.share().external()));
        let unsent = sum(lines.iter().map(RefundLine::to_external));
        if !came.is_zero() {
            balances.post(JournalEntry::deposit_lost(booking(4), PAYMENT, came).unwrap());
        }
        if !unsent.is_zero() {
            balances.post(JournalEntry::refund_stopped(booking(5), REFUND, unsent).unwrap());
        }
        prop_assert_eq!(balances.of(Account::Clearing), 0);
        prop_assert_eq!(balances.of(Account::RefundPayable), 0);
        prop_assert_eq!(balances.of(Account::Loss), unsent.minor() - came.minor());
    }
}
