//! What the binary runs: notices as they come, and bounded steps in loops.

use chrono::{DateTime, Utc};

use super::{BoxOffice, Notice, RelayOptions};
use crate::id::{CheckoutId, PerformanceId, RefundId};
use crate::label::Label;
use crate::page::{Limit, PageRequest};
use crate::service::cancel_performance;
use crate::service::checkout::{self, CheckoutError, CheckoutView};
use crate::service::notice::{self, NoticeError, NoticeTaken};
use crate::service::relay::{self, RelayError, Relayed};
use crate::service::retention::{self, Dropped};
use crate::service::waiting::{self, Called, WaitingError};
use crate::service::{Failure, Swept, expire, reconcile, refund_worker, sweep_holds};
use crate::waiting_line::AdmissionPolicy;

impl BoxOffice {
    /// Takes a notice of the gateway.
    ///
    /// # Errors
    /// See [`notice::take`].
    pub async fn take_notice(&self, notice: Notice) -> Result<NoticeTaken, NoticeError> {
        notice::take(&self.ports, notice).await
    }

    /// Calls the numbers of a line that are due.
    ///
    /// # Errors
    /// See [`waiting::call_next`].
    pub async fn call_next(
        &self,
        id: PerformanceId,
        policy: &AdmissionPolicy,
        last_called_at: Option<DateTime<Utc>>,
    ) -> Result<Called, WaitingError> {
        waiting::call_next(&self.ports, id, policy, last_called_at).await
    }

    /// Drives one checkout on.
    ///
    /// # Errors
    /// See [`checkout::drive`].
    pub async fn drive_checkout(&self, id: CheckoutId) -> Result<CheckoutView, CheckoutError> {
        checkout::drive(&self.ports, id).await
    }

    /// Drives on the checkouts that stand still.
    ///
    /// # Errors
    /// See [`checkout::sweep_stalled`].
    pub async fn sweep_checkouts(&self, page: PageRequest) -> Result<Swept, Failure> {
        checkout::sweep_stalled(&self.ports, page).await
    }

    /// Expires the reservations that are due.
    ///
    /// # Errors
    /// See [`expire::sweep_due`].
    pub async fn sweep_due(&self, page: PageRequest) -> Result<Swept, Failure> {
        expire::sweep_due(&self.ports, page).await
    }

    /// Asks the gateway about payments whose outcome is not known.
    ///
    /// # Errors
    /// See [`reconcile::sweep_unsettled`].
    pub async fn sweep_unsettled(&self, page: PageRequest) -> Result<Swept, Failure> {
        reconcile::sweep_unsettled(&self.ports, page).await
    }

    /// Closes the deposit accounts that nobody should pay to any more.
    ///
    /// # Errors
    /// See [`reconcile::sweep_accounts`].
    pub async fn sweep_accounts(&self, page: PageRequest) -> Result<Swept, Failure> {
        reconcile::sweep_accounts(&self.ports, page).await
    }

    /// Sends the refunds that are owed.
    ///
    /// # Errors
    /// See [`refund_worker::sweep_refunds`].
    pub async fn sweep_refunds(&self, page: PageRequest) -> Result<Swept, Failure> {
        refund_worker::sweep_refunds(&self.ports, page).await
    }

    /// Sends a refund again that the worker gave up.
    ///
    /// # Errors
    /// See [`refund_worker::send_again`].
    pub async fn send_refund_again(&self, id: RefundId) -> Result<bool, Failure> {
        refund_worker::send_again(&self.ports, id).await
    }

    /// Ends the reservations of cancelled performances.
    ///
    /// # Errors
    /// See [`cancel_performance::sweep_cancelled`].
    pub async fn sweep_cancelled(
        &self,
        page: PageRequest,
        per_performance: Limit,
    ) -> Result<Swept, Failure> {
        cancel_performance::sweep_cancelled(&self.ports, page, per_performance).await
    }

    /// Releases holds that outlived what they were for.
    ///
    /// # Errors
    /// See [`sweep_holds::sweep_holds`].
    pub async fn sweep_holds(
        &self,
        id: PerformanceId,
        page: PageRequest,
    ) -> Result<Swept, Failure> {
        sweep_holds::sweep_holds(&self.ports, id, page).await
    }

    /// Publishes events.
    ///
    /// # Errors
    /// See [`relay::run_once`].
    pub async fn relay(
        &self,
        owner: &Label<64>,
        options: &RelayOptions,
    ) -> Result<Relayed, RelayError> {
        relay::run_once(&self.ports, owner, options).await
    }

    /// Drops events that were published long ago.
    ///
    /// # Errors
    /// See [`retention::drop_published`].
    pub async fn drop_published(&self, limit: Limit) -> Result<Dropped, Failure> {
        retention::drop_published(&self.ports, limit).await
    }

    /// Drops answers and ids that were kept long enough.
    ///
    /// # Errors
    /// See [`retention::purge_kept`].
    pub async fn purge_kept(&self, limit: Limit) -> Result<Dropped, Failure> {
        retention::purge_kept(&self.ports, limit).await
    }
}
