//! No money came: accounts, refusals, silence.

use super::honour::refused;
use super::{After, Case, Decision, Fact, post_if_any};
use crate::payment::{FailReason, PaymentState, UnpaidEnd};
use crate::port::DepositAccount;
use crate::service::support::Failure;

impl Case<'_> {
    /// A deposit account is open. If the reservation ended meanwhile, it must be closed again.
    pub(super) fn account_issued(
        mut self,
        account: DepositAccount,
    ) -> Result<Option<Decision>, Failure> {
        if !self.payment.is_unsettled() {
            return Ok(None);
        }
        let id = self.payment.id();
        let wanted = self.reservation.is_pending()
            && self.reservation.payment() == Some(id)
            && !self.performance.is_cancelled();
        let due_at = account.due_at;
        let issued = self.payment.account_issued(account, wanted, self.now);
        issued.map_err(refused)?;
        if !wanted {
            let points = self.points_back()?;
            self.reservation.end_payment(id);
            let changes = post_if_any(self.changes(), points);
            return Ok(Some(self.decided(changes, Vec::new(), After::Nothing)));
        }
        let deadlines = &self.performance.policy().deadlines;
        let awaited = self.reservation.await_deposit(id, due_at, deadlines, self.now);
        awaited.map_err(refused)?;
        let seats = self.reservation.seats();
        let until = self.reservation.expires_at();
        let changes = self.changes();
        Ok(Some(self.decided(changes, Vec::new(), After::KeepSeats { seats, until })))
    }

    /// A definite end without money. The points go back in the same commit.
    pub(super) fn ended(mut self, fact: &Fact) -> Result<Option<Decision>, Failure> {
        let ended = match (self.payment.state(), fact) {
            (PaymentState::Processing { .. } | PaymentState::Unknown { .. }, fact) => {
                let reason = match fact {
                    Fact::Declined(code) => FailReason::Declined { code: code.clone() },
                    Fact::NotTaken => FailReason::NotTaken,
                    Fact::CancelledThere => FailReason::CancelledByGateway,
                    Fact::NotFound
                    | Fact::PointsAlone(_)
                    | Fact::Captured(_)
                    | Fact::AccountIssued(_)
                    | Fact::Reversed { .. }
                    | Fact::AnswerLost
                    | Fact::NoNews => FailReason::NotFound,
                };
                self.payment.fail(reason, self.now)
            }
            (PaymentState::AwaitingDeposit { .. }, Fact::CancelledThere) => {
                self.payment.end_unpaid(UnpaidEnd::CalledOff, self.now)
            }
            (
                PaymentState::Created
                | PaymentState::AwaitingDeposit { .. }
                | PaymentState::Succeeded { .. }
                | PaymentState::Failed { .. }
                | PaymentState::Expired
                | PaymentState::Cancelled
                | PaymentState::Reversed,
                _,
            ) => return Ok(None),
        };
        ended.map_err(refused)?;
        let points = self.points_back()?;
        self.reservation.end_payment(self.payment.id());
        let changes = post_if_any(self.changes(), points);
        Ok(Some(self.decided(changes, Vec::new(), After::Nothing)))
    }

    /// Only `find` tells from now on.
    pub(super) fn answer_lost(mut self) -> Result<Option<Decision>, Failure> {
        if !matches!(self.payment.state(), PaymentState::Processing { .. }) {
            return Ok(None);
        }
        self.payment.lose_answer(self.now).map_err(refused)?;
        let changes = self.changes();
        Ok(Some(self.decided(changes, Vec::new(), After::Nothing)))
    }

    /// Remembers when the gateway was asked, so that the reconciler turns to others first.
    pub(super) fn no_news(mut self) -> Option<Decision> {
        if !self.payment.is_unsettled() {
            return None;
        }
        self.payment.asked(self.now);
        let changes = self.changes();
        Some(self.decided(changes, Vec::new(), After::Nothing))
    }
}
