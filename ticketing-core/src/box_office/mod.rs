//! The whole library behind one handle.

mod buy;
mod manage;
mod run;

pub use crate::service::cancel::CancelReservation;
pub use crate::service::checkout::StartCheckout;
pub use crate::service::confirm::ConfirmPayment;
pub use crate::service::hold::{HeldSeats, HoldSeats};
pub use crate::service::notice::Notice;
pub use crate::service::performances::SchedulePerformance;
pub use crate::service::refund::RefundSeats;
pub use crate::service::relay::RelayOptions;
pub use crate::service::reserve::ReserveSeats;
pub use crate::service::shows::CreateShow;
pub use crate::service::tickets::AdmitTicket;
pub use crate::service::venues::CreateVenue;
pub use crate::service::waiting::OpenLine;
pub use crate::service::wallet::TopUp;

use std::sync::Arc;

use crate::port::Ports;

/// Every use case as a method: what buyers call, what sellers and doors call, and what the binary runs
/// in loops. It is the functions of [`crate::service`] over one set of ports, and nothing else; cloning
/// it is cheap.
///
/// It does not know who is calling. Whoever embeds it authenticates the caller, and then passes the
/// user's or the seller's own id.
///
/// ```
/// use ticketing_core::box_office::{BoxOffice, CreateVenue};
/// use ticketing_core::id::SellerId;
/// use ticketing_core::label::Title;
/// use ticketing_core::layout::{Layout, LayoutSpec, SectionSpec};
/// use ticketing_core::memory::Memory;
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # pollster::block_on(async {
/// let office = BoxOffice::new(Memory::new().ports());
/// let seller = SellerId::generate(&*office.ports().ids);
/// let hall = Layout::new(&LayoutSpec::of([SectionSpec::grid("Stalls", "R", 10, 20)]))?;
/// let venue = office.create_venue(CreateVenue::new(seller, Title::new("Opera")?, hall)).await?;
/// assert_eq!(office.venue(venue).await?.layout().len(), 200);
/// # Ok(())
/// # })
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct BoxOffice {
    ports: Arc<Ports>,
}

impl BoxOffice {
    /// A box office over these ports.
    pub fn new(ports: impl Into<Arc<Ports>>) -> Self {
        Self { ports: ports.into() }
    }

    /// The ports.
    pub fn ports(&self) -> &Ports {
        &self.ports
    }
}
