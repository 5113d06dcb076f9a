//! The saga, alone: no store, no gateway, only replies and what it asks for.

mod explore;
mod json;
mod order;
mod world;

use uuid::Uuid;

use super::*;
use crate::payment::tests::refund_account;
use crate::reservation::tests::{
    CHECKOUT, PAYMENT, RESERVATION, USER, assert_unchanged, minute, pending_events, won,
};

const ENTRY: EntryId = EntryId::from_uuid(Uuid::from_u128(20));
const OTHER_ENTRY: EntryId = EntryId::from_uuid(Uuid::from_u128(21));
const OTHER_PAYMENT: PaymentId = PaymentId::from_uuid(Uuid::from_u128(22));

fn choice() -> TenderChoice {
    TenderChoice {
        points: won(30_000),
        method: Some(Method::BankTransfer),
        refund_account: Some(refund_account()),
    }
}

fn start() -> Checkout {
    let (checkout, command) = Checkout::start(CHECKOUT, RESERVATION, USER, choice(), minute(0));
    assert_eq!(command, Command::CheckUser);
    checkout
}

/// The replies that carry a checkout forward, in the order of its steps.
const FORWARD: [Reply; 4] = [
    Reply::UserActive,
    Reply::PointsReserved(Some(ENTRY)),
    Reply::FraudClear,
    Reply::PaymentCreated(PAYMENT),
];

/// A checkout whose first `steps` steps succeeded.
fn after(steps: usize) -> Checkout {
    let mut checkout = start();
    for (at, reply) in (1_i64..).zip(&FORWARD[..steps]) {
        checkout.handle(reply.clone(), minute(at)).unwrap();
    }
    checkout
}

/// Every reply there is, with ids of this checkout and of another one.
fn all_replies() -> Vec<Reply> {
    let mut replies = vec![
        Reply::UserActive,
        Reply::UserRefused,
        Reply::PointsReserved(None),
        Reply::PointsReserved(Some(ENTRY)),
        Reply::PointsReserved(Some(OTHER_ENTRY)),
        Reply::PointsRefused,
        Reply::FraudClear,
        Reply::FraudSuspected,
        Reply::PaymentCreated(PAYMENT),
        Reply::PaymentCreated(OTHER_PAYMENT),
        Reply::PaymentRefused,
        Reply::ReservationEnded,
        Reply::PointsBack,
        Reply::PaymentDeleted,
    ];
    replies.extend(Step::ALL.map(Reply::TimedOut));
    replies
}
