//! One flush as one transaction.

mod executor;
mod outcome;
mod read;
mod records;
mod script;
mod write;

pub(crate) use executor::Executor;
#[cfg(any(test, feature = "testing"))]
pub(crate) use read::all_queries;

use ticketing_core::aggregate::AggregateRef;
use ticketing_core::error::{Fault, PortError};
use ticketing_core::flush::ExecError;

use crate::db::fault::{self, Wrong, is_read_only, wrong};

/// What this store cannot write or read: another release wrote it, or core knows more than this adapter.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Broken {
    #[error("{0} is of a kind that this release does not store")]
    Unknown(AggregateRef),
    #[error("an aggregate does not serialise")]
    Json(#[source] serde_json::Error),
    #[error(transparent)]
    Row(#[from] fault::Broken),
}

impl Broken {
    const fn unknown(reference: AggregateRef) -> Self {
        Self::Unknown(reference)
    }

    const fn json(error: serde_json::Error) -> Self {
        Self::Json(error)
    }
}

/// Why a step of a flush failed.
#[derive(Debug)]
enum Failed {
    Driver(sqlx::Error),
    Broken(Broken),
    /// A row is not as it was read.
    Raced,
    /// The server did not answer in time.
    Silent,
}

impl From<sqlx::Error> for Failed {
    fn from(error: sqlx::Error) -> Self {
        Self::Driver(error)
    }
}

impl From<Broken> for Failed {
    fn from(error: Broken) -> Self {
        Self::Broken(error)
    }
}

impl From<fault::Broken> for Failed {
    fn from(error: fault::Broken) -> Self {
        Self::Broken(error.into())
    }
}

impl Failed {
    fn wrong(&self) -> Wrong {
        match self {
            Self::Driver(error) => wrong(error),
            Self::Broken(_) => Wrong::Refused,
            Self::Raced => Wrong::Raced,
            Self::Silent => Wrong::Gone,
        }
    }

    /// Whether the server said that it may not write.
    fn is_read_only(&self) -> bool {
        match self {
            Self::Driver(error) => is_read_only(error),
            Self::Broken(_) | Self::Raced | Self::Silent => false,
        }
    }

    fn into_exec(self) -> ExecError {
        let wrong = self.wrong();
        let failed = |fault| {
            let error = PortError::new("store", "commit", fault);
            match self {
                Self::Driver(cause) => error.because(cause),
                Self::Broken(cause) => error.because(cause),
                Self::Raced => error,
                Self::Silent => error.because("the server did not answer in time"),
            }
        };
        match wrong {
            Wrong::Raced => ExecError::Raced,
            Wrong::Busy | Wrong::Gone => ExecError::Retry(failed(Fault::Transient)),
            Wrong::Refused => ExecError::Refused(failed(Fault::Permanent)),
        }
    }
}
