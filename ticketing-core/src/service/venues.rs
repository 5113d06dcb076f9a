//! Manage venues: create one, rename it, give it another seating plan.

use std::sync::Arc;

use chrono::{DateTime, Utc};

use super::support::{Call, Failure, Tries, change_set};
use super::write::{sellers_call, write, write_keyed};
use crate::aggregate::Applied;
use crate::error::PortError;
use crate::id::{SellerId, VenueId};
use crate::label::{Title, Token};
use crate::layout::Layout;
use crate::page::{Page, PageRequest};
use crate::port::Ports;
use crate::venue::Venue;

/// A venue to create. Venues belong to nobody: every seller may use them, and who may change them is
/// for the embedding program to say.
#[derive(Clone, Debug)]
pub struct CreateVenue {
    /// Who asks.
    pub seller: SellerId,
    /// Its name.
    pub name: Title,
    /// Its seating plan.
    pub layout: Arc<Layout>,
    /// The client's idempotency key.
    pub key: Option<Token>,
}

impl CreateVenue {
    /// Without an idempotency key.
    pub fn new(seller: SellerId, name: Title, layout: impl Into<Arc<Layout>>) -> Self {
        Self { seller, name, layout: layout.into(), key: None }
    }
}

/// Why a venue was not created or changed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum VenueError {
    /// No such venue.
    #[error("no venue {0}")]
    NoSuchVenue(VenueId),
    /// It failed for another reason.
    #[error(transparent)]
    Failed(#[from] Failure),
}

impl From<PortError> for VenueError {
    fn from(error: PortError) -> Self {
        Self::Failed(error.into())
    }
}

/// Creates a venue.
///
/// # Errors
/// [`VenueError`]; nothing was created.
pub async fn create(ports: &Ports, request: CreateVenue) -> Result<VenueId, VenueError> {
    let asked = (&request.name, &request.layout);
    let call = sellers_call(request.seller, "create_venue", request.key.as_ref(), &asked);
    if let Some(answer) = Call::replay(call.as_ref(), ports).await? {
        return Ok(answer);
    }
    let id = VenueId::generate(&*ports.ids);
    let mut tries = Tries::new();
    loop {
        let now = ports.clock.now();
        let venue = Venue::create(id, request.name.clone(), Arc::clone(&request.layout), now);
        let changes = change_set(ports, now).save(venue);
        match write_keyed(ports, call.as_ref(), changes, id).await? {
            Some(id) => return Ok(id),
            None => tries.again()?,
        }
    }
}

/// Gives a venue another name.
///
/// # Errors
/// [`VenueError`]; nothing changed.
pub async fn rename(ports: &Ports, id: VenueId, name: Title) -> Result<(), VenueError> {
    edit(ports, id, |venue, now| venue.rename(name.clone(), now)).await
}

/// Gives a venue another seating plan. Performances that are scheduled keep the one they have.
///
/// # Errors
/// [`VenueError`]; nothing changed.
pub async fn change_layout(
    ports: &Ports,
    id: VenueId,
    layout: impl Into<Arc<Layout>> + Send,
) -> Result<(), VenueError> {
    let layout = layout.into();
    edit(ports, id, |venue, now| venue.change_layout(Arc::clone(&layout), now)).await
}

async fn edit(
    ports: &Ports,
    id: VenueId,
    command: impl Fn(&mut Venue, DateTime<Utc>) -> Applied + Send + Sync,
) -> Result<(), VenueError> {
    let mut tries = Tries::new();
    loop {
        let now = ports.clock.now();
        let mut venue = Venue::clone(&*find(ports, id).await?);
        if command(&mut venue, now) == Applied::Already
            || write(ports, change_set(ports, now).save(venue)).await?
        {
            return Ok(());
        }
        tries.again()?;
    }
}

/// One venue.
///
/// # Errors
/// [`VenueError::NoSuchVenue`], or it could not be read.
pub async fn find(ports: &Ports, id: VenueId) -> Result<Arc<Venue>, VenueError> {
    ports.layouts.venue(id).await?.ok_or(VenueError::NoSuchVenue(id))
}

/// All venues, in the order of ids.
///
/// # Errors
/// The list could not be read, or the cursor is not of this list.
pub async fn list(ports: &Ports, page: PageRequest) -> Result<Page<Arc<Venue>>, Failure> {
    Ok(ports.layouts.venues(page).await?)
}
