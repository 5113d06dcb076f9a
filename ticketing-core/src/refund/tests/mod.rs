//! One refund of each kind, brought into every state.

mod json;
mod properties;
mod rules;
mod table;

use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::*;
use crate::fee::RefundLine;
use crate::label::Label;
use crate::payment::tests::{paid_by_card, paid_by_deposit, refund_account};
use crate::reservation::tests::{SECOND, assert_unchanged, minute, pending_events, won};
use crate::seat::Seats;

const REFUND: RefundId = RefundId::from_uuid(Uuid::from_u128(30));

const WAIT: Duration = Duration::from_mins(90);

fn asked_for(new: NewRefund<'_>) -> Refund {
    Refund::request(new, minute(10))
}

/// A refund of the second seat: 28,000 won through the gateway, 12,000 points.
fn request(payment: &Payment) -> Refund {
    let share = payment.shares_of(&Seats::one(SECOND))[0];
    let what = RefundFor::Seats(vec![RefundLine::in_full(share)]);
    let (external, points) = (share.external(), share.points());
    asked_for(NewRefund { id: REFUND, payment, what, external, points, account_wait: WAIT })
}

fn to_card() -> Refund {
    request(&paid_by_card())
}

fn needs_account() -> Refund {
    request(&paid_by_deposit())
}

fn to_account() -> Refund {
    let mut payment = paid_by_deposit();
    payment.set_refund_account(Some(refund_account())).unwrap();
    request(&payment)
}

fn points_only() -> Refund {
    let payment = paid_by_card();
    let what = RefundFor::Seats(Vec::new());
    let (external, points) = (won(0), won(12_000));
    let payment = &payment;
    asked_for(NewRefund { id: REFUND, payment, what, external, points, account_wait: WAIT })
}

fn other_account() -> RefundAccount {
    let label = |text| Label::new(text).unwrap();
    RefundAccount::new(label("Kookmin"), label("999-888"), Label::new("Lee Sora").unwrap())
}

/// A state of the table, each with all that makes it differ from the others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum At {
    Requested,
    RequestedToAccount,
    NeedsAccount,
    Processing,
    ProcessingToAccount,
    Unknown,
    Failed,
    FailedToAccount,
    SentNothing,
    SentByGateway,
    SentAsPoints,
    Stopped,
}

impl At {
    const ALL: [Self; 12] = [
        Self::Requested,
        Self::RequestedToAccount,
        Self::NeedsAccount,
        Self::Processing,
        Self::ProcessingToAccount,
        Self::Unknown,
        Self::Failed,
        Self::FailedToAccount,
        Self::SentNothing,
        Self::SentByGateway,
        Self::SentAsPoints,
        Self::Stopped,
    ];

    fn refund(self) -> Refund {
        let after = |mut refund: Refund, step: fn(&mut Refund)| {
            step(&mut refund);
            refund
        };
        let begun = |it: &mut Refund| {
            it.begin(minute(11)).unwrap();
        };
        let failed = |it: &mut Refund| {
            it.fail("NOT_AVAILABLE_BANK", minute(12)).unwrap();
        };
        match self {
            Self::Requested => to_card(),
            Self::RequestedToAccount => to_account(),
            Self::NeedsAccount => needs_account(),
            Self::Processing => after(to_card(), begun),
            Self::ProcessingToAccount => after(to_account(), begun),
            Self::Unknown => after(after(to_card(), begun), |it| {
                it.lose_answer(minute(12)).unwrap();
            }),
            Self::Failed => after(after(to_card(), begun), failed),
            Self::FailedToAccount => after(after(to_account(), begun), failed),
            Self::SentNothing => points_only(),
            Self::SentByGateway => after(after(to_account(), begun), |it| {
                it.succeed(minute(12)).unwrap();
            }),
            Self::SentAsPoints => after(needs_account(), |it| {
                it.give_as_points(minute(50_000)).unwrap();
            }),
            Self::Stopped => after(to_account(), |it| {
                it.take_back(won(28_000), minute(11)).unwrap();
            }),
        }
    }
}
