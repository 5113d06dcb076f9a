//! The errors of calls that were made to fail.

use crate::change_set::ChangeSet;
use crate::error::{Fault, PortError};
use crate::port::{CommitError, GatewayError, OutboxError};

/// Where a call went.
#[derive(Clone, Copy, Debug)]
pub(super) struct Spot {
    pub(super) port: &'static str,
    pub(super) call: &'static str,
}

impl Spot {
    fn error(self, fault: Fault) -> PortError {
        PortError::new(self.port, self.call, fault).because(MADE_TO_FAIL)
    }
}

const MADE_TO_FAIL: &str = "made to fail";

/// An error that a call with the arguments `A` can end with.
pub(super) trait MadeToFail<A>: Sized {
    /// The call had no effect. `coin` chooses where there are two ways to fail.
    fn before(spot: Spot, coin: bool) -> Self;
    /// The call may have had an effect.
    fn after(spot: Spot, args: &A) -> Self;
}

impl<A> MadeToFail<A> for PortError {
    fn before(spot: Spot, _: bool) -> Self {
        spot.error(Fault::Transient)
    }

    fn after(spot: Spot, _: &A) -> Self {
        spot.error(Fault::Unknown)
    }
}

impl<A> MadeToFail<A> for OutboxError {
    fn before(spot: Spot, _: bool) -> Self {
        Self::Port(spot.error(Fault::Transient))
    }

    fn after(spot: Spot, _: &A) -> Self {
        Self::Port(spot.error(Fault::Unknown))
    }
}

impl MadeToFail<(ChangeSet,)> for CommitError {
    fn before(spot: Spot, _: bool) -> Self {
        Self::Port(spot.error(Fault::Transient))
    }

    fn after(_: Spot, (changes,): &(ChangeSet,)) -> Self {
        Self::Unknown(changes.id())
    }
}

impl<A> MadeToFail<A> for GatewayError {
    /// A gateway that had no effect may say so or not.
    fn before(_: Spot, coin: bool) -> Self {
        if coin { Self::Retryable { retry_after: None } } else { unknown() }
    }

    fn after(_: Spot, _: &A) -> Self {
        unknown()
    }
}

fn unknown() -> GatewayError {
    GatewayError::Unknown(Some(MADE_TO_FAIL.into()))
}
