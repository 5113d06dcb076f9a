//! What the fake does wrong, told step by step.

use std::collections::BTreeMap;
use std::time::Duration;

use rustc_hash::FxHashMap;

use super::faults::Chance;
use crate::id::PaymentId;

/// The calls that can move money.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum GatewayCall {
    /// `confirm`
    Confirm,
    /// `issue_deposit_account`
    Issue,
    /// `close_account`
    Close,
    /// `cancel`
    Cancel,
}

/// What happens to one call that can move money.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum CallAct {
    /// It is done and answered.
    Answer,
    /// It is refused for good; a confirm or an issue ends the payment.
    Decline,
    /// It is not taken: `Retryable`, and the key stays free. A key that was taken before is answered as ever.
    Refuse {
        /// What the answer says, if anything.
        retry_after: Option<Duration>,
    },
    /// It never arrives: `Unknown`, nothing moved.
    LostBefore,
    /// It is done, but the answer is lost: `Unknown`, and a repeated key gets the answer.
    LostAfter,
    /// It is done at once, and answered after this time.
    Slow(Duration),
    /// `Unknown` at once; it is done only after this time. Until then `find` says `InProgress`
    /// (first half) and then `NotFound`, and the key is being processed.
    Late(Duration),
}

/// What happens to one `find`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum FindAct {
    /// The truth.
    Answer,
    /// The truth as of the question, after this time.
    Slow(Duration),
    /// `InProgress`, whatever the truth is.
    InProgress,
    /// `NotFound`, whatever the truth is.
    NotFound,
    /// `Retryable`.
    Refuse,
    /// `Unknown`.
    Lost,
}

/// What happens to one notice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum NoticeAct {
    /// It comes once, at once.
    Send,
    /// It comes twice, under one id.
    Twice,
    /// It comes after this time.
    Late(Duration),
    /// It never comes.
    Lost,
}

/// One line of a script. Steps of one kind are used up in their order, one per call; when none is
/// left the fake does what it does without a script.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// For the next such call.
    Call(GatewayCall, CallAct),
    /// For the next call that can move money, whichever it is.
    AnyCall(CallAct),
    /// For the next `find`.
    Find(FindAct),
    /// For the next notice.
    Notice(NoticeAct),
}

impl Step {
    /// For the next confirm.
    pub const fn confirm(act: CallAct) -> Self {
        Self::Call(GatewayCall::Confirm, act)
    }

    /// For the next issue of a deposit account.
    pub const fn issue(act: CallAct) -> Self {
        Self::Call(GatewayCall::Issue, act)
    }

    /// For the next close of a deposit account.
    pub const fn close(act: CallAct) -> Self {
        Self::Call(GatewayCall::Close, act)
    }

    /// For the next cancel.
    pub const fn cancel(act: CallAct) -> Self {
        Self::Call(GatewayCall::Cancel, act)
    }
}

/// The steps still to come, and chance for when there are none.
#[derive(Default)]
pub(super) struct Script {
    payments: FxHashMap<PaymentId, Vec<Step>>,
    next: Vec<Step>,
    chance: Option<Chance>,
    /// What chance brought about, by the name of the rate.
    met: BTreeMap<&'static str, u64>,
}

impl Script {
    pub(super) fn of(chance: Chance) -> Self {
        Self { chance: Some(chance), ..Self::default() }
    }

    pub(super) fn set_chance(&mut self, chance: Chance) {
        self.chance = Some(chance);
    }

    pub(super) fn add(&mut self, payment: PaymentId, steps: impl IntoIterator<Item = Step>) {
        self.payments.entry(payment).or_default().extend(steps);
    }

    pub(super) fn add_next(&mut self, steps: impl IntoIterator<Item = Step>) {
        self.next.extend(steps);
    }

    pub(super) fn call(&mut self, call: GatewayCall, payment: PaymentId) -> CallAct {
        let scripted = self.take(payment, |step| match step {
            Step::Call(on, act) if on == call => Some(act),
            Step::AnyCall(act) => Some(act),
            Step::Call(..) | Step::Find(_) | Step::Notice(_) => None,
        });
        scripted.unwrap_or_else(|| {
            let act = self.by_chance(CallAct::Answer, |chance| chance.call(call));
            self.meet(act.fault());
            act
        })
    }

    pub(super) fn find(&mut self, payment: PaymentId) -> FindAct {
        let scripted = self.take(payment, |step| match step {
            Step::Find(act) => Some(act),
            Step::Call(..) | Step::AnyCall(_) | Step::Notice(_) => None,
        });
        scripted.unwrap_or_else(|| {
            let act = self.by_chance(FindAct::Answer, Chance::find);
            self.meet(act.fault());
            act
        })
    }

    pub(super) fn notice(&mut self, payment: PaymentId) -> NoticeAct {
        let scripted = self.take(payment, |step| match step {
            Step::Notice(act) => Some(act),
            Step::Call(..) | Step::AnyCall(_) | Step::Find(_) => None,
        });
        scripted.unwrap_or_else(|| {
            let act = self.by_chance(NoticeAct::Send, Chance::notice);
            self.meet(act.fault());
            act
        })
    }

    pub(super) const fn met(&self) -> &BTreeMap<&'static str, u64> {
        &self.met
    }

    fn meet(&mut self, fault: Option<&'static str>) {
        if let Some(fault) = fault {
            *self.met.entry(fault).or_default() += 1;
        }
    }

    fn by_chance<T>(&self, usual: T, pick: impl FnOnce(&Chance) -> T) -> T {
        self.chance.as_ref().map_or(usual, pick)
    }

    fn take<T>(&mut self, payment: PaymentId, pick: impl Fn(Step) -> Option<T>) -> Option<T> {
        let mut first = |steps: &mut Vec<Step>| {
            let (at, act) =
                steps.iter().enumerate().find_map(|(at, step)| Some((at, pick(*step)?)))?;
            steps.remove(at);
            Some(act)
        };
        if !self.payments.is_empty()
            && let Some(act) = self.payments.get_mut(&payment).and_then(&mut first)
        {
            return Some(act);
        }
        if self.next.is_empty() { None } else { first(&mut self.next) }
    }
}
