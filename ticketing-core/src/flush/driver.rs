//! The flush loop, written once for every adapter.

use std::future::Future;
use std::sync::Arc;

use super::Answer;
use super::plan::{Decision, Planner};
use super::reads::{ReadMode, Reads};
use super::rows::Lookup;
use super::writes::Writes;
use crate::change_set::ChangeSet;
use crate::error::{Fault, PortError};
use crate::port::CommitError;

/// How often one batch, or a half of it, is tried: once and three times again.
pub const TRIES_MAX: u32 = 4;

/// Why an executor could not do a step. Except for `Unknown`, nothing was written.
#[derive(Debug)]
#[non_exhaustive]
pub enum ExecError {
    /// Another process was faster: a duplicate key, or a row that is no longer as it was read. The
    /// batch runs again with every key read.
    Raced,
    /// The transaction lost a deadlock, a lock or its connection. The batch runs again.
    Retry(PortError),
    /// The database refuses a row. The batch runs in halves until it stands alone.
    Refused(PortError),
    /// COMMIT's answer was lost and could not be found out in time.
    Unknown,
}

/// One transaction of a database at a time.
///
/// Calls come as `lock_and_read` once or twice, then `write` or `rollback`. After an error comes
/// `rollback`, except after [`ExecError::Unknown`]: that connection is given up by the executor itself.
pub trait FlushExecutor: Send {
    /// What was read.
    type Rows: Lookup + Send;

    /// Begins a transaction if none is open, takes the locks in the order of [`Reads`], then reads
    /// everything else. A second call reads more under the same locks.
    fn lock_and_read(
        &mut self,
        reads: &Reads,
    ) -> impl Future<Output = Result<Self::Rows, ExecError>> + Send;

    /// Writes in the order of [`Writes`] and commits.
    fn write(
        &mut self,
        batch: &[ChangeSet],
        writes: Writes,
    ) -> impl Future<Output = Result<(), ExecError>> + Send;

    /// Ends the transaction without a trace. If that fails the executor drops its connection, which
    /// does the same.
    fn rollback(&mut self) -> impl Future<Output = ()> + Send;
}

enum Failed {
    Every(PortError),
    Some(PortError),
    Unknown,
}

/// Commits a batch and answers every change set of it, in order.
///
/// At most `2n - 1` pieces of a batch of `n` are tried, [`TRIES_MAX`] times each, and that only if the
/// database refuses rows; otherwise a batch is one piece.
pub async fn flush<E: FlushExecutor>(
    executor: &mut E,
    planner: &mut Planner,
    batch: &[ChangeSet],
    first: ReadMode,
) -> Vec<Answer> {
    let mut answers = Vec::with_capacity(batch.len());
    let mut pieces = vec![batch];
    while let Some(piece) = pieces.pop() {
        match flush_piece(executor, planner, piece, first).await {
            Ok(decided) => answers.extend(decided),
            Err(Failed::Some(error)) => match piece {
                [] => {}
                [_] => answers.push(Err(CommitError::Port(error))),
                [..] => {
                    let (left, right) = piece.split_at(piece.len() / 2);
                    pieces.push(right);
                    pieces.push(left);
                }
            },
            Err(Failed::Every(error)) => {
                let fault = error.fault();
                let error = Arc::new(error);
                answers.extend(piece.iter().map(|_| {
                    let error =
                        PortError::new("store", "commit", fault).because(Arc::clone(&error));
                    Err(CommitError::Port(error))
                }));
            }
            Err(Failed::Unknown) => {
                answers.extend(piece.iter().map(|changes| Err(CommitError::Unknown(changes.id))));
            }
        }
    }
    answers
}

async fn flush_piece<E: FlushExecutor>(
    executor: &mut E,
    planner: &mut Planner,
    piece: &[ChangeSet],
    first: ReadMode,
) -> Result<Vec<Answer>, Failed> {
    let mut mode = first;
    let mut failed = Failed::Some(PortError::new("store", "commit", Fault::Transient));
    for _ in 0..TRIES_MAX {
        let error = match attempt(executor, planner, piece, mode).await {
            Ok(answers) => return Ok(answers),
            Err(error) => error,
        };
        match error {
            ExecError::Raced => {
                mode = ReadMode::Full;
                let error = PortError::new("store", "commit", Fault::Transient);
                failed = Failed::Some(error.because("other processes were faster every time"));
            }
            // A deadlock may come of locks that were taken in two goes.
            ExecError::Retry(error) => {
                mode = ReadMode::Full;
                failed = Failed::Every(error);
            }
            ExecError::Refused(error) => {
                executor.rollback().await;
                return Err(Failed::Some(error));
            }
            ExecError::Unknown => return Err(Failed::Unknown),
        }
        executor.rollback().await;
    }
    Err(failed)
}

async fn attempt<E: FlushExecutor>(
    executor: &mut E,
    planner: &mut Planner,
    piece: &[ChangeSet],
    mode: ReadMode,
) -> Result<Vec<Answer>, ExecError> {
    let rows = executor.lock_and_read(&Reads::of(piece, mode)).await?;
    let decision = match mode {
        ReadMode::Full => Ok(planner.decide(piece, &rows)),
        ReadMode::Optimistic => planner.decide_optimistically(piece, &rows),
    };
    let decision = if let Ok(decision) = decision {
        decision
    } else {
        let rows = executor.lock_and_read(&Reads::of(piece, ReadMode::Full)).await?;
        planner.decide(piece, &rows)
    };
    let Decision { answers, writes } = decision;
    if writes.is_empty() {
        executor.rollback().await;
    } else {
        executor.write(piece, writes).await?;
    }
    Ok(answers)
}
