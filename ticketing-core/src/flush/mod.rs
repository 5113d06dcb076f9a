//! The flush: many callers' change sets as one transaction.
//!
//! The answers and the final state are those of committing the change sets one after another in queue
//! order. The planner is pure and synchronous; an adapter only executes:
//!
//! 1. [`Reads`] names what to lock and read, tables in one fixed order, keys ascending;
//! 2. [`Planner::decide`] answers every change set over what was read ([`Lookup`], [`Rows`]);
//! 3. [`Writes`] is the net effect of those that were accepted, in the order to write it.
//!
//! [`flush`] runs these steps over a [`FlushExecutor`] with all retries. [`Queue`] is what stands in front
//! of it: what waits to be committed, and which of it comes into the next batch.

mod driver;
mod hope;
mod overlay;
mod plan;
mod queue;
mod reads;
mod rows;
#[cfg(test)]
pub(crate) mod tests;
mod writes;

pub use driver::{ExecError, FlushExecutor, TRIES_MAX, flush};
pub use plan::{Decision, NeedsFullReads, Planner};
pub use queue::{BatchLimits, Queue, QueueLimits, Queued};
pub use reads::{Lock, ReadMode, Reads};
pub use rows::{Lookup, Rows, Slot};
pub use writes::{
    ClaimUpdate, OutboxWrite, ReceiptWrite, RecordWrite, WalletChange, WalletWrite, Writes,
};

use crate::port::{CommitError, Committed};

/// What one change set of a batch is answered.
pub type Answer = Result<Committed, CommitError>;
