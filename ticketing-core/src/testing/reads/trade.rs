//! What the rules about checkouts, payments and refunds look for, made as the use cases make it.

use std::fmt::Debug;
use std::future::Future;

use chrono::{DateTime, TimeDelta, Utc};

use crate::aggregate::Aggregate;
use crate::bank::DepositAccount;
use crate::checkout::{Checkout, Command, Reply, TenderChoice};
use crate::error::PortError;
use crate::id::{CheckoutId, PaymentId, RefundId};
use crate::label::{Label, Token};
use crate::page::{Page, PageRequest};
use crate::payment::{Honoured, Method, NewPayment, Payment};
use crate::policy::Deadlines;
use crate::refund::{NewRefund, Refund, RefundFor};
use crate::reservation::Reservation;
use crate::testing::ports::collect;
use crate::testing::sample::{self, Sale, seats, won};
use crate::testing::{Harness, StorePorts};

/// Panics unless a list of the whole store is in order, each item once, all of them as `fits` says,
/// and has of the `own` ones all that fit and no other, as they were saved.
pub(super) async fn expect_whole<T, K, F>(
    list: impl Fn(PageRequest) -> F + Send + Sync,
    own: &[T],
    fits: impl Fn(&T) -> bool + Send + Sync,
    key: impl Fn(&T) -> K + Send + Sync,
    what: &str,
) where
    T: Debug + PartialEq + Clone + Send + Sync,
    K: Ord,
    F: Future<Output = Result<Page<T>, PortError>> + Send,
{
    let mut expected: Vec<T> = own.iter().filter(|item| fits(item)).cloned().collect();
    expected.sort_by_key(&key);
    for size in [1, 2, 3, 1_000] {
        let mut items = collect(size, &list).await;
        let in_order = items.is_sorted_by(|before, after| key(before) < key(after));
        assert!(in_order, "{what}: not in order or not each once, in pages of {size}");
        assert!(items.iter().all(&fits), "{what}: lists what it must not, in pages of {size}");
        items.retain(|item| own.iter().any(|one| key(one) == key(item)));
        assert_eq!(items, expected, "{what}, in pages of {size}");
    }
}

/// A checkout that is begun.
pub(super) fn checkout(
    h: &Harness,
    of: &Reservation,
    method: Method,
    at: DateTime<Utc>,
) -> Checkout {
    let choice = TenderChoice { points: won(0), method: Some(method), refund_account: None };
    let id = CheckoutId::generate(h.ids());
    let (checkout, first) = Checkout::start(id, of.id(), of.user(), choice, at);
    assert_eq!(first, Command::CheckUser, "a checkout begins with the user");
    checkout
}

/// Takes the checkout on by these replies.
pub(super) fn told(checkout: &mut Checkout, replies: &[Reply], at: DateTime<Utc>) {
    for reply in replies {
        let _ = checkout.handle(reply.clone(), at).expect("the reply that it waits for");
    }
}

/// The replies that complete a checkout without points.
pub(super) const fn completed(payment: PaymentId) -> [Reply; 4] {
    [
        Reply::UserActive,
        Reply::PointsReserved(None),
        Reply::FraudClear,
        Reply::PaymentCreated(payment),
    ]
}

/// A payment of a reservation, its checkout completed; nothing is committed.
pub(in crate::testing) fn attempt(
    h: &Harness,
    reservation: &mut Reservation,
    (id, method): (PaymentId, Method),
    at: DateTime<Utc>,
) -> (Checkout, Payment) {
    let mut checkout = checkout(h, reservation, method, at);
    let begun = reservation.begin_checkout(checkout.id(), 20, at);
    let _ = begun.expect("a reservation that can be paid");
    told(&mut checkout, &completed(id), at);
    let new = NewPayment {
        id,
        reservation,
        checkout: checkout.id(),
        discount: won(0),
        points: won(0),
        points_entry: None,
        method: Some(method),
        refund_account: None,
    };
    let payment = Payment::create(new, at).expect("tenders that make up the price");
    let _ = reservation.end_checkout(checkout.id());
    let started = reservation.start_payment(id, &Deadlines::default(), at);
    let _ = started.expect("a reservation that can be paid");
    (checkout, payment)
}

/// A payment of a new reservation of one seat, created and committed.
pub(super) async fn created(
    h: &Harness,
    ports: &StorePorts,
    (sale, seat): (&Sale, u32),
    method: Method,
    at: DateTime<Utc>,
) -> Payment {
    let mut reservation = sale.reservation_made(h, &seats([seat]), at);
    let wanted = (PaymentId::generate(h.ids()), method);
    let (checkout, mut payment) = attempt(h, &mut reservation, wanted, at);
    let changes = sample::changes(h).save(reservation).save(checkout).save(payment.clone());
    ports.done(&changes, "a payment that is created").await;
    drop(payment.root_mut().committed());
    payment
}

/// Sends a payment to the gateway.
pub(super) fn send(payment: &mut Payment, at: DateTime<Utc>) {
    let sent = match payment.method() {
        Some(Method::Card) => payment.begin_confirm(token("authenticated"), payment.external(), at),
        Some(Method::BankTransfer) => payment.begin_issue(at + TimeDelta::days(1), at),
        None => panic!("expected a payment by the gateway, got points alone"),
    };
    let _ = sent.expect("a payment that is created");
}

/// The gateway issues the account that was asked for.
pub(super) fn issue(h: &Harness, payment: &mut Payment, is_wanted: bool, at: DateTime<Utc>) {
    let account = DepositAccount {
        bank: Label::new("Seoul Bank").expect("a short name"),
        number: Label::new(&h.ids().next_id().to_string()).expect("a uuid is short"),
        due_at: at + TimeDelta::days(1),
        secret: Some(token("secret")),
    };
    let _ = payment.account_issued(account, is_wanted, at).expect("an account was asked for");
}

/// A payment whose money came in, committed.
pub(super) async fn paid(
    h: &Harness,
    ports: &StorePorts,
    at_seat: (&Sale, u32),
    method: Method,
) -> Payment {
    let mut payment = created(h, ports, at_seat, method, h.now()).await;
    pay(&mut payment, h.now());
    super::save(h, ports, payment).await
}

/// The money of a payment that is created comes in.
pub(in crate::testing) fn pay(payment: &mut Payment, at: DateTime<Utc>) {
    send(payment, at);
    let _ = payment.succeed(Honoured::InTime, at).expect("a payment that was sent");
}

/// A refund of so many won through the gateway and so many points; nothing is committed.
pub(in crate::testing) fn refund(
    payment: &mut Payment,
    (id, external, points): (RefundId, i64, i64),
    at: DateTime<Utc>,
) -> Refund {
    let (external, points) = (won(external), won(points));
    payment.take_for_refund(external).expect("a part of what came in");
    let (what, account_wait) = (RefundFor::NotHonoured, Deadlines::default().refund_account_wait);
    let new = NewRefund { id, payment, what, external, points, account_wait };
    Refund::request(new, at)
}

/// The same, committed with its payment.
pub(super) async fn refunded(
    h: &Harness,
    ports: &StorePorts,
    payment: &mut Payment,
    wanted: (RefundId, i64, i64),
) -> Refund {
    let mut refund = refund(payment, wanted, h.now());
    let changes = sample::changes(h).save(payment.clone()).save(refund.clone());
    ports.done(&changes, "a refund that is requested").await;
    drop(payment.root_mut().committed());
    drop(refund.root_mut().committed());
    refund
}

fn token(text: &str) -> Token {
    Token::new(text).expect("a short text")
}
