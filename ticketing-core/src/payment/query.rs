//! What can be asked of a payment.

use chrono::{DateTime, Utc};

use super::{Closing, Honoured, Method, Payment, PaymentState, PendingReceipt, Points};
use crate::aggregate::{Aggregate, AggregateKind, AggregateRef, Root, StreamKey};
use crate::allocation::{SeatShare, Tenders};
use crate::bank::{DepositAccount, RefundAccount};
use crate::id::{CheckoutId, EntryId, PaymentId, PerformanceId, ReservationId, UserId};
use crate::label::Token;
use crate::money::Money;

impl Payment {
    /// Its id: the order id at the gateway.
    pub const fn id(&self) -> PaymentId {
        self.id
    }

    /// What it pays.
    pub const fn reservation(&self) -> ReservationId {
        self.reservation
    }

    /// The performance.
    pub const fn performance(&self) -> PerformanceId {
        self.performance
    }

    /// Who pays.
    pub const fn user(&self) -> UserId {
        self.user
    }

    /// The checkout that created it.
    pub const fn checkout(&self) -> CheckoutId {
        self.checkout
    }

    /// The price of each seat, split over the tenders.
    pub fn shares(&self) -> &[SeatShare] {
        &self.shares
    }

    /// What it is made of.
    pub const fn tenders(&self) -> Tenders {
        self.tenders
    }

    /// The points.
    pub const fn points(&self) -> Money {
        self.tenders.points
    }

    /// What the gateway must bring.
    pub const fn external(&self) -> Money {
        self.tenders.external
    }

    /// The entry that set the points aside.
    pub const fn points_entry(&self) -> Option<EntryId> {
        self.points_entry
    }

    /// Whether the points that were set aside went back to the wallet.
    pub const fn points_are_back(&self) -> bool {
        matches!(self.points_state, Points::Back)
    }

    /// How the external part is paid; `None` for points alone.
    pub const fn method(&self) -> Option<Method> {
        self.method
    }

    /// When it was created.
    pub const fn created_at(&self) -> DateTime<Utc> {
        self.created_at
    }

    /// When the gateway was last sent or asked something about it.
    pub const fn asked_at(&self) -> DateTime<Utc> {
        self.asked_at
    }

    /// When the money came in.
    pub const fn paid_at(&self) -> Option<DateTime<Utc>> {
        self.paid_at
    }

    /// The gateway's reference of the buyer's authentication.
    pub const fn provider_key(&self) -> Option<&Token> {
        self.provider_key.as_ref()
    }

    /// The deposit account, once issued.
    pub const fn account(&self) -> Option<&DepositAccount> {
        self.account.as_ref()
    }

    /// Where a deposit is refunded to.
    pub const fn refund_account(&self) -> Option<&RefundAccount> {
        self.refund_account.as_ref()
    }

    /// The call whose answer is due.
    pub const fn receipt(&self) -> Option<&PendingReceipt> {
        self.receipt.as_ref()
    }

    /// What the gateway brought, all told, expected or not.
    pub const fn received(&self) -> Money {
        self.received
    }

    /// What of it is not the deposit or capture that was expected.
    pub fn unexpected(&self) -> Money {
        match self.state {
            PaymentState::Succeeded { .. } => {
                self.received.sub(self.tenders.external).unwrap_or(self.received)
            }
            PaymentState::Created
            | PaymentState::Processing { .. }
            | PaymentState::Unknown { .. }
            | PaymentState::AwaitingDeposit { .. }
            | PaymentState::Failed { .. }
            | PaymentState::Expired
            | PaymentState::Cancelled
            | PaymentState::Reversed => self.received,
        }
    }

    /// What of it was set aside for refunds, sent or not.
    pub const fn refunded(&self) -> Money {
        self.refunded
    }

    /// Its state.
    pub const fn state(&self) -> &PaymentState {
        &self.state
    }

    /// Whether only the gateway knows where it stands: Processing or Unknown.
    pub const fn is_unsettled(&self) -> bool {
        matches!(self.state, PaymentState::Processing { .. } | PaymentState::Unknown { .. })
    }

    /// Whether money may still come in time.
    pub const fn is_live(&self) -> bool {
        match self.state {
            PaymentState::Created
            | PaymentState::Processing { .. }
            | PaymentState::Unknown { .. }
            | PaymentState::AwaitingDeposit { .. } => true,
            PaymentState::Succeeded { .. }
            | PaymentState::Failed { .. }
            | PaymentState::Expired
            | PaymentState::Cancelled
            | PaymentState::Reversed => false,
        }
    }

    /// What the money bought, if it came.
    pub const fn honoured(&self) -> Option<Honoured> {
        match self.state {
            PaymentState::Succeeded { honoured } => Some(honoured),
            PaymentState::Created
            | PaymentState::Processing { .. }
            | PaymentState::Unknown { .. }
            | PaymentState::AwaitingDeposit { .. }
            | PaymentState::Failed { .. }
            | PaymentState::Expired
            | PaymentState::Cancelled
            | PaymentState::Reversed => None,
        }
    }

    /// Whether its deposit account must still be closed at the gateway.
    pub const fn needs_closing(&self) -> bool {
        matches!(self.closing, Closing::Needed)
    }

    /// Whether refunds go to an account that the buyer must name.
    pub fn refunds_to_account(&self) -> bool {
        self.method == Some(Method::BankTransfer)
    }
}

impl Aggregate for Payment {
    fn reference(&self) -> AggregateRef {
        AggregateRef { kind: AggregateKind::Payment, id: self.id.as_uuid() }
    }

    fn stream(&self) -> StreamKey {
        StreamKey(self.reservation.as_uuid())
    }

    fn root(&self) -> &Root {
        &self.root
    }

    fn root_mut(&mut self) -> &mut Root {
        &mut self.root
    }
}
