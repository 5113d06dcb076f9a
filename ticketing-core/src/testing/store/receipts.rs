use crate::change_set::{ChangeSet, ReceiptState};
use crate::port::{CommitError, Committed};
use crate::testing::sample::{self, Sale, answer, fingerprint, seats};
use crate::testing::{Harness, StorePorts};

fn claiming(h: &Harness, sale: &Sale, seat: u32) -> ChangeSet {
    sample::changes(h).claim(sale.performance, seats([seat]), sample::owner(h))
}

/// One key stands for one request.
pub async fn key_of_another_request_is_refused(h: &Harness, ports: &StorePorts) {
    let sale = Sale::new(h);
    let key = sample::receipt_key(h);
    let first = claiming(h, &sale, 0).receipt(key.clone(), fingerprint("a"), answer("1"));
    ports.done(&first, "a first call").await;

    let others = [
        claiming(h, &sale, 1).receipt(key.clone(), fingerprint("b"), answer("2")),
        claiming(h, &sale, 1).begin_receipt(key.clone(), fingerprint("b")),
        claiming(h, &sale, 1).fill_receipt(key.clone(), fingerprint("b"), answer("2")),
    ];
    for other in &others {
        let got = ports.commit(other).await;
        assert!(
            matches!(got, Err(CommitError::KeyReused)),
            "expected KeyReused for another request under the same key, got {got:?}"
        );
    }
    assert_eq!(ports.claim(sale.performance, 1).await, None, "a refused call took seat 1");
    let kept = ports.receipts.find(key.clone()).await.expect("receipt").expect("it was kept");
    assert_eq!(kept.fingerprint, fingerprint("a"), "the first request keeps the key");
    assert_eq!(kept.state, ReceiptState::Done(answer("1")), "the first answer is kept");

    let theirs = sample::receipt_key(h);
    let mut same_text = theirs.clone();
    same_text.key = key.key.clone();
    let call = claiming(h, &sale, 1).receipt(same_text, fingerprint("b"), answer("2"));
    ports.done(&call, "another caller's call under the same text").await;
    let mut same_caller = key;
    same_caller.operation = crate::label::Label::new("cancel").expect("a short name");
    let call = claiming(h, &sale, 2).receipt(same_caller, fingerprint("b"), answer("3"));
    ports.done(&call, "another operation under the same text").await;
}

/// A repeated call is answered with what the first one was answered, and does nothing.
pub async fn repeated_call_gets_the_first_answer(h: &Harness, ports: &StorePorts) {
    let sale = Sale::new(h);
    let key = sample::receipt_key(h);
    assert!(!ports.has_receipt(&key).await, "nothing is kept of a call never made");
    let first = claiming(h, &sale, 0).receipt(key.clone(), fingerprint("a"), answer("1"));
    ports.done(&first, "a first call").await;
    let kept = ports.receipts.find(key.clone()).await.expect("receipt").expect("it was kept");
    assert_eq!(kept.created_at, first.decided_at(), "a receipt counts from its first commit");

    for seat in [0, 1] {
        let again = claiming(h, &sale, seat).receipt(key.clone(), fingerprint("a"), answer("2"));
        let got = ports.commit(&again).await.expect("a repeated call is answered");
        let expected = Committed::Replayed(ReceiptState::Done(answer("1")));
        assert_eq!(got, expected, "a repeated call for seat {seat}");
    }
    assert_eq!(ports.claim(sale.performance, 1).await, None, "the repeated call took a seat");
}

/// A call that was begun answers InProgress until its answer is filled in; then it stays.
pub async fn begun_call_is_filled_once(h: &Harness, ports: &StorePorts) {
    let sale = Sale::new(h);
    let key = sample::receipt_key(h);
    let begin = claiming(h, &sale, 0).begin_receipt(key.clone(), fingerprint("a"));
    ports.done(&begin, "the begin of a call").await;
    let kept = ports.receipts.find(key.clone()).await.expect("receipt").expect("it was kept");
    assert_eq!(kept.state, ReceiptState::InProgress, "a begun call has no answer");

    let repeats = [
        claiming(h, &sale, 1).begin_receipt(key.clone(), fingerprint("a")),
        claiming(h, &sale, 1).receipt(key.clone(), fingerprint("a"), answer("2")),
    ];
    for repeat in &repeats {
        let got = ports.commit(repeat).await.expect("a repeated call is answered");
        assert_eq!(got, Committed::Replayed(ReceiptState::InProgress), "a repeat in between");
    }
    assert_eq!(ports.claim(sale.performance, 1).await, None, "the repeated call took a seat");

    let fill = claiming(h, &sale, 1).fill_receipt(key.clone(), fingerprint("a"), answer("1"));
    ports.done(&fill, "the answer of a begun call").await;
    let kept = ports.receipts.find(key.clone()).await.expect("receipt").expect("it was kept");
    assert_eq!(kept.state, ReceiptState::Done(answer("1")), "the answer was filled in");
    assert_eq!(kept.created_at, begin.decided_at(), "the retention counts from the begin");
    let repeat = claiming(h, &sale, 2).begin_receipt(key.clone(), fingerprint("a"));
    let got = ports.commit(&repeat).await.expect("a repeated call is answered");
    assert_eq!(got, Committed::Replayed(ReceiptState::Done(answer("1"))), "a repeat after it");

    let purged = sample::receipt_key(h);
    let fill = claiming(h, &sale, 2).fill_receipt(purged.clone(), fingerprint("b"), answer("3"));
    ports.done(&fill, "the answer of a call whose begin was dropped").await;
    let kept = ports.receipts.find(purged).await.expect("receipt").expect("it was inserted");
    assert_eq!(kept.state, ReceiptState::Done(answer("3")), "the answer was kept");
}

/// A message is handled once, however often it comes.
pub async fn repeated_message_is_a_duplicate(h: &Harness, ports: &StorePorts) {
    let sale = Sale::new(h);
    let message = sample::message(h);
    let first = claiming(h, &sale, 0).caused_by(message.clone());
    ports.done(&first, "a first message").await;
    for seat in [0, 1] {
        let again = claiming(h, &sale, seat).caused_by(message.clone());
        let got = ports.commit(&again).await.expect("a repeated message is answered");
        assert_eq!(got, Committed::Duplicate(message.clone()), "the message came again");
    }
    assert_eq!(ports.claim(sale.performance, 1).await, None, "the repeated message took a seat");

    let mut theirs = message;
    theirs.consumer = crate::label::Label::new("another-consumer").expect("a short name");
    let other = claiming(h, &sale, 1).caused_by(theirs);
    ports.done(&other, "the same message id for another consumer").await;
    let alone = sample::changes(h).caused_by(sample::message(h));
    ports.done(&alone, "a message that changes nothing").await;
    let got = ports.commit(&ChangeSet::caused_by(sample::changes(h), sample::message(h))).await;
    assert!(matches!(got, Ok(Committed::Done)), "another message that changes nothing: {got:?}");
}
