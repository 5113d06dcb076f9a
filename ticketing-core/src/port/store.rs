use async_trait::async_trait;

use crate::aggregate::AggregateRef;
use crate::change_set::{ChangeSet, ChangeSetError, MessageKey, ReceiptState};
use crate::error::{Overloaded, PortError};
use crate::id::{ChangeSetId, EntryId};
use crate::ledger::AccountKey;
use crate::seat::Seats;

/// What a commit answers when nothing is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use]
pub enum Committed {
    /// The change set is in the store, written now or under the same id before.
    Done,
    /// The call was answered before: here is the first answer. Nothing was written.
    Replayed(ReceiptState),
    /// The message was handled before. Nothing was written.
    Duplicate(MessageKey),
}

/// Why a commit wrote nothing.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CommitError {
    /// No store could write this.
    #[error("the change set is not valid")]
    Invalid(#[from] ChangeSetError),
    /// The idempotency key was used for another request.
    #[error("the idempotency key was used for another request")]
    KeyReused,
    /// A saved or guarded aggregate has changed since it was loaded: reload past every cache, decide
    /// again. Of an entry: one of its id is booked.
    #[error("{0} has changed since it was loaded")]
    Conflict(AggregateRef),
    /// These seats are taken: all of the wanted ones that are.
    #[error("{} seats are taken", .0.len())]
    SeatTaken(Seats),
    /// The user has no more places in this show.
    #[error("the user may have {limit} tickets of this show")]
    AllowanceExceeded {
        /// How many the user may have.
        limit: u16,
    },
    /// The pending entry was ended before.
    #[error("entry {0} was resolved before")]
    EntryResolved(EntryId),
    /// A wallet would go below zero.
    #[error("{0} has too little")]
    InsufficientFunds(AccountKey),
    /// The queue is full.
    #[error(transparent)]
    Overloaded(#[from] Overloaded),
    /// It could not be found out in time whether the change set was written. Sending the same change
    /// set again is safe and tells.
    #[error("the outcome of change set {0} is unknown")]
    Unknown(ChangeSetId),
    /// The store failed; nothing was written.
    #[error(transparent)]
    Port(#[from] PortError),
}

/// The only way to write.
#[cfg_attr(feature = "mock", mockall::automock)]
#[async_trait]
pub trait Store: Send + Sync {
    /// Writes all of a change set, or nothing.
    ///
    /// The answers and the final state are those of committing the change sets one after another.
    /// If several answers apply, it is the first of this list:
    ///
    /// 1. committed before under its own id: [`Committed::Done`], as then
    ///    (`testing::store::same_change_set_commits_once`);
    /// 2. [`CommitError::KeyReused`] (`testing::store::key_of_another_request_is_refused`);
    /// 3. [`Committed::Replayed`] (`testing::store::repeated_call_gets_the_first_answer`);
    /// 4. [`Committed::Duplicate`] (`testing::store::repeated_message_is_a_duplicate`);
    /// 5. [`CommitError::Conflict`] of an aggregate (`testing::store::stale_version_conflicts`,
    ///    `testing::store::changed_guard_conflicts`, `testing::store::every_kind_is_saved_at_its_version`,
    ///    `testing::store::every_kind_is_guarded_at_its_version`), then of an entry whose id is booked, or
    ///    posted twice here (`testing::store::entry_is_booked_once`);
    /// 6. [`CommitError::SeatTaken`], with every wanted seat that is taken
    ///    (`testing::store::taken_seats_are_all_named`);
    /// 7. [`CommitError::AllowanceExceeded`] (`testing::store::allowance_is_bounded`);
    /// 8. [`CommitError::EntryResolved`] (`testing::store::entry_is_resolved_once`);
    /// 9. [`CommitError::InsufficientFunds`] (`testing::store::wallet_never_goes_below_zero`).
    ///
    /// The order is held by `testing::store::answers_come_in_order`. An adapter MUST also:
    /// write the outbox in the same transaction (`testing::store::events_come_with_their_change`),
    /// write nothing of a refused change set (`testing::store::refused_change_set_writes_nothing`),
    /// keep a refused change set from failing its neighbours
    /// (`testing::store::one_refusal_spares_the_others`), release only the owner's claims
    /// (`testing::store::release_is_for_the_owner`), keep every once-key under a race
    /// (`testing::store::one_of_fifty_wins_a_seat`, `testing::store::two_tabs_share_one_allowance`,
    /// `testing::store::poor_wallet_is_spent_once`), and leave all or nothing when the caller drops
    /// the future (`testing::store::dropped_caller_leaves_all_or_nothing`).
    ///
    /// # Errors
    /// [`CommitError`]; nothing was written, except that after [`CommitError::Unknown`] it may be.
    async fn commit(&self, changes: ChangeSet) -> Result<Committed, CommitError>;
}
