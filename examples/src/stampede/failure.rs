//! Which failures of a call may pass.

use ticketing_core::performance::PerformanceRefusal;
use ticketing_core::service::Failure;
use ticketing_core::service::cancel::CancelError;
use ticketing_core::service::checkout::CheckoutError;
use ticketing_core::service::confirm::ConfirmError;
use ticketing_core::service::hold::HoldError;
use ticketing_core::service::performances::PerformanceError;
use ticketing_core::service::reserve::ReserveError;
use ticketing_core::service::seat_map::SeatMapError;
use ticketing_core::service::waiting::WaitingError;
use ticketing_core::service::wallet::TopUpError;

/// An error of a use case, which may be a failure of the system.
pub(crate) trait CallError: std::error::Error + 'static {
    fn failure(&self) -> Option<&Failure>;

    /// Whether the seller cancelled what it is about.
    fn is_called_off(&self) -> bool {
        false
    }
}

macro_rules! call_errors {
    ($($error:ty $(: $performance:ident)?),*) => {$(
        impl CallError for $error {
            fn failure(&self) -> Option<&Failure> {
                match self {
                    Self::Failed(failure) => Some(failure),
                    _ => None,
                }
            }

            $(fn is_called_off(&self) -> bool {
                matches!(self, Self::$performance(PerformanceRefusal::Cancelled))
            })?
        }
    )*};
}
call_errors!(
    WaitingError: Performance,
    HoldError: Performance,
    ReserveError: Performance,
    CheckoutError: Performance,
    ConfirmError: Performance,
    CancelError,
    SeatMapError,
    PerformanceError: Performance,
    TopUpError
);

impl CallError for Failure {
    fn failure(&self) -> Option<&Failure> {
        Some(self)
    }
}

/// Whether the same call may succeed later.
pub(crate) fn may_pass(error: &impl CallError) -> bool {
    error.failure().is_some_and(Failure::is_transient)
}
