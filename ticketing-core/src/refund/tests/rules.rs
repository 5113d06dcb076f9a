//! Attempts, keys, accounts.

use super::*;
use crate::change_set::ChangeSet;
use crate::id::ChangeSetId;
use crate::port::GatewayKey;

#[test]
fn a_refund_starts_where_its_tender_lets_it() {
    assert_eq!(*to_card().state(), RefundState::Requested);
    assert_eq!(*to_account().state(), RefundState::Requested);
    assert_eq!(*needs_account().state(), RefundState::NeedsAccount { since: minute(10) });
    assert_eq!(*points_only().state(), RefundState::Succeeded { sent: Sent::Nothing });
}

#[test]
fn only_an_account_is_waited_for_and_not_once_it_is_named() {
    for at_once in [to_card(), to_account(), points_only()] {
        assert_eq!(at_once.next_try_at(), minute(10), "{:?}", at_once.state());
    }
    let mut refund = needs_account();
    assert_eq!(refund.next_try_at(), minute(100));
    refund.set_account(refund_account(), minute(20)).unwrap();
    assert_eq!(refund.next_try_at(), minute(20));
}

#[test]
fn without_an_external_part_no_account_is_kept() {
    let mut payment = paid_by_deposit();
    payment.set_refund_account(Some(refund_account())).unwrap();
    let (what, external, points) = (RefundFor::NotHonoured, won(0), won(5));
    let payment = &payment;
    let refund =
        asked_for(NewRefund { id: REFUND, payment, what, external, points, account_wait: WAIT });
    assert_eq!(*refund.state(), RefundState::Succeeded { sent: Sent::Nothing });
    assert_eq!(refund.account(), None);
}

#[test]
fn a_lost_answer_keeps_the_attempt_and_a_definite_refusal_starts_another() {
    let mut refund = to_card();
    assert_eq!(refund.attempt(), 0);
    refund.begin(minute(11)).unwrap();
    assert_eq!(refund.next_try_at(), minute(12), "the call may be under way");
    let first = GatewayKey::cancel(refund.id(), refund.attempt());
    for silence in 12..15 {
        refund.lose_answer(minute(silence)).unwrap();
        refund.begin(minute(silence)).unwrap();
        assert_eq!(GatewayKey::cancel(refund.id(), refund.attempt()), first);
    }
    refund.fail("REFUSED", minute(15)).unwrap();
    assert_eq!(refund.attempt(), 1);
    refund.begin(minute(30)).unwrap();
    assert_eq!(refund.attempt(), 2);
    assert_ne!(GatewayKey::cancel(refund.id(), refund.attempt()), first);
}

#[test]
fn a_new_attempt_has_a_new_key_with_an_age_of_its_own() {
    let mut refund = to_card();
    refund.begin(minute(11)).unwrap();
    refund.fail("REFUSED", minute(12)).unwrap();
    let days = 24 * 60;
    refund.begin(minute(20 * days)).unwrap();
    refund.lose_answer(minute(20 * days)).unwrap();
    assert_eq!(refund.begin(minute(34 * days)), Ok(Applied::Now));
    let first_sent_at = minute(20 * days);
    let too_old = Err(RefundRefusal::KeyTooOld { first_sent_at });
    assert_eq!(refund.begin(minute(34 * days + 1)), too_old);
}

#[test]
fn sending_again_does_not_renew_the_key() {
    let mut refund = to_card();
    refund.begin(minute(11)).unwrap();
    for day in 1..=14 {
        refund.begin(minute(11 + day * 24 * 60)).unwrap();
    }
    let too_old = refund.begin(minute(12 + 14 * 24 * 60));
    assert_eq!(too_old, Err(RefundRefusal::KeyTooOld { first_sent_at: minute(11) }));
}

#[test]
fn a_key_too_old_is_given_up_by_what_find_says_and_another_attempt_may_follow() {
    let mut refund = At::Unknown.refund();
    refund.fail("never arrived", minute(11 + 15 * 24 * 60)).unwrap();
    assert_eq!(refund.begin(minute(12 + 15 * 24 * 60)), Ok(Applied::Now));
    assert_eq!(refund.attempt(), 2);
}

#[test]
fn since_when_an_answer_is_missing_is_not_moved_by_asking() {
    let mut refund = At::Unknown.refund();
    refund.lose_answer(minute(60)).unwrap();
    assert_eq!(*refund.state(), RefundState::Unknown { since: minute(12) });
    assert_eq!(refund.next_try_at(), minute(61));
}

#[test]
fn pauses_grow_and_are_bounded() {
    let mut refund = to_card();
    let mut pauses = Vec::new();
    for attempt in 1..=12 {
        refund.begin(minute(100)).unwrap();
        refund.fail(&format!("REFUSED_{attempt}"), minute(100)).unwrap();
        pauses.push((refund.next_try_at() - minute(100)).num_minutes());
    }
    assert_eq!(pauses, [2, 4, 8, 16, 32, 64, 128, 256, 512, 1_024, 1_024, 1_024]);
}

#[test]
fn after_the_last_attempt_the_worker_stops_but_the_money_is_owed() {
    let mut refund = to_card();
    for attempt in 1..=Refund::ATTEMPTS_MAX {
        assert!(refund.is_open(), "attempt {attempt}");
        refund.begin(minute(11)).unwrap();
        refund.fail("REFUSED", minute(11)).unwrap();
    }
    assert!(refund.is_owed() && !refund.is_open());
    assert_eq!(refund.begin(minute(12)), Ok(Applied::Now), "a human may start another");
    assert!(refund.is_open());
}

#[test]
fn a_long_code_is_cut_and_stays_the_same_refusal() {
    let mut refund = At::Processing.refund();
    let long = "한".repeat(300);
    refund.fail(&long, minute(12)).unwrap();
    assert_eq!(*refund.state(), RefundState::Failed { code: "한".repeat(100) });
    assert_eq!(refund.fail(&long, minute(13)), Ok(Applied::Already));
}

#[test]
fn what_the_bank_takes_back_before_it_left_is_owed_no_more() {
    let mut refund = to_account();
    refund.take_back(won(8_000), minute(11)).unwrap();
    assert_eq!(
        (refund.owed(), refund.left(), refund.stopped()),
        (won(20_000), won(20_000), won(8_000))
    );
    refund.begin(minute(12)).unwrap();
    refund.succeed(minute(13)).unwrap();
    assert_eq!((refund.owed(), refund.left(), refund.to_send()), (won(0), won(0), won(20_000)));
}

#[test]
fn of_an_attempt_under_way_it_is_owed_until_the_attempt_is_refused() {
    let mut refund = At::Unknown.refund();
    refund.take_back(won(8_000), minute(13)).unwrap();
    assert_eq!((refund.owed(), refund.left()), (won(28_000), won(20_000)));
    refund.begin(minute(14)).unwrap();
    assert_eq!(refund.to_send(), won(28_000), "a repeated key asks for the same amount");
    refund.fail("NOT_CANCELABLE_AMOUNT", minute(15)).unwrap();
    assert_eq!((refund.owed(), refund.left()), (won(20_000), won(20_000)));
    refund.begin(minute(30)).unwrap();
    refund.take_back(won(20_000), minute(31)).unwrap();
    refund.fail("NOT_CANCELABLE_PAYMENT", minute(32)).unwrap();
    assert_eq!(*refund.state(), RefundState::Stopped);
    assert_eq!(refund.owed(), won(0));
    let mut sent = At::Processing.refund();
    sent.take_back(won(28_000), minute(12)).unwrap();
    sent.succeed(minute(13)).unwrap();
    assert_eq!(*sent.state(), RefundState::Succeeded { sent: Sent::Gateway });
}

#[test]
fn the_account_is_forgotten_at_every_end() {
    for at in [At::SentByGateway, At::SentAsPoints, At::Stopped] {
        let refund = at.refund();
        assert_eq!(refund.account(), None, "{at:?}");
        let stored = serde_json::to_string(&refund).unwrap();
        let (_, number, holder) = refund_account_texts();
        assert!(!stored.contains(&number) && !stored.contains(&holder), "{at:?}: {stored}");
    }
    let waiting = At::FailedToAccount.refund();
    assert_eq!(waiting.account(), Some(&refund_account()), "another attempt needs it");
}

#[test]
fn neither_debug_output_nor_events_show_the_account() {
    let (_, number, holder) = refund_account_texts();
    for at in [At::RequestedToAccount, At::ProcessingToAccount, At::SentByGateway, At::Stopped] {
        let refund = at.refund();
        let debug = format!("{refund:?}");
        let changes = ChangeSet::new(ChangeSetId::from_uuid(Uuid::from_u128(9)), minute(4));
        let changes = changes.save(refund);
        let mut texts = vec![debug, format!("{changes:?}")];
        let payloads = changes.events().iter().map(|event| event.payload.clone());
        texts.extend(payloads.map(|payload| String::from_utf8(payload).unwrap()));
        for text in texts {
            assert!(!text.contains(&number) && !text.contains(&holder), "{at:?}: {text}");
        }
    }
}

fn refund_account_texts() -> (String, String, String) {
    let account = refund_account();
    let (bank, number, holder) = account.reveal();
    (bank.to_owned(), number.to_owned(), holder.to_owned())
}
