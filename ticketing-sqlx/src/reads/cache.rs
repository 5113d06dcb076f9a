//! The performances that every buyer reads.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use chrono::{DateTime, TimeDelta, Utc};
use rustc_hash::FxHashMap;
use ticketing_core::aggregate::Aggregate;
use ticketing_core::id::PerformanceId;
use ticketing_core::performance::Performance;
use tokio::sync::watch;

use crate::Options;

/// A bounded cache, whose age runs by the store's clock. What came in first goes first: everything here
/// is young, so that a cleverer order would keep nothing longer.
pub(crate) struct Performances {
    kept_max: usize,
    kept_for: TimeDelta,
    inner: Mutex<Inner>,
}

#[derive(Default)]
struct Inner {
    kept: FxHashMap<PerformanceId, Kept>,
    /// The keys of `kept`, each once, the first one in at the front.
    order: VecDeque<PerformanceId>,
    /// The reads on their way. Their number is bounded by the callers.
    reading: FxHashMap<PerformanceId, watch::Receiver<()>>,
}

struct Kept {
    performance: Arc<Performance>,
    read_at: DateTime<Utc>,
}

/// What a caller gets.
pub(super) enum Asked<'a> {
    /// It is there and young.
    Kept(Arc<Performance>),
    /// Nobody reads it: the caller does, and others wait for as long as this lives.
    Read(Reading<'a>),
    /// Another caller reads it.
    Wait(Wait),
}

/// A read on its way; dropped at its end, also where the caller gave up.
pub(super) struct Reading<'a> {
    cache: Option<&'a Performances>,
    id: PerformanceId,
    _ends: watch::Sender<()>,
}

/// A wait for another's read.
pub(super) struct Wait(watch::Receiver<()>);

impl Wait {
    /// Returns when the read has ended, whatever it brought.
    pub(super) async fn ended(mut self) {
        // Nothing is ever sent: the sender's end is the answer.
        let _ = self.0.changed().await;
    }
}

impl Drop for Reading<'_> {
    fn drop(&mut self) {
        if let Some(cache) = self.cache {
            cache.lock().reading.remove(&self.id);
        }
    }
}

impl Performances {
    pub(crate) fn new(options: &Options) -> Self {
        let kept_for = TimeDelta::from_std(options.performances_cached_for);
        Self {
            kept_max: options.performances_cached_max,
            kept_for: kept_for.unwrap_or(TimeDelta::MAX),
            inner: Mutex::default(),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A clock that jumped back makes nothing younger than it is.
    fn is_young(&self, kept: &Kept, now: DateTime<Utc>) -> bool {
        let age = now.signed_duration_since(kept.read_at);
        age >= TimeDelta::zero() && age < self.kept_for
    }

    pub(super) fn ask(&self, id: PerformanceId, now: DateTime<Utc>) -> Asked<'_> {
        let (ends, reading) = watch::channel(());
        if self.kept_max == 0 || self.kept_for.is_zero() {
            return Asked::Read(Reading { cache: None, id, _ends: ends });
        }
        let mut inner = self.lock();
        if let Some(kept) = inner.kept.get(&id)
            && self.is_young(kept, now)
        {
            return Asked::Kept(Arc::clone(&kept.performance));
        }
        if let Some(reading) = inner.reading.get(&id) {
            return Asked::Wait(Wait(reading.clone()));
        }
        inner.reading.insert(id, reading);
        Asked::Read(Reading { cache: Some(self), id, _ends: ends })
    }

    /// Keeps a performance as it was at `at`, which is before it was read. A read
    /// that was overtaken does not bring an older version back while the later one is young; one of the
    /// same version may make it older than it is, which is safe.
    pub(crate) fn keep(&self, performance: &Arc<Performance>, at: DateTime<Utc>) {
        if self.kept_max == 0 || self.kept_for.is_zero() {
            return;
        }
        let id = performance.id();
        let new = Kept { performance: Arc::clone(performance), read_at: at };
        let version = |kept: &Kept| kept.performance.root().version();
        let mut inner = self.lock();
        if let Some(kept) = inner.kept.get_mut(&id) {
            let age = at.signed_duration_since(kept.read_at);
            if version(&new) >= version(kept) || age >= self.kept_for {
                *kept = new;
            }
            return;
        }
        if inner.order.len() >= self.kept_max
            && let Some(first) = inner.order.pop_front()
        {
            inner.kept.remove(&first);
        }
        inner.order.push_back(id);
        inner.kept.insert(id, new);
    }
}
