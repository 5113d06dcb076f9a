//! Manage shows: create one, retitle it, change its prices and its policy.

use std::sync::Arc;

use chrono::{DateTime, Utc};

use super::support::{Call, Failure, Tries, change_set};
use super::write::{sellers_call, write, write_keyed};
use crate::aggregate::Applied;
use crate::error::PortError;
use crate::id::{SellerId, ShowId};
use crate::label::{Title, Token};
use crate::money::BasisPoints;
use crate::page::{Page, PageRequest};
use crate::policy::SalesPolicy;
use crate::port::Ports;
use crate::show::{NewShow, PriceList, Show, ShowRefusal};

/// A show to create.
#[derive(Clone, Debug)]
pub struct CreateShow {
    /// Who sells it.
    pub seller: SellerId,
    /// Its title.
    pub title: Title,
    /// The platform's part of every price.
    pub commission: BasisPoints,
    /// What each grade costs.
    pub prices: PriceList,
    /// How it is sold.
    pub policy: SalesPolicy,
    /// The client's idempotency key.
    pub key: Option<Token>,
}

impl CreateShow {
    /// Without commission and key, under the default policy.
    pub fn new(seller: SellerId, title: Title, prices: PriceList) -> Self {
        let (commission, policy) = (BasisPoints::ZERO, SalesPolicy::default());
        Self { seller, title, commission, prices, policy, key: None }
    }
}

/// Why a show was not created or changed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ShowError {
    /// No such show, or not one of this seller.
    #[error("no show {0} of this seller")]
    NoSuchShow(ShowId),
    /// The show does not allow it.
    #[error(transparent)]
    Show(#[from] ShowRefusal),
    /// It failed for another reason.
    #[error(transparent)]
    Failed(#[from] Failure),
}

impl From<PortError> for ShowError {
    fn from(error: PortError) -> Self {
        Self::Failed(error.into())
    }
}

/// Creates a show.
///
/// # Errors
/// [`ShowError`]; nothing was created.
pub async fn create(ports: &Ports, request: CreateShow) -> Result<ShowId, ShowError> {
    let asked = (&request.title, request.commission, &request.prices, &request.policy);
    let call = sellers_call(request.seller, "create_show", request.key.as_ref(), &asked);
    if let Some(answer) = Call::replay(call.as_ref(), ports).await? {
        return Ok(answer);
    }
    let id = ShowId::generate(&*ports.ids);
    let new = NewShow {
        id,
        seller: request.seller,
        title: request.title,
        commission: request.commission,
        prices: request.prices,
        policy: request.policy,
    };
    let mut tries = Tries::new();
    loop {
        let now = ports.clock.now();
        let changes = change_set(ports, now).save(Show::create(new.clone(), now)?);
        match write_keyed(ports, call.as_ref(), changes, id).await? {
            Some(id) => return Ok(id),
            None => tries.again()?,
        }
    }
}

/// Gives a show another title.
///
/// # Errors
/// [`ShowError`]; nothing changed.
pub async fn retitle(
    ports: &Ports,
    seller: SellerId,
    id: ShowId,
    title: Title,
) -> Result<(), ShowError> {
    edit(ports, seller, id, |show, now| Ok(show.retitle(title.clone(), now))).await
}

/// Gives a show other prices, for performances scheduled from now on.
///
/// # Errors
/// [`ShowError`]; nothing changed.
pub async fn reprice(
    ports: &Ports,
    seller: SellerId,
    id: ShowId,
    prices: PriceList,
) -> Result<(), ShowError> {
    edit(ports, seller, id, |show, now| show.reprice(prices.clone(), now)).await
}

/// Gives a show another policy, for performances scheduled from now on.
///
/// # Errors
/// [`ShowError`]; nothing changed.
pub async fn change_policy(
    ports: &Ports,
    seller: SellerId,
    id: ShowId,
    policy: SalesPolicy,
) -> Result<(), ShowError> {
    edit(ports, seller, id, |show, now| show.change_policy(policy.clone(), now)).await
}

async fn edit(
    ports: &Ports,
    seller: SellerId,
    id: ShowId,
    command: impl Fn(&mut Show, DateTime<Utc>) -> Result<Applied, ShowRefusal> + Send + Sync,
) -> Result<(), ShowError> {
    let mut tries = Tries::new();
    loop {
        let now = ports.clock.now();
        let mut show = Show::clone(&*of_seller(ports, seller, id).await?);
        if command(&mut show, now)? == Applied::Already
            || write(ports, change_set(ports, now).save(show)).await?
        {
            return Ok(());
        }
        tries.again()?;
    }
}

async fn of_seller(ports: &Ports, seller: SellerId, id: ShowId) -> Result<Arc<Show>, ShowError> {
    let show = find(ports, id).await?;
    if show.seller() == seller { Ok(show) } else { Err(ShowError::NoSuchShow(id)) }
}

/// One show.
///
/// # Errors
/// [`ShowError::NoSuchShow`], or it could not be read.
pub async fn find(ports: &Ports, id: ShowId) -> Result<Arc<Show>, ShowError> {
    ports.layouts.show(id).await?.ok_or(ShowError::NoSuchShow(id))
}

/// All shows, in the order of ids.
///
/// # Errors
/// The list could not be read, or the cursor is not of this list.
pub async fn list(ports: &Ports, page: PageRequest) -> Result<Page<Arc<Show>>, Failure> {
    Ok(ports.layouts.shows(page).await?)
}

/// The shows of one seller, in the order of ids.
///
/// # Errors
/// The list could not be read, or the cursor is not of this list.
pub async fn list_of(
    ports: &Ports,
    seller: SellerId,
    page: PageRequest,
) -> Result<Page<Arc<Show>>, Failure> {
    Ok(ports.layouts.shows_of(seller, page).await?)
}
