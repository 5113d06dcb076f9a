//! Bank accounts: where a deposit is paid to, and where it is refunded to.

use std::fmt;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::label::{Label, Token};

/// A buyer's bank account for a refund. Never in a log, an event or a Debug output: the fields show
/// only through [`RefundAccount::reveal`].
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RefundAccount {
    bank: Label<40>,
    number: Label<40>,
    holder: Label<60>,
}

impl RefundAccount {
    /// An account at a bank.
    pub const fn new(bank: Label<40>, number: Label<40>, holder: Label<60>) -> Self {
        Self { bank, number, holder }
    }

    /// Bank, number and holder, for the gateway call alone.
    pub fn reveal(&self) -> (&str, &str, &str) {
        (self.bank.as_str(), self.number.as_str(), self.holder.as_str())
    }
}

impl fmt::Debug for RefundAccount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RefundAccount(..)")
    }
}

/// A virtual account that waits for one deposit. The secret compares with that of deposit notices; it
/// does not show in Debug.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DepositAccount {
    /// The bank.
    pub bank: Label<40>,
    /// The account number to pay to.
    pub number: Label<40>,
    /// When the bank stops taking the deposit.
    pub due_at: DateTime<Utc>,
    /// What a genuine deposit notice carries.
    pub secret: Option<Token>,
}

impl fmt::Debug for DepositAccount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DepositAccount")
            .field("bank", &self.bank)
            .field("due_at", &self.due_at)
            .finish_non_exhaustive()
    }
}
