mod bytes;
mod text;
mod tracing;

use std::sync::Arc;

use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::{Canon, Encoder, Shown};
use crate::bank::{DepositAccount, RefundAccount};
use crate::change_set::ChangeSet;
use crate::checkout::{Checkout, TenderChoice};
use crate::id::{
    ChangeSetId, CheckoutId, HoldToken, PaymentId, PerformanceId, RefundId, ReservationId, ShowId,
    UserId,
};
use crate::memory::ManualClock;
use crate::payment::Method;
use crate::port::{CancelRequest, GatewayKey, HoldRequest};
use crate::testing::sample::{seats, won};

/// Text that must never be seen.
const SECRET: &str = "110-234-567890";

const NOON: &str = "2027-03-01T12:00:00Z";

fn noon() -> DateTime<Utc> {
    NOON.parse().unwrap()
}

fn clock() -> Arc<ManualClock> {
    Arc::new(ManualClock::at(noon()))
}

macro_rules! numbered {
    ($($function:ident: $id:ident),* $(,)?) => {$(
        fn $function(number: u128) -> $id {
            $id::from_uuid(Uuid::from_u128(number))
        }
    )*};
}

numbered! {
    change_set: ChangeSetId,
    checkout: CheckoutId,
    payment: PaymentId,
    performance: PerformanceId,
    refund: RefundId,
    reservation: ReservationId,
    show: ShowId,
    token: HoldToken,
    user: UserId,
}

fn bytes<T: Canon + ?Sized>(value: &T) -> Vec<u8> {
    let mut out = Encoder::new();
    value.canon(&mut out);
    out.as_bytes().to_vec()
}

fn text<T: Canon + ?Sized>(value: &T) -> String {
    Shown(value).to_string()
}

fn hold_request() -> HoldRequest {
    HoldRequest {
        performance: performance(1),
        seats: seats([4, 5]),
        holder: user(2),
        token: token(3),
        expires_at: noon(),
    }
}

fn changes() -> ChangeSet {
    ChangeSet::new(change_set(9), noon())
}

fn refund_account() -> RefundAccount {
    let label = |text: &str| text.parse().unwrap();
    RefundAccount::new(label("Hana"), label(SECRET), SECRET.parse().unwrap())
}

fn deposit_account() -> DepositAccount {
    DepositAccount {
        bank: "Hana".parse().unwrap(),
        number: SECRET.parse().unwrap(),
        due_at: noon(),
        secret: Some(SECRET.parse().unwrap()),
    }
}

fn cancel_request(account: Option<RefundAccount>) -> CancelRequest {
    CancelRequest {
        payment: payment(1),
        refund: refund(2),
        amount: won(5_000),
        account,
        key: GatewayKey::cancel(refund(2), 1),
    }
}

/// A checkout that names an account for its refund.
fn checkout_with_account() -> Checkout {
    let choice = TenderChoice {
        points: won(0),
        method: Some(Method::BankTransfer),
        refund_account: Some(refund_account()),
    };
    Checkout::start(checkout(1), reservation(2), user(3), choice, noon()).0
}
