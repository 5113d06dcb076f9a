//! The plainest commits: a change without a key, and one that creates something under a key.

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::support::{Attempt, Call, Failure, answer_of, commit, inconsistent};
use crate::change_set::ChangeSet;
use crate::id::{SellerId, UserId};
use crate::label::Token;
use crate::port::Ports;

/// Whether it was written; false if what it was decided on is stale.
pub(crate) async fn write(ports: &Ports, changes: ChangeSet) -> Result<bool, Failure> {
    match commit(ports, changes).await? {
        Attempt::Done => Ok(true),
        Attempt::Stale => Ok(false),
        Attempt::Refused(refusal) => Err(inconsistent(refusal)),
        Attempt::Replayed(_) | Attempt::Duplicate => Err(Failure::KeyReused),
    }
}

/// The answer, or the first one if the call is a repeated one; `None` if what it was decided on is
/// stale.
pub(crate) async fn write_keyed<T: Serialize + DeserializeOwned + Sync>(
    ports: &Ports,
    call: Option<&Call>,
    changes: ChangeSet,
    answer: T,
) -> Result<Option<T>, Failure> {
    match commit(ports, Call::keep(call, changes, &answer)?).await? {
        Attempt::Done => Ok(Some(answer)),
        Attempt::Stale => Ok(None),
        Attempt::Replayed(state) => answer_of(&state).map(Some),
        Attempt::Refused(refusal) => Err(inconsistent(refusal)),
        Attempt::Duplicate => Err(Failure::KeyReused),
    }
}

/// Names a seller's call. Receipts know callers as users; ids are unique over both, and no operation
/// is open to both, so that a seller's keys never meet a buyer's.
pub(crate) fn sellers_call<R: Serialize>(
    seller: SellerId,
    operation: &'static str,
    key: Option<&Token>,
    request: &R,
) -> Option<Call> {
    Call::of(UserId::from_uuid(seller.as_uuid()), operation, key, request)
}
