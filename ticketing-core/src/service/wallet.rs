//! A buyer's points: charge them, read the balance and what changed it.

use serde::{Deserialize, Serialize};

use super::support::{Call, Failure, Tries, change_set};
use super::write::write_keyed;
use crate::id::{EntryId, UserId};
use crate::label::Token;
use crate::ledger::{Account, AccountKey, Booking, JournalEntry};
use crate::money::{Currency, Money};
use crate::page::{Page, PageRequest};
use crate::port::{HistoryLine, Ports};

/// The most of one top-up, in minor units.
pub const TOP_UP_MINOR_MAX: i64 = 1_000_000_000;

/// Money that came in and becomes points.
#[derive(Clone, Debug)]
pub struct TopUp {
    /// Whose points.
    pub user: UserId,
    /// How much: more than zero, at most [`TOP_UP_MINOR_MAX`] minor units.
    pub amount: Money,
    /// The client's idempotency key. Not optional: without one a repeated call would charge twice.
    pub key: Token,
}

/// Points were charged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ToppedUp {
    /// The journal entry.
    pub entry: EntryId,
    /// How much.
    pub amount: Money,
}

/// Why no points were charged.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TopUpError {
    /// The amount is out of bounds.
    #[error("expected 1 to {TOP_UP_MINOR_MAX} minor units, got {}", got.minor())]
    Amount {
        /// The amount that was given.
        got: Money,
    },
    /// It failed for another reason.
    #[error(transparent)]
    Failed(#[from] Failure),
}

/// Turns money into points, once per key. It asks nobody whether the money came: call it from where that is
/// known, never from a buyer's request alone.
///
/// # Errors
/// [`TopUpError`]; nothing was booked.
pub async fn top_up(ports: &Ports, request: TopUp) -> Result<ToppedUp, TopUpError> {
    let TopUp { user, amount, key } = request;
    if amount.is_zero() || amount.minor() > TOP_UP_MINOR_MAX {
        return Err(TopUpError::Amount { got: amount });
    }
    let call = Call::of(user, "top_up", Some(&key), &amount);
    if let Some(answer) = Call::replay(call.as_ref(), ports).await? {
        return Ok(answer);
    }
    let entry = EntryId::generate(&*ports.ids);
    let mut tries = Tries::new();
    loop {
        let now = ports.clock.now();
        let booking = Booking { id: entry, at: now };
        let entry_booked = JournalEntry::top_up(booking, user, amount).map_err(Failure::from)?;
        let changes = change_set(ports, now).post(entry_booked);
        let answer = ToppedUp { entry, amount };
        match write_keyed(ports, call.as_ref(), changes, answer).await? {
            Some(answer) => return Ok(answer),
            None => tries.again()?,
        }
    }
}

/// How many points a user has.
///
/// # Errors
/// The ledger could not be read.
pub async fn balance(ports: &Ports, user: UserId, currency: Currency) -> Result<Money, Failure> {
    let minor = ports.ledger.balance(wallet(user, currency)).await?;
    Ok(Money::from_minor(minor, currency)?)
}

/// What changed a user's points, newest first.
///
/// # Errors
/// The ledger could not be read, or the cursor is not of this list.
pub async fn history(
    ports: &Ports,
    user: UserId,
    currency: Currency,
    page: PageRequest,
) -> Result<Page<HistoryLine>, Failure> {
    Ok(ports.ledger.history(wallet(user, currency), page).await?)
}

const fn wallet(user: UserId, currency: Currency) -> AccountKey {
    AccountKey { account: Account::Wallet(user), currency }
}
