//! The accounts that money moves between.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::id::{SellerId, UserId};
use crate::money::Currency;

/// Whose money it is. Amounts are signed from the owner's view: more than zero means that we owe
/// the owner.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Account {
    /// A buyer's points; never below zero, checked at every commit.
    Wallet(UserId),
    /// Points set aside for purchases that are not decided yet.
    PointsHeld,
    /// Money at the payment gateway.
    Clearing,
    /// Money that we owe back to buyers and have not sent yet.
    RefundPayable,
    /// What discounts cost us.
    Promotion,
    /// What a seller is owed; below zero when refunds claw back.
    Seller(SellerId),
    /// What we earn.
    PlatformFee,
    /// Money on its way to sellers.
    PayoutClearing,
    /// Money that nobody can be asked for.
    Loss,
}

impl Account {
    /// Whether a commit refuses to take this account below zero.
    pub const fn is_checked(&self) -> bool {
        matches!(self, Self::Wallet(_))
    }
}

/// An account in one currency: what has a balance.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct AccountKey {
    /// The account.
    pub account: Account,
    /// The currency.
    pub currency: Currency,
}

impl fmt::Display for AccountKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.account {
            Account::Wallet(user) => write!(f, "wallet {user}")?,
            Account::PointsHeld => f.write_str("points held")?,
            Account::Clearing => f.write_str("clearing")?,
            Account::RefundPayable => f.write_str("refund payable")?,
            Account::Promotion => f.write_str("promotion")?,
            Account::Seller(seller) => write!(f, "seller {seller}")?,
            Account::PlatformFee => f.write_str("platform fee")?,
            Account::PayoutClearing => f.write_str("payout clearing")?,
            Account::Loss => f.write_str("loss")?,
        }
        write!(f, " in {}", self.currency)
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    #[test]
    fn an_account_is_named_with_its_owner_and_its_currency() {
        let id = Uuid::from_u128(1);
        let name = |account| AccountKey { account, currency: Currency::KRW }.to_string();
        let wallet = Account::Wallet(UserId::from_uuid(id));
        assert_eq!(name(wallet), format!("wallet {id} in KRW"));
        let seller = Account::Seller(SellerId::from_uuid(id));
        assert_eq!(name(seller), format!("seller {id} in KRW"));
        assert_eq!(name(Account::RefundPayable), "refund payable in KRW");
    }
}
