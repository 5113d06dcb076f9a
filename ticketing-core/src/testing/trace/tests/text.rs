use super::*;
use crate::aggregate::{Aggregate, AggregateKind, AggregateRef};
use crate::change_set::{
    ChangeSetError, Fingerprint, MessageKey, ReceiptKey, ReceiptState, Response,
};
use crate::error::{Fault, PortError};
use crate::id::EntryId;
use crate::ledger::{Booking, JournalEntry};
use crate::page::Page;
use crate::port::{CommitError, Committed, Found, GatewayError, OutboxError};
use crate::seat::{ClaimOwner, SeatNo};

/// The id that shows as a number.
fn id(number: u128) -> Uuid {
    Uuid::from_u128(number)
}

#[test]
fn a_change_set_reads_as_what_it_writes() {
    let owner = ClaimOwner::Reservation(reservation(2));
    let key = ReceiptKey {
        caller: user(4),
        operation: "reserve".parse().unwrap(),
        key: "key-1".parse().unwrap(),
    };
    let booking = Booking { id: EntryId::from_uuid(id(6)), at: noon() };
    let changes = changes()
        .save(checkout_with_account())
        .claim(performance(5), seats([4, 5]), owner)
        .release(performance(5), seats([7]), ClaimOwner::House)
        .allow(user(4), show(8), 2, 4, reservation(2))
        .post(JournalEntry::points_reserved(booking, reservation(2), user(4), won(100)).unwrap())
        .guard(&checkout_with_account())
        .receipt(key, Fingerprint::of("request"), Response::of(SECRET).unwrap())
        .caused_by(MessageKey {
            consumer: "gateway".parse().unwrap(),
            id: "notice-7".parse().unwrap(),
        })
        .settles_money();
    let (two, four, five) = (id(2), id(4), id(5));
    let expected = [
        format!("change set {}: save checkout {} v1 started (checkout.started)", id(9), id(1)),
        format!("claim seats 4,5 of {five} for reservation {two}"),
        format!("release seat 7 of {five} from the house"),
        format!("allow 2 of 4 in show {} to {four}", id(8)),
        format!("post PointsReserved {}: wallet {four} in KRW -100, points held in KRW 100", id(6)),
        format!("guard checkout {} v0", id(1)),
        "receipt reserve/key-1".to_owned(),
        "caused by gateway/notice-7".to_owned(),
        "settles money".to_owned(),
    ];
    assert_eq!(text(&changes), expected.join("; "));
}

#[test]
fn an_answer_names_aggregates_in_short() {
    let page = Page { items: vec![Arc::new(checkout_with_account())], next: None };
    let answer: Result<_, PortError> = Ok(Some(page));
    let expected =
        format!("Ok(Some(Page {{ items: [checkout {} v0 started], next: None }}))", id(1));
    assert_eq!(text(&answer), expected);
    assert_eq!(text(&Ok::<_, CommitError>(Committed::Done)), "Ok(Done)");
}

#[test]
fn long_lists_are_cut() {
    let many: Vec<u64> = (0..17).collect();
    assert_eq!(text(&many[..16].to_vec()), format!("{:?}", &many[..16]));
    assert!(text(&many).ends_with("14, 15, ..]"), "{}", text(&many));
    let claim = changes().vacant(performance(5), seats(0..18));
    assert!(text(&claim).contains(",14,15 and 2 more of"), "{}", text(&claim));
}

#[test]
fn arguments_read_like_a_call() {
    let args = (&performance(1), &SeatNo(4), 7_u32, true, "now", ());
    assert_eq!(text(&args), format!("(PerformanceId({}), #4, 7, true, \"now\", ())", id(1)));
    assert_eq!(text(&()), "()");
}

#[test]
fn secrets_stay_out_of_the_text() {
    let failed = || PortError::new("store", "commit", Fault::Permanent).because(SECRET);
    let answer = Response::of(SECRET).unwrap();
    let shown = [
        text(&cancel_request(Some(refund_account()))),
        text(&refund_account()),
        text(&deposit_account()),
        text(&Ok::<_, GatewayError>(Found::AwaitingDeposit(deposit_account()))),
        text(&Some(checkout_with_account())),
        text(&changes().save(checkout_with_account())),
        text(&ReceiptState::Done(answer)),
        text(&failed()),
        text(&Err::<(), _>(CommitError::Port(failed()))),
        text(&Err::<(), _>(OutboxError::Port(failed()))),
        text(&Err::<(), _>(GatewayError::Unknown(Some(SECRET.into())))),
    ];
    for shown in shown {
        assert!(!shown.contains(SECRET), "{shown}");
    }
}

#[test]
fn errors_keep_what_they_know() {
    let reference = AggregateRef { kind: AggregateKind::Payment, id: id(1) };
    assert_eq!(checkout_with_account().reference().to_string(), format!("checkout {}", id(1)));
    let invalid = CommitError::Invalid(ChangeSetError::SavedTwice(reference));
    assert!(text(&invalid).contains("SavedTwice"), "{}", text(&invalid));
    let failed = CommitError::Port(PortError::new("store", "commit", Fault::Unknown));
    assert_eq!(text(&failed), "store commit ended with an unknown outcome");
    let declined = GatewayError::Declined { code: "no-money".parse().unwrap() };
    assert_eq!(text(&declined), r#"Declined { code: "no-money" }"#);
}
