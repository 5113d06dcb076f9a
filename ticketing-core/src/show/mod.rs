//! A show: a title that a seller sells, with its prices and its policy.

mod prices;
#[cfg(test)]
mod tests;

pub use prices::{PriceList, PriceListError};

use std::sync::Arc;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::aggregate::{Aggregate, AggregateKind, AggregateRef, Applied, Root, StreamKey};
use crate::event::events;
use crate::id::{SellerId, ShowId};
use crate::label::Title;
use crate::money::{BasisPoints, Currency};
use crate::policy::{PolicyError, SalesPolicy};

/// What a new show is made of.
#[derive(Clone, Debug)]
pub struct NewShow {
    /// Its id.
    pub id: ShowId,
    /// Who sells it.
    pub seller: SellerId,
    /// Its title.
    pub title: Title,
    /// The platform's part of every price.
    pub commission: BasisPoints,
    /// What each grade costs, unless a performance has prices of its own.
    pub prices: PriceList,
    /// How it is sold, unless a performance has a policy of its own.
    pub policy: SalesPolicy,
}

/// A title that a seller sells. What changes here holds for performances scheduled later.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Show {
    root: Root,
    id: ShowId,
    seller: SellerId,
    title: Title,
    commission: BasisPoints,
    prices: Arc<PriceList>,
    policy: Arc<SalesPolicy>,
}

impl Show {
    /// Makes a show.
    ///
    /// # Errors
    /// [`ShowRefusal::Policy`] if the policy is out of bounds.
    pub fn create(new: NewShow, now: DateTime<Utc>) -> Result<Self, ShowRefusal> {
        new.policy.check()?;
        let mut root = Root::new();
        root.record(
            now,
            ShowEvent::Created {
                show: new.id,
                seller: new.seller,
                title: new.title.clone(),
                commission: new.commission,
                prices: new.prices.clone(),
            },
        );
        Ok(Self {
            root,
            id: new.id,
            seller: new.seller,
            title: new.title,
            commission: new.commission,
            prices: Arc::new(new.prices),
            policy: Arc::new(new.policy),
        })
    }

    /// Gives it another title.
    pub fn retitle(&mut self, title: Title, now: DateTime<Utc>) -> Applied {
        if self.title == title {
            return Applied::Already;
        }
        self.title = title.clone();
        self.updated(ShowChange::Title(title), now)
    }

    /// Gives it other prices.
    ///
    /// # Errors
    /// [`ShowRefusal::OtherCurrency`]: the currency of a show never changes.
    pub fn reprice(
        &mut self,
        prices: PriceList,
        now: DateTime<Utc>,
    ) -> Result<Applied, ShowRefusal> {
        let (expected, got) = (self.currency(), prices.currency());
        if expected != got {
            return Err(ShowRefusal::OtherCurrency { expected, got });
        }
        if *self.prices == prices {
            return Ok(Applied::Already);
        }
        self.prices = Arc::new(prices.clone());
        Ok(self.updated(ShowChange::Prices(prices), now))
    }

    /// Gives it another policy.
    ///
    /// # Errors
    /// [`ShowRefusal::Policy`] if it is out of bounds.
    pub fn change_policy(
        &mut self,
        policy: SalesPolicy,
        now: DateTime<Utc>,
    ) -> Result<Applied, ShowRefusal> {
        policy.check()?;
        if *self.policy == policy {
            return Ok(Applied::Already);
        }
        self.policy = Arc::new(policy.clone());
        Ok(self.updated(ShowChange::Policy(Box::new(policy)), now))
    }

    fn updated(&mut self, change: ShowChange, now: DateTime<Utc>) -> Applied {
        self.root.record(now, ShowEvent::Updated { show: self.id, change });
        Applied::Now
    }

    /// Its id.
    pub const fn id(&self) -> ShowId {
        self.id
    }

    /// Who sells it.
    pub const fn seller(&self) -> SellerId {
        self.seller
    }

    /// Its title.
    pub const fn title(&self) -> &Title {
        &self.title
    }

    /// The currency of all its prices.
    pub fn currency(&self) -> Currency {
        self.prices.currency()
    }

    /// The platform's part of every price.
    pub const fn commission(&self) -> BasisPoints {
        self.commission
    }

    /// What each grade costs.
    pub const fn prices(&self) -> &Arc<PriceList> {
        &self.prices
    }

    /// How it is sold.
    pub const fn policy(&self) -> &Arc<SalesPolicy> {
        &self.policy
    }
}

events! {
    /// What happened to a show.
    ShowEvent {
        /// It was created.
        Created = "show.created" {
            /// Which.
            show: ShowId,
            /// Who sells it.
            seller: SellerId,
            /// Its title.
            title: Title,
            /// The platform's part of every price.
            commission: BasisPoints,
            /// What each grade costs.
            prices: PriceList,
        },
        /// Something about it changed, for performances scheduled later.
        Updated = "show.updated" {
            /// Which.
            show: ShowId,
            /// What.
            change: ShowChange,
        },
    }
}

/// What changed about a show, with what it is now.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum ShowChange {
    /// Its title.
    Title(Title),
    /// Its prices.
    Prices(PriceList),
    /// Its policy.
    Policy(Box<SalesPolicy>),
}

/// Why a show refused a command; nothing changed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ShowRefusal {
    /// Its policy is out of bounds.
    #[error(transparent)]
    Policy(#[from] PolicyError),
    /// Prices in another currency.
    #[error("expected prices in {expected}, got {got}")]
    OtherCurrency {
        /// The currency of the show.
        expected: Currency,
        /// The currency of the prices.
        got: Currency,
    },
}

impl Aggregate for Show {
    fn reference(&self) -> AggregateRef {
        AggregateRef { kind: AggregateKind::Show, id: self.id.as_uuid() }
    }

    fn stream(&self) -> StreamKey {
        StreamKey(self.id.as_uuid())
    }

    fn root(&self) -> &Root {
        &self.root
    }

    fn root_mut(&mut self) -> &mut Root {
        &mut self.root
    }
}
