//! What a payment tells. Never a card number, an account number or a secret.

use chrono::{DateTime, Utc};

use super::state::{FailReason, Honoured, Method};
use crate::event::events;
use crate::id::{PaymentId, ReservationId, UserId};
use crate::money::Money;

events! {
    /// What happened to a payment.
    PaymentEvent {
        /// It was created; nothing is paid.
        Created = "payment.created" {
            /// Which.
            payment: PaymentId,
            /// What it pays.
            reservation: ReservationId,
            /// Who pays.
            user: UserId,
            /// Points.
            points: Money,
            /// What the gateway must bring.
            external: Money,
            /// By which method.
            method: Option<Method>,
        },
        /// It was sent to the gateway.
        Sent = "payment.sent" {
            /// Which.
            payment: PaymentId,
        },
        /// The gateway's answer was lost.
        BecameUnknown = "payment.became_unknown" {
            /// Which.
            payment: PaymentId,
        },
        /// A deposit is awaited.
        AwaitingDeposit = "payment.awaiting_deposit" {
            /// Which.
            payment: PaymentId,
            /// Until when.
            due_at: DateTime<Utc>,
        },
        /// The expected amount came in.
        Succeeded = "payment.succeeded" {
            /// Which.
            payment: PaymentId,
            /// What it pays.
            reservation: ReservationId,
            /// What the gateway brought.
            external: Money,
            /// What it bought.
            honoured: Honoured,
        },
        /// It was refused.
        Failed = "payment.failed" {
            /// Which.
            payment: PaymentId,
            /// Why.
            reason: FailReason,
        },
        /// No deposit came in time.
        Expired = "payment.expired" {
            /// Which.
            payment: PaymentId,
        },
        /// Its reservation ended before any money came.
        Cancelled = "payment.cancelled" {
            /// Which.
            payment: PaymentId,
        },
        /// Its deposit account is closed at the gateway.
        AccountClosed = "payment.account_closed" {
            /// Which.
            payment: PaymentId,
        },
        /// The bank took the deposit back.
        Reversed = "payment.reversed" {
            /// Which.
            payment: PaymentId,
            /// What it pays.
            reservation: ReservationId,
        },
        /// Money of another amount than expected came in and is refunded: a human should look.
        UnexpectedMoney = "payment.unexpected_money" {
            /// Which.
            payment: PaymentId,
            /// What was expected.
            expected: Money,
            /// What came.
            got: Money,
        },
        /// The bank took back money that had bought nothing: a human should look.
        UnexpectedMoneyLost = "payment.unexpected_money_lost" {
            /// Which.
            payment: PaymentId,
            /// How much.
            lost: Money,
        },
    }
}
