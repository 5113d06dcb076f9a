//! The payments and refunds of a change set.

use super::parts::Writing;
use crate::change_set::ChangeSet;
use crate::id::{CheckoutId, PaymentId, RefundId};
use crate::label::Token;
use crate::payment::{Honoured, Method, NewPayment, Payment};
use crate::policy::Deadlines;
use crate::refund::{NewRefund, Refund, RefundFor};
use crate::reservation::Reservation;
use crate::testing::sample::won;

impl Writing<'_> {
    pub(super) fn pay(&mut self, changes: ChangeSet, of: &Reservation) -> Option<ChangeSet> {
        let new = NewPayment {
            id: PaymentId::from_uuid(self.id()),
            reservation: of,
            checkout: CheckoutId::from_uuid(self.id()),
            discount: won(0),
            points: won(0),
            points_entry: None,
            method: Some(Method::Card),
            refund_account: None,
        };
        Some(changes.save(Payment::create(new, self.at).ok()?))
    }

    /// Where nothing is left to do it is saved as it is.
    pub(super) fn settle(&self, changes: ChangeSet, mut payment: Payment) -> ChangeSet {
        let key = Token::new("authenticated").expect("a short text");
        let mut sent = payment.clone();
        if sent.begin_confirm(key, payment.external(), self.at).is_ok() && sent != payment {
            return changes.save(sent);
        }
        let _ = payment.succeed(Honoured::InTime, self.at);
        changes.save(payment)
    }

    pub(super) fn refund(&mut self, changes: ChangeSet, mut payment: Payment) -> Option<ChangeSet> {
        let (external, points) = (won(1_000), won(0));
        payment.take_for_refund(external).ok()?;
        let (id, what) = (RefundId::from_uuid(self.id()), RefundFor::NotHonoured);
        let account_wait = Deadlines::default().refund_account_wait;
        let new = NewRefund { id, payment: &payment, what, external, points, account_wait };
        let refund = Refund::request(new, self.at);
        Some(changes.save(payment).save(refund))
    }

    pub(super) fn send_back(&self, changes: ChangeSet, mut refund: Refund) -> ChangeSet {
        if refund.begin(self.at).is_err() {
            let _ = refund.succeed(self.at);
        }
        changes.save(refund)
    }
}
