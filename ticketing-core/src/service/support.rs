//! What every use case needs: bounded retries, receipts, and the failures they share.

use std::time::Duration;

use chrono::{DateTime, Utc};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::aggregate::Aggregate;
use crate::change_set::{
    ChangeSet, ChangeSetError, Fingerprint, ReceiptKey, ReceiptState, Response,
};
use crate::error::{Fault, Overloaded, PortError};
use crate::id::{ChangeSetId, UserId};
use crate::label::{Label, Token};
use crate::ledger::EntryError;
use crate::money::MoneyError;
use crate::port::{CommitError, Committed, Ports};

/// Why a use case failed for a reason that is not about what was asked for.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Failure {
    /// Too much at once; nothing was done.
    #[error(transparent)]
    Overloaded(#[from] Overloaded),
    /// It could not be found out whether the change was written. Call again with the same key.
    #[error("the outcome of change set {0} is unknown")]
    Unknown(ChangeSetId),
    /// Others changed the same things at every try; nothing was done.
    #[error("others were faster at each of {tries} tries")]
    Contended {
        /// How often it was tried.
        tries: u32,
    },
    /// The key was used for another request; nothing was done.
    #[error("the idempotency key was used for another request")]
    KeyReused,
    /// The same call is being worked on; ask again.
    #[error("the same call is in progress, retry after {} ms", retry_after.as_millis())]
    InProgress {
        /// When to ask again.
        retry_after: Duration,
    },
    /// What should be written cannot be.
    #[error(transparent)]
    ChangeSet(#[from] ChangeSetError),
    /// Amounts that do not fit each other or are out of range.
    #[error(transparent)]
    Money(#[from] MoneyError),
    /// A posting that does not fit.
    #[error(transparent)]
    Entry(#[from] EntryError),
    /// A port failed.
    #[error(transparent)]
    Port(#[from] PortError),
}

impl Failure {
    /// Whether the same call may succeed later.
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Overloaded(_)
            | Self::Unknown(_)
            | Self::Contended { .. }
            | Self::InProgress { .. } => true,
            Self::KeyReused | Self::ChangeSet(_) | Self::Money(_) | Self::Entry(_) => false,
            Self::Port(error) => error.fault() != Fault::Permanent,
        }
    }
}

/// How long a repeated call should wait for the first one.
pub(crate) const RETRY_AFTER: Duration = Duration::from_secs(1);

/// Counts the tries of one use case against stale reads.
pub(crate) struct Tries(u32);

impl Tries {
    const MAX: u32 = 10;

    pub(crate) const fn new() -> Self {
        Self(0)
    }

    /// Whether this is the first try: only that may read from a cache.
    pub(crate) const fn is_first(&self) -> bool {
        self.0 == 0
    }

    /// Notes a stale read.
    pub(crate) const fn again(&mut self) -> Result<(), Failure> {
        self.0 += 1;
        if self.0 < Self::MAX { Ok(()) } else { Err(Failure::Contended { tries: self.0 }) }
    }
}

/// A commit's answer, sorted by what a use case does next.
pub(crate) enum Attempt {
    /// Written.
    Done,
    /// Stale: load and decide again.
    Stale,
    /// The same call was answered before.
    Replayed(ReceiptState),
    /// The same message was handled before.
    Duplicate,
    /// A refusal that is about what was asked for.
    Refused(CommitError),
}

/// Commits and sorts the answer; what no use case handles itself becomes a [`Failure`].
pub(crate) async fn commit(ports: &Ports, changes: ChangeSet) -> Result<Attempt, Failure> {
    match ports.store.commit(changes).await {
        Ok(Committed::Done) => Ok(Attempt::Done),
        Ok(Committed::Replayed(state)) => Ok(Attempt::Replayed(state)),
        Ok(Committed::Duplicate(_)) => Ok(Attempt::Duplicate),
        Err(CommitError::Conflict(_)) => Ok(Attempt::Stale),
        Err(CommitError::Invalid(error)) => Err(error.into()),
        Err(CommitError::KeyReused) => Err(Failure::KeyReused),
        Err(CommitError::Overloaded(overloaded)) => Err(overloaded.into()),
        Err(CommitError::Unknown(id)) => Err(Failure::Unknown(id)),
        Err(CommitError::Port(error)) => Err(error.into()),
        Err(
            refusal @ (CommitError::SeatTaken(_)
            | CommitError::AllowanceExceeded { .. }
            | CommitError::EntryResolved(_)
            | CommitError::InsufficientFunds(_)),
        ) => Ok(Attempt::Refused(refusal)),
    }
}

/// A refusal that the caller's reads rule out: the store and the aggregates disagree.
pub(crate) fn inconsistent(refusal: CommitError) -> Failure {
    PortError::new("store", "commit", Fault::Permanent).because(refusal).into()
}

/// A new change set, decided now.
pub(crate) fn change_set(ports: &Ports, now: DateTime<Utc>) -> ChangeSet {
    ChangeSet::new(ChangeSetId::generate(&*ports.ids), now)
}

/// The aggregate as it will be once its commit succeeds.
pub(crate) fn once_saved<A: Aggregate + Clone>(aggregate: &A) -> A {
    let mut saved = aggregate.clone();
    drop(saved.root_mut().committed());
    saved
}

/// One call of a client that may be repeated.
#[derive(Clone, Debug)]
pub(crate) struct Call {
    pub(crate) key: ReceiptKey,
    pub(crate) fingerprint: Fingerprint,
}

impl Call {
    /// Names a call; `None` if the client gave no key.
    pub(crate) fn of<R: Serialize>(
        caller: UserId,
        operation: &'static str,
        key: Option<&Token>,
        request: &R,
    ) -> Option<Self> {
        let key = key?.clone();
        let operation = Label::new(operation).expect("operation names are short");
        let fingerprint = Fingerprint::of(request);
        Some(Self { key: ReceiptKey { caller, operation, key }, fingerprint })
    }

    /// The answer that was given before, if any.
    pub(crate) async fn replay<T: DeserializeOwned>(
        call: Option<&Self>,
        ports: &Ports,
    ) -> Result<Option<T>, Failure> {
        let Some(call) = call else { return Ok(None) };
        let Some(receipt) = ports.receipts.find(call.key.clone()).await? else {
            return Ok(None);
        };
        if receipt.fingerprint != call.fingerprint {
            return Err(Failure::KeyReused);
        }
        answer_of(&receipt.state).map(Some)
    }

    /// Keeps an answer in the same commit as its change.
    pub(crate) fn keep<T: Serialize>(
        call: Option<&Self>,
        changes: ChangeSet,
        answer: &T,
    ) -> Result<ChangeSet, Failure> {
        Ok(match call {
            None => changes,
            Some(call) => {
                let response = Response::of(answer)?;
                changes.receipt(call.key.clone(), call.fingerprint, response)
            }
        })
    }
}

/// Decodes an answer that was kept.
pub(crate) fn answer_of<T: DeserializeOwned>(state: &ReceiptState) -> Result<T, Failure> {
    match state {
        ReceiptState::InProgress => Err(Failure::InProgress { retry_after: RETRY_AFTER }),
        ReceiptState::Done(response) => {
            serde_json::from_slice(response.as_bytes()).map_err(|error| {
                PortError::new("receipts", "decode", Fault::Permanent).because(error).into()
            })
        }
    }
}

/// What one bounded run of a sweeper did.
#[derive(Debug, Default)]
#[must_use]
pub struct Swept {
    /// How many it looked at.
    pub seen: usize,
    /// How many it changed.
    pub changed: usize,
    /// How many failed and were left for a later run: one bad item never stops the others.
    pub failed: usize,
    /// The first [`Swept::ERRORS_MAX`] reasons why, for a log.
    pub errors: Vec<Box<dyn std::error::Error + Send + Sync>>,
    /// Where the next run goes on; `None` when the end was reached: start again from the front.
    pub next: Option<crate::page::Cursor>,
}

impl Swept {
    /// The most errors of one run that are kept.
    pub const ERRORS_MAX: usize = 10;

    /// A run whose list ends at a cursor.
    pub(crate) fn until(next: Option<crate::page::Cursor>) -> Self {
        Self { next, ..Self::default() }
    }

    /// Counts one item: whether it was changed.
    pub(crate) fn count<E>(&mut self, result: Result<bool, E>)
    where
        E: std::error::Error + Send + Sync + 'static,
    {
        self.seen += 1;
        match result {
            Ok(changed) => self.changed += usize::from(changed),
            Err(error) => {
                self.failed += 1;
                if self.errors.len() < Self::ERRORS_MAX {
                    self.errors.push(error.into());
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_first_try_reads_from_a_cache_and_the_tenth_is_the_last() {
        let mut tries = Tries::new();
        assert!(tries.is_first());
        for _ in 1..10 {
            tries.again().unwrap();
            assert!(!tries.is_first());
        }
        assert!(matches!(tries.again(), Err(Failure::Contended { tries: 10 })));
    }

    #[test]
    fn a_run_counts_what_it_saw_and_keeps_the_first_ten_reasons() {
        let mut swept = Swept::until(None);
        for number in 0..12 {
            swept.count(Err(PortError::new("store", "read", Fault::Permanent)));
            swept.count::<PortError>(Ok(number % 4 == 0));
        }
        assert_eq!((swept.seen, swept.changed, swept.failed), (24, 3, 12));
        assert_eq!(swept.errors.len(), 10);
    }

    #[test]
    fn only_what_may_end_otherwise_is_worth_the_same_call() {
        let port = |fault| Failure::Port(PortError::new("store", "commit", fault));
        let transient = [
            port(Fault::Transient),
            port(Fault::Unknown),
            Failure::Contended { tries: 10 },
            Failure::InProgress { retry_after: RETRY_AFTER },
        ];
        assert!(transient.iter().all(Failure::is_transient));
        let permanent = [port(Fault::Permanent), Failure::KeyReused];
        assert!(!permanent.iter().any(Failure::is_transient));
    }
}
