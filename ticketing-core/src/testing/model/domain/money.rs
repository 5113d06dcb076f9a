//! Payments, refunds and what the ledger says of them.

use std::sync::Arc;

use chrono::{DateTime, Utc};

use super::{Checked, DomainModel, must};
use crate::allocation::SeatShare;
use crate::change_set::{ChangeSet, Record};
use crate::id::{PaymentId, RefundId};
use crate::ledger::{Account, EntryKind, EntrySubject, JournalEntry};
use crate::money::Money;
use crate::payment::{FailReason, Honoured, Payment, PaymentState};
use crate::refund::{Refund, RefundFor, RefundState, Sent};

/// What the entries and refunds of one payment come to, in minor units.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Flow {
    /// What the gateway brought, less what the bank took back.
    received: i64,
    /// What of it the bank took back by the change set that is looked at.
    taken_back: i64,
    /// What is set aside for refunds: what they were requested for, less what the bank took back of it.
    set_aside: i64,
    /// What its refunds still owe and the bank did not take back.
    owed: i64,
    /// What its refunds sent, send or will send.
    to_send: i64,
}

impl Flow {
    /// A refund is requested, or has changed.
    pub(super) fn refund(&mut self, before: Option<&Refund>, now: &Refund) {
        let (owed, to_send) =
            before.map_or((0, 0), |before| (before.left().minor(), before.to_send().minor()));
        if before.is_none() {
            self.set_aside += now.external().minor();
        }
        self.owed += now.left().minor() - owed;
        self.to_send += now.to_send().minor() - to_send;
    }

    /// The bank took money back; `deposit` is what had paid, if that is among it. Any part of a deposit may
    /// have been set aside: all that is left bounds what still is. Of other money all was set aside.
    fn take_back(&mut self, deposit: Option<i64>) {
        let other = std::mem::take(&mut self.taken_back) - deposit.unwrap_or(0);
        if deposit.is_some() {
            self.set_aside = self.set_aside.min(self.received + other);
        }
        self.set_aside -= other;
    }
}

impl DomainModel {
    /// An entry about a payment or a refund says what that says of itself, in the same change set.
    pub(super) fn book(&mut self, entry: &JournalEntry, changes: &ChangeSet) -> Checked {
        let id = entry.id();
        match entry.subject() {
            EntrySubject::Payment(payment) => {
                self.book_payment(payment, entry);
                let paid = saved_payment(changes, payment).ok_or_else(|| {
                    format!("entry {id} moves money of payment {payment}, which is not saved")
                })?;
                let fits = match entry.kind() {
                    EntryKind::Purchase => {
                        paid.honoured() == Some(Honoured::InTime)
                            || paid.honoured() == Some(Honoured::Late)
                    }
                    EntryKind::PurchaseLate => paid.honoured() == Some(Honoured::Late),
                    EntryKind::DepositReversed => *paid.state() == PaymentState::Reversed,
                    // Also of money that had bought nothing.
                    EntryKind::DepositLost => paid.refunds_to_account(),
                    EntryKind::NotHonoured
                    | EntryKind::TopUp
                    | EntryKind::PointsReserved
                    | EntryKind::PointsGivenBack
                    | EntryKind::RefundAccepted
                    | EntryKind::RefundSent
                    | EntryKind::RefundAsPoints
                    | EntryKind::RefundStopped
                    | EntryKind::Payout => true,
                };
                must(fits, || {
                    let (kind, state) = (entry.kind(), paid.state().name());
                    format!("entry {id} is a {kind:?} of payment {payment}, which is {state}")
                })?;
                let is_purchase =
                    matches!(entry.kind(), EntryKind::Purchase | EntryKind::PurchaseLate);
                if is_purchase { self.commission(entry, paid) } else { Ok(()) }
            }
            EntrySubject::Refund(refund) => book_refund(refund, entry, changes),
            EntrySubject::Wallet(_) | EntrySubject::Reservation(_) | EntrySubject::Seller(_) => {
                Ok(())
            }
        }
    }

    fn book_payment(&mut self, payment: PaymentId, entry: &JournalEntry) {
        let flow = self.flows.entry(payment).or_default();
        let moved = on(entry, Account::Clearing);
        flow.received -= moved;
        if matches!(entry.kind(), EntryKind::DepositReversed | EntryKind::DepositLost) {
            flow.taken_back += moved;
        }
    }

    /// What a change set says of money that the bank took back, after all its entries.
    pub(super) fn take_back(&mut self, before: &Payment, now: &Payment) {
        let is_reversed = |paid: &Payment| *paid.state() == PaymentState::Reversed;
        let deposit =
            (is_reversed(now) && !is_reversed(before)).then(|| now.tenders().external.minor());
        self.flows.entry(now.id()).or_default().take_back(deposit);
    }

    /// What came in is booked, and what is set aside for refunds is what the refunds make.
    pub(super) fn payment(&self, now: &Payment) -> Checked {
        let id = now.id();
        let flow = self.flows.get(&id).copied().unwrap_or_default();
        let (received, refunded) = (now.received().minor(), now.refunded().minor());
        must(received == flow.received, || {
            let booked = flow.received;
            format!("payment {id} received {received}, booked are {booked}")
        })?;
        must(refunded <= received, || {
            format!("payment {id} received {received} and refunds {refunded} of it")
        })?;
        must(refunded == flow.set_aside, || {
            let set_aside = flow.set_aside;
            format!("payment {id} counts refunds of {refunded}, there are refunds of {set_aside}")
        })?;
        // The refunds themselves, whatever the payment counts: no more is owed than is set aside, and no more
        // is set aside than they come to.
        let Flow { owed, to_send, .. } = flow;
        must((owed..=to_send).contains(&refunded), || {
            format!("payment {id} counts refunds of {refunded}, they owe {owed} of {to_send}")
        })?;
        self.price(now)
    }

    /// When a payment may go where it went.
    pub(super) fn payment_moved(
        &self,
        before: &Payment,
        now: &Payment,
        at: DateTime<Utc>,
    ) -> Checked {
        let id = now.id();
        match (before.state(), now.state()) {
            (PaymentState::Created, PaymentState::Processing { .. }) => {
                let reservation = self.reservations.get(&now.reservation());
                let until = reservation.map(|found| found.expires_at());
                must(until.is_some_and(|until| at < until), || {
                    let reservation = now.reservation();
                    format!(
                        "payment {id} is sent at {at}, reservation {reservation} was payable until {until:?}"
                    )
                })
            }
            (
                PaymentState::Processing { sent_at, .. } | PaymentState::Unknown { sent_at, .. },
                PaymentState::Failed { reason: FailReason::NotFound },
            ) => {
                let performance = self.performances.get(&now.performance());
                let wait = performance.map(|found| found.policy().deadlines.confirm_window);
                must(wait.is_some_and(|wait| at >= *sent_at + wait), || {
                    format!("payment {id} was sent at {sent_at} and is given up at {at}")
                })
            }
            (_, _) => Ok(()),
        }
    }

    /// Money becomes points only when its buyer had the time to name an account.
    pub(super) fn refund_moved(&self, before: &Refund, now: &Refund, at: DateTime<Utc>) -> Checked {
        let (RefundState::NeedsAccount { since }, RefundState::Succeeded { sent: Sent::Points }) =
            (before.state(), now.state())
        else {
            return Ok(());
        };
        let paid = self.payments.get(&now.payment());
        let performance = paid.and_then(|paid| self.performances.get(&paid.performance()));
        let wait = performance.map(|found| found.policy().deadlines.refund_account_wait);
        must(wait.is_some_and(|wait| at >= *since + wait), || {
            format!("refund {} waits for an account since {since} and is points at {at}", now.id())
        })
    }

    /// A cancelled performance costs its buyers nothing.
    pub(super) fn refund_requested(&self, now: &Refund) -> Checked {
        let id = now.id();
        let paid = self.payments.get(&now.payment());
        let paid = paid.ok_or_else(|| format!("refund {id}: its payment is not there"))?;
        let performance = self.performances.get(&paid.performance());
        let is_cancelled = performance.is_some_and(|found| found.is_cancelled());
        let RefundFor::Seats(lines) = now.what() else { return Ok(()) };
        let fee: i64 = lines.iter().map(|line| line.fee().minor()).sum();
        must(fee == 0 || !is_cancelled, || {
            let performance = paid.performance();
            format!("refund {id} costs {fee}, but performance {performance} is cancelled")
        })
    }

    /// The platform's part of a purchase, rounded down seat by seat.
    fn commission(&self, entry: &JournalEntry, paid: &Payment) -> Checked {
        let performance = self.performances.get(&paid.performance());
        let rate = performance.map_or(0, |found| i64::from(found.commission().get()));
        let parts = paid.shares().iter().map(|share| share.price().minor() * rate / 10_000);
        let (expected, got) = (parts.sum::<i64>(), on(entry, Account::PlatformFee));
        must(expected == got, || {
            let (id, payment) = (entry.id(), paid.id());
            format!("entry {id} of payment {payment} has a fee of {got}, expected {expected}")
        })
    }

    /// The tenders of the seats are those of the payment, and make the price of the reservation.
    fn price(&self, now: &Payment) -> Checked {
        let (id, reservation) = (now.id(), now.reservation());
        let found = self.reservations.get(&reservation);
        let found =
            found.ok_or_else(|| format!("payment {id}: reservation {reservation} is not there"))?;
        let sum = |of: fn(&SeatShare) -> Money| -> i64 {
            now.shares().iter().map(|share| of(share).minor()).sum()
        };
        let tenders = now.tenders();
        let fits = sum(SeatShare::points) == tenders.points.minor()
            && sum(SeatShare::external) == tenders.external.minor()
            && sum(SeatShare::discount) == tenders.discount.minor()
            && sum(SeatShare::price) == found.total().minor();
        must(fits, || {
            let total = found.total();
            format!(
                "payment {id} of {tenders:?} is split otherwise, or not the {total} of reservation {reservation}"
            )
        })
    }
}

fn saved_payment(changes: &ChangeSet, id: PaymentId) -> Option<&Arc<Payment>> {
    changes.saves.iter().find_map(|save| match &save.record {
        Record::Payment(payment) if payment.id() == id => Some(payment),
        Record::Venue(_)
        | Record::Show(_)
        | Record::Performance(_)
        | Record::Reservation(_)
        | Record::Checkout(_)
        | Record::Payment(_)
        | Record::Refund(_)
        | Record::Ticket(_) => None,
    })
}

/// A refund is booked when it is accepted, and once more when it ends.
fn book_refund(id: RefundId, entry: &JournalEntry, changes: &ChangeSet) -> Checked {
    let refund = changes.saves.iter().find_map(|save| match &save.record {
        Record::Refund(refund) if refund.id() == id => Some(refund),
        Record::Venue(_)
        | Record::Show(_)
        | Record::Performance(_)
        | Record::Reservation(_)
        | Record::Checkout(_)
        | Record::Payment(_)
        | Record::Refund(_)
        | Record::Ticket(_) => None,
    });
    let refund = refund.ok_or_else(|| {
        format!("entry {} moves money of refund {id}, which is not saved", entry.id())
    })?;
    let expected = match entry.kind() {
        EntryKind::RefundSent => Some(RefundState::Succeeded { sent: Sent::Gateway }),
        EntryKind::RefundAsPoints => Some(RefundState::Succeeded { sent: Sent::Points }),
        EntryKind::RefundStopped
        | EntryKind::RefundAccepted
        | EntryKind::TopUp
        | EntryKind::PointsReserved
        | EntryKind::PointsGivenBack
        | EntryKind::Purchase
        | EntryKind::PurchaseLate
        | EntryKind::NotHonoured
        | EntryKind::DepositReversed
        | EntryKind::DepositLost
        | EntryKind::Payout => None,
    };
    let (kind, state) = (entry.kind(), refund.state().name());
    must(expected.is_none_or(|expected| *refund.state() == expected), || {
        format!("entry {} is a {kind:?} of refund {id}, which is {state}", entry.id())
    })?;
    let payable = on(entry, Account::RefundPayable);
    let (external, stopped) = (refund.external().minor(), refund.stopped().minor());
    let fits = match (kind, refund.what()) {
        (EntryKind::RefundAccepted, RefundFor::Seats(_)) => payable == external,
        (EntryKind::RefundAccepted, RefundFor::NotHonoured) => false,
        (EntryKind::RefundStopped, _) => payable < 0 && -payable <= stopped,
        (_, _) => payable == stopped - external,
    };
    must(fits, || {
        let entry = entry.id();
        format!("entry {entry} moves {payable} of refund {id} of {external}, {stopped} are stopped")
    })
}

fn on(entry: &JournalEntry, account: Account) -> i64 {
    entry.postings().iter().filter(|line| line.account == account).map(|line| line.amount).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_deposit_that_is_taken_back_leaves_aside_what_other_money_set_aside() {
        // A deposit of 100, half of it refunded, and 30 that bought nothing.
        let flow = Flow { received: 130, set_aside: 80, ..Flow::default() };
        let mut all = Flow { received: 30, taken_back: 100, ..flow };
        all.take_back(Some(100));
        assert_eq!((all.set_aside, all.taken_back), (30, 0));
        let mut both = Flow { received: 0, taken_back: 130, ..flow };
        both.take_back(Some(100));
        assert_eq!(both.set_aside, 0);
        let mut other = Flow { received: 100, taken_back: 30, ..flow };
        other.take_back(None);
        assert_eq!(other.set_aside, 50);
        other.take_back(None);
        assert_eq!(other.set_aside, 50);
    }
}
