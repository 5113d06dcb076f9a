//! A database that is sold from, and what it held before.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use chrono::TimeDelta;
use ticketing_core::error::PortError;
use ticketing_core::id::PaymentId;
use ticketing_core::ledger::Account;
use ticketing_core::money::Currency;
use ticketing_core::page::PageRequest;
use ticketing_core::port::{Clock, Inspect};
use ticketing_sqlx::{Options, Snapshot, Store};

use super::clock::ScaledClock;
use super::figures::{PAGE, for_each};
use super::run::RunError;
use super::store::{DatabaseUrl, StoreKind};

/// How long after what a database remembers last a run begins: every lease of a relay has ended by then.
const LATER: TimeDelta = TimeDelta::hours(1);
/// The longest that a store may cache a performance.
const CACHED_MAX: Duration = Duration::from_hours(1);
/// How long a store may take to commit what is queued when a run is over.
const CLOSING: Duration = Duration::from_secs(30);

/// A database that is sold from, and what it held before.
pub(crate) struct Durable {
    pub(crate) store: Arc<Store>,
    pub(crate) kind: StoreKind,
    pub(crate) before: Before,
}

/// What a database held before a run.
#[derive(Debug, Default)]
pub(crate) struct Before {
    /// Payments that the gateway of this run knows nothing of.
    pub(crate) payments: BTreeSet<PaymentId>,
    /// What the platform had, in won.
    pub(crate) fees: i64,
    /// Whether some of its events are gone, so that none can be held against what is published now.
    pub(crate) has_dropped_events: bool,
}

impl Durable {
    /// Migrates a database and connects to it. The clock is moved on to after what it remembers last, as no
    /// sale happens before the one that is there.
    ///
    /// # Errors
    /// The database cannot be opened or read.
    pub(crate) async fn open(url: &DatabaseUrl, clock: &ScaledClock) -> Result<Self, RunError> {
        let options = options(clock);
        Store::migrate(url.secret(), &options).await?;
        let store = Store::connect(url.secret(), options, Arc::new(clock.clone())).await?;
        let snapshot = store.snapshot().await?;
        if let Some(last) = snapshot.last_decided_at() {
            let ahead = last + LATER - clock.now();
            clock.skip(ahead.to_std().unwrap_or_default());
        }
        let kind = url.kind().by_server(snapshot.server());
        let before = Before::read(&snapshot).await;
        snapshot.close().await;
        Ok(Self { store: Arc::new(store), kind, before: before? })
    }

    /// Ends all sessions.
    pub(crate) async fn close(&self) {
        let _ = self.store.close(CLOSING).await;
    }
}

/// The defaults, but that a performance is cached as long in wall time: its age runs by the buyers' clock.
fn options(clock: &ScaledClock) -> Options {
    let defaults = Options::default();
    let cached_for = (defaults.performances_cached_for * clock.speed()).min(CACHED_MAX);
    Options { performances_cached_for: cached_for, ..defaults }
}

impl Before {
    async fn read(snapshot: &Snapshot) -> Result<Self, PortError> {
        let has_dropped_events = snapshot.has_dropped_events();
        let mut before = Self { has_dropped_events, ..Self::default() };
        let store = snapshot.inspect();
        for_each!(store, payments, |payment| {
            before.payments.insert(payment.id());
        });
        for_each!(store, balances, |row| {
            let key = row.account;
            if key.account == Account::PlatformFee && key.currency == Currency::KRW {
                before.fees += row.amount;
            }
        });
        Ok(before)
    }
}
