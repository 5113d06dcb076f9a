//! Stores that refuse or fail in the middle of a use case.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use pollster::block_on;
use ticketing_core::change_set::ChangeSet;
use ticketing_core::error::{Fault, PortError};
use ticketing_core::id::{PaymentId, RefundId, UserId};
use ticketing_core::ledger::{Account, AccountKey};
use ticketing_core::memory::MemoryStore;
use ticketing_core::money::Currency;
use ticketing_core::page::{Limit, Page, PageRequest};
use ticketing_core::payment::{Honoured, Method, PaymentState};
use ticketing_core::port::{CommitError, Committed, Ports, Refunds, Store};
use ticketing_core::refund::{Refund, RefundState};
use ticketing_core::service::checkout::{self, CheckoutError, StartCheckout};
use ticketing_core::service::confirm::{self, ConfirmError, ConfirmPayment};
use ticketing_core::service::notice::{NoticeError, NoticeTaken};
use ticketing_core::service::{Failure, PaymentStatus, PaymentView, reconcile};

use uuid::Uuid;

use crate::deposits::{await_deposit, refund_state};
use crate::world::{PRICE, World, seat, token, won};

/// Refuses the commits whose numbers it is told, the first being 1.
struct Refusing {
    store: MemoryStore,
    commits: AtomicU32,
    refusal: Box<dyn Fn(u32) -> Option<CommitError> + Send + Sync>,
}

#[async_trait]
impl Store for Refusing {
    async fn commit(&self, changes: ChangeSet) -> Result<Committed, CommitError> {
        let number = self.commits.fetch_add(1, Ordering::SeqCst) + 1;
        match (self.refusal)(number) {
            Some(refusal) => Err(refusal),
            None => self.store.commit(changes).await,
        }
    }
}

pub(crate) fn through(
    world: &World,
    refusal: impl Fn(u32) -> Option<CommitError> + Send + Sync + 'static,
) -> Ports {
    let (store, refusal) = (world.store.clone(), Box::new(refusal));
    let store = Refusing { store, commits: AtomicU32::new(0), refusal };
    Ports { store: Arc::new(store), ..world.ports.clone() }
}

/// Confirms a payment of one seat over a store that refuses.
fn confirm(
    world: &World,
    points: i64,
    method: Option<Method>,
    refusal: fn(u32) -> Option<CommitError>,
) -> (PaymentId, Result<PaymentView, ConfirmError>) {
    let user = world.rich(PRICE);
    let reservation = world.reserve(user, &seat(0)).reservation;
    let payment = world.checkout(user, reservation, points, method);
    let amount = won(PRICE - points);
    let request =
        ConfirmPayment { user, payment, amount, provider_key: Some(token("card")), key: None };
    (payment, block_on(confirm::confirm(&through(world, refusal), request)))
}

fn fails(number: u32, fault: Fault) -> Option<CommitError> {
    (number == 2).then(|| PortError::new("store", "commit", fault).into())
}

#[test]
fn an_outcome_that_was_not_written_is_answered_as_under_way_only_if_it_may_still_be() {
    let transient: fn(u32) -> _ = |number| fails(number, Fault::Transient);
    let permanent: fn(u32) -> _ = |number| fails(number, Fault::Permanent);
    for (refusal, is_transient) in [(transient, true), (permanent, false)] {
        let world = World::new();
        let (payment, answer) = confirm(&world, 0, Some(Method::Card), refusal);
        if is_transient {
            assert_eq!(answer.unwrap().status, PaymentStatus::Processing);
        } else {
            assert!(matches!(answer, Err(ConfirmError::Failed(Failure::Port(_)))), "{answer:?}");
        }
        world.minutes(2);
        let page = PageRequest::first(Limit::DEFAULT);
        let swept = block_on(reconcile::sweep_unsettled(&world.ports, page)).unwrap();
        assert_eq!(swept.changed, 1);
        assert_eq!(world.payment(payment).honoured(), Some(Honoured::InTime));
        world.check_at_rest();
    }
}

#[test]
fn points_are_not_spent_on_tickets_that_the_store_refuses() {
    let world = World::new();
    let (payment, answer) = confirm(&world, PRICE, None, |number| {
        (number == 1).then_some(CommitError::AllowanceExceeded { limit: 4 })
    });
    assert_eq!(answer.unwrap().status, PaymentStatus::Created);
    assert_eq!(*world.payment(payment).state(), PaymentState::Created);
    assert!(world.tickets(world.payment(payment).reservation()).is_empty());
    world.check();
}

#[test]
fn a_store_that_refuses_whatever_is_decided_is_not_asked_for_ever() {
    let world = World::new();
    let (payment, answer) = confirm(&world, 0, Some(Method::Card), |number| {
        (number > 1).then(|| CommitError::SeatTaken(seat(0)))
    });
    assert!(matches!(answer, Err(ConfirmError::Failed(Failure::Port(_)))), "{answer:?}");
    assert!(matches!(world.payment(payment).state(), PaymentState::Processing { .. }));
    world.check();
}

#[test]
fn a_store_that_finds_every_wallet_poor_does_not_keep_a_checkout_for_ever() {
    // The second, after all at once was refused.
    const STARTED: u32 = 2;
    for taken in [None, Some(STARTED)] {
        let world = World::new();
        let user = world.rich(PRICE);
        let reservation = world.reserve(user, &seat(0)).reservation;
        let ports = through(&world, move |number| {
            assert!(number < 20, "asked again and again");
            let wallet = AccountKey {
                account: Account::Wallet(UserId::from_uuid(Uuid::nil())),
                currency: Currency::KRW,
            };
            (taken != Some(number)).then_some(CommitError::InsufficientFunds(wallet))
        });
        let request = StartCheckout::by_points(user, reservation, won(PRICE));
        let answer = block_on(checkout::start(&ports, request));
        assert!(matches!(answer, Err(CheckoutError::Failed(Failure::Port(_)))), "{answer:?}");
        assert_eq!(world.told("checkout.started"), usize::from(taken.is_some()));
        world.check();
    }
}

/// Lists the refunds of a payment one a page.
struct OneByOne(MemoryStore);

#[async_trait]
impl Refunds for OneByOne {
    async fn find(&self, id: RefundId) -> Result<Option<Refund>, PortError> {
        Refunds::find(&self.0, id).await
    }

    async fn of_payment(
        &self,
        payment: PaymentId,
        page: PageRequest,
    ) -> Result<Page<Refund>, PortError> {
        let page = PageRequest::next(page.after, Limit::new(1).unwrap());
        self.0.of_payment(payment, page).await
    }

    async fn due(
        &self,
        until: DateTime<Utc>,
        page: PageRequest,
    ) -> Result<Page<Refund>, PortError> {
        self.0.due(until, page).await
    }
}

/// A deposit is taken back whose refund stands behind those of so many deposits of another amount.
fn taken_back_after(others: i64) -> (World, PaymentId, RefundId, Result<NoticeTaken, NoticeError>) {
    let mut world = World::new();
    world.ports.refunds = Arc::new(OneByOne(world.store.clone()));
    let user = world.user();
    let (reservation, payment) = await_deposit(&world, user, &seat(0));
    for amount in std::iter::repeat_n(1, usize::try_from(others).unwrap()).chain([PRICE]) {
        world.gateway.deposit(payment, won(amount)).unwrap();
        assert_eq!(world.take_notices(), 1);
    }
    let refund = world.refund(user, reservation, None).unwrap().refund;
    assert_eq!(world.balance(Account::RefundPayable), others + PRICE);
    world.gateway.reverse_deposit(payment).unwrap();
    let answer = world.notice("reversal", payment);
    (world, payment, refund, answer)
}

#[test]
fn a_refund_is_stopped_on_whatever_page_it_stands() {
    for others in [1, 15] {
        let (world, _, refund, answer) = taken_back_after(others);
        assert!(matches!(answer, Ok(NoticeTaken::Applied(_))), "{answer:?}");
        assert_eq!(refund_state(&world, refund), RefundState::Stopped);
        assert_eq!(world.balance(Account::RefundPayable), others);
        assert_eq!(world.balance(Account::Loss), 0);
        world.check();
    }
}

#[test]
fn a_deposit_is_not_taken_back_by_only_a_part_of_its_refunds() {
    let (world, payment, refund, answer) = taken_back_after(16);
    assert!(matches!(answer, Err(NoticeError::Failed(Failure::Port(_)))), "{answer:?}");
    assert_eq!(world.payment(payment).honoured(), Some(Honoured::InTime));
    assert_eq!(refund_state(&world, refund), RefundState::Requested);
    assert_eq!(world.balance(Account::Loss), 0);
    world.check();
}
