//! The calls of many clients on a store, and what one of them does when nothing else runs.

use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use super::answers::{Answer, agrees};
use super::dump::Dump;
use super::gate::pause;
use super::step::{SEATS, Step};
use super::{ModelStore, reads};
use crate::aggregate::{AggregateKind, AggregateRef, Version};
use crate::change_set::{ChangeSet, Receipt, ReceiptKey};
use crate::id::{PerformanceId, ReservationId, ShowId, UserId};
use crate::ledger::AccountKey;
use crate::port::{CommitError, Committed};
use crate::reservation::Reservation;
use crate::seat::{Claim, ClaimBits, SeatNo, Seats};
use crate::testing::StorePorts;
use crate::testing::linear::{Recorder, Spec};
use crate::testing::suite::give_up_after;

/// What a client asks of a store.
#[derive(Clone)]
pub(super) enum CallOp {
    Commit(Step, Arc<ChangeSet>),
    Bits(PerformanceId),
    Claims(PerformanceId, Seats),
    Used(UserId, ShowId),
    Balance(AccountKey),
    Receipt(ReceiptKey),
    Version(ReservationId),
    Everything,
}

/// What it is answered.
#[derive(Clone, Debug)]
pub(super) enum CallAnswer {
    Commit(Arc<Answer>),
    Bits(ClaimBits),
    Claims(Vec<(SeatNo, Claim)>),
    Used(u16),
    Balance(i64),
    Receipt(Option<Receipt>),
    Version(Version),
    Everything(Arc<Dump>),
}

impl CallAnswer {
    /// Whether it says that a change set is in the store.
    pub(super) fn is_done(&self) -> bool {
        matches!(self, Self::Commit(answer) if matches!(**answer, Ok(Committed::Done)))
    }
}

impl fmt::Debug for CallOp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Commit(step, changes) => write!(f, "commit {} of step {step}", changes.id()),
            Self::Bits(performance) => write!(f, "bitmaps of {performance}"),
            Self::Claims(performance, seats) => write!(f, "claims of {performance} on {seats:?}"),
            Self::Used(user, show) => write!(f, "places of user {user} in show {show}"),
            Self::Balance(account) => write!(f, "balance of {account}"),
            Self::Receipt(key) => write!(f, "receipt of {key}"),
            Self::Version(reservation) => write!(f, "version of reservation {reservation}"),
            Self::Everything => f.write_str("everything"),
        }
    }
}

/// How a client makes a call.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct How {
    /// How often it lets others run before it does.
    pub(super) waits: usize,
    /// After how many waits of the call it goes away, if it does.
    pub(super) drop_after: Option<usize>,
}

/// Makes a call and writes it down. A commit whose answer nobody was told stays open.
pub(super) async fn call(
    ports: &StorePorts,
    recorder: &Recorder<CallOp, CallAnswer>,
    client: usize,
    op: CallOp,
    how: How,
) {
    let begun = recorder.begin(client, op.clone());
    pause(how.waits).await;
    let answer = match op {
        CallOp::Commit(_, changes) => {
            let commit = ports.store.commit(ChangeSet::clone(&changes));
            let answer = match how.drop_after {
                Some(waits) => give_up_after(waits, commit).await,
                None => Some(commit.await),
            };
            match answer {
                None | Some(Err(CommitError::Unknown(_))) => return,
                Some(answer) => CallAnswer::Commit(Arc::new(answer)),
            }
        }
        CallOp::Bits(of) => {
            CallAnswer::Bits(ports.claims.bits(of, SEATS).await.expect("reading bitmaps"))
        }
        CallOp::Claims(of, seats) => {
            CallAnswer::Claims(ports.claims.of_seats(of, seats).await.expect("reading claims"))
        }
        CallOp::Used(user, show) => CallAnswer::Used(
            ports.claims.allowance_used(user, show).await.expect("reading an allowance"),
        ),
        CallOp::Balance(account) => CallAnswer::Balance(ports.balance(account).await),
        CallOp::Receipt(key) => {
            CallAnswer::Receipt(ports.receipts.find(key).await.expect("finding a receipt"))
        }
        CallOp::Version(id) => {
            let found = ports.reservation(id).await;
            CallAnswer::Version(found.map_or(0, |found: Reservation| {
                crate::aggregate::Aggregate::root(&found).version()
            }))
        }
        CallOp::Everything => {
            let dump = Dump::read(&*ports.inspect).await.expect("reading everything");
            CallAnswer::Everything(Arc::new(dump))
        }
    };
    recorder.end(begun, answer);
}

/// The model as a state of which there are many. Equal states have equal counts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct ModelState(Arc<ModelStore>);

impl From<ModelStore> for ModelState {
    fn from(model: ModelStore) -> Self {
        Self(Arc::new(model))
    }
}

impl Hash for ModelState {
    fn hash<H: Hasher>(&self, state: &mut H) {
        let model = &self.0;
        (model.change_sets.len(), model.claims.len(), model.places.len()).hash(state);
        (model.entries.len(), model.aggregates.len(), model.balances.len()).hash(state);
    }
}

/// A store as its model has it.
#[derive(Debug)]
pub(super) struct StoreSpec;

impl Spec for StoreSpec {
    type State = ModelState;
    type Op = CallOp;
    type Answer = CallAnswer;

    fn step(
        &self,
        state: &ModelState,
        op: &CallOp,
        answer: Option<&CallAnswer>,
    ) -> Option<ModelState> {
        let model = &state.0;
        if let CallOp::Commit(_, changes) = op {
            let got = match answer {
                Some(CallAnswer::Commit(answer)) => Some(&**answer),
                Some(_) => return None,
                None => None,
            };
            if matches!(got, Some(Err(CommitError::Overloaded(_) | CommitError::Port(_)))) {
                return Some(state.clone());
            }
            let mut after = ModelStore::clone(model);
            let expected = after.commit(changes);
            let is_right = got.is_none_or(|got| agrees(model, changes, &expected, got));
            return is_right.then(|| after.into());
        }
        let is_right = match (op, answer?) {
            (CallOp::Bits(of), CallAnswer::Bits(got)) => reads::bits(model, *of) == *got,
            (CallOp::Claims(of, seats), CallAnswer::Claims(got)) => {
                reads::claims(model, *of, seats) == *got
            }
            (CallOp::Used(user, show), CallAnswer::Used(got)) => {
                model.allowance_used(*user, *show) == usize::from(*got)
            }
            (CallOp::Balance(account), CallAnswer::Balance(got)) => model.balance(*account) == *got,
            (CallOp::Receipt(key), CallAnswer::Receipt(got)) => model.receipt(key) == got.as_ref(),
            (CallOp::Version(id), CallAnswer::Version(got)) => {
                let of = AggregateRef { kind: AggregateKind::Reservation, id: id.as_uuid() };
                model.version(of) == *got
            }
            (CallOp::Everything, CallAnswer::Everything(got)) => {
                model.differences_from(got).is_empty()
            }
            _ => false,
        };
        is_right.then(|| state.clone())
    }

    /// All but a commit that is done, now or before.
    fn only_reads(&self, _: &CallOp, answer: &CallAnswer) -> bool {
        !answer.is_done()
    }
}
