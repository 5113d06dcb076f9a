//! What became known about a payment.

use chrono::{DateTime, Utc};

use crate::label::Label;
use crate::money::Money;
use crate::payment::{Intent, Method, Payment, PaymentState, PendingReceipt};
use crate::policy::Deadlines;
use crate::port::{DepositAccount, Found};

/// What became known about a payment. Never a guess: each comes from the gateway's own answer.
#[derive(Clone, Debug)]
pub(crate) enum Fact {
    /// Nothing is expected from the gateway: points pay it all. With it the call to answer, if that has a key.
    PointsAlone(Option<PendingReceipt>),
    /// This much was captured in all, and not taken back by the bank.
    Captured(Money),
    /// A definite no.
    Declined(Label<100>),
    /// A deposit account is open.
    AccountIssued(DepositAccount),
    /// The gateway took none of the calls: nothing moved.
    NotTaken,
    /// The gateway cancelled it before any money came.
    CancelledThere,
    /// The gateway does not know it, and the confirm window has passed.
    NotFound,
    /// The bank took back the deposit that paid.
    Reversed {
        /// What is there now: what came besides it and was not taken back, and what came since.
        left: Money,
    },
    /// The answer to what was sent was lost.
    AnswerLost,
    /// The gateway was asked and could not tell yet.
    NoNews,
}

impl Fact {
    /// What an answer to `find` means for a payment.
    pub(crate) fn of(
        found: Found,
        payment: &Payment,
        deadlines: &Deadlines,
        now: DateTime<Utc>,
    ) -> Self {
        let is_deposit = payment.method() == Some(Method::BankTransfer);
        let is_paid = matches!(payment.state(), PaymentState::Succeeded { .. });
        let (received, nothing) = (payment.received(), payment.external().currency().zero());
        match found {
            Found::Captured { amount, .. } if is_deposit && is_paid => {
                Self::of_paid_deposit(payment, amount)
            }
            Found::Captured { amount, .. } => Self::Captured(amount),
            Found::AwaitingDeposit(_) | Found::Cancelled if is_deposit && is_paid => {
                Self::Reversed { left: nothing }
            }
            Found::AwaitingDeposit(_) | Found::Cancelled if is_deposit && !received.is_zero() => {
                Self::Captured(nothing)
            }
            Found::AwaitingDeposit(account) => match payment.state() {
                PaymentState::Processing { intent: Intent::IssueAccount { .. }, .. }
                | PaymentState::Unknown { intent: Intent::IssueAccount { .. }, .. } => {
                    Self::AccountIssued(account)
                }
                PaymentState::Created
                | PaymentState::Processing { .. }
                | PaymentState::Unknown { .. }
                | PaymentState::AwaitingDeposit { .. }
                | PaymentState::Succeeded { .. }
                | PaymentState::Failed { .. }
                | PaymentState::Expired
                | PaymentState::Cancelled
                | PaymentState::Reversed => Self::NoNews,
            },
            Found::Declined => Self::Declined(Label::new("declined").expect("a short code")),
            Found::Cancelled => Self::CancelledThere,
            Found::InProgress | Found::NotFound => match payment.state() {
                PaymentState::Processing { sent_at, .. }
                | PaymentState::Unknown { sent_at, .. }
                    if now >= *sent_at + deadlines.confirm_window =>
                {
                    Self::NotFound
                }
                PaymentState::Created
                | PaymentState::Processing { .. }
                | PaymentState::Unknown { .. }
                | PaymentState::AwaitingDeposit { .. }
                | PaymentState::Succeeded { .. }
                | PaymentState::Failed { .. }
                | PaymentState::Expired
                | PaymentState::Cancelled
                | PaymentState::Reversed => Self::NoNews,
            },
        }
    }

    /// The deposit itself is gone if just that is missing, or more than ever came besides it.
    fn of_paid_deposit(payment: &Payment, amount: Money) -> Self {
        let missing = payment.received().minor() - amount.minor();
        let (deposit, besides) = (payment.external().minor(), payment.unexpected().minor());
        if missing == deposit || missing > besides {
            Self::Reversed { left: amount }
        } else {
            Self::Captured(amount)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::payment::tests::paid_by_deposit;
    use crate::reservation::tests::{minute, won};

    /// What `find` means once so much of a paid deposit and other money is left.
    fn left(besides: i64, amount: impl Fn(i64) -> i64) -> Fact {
        let mut payment = paid_by_deposit();
        let deposit = payment.external().minor();
        if besides > 0 {
            payment.book_unexpected(won(besides), minute(20)).unwrap();
        }
        let found = Found::Captured { amount: won(amount(deposit)), cancels: Vec::new() };
        Fact::of(found, &payment, &Deadlines::default(), minute(21))
    }

    #[test]
    fn a_deposit_is_gone_where_what_is_missing_cannot_be_other_money() {
        let gone = |fact| matches!(fact, Fact::Reversed { .. });
        assert!(!gone(left(0, |deposit| deposit)));
        assert!(gone(left(0, |_| 0)));
        assert!(gone(left(0, |_| 1)), "taken back, and less came since");
        assert!(gone(left(500, |_| 500)), "the deposit is missing, the other money is there");
        assert!(gone(left(500, |_| 499)));
        assert!(!gone(left(500, |deposit| deposit)), "the other money is missing");
        assert!(!gone(left(500, |deposit| deposit + 499)));
        assert!(!gone(left(90_000, |deposit| deposit)), "more other money than the deposit");
    }

    #[test]
    fn money_that_bought_nothing_is_gone_where_its_account_waits_again_or_is_closed() {
        let mut payment = paid_by_deposit();
        payment.reverse(minute(20)).unwrap();
        let account = payment.account().unwrap().clone();
        let told = |payment: &Payment| {
            [Found::AwaitingDeposit(account.clone()), Found::Cancelled]
                .map(|found| Fact::of(found, payment, &Deadlines::default(), minute(21)))
        };
        let nothing_came = told(&payment);
        assert!(matches!(nothing_came, [Fact::NoNews, Fact::CancelledThere]), "{nothing_came:?}");
        payment.book_unexpected(won(500), minute(20)).unwrap();
        let gone = told(&payment);
        let all = |fact: &Fact| matches!(fact, Fact::Captured(left) if left.is_zero());
        assert!(gone.iter().all(all), "{gone:?}");
    }
}
