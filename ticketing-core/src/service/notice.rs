//! Take a notice of the gateway: a payment webhook or a deposit callback.

use super::settle::{Asked, Fact, PaymentView, settle_asked};
use super::support::{Failure, Tries};
use crate::aggregate::Aggregate;
use crate::change_set::MessageKey;
use crate::error::{Fault, PortError};
use crate::id::PaymentId;
use crate::label::Token;
use crate::payment::Payment;
use crate::port::{Found, GatewayError, Ports};
use crate::timeout::timeout;

/// A notice that something happened to a payment. What happened is never believed: it is asked for.
#[derive(Clone)]
pub struct Notice {
    /// The message's id, such as the webhook's transmission id.
    pub message: MessageKey,
    /// The payment: the gateway's order id.
    pub payment: PaymentId,
    /// The secret of a deposit notice.
    pub secret: Option<Token>,
}

/// The secret does not show.
impl std::fmt::Debug for Notice {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Notice")
            .field("message", &self.message)
            .field("payment", &self.payment)
            .finish_non_exhaustive()
    }
}

/// What became of a notice. All of them mean that it needs not be sent again.
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use]
pub enum NoticeTaken {
    /// It changed the payment.
    Applied(PaymentView),
    /// There was nothing new.
    NothingNew,
    /// No payment of ours.
    NotOurs,
}

/// Why a notice was not taken.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum NoticeError {
    /// The secret is not that of the payment's deposit account: somebody else sent it.
    #[error("the notice's secret is not that of the account")]
    WrongSecret,
    /// The gateway did not tell what happened: let the notice come again.
    #[error("the gateway did not tell")]
    GatewaySilent(#[source] GatewayError),
    /// It failed for another reason: let the notice come again.
    #[error(transparent)]
    Failed(#[from] Failure),
}

impl From<PortError> for NoticeError {
    fn from(error: PortError) -> Self {
        Self::Failed(error.into())
    }
}

/// Takes a notice: asks the gateway what is true and settles by that. The same notice twice changes
/// nothing the second time.
///
/// # Errors
/// [`NoticeError`]; answer the gateway so that it sends the notice again, except for a wrong secret.
pub async fn take(ports: &Ports, notice: Notice) -> Result<NoticeTaken, NoticeError> {
    let mut tries = Tries::new();
    loop {
        if let Some(taken) = take_once(ports, &notice).await? {
            return Ok(taken);
        }
        tries.again()?;
    }
}

/// `None` if the payment moved on while the gateway was asked.
async fn take_once(ports: &Ports, notice: &Notice) -> Result<Option<NoticeTaken>, NoticeError> {
    let Some(payment) = ports.payments.find(notice.payment).await? else {
        return Ok(Some(NoticeTaken::NotOurs));
    };
    let known = payment.account().and_then(|account| account.secret.as_ref());
    if let (Some(known), Some(told)) = (known, &notice.secret)
        && known != told
    {
        return Err(NoticeError::WrongSecret);
    }
    let asked = match ask(ports, &payment).await.map_err(NoticeError::GatewaySilent)? {
        // Not noted as handled: the same notice may come again and find more.
        None | Some(Asked { fact: Fact::NoNews, .. }) => {
            return Ok(Some(NoticeTaken::NothingNew));
        }
        Some(asked) => asked,
    };
    let settled = settle_asked(ports, payment.id(), &asked, Some(&notice.message)).await?;
    Ok(if settled.outdated {
        None
    } else if settled.changed {
        Some(NoticeTaken::Applied(settled.view))
    } else {
        Some(NoticeTaken::NothingNew)
    })
}

/// Asks the gateway about a payment as it was read. `None` if the performance is gone.
pub(crate) async fn ask(ports: &Ports, payment: &Payment) -> Result<Option<Asked>, GatewayError> {
    let found = find(ports, payment.id()).await?;
    let performance = ports
        .layouts
        .performance(payment.performance())
        .await
        .map_err(|error| GatewayError::Unknown(Some(error.into())))?;
    let now = ports.clock.now();
    let version = payment.root().version();
    Ok(performance.map(|performance| {
        let fact = Fact::of(found, payment, &performance.policy().deadlines, now);
        Asked { fact, version }
    }))
}

/// What the gateway knows, within a bounded time.
pub(crate) async fn find(ports: &Ports, id: PaymentId) -> Result<Found, GatewayError> {
    let deadline = ports.clock.now() + super::confirm::GATEWAY_TIMEOUT;
    timeout(&*ports.timer, deadline, ports.gateway.find(id)).await.unwrap_or_else(|_| {
        let late = PortError::new("gateway", "find", Fault::Unknown);
        Err(GatewayError::Unknown(Some(late.into())))
    })
}
