//! Payments in every state.

use chrono::{DateTime, Utc};
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use proptest::sample::select;

use super::purchase::{Paying, Purchase, Wants, purchases};
use super::value::{amount, labels, part, permille};
use crate::change_set::{Fingerprint, ReceiptKey};
use crate::label::Token;
use crate::payment::{
    FailReason, Honoured, Method, Payment, PaymentState, PendingReceipt, UnpaidEnd,
};

/// Where a drawn payment stands: its state without what the state carries, but for what the money
/// bought.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum PaymentAt {
    /// [`PaymentState::Created`].
    Created,
    /// [`PaymentState::Processing`]: a capture or an account was asked for.
    Processing,
    /// [`PaymentState::Unknown`]: the answer to one of these was lost.
    Unknown,
    /// [`PaymentState::AwaitingDeposit`].
    AwaitingDeposit,
    /// [`PaymentState::Succeeded`] with [`Honoured::InTime`], by any method or by points alone.
    Succeeded,
    /// [`PaymentState::Succeeded`] with [`Honoured::Late`], whatever it was before.
    SucceededLate,
    /// [`PaymentState::Succeeded`] with [`Honoured::No`], whatever it was before.
    NotHonoured,
    /// [`PaymentState::Failed`], for any reason.
    Failed,
    /// [`PaymentState::Expired`].
    Expired,
    /// [`PaymentState::Cancelled`]: nothing was sent, or the account was not wanted any more.
    Cancelled,
    /// [`PaymentState::Reversed`].
    Reversed,
}

impl PaymentAt {
    /// All of them, the simplest first.
    pub const ALL: [Self; 11] = [
        Self::Created,
        Self::Processing,
        Self::Unknown,
        Self::AwaitingDeposit,
        Self::Succeeded,
        Self::SucceededLate,
        Self::NotHonoured,
        Self::Failed,
        Self::Expired,
        Self::Cancelled,
        Self::Reversed,
    ];

    /// Where a payment stands.
    pub const fn of(payment: &Payment) -> Self {
        match payment.state() {
            PaymentState::Created => Self::Created,
            PaymentState::Processing { .. } => Self::Processing,
            PaymentState::Unknown { .. } => Self::Unknown,
            PaymentState::AwaitingDeposit { .. } => Self::AwaitingDeposit,
            PaymentState::Succeeded { honoured: Honoured::InTime } => Self::Succeeded,
            PaymentState::Succeeded { honoured: Honoured::Late } => Self::SucceededLate,
            PaymentState::Succeeded { honoured: Honoured::No } => Self::NotHonoured,
            PaymentState::Failed { .. } => Self::Failed,
            PaymentState::Expired => Self::Expired,
            PaymentState::Cancelled => Self::Cancelled,
            PaymentState::Reversed => Self::Reversed,
        }
    }
}

/// Payments in every state, by card, by deposit and by points alone, over 1 to 8 seats: new to a store,
/// with all their events. Some took money of another amount too, had parts set aside for refunds, gave
/// points back or wait to answer a call. They shrink to a new one of one seat for one unit.
///
/// ```
/// use proptest::prelude::*;
/// use ticketing_core::money::Money;
/// use ticketing_core::testing::strategies;
///
/// proptest!(|(payment in strategies::payments())| {
///     let shares = payment.shares().iter().map(|share| share.external());
///     let currency = payment.external().currency();
///     prop_assert_eq!(Money::sum(currency, shares), Ok(payment.external()));
///     prop_assert!(payment.refunded().minor() <= payment.received().minor());
/// });
/// ```
pub fn payments() -> BoxedStrategy<Payment> {
    (select(PaymentAt::ALL.to_vec()), lives()).prop_map(|(at, life)| life.bring(at)).boxed()
}

/// The payments of [`payments`] that stand at `at`.
///
/// ```
/// use proptest::prelude::*;
/// use ticketing_core::testing::strategies::{self, PaymentAt};
///
/// let late = strategies::payments_in(PaymentAt::SucceededLate);
/// proptest!(|(payment in late)| prop_assert!(!payment.is_live()));
/// ```
pub fn payments_in(at: PaymentAt) -> BoxedStrategy<Payment> {
    lives().prop_map(move |life| life.bring(at)).boxed()
}

/// Where a payment stood before money came late.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Before {
    Processing,
    Unknown,
    AwaitingDeposit,
    Failed,
    Expired,
    Cancelled,
    Reversed,
}

const BEFORE: [Before; 7] = [
    Before::Processing,
    Before::Unknown,
    Before::AwaitingDeposit,
    Before::Failed,
    Before::Expired,
    Before::Cancelled,
    Before::Reversed,
];

/// The raw choices of a payment's life. A state takes of them what it needs.
#[derive(Clone, Debug)]
struct Life {
    purchase: Purchase,
    before: Before,
    reason: FailReason,
    /// Whether a deposit account that must be closed is closed, and was opened at all.
    is_closed: bool,
    has_account: bool,
    takes_points_back: bool,
    unexpected: Option<i64>,
    /// Parts of what is left that are set aside for refunds.
    refunds_permille: Vec<i64>,
    receipt: Option<(Token, [u8; 32])>,
}

fn lives() -> BoxedStrategy<Life> {
    let reasons = prop_oneof![
        4 => select(vec![
            FailReason::NotTaken,
            FailReason::NotFound,
            FailReason::CancelledByGateway,
            FailReason::WrongAmount,
        ]),
        1 => labels().prop_map(|code| FailReason::Declined { code }),
    ];
    let ways = (select(BEFORE.to_vec()), reasons, any::<bool>(), any::<bool>(), any::<bool>());
    let money = (option::weighted(0.2, 1..1_000_000_i64), vec(permille(), 0..3));
    let receipt = option::weighted(0.2, (labels(), any::<[u8; 32]>().no_shrink()));
    (purchases(), ways, money, receipt)
        .prop_map(|(purchase, ways, money, receipt)| {
            let (before, reason, is_closed, has_account, takes_points_back) = ways;
            let (unexpected, refunds_permille) = money;
            Life {
                purchase,
                before,
                reason,
                is_closed,
                has_account,
                takes_points_back,
                unexpected,
                refunds_permille,
                receipt,
            }
        })
        .boxed()
}

impl Life {
    fn wants(&self, at: PaymentAt) -> Wants {
        match at {
            PaymentAt::Created | PaymentAt::Succeeded | PaymentAt::Cancelled => Wants::Anything,
            PaymentAt::Processing | PaymentAt::Unknown | PaymentAt::Failed => Wants::External,
            PaymentAt::AwaitingDeposit | PaymentAt::Expired | PaymentAt::Reversed => Wants::Deposit,
            PaymentAt::SucceededLate | PaymentAt::NotHonoured => match self.before {
                Before::Processing | Before::Unknown | Before::Failed | Before::Cancelled => {
                    Wants::External
                }
                Before::AwaitingDeposit | Before::Expired | Before::Reversed => Wants::Deposit,
            },
        }
    }

    fn bring(&self, at: PaymentAt) -> Payment {
        let Paying { reservation, mut payment, now, .. } = self.purchase.start(self.wants(at));
        let (it, later) = (&mut payment, reservation.latest());
        match at {
            PaymentAt::Created => {}
            PaymentAt::Processing => self.purchase.send(it, now),
            PaymentAt::Unknown => self.lose(it, now),
            PaymentAt::AwaitingDeposit => self.purchase.open_account(it, true, now),
            PaymentAt::Succeeded => self.purchase.pay(it, now),
            PaymentAt::SucceededLate => self.pay_late(it, Honoured::Late, now, later),
            PaymentAt::NotHonoured => self.pay_late(it, Honoured::No, now, later),
            PaymentAt::Failed => self.fail(it, now),
            PaymentAt::Expired => self.expire(it, now, later),
            PaymentAt::Cancelled => self.cancel(it, now),
            PaymentAt::Reversed => self.reverse(it, now, later),
        }
        self.add_the_rest(it, later);
        payment
    }

    fn lose(&self, it: &mut Payment, now: DateTime<Utc>) {
        self.purchase.send(it, now);
        it.lose_answer(now).expect("it was sent");
    }

    fn fail(&self, it: &mut Payment, now: DateTime<Utc>) {
        self.purchase.send(it, now);
        it.fail(self.reason.clone(), now).expect("it was sent");
    }

    fn expire(&self, it: &mut Payment, now: DateTime<Utc>, later: DateTime<Utc>) {
        self.purchase.open_account(it, true, now);
        it.end_unpaid(UnpaidEnd::Lapsed, later).expect("a deposit is awaited");
    }

    fn cancel(&self, it: &mut Payment, now: DateTime<Utc>) {
        if it.method() == Some(Method::BankTransfer) && self.has_account {
            self.purchase.open_account(it, self.is_closed, now);
        }
        // Nothing happens to one whose account was not wanted: it is cancelled.
        it.end_unpaid(UnpaidEnd::CalledOff, now).expect("it waits for no answer");
    }

    fn reverse(&self, it: &mut Payment, now: DateTime<Utc>, later: DateTime<Utc>) {
        self.purchase.pay(it, now);
        self.refund_parts(it);
        it.reverse(later).expect("a deposit that was paid");
    }

    fn pay_late(
        &self,
        it: &mut Payment,
        honoured: Honoured,
        now: DateTime<Utc>,
        later: DateTime<Utc>,
    ) {
        match self.before {
            Before::Processing => self.purchase.send(it, now),
            Before::Unknown => self.lose(it, now),
            Before::AwaitingDeposit => self.purchase.open_account(it, true, now),
            Before::Failed => self.fail(it, now),
            Before::Expired => self.expire(it, now, later),
            Before::Cancelled => self.cancel(it, now),
            Before::Reversed => self.reverse(it, now, later),
        }
        if self.takes_points_back {
            it.take_points_back();
        }
        it.succeed(honoured, later).expect("money that was asked for, or came late");
    }

    fn refund_parts(&self, it: &mut Payment) {
        for permille in &self.refunds_permille {
            let left = it.received().minor() - it.refunded().minor();
            let amount = amount(part(left, *permille), it.external().currency());
            it.take_for_refund(amount).expect("no more than is left");
        }
    }

    /// What may happen beside the state.
    fn add_the_rest(&self, it: &mut Payment, later: DateTime<Utc>) {
        if self.is_closed {
            it.account_closed(later);
        }
        if self.takes_points_back {
            it.take_points_back();
        }
        if let Some(minor) = self.unexpected
            && !it.external().is_zero()
            && *it.state() != PaymentState::Created
        {
            let got = amount(minor, it.external().currency());
            it.book_unexpected(got, later).expect("two amounts in range");
        }
        self.refund_parts(it);
        if let Some((key, fingerprint)) = &self.receipt
            && it.is_unsettled()
        {
            it.asked(later);
            let operation = crate::label::Label::new("confirm").expect("a short name");
            let key = ReceiptKey { caller: it.user(), operation, key: key.clone() };
            it.await_receipt(PendingReceipt { key, fingerprint: Fingerprint(*fingerprint) });
        }
    }
}
