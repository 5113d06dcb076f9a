//! A payment gateway that keeps its own books and misbehaves on demand.

mod book;
mod faults;
mod money;
mod notices;
mod operation;
mod script;
mod state;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use chrono::{DateTime, Utc};

use self::book::{CONFIRM_WITHIN, Entry, Standing};
use self::faults::Chance;
pub use self::faults::GatewayFaults;
pub use self::money::{GatewayMoney, GatewayTotals, PaymentMoney};
pub use self::notices::{Notice, NoticeKind};
use self::operation::{CloseRequest, Operation};
use self::script::Script;
pub use self::script::{CallAct, FindAct, GatewayCall, NoticeAct, Step};
use self::state::State;
use super::lock;
use crate::id::PaymentId;
use crate::label::Token;
use crate::money::Money;
use crate::policy::PolicyError;
use crate::port::{
    CancelRequest, Captured, Clock, ConfirmRequest, DepositAccount, Found, GatewayError,
    GatewayKey, IssueRequest, PaymentGateway, Random, Timer,
};

/// Why the bank did not take a deposit, or did not take one back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DepositRefused {
    /// No account was issued for the payment.
    #[error("expected a payment with a deposit account")]
    NoAccount,
    /// The account was closed.
    #[error("the deposit account is closed")]
    Closed,
    /// The account is past its due time.
    #[error("the deposit account was due at {due_at}")]
    Overdue {
        /// Until when it took deposits.
        due_at: DateTime<Utc>,
    },
    /// The whole deposit came before.
    #[error("the deposit account is paid")]
    Paid,
    /// There is no whole deposit to take back.
    #[error("the deposit account is not paid")]
    NotPaid,
    /// Another currency than the account's, nothing, or more than fits.
    #[error("expected an amount above zero in the currency of the account")]
    Amount,
}

/// A payment gateway in memory, with its own truth of money.
///
/// It never captures a payment twice and never sends back more than came in; the same key on the same
/// call gets the first answer for 15 days, whatever else the request says, and while that answer is
/// still being worked on, `Unknown`. A payment that nobody [authenticated]
/// is confirmed with any provider key and any amount.
///
/// It misbehaves as [scripted], or by chance. It keeps every payment for ever: that is
/// what the checks compare with.
///
/// [authenticated]: FakeGateway::authenticate
/// [scripted]: FakeGateway::script
pub struct FakeGateway {
    state: Mutex<State>,
    clock: Arc<dyn Clock>,
    timer: Arc<dyn Timer>,
}

impl std::fmt::Debug for FakeGateway {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("FakeGateway(..)")
    }
}

impl FakeGateway {
    /// A gateway that does everything right, but for what is scripted.
    pub fn new(clock: Arc<dyn Clock>, timer: Arc<dyn Timer>) -> Self {
        Self { state: Mutex::default(), clock, timer }
    }

    /// A gateway that misbehaves by chance.
    ///
    /// # Errors
    /// [`PolicyError`] if a rate or a time is out of bounds.
    pub fn seeded(
        clock: Arc<dyn Clock>,
        timer: Arc<dyn Timer>,
        random: Arc<dyn Random>,
        faults: GatewayFaults,
    ) -> Result<Self, PolicyError> {
        faults.check()?;
        let state = State::scripted(Script::of(Chance::new(random, faults)));
        Ok(Self { state: Mutex::new(state), clock, timer })
    }

    /// Misbehaves by another chance from now on, or by none with the default. What is scripted comes
    /// first, and calls that are late already stay so.
    ///
    /// # Errors
    /// [`PolicyError`] if a rate or a time is out of bounds; then nothing changed.
    pub fn set_faults(
        &self,
        random: Arc<dyn Random>,
        faults: GatewayFaults,
    ) -> Result<(), PolicyError> {
        faults.check()?;
        lock(&self.state).script.set_chance(Chance::new(random, faults));
        Ok(())
    }

    /// What chance brought about, by the names of [`GatewayFaults::NAMES`]; finds whose answer was lost, before
    /// or after, are `gateway.find_lost`. What never happened is left out.
    pub fn faults_met(&self) -> BTreeMap<&'static str, u64> {
        lock(&self.state).script.met().clone()
    }

    /// Says what happens to the next calls about one payment.
    pub fn script(&self, payment: PaymentId, steps: impl IntoIterator<Item = Step>) {
        lock(&self.state).script.add(payment, steps);
    }

    /// Says what happens to the next calls about any payment that has no step of its own.
    pub fn script_next(&self, steps: impl IntoIterator<Item = Step>) {
        lock(&self.state).script.add_next(steps);
    }

    /// The buyer authenticates a payment: from now on only this amount and the provider key returned
    /// can be confirmed, within 10 minutes. Does nothing to a payment that went further.
    ///
    /// # Panics
    /// Never: the key is short.
    pub fn authenticate(&self, payment: PaymentId, amount: Money) -> Token {
        let key = Token::new(&format!("auth-{payment}")).expect("short and not empty");
        let standing =
            Standing::Ready { provider_key: key.clone(), until: self.clock.now() + CONFIRM_WITHIN };
        let mut state = lock(&self.state);
        let entry = state.book.entries.entry(payment);
        entry.or_insert_with(|| Entry::new(standing, amount));
        key
    }

    /// The buyer pays to the account of a payment. Another amount than asked for comes in too, and
    /// the account stays open. Sends a notice.
    ///
    /// # Errors
    /// [`DepositRefused`] if the bank does not take it: then nothing moved and no notice comes, also
    /// none when an account runs out.
    pub fn deposit(&self, payment: PaymentId, amount: Money) -> Result<(), DepositRefused> {
        let now = self.clock.now();
        let mut state = lock(&self.state);
        state.land(now);
        let entry = state.book.entries.get_mut(&payment).ok_or(DepositRefused::NoAccount)?;
        let due_at = match &entry.standing {
            Standing::Open(account) => account.due_at,
            Standing::Paid(_) => return Err(DepositRefused::Paid),
            Standing::Closed => return Err(DepositRefused::Closed),
            Standing::Ready { .. } | Standing::Declined | Standing::Captured => {
                return Err(DepositRefused::NoAccount);
            }
        };
        if now >= due_at {
            return Err(DepositRefused::Overdue { due_at });
        }
        if amount.is_zero() {
            return Err(DepositRefused::Amount);
        }
        entry.captured = entry.captured.add(amount).map_err(|_| DepositRefused::Amount)?;
        if amount == entry.asked {
            entry.standing = match std::mem::replace(&mut entry.standing, Standing::Closed) {
                Standing::Open(account) => Standing::Paid(account),
                other => other,
            };
        }
        state.announce(payment, NoticeKind::Deposit, now);
        Ok(())
    }

    /// The bank takes back the deposit that paid an account, and the account waits again. Deposits of
    /// another amount are not touched; what was refunded before stays with the buyer. Sends a notice.
    ///
    /// # Errors
    /// [`DepositRefused::NoAccount`], [`DepositRefused::NotPaid`]; [`DepositRefused::Amount`] if the sum
    /// does not fit.
    pub fn reverse_deposit(&self, payment: PaymentId) -> Result<(), DepositRefused> {
        let now = self.clock.now();
        let mut state = lock(&self.state);
        state.land(now);
        let entry = state.book.entries.get_mut(&payment).ok_or(DepositRefused::NoAccount)?;
        entry.standing = match std::mem::replace(&mut entry.standing, Standing::Closed) {
            Standing::Paid(account) => Standing::Open(account),
            other => {
                entry.standing = other;
                return Err(DepositRefused::NotPaid);
            }
        };
        entry.reversed = entry.reversed.add(entry.asked).map_err(|_| DepositRefused::Amount)?;
        state.announce(payment, NoticeKind::Deposit, now);
        Ok(())
    }

    /// The notices that came by now, oldest first, each only once but for duplicates by fault. At most
    /// 65,536 wait; then the oldest are lost.
    pub fn take_notices(&self) -> Vec<Notice> {
        let now = self.clock.now();
        let mut state = lock(&self.state);
        state.land(now);
        state.notices.take(now)
    }

    /// The truth, for checks.
    pub fn money(&self) -> GatewayMoney {
        let mut state = lock(&self.state);
        state.land(self.clock.now());
        GatewayMoney::of(state.book.entries.iter())
    }

    /// The truth about one payment, for checks while it goes on; `None` if no money ever came.
    pub fn money_of(&self, payment: PaymentId) -> Option<PaymentMoney> {
        let mut state = lock(&self.state);
        state.land(self.clock.now());
        let entry = state.book.entries.get(&payment)?;
        GatewayMoney::of(std::iter::once((&payment, entry))).payments.remove(&payment)
    }

    /// The deposit accounts that are open and where nothing ever came in, ascending.
    pub fn open_accounts(&self) -> Vec<PaymentId> {
        let state = lock(&self.state);
        let open = state.book.entries.iter().filter(|(_, entry)| {
            matches!(entry.standing, book::Standing::Open(_)) && entry.captured.is_zero()
        });
        let mut open: Vec<PaymentId> = open.map(|(id, _)| *id).collect();
        open.sort_unstable();
        open
    }

    /// When the next late call is done; `None` if none waits.
    pub fn next_late(&self) -> Option<DateTime<Utc>> {
        lock(&self.state).late.keys().next().map(|(at, _)| *at)
    }

    async fn call<O: Operation>(&self, request: O) -> Result<O::Answer, GatewayError> {
        let now = self.clock.now();
        let (answer, at) = lock(&self.state).call(request, now);
        if let Some(at) = at {
            self.timer.sleep_until(at).await;
        }
        answer
    }
}

#[async_trait]
impl PaymentGateway for FakeGateway {
    async fn confirm(&self, request: ConfirmRequest) -> Result<Captured, GatewayError> {
        self.call(request).await
    }

    async fn issue_deposit_account(
        &self,
        request: IssueRequest,
    ) -> Result<DepositAccount, GatewayError> {
        self.call(request).await
    }

    async fn close_account(&self, payment: PaymentId, key: GatewayKey) -> Result<(), GatewayError> {
        self.call(CloseRequest { payment, key }).await
    }

    async fn cancel(&self, request: CancelRequest) -> Result<(), GatewayError> {
        self.call(request).await
    }

    async fn find(&self, payment: PaymentId) -> Result<Found, GatewayError> {
        let now = self.clock.now();
        let (answer, at) = lock(&self.state).find(payment, now);
        if let Some(at) = at {
            self.timer.sleep_until(at).await;
        }
        answer
    }
}
