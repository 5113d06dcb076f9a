//! A payment: money in by one tender mix.

mod event;
mod query;
mod state;
#[cfg(test)]
pub(crate) mod tests;

pub use event::PaymentEvent;
pub use state::{FailReason, Honoured, Intent, Method, PaymentRefusal, PaymentState, UnpaidEnd};

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::aggregate::{Applied, Root};
use crate::allocation::{SeatShare, Tenders, allocate};
use crate::bank::{DepositAccount, RefundAccount};
use crate::change_set::{Fingerprint, ReceiptKey};
use crate::id::{CheckoutId, EntryId, PaymentId, PerformanceId, ReservationId, UserId};
use crate::money::Money;
use crate::seat::Seats;

/// What a new payment is made of.
#[derive(Clone, Debug)]
pub struct NewPayment<'a> {
    /// Its id: the order id at the gateway.
    pub id: PaymentId,
    /// What it pays.
    pub reservation: &'a crate::reservation::Reservation,
    /// The checkout that created it.
    pub checkout: CheckoutId,
    /// The discount.
    pub discount: Money,
    /// The points.
    pub points: Money,
    /// The entry that set the points aside, if there are any.
    pub points_entry: Option<EntryId>,
    /// How the rest is paid; `None` exactly if no rest is left.
    pub method: Option<Method>,
    /// Where a deposit would be refunded to; not kept for another method.
    pub refund_account: Option<RefundAccount>,
}

/// The call whose answer is kept once the gateway has answered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PendingReceipt {
    /// Its key.
    pub key: ReceiptKey,
    /// Which request it was.
    pub fingerprint: Fingerprint,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Closing {
    NotNeeded,
    Needed,
    Done,
}

/// Where the points are that were set aside.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Points {
    Aside,
    Spent,
    Back,
}

/// Money in by one tender mix: price = discount + points + external, exactly.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Payment {
    root: Root,
    id: PaymentId,
    reservation: ReservationId,
    performance: PerformanceId,
    user: UserId,
    checkout: CheckoutId,
    shares: Box<[SeatShare]>,
    tenders: Tenders,
    points_entry: Option<EntryId>,
    points_state: Points,
    method: Option<Method>,
    created_at: DateTime<Utc>,
    asked_at: DateTime<Utc>,
    paid_at: Option<DateTime<Utc>>,
    provider_key: Option<crate::label::Token>,
    issue_due_at: Option<DateTime<Utc>>,
    account: Option<DepositAccount>,
    closing: Closing,
    refund_account: Option<RefundAccount>,
    received: Money,
    refunded: Money,
    receipt: Option<PendingReceipt>,
    state: PaymentState,
}

impl Payment {
    /// Creates the row; nothing is sent. The price is split over the seats here, once.
    ///
    /// # Errors
    /// [`PaymentRefusal`] if the tenders do not make up the price, or the method or the entry that set
    /// points aside does not fit them.
    pub fn create(new: NewPayment<'_>, now: DateTime<Utc>) -> Result<Self, PaymentRefusal> {
        let total = new.reservation.total();
        let external = total.sub(new.discount)?.sub(new.points)?;
        if new.method.is_some() == external.is_zero() {
            return Err(PaymentRefusal::MethodMismatch { external });
        }
        if new.points_entry.is_some() == new.points.is_zero() {
            return Err(PaymentRefusal::EntryMismatch { points: new.points });
        }
        let tenders = Tenders { discount: new.discount, points: new.points, external };
        let prices: Vec<_> =
            new.reservation.lines().iter().map(|line| (line.seat, line.price)).collect();
        let shares = allocate(&prices, &tenders)?;
        let mut root = Root::new();
        root.record(
            now,
            PaymentEvent::Created {
                payment: new.id,
                reservation: new.reservation.id(),
                user: new.reservation.user(),
                points: new.points,
                external,
                method: new.method,
            },
        );
        Ok(Self {
            root,
            id: new.id,
            reservation: new.reservation.id(),
            performance: new.reservation.performance(),
            user: new.reservation.user(),
            checkout: new.checkout,
            shares: shares.into(),
            tenders,
            points_entry: new.points_entry,
            points_state: Points::Aside,
            method: new.method,
            created_at: now,
            asked_at: now,
            paid_at: None,
            provider_key: None,
            issue_due_at: None,
            account: None,
            closing: Closing::NotNeeded,
            refund_account: new.refund_account.filter(|_| new.method == Some(Method::BankTransfer)),
            received: total.currency().zero(),
            refunded: total.currency().zero(),
            receipt: None,
            state: PaymentState::Created,
        })
    }

    /// Writes down that the confirm is about to be sent.
    ///
    /// # Errors
    /// Not a card payment, another amount, not Created, or sent with another authentication.
    pub fn begin_confirm(
        &mut self,
        provider_key: crate::label::Token,
        amount: Money,
        now: DateTime<Utc>,
    ) -> Result<Applied, PaymentRefusal> {
        if self.method != Some(Method::Card) {
            return Err(self.wrong_method("confirm"));
        }
        if amount != self.tenders.external {
            let expected = self.tenders.external;
            return Err(PaymentRefusal::AmountMismatch { expected, got: amount });
        }
        if let Some(before) = &self.provider_key {
            return if *before == provider_key {
                Ok(Applied::Already)
            } else {
                Err(PaymentRefusal::OtherAuthentication)
            };
        }
        self.must_be_created("confirm")?;
        self.provider_key = Some(provider_key.clone());
        self.send(Intent::Confirm { provider_key }, now);
        Ok(Applied::Now)
    }

    /// Writes down that an account is about to be issued.
    ///
    /// # Errors
    /// Not a bank transfer, or not Created, unless one was asked for until the same time.
    pub fn begin_issue(
        &mut self,
        due_at: DateTime<Utc>,
        now: DateTime<Utc>,
    ) -> Result<Applied, PaymentRefusal> {
        if self.method != Some(Method::BankTransfer) {
            return Err(self.wrong_method("issue an account for"));
        }
        if self.issue_due_at == Some(due_at) {
            return Ok(Applied::Already);
        }
        self.must_be_created("issue an account for")?;
        self.issue_due_at = Some(due_at);
        self.send(Intent::IssueAccount { due_at }, now);
        Ok(Applied::Now)
    }

    /// The gateway's answer was lost.
    ///
    /// # Errors
    /// Nothing was sent.
    pub fn lose_answer(&mut self, now: DateTime<Utc>) -> Result<Applied, PaymentRefusal> {
        match &self.state {
            PaymentState::Processing { intent, sent_at } => {
                self.state = PaymentState::Unknown { intent: intent.clone(), sent_at: *sent_at };
                self.root.record(now, PaymentEvent::BecameUnknown { payment: self.id });
                Ok(Applied::Now)
            }
            PaymentState::Unknown { .. } => Ok(Applied::Already),
            PaymentState::Created
            | PaymentState::AwaitingDeposit { .. }
            | PaymentState::Succeeded { .. }
            | PaymentState::Failed { .. }
            | PaymentState::Expired
            | PaymentState::Cancelled
            | PaymentState::Reversed => Err(self.wrong_state("lose the answer of")),
        }
    }

    /// Writes down that the gateway was asked and could not tell yet. Nothing happens unless the payment
    /// waits for the gateway.
    pub const fn asked(&mut self, now: DateTime<Utc>) {
        if self.is_unsettled() {
            self.asked_at = now;
        }
    }

    /// The gateway opened a deposit account. If `wanted` is false, because the reservation ended
    /// meanwhile, the payment is Cancelled and the account must be closed.
    ///
    /// # Errors
    /// No account was asked for, or another one was issued.
    pub fn account_issued(
        &mut self,
        account: DepositAccount,
        wanted: bool,
        now: DateTime<Utc>,
    ) -> Result<Applied, PaymentRefusal> {
        if let Some(before) = &self.account {
            let is_same = before.bank == account.bank && before.number == account.number;
            return if is_same { Ok(Applied::Already) } else { Err(PaymentRefusal::OtherAccount) };
        }
        match &self.state {
            PaymentState::Processing { intent: Intent::IssueAccount { .. }, .. }
            | PaymentState::Unknown { intent: Intent::IssueAccount { .. }, .. } => {
                let payment = self.id;
                let due_at = account.due_at;
                self.account = Some(account);
                if wanted {
                    self.state = PaymentState::AwaitingDeposit { due_at };
                    self.root.record(now, PaymentEvent::AwaitingDeposit { payment, due_at });
                } else {
                    self.state = PaymentState::Cancelled;
                    self.closing = Closing::Needed;
                    self.root.record(now, PaymentEvent::Cancelled { payment });
                }
                Ok(Applied::Now)
            }
            PaymentState::Created
            | PaymentState::Processing { .. }
            | PaymentState::Unknown { .. }
            | PaymentState::AwaitingDeposit { .. }
            | PaymentState::Succeeded { .. }
            | PaymentState::Failed { .. }
            | PaymentState::Expired
            | PaymentState::Cancelled
            | PaymentState::Reversed => Err(self.wrong_state("issue an account for")),
        }
    }

    /// The expected amount is in, verified. From Created only in time and where the gateway brings
    /// nothing; a payment that ended buys nothing in time any more.
    ///
    /// # Errors
    /// Money is expected from the gateway and nothing was ever sent there; the payment ended and its
    /// money counts as in time, or nothing is expected from the gateway; or it succeeded otherwise.
    pub fn succeed(
        &mut self,
        honoured: Honoured,
        now: DateTime<Utc>,
    ) -> Result<Applied, PaymentRefusal> {
        let is_external = !self.tenders.external.is_zero();
        let in_time = honoured == Honoured::InTime;
        let may_succeed = match &self.state {
            PaymentState::Succeeded { honoured: before } if *before == honoured => {
                return Ok(Applied::Already);
            }
            PaymentState::Succeeded { .. } => false,
            PaymentState::Created => !is_external && in_time,
            PaymentState::Processing { .. }
            | PaymentState::Unknown { .. }
            | PaymentState::AwaitingDeposit { .. } => true,
            PaymentState::Failed { .. }
            | PaymentState::Expired
            | PaymentState::Cancelled
            | PaymentState::Reversed => is_external && !in_time,
        };
        if !may_succeed {
            return Err(self.wrong_state("succeed"));
        }
        self.received = self.received.add(self.tenders.external)?;
        self.paid_at = Some(now);
        self.closing = Closing::NotNeeded;
        if honoured != Honoured::No && self.points_state == Points::Aside {
            self.points_state = Points::Spent;
        }
        self.state = PaymentState::Succeeded { honoured };
        let (payment, reservation) = (self.id, self.reservation);
        let external = self.tenders.external;
        self.root.record(now, PaymentEvent::Succeeded { payment, reservation, external, honoured });
        Ok(Applied::Now)
    }

    /// A definite no from the gateway.
    ///
    /// # Errors
    /// Nothing is at the gateway.
    pub fn fail(
        &mut self,
        reason: FailReason,
        now: DateTime<Utc>,
    ) -> Result<Applied, PaymentRefusal> {
        match &self.state {
            PaymentState::Processing { .. } | PaymentState::Unknown { .. } => {
                self.state = PaymentState::Failed { reason: reason.clone() };
                self.root.record(now, PaymentEvent::Failed { payment: self.id, reason });
                Ok(Applied::Now)
            }
            PaymentState::Failed { reason: before } if *before == reason => Ok(Applied::Already),
            PaymentState::Created
            | PaymentState::AwaitingDeposit { .. }
            | PaymentState::Succeeded { .. }
            | PaymentState::Failed { .. }
            | PaymentState::Expired
            | PaymentState::Cancelled
            | PaymentState::Reversed => Err(self.wrong_state("fail")),
        }
    }

    /// It ends without money. An open account must then be closed.
    ///
    /// # Errors
    /// Processing or Unknown: the gateway decides; Succeeded: refund instead; it ended otherwise.
    pub fn end_unpaid(
        &mut self,
        end: UnpaidEnd,
        now: DateTime<Utc>,
    ) -> Result<Applied, PaymentRefusal> {
        let payment = self.id;
        match (&self.state, end) {
            (PaymentState::Created, UnpaidEnd::Lapsed | UnpaidEnd::CalledOff)
            | (PaymentState::AwaitingDeposit { .. }, UnpaidEnd::CalledOff) => {
                if self.account.is_some() {
                    self.closing = Closing::Needed;
                }
                self.state = PaymentState::Cancelled;
                self.root.record(now, PaymentEvent::Cancelled { payment });
                Ok(Applied::Now)
            }
            (PaymentState::AwaitingDeposit { .. }, UnpaidEnd::Lapsed) => {
                self.closing = Closing::Needed;
                self.state = PaymentState::Expired;
                self.root.record(now, PaymentEvent::Expired { payment });
                Ok(Applied::Now)
            }
            (PaymentState::Cancelled, UnpaidEnd::Lapsed | UnpaidEnd::CalledOff)
            | (PaymentState::Expired, UnpaidEnd::Lapsed) => Ok(Applied::Already),
            (
                PaymentState::Processing { .. }
                | PaymentState::Unknown { .. }
                | PaymentState::Succeeded { .. }
                | PaymentState::Failed { .. }
                | PaymentState::Expired
                | PaymentState::Reversed,
                UnpaidEnd::Lapsed | UnpaidEnd::CalledOff,
            ) => Err(self.wrong_state("end")),
        }
    }

    /// The gateway closed the deposit account.
    pub fn account_closed(&mut self, now: DateTime<Utc>) -> Applied {
        if self.closing != Closing::Needed {
            return Applied::Already;
        }
        self.closing = Closing::Done;
        self.root.record(now, PaymentEvent::AccountClosed { payment: self.id });
        Applied::Now
    }

    /// The bank took the deposit back. What was set aside of it for refunds is no longer held here,
    /// and the account that it would have been refunded to is forgotten.
    ///
    /// # Errors
    /// Not a paid bank transfer.
    pub fn reverse(&mut self, now: DateTime<Utc>) -> Result<Applied, PaymentRefusal> {
        if self.method != Some(Method::BankTransfer) {
            return Err(self.wrong_method("reverse"));
        }
        match &self.state {
            PaymentState::Succeeded { .. } => {
                self.received = self.received.sub(self.tenders.external)?;
                self.refunded = self.refunded.min(self.received)?;
                self.refund_account = None;
                self.state = PaymentState::Reversed;
                let (payment, reservation) = (self.id, self.reservation);
                self.root.record(now, PaymentEvent::Reversed { payment, reservation });
                Ok(Applied::Now)
            }
            PaymentState::Reversed => Ok(Applied::Already),
            PaymentState::Created
            | PaymentState::Processing { .. }
            | PaymentState::Unknown { .. }
            | PaymentState::AwaitingDeposit { .. }
            | PaymentState::Failed { .. }
            | PaymentState::Expired
            | PaymentState::Cancelled => Err(self.wrong_state("reverse")),
        }
    }

    /// Money of another amount than expected came in; the caller books and refunds it.
    ///
    /// # Errors
    /// Amounts of another currency.
    pub fn book_unexpected(
        &mut self,
        got: Money,
        now: DateTime<Utc>,
    ) -> Result<(), PaymentRefusal> {
        self.received = self.received.add(got)?;
        let (payment, expected) = (self.id, self.tenders.external);
        self.root.record(now, PaymentEvent::UnexpectedMoney { payment, expected, got });
        Ok(())
    }

    /// The bank took back money that had bought nothing. It was set aside for refunds, and is no more.
    ///
    /// # Errors
    /// Not a bank transfer; [`PaymentRefusal::ExceedsUnexpected`] if so much did not come in.
    pub fn lose_unexpected(
        &mut self,
        lost: Money,
        now: DateTime<Utc>,
    ) -> Result<(), PaymentRefusal> {
        if self.method != Some(Method::BankTransfer) {
            return Err(self.wrong_method("take money back from"));
        }
        let left = self.unexpected();
        if left.sub(lost).is_err() {
            return Err(PaymentRefusal::ExceedsUnexpected { left, got: lost });
        }
        self.received = self.received.sub(lost)?;
        self.refunded = self.refunded.sub(lost)?;
        if self.received.is_zero() && !self.is_live() {
            self.refund_account = None;
        }
        self.root.record(now, PaymentEvent::UnexpectedMoneyLost { payment: self.id, lost });
        Ok(())
    }

    /// Sets aside a part of the capture for a refund.
    ///
    /// # Errors
    /// [`PaymentRefusal::ExceedsCapture`] if that is more than is left.
    pub fn take_for_refund(&mut self, external: Money) -> Result<(), PaymentRefusal> {
        let left = self.received.sub(self.refunded)?;
        let refunded = self.refunded.add(external)?;
        if refunded.minor() > self.received.minor() {
            return Err(PaymentRefusal::ExceedsCapture { left, got: external });
        }
        self.refunded = refunded;
        Ok(())
    }

    /// Writes down where a deposit is refunded to; taken out again after the refund.
    ///
    /// # Errors
    /// Not a bank transfer.
    pub fn set_refund_account(
        &mut self,
        account: Option<RefundAccount>,
    ) -> Result<(), PaymentRefusal> {
        if self.method != Some(Method::BankTransfer) {
            return Err(self.wrong_method("set a refund account of"));
        }
        self.refund_account = account;
        Ok(())
    }

    /// The entry that set points aside and that the caller now resolves by giving them back; `None` if
    /// there is none, a purchase may still use or used the points, or they went back before.
    pub fn take_points_back(&mut self) -> Option<EntryId> {
        let entry = self.points_entry?;
        if self.is_live() || self.points_state != Points::Aside {
            return None;
        }
        self.points_state = Points::Back;
        Some(entry)
    }

    /// Keeps the call whose answer the outcome commit fills in.
    pub fn await_receipt(&mut self, receipt: PendingReceipt) {
        self.receipt = Some(receipt);
    }

    /// The call whose answer is due, once.
    pub const fn take_receipt(&mut self) -> Option<PendingReceipt> {
        self.receipt.take()
    }

    /// The shares of some seats.
    pub fn shares_of(&self, seats: &Seats) -> Vec<SeatShare> {
        self.shares.iter().filter(|share| seats.contains(share.seat())).copied().collect()
    }

    fn send(&mut self, intent: Intent, now: DateTime<Utc>) {
        self.state = PaymentState::Processing { intent, sent_at: now };
        self.asked_at = now;
        self.root.record(now, PaymentEvent::Sent { payment: self.id });
    }

    fn must_be_created(&self, command: &'static str) -> Result<(), PaymentRefusal> {
        if self.state == PaymentState::Created { Ok(()) } else { Err(self.wrong_state(command)) }
    }

    const fn wrong_state(&self, command: &'static str) -> PaymentRefusal {
        PaymentRefusal::WrongState { command, state: self.state.name() }
    }

    const fn wrong_method(&self, command: &'static str) -> PaymentRefusal {
        PaymentRefusal::WrongMethod { command, method: self.method }
    }
}
