//! Each call, from the script to the book and back to an answer.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use rustc_hash::FxHashMap;

use super::book::{Book, Entry, Known, No, Standing};
use super::notices::{NoticeKind, Notices};
use super::operation::{Operation, Request};
use super::script::{CallAct, FindAct, GatewayCall, Script};
use crate::id::PaymentId;
use crate::port::{Found, GatewayError};

/// From when until when `find` does not see a payment yet.
#[derive(Clone, Copy, Debug)]
struct Hidden {
    from: DateTime<Utc>,
    until: DateTime<Utc>,
}

#[derive(Default)]
pub(super) struct State {
    pub(super) book: Book,
    pub(super) script: Script,
    pub(super) notices: Notices,
    pub(super) late: BTreeMap<(DateTime<Utc>, u64), Request>,
    hidden: FxHashMap<PaymentId, Hidden>,
    deferred: u64,
}

/// The answer of a call never came.
#[derive(Debug, thiserror::Error)]
#[error("no answer came")]
struct NoAnswer;

/// Something of the kind was done before.
#[derive(Debug, thiserror::Error)]
#[error("the gateway answered {0}")]
struct Already(&'static str);

/// An earlier call with the same key is being worked on.
#[derive(Debug, thiserror::Error)]
#[error("the gateway answered IDEMPOTENT_REQUEST_PROCESSING")]
struct UnderWay;

fn lost() -> GatewayError {
    GatewayError::Unknown(Some(Box::new(NoAnswer)))
}

fn refusal(no: No) -> GatewayError {
    match no {
        No::Declined(code) => GatewayError::Declined { code },
        No::Already(code) => GatewayError::Unknown(Some(Box::new(Already(code)))),
    }
}

/// An answer and, if it is slow, when it comes.
pub(super) type Answer<T> = (Result<T, GatewayError>, Option<DateTime<Utc>>);

impl State {
    pub(super) fn scripted(script: Script) -> Self {
        Self { script, ..Self::default() }
    }

    pub(super) fn call<O: Operation>(
        &mut self,
        request: O,
        now: DateTime<Utc>,
    ) -> Answer<O::Answer> {
        self.land(now);
        let act = self.script.call(O::CALL, request.payment());
        let known = O::keys(&mut self.book).look_up(request.key(), now);
        match act {
            // It would tell that nothing moved, which is not true of a key that was taken before.
            CallAct::Refuse { retry_after } if matches!(known, Known::New) => {
                return (Err(GatewayError::Retryable { retry_after }), None);
            }
            CallAct::LostBefore => return (Err(lost()), None),
            CallAct::Answer
            | CallAct::Decline
            | CallAct::Refuse { .. }
            | CallAct::LostAfter
            | CallAct::Slow(_)
            | CallAct::Late(_) => {}
        }
        let answer = match known {
            Known::Answered(answer) => answer,
            Known::Processing => {
                return (Err(GatewayError::Unknown(Some(Box::new(UnderWay)))), None);
            }
            Known::New => match act {
                CallAct::Late(by) => {
                    self.defer(request, now, now + by);
                    return (Err(lost()), None);
                }
                CallAct::Decline => {
                    let answer = request.decline(&mut self.book, now);
                    O::keys(&mut self.book).finish(request.into_key(), &answer, now, now);
                    answer
                }
                CallAct::Slow(by) => self.perform(request, now, now + by),
                CallAct::Answer
                | CallAct::LostAfter
                | CallAct::LostBefore
                | CallAct::Refuse { .. } => self.perform(request, now, now),
            },
        };
        match act {
            CallAct::LostAfter | CallAct::Late(_) => (Err(lost()), None),
            CallAct::Slow(by) => (answer.map_err(refusal), Some(now + by)),
            CallAct::Answer | CallAct::Decline | CallAct::LostBefore | CallAct::Refuse { .. } => {
                (answer.map_err(refusal), None)
            }
        }
    }

    fn perform<O: Operation>(
        &mut self,
        request: O,
        now: DateTime<Utc>,
        ready_at: DateTime<Utc>,
    ) -> Result<O::Answer, No> {
        let payment = request.payment();
        let answer = request.perform(&mut self.book, now);
        O::keys(&mut self.book).finish(request.into_key(), &answer, now, ready_at);
        if answer.is_ok() {
            match O::CALL {
                GatewayCall::Confirm | GatewayCall::Close | GatewayCall::Cancel => {
                    self.announce(payment, NoticeKind::PaymentStatus, now);
                }
                GatewayCall::Issue => {}
            }
        }
        answer
    }

    fn defer<O: Operation>(&mut self, request: O, now: DateTime<Utc>, at: DateTime<Utc>) {
        O::keys(&mut self.book).begin(request.key().clone(), now, at);
        match O::CALL {
            GatewayCall::Confirm | GatewayCall::Issue => {
                let entry = self.book.entries.get(&request.payment());
                if entry.is_none_or(Entry::is_before_money) {
                    self.hidden.insert(request.payment(), Hidden { from: now, until: at });
                }
            }
            GatewayCall::Close | GatewayCall::Cancel => {}
        }
        self.deferred += 1;
        self.late.insert((at, self.deferred), request.into_request());
    }

    /// Does the late calls whose time has come.
    pub(super) fn land(&mut self, now: DateTime<Utc>) {
        while let Some(first) = self.late.first_entry()
            && first.key().0 <= now
        {
            let ((at, _), request) = first.remove_entry();
            match request {
                Request::Confirm(request) => {
                    self.hidden.remove(&request.payment);
                    let _ = self.perform(request, at, at);
                }
                Request::Issue(request) => {
                    self.hidden.remove(&request.payment);
                    let _ = self.perform(request, at, at);
                }
                Request::Close(request) => {
                    let _ = self.perform(request, at, at);
                }
                Request::Cancel(request) => {
                    let _ = self.perform(request, at, at);
                }
            }
        }
    }

    pub(super) fn announce(&mut self, payment: PaymentId, kind: NoticeKind, now: DateTime<Utc>) {
        let secret = match kind {
            NoticeKind::PaymentStatus => None,
            NoticeKind::Deposit => {
                self.book.entries.get(&payment).and_then(|entry| match &entry.standing {
                    Standing::Open(account) | Standing::Paid(account) => account.secret.clone(),
                    Standing::Ready { .. }
                    | Standing::Declined
                    | Standing::Captured
                    | Standing::Closed => None,
                })
            }
        };
        let act = self.script.notice(payment);
        self.notices.push(payment, kind, secret, act, now);
    }

    pub(super) fn find(&mut self, payment: PaymentId, now: DateTime<Utc>) -> Answer<Found> {
        self.land(now);
        match self.script.find(payment) {
            FindAct::Answer => (Ok(self.found(payment, now)), None),
            FindAct::Slow(by) => (Ok(self.found(payment, now)), Some(now + by)),
            FindAct::InProgress => (Ok(Found::InProgress), None),
            FindAct::NotFound => (Ok(Found::NotFound), None),
            FindAct::Refuse => (Err(GatewayError::Retryable { retry_after: None }), None),
            FindAct::Lost => (Err(lost()), None),
        }
    }

    pub(super) fn found(&self, payment: PaymentId, now: DateTime<Utc>) -> Found {
        if let Some(hidden) = self.hidden.get(&payment) {
            let half = hidden.from + (hidden.until - hidden.from) / 2;
            return if now < half { Found::InProgress } else { Found::NotFound };
        }
        self.book.entries.get(&payment).map_or(Found::NotFound, |entry| entry.found(now))
    }
}
