//! Rules of deposits, receipts and what must not be seen.

use super::*;
use crate::change_set::ChangeSet;
use crate::id::{ChangeSetId, UserId};

#[test]
fn an_account_that_nobody_wants_any_more_is_closed() {
    let payment = At::CancelledBank.payment();
    assert_eq!(*payment.state(), PaymentState::Cancelled);
    assert!(payment.needs_closing());
    assert!(!payment.is_live());
}

#[test]
fn a_deposit_ends_as_its_cause_says_and_not_as_the_clock_does() {
    let mut called_off = awaiting();
    called_off.end_unpaid(UnpaidEnd::CalledOff, minute(500)).unwrap();
    assert_eq!(*called_off.state(), PaymentState::Cancelled);
    let mut lapsed = awaiting();
    lapsed.end_unpaid(UnpaidEnd::Lapsed, minute(50)).unwrap();
    assert_eq!(*lapsed.state(), PaymentState::Expired);
    for mut payment in [called_off, lapsed] {
        assert!(payment.needs_closing());
        assert_eq!(payment.account_closed(minute(501)), Applied::Now);
        assert!(!payment.needs_closing());
    }
}

#[test]
fn a_paid_account_needs_no_closing() {
    let mut payment = At::Expired.payment();
    assert!(payment.needs_closing());
    payment.succeed(Honoured::No, minute(131)).unwrap();
    assert!(!payment.needs_closing());
    assert_eq!(payment.account_closed(minute(132)), Applied::Already);
}

#[test]
fn a_lost_answer_keeps_what_was_sent_and_when() {
    let mut payment = confirming();
    payment.lose_answer(minute(9)).unwrap();
    let intent = Intent::Confirm { provider_key: key("auth") };
    assert_eq!(*payment.state(), PaymentState::Unknown { intent, sent_at: minute(1) });
    assert!(payment.is_unsettled());
}

#[test]
fn what_was_sent_and_what_came_back_is_kept() {
    assert_eq!(created(Some(Method::Card)).provider_key(), None);
    assert_eq!(confirming().provider_key(), Some(&key("auth")));
    assert_eq!(issuing().account(), None);
    assert_eq!(awaiting().account(), Some(&deposit_account("1")));
}

#[test]
fn points_are_back_only_when_they_were_taken_back() {
    let mut payment = At::CancelledCard.payment();
    assert!(!payment.points_are_back());
    assert_eq!(payment.take_points_back(), Some(ENTRY));
    assert!(payment.points_are_back());
    assert!(!paid_by_card().points_are_back());
}

#[test]
fn a_refusal_says_what_was_tried_and_what_the_payment_is() {
    let refused = |at: At| at.payment().lose_answer(minute(9)).unwrap_err().to_string();
    for (at, name) in [
        (At::CreatedCard, "created"),
        (At::Awaiting, "awaiting deposit"),
        (At::PaidCard, "succeeded"),
        (At::Failed, "failed"),
        (At::Expired, "expired"),
        (At::CancelledCard, "cancelled"),
        (At::Reversed, "reversed"),
    ] {
        assert_eq!(refused(at), format!("cannot lose the answer of a payment that is {name}"));
    }
}

#[test]
fn points_alone_are_paid_in_one_step() {
    let mut payment = created(None);
    assert_eq!(payment.succeed(Honoured::InTime, minute(1)), Ok(Applied::Now));
    assert_eq!(payment.received(), won(0));
    assert_eq!(payment.paid_at(), Some(minute(1)));
}

#[test]
fn an_answer_is_owed_to_one_call_once() {
    let mut payment = confirming();
    let receipt = PendingReceipt {
        key: ReceiptKey {
            caller: UserId::from_uuid(Uuid::from_u128(5)),
            operation: Label::new("confirm").unwrap(),
            key: key("client-1"),
        },
        fingerprint: Fingerprint::of("pay"),
    };
    payment.await_receipt(receipt.clone());
    assert_eq!(payment.receipt(), Some(&receipt));
    assert_eq!(payment.take_receipt(), Some(receipt));
    assert_eq!(payment.take_receipt(), None);
}

#[test]
fn a_refund_account_is_kept_for_a_deposit_alone() {
    let account = Some(refund_account());
    let card = create(Some(Method::Card), 30_000, account.clone()).unwrap();
    assert_eq!(card.refund_account(), None);
    let points = create(None, 100_000, account.clone()).unwrap();
    assert_eq!(points.refund_account(), None);
    let deposit = create(Some(Method::BankTransfer), 30_000, account).unwrap();
    assert_eq!(deposit.refund_account(), Some(&refund_account()));
}

#[test]
fn neither_debug_output_nor_events_show_an_account_or_a_secret() {
    let account = Some(refund_account());
    let mut payment = create(Some(Method::BankTransfer), 30_000, account).unwrap();
    payment.begin_issue(minute(100), minute(1)).unwrap();
    payment.account_issued(deposit_account("88-77-66"), true, minute(2)).unwrap();
    payment.succeed(Honoured::InTime, minute(3)).unwrap();
    payment.reverse(minute(4)).unwrap();
    let debug = format!("{payment:?}");
    let changes = ChangeSet::new(ChangeSetId::from_uuid(Uuid::from_u128(9)), minute(4));
    let changes = changes.save(payment);
    let events: String = changes
        .events()
        .iter()
        .map(|event| String::from_utf8(event.payload.clone()).unwrap())
        .collect();
    let all = format!("{changes:?}");
    for hidden in [NUMBER, HOLDER, "88-77-66", "notice-secret"] {
        for (name, text) in [("payment", &debug), ("events", &events), ("change set", &all)] {
            assert!(!text.contains(hidden), "{hidden} shows in the {name}");
        }
    }
}

#[test]
fn what_a_state_means_is_asked_in_one_place() {
    for at in At::ALL {
        let payment = at.payment();
        let is_live = matches!(
            at,
            At::CreatedCard
                | At::CreatedBank
                | At::CreatedPoints
                | At::Confirming
                | At::ConfirmUnknown
                | At::Issuing
                | At::IssueUnknown
                | At::Awaiting
        );
        assert_eq!(payment.is_live(), is_live, "{at:?}");
        let is_unsettled =
            matches!(at, At::Confirming | At::ConfirmUnknown | At::Issuing | At::IssueUnknown);
        assert_eq!(payment.is_unsettled(), is_unsettled, "{at:?}");
        let honoured = match at {
            At::PaidCard | At::PaidBank | At::PaidPoints => Some(Honoured::InTime),
            At::PaidLate => Some(Honoured::Late),
            At::NotHonoured => Some(Honoured::No),
            At::CreatedCard
            | At::CreatedBank
            | At::CreatedPoints
            | At::Confirming
            | At::ConfirmUnknown
            | At::Issuing
            | At::IssueUnknown
            | At::Awaiting
            | At::Failed
            | At::Expired
            | At::CancelledCard
            | At::CancelledPoints
            | At::CancelledBank
            | At::Reversed => None,
        };
        assert_eq!(payment.honoured(), honoured, "{at:?}");
    }
    assert_eq!(pending_events(&created(None)).len(), 1);
    assert_eq!(created(None).shares_of(&both()).len(), 2);
}
