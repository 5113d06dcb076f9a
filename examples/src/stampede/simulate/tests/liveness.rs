//! What never ends, or ends the run: it is told like any other failure, and nothing waits for ever.

use std::future::{pending, poll_fn};
use std::sync::{Mutex, PoisonError};
use std::task::Poll;

use ticketing_core::id::{PaymentId, UserId};
use ticketing_core::port::{
    CancelRequest, Captured, ConfirmRequest, DepositAccount, Found, GatewayError, GatewayKey,
    IssueRequest, PaymentGateway, UserDirectory, UserStatus,
};
use ticketing_core::reservation::ReservationState;

use super::*;

/// The only one that something happens to.
struct First<T>(Mutex<Option<T>>);

impl<T> Default for First<T> {
    fn default() -> Self {
        Self(Mutex::new(None))
    }
}

impl<T: PartialEq + Copy> First<T> {
    fn is(&self, one: T) -> bool {
        let mut first = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        *first.get_or_insert(one) == one
    }

    fn was(&self, one: T) -> bool {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) == Some(one)
    }
}

/// A season from seed 3 that is broken so, and is not looked for a smaller failure of.
#[track_caller]
fn broken_by(sabotage: fn(u64, Ports) -> Ports, more: &[&str]) -> Failed {
    let args = season(&[more, &["--no-shrink"]].concat());
    failed(&SimulateArgs { sabotage: Some(sabotage), ..args })
}

/// The id that follows a word, and that the story is about it.
#[track_caller]
fn told_about(failed: &Failed, word: &str) -> String {
    let text = &failed.broken.text;
    let id = text.split(word).nth(1).and_then(|rest| rest.get(..36));
    let id = id.unwrap_or_else(|| panic!("no {word}is named: {failed}"));
    assert!(failed.story.iter().any(|line| line.contains(id)), "{failed}");
    id.to_owned()
}

/// A gateway that never answers about one payment, from its first confirm or cancel on.
struct Silent {
    inner: Arc<dyn PaymentGateway>,
    from_confirm: bool,
    silenced: First<PaymentId>,
}

impl Silent {
    async fn about(&self, payment: PaymentId) {
        if self.silenced.was(payment) {
            pending::<()>().await;
        }
    }
}

#[async_trait]
impl PaymentGateway for Silent {
    async fn confirm(&self, request: ConfirmRequest) -> Result<Captured, GatewayError> {
        if self.from_confirm && self.silenced.is(request.payment) {
            pending::<()>().await;
        }
        self.inner.confirm(request).await
    }

    async fn issue_deposit_account(
        &self,
        request: IssueRequest,
    ) -> Result<DepositAccount, GatewayError> {
        self.inner.issue_deposit_account(request).await
    }

    async fn close_account(&self, payment: PaymentId, key: GatewayKey) -> Result<(), GatewayError> {
        self.inner.close_account(payment, key).await
    }

    async fn cancel(&self, request: CancelRequest) -> Result<(), GatewayError> {
        if !self.from_confirm && self.silenced.is(request.payment) {
            pending::<()>().await;
        }
        self.inner.cancel(request).await
    }

    async fn find(&self, payment: PaymentId) -> Result<Found, GatewayError> {
        self.about(payment).await;
        self.inner.find(payment).await
    }
}

fn silence(ports: Ports, from_confirm: bool) -> Ports {
    let inner = Arc::clone(&ports.gateway);
    let silent = Silent { inner, from_confirm, silenced: First::default() };
    Ports { gateway: Arc::new(silent), ..ports }
}

#[test]
fn a_payment_that_the_gateway_never_answers_for_is_named() {
    let failed = broken_by(|_, ports| silence(ports, true), &[]);
    assert!(failed.broken.text.starts_with("stuck_past_deadline: payment "), "{failed}");
    told_about(&failed, "payment ");
}

#[test]
fn a_refund_that_the_gateway_never_answers_for_is_named() {
    let failed = broken_by(|_, ports| silence(ports, false), &[]);
    let text = &failed.broken.text;
    assert!(text.starts_with("everything_ends: refund "), "{failed}");
    assert!(text.contains("is still to be made"), "{failed}");
    told_about(&failed, "refund ");
}

/// A store that never answers the first who reserves.
struct Stuck {
    inner: Arc<dyn Store>,
    first: First<UserId>,
}

#[async_trait]
impl Store for Stuck {
    async fn commit(&self, changes: ChangeSet) -> Result<Committed, CommitError> {
        let reserves = changes.records().find_map(|record| match record {
            Record::Reservation(it) if *it.state() == ReservationState::Pending => Some(it.user()),
            _ => None,
        });
        if reserves.is_some_and(|user| self.first.is(user)) {
            pending::<()>().await;
        }
        self.inner.commit(changes).await
    }
}

#[test]
fn a_buyer_who_waits_for_ever_is_named() {
    let stuck = |_, ports: Ports| {
        let (inner, first) = (Arc::clone(&ports.store), First::default());
        Ports { store: Arc::new(Stuck { inner, first }), ..ports }
    };
    let failed = broken_by(stuck, &["--faults", "none"]);
    assert!(failed.broken.text.starts_with("everything_ends: buyer "), "{failed}");
    let buyer = told_about(&failed, "buyer ");
    let last = failed.story.last().expect("a story");
    assert!(last.contains("store.commit") && last.contains(&buyer), "{failed}");
}

/// A store that panics at the first ticket.
struct Panics(Arc<dyn Store>);

#[async_trait]
impl Store for Panics {
    async fn commit(&self, changes: ChangeSet) -> Result<Committed, CommitError> {
        let sells = changes.records().any(|record| matches!(record, Record::Ticket(_)));
        assert!(!sells, "the printer is on fire");
        self.0.commit(changes).await
    }
}

#[test]
fn a_panic_is_a_failure_with_a_story_and_can_be_repeated() {
    let failed = broken_by(|_, ports| Ports { store: Arc::new(Panics(ports.store)), ..ports }, &[]);
    let text = failed.to_string();
    assert!(text.starts_with("seed 3 broke at 2027-03-01 01:"), "{text}");
    assert!(text.contains("a task panicked: the printer is on fire"), "{text}");
    let last = failed.story.last().expect("a story");
    assert!(last.contains("store.commit") && last.contains("save ticket"), "{text}");
    assert!(failed.repeat.contains(" simulate --seed 3 "), "{text}");
}

/// A directory that is asked again and again, and time stands still.
struct Spins;

#[async_trait]
impl UserDirectory for Spins {
    async fn status(&self, _: UserId) -> Result<UserStatus, PortError> {
        poll_fn(|context| {
            context.waker().wake_by_ref();
            Poll::Pending
        })
        .await
    }
}

#[test]
fn a_task_that_spins_while_time_stands_still_ends_the_run() {
    let failed = broken_by(|_, ports| Ports { users: Arc::new(Spins), ..ports }, &[]);
    assert!(failed.broken.text.contains("and time did not move"), "{failed}");
    assert!(failed.story.iter().any(|line| line.contains("users.status")), "{failed}");
}
