//! Pay: confirm a card payment, issue a deposit account, or spend points alone.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};

use super::checkout::deposit_due_at;
use super::settle::{Fact, PaymentView, load_performance, missing, settle};
use super::support::{
    Attempt, Call, Failure, RETRY_AFTER, Tries, answer_of, change_set, commit, inconsistent,
    once_saved,
};
use crate::aggregate::{Aggregate, Applied};
use crate::change_set::ChangeSet;
use crate::error::PortError;
use crate::id::{PaymentId, UserId};
use crate::label::Token;
use crate::money::Money;
use crate::payment::{
    Honoured, Intent, Method, Payment, PaymentRefusal, PaymentState, PendingReceipt,
};
use crate::performance::{Performance, PerformanceRefusal};
use crate::port::{ConfirmRequest, GatewayError, GatewayKey, IssueRequest, Ports};
use crate::reservation::{Reservation, ReservationRefusal};
use crate::timeout::{Backoff, BackoffOptions, Retry, timeout};

/// How long the gateway may take before its answer counts as lost.
pub const GATEWAY_TIMEOUT: Duration = Duration::from_mins(1);

/// Pay what a checkout prepared.
#[derive(Clone, Debug)]
pub struct ConfirmPayment {
    /// The buyer.
    pub user: UserId,
    /// The payment.
    pub payment: PaymentId,
    /// The amount that the buyer saw: the total less points.
    pub amount: Money,
    /// The gateway's reference of the buyer's authentication; needed for a card.
    pub provider_key: Option<Token>,
    /// The client's idempotency key.
    pub key: Option<Token>,
}

impl ConfirmPayment {
    /// Without a provider key and an idempotency key.
    pub const fn new(user: UserId, payment: PaymentId, amount: Money) -> Self {
        Self { user, payment, amount, provider_key: None, key: None }
    }

    /// With the client's idempotency key.
    #[must_use]
    pub fn with_key(mut self, key: Token) -> Self {
        self.key = Some(key);
        self
    }

    /// By a card that the buyer authenticated.
    #[must_use]
    pub fn with_provider_key(mut self, provider_key: Token) -> Self {
        self.provider_key = Some(provider_key);
        self
    }
}

/// Why nothing was sent to the gateway.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConfirmError {
    /// No such payment of this user.
    #[error("no payment {0} of this user")]
    NoSuchPayment(PaymentId),
    /// The payment does not allow it.
    #[error(transparent)]
    Payment(#[from] PaymentRefusal),
    /// The reservation cannot be paid any more.
    #[error(transparent)]
    Reservation(#[from] ReservationRefusal),
    /// The performance does not take place.
    #[error(transparent)]
    Performance(#[from] PerformanceRefusal),
    /// A card payment needs the gateway's reference of the authentication.
    #[error("expected the gateway's reference of the authentication, got none")]
    ProviderKeyMissing,
    /// Too little time is left to wait for a deposit.
    #[error("a bank transfer is not offered so close to the start")]
    BankTransferNotOffered,
    /// It failed for another reason.
    #[error(transparent)]
    Failed(#[from] Failure),
}

impl From<PortError> for ConfirmError {
    fn from(error: PortError) -> Self {
        Self::Failed(error.into())
    }
}

/// Pays. The intent is committed before the gateway is called, the outcome after it; a crash between
/// the two leaves the payment Processing, which the reconciler resolves.
///
/// The view says how it went: also a declined payment is an answer, not an error.
///
/// # Errors
/// [`ConfirmError`]; nothing was sent. [`Failure`]s after the call leave the payment to the reconciler.
pub async fn confirm(ports: &Ports, request: ConfirmPayment) -> Result<PaymentView, ConfirmError> {
    let asked = (request.payment, request.amount);
    let call = Call::of(request.user, "confirm", request.key.as_ref(), &asked);
    let mut tries = Tries::new();
    loop {
        let now = ports.clock.now();
        let found = ports.payments.find(request.payment).await?;
        let payment = found
            .filter(|payment| payment.user() == request.user)
            .ok_or(ConfirmError::NoSuchPayment(request.payment))?;
        // The receipt is written with the intent: where none began, none is looked for.
        if *payment.state() != PaymentState::Created
            && let Some(answer) = Call::replay(call.as_ref(), ports).await?
        {
            return Ok(answer);
        }
        let reservation = ports
            .reservations
            .find(payment.reservation())
            .await?
            .ok_or_else(|| missing("reservation", payment.reservation()))?;
        let performance = load_performance(ports, payment.performance(), &tries).await?;
        let version = payment.root().version();
        let read = Intention { payment, reservation, call: call.as_ref() };
        let sent = match read.send(ports, &request, &performance, now).await {
            Ok(sent) => sent,
            Err(ConfirmError::Failed(failure)) => return Err(failure.into()),
            Err(refusal) => {
                // What was read after the payment may be newer: paid by the same call, made twice at
                // the same moment. Only a refusal of what fits is true.
                let now = ports.payments.find(request.payment).await?;
                if now.is_some_and(|now| now.root().version() == version) {
                    return Err(refusal);
                }
                Sent::Stale
            }
        };
        match sent {
            Sent::Now(loaded) => return send(ports, request.user, *loaded, now).await,
            Sent::Before(view) => return Ok(view),
            Sent::Stale => tries.again()?,
        }
    }
}

/// Where a payment of a user stands.
///
/// # Errors
/// [`ConfirmError::NoSuchPayment`].
pub async fn status(
    ports: &Ports,
    user: UserId,
    id: PaymentId,
) -> Result<PaymentView, ConfirmError> {
    let found = ports.payments.find(id).await?.filter(|payment| payment.user() == user);
    let payment = found.ok_or(ConfirmError::NoSuchPayment(id))?;
    // The reservation's tickets may be another payment's.
    let tickets = match payment.honoured() {
        Some(Honoured::InTime | Honoured::Late) => {
            ports.tickets.of_reservation(payment.reservation()).await?
        }
        Some(Honoured::No) | None => Vec::new(),
    };
    Ok(PaymentView::of(&payment, tickets.iter().map(crate::ticket::Ticket::id).collect()))
}

enum Sent {
    Now(Box<(Payment, Reservation)>),
    Before(PaymentView),
    Stale,
}

struct Intention<'a> {
    payment: Payment,
    reservation: Reservation,
    call: Option<&'a Call>,
}

impl Intention<'_> {
    async fn send(
        self,
        ports: &Ports,
        request: &ConfirmPayment,
        performance: &Performance,
        now: DateTime<Utc>,
    ) -> Result<Sent, ConfirmError> {
        if self.payment.method().is_some() {
            self.commit(ports, request, performance, now).await
        } else {
            self.spend_points(ports, request, performance, now).await.map(Sent::Before)
        }
    }

    async fn spend_points(
        self,
        ports: &Ports,
        request: &ConfirmPayment,
        performance: &Performance,
        now: DateTime<Utc>,
    ) -> Result<PaymentView, ConfirmError> {
        let Self { payment, reservation, call } = self;
        check_amount(&payment, request.amount)?;
        if payment.is_live() {
            performance.must_take_place()?;
            reservation.must_be_payable(now)?;
        }
        let pending = |Call { key, fingerprint }| PendingReceipt { key, fingerprint };
        let fact = Fact::PointsAlone(call.cloned().map(pending));
        let (id, loaded) = (payment.id(), Some((payment, reservation)));
        let settled = settle(ports, id, &fact, loaded).await?;
        if settled.changed { Ok(settled.view) } else { status(ports, request.user, id).await }
    }

    async fn commit(
        mut self,
        ports: &Ports,
        request: &ConfirmPayment,
        performance: &Performance,
        now: DateTime<Utc>,
    ) -> Result<Sent, ConfirmError> {
        if self.begin(request, performance, now)? == Applied::Already {
            return if self.payment.is_unsettled() {
                Err(Failure::InProgress { retry_after: RETRY_AFTER }.into())
            } else {
                Ok(Sent::Before(status(ports, request.user, request.payment).await?))
            };
        }
        performance.must_take_place()?;
        self.reservation.must_be_payable(now)?;
        let mut changes: ChangeSet =
            change_set(ports, now).guard(&self.reservation).guard(performance);
        if let Some(call) = self.call {
            let (key, fingerprint) = (call.key.clone(), call.fingerprint);
            self.payment.await_receipt(PendingReceipt { key: key.clone(), fingerprint });
            changes = changes.begin_receipt(key, fingerprint);
        }
        let next = once_saved(&self.payment);
        match commit(ports, changes.save(self.payment)).await? {
            Attempt::Done => Ok(Sent::Now(Box::new((next, self.reservation)))),
            Attempt::Stale => Ok(Sent::Stale),
            Attempt::Replayed(state) => Ok(Sent::Before(answer_of(&state)?)),
            Attempt::Refused(refusal) => Err(inconsistent(refusal).into()),
            Attempt::Duplicate => Err(Failure::KeyReused.into()),
        }
    }

    fn begin(
        &mut self,
        request: &ConfirmPayment,
        performance: &Performance,
        now: DateTime<Utc>,
    ) -> Result<Applied, ConfirmError> {
        match self.payment.method() {
            Some(Method::BankTransfer) => {
                check_amount(&self.payment, request.amount)?;
                if self.payment.is_unsettled() || self.payment.account().is_some() {
                    return Ok(Applied::Already);
                }
                let due_at =
                    deposit_due_at(performance, now).ok_or(ConfirmError::BankTransferNotOffered)?;
                Ok(self.payment.begin_issue(due_at, now)?)
            }
            Some(Method::Card) | None => {
                let key = request.provider_key.clone();
                let key = key.ok_or(ConfirmError::ProviderKeyMissing)?;
                Ok(self.payment.begin_confirm(key, request.amount, now)?)
            }
        }
    }
}

fn check_amount(payment: &Payment, got: Money) -> Result<(), PaymentRefusal> {
    let expected = payment.external();
    if got == expected { Ok(()) } else { Err(PaymentRefusal::AmountMismatch { expected, got }) }
}

/// Calls the gateway for an intent that is committed, and settles by its answer.
async fn send(
    ports: &Ports,
    user: UserId,
    loaded: (Payment, Reservation),
    now: DateTime<Utc>,
) -> Result<PaymentView, ConfirmError> {
    let id = loaded.0.id();
    let fact = call_gateway(ports, &loaded.0, now + GATEWAY_TIMEOUT).await;
    match settle(ports, id, &fact, Some(loaded)).await {
        Ok(settled) if settled.changed => Ok(settled.view),
        // Another was faster.
        Ok(_) => status(ports, user, id).await,
        // The money may have moved: the reconciler settles it, the caller asks again.
        Err(failure) if failure.is_transient() => status(ports, user, id).await,
        Err(failure) => Err(failure.into()),
    }
}

async fn call_gateway(ports: &Ports, payment: &Payment, deadline: DateTime<Utc>) -> Fact {
    let (id, amount) = (payment.id(), payment.external());
    let answer = match payment.state() {
        PaymentState::Processing { intent: Intent::Confirm { provider_key }, .. } => {
            let key = GatewayKey::confirm(id);
            let provider_key = provider_key.clone();
            let request = ConfirmRequest { payment: id, provider_key, amount, key };
            let call = || ports.gateway.confirm(request.clone());
            let answer = patiently(ports, deadline, call).await;
            answer.map(|captured| Fact::Captured(captured.amount))
        }
        PaymentState::Processing { intent: Intent::IssueAccount { due_at }, .. } => {
            let key = GatewayKey::issue(id);
            let request = IssueRequest { payment: id, amount, due_at: *due_at, key };
            let call = || ports.gateway.issue_deposit_account(request.clone());
            patiently(ports, deadline, call).await.map(Fact::AccountIssued)
        }
        PaymentState::Created
        | PaymentState::Unknown { .. }
        | PaymentState::AwaitingDeposit { .. }
        | PaymentState::Succeeded { .. }
        | PaymentState::Failed { .. }
        | PaymentState::Expired
        | PaymentState::Cancelled
        | PaymentState::Reversed => return Fact::NoNews,
    };
    match answer {
        Ok(fact) => fact,
        Err(GatewayError::Declined { code }) => Fact::Declined(code),
        // This intent's only calls: whatever ended otherwise than not taken ended the tries.
        Err(GatewayError::Retryable { .. }) => Fact::NotTaken,
        Err(GatewayError::Unknown(_)) => Fact::AnswerLost,
    }
}

/// Makes a call, and makes it again under the same key while the gateway says that it may; all within
/// the deadline.
async fn patiently<T, F>(
    ports: &Ports,
    deadline: DateTime<Utc>,
    call: impl Fn() -> F + Send + Sync,
) -> Result<T, GatewayError>
where
    T: Send,
    F: Future<Output = Result<T, GatewayError>> + Send,
{
    let answer = match timeout(&*ports.timer, deadline, call()).await {
        Ok(Err(GatewayError::Retryable { retry_after })) => {
            let (clock, timer) = (Arc::clone(&ports.clock), Arc::clone(&ports.timer));
            let options = BackoffOptions::default();
            let backoff = Backoff::new(clock, timer, Arc::clone(&ports.random), options)
                .map_err(|error| GatewayError::Unknown(Some(error.into())))?;
            let wait = retry_after.unwrap_or(options.base);
            let left = (deadline - ports.clock.now()).to_std().unwrap_or_default();
            if wait >= left {
                return Err(GatewayError::Retryable { retry_after });
            }
            let again = async {
                ports.timer.sleep_until(ports.clock.now() + wait).await;
                backoff.run(|_| call(), worth_another).await
            };
            timeout(&*ports.timer, deadline, again).await
        }
        answer => answer,
    };
    answer.unwrap_or_else(|elapsed| Err(GatewayError::Unknown(Some(elapsed.into()))))
}

fn worth_another(error: &GatewayError) -> Retry {
    match error {
        GatewayError::Declined { .. } | GatewayError::Unknown(_) => Retry::No,
        GatewayError::Retryable { retry_after: None } => Retry::Yes,
        GatewayError::Retryable { retry_after: Some(wait) } => Retry::After(*wait),
    }
}
