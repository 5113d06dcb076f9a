//! The models that every written change set is replayed on, while the run goes on.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use ticketing_core::change_set::{ChangeSet, Record};
use ticketing_core::error::PortError;
use ticketing_core::memory::{FakeGateway, MemoryStore};
use ticketing_core::port::Clock;
use ticketing_core::refund::{RefundState, Sent};
use ticketing_core::testing::model::{DomainModel, ModelStore};
use ticketing_core::verify::{VerifyOptions, verify};

use super::failure::{Broken, Found};

/// The store is counted as a whole after so many change sets, and whenever they are so many times as many:
/// all the counts of a long run cost less than the last one.
const FIRST_COUNT: u64 = 500;
const COUNT_GROWS: u64 = 4;

struct State {
    clock: Arc<dyn Clock>,
    model: ModelStore,
    domain: DomainModel,
    gateway: Option<Arc<FakeGateway>>,
    stuck_after: Duration,
    replayed: u64,
    count_at: u64,
    broken: Option<Broken>,
}

impl State {
    fn replay(&mut self, changes: &ChangeSet) {
        if self.broken.is_some() {
            return;
        }
        self.replayed += 1;
        let accepted = self.model.must_accept(changes);
        let fits = accepted.and_then(|()| self.domain.must_fit(&self.model, changes));
        let fits = fits.map_err(|violation| violation.to_string());
        if let Err(text) = fits.and_then(|()| self.is_at_gateway(changes)) {
            self.broken = Some(Broken::by_its_words(Found::At(self.clock.now()), text));
        }
    }

    /// Nothing counts as received or sent back that the gateway does not know of. What the bank took back may
    /// still count as received: that it does not any more once the statement told so is seen to where the
    /// statement is, and at the end both must be the same.
    fn is_at_gateway(&self, changes: &ChangeSet) -> Result<(), String> {
        let Some(gateway) = &self.gateway else { return Ok(()) };
        for record in changes.records() {
            match record {
                Record::Payment(payment) if !payment.received().is_zero() => {
                    let captured = gateway.money_of(payment.id()).map(|money| money.captured);
                    if captured.is_none_or(|captured| captured.minor() < payment.received().minor())
                    {
                        let (id, received) = (payment.id(), payment.received());
                        return Err(format!(
                            "payment {id} received {received}, the gateway captured {captured:?}"
                        ));
                    }
                }
                Record::Refund(refund)
                    if *refund.state() == RefundState::Succeeded { sent: Sent::Gateway } =>
                {
                    let cancelled = gateway.money_of(refund.payment()).map(|money| money.cancelled);
                    let to_send = refund.to_send();
                    if cancelled.is_none_or(|sent| sent.minor() < to_send.minor()) {
                        let (id, payment) = (refund.id(), refund.payment());
                        return Err(format!(
                            "refund {id} of {to_send} was sent, the gateway cancelled {cancelled:?} of \
                             payment {payment}"
                        ));
                    }
                }
                _ => {}
            }
        }
        Ok(())
    }
}

/// Looks on as change sets are written.
#[derive(Clone)]
pub(super) struct Watch(Arc<Mutex<State>>);

impl Watch {
    pub(super) fn new(clock: Arc<dyn Clock>, stuck_after: Duration) -> Self {
        let state = State {
            clock,
            model: ModelStore::new(),
            domain: DomainModel::new(),
            gateway: None,
            stuck_after,
            replayed: 0,
            count_at: FIRST_COUNT,
            broken: None,
        };
        Self(Arc::new(Mutex::new(state)))
    }

    /// Watches a store, which must be empty.
    pub(super) fn attach(&self, store: &MemoryStore) {
        let watch = self.clone();
        store.watch(move |changes| watch.lock().replay(changes));
    }

    /// From now on money is compared with that of the gateway.
    pub(super) fn compare_with(&self, gateway: &Arc<FakeGateway>) {
        self.lock().gateway = Some(Arc::clone(gateway));
    }

    /// The first thing that broke.
    pub(super) fn broken(&self) -> Option<Broken> {
        self.lock().broken.clone()
    }

    /// Something else broke, which counts if nothing did before.
    pub(super) fn found(&self, broken: Broken) {
        self.lock().broken.get_or_insert(broken);
    }

    /// How many change sets were replayed.
    pub(super) fn replayed(&self) -> u64 {
        self.lock().replayed
    }

    /// Counts the whole store if it is time for it: what no single change set shows.
    pub(super) async fn count_if_due(&self, store: &MemoryStore) -> Result<(), PortError> {
        let now = {
            let mut state = self.lock();
            if state.broken.is_some() || state.replayed < state.count_at {
                return Ok(());
            }
            state.count_at = COUNT_GROWS * state.replayed;
            state.clock.now()
        };
        let stuck_after = self.lock().stuck_after;
        let options = VerifyOptions {
            events_dropped_before: Some(now),
            stuck_after,
            ..VerifyOptions::at(now)
        };
        let report = verify(store, &options).await?;
        if let Some(first) = report.invariants.into_iter().find(|invariant| !invariant.ok) {
            let broken = Broken::of(Found::At(now), first.name, &first.violations);
            self.lock().broken.get_or_insert(broken);
        }
        Ok(())
    }

    /// What the store says otherwise than the model.
    pub(super) async fn differences(&self, store: &MemoryStore) -> Result<Vec<String>, PortError> {
        // Nothing is written any more: the model is taken out, so that no lock is held over an await.
        let model = std::mem::take(&mut self.lock().model);
        model.differences(store).await
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
