//! Refunds in every state.

use chrono::{DateTime, TimeDelta, Utc};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;

use super::purchase::{Paying, Purchase, Wants, purchases};
use super::simplest::simplest_first;
use super::value::{rates, refund_accounts};
use crate::allocation::SeatShare;
use crate::bank::RefundAccount;
use crate::fee::RefundLine;
use crate::id::RefundId;
use crate::money::{BasisPoints, Money};
use crate::payment::{Honoured, Payment};
use crate::policy::Deadlines;
use crate::refund::{NewRefund, Refund, RefundFor, RefundState, Sent};

/// Where a drawn refund stands: its state without what the state carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum RefundAt {
    /// [`RefundState::Requested`]: to a card or to an account.
    Requested,
    /// [`RefundState::NeedsAccount`].
    NeedsAccount,
    /// [`RefundState::Processing`], at any attempt.
    Processing,
    /// [`RefundState::Succeeded`]: sent by the gateway, given as points, or nothing to send.
    Succeeded,
    /// [`RefundState::Failed`], at any attempt, also beyond the last that the worker makes.
    Failed,
    /// [`RefundState::Unknown`], at any attempt.
    Unknown,
    /// [`RefundState::Stopped`].
    Stopped,
}

impl RefundAt {
    /// All of them, the simplest first.
    pub const ALL: [Self; 7] = [
        Self::Requested,
        Self::NeedsAccount,
        Self::Processing,
        Self::Succeeded,
        Self::Failed,
        Self::Unknown,
        Self::Stopped,
    ];

    /// Where a refund stands.
    pub const fn of(refund: &Refund) -> Self {
        match refund.state() {
            RefundState::Requested => Self::Requested,
            RefundState::NeedsAccount { .. } => Self::NeedsAccount,
            RefundState::Processing { .. } => Self::Processing,
            RefundState::Succeeded { .. } => Self::Succeeded,
            RefundState::Failed { .. } => Self::Failed,
            RefundState::Unknown { .. } => Self::Unknown,
            RefundState::Stopped => Self::Stopped,
        }
    }
}

/// Refunds of seats, at any cancel fee, and of money that bought nothing, in every state: new to a
/// store, with all their events. They shrink to a requested one of one seat.
///
/// ```
/// use proptest::prelude::*;
/// use ticketing_core::testing::strategies;
///
/// proptest!(|(refund in strategies::refunds())| {
///     prop_assert!(refund.is_owed() || refund.account().is_none());
/// });
/// ```
pub fn refunds() -> BoxedStrategy<Refund> {
    (select(RefundAt::ALL.to_vec()), lives()).prop_map(|(at, life)| life.bring(at).1).boxed()
}

/// The refunds of [`refunds`] that stand at `at`.
///
/// ```
/// use proptest::prelude::*;
/// use ticketing_core::testing::strategies::{self, RefundAt};
///
/// let failed = strategies::refunds_in(RefundAt::Failed);
/// proptest!(|(refund in failed)| prop_assert!(refund.is_owed()));
/// ```
pub fn refunds_in(at: RefundAt) -> BoxedStrategy<Refund> {
    lives().prop_map(move |life| life.bring(at).1).boxed()
}

/// Refunds in every state, each with the payment that it gives back, in which its part is set aside.
///
/// ```
/// use proptest::prelude::*;
/// use ticketing_core::testing::strategies;
///
/// proptest!(|((payment, refund) in strategies::refunded_payments())| {
///     prop_assert_eq!(refund.payment(), payment.id());
///     prop_assert_eq!(payment.refunded(), refund.external());
/// });
/// ```
pub fn refunded_payments() -> BoxedStrategy<(Payment, Refund)> {
    (select(RefundAt::ALL.to_vec()), lives()).prop_map(|(at, life)| life.bring(at)).boxed()
}

/// The raw choices of a refund's life. A state takes of them what it needs.
#[derive(Clone, Debug)]
struct Life {
    purchase: Purchase,
    is_honoured: bool,
    /// How many of the seats come back, the first ones; and the cancel fee of each.
    seats: usize,
    fees: Vec<BasisPoints>,
    account: RefundAccount,
    how: Sent,
    /// How the attempts before the last one ended, and what the last one did.
    codes: Vec<String>,
    is_asked_twice: bool,
}

fn lives() -> BoxedStrategy<Life> {
    let codes = prop_oneof![
        6 => vec("[A-Z_]{1,20}", 1..3),
        1 => vec("[A-Z가-힣]{101,120}", 1..3),
        1 => vec("[A-Z_]{1,20}", 10..12),
    ];
    let codes = simplest_first(vec!["REFUSED".to_owned()], codes);
    let what = (any::<bool>().prop_map(|bought_nothing| !bought_nothing), 1..=8_usize);
    let how = select(vec![Sent::Gateway, Sent::Points, Sent::Nothing]);
    (purchases(), what, vec(rates(), 8), refund_accounts(), how, codes, any::<bool>())
        .prop_map(|(purchase, (is_honoured, seats), fees, account, how, codes, is_asked_twice)| {
            Life { purchase, is_honoured, seats, fees, account, how, codes, is_asked_twice }
        })
        .boxed()
}

impl Life {
    fn bring(&self, at: RefundAt) -> (Payment, Refund) {
        let wants = match at {
            RefundAt::Requested | RefundAt::Processing | RefundAt::Failed | RefundAt::Unknown => {
                Wants::External
            }
            RefundAt::NeedsAccount | RefundAt::Stopped => Wants::Deposit,
            RefundAt::Succeeded => match self.how {
                Sent::Nothing => Wants::Anything,
                Sent::Gateway => Wants::External,
                Sent::Points => Wants::Deposit,
            },
        };
        let Paying { mut payment, ids, now, .. } = self.purchase.start(wants);
        let (what, external, points) = self.pay_and_ask(&mut payment, wants, now);
        payment.take_for_refund(external).expect("no more than was paid");
        let needs_none = at == RefundAt::NeedsAccount || self.is_as_points(at);
        if payment.refunds_to_account() {
            let account = (!needs_none).then(|| self.account.clone());
            payment.set_refund_account(account).expect("a deposit");
        }
        let id = RefundId::generate(&ids);
        let account_wait = Deadlines::default().refund_account_wait;
        let new = NewRefund { id, payment: &payment, what, external, points, account_wait };
        let mut it = Refund::request(new, now);
        match at {
            RefundAt::Requested | RefundAt::NeedsAccount => {}
            RefundAt::Succeeded if it.external().is_zero() => {}
            RefundAt::Succeeded if needs_none => {
                it.give_as_points(now).expect("no account was named");
            }
            RefundAt::Succeeded => {
                self.attempt(&mut it, now);
                it.succeed(now).expect("it was sent");
            }
            RefundAt::Processing => self.attempt(&mut it, now),
            RefundAt::Failed => {
                self.attempt(&mut it, now);
                it.fail(&self.codes[0], now).expect("it was sent");
            }
            RefundAt::Unknown => {
                self.attempt(&mut it, now);
                it.lose_answer(now).expect("it was sent");
            }
            RefundAt::Stopped => {
                it.take_back(it.left(), now).expect("it is owed");
            }
        }
        (payment, it)
    }

    fn is_as_points(&self, at: RefundAt) -> bool {
        at == RefundAt::Succeeded && self.how == Sent::Points
    }

    /// The money comes, and so much of it goes back: for what, through the gateway, and as points.
    fn pay_and_ask(
        &self,
        payment: &mut Payment,
        wants: Wants,
        now: DateTime<Utc>,
    ) -> (RefundFor, Money, Money) {
        let (external, zero) = (payment.external(), payment.external().currency().zero());
        if !self.is_honoured && !external.is_zero() {
            self.purchase.send(payment, now);
            payment.succeed(Honoured::No, now).expect("it was sent");
            return (RefundFor::NotHonoured, external, zero);
        }
        self.purchase.pay(payment, now);
        let mut lines: Vec<RefundLine> =
            payment.shares().iter().zip(&self.fees).take(self.seats).map(line).collect();
        let sum = |lines: &[RefundLine], part: fn(&RefundLine) -> Money| {
            Money::sum(zero.currency(), lines.iter().map(part)).expect("no more than was paid")
        };
        if wants != Wants::Anything && sum(&lines, RefundLine::to_external).is_zero() {
            lines = payment.shares().iter().copied().map(RefundLine::in_full).collect();
        }
        let external = sum(&lines, RefundLine::to_external);
        let points = sum(&lines, RefundLine::to_points);
        (RefundFor::Seats(lines), external, points)
    }

    /// Sends the last of some attempts; those before were refused.
    fn attempt(&self, it: &mut Refund, now: DateTime<Utc>) {
        for code in &self.codes[1..] {
            it.begin(now).expect("it is to be sent");
            it.fail(code, now).expect("it was sent");
        }
        it.begin(now).expect("it is to be sent");
        if self.is_asked_twice {
            it.lose_answer(now).expect("it was sent");
            it.begin(now + TimeDelta::minutes(1)).expect("it may be sent again");
        }
    }
}

fn line((share, fee): (&SeatShare, &BasisPoints)) -> RefundLine {
    RefundLine::new(*share, share.paid().portion(*fee)).expect("a fee of no more than was paid")
}
