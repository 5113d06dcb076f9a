//! What a webhook would carry.

use std::collections::{BTreeMap, VecDeque};
use std::fmt;

use chrono::{DateTime, Utc};

use super::script::NoticeAct;
use crate::id::PaymentId;
use crate::label::Token;

/// What a notice is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum NoticeKind {
    /// The payment's state changed; carries no signature.
    PaymentStatus,
    /// A deposit came or was taken back; carries the account's secret.
    Deposit,
}

/// One notice. The same id is the same notice, come again. The secret does not show in Debug.
#[derive(Clone, PartialEq, Eq)]
pub struct Notice {
    /// The transmission's id.
    pub id: Token,
    /// The payment it is about.
    pub payment: PaymentId,
    /// What it is about.
    pub kind: NoticeKind,
    /// The secret of the payment's deposit account, for [`NoticeKind::Deposit`].
    pub secret: Option<Token>,
}

impl fmt::Debug for Notice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Notice")
            .field("id", &self.id)
            .field("payment", &self.payment)
            .field("kind", &self.kind)
            .finish_non_exhaustive()
    }
}

#[derive(Debug)]
struct Waiting {
    number: u64,
    payment: PaymentId,
    kind: NoticeKind,
    secret: Option<Token>,
}

impl Waiting {
    fn notice(&self) -> Notice {
        Notice {
            id: Token::new(&format!("notice-{}", self.number)).expect("short and not empty"),
            payment: self.payment,
            kind: self.kind,
            secret: self.secret.clone(),
        }
    }
}

/// Notices that nobody took yet: at most [`Notices::MAX`], then the oldest are dropped.
#[derive(Debug, Default)]
pub(super) struct Notices {
    numbered: u64,
    ready: VecDeque<Waiting>,
    later: BTreeMap<(DateTime<Utc>, u64), Waiting>,
}

impl Notices {
    pub(super) const MAX: usize = 65_536;

    pub(super) fn push(
        &mut self,
        payment: PaymentId,
        kind: NoticeKind,
        secret: Option<Token>,
        act: NoticeAct,
        now: DateTime<Utc>,
    ) {
        self.numbered += 1;
        let number = self.numbered;
        match act {
            NoticeAct::Send => self.ready.push_back(Waiting { number, payment, kind, secret }),
            NoticeAct::Twice => {
                let first = Waiting { number, payment, kind, secret: secret.clone() };
                self.ready.push_back(first);
                self.ready.push_back(Waiting { number, payment, kind, secret });
            }
            NoticeAct::Late(by) => {
                let waiting = Waiting { number, payment, kind, secret };
                self.later.insert((now + by, number), waiting);
            }
            NoticeAct::Lost => {}
        }
        while self.ready.len() > Self::MAX {
            self.ready.pop_front();
        }
        while self.later.len() > Self::MAX {
            self.later.pop_first();
        }
    }

    pub(super) fn take(&mut self, now: DateTime<Utc>) -> Vec<Notice> {
        let mut taken: Vec<Notice> = self.ready.drain(..).map(|waiting| waiting.notice()).collect();
        let still = self.later.split_off(&(now, u64::MAX));
        let due = std::mem::replace(&mut self.later, still);
        taken.extend(due.into_values().map(|waiting| waiting.notice()));
        taken
    }
}
