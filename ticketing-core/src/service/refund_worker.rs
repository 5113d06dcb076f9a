//! Send refunds through the gateway: a bounded worker.

use chrono::{DateTime, Utc};

use super::confirm::GATEWAY_TIMEOUT;
use super::notice::find;
use super::settle::missing;
use super::support::{Attempt, Failure, Swept, change_set, commit, inconsistent, once_saved};
use crate::change_set::ChangeSet;
use crate::error::{Fault, PortError};
use crate::id::{EntryId, RefundId};
use crate::ledger::{Booking, JournalEntry};
use crate::page::PageRequest;
use crate::payment::Payment;
use crate::port::{CancelRequest, Found, GatewayError, GatewayKey, Ports};
use crate::refund::{Refund, RefundRefusal, RefundState};
use crate::timeout::timeout;

/// Drives the refunds on that are due: sends what was requested, tries refused ones again after a pause, finds out what
/// became of lost answers, gives points where no account was named in time. A bounded batch; two
/// workers at once do no harm.
///
/// # Errors
/// The list could not be read.
pub async fn sweep_refunds(ports: &Ports, page: PageRequest) -> Result<Swept, Failure> {
    let due = ports.refunds.due(ports.clock.now(), page).await?;
    let mut swept = Swept::until(due.next);
    for refund in due.items {
        swept.count(drive(ports, refund).await);
    }
    Ok(swept)
}

/// Sends a refund again that the gateway refused so often that the worker gave up: for a human, who knows
/// why. Whether something was sent.
///
/// # Errors
/// The refund could not be read or written.
pub async fn send_again(ports: &Ports, id: RefundId) -> Result<bool, Failure> {
    let found = ports.refunds.find(id).await?;
    let refund = found.ok_or_else(|| missing("refund", id))?;
    if !matches!(refund.state(), RefundState::Failed { .. }) {
        return Ok(false);
    }
    send(ports, refund).await
}

async fn drive(ports: &Ports, refund: Refund) -> Result<bool, Failure> {
    let now = ports.clock.now();
    // Money moves by what the refund itself says, not by the list that it stood in.
    if now < refund.next_try_at() {
        return Ok(false);
    }
    match refund.state() {
        RefundState::NeedsAccount { .. } => give_points(ports, refund, now).await,
        RefundState::Requested | RefundState::Failed { .. } => send(ports, refund).await,
        RefundState::Processing { .. } | RefundState::Unknown { .. } => {
            resolve(ports, refund, now).await
        }
        RefundState::Succeeded { .. } | RefundState::Stopped => Ok(false),
    }
}

/// Commits the intent, calls the gateway, commits the outcome.
async fn send(ports: &Ports, mut refund: Refund) -> Result<bool, Failure> {
    let now = ports.clock.now();
    match refund.begin(now) {
        Ok(_) => {}
        Err(RefundRefusal::KeyTooOld { .. }) => return never_arrived(ports, refund, now).await,
        Err(
            error @ (RefundRefusal::WrongState { .. }
            | RefundRefusal::AccountNotNeeded
            | RefundRefusal::ExceedsOwed { .. }),
        ) => {
            return Err(refused(error));
        }
    }
    let begun = once_saved(&refund);
    if !write(ports, change_set(ports, now).save(refund)).await? {
        return Ok(false);
    }
    let refund = begun;
    let request = CancelRequest {
        payment: refund.payment(),
        refund: refund.id(),
        amount: refund.to_send(),
        account: refund.account().cloned(),
        key: GatewayKey::cancel(refund.id(), refund.attempt()),
    };
    let answer = timeout(&*ports.timer, now + GATEWAY_TIMEOUT, ports.gateway.cancel(request)).await;
    let now = ports.clock.now();
    match answer {
        Ok(Ok(())) => sent(ports, refund, now).await,
        Ok(Err(GatewayError::Declined { code })) => fail(ports, refund, code.as_str(), now).await,
        Ok(Err(GatewayError::Retryable { .. } | GatewayError::Unknown(_))) | Err(_) => {
            let mut refund = refund;
            refund.lose_answer(now).map_err(refused)?;
            write(ports, change_set(ports, now).save(refund)).await
        }
    }
}

/// Finds out what became of an attempt. If the gateway does not list it, the same attempt is sent again
/// under its key: that moves nothing twice.
async fn resolve(ports: &Ports, refund: Refund, now: DateTime<Utc>) -> Result<bool, Failure> {
    match find(ports, refund.payment()).await {
        Ok(Found::Captured { cancels, .. })
            if cancels.iter().any(|cancel| cancel.refund == Some(refund.id())) =>
        {
            sent(ports, refund, now).await
        }
        Ok(
            Found::Captured { .. }
            | Found::AwaitingDeposit(_)
            | Found::Declined
            | Found::Cancelled
            | Found::NotFound,
        ) => send(ports, refund).await,
        Ok(Found::InProgress) | Err(_) => {
            let mut refund = refund;
            refund.lose_answer(now).map_err(refused)?;
            write(ports, change_set(ports, now).save(refund)).await?;
            Ok(false)
        }
    }
}

/// The attempt is so old that its key is forgotten, and the gateway does not list it: it never arrived.
async fn never_arrived(ports: &Ports, refund: Refund, now: DateTime<Utc>) -> Result<bool, Failure> {
    fail(ports, refund, "never arrived", now).await
}

/// Commits a definite refusal: nothing was sent. What the bank took back while the attempt was under way
/// is owed no more.
async fn fail(
    ports: &Ports,
    mut refund: Refund,
    code: &str,
    now: DateTime<Utc>,
) -> Result<bool, Failure> {
    let owed = refund.owed();
    refund.fail(code, now).map_err(refused)?;
    let stopped = owed.sub(refund.owed())?;
    let mut changes = change_set(ports, now);
    if !stopped.is_zero() {
        let booking = Booking { id: EntryId::generate(&*ports.ids), at: now };
        changes = changes.post(JournalEntry::refund_stopped(booking, refund.id(), stopped)?);
    }
    write(ports, changes.save(refund)).await
}

async fn sent(ports: &Ports, mut refund: Refund, now: DateTime<Utc>) -> Result<bool, Failure> {
    refund.succeed(now).map_err(refused)?;
    let booking = Booking { id: EntryId::generate(&*ports.ids), at: now };
    let entry = JournalEntry::refund_sent(booking, refund.id(), refund.to_send())?;
    finish(ports, refund, entry, now).await
}

/// No account was named in time.
async fn give_points(
    ports: &Ports,
    mut refund: Refund,
    now: DateTime<Utc>,
) -> Result<bool, Failure> {
    refund.give_as_points(now).map_err(refused)?;
    let booking = Booking { id: EntryId::generate(&*ports.ids), at: now };
    let (id, user, amount) = (refund.id(), refund.user(), refund.to_send());
    let entry = JournalEntry::refund_as_points(booking, id, user, amount)?;
    finish(ports, refund, entry, now).await
}

/// Commits the end of a refund. Once nothing of the payment is left to refund nor expected, its account
/// is forgotten too.
async fn finish(
    ports: &Ports,
    refund: Refund,
    entry: JournalEntry,
    now: DateTime<Utc>,
) -> Result<bool, Failure> {
    let mut changes = change_set(ports, now).settles_money().save(refund.clone()).post(entry);
    let mut payment = load_payment(ports, &refund).await?;
    let is_over = !payment.is_live() && payment.refunded() == payment.received();
    if payment.refund_account().is_some() && is_over {
        payment.set_refund_account(None).map_err(refused)?;
        changes = changes.save(payment);
    }
    write(ports, changes).await
}

async fn load_payment(ports: &Ports, refund: &Refund) -> Result<Payment, Failure> {
    let found = ports.payments.find(refund.payment()).await?;
    found.ok_or_else(|| missing("payment", refund.payment()))
}

/// Whether it was written; if another was faster, a later run sees what is left to do.
async fn write(ports: &Ports, changes: ChangeSet) -> Result<bool, Failure> {
    match commit(ports, changes).await? {
        Attempt::Done => Ok(true),
        Attempt::Stale | Attempt::Replayed(_) | Attempt::Duplicate => Ok(false),
        Attempt::Refused(refusal) => Err(inconsistent(refusal)),
    }
}

fn refused(refusal: impl std::error::Error + Send + Sync + 'static) -> Failure {
    PortError::new("refund", "drive", Fault::Permanent).because(refusal).into()
}
