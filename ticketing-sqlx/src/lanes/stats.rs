//! What the lanes did, counted.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// What a store committed since it was opened. Each figure is exact, but they are not of one instant.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Stats {
    /// Batches.
    pub flushes: u64,
    /// Change sets in these batches.
    pub change_sets: u64,
    /// Reads of what a batch needs; each is tried once or a few times.
    pub reads: u64,
    /// Those of them that read every key.
    pub full_reads: u64,
    /// Tries that ended because another process was faster.
    pub raced: u64,
    /// Tries that lost a deadlock, a lock or their session.
    pub retried: u64,
    /// Tries that ended because the database refused a row.
    pub refused: u64,
    /// Tries whose COMMIT has no known outcome.
    pub unknown: u64,
    /// Panics that a lane survived; its batch, if it had one, was answered `Unknown`.
    pub panicked: u64,
    /// Change sets that the full queue refused, or that gave up their place to one that settles money.
    pub overloaded: u64,
    /// Change sets that wait now.
    pub waiting: usize,
    /// What was sent to the database and waited for, by lanes and by reads, with what a lane's new session is
    /// told.
    pub round_trips: u64,
}

#[derive(Debug, Default)]
pub(super) struct Counters {
    flushes: AtomicU64,
    change_sets: AtomicU64,
    reads: AtomicU64,
    full_reads: AtomicU64,
    raced: AtomicU64,
    retried: AtomicU64,
    refused: AtomicU64,
    unknown: AtomicU64,
    panicked: AtomicU64,
    overloaded: AtomicU64,
}

fn add(counter: &AtomicU64, count: usize) {
    counter.fetch_add(count as u64, Relaxed);
}

impl Counters {
    pub(super) fn flushed(&self, change_sets: usize) {
        add(&self.flushes, 1);
        add(&self.change_sets, change_sets);
    }

    pub(super) fn read_rows(&self, full: bool) {
        add(&self.reads, 1);
        add(&self.full_reads, usize::from(full));
    }

    pub(super) fn raced(&self) {
        add(&self.raced, 1);
    }

    pub(super) fn retried(&self) {
        add(&self.retried, 1);
    }

    pub(super) fn refused(&self) {
        add(&self.refused, 1);
    }

    pub(super) fn unknown(&self) {
        add(&self.unknown, 1);
    }

    pub(super) fn panicked(&self) {
        add(&self.panicked, 1);
    }

    pub(super) fn overloaded(&self, change_sets: usize) {
        add(&self.overloaded, change_sets);
    }

    pub(super) fn read(&self, waiting: usize) -> Stats {
        let of = |counter: &AtomicU64| counter.load(Relaxed);
        Stats {
            flushes: of(&self.flushes),
            change_sets: of(&self.change_sets),
            reads: of(&self.reads),
            full_reads: of(&self.full_reads),
            raced: of(&self.raced),
            retried: of(&self.retried),
            refused: of(&self.refused),
            unknown: of(&self.unknown),
            panicked: of(&self.panicked),
            overloaded: of(&self.overloaded),
            waiting,
            round_trips: 0,
        }
    }
}
