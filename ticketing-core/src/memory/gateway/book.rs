//! The gateway's own truth: what came in, what went back, and which key got which answer.

use chrono::{DateTime, TimeDelta, Utc};
use rustc_hash::FxHashMap;

use crate::id::PaymentId;
use crate::label::{Label, Token};
use crate::money::Money;
use crate::port::{DepositAccount, Found, GatewayCancel, GatewayKey};

/// How long a key is remembered.
const KEY_KEPT: TimeDelta = TimeDelta::days(15);
/// How long an authenticated payment may wait for its confirm.
pub(super) const CONFIRM_WITHIN: TimeDelta = TimeDelta::minutes(10);

/// Why a call did not do what it asked for.
#[derive(Clone, Debug)]
pub(super) enum No {
    /// A definite refusal.
    Declined(Label<100>),
    /// It was done before under another key.
    Already(&'static str),
}

impl No {
    pub(super) fn declined(code: &str) -> Self {
        Self::Declined(Label::new(code).expect("gateway codes are short and not empty"))
    }
}

/// Where a payment stands, money aside.
#[derive(Debug)]
pub(super) enum Standing {
    /// The buyer authenticated it; it waits for its confirm.
    Ready { provider_key: Token, until: DateTime<Utc> },
    /// Refused for good.
    Declined,
    /// Captured from a card.
    Captured,
    /// A deposit account waits.
    Open(Box<DepositAccount>),
    /// The whole deposit came.
    Paid(Box<DepositAccount>),
    /// The deposit account was closed unpaid.
    Closed,
}

/// One payment at the gateway.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) standing: Standing,
    pub(super) asked: Money,
    pub(super) captured: Money,
    pub(super) reversed: Money,
    pub(super) cancelled: Money,
    pub(super) cancels: Vec<GatewayCancel>,
}

impl Entry {
    pub(super) fn new(standing: Standing, asked: Money) -> Self {
        let nothing = asked.currency().zero();
        Self {
            standing,
            asked,
            captured: nothing,
            reversed: nothing,
            cancelled: nothing,
            cancels: Vec::new(),
        }
    }

    /// Whether it only waits for its confirm.
    pub(super) const fn is_before_money(&self) -> bool {
        matches!(self.standing, Standing::Ready { .. })
    }

    /// What came in and was not taken back by the bank.
    pub(super) fn kept(&self) -> Money {
        self.captured.sub(self.reversed).unwrap_or(self.asked.currency().zero())
    }

    /// What can still be sent back.
    pub(super) fn left(&self) -> Money {
        self.kept().sub(self.cancelled).unwrap_or(self.asked.currency().zero())
    }

    pub(super) fn found(&self, now: DateTime<Utc>) -> Found {
        let money = || Found::Captured { amount: self.kept(), cancels: self.cancels.clone() };
        match &self.standing {
            Standing::Ready { until, .. } if now < *until => Found::InProgress,
            Standing::Ready { .. } | Standing::Declined => Found::Declined,
            Standing::Captured | Standing::Paid(_) => money(),
            Standing::Open(_) | Standing::Closed if !self.kept().is_zero() => money(),
            Standing::Open(account) => Found::AwaitingDeposit((**account).clone()),
            Standing::Closed => Found::Cancelled,
        }
    }
}

/// What a key was answered, or when it will be.
#[derive(Debug)]
struct Kept<T> {
    answer: Option<Result<T, Label<100>>>,
    from: DateTime<Utc>,
    ready_at: DateTime<Utc>,
}

/// What is known of a key.
pub(super) enum Known<T> {
    New,
    Processing,
    Answered(Result<T, No>),
}

/// The first answers of one operation.
#[derive(Debug)]
pub(super) struct Keys<T>(FxHashMap<GatewayKey, Kept<T>>);

impl<T> Default for Keys<T> {
    fn default() -> Self {
        Self(FxHashMap::default())
    }
}

impl<T: Clone> Keys<T> {
    pub(super) fn look_up(&self, key: &GatewayKey, now: DateTime<Utc>) -> Known<T> {
        match self.0.get(key) {
            Some(kept) if now - kept.from <= KEY_KEPT => match &kept.answer {
                Some(answer) if now >= kept.ready_at => {
                    Known::Answered(answer.clone().map_err(No::Declined))
                }
                Some(_) | None => Known::Processing,
            },
            Some(_) | None => Known::New,
        }
    }

    /// Remembers that a key is worked on until `ready_at`.
    pub(super) fn begin(&mut self, key: GatewayKey, now: DateTime<Utc>, ready_at: DateTime<Utc>) {
        self.0.insert(key, Kept { answer: None, from: now, ready_at });
    }

    /// Remembers the answer of a key, which repeats get from `ready_at` on. What was only found to
    /// be done already is no answer of this key.
    pub(super) fn finish(
        &mut self,
        key: GatewayKey,
        answer: &Result<T, No>,
        now: DateTime<Utc>,
        ready_at: DateTime<Utc>,
    ) {
        let answer = match answer {
            Ok(answer) => Ok(answer.clone()),
            Err(No::Declined(code)) => Err(code.clone()),
            Err(No::Already(_)) => {
                self.0.remove(&key);
                return;
            }
        };
        self.0.insert(key, Kept { answer: Some(answer), from: now, ready_at });
    }
}

/// All payments and all first answers.
#[derive(Debug, Default)]
pub(super) struct Book {
    pub(super) entries: FxHashMap<PaymentId, Entry>,
    pub(super) confirms: Keys<crate::port::Captured>,
    pub(super) issues: Keys<DepositAccount>,
    pub(super) closes: Keys<()>,
    pub(super) cancels: Keys<()>,
}
