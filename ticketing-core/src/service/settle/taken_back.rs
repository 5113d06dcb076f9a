//! The bank took back money that had bought nothing.

use super::honour::refused;
use super::{After, Also, Case, Decision};
use crate::change_set::ChangeSet;
use crate::ledger::JournalEntry;
use crate::money::Money;
use crate::payment::Method;
use crate::refund::{Refund, RefundFor, RefundState};
use crate::service::support::Failure;

impl Case<'_> {
    /// So much less is at the gateway than came in. It was owed back: what was not sent yet is owed no
    /// more, the rest is lost.
    ///
    /// A card's capture does not shrink: a chargeback is no answer of `find`, so nothing is done about one.
    pub(super) async fn taken_back(mut self, lost: Money) -> Result<Option<Decision>, Failure> {
        let is_deposit = self.payment.method() == Some(Method::BankTransfer);
        if !is_deposit || self.payment.unexpected().sub(lost).is_err() {
            return Ok(None);
        }
        let refunds = self.refunds().await?;
        let (changes, stopped) = self.lose(self.changes(), lost, refunds)?;
        let also = stopped.into_iter().map(Also::Refund).collect();
        Ok(Some(self.decided(changes, also, After::Nothing)))
    }

    /// Books money that is gone, and takes it off what is owed: first off a refund of just that amount,
    /// and off one that is under way only at last.
    pub(super) fn lose(
        &mut self,
        changes: ChangeSet,
        lost: Money,
        mut refunds: Vec<Refund>,
    ) -> Result<(ChangeSet, Vec<Refund>), Failure> {
        let entry = JournalEntry::deposit_lost(self.booking(), self.payment.id(), lost)?;
        let mut changes = changes.post(entry);
        self.payment.lose_unexpected(lost, self.now).map_err(refused)?;
        refunds.retain(|refund| *refund.what() == RefundFor::NotHonoured);
        refunds.sort_by_key(|refund| (is_under_way(refund), refund.left() != lost));
        let mut rest = lost;
        let mut stopped = Vec::new();
        for mut refund in refunds {
            let part = if rest.sub(refund.left()).is_ok() { refund.left() } else { rest };
            if part.is_zero() {
                continue;
            }
            rest = rest.sub(part)?;
            changes = self.take_back(changes, &mut refund, part)?;
            stopped.push(refund);
        }
        Ok((changes, stopped))
    }

    /// Takes money off a refund; what is owed no more by that is no loss.
    pub(super) fn take_back(
        &self,
        changes: ChangeSet,
        refund: &mut Refund,
        amount: Money,
    ) -> Result<ChangeSet, Failure> {
        let owed = refund.owed();
        refund.take_back(amount, self.now).map_err(refused)?;
        let stopped = owed.sub(refund.owed())?;
        if stopped.is_zero() {
            return Ok(changes);
        }
        Ok(changes.post(JournalEntry::refund_stopped(self.booking(), refund.id(), stopped)?))
    }
}

const fn is_under_way(refund: &Refund) -> bool {
    match refund.state() {
        RefundState::Processing { .. } | RefundState::Unknown { .. } => true,
        RefundState::Requested
        | RefundState::NeedsAccount { .. }
        | RefundState::Failed { .. }
        | RefundState::Succeeded { .. }
        | RefundState::Stopped => false,
    }
}
