//! Answers of a commit: what they are called, and whether two say the same.

use std::fmt;

use super::ModelStore;
use crate::aggregate::{Aggregate, AggregateKind, AggregateRef};
use crate::change_set::ChangeSet;
use crate::port::{CommitError, Committed};

pub(super) type Answer = Result<Committed, CommitError>;

macro_rules! answers {
    ($($field:ident: $pattern:pat, $doc:literal;)*) => {
        /// How often a run was given each answer of a commit.
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
        pub struct Tally {
            $(#[doc = $doc] pub $field: u32,)*
        }

        impl Tally {
            pub(super) fn count(&mut self, answer: &Answer) {
                match answer {
                    $($pattern => self.$field += 1,)*
                }
            }

            /// The counts with the names of the answers.
            pub fn iter(&self) -> impl Iterator<Item = (&'static str, u32)> + use<> {
                [$((stringify!($field), self.$field)),*].into_iter()
            }
        }

        impl std::ops::AddAssign for Tally {
            fn add_assign(&mut self, other: Self) {
                $(self.$field += other.$field;)*
            }
        }
    };
}

answers! {
    done: Ok(Committed::Done), "Written, now or before.";
    key_reused: Err(CommitError::KeyReused), "The key was used for another request.";
    replayed: Ok(Committed::Replayed(_)), "The call was answered before.";
    duplicate: Ok(Committed::Duplicate(_)), "The message was handled before.";
    conflict: Err(CommitError::Conflict(_)), "An aggregate has changed, or an entry is booked.";
    seat_taken: Err(CommitError::SeatTaken(_)), "A seat is taken.";
    allowance_exceeded: Err(CommitError::AllowanceExceeded { .. }), "No place is left.";
    entry_resolved: Err(CommitError::EntryResolved(_)), "The pending entry was ended.";
    insufficient_funds: Err(CommitError::InsufficientFunds(_)), "The wallet has too little.";
    not_written: Err(
        CommitError::Invalid(_) | CommitError::Overloaded(_) | CommitError::Port(_)
    ), "Invalid, overloaded or broken.";
    unknown: Err(CommitError::Unknown(_)), "Not known.";
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (place, (name, count)) in self.iter().enumerate() {
            write!(f, "{}{count} {name}", if place > 0 { ", " } else { "" })?;
        }
        Ok(())
    }
}

/// Whether a store in the state of the model may answer so where the model answers `expected`. Of several
/// stale aggregates it may name any.
pub(super) fn agrees(
    before: &ModelStore,
    changes: &ChangeSet,
    expected: &Answer,
    got: &Answer,
) -> bool {
    match (expected, got) {
        (Ok(expected), Ok(got)) => expected == got,
        (Err(expected), Err(got)) => match (expected, got) {
            (CommitError::Invalid(expected), CommitError::Invalid(got)) => expected == got,
            (CommitError::KeyReused, CommitError::KeyReused)
            | (CommitError::Port(_), CommitError::Port(_)) => true,
            (CommitError::Conflict(expected), CommitError::Conflict(got)) => {
                expected == got
                    || (expected.kind != AggregateKind::Entry && is_stale(before, changes, *got))
            }
            (CommitError::SeatTaken(expected), CommitError::SeatTaken(got)) => expected == got,
            (
                CommitError::AllowanceExceeded { limit: expected },
                CommitError::AllowanceExceeded { limit: got },
            ) => expected == got,
            (CommitError::EntryResolved(expected), CommitError::EntryResolved(got)) => {
                expected == got
            }
            (CommitError::InsufficientFunds(expected), CommitError::InsufficientFunds(got)) => {
                expected == got
            }
            _ => false,
        },
        (Ok(_), Err(_)) | (Err(_), Ok(_)) => false,
    }
}

fn is_stale(before: &ModelStore, changes: &ChangeSet, of: AggregateRef) -> bool {
    let saved = changes.saves.iter().map(|save| {
        let aggregate: &dyn Aggregate = save.record.aggregate();
        (aggregate.reference(), save.expected)
    });
    let mut checked = saved.chain(changes.guards.iter().copied());
    checked.any(|(checked, loaded)| checked == of && before.version(of) != loaded)
}
