//! Was it as if one after another? Operations that ran at once, checked against a sequential [`Spec`].
//!
//! Clients write down when each call begins and what it is answered ([`Recorder`]). [`check`] looks for
//! an order of the calls in which every answer is right and in which a call that had returned comes
//! before every call that began after it. It goes depth first and remembers which sets of calls it left
//! in which state, after Wing and Gong, and Lowe.
//!
//! ```
//! use ticketing_core::testing::linear::{Recorder, Spec, Verdict, check};
//!
//! /// A register: `Some(n)` writes, `None` reads; both are answered with what stands there after it.
//! struct Register;
//!
//! impl Spec for Register {
//!     type State = u8;
//!     type Op = Option<u8>;
//!     type Answer = u8;
//!
//!     fn step(&self, state: &u8, op: &Option<u8>, answer: Option<&u8>) -> Option<u8> {
//!         let after = op.unwrap_or(*state);
//!         answer.is_none_or(|answer| *answer == after).then_some(after)
//!     }
//! }
//!
//! let recorder = Recorder::new();
//! let write = recorder.begin(0, Some(7));
//! let read = recorder.begin(1, None);
//! recorder.end(write, 7);
//! recorder.end(read, 0);
//! let stale = recorder.begin(1, None);
//! let history = recorder.history();
//! assert!(matches!(check(&Register, &0, &history, 1_000), Verdict::Linearizable(_)));
//!
//! recorder.end(stale, 0);
//! let history = recorder.history();
//! assert!(matches!(check(&Register, &0, &history, 1_000), Verdict::Impossible(_)));
//! ```

mod history;
mod search;
#[cfg(test)]
mod tests;

use std::hash::Hash;

pub use history::{CALLS_MAX, Call, History, Recorder};
pub use search::{Verdict, check};

/// What one call does to a state when nothing else runs.
pub trait Spec {
    /// The state between two calls; small, as many are kept.
    type State: Clone + Eq + Hash;
    /// What is asked.
    type Op;
    /// What is answered.
    type Answer;

    /// The state after a call that was answered so; `None` if it cannot have been answered so in this
    /// state. Without an answer, nobody knows it: then the state after whatever it would have been.
    fn step(
        &self,
        state: &Self::State,
        op: &Self::Op,
        answer: Option<&Self::Answer>,
    ) -> Option<Self::State>;

    /// Whether a call that was answered so changes nothing in any state. Saying so saves the search from
    /// trying it at every place; `false` is never wrong.
    fn only_reads(&self, op: &Self::Op, answer: &Self::Answer) -> bool {
        let _ = (op, answer);
        false
    }
}
