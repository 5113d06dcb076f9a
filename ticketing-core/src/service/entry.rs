//! Whether the waiting room let a buyer in.

use std::time::Duration;

use chrono::{DateTime, Utc};

use crate::admission::{AdmissionRefusal, AdmissionToken};
use crate::id::UserId;
use crate::performance::Performance;
use crate::port::Ports;

/// Why a buyer may not enter.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum EntryRefusal {
    /// The performance has a waiting room and no admission was shown.
    #[error("an admission from the waiting room is needed")]
    Missing,
    /// The admission is no good.
    #[error(transparent)]
    Refused(#[from] AdmissionRefusal),
}

/// Refuses who was not admitted, where the policy asks for it.
pub(crate) fn must_be_admitted(
    ports: &Ports,
    performance: &Performance,
    user: UserId,
    admission: Option<&AdmissionToken>,
    now: DateTime<Utc>,
) -> Result<(), EntryRefusal> {
    must_have_been_admitted(ports, performance, user, admission, now, Duration::ZERO)
}

/// The same for a hold that was lost: it may have been taken in time, so an admission still counts
/// for as long after its expiry as a hold lasts.
pub(crate) fn must_have_been_admitted(
    ports: &Ports,
    performance: &Performance,
    user: UserId,
    admission: Option<&AdmissionToken>,
    now: DateTime<Utc>,
    margin: Duration,
) -> Result<(), EntryRefusal> {
    if !performance.policy().waiting_room {
        return Ok(());
    }
    let token = admission.ok_or(EntryRefusal::Missing)?;
    token.verify(&*ports.signer, user, performance.id(), now - margin)?;
    Ok(())
}
