//! Calls that ended as no correct system would let them end.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use super::failure::{CallError, may_pass};
use super::faults::count;

/// Something that cannot be.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(crate) struct Strange(pub(crate) String);

/// How many defects there were, and the first of them.
#[derive(Debug, Default)]
pub(crate) struct Defects {
    count: AtomicU64,
    first: Mutex<Vec<String>>,
}

impl Defects {
    /// Defects of which the text is kept.
    const KEPT: usize = 20;

    pub(crate) fn note(&self, what: &str, error: &(dyn std::error::Error + 'static)) {
        count(&self.count);
        let mut text = format!("{what}: {error}");
        let mut source = error.source();
        while let Some(cause) = source {
            text.push_str(": ");
            text.push_str(&cause.to_string());
            source = cause.source();
        }
        let mut first = self.first.lock().unwrap_or_else(PoisonError::into_inner);
        if first.len() < Self::KEPT && !first.contains(&text) {
            first.push(text);
        }
    }

    /// Notes what is no passing failure.
    pub(crate) fn note_unless_transient(&self, what: &str, error: &impl CallError) {
        if !may_pass(error) {
            self.note(what, error);
        }
    }

    pub(crate) fn count(&self) -> u64 {
        self.count.load(Ordering::Relaxed)
    }

    pub(crate) fn first(&self) -> Vec<String> {
        self.first.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}
