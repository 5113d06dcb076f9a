//! Resolve payments whose answer was lost, and close deposit accounts nobody waits for.

use chrono::TimeDelta;

use super::confirm::GATEWAY_TIMEOUT;
use super::notice::ask;
use super::settle::{Asked, Fact, settle_asked};
use super::support::{Attempt, Failure, Swept, Tries, change_set, commit, inconsistent};
use crate::aggregate::{Aggregate, Applied};
use crate::id::PaymentId;
use crate::page::PageRequest;
use crate::payment::Payment;
use crate::port::{Found, GatewayError, GatewayKey, Ports};
use crate::timeout::timeout;

/// How long after it was sent or asked about a payment is asked about again: longer than a gateway call
/// may take, so that a call under way is not asked about.
pub const ASK_AGAIN_AFTER: TimeDelta = TimeDelta::seconds(90);

/// Asks the gateway about payments that are Processing or Unknown: a bounded batch.
///
/// # Errors
/// The list could not be read.
pub async fn sweep_unsettled(ports: &Ports, page: PageRequest) -> Result<Swept, Failure> {
    let until = ports.clock.now() - ASK_AGAIN_AFTER;
    let unsettled = ports.payments.unsettled(until, page).await?;
    let mut swept = Swept::until(unsettled.next);
    for payment in unsettled.items {
        swept.count(reconcile(ports, &payment).await);
    }
    Ok(swept)
}

async fn reconcile(ports: &Ports, payment: &Payment) -> Result<bool, Failure> {
    let asked = match ask(ports, payment).await {
        Ok(Some(asked)) => asked,
        // No answer is no answer about the payment.
        Ok(None) | Err(_) => Asked { fact: Fact::NoNews, version: payment.root().version() },
    };
    let no_news = matches!(asked.fact, Fact::NoNews);
    let settled = settle_asked(ports, payment.id(), &asked, None).await?;
    Ok(settled.changed && !no_news)
}

/// Closes deposit accounts of payments that ended: a bounded batch.
///
/// # Errors
/// The list could not be read.
pub async fn sweep_accounts(ports: &Ports, page: PageRequest) -> Result<Swept, Failure> {
    let open = ports.payments.to_close(page).await?;
    let mut swept = Swept::until(open.next);
    for payment in open.items {
        swept.count(close(ports, payment.id()).await);
    }
    Ok(swept)
}

async fn close(ports: &Ports, id: PaymentId) -> Result<bool, Failure> {
    let deadline = ports.clock.now() + GATEWAY_TIMEOUT;
    let call = ports.gateway.close_account(id, GatewayKey::close(id));
    match timeout(&*ports.timer, deadline, call).await {
        // Money may have come before it was closed, or it was paid, or is gone: only `find` tells.
        Ok(Ok(()) | Err(GatewayError::Declined { .. })) => after_answer(ports, id).await,
        Ok(Err(GatewayError::Retryable { .. } | GatewayError::Unknown(_))) | Err(_) => Ok(false),
    }
}

async fn after_answer(ports: &Ports, id: PaymentId) -> Result<bool, Failure> {
    let Some(payment) = ports.payments.find(id).await? else { return Ok(false) };
    let version = payment.root().version();
    match super::notice::find(ports, id).await {
        Ok(Found::Captured { amount, .. }) => {
            let asked = Asked { fact: Fact::Captured(amount), version };
            let settled = settle_asked(ports, id, &asked, None).await?;
            if settled.outdated {
                return Ok(false);
            }
            let paid = settled.changed;
            // Money of another amount leaves the payment ended and its account to be closed.
            Ok(closed(ports, id).await? || paid)
        }
        Ok(Found::Cancelled | Found::Declined | Found::NotFound) => closed(ports, id).await,
        Ok(Found::AwaitingDeposit(_) | Found::InProgress) | Err(_) => Ok(false),
    }
}

async fn closed(ports: &Ports, id: PaymentId) -> Result<bool, Failure> {
    let mut tries = Tries::new();
    loop {
        let now = ports.clock.now();
        let Some(mut payment) = ports.payments.find(id).await? else { return Ok(false) };
        if payment.account_closed(now) == Applied::Already {
            return Ok(false);
        }
        match commit(ports, change_set(ports, now).save(payment)).await? {
            Attempt::Done => return Ok(true),
            Attempt::Stale => tries.again()?,
            Attempt::Refused(refusal) => return Err(inconsistent(refusal)),
            Attempt::Replayed(_) | Attempt::Duplicate => return Ok(false),
        }
    }
}
