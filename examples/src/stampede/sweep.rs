//! The bounded jobs of a binary: sweeps over the lists of the store, and the relay.

use std::time::Duration;

use ticketing_core::box_office::{BoxOffice, RelayOptions};
use ticketing_core::error::{Fault, PortError};
use ticketing_core::id::PerformanceId;
use ticketing_core::label::Label;
use ticketing_core::page::{Cursor, Limit, PageRequest};
use ticketing_core::service::checkout::CheckoutError;
use ticketing_core::service::relay::RelayError;
use ticketing_core::service::{Failure, Swept};

use super::defect::Defects;

const PAGE: Limit = match Limit::new(500) {
    Ok(limit) => limit,
    Err(_) => Limit::DEFAULT,
};

/// A bounded job over a list of the store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sweep {
    Due,
    StalledCheckouts,
    Unsettled,
    Accounts,
    Refunds,
    Cancelled,
    Holds,
}

impl Sweep {
    pub(crate) const ALL: [Self; 7] = [
        Self::Due,
        Self::StalledCheckouts,
        Self::Unsettled,
        Self::Accounts,
        Self::Refunds,
        Self::Cancelled,
        Self::Holds,
    ];

    /// The pause between two runs over the whole list, in the buyers' time.
    pub(crate) const fn pause(self) -> Duration {
        Duration::from_secs(match self {
            Self::Due => 15,
            Self::StalledCheckouts | Self::Unsettled | Self::Refunds => 30,
            Self::Accounts | Self::Cancelled | Self::Holds => 60,
        })
    }

    /// One batch.
    async fn run(
        self,
        office: &BoxOffice,
        performance: PerformanceId,
        page: PageRequest,
    ) -> Result<Swept, Failure> {
        match self {
            Self::Due => office.sweep_due(page).await,
            Self::StalledCheckouts => office.sweep_checkouts(page).await,
            Self::Unsettled => office.sweep_unsettled(page).await,
            Self::Accounts => office.sweep_accounts(page).await,
            Self::Refunds => office.sweep_refunds(page).await,
            Self::Cancelled => office.sweep_cancelled(page, PAGE).await,
            Self::Holds => office.sweep_holds(performance, page).await,
        }
    }

    /// Batches to the end of the list; how many items changed. Only holds are those of one performance.
    pub(crate) async fn run_through(
        self,
        office: &BoxOffice,
        performance: PerformanceId,
        defects: &Defects,
    ) -> usize {
        const BATCHES: usize = 10_000;
        let mut changed = 0;
        let mut after: Option<Cursor> = None;
        for _ in 0..BATCHES {
            match self.run(office, performance, PageRequest::next(after, PAGE)).await {
                Ok(swept) => {
                    note(&swept, defects);
                    changed += swept.changed;
                    after = swept.next;
                }
                Err(failure) => {
                    if !failure.is_transient() {
                        defects.note("sweep", &failure);
                    }
                    return changed;
                }
            }
            if after.is_none() {
                break;
            }
        }
        changed
    }
}

fn note(swept: &Swept, defects: &Defects) {
    for error in swept.errors.iter().filter(|error| !may_pass(&***error)) {
        defects.note("sweep", &**error);
    }
}

/// Whether an item that failed may succeed in a later run.
fn may_pass(error: &(dyn std::error::Error + 'static)) -> bool {
    if let Some(error) = error.downcast_ref::<PortError>() {
        return error.fault() != Fault::Permanent;
    }
    let failure = match error.downcast_ref::<CheckoutError>() {
        Some(CheckoutError::Failed(failure)) => Some(failure),
        Some(_) | None => error.downcast_ref::<Failure>(),
    };
    failure.is_some_and(Failure::is_transient)
}

/// Publishes what the outbox holds, a batch of each partition; how many events.
pub(crate) async fn publish(office: &BoxOffice, owner: &str, defects: &Defects) -> usize {
    let owner = Label::new(owner).expect("short and not empty");
    let options = RelayOptions { lease_ttl: Duration::from_mins(5), ..RelayOptions::default() };
    match office.relay(&owner, &options).await {
        Ok(relayed) => relayed.published,
        Err(RelayError::Failed(failure)) if failure.is_transient() => 0,
        Err(error) => {
            defects.note("relay", &error);
            0
        }
    }
}

/// The same, if anything waits: over a database a look at each partition costs a commit.
pub(crate) async fn publish_waiting(office: &BoxOffice, owner: &str, defects: &Defects) -> usize {
    match office.ports().outbox.waiting().await {
        Ok(0) => 0,
        Ok(_) | Err(_) => publish(office, owner, defects).await,
    }
}
