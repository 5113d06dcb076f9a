//! Start a checkout and drive its saga in process.

mod ask;
mod decide;
mod drive;
mod load;
mod request;
mod start;
mod view;

pub use ask::CHECK_TIMEOUT;
pub use drive::{STALLED_AFTER, drive, sweep_stalled};
pub use request::{StartCheckout, deposit_due_at};
pub use start::start;
pub use view::{CheckoutError, CheckoutView, status};
