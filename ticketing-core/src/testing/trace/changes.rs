//! All of a change set: what a commit is asked to write decides what every later read answers.

use std::fmt;

use super::canon::canon;
use super::{Canon, Encoder, summary};
use crate::change_set::{
    AllowanceChange, AllowanceOp, ChangeSet, ClaimChange, ClaimOp, ReceiptChange, ReceiptOp,
    Record, RecordedEvent, Save,
};

canon! {
    struct ChangeSet, shown by summary::changes, {
        id,
        at,
        stream,
        saves,
        events,
        guards,
        claims,
        allowances,
        entries,
        message,
        receipt,
        settles_money,
        flaw,
    }

    struct Save, shown by summary::save, { record, expected }
    struct ClaimOp, shown by summary::claim, { performance, seats, change }
    enum ClaimChange { Claim(owner) = 0, Sell(reservation) = 1, Release(owner) = 2, Vacant = 3 }
    struct AllowanceOp, shown by summary::allowance, { user, show, reservation, count, change }
    enum AllowanceChange { Take { limit } = 0, GiveBack = 1 }
    struct ReceiptOp, shown by summary::receipt, { key, fingerprint, change }
    enum ReceiptChange { Begin = 0, Answer(response) = 1, Fill(response) = 2 }
}

/// The reference and the content as it is stored.
impl Canon for Record {
    fn canon(&self, out: &mut Encoder) {
        self.aggregate().reference().canon(out);
        match self {
            Self::Venue(venue) => out.put_json(&**venue),
            Self::Show(show) => out.put_json(&**show),
            Self::Performance(performance) => out.put_json(&**performance),
            Self::Reservation(reservation) => out.put_json(&**reservation),
            Self::Checkout(checkout) => out.put_json(&**checkout),
            Self::Payment(payment) => out.put_json(&**payment),
            Self::Refund(refund) => out.put_json(&**refund),
            Self::Ticket(ticket) => out.put_json(&**ticket),
        }
    }

    fn show(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Venue(venue) => venue.show(f),
            Self::Show(show) => show.show(f),
            Self::Performance(performance) => performance.show(f),
            Self::Reservation(reservation) => reservation.show(f),
            Self::Checkout(checkout) => checkout.show(f),
            Self::Payment(payment) => payment.show(f),
            Self::Refund(refund) => refund.show(f),
            Self::Ticket(ticket) => ticket.show(f),
        }
    }
}

impl Canon for RecordedEvent {
    fn canon(&self, out: &mut Encoder) {
        let Self { aggregate, number, name, occurred_at, payload } = self;
        (aggregate, number, name, occurred_at).canon(out);
        out.put_bytes(payload);
    }

    fn show(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)
    }
}
