//! Whose turn it is among the sessions of a lane.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// One session of a lane at a time decides and writes. While it commits, which is mostly to wait for the disk,
/// the next one goes on with whatever was queued meanwhile.
///
/// What the next one writes to the same rows waits for that COMMIT, as it does between processes. Clones share
/// the turn, and it ends with the last of them.
#[derive(Clone, Debug)]
pub(crate) struct Turn {
    of_lane: Arc<Semaphore>,
    permit: Arc<Mutex<Option<OwnedSemaphorePermit>>>,
}

impl Turn {
    /// A turn that is not taken yet; `of_lane` has one permit.
    pub(super) fn new(of_lane: Arc<Semaphore>) -> Self {
        Self { of_lane, permit: Arc::default() }
    }

    fn permit(&self) -> MutexGuard<'_, Option<OwnedSemaphorePermit>> {
        self.permit.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits for the turn; in order.
    pub(super) async fn take(&self) {
        let permit = Arc::clone(&self.of_lane).acquire_owned().await;
        *self.permit() = Some(permit.expect("a lane's turns are never closed"));
    }

    /// Lets the next session go on. Without the turn it does nothing.
    pub(crate) fn pass(&self) {
        drop(self.permit().take());
    }
}
