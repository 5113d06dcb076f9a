//! The model that every written change set is replayed on, while the run goes on.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use ticketing_core::change_set::ChangeSet;
use ticketing_core::error::PortError;
use ticketing_core::memory::MemoryStore;
use ticketing_core::port::Clock;
use ticketing_core::testing::model::{DomainModel, ModelStore};

use super::failure::Broken;

struct State {
    clock: Arc<dyn Clock>,
    model: ModelStore,
    domain: DomainModel,
    replayed: u64,
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
        if let Err(violation) = fits {
            self.broken = Some(Broken { at: self.clock.now(), text: violation.to_string() });
        }
    }
}

/// Looks on as change sets are written.
#[derive(Clone)]
pub(super) struct Watch(Arc<Mutex<State>>);

impl Watch {
    pub(super) fn new(clock: Arc<dyn Clock>) -> Self {
        let (model, domain) = (ModelStore::new(), DomainModel::new());
        let state = State { clock, model, domain, replayed: 0, broken: None };
        Self(Arc::new(Mutex::new(state)))
    }

    /// Watches a store, which must be empty.
    pub(super) fn attach(&self, store: &MemoryStore) {
        let watch = self.clone();
        store.watch(move |changes| watch.lock().replay(changes));
    }

    /// The first thing that broke.
    pub(super) fn broken(&self) -> Option<Broken> {
        self.lock().broken.clone()
    }

    /// How many change sets were replayed.
    pub(super) fn replayed(&self) -> u64 {
        self.lock().replayed
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
