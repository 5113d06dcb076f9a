//! How much a flush reads first.

use ticketing_core::flush::{Answer, ReadMode};
use ticketing_core::port::{CommitError, Committed};

/// How many flushes read every key after one that had to.
const FULL_FOR: u32 = 8;

/// Reads optimistically while nothing is refused. In a crowd, where nearly every batch has a refusal, the
/// first read would be in vain each time.
#[derive(Debug, Default)]
pub(super) struct Mode {
    full_for: u32,
}

impl Mode {
    pub(super) const fn next(&self) -> ReadMode {
        if self.full_for > 0 { ReadMode::Full } else { ReadMode::Optimistic }
    }

    /// Learns from a flush: whether it read every key although it began optimistically, and what it
    /// answered.
    pub(super) fn learn(&mut self, read_full: bool, answers: &[Answer]) {
        let began_full = self.next() == ReadMode::Full;
        if (read_full && !began_full) || answers.iter().any(needs_full_reads) {
            self.full_for = FULL_FOR;
        } else {
            self.full_for = self.full_for.saturating_sub(1);
        }
    }
}

/// Whether an optimistic read does not suffice for this answer.
fn needs_full_reads(answer: &Answer) -> bool {
    match answer {
        Ok(Committed::Done)
        | Err(CommitError::Overloaded(_) | CommitError::Unknown(_) | CommitError::Port(_)) => false,
        Ok(Committed::Replayed(_) | Committed::Duplicate(_)) | Err(_) => true,
    }
}
