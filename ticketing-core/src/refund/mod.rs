//! A refund: money back over the tenders that paid.

mod state;
#[cfg(test)]
mod tests;

pub use state::{RefundEvent, RefundFor, RefundRefusal, RefundState, Sent};

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

use crate::aggregate::{Aggregate, AggregateKind, AggregateRef, Applied, Root, StreamKey};
use crate::bank::RefundAccount;
use crate::id::{PaymentId, RefundId, ReservationId, UserId};
use crate::money::Money;
use crate::payment::Payment;

/// What a new refund is made of.
#[derive(Clone, Debug)]
pub struct NewRefund<'a> {
    /// Its id; goes into the gateway's cancel reason.
    pub id: RefundId,
    /// What is refunded.
    pub payment: &'a Payment,
    /// For what.
    pub what: RefundFor,
    /// How much goes back through the gateway.
    pub external: Money,
    /// How much became points again, in the commit that requests it.
    pub points: Money,
    /// How long the buyer's account is waited for if one is needed; the performance's policy says it.
    pub account_wait: Duration,
}

/// Money back over the tenders that paid. Points are credited in the commit that requests it; the
/// gateway's part follows, driven by the refund worker.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refund {
    root: Root,
    id: RefundId,
    payment: PaymentId,
    reservation: ReservationId,
    user: UserId,
    what: RefundFor,
    external: Money,
    points: Money,
    stopped: Money,
    taken_back: Money,
    account: Option<RefundAccount>,
    attempt: u32,
    first_sent_at: Option<DateTime<Utc>>,
    next_try_at: DateTime<Utc>,
    requested_at: DateTime<Utc>,
    state: RefundState,
}

impl Refund {
    /// How long after the first send of an attempt its key may still be sent again; the gateway keeps
    /// keys for 15 days.
    pub const RESEND_FOR: TimeDelta = TimeDelta::days(14);
    /// How many attempts the worker makes by itself; after that only a human starts another.
    pub const ATTEMPTS_MAX: u32 = 10;

    /// Requests a refund. Nothing is left to send if no external money is part of it.
    pub fn request(new: NewRefund<'_>, now: DateTime<Utc>) -> Self {
        let mut root = Root::new();
        let (refund, payment) = (new.id, new.payment.id());
        let (external, points) = (new.external, new.points);
        root.record(
            now,
            RefundEvent::Requested { refund, payment, what: new.what.clone(), external, points },
        );
        let account = new.payment.refund_account().cloned();
        let mut next_try_at = now;
        let state = if external.is_zero() {
            root.record(now, RefundEvent::Succeeded { refund, external, sent: Sent::Nothing });
            RefundState::Succeeded { sent: Sent::Nothing }
        } else if new.payment.refunds_to_account() && account.is_none() {
            root.record(now, RefundEvent::NeedsAccount { refund });
            next_try_at = now + new.account_wait;
            RefundState::NeedsAccount { since: now }
        } else {
            RefundState::Requested
        };
        Self {
            root,
            id: new.id,
            payment,
            reservation: new.payment.reservation(),
            user: new.payment.user(),
            what: new.what,
            external,
            points,
            stopped: external.currency().zero(),
            taken_back: external.currency().zero(),
            account: account.filter(|_| !external.is_zero()),
            attempt: 0,
            first_sent_at: None,
            next_try_at,
            requested_at: now,
            state,
        }
    }

    /// The buyer named an account. Another one may be named until an attempt is sent, and after one was
    /// refused: then the worker tries again, even if it had given up.
    ///
    /// # Errors
    /// An attempt is at the gateway, over, or it does not go to an account.
    pub fn set_account(
        &mut self,
        account: RefundAccount,
        now: DateTime<Utc>,
    ) -> Result<Applied, RefundRefusal> {
        if self.account.as_ref() == Some(&account) {
            return Ok(Applied::Already);
        }
        match &self.state {
            RefundState::Requested | RefundState::Failed { .. } if self.account.is_none() => {
                Err(RefundRefusal::AccountNotNeeded)
            }
            RefundState::NeedsAccount { .. }
            | RefundState::Requested
            | RefundState::Failed { .. } => {
                self.account = Some(account);
                self.state = RefundState::Requested;
                self.next_try_at = now;
                Ok(Applied::Now)
            }
            RefundState::Processing { .. }
            | RefundState::Unknown { .. }
            | RefundState::Succeeded { .. }
            | RefundState::Stopped => Err(self.refused("name an account for")),
        }
    }

    /// Writes down that an attempt is about to be sent: the first, another after a definite refusal,
    /// or the same again after a lost answer.
    ///
    /// # Errors
    /// Waiting for an account; over; or sent so long ago that the gateway forgot the key: ask `find`.
    pub fn begin(&mut self, now: DateTime<Utc>) -> Result<Applied, RefundRefusal> {
        match &self.state {
            RefundState::Requested | RefundState::Failed { .. } => {
                self.attempt += 1;
                self.first_sent_at = Some(now);
                self.enter_processing(now);
                Ok(Applied::Now)
            }
            RefundState::Unknown { .. } | RefundState::Processing { .. } => {
                if let Some(first) = self.first_sent_at.filter(|at| now - *at > Self::RESEND_FOR) {
                    return Err(RefundRefusal::KeyTooOld { first_sent_at: first });
                }
                self.enter_processing(now);
                Ok(Applied::Now)
            }
            RefundState::NeedsAccount { .. }
            | RefundState::Succeeded { .. }
            | RefundState::Stopped => Err(self.refused("send")),
        }
    }

    /// The gateway sent the money; the account is forgotten.
    ///
    /// # Errors
    /// Nothing was sent.
    pub fn succeed(&mut self, now: DateTime<Utc>) -> Result<Applied, RefundRefusal> {
        match &self.state {
            RefundState::Processing { .. } | RefundState::Unknown { .. } => {
                self.finish(Sent::Gateway, now);
                Ok(Applied::Now)
            }
            RefundState::Succeeded { sent: Sent::Gateway } => Ok(Applied::Already),
            RefundState::Requested
            | RefundState::NeedsAccount { .. }
            | RefundState::Succeeded { .. }
            | RefundState::Failed { .. }
            | RefundState::Stopped => Err(self.refused("complete")),
        }
    }

    /// The gateway refused this attempt for good; another may be made later, without what the bank took
    /// back meanwhile.
    ///
    /// # Errors
    /// Nothing was sent, or it was refused otherwise.
    pub fn fail(&mut self, code: &str, now: DateTime<Utc>) -> Result<Applied, RefundRefusal> {
        match &self.state {
            RefundState::Processing { .. } | RefundState::Unknown { .. } => {
                let code = cut(code);
                self.state = RefundState::Failed { code: code.clone() };
                self.next_try_at = now + self.pause();
                let (refund, attempt) = (self.id, self.attempt);
                self.root.record(now, RefundEvent::Failed { refund, attempt, code });
                self.owe_less(now);
                Ok(Applied::Now)
            }
            RefundState::Failed { code: before } if *before == cut(code) => Ok(Applied::Already),
            RefundState::Requested
            | RefundState::NeedsAccount { .. }
            | RefundState::Succeeded { .. }
            | RefundState::Failed { .. }
            | RefundState::Stopped => Err(self.refused("fail")),
        }
    }

    /// The gateway's answer was lost, or the gateway could not tell yet: it is asked again in a minute.
    ///
    /// # Errors
    /// Nothing was sent.
    pub fn lose_answer(&mut self, now: DateTime<Utc>) -> Result<Applied, RefundRefusal> {
        match &self.state {
            RefundState::Processing { .. } => {
                self.state = RefundState::Unknown { since: now };
                self.next_try_at = now + TimeDelta::minutes(1);
                Ok(Applied::Now)
            }
            RefundState::Unknown { .. } => {
                self.next_try_at = now + TimeDelta::minutes(1);
                Ok(Applied::Now)
            }
            RefundState::Requested
            | RefundState::NeedsAccount { .. }
            | RefundState::Succeeded { .. }
            | RefundState::Failed { .. }
            | RefundState::Stopped => Err(self.refused("lose the answer of")),
        }
    }

    /// Gives the external part as points, because no account was named.
    ///
    /// # Errors
    /// Not waiting for an account.
    pub fn give_as_points(&mut self, now: DateTime<Utc>) -> Result<Applied, RefundRefusal> {
        match &self.state {
            RefundState::NeedsAccount { .. } => {
                self.finish(Sent::Points, now);
                Ok(Applied::Now)
            }
            RefundState::Succeeded { sent: Sent::Points } => Ok(Applied::Already),
            RefundState::Requested
            | RefundState::Processing { .. }
            | RefundState::Unknown { .. }
            | RefundState::Succeeded { .. }
            | RefundState::Failed { .. }
            | RefundState::Stopped => Err(self.refused("give as points")),
        }
    }

    /// The bank took back money that was to be refunded. What was not sent yet is owed no more; of an
    /// attempt under way that shows only when it is refused, and if it was sent, the money is lost.
    ///
    /// # Errors
    /// [`RefundRefusal::ExceedsOwed`] if that is more than is left of it; it is over.
    pub fn take_back(
        &mut self,
        amount: Money,
        now: DateTime<Utc>,
    ) -> Result<Applied, RefundRefusal> {
        if !self.is_owed() {
            return Err(self.refused("take back the money of"));
        }
        let left = self.left();
        if left.sub(amount).is_err() {
            return Err(RefundRefusal::ExceedsOwed { left, got: amount });
        }
        if amount.is_zero() {
            return Ok(Applied::Already);
        }
        self.taken_back = self.taken_back.add(amount).unwrap_or(self.external);
        match &self.state {
            RefundState::Requested
            | RefundState::NeedsAccount { .. }
            | RefundState::Failed { .. } => self.owe_less(now),
            RefundState::Processing { .. }
            | RefundState::Unknown { .. }
            | RefundState::Succeeded { .. }
            | RefundState::Stopped => {}
        }
        Ok(Applied::Now)
    }

    /// Nothing is under way: what was taken back is owed no more.
    fn owe_less(&mut self, now: DateTime<Utc>) {
        if self.taken_back.is_zero() {
            return;
        }
        let (refund, left) = (self.id, self.left());
        self.stopped = self.stopped.add(self.taken_back).unwrap_or(self.external);
        self.taken_back = left.currency().zero();
        if left.is_zero() {
            self.state = RefundState::Stopped;
            self.account = None;
            self.root.record(now, RefundEvent::Stopped { refund });
        } else {
            self.root.record(now, RefundEvent::Reduced { refund, left });
        }
    }

    fn enter_processing(&mut self, now: DateTime<Utc>) {
        self.state = RefundState::Processing { sent_at: now };
        self.next_try_at = now + TimeDelta::minutes(1);
    }

    fn finish(&mut self, sent: Sent, now: DateTime<Utc>) {
        self.state = RefundState::Succeeded { sent };
        self.account = None;
        let (refund, external) = (self.id, self.to_send());
        self.root.record(now, RefundEvent::Succeeded { refund, external, sent });
    }

    fn pause(&self) -> TimeDelta {
        TimeDelta::minutes(1_i64 << self.attempt.min(10))
    }

    fn refused(&self, command: &'static str) -> RefundRefusal {
        RefundRefusal::WrongState { command, state: self.state.name() }
    }

    /// Its id.
    pub const fn id(&self) -> RefundId {
        self.id
    }

    /// What is refunded.
    pub const fn payment(&self) -> PaymentId {
        self.payment
    }

    /// What had been paid.
    pub const fn reservation(&self) -> ReservationId {
        self.reservation
    }

    /// Whose money it is.
    pub const fn user(&self) -> UserId {
        self.user
    }

    /// For what.
    pub const fn what(&self) -> &RefundFor {
        &self.what
    }

    /// How much was to go back through the gateway when it was requested.
    pub const fn external(&self) -> Money {
        self.external
    }

    /// What of it is owed no more, because the bank took it back before it was sent.
    pub const fn stopped(&self) -> Money {
        self.stopped
    }

    /// How much is sent, was sent or became points, all but what was stopped.
    pub fn to_send(&self) -> Money {
        self.external.sub(self.stopped).unwrap_or(self.external.currency().zero())
    }

    /// What is still owed by it.
    pub fn owed(&self) -> Money {
        if self.is_owed() { self.to_send() } else { self.external.currency().zero() }
    }

    /// What of it is owed and was not taken back by the bank.
    pub fn left(&self) -> Money {
        let owed = self.owed();
        owed.sub(self.taken_back).unwrap_or(owed.currency().zero())
    }

    /// How much became points when it was requested.
    pub const fn points(&self) -> Money {
        self.points
    }

    /// Where it is sent, for a deposit.
    pub const fn account(&self) -> Option<&RefundAccount> {
        self.account.as_ref()
    }

    /// Which attempt is or was the last one, from 1; 0 before the first.
    pub const fn attempt(&self) -> u32 {
        self.attempt
    }

    /// When the worker looks at it again; while it needs an account, when points are given instead.
    pub const fn next_try_at(&self) -> DateTime<Utc> {
        self.next_try_at
    }

    /// When it was requested.
    pub const fn requested_at(&self) -> DateTime<Utc> {
        self.requested_at
    }

    /// Its state.
    pub const fn state(&self) -> &RefundState {
        &self.state
    }

    /// Whether money is still owed by it.
    pub const fn is_owed(&self) -> bool {
        match self.state {
            RefundState::Requested
            | RefundState::NeedsAccount { .. }
            | RefundState::Processing { .. }
            | RefundState::Unknown { .. }
            | RefundState::Failed { .. } => true,
            RefundState::Succeeded { .. } | RefundState::Stopped => false,
        }
    }

    /// Whether the worker must still drive it: owed, and not given over to a human.
    pub const fn is_open(&self) -> bool {
        let given_up =
            matches!(self.state, RefundState::Failed { .. }) && self.attempt >= Self::ATTEMPTS_MAX;
        self.is_owed() && !given_up
    }
}

fn cut(code: &str) -> String {
    code.chars().take(100).collect()
}

impl Aggregate for Refund {
    fn reference(&self) -> AggregateRef {
        AggregateRef { kind: AggregateKind::Refund, id: self.id.as_uuid() }
    }

    fn stream(&self) -> StreamKey {
        StreamKey(self.reservation.as_uuid())
    }

    fn root(&self) -> &Root {
        &self.root
    }

    fn root_mut(&mut self) -> &mut Root {
        &mut self.root
    }
}
