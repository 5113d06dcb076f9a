//! What is stored and what is told, byte by byte.

use serde_json::json;

use super::*;
use crate::change_set::ChangeSet;
use crate::id::ChangeSetId;

#[test]
fn events_have_the_names_and_fields_that_consumers_read() {
    let changes = ChangeSet::new(ChangeSetId::from_uuid(Uuid::from_u128(99)), minute(0));
    let changes = changes.save(after(4));
    let told: Vec<(u64, &str)> =
        changes.events().iter().map(|event| (event.number, event.name)).collect();
    assert_eq!(told, [(1, "checkout.started"), (2, "checkout.completed")]);
    assert_eq!(
        std::str::from_utf8(&changes.events()[1].payload).unwrap(),
        concat!(
            r#"{"type":"checkout.completed","checkout":"00000000-0000-0000-0000-000000000002","#,
            r#""payment":"00000000-0000-0000-0000-000000000003"}"#
        )
    );
    assert_eq!(changes.stream(), StreamKey(RESERVATION.as_uuid()));
    let mut refused = start();
    refused.handle(Reply::UserRefused, minute(1)).unwrap();
    let told: Vec<serde_json::Value> =
        pending_events(&refused).iter().map(|event| serde_json::to_value(event).unwrap()).collect();
    let started =
        json!({"type": "checkout.started", "checkout": CHECKOUT, "reservation": RESERVATION});
    let compensated =
        json!({"type": "checkout.compensated", "checkout": CHECKOUT, "abort": "user_refused"});
    assert_eq!(told, [started, compensated]);
}

#[test]
fn messages_to_and_from_the_saga_have_stable_names() {
    let commands = [
        Command::CheckUser,
        Command::ReservePoints,
        Command::CheckFraud,
        Command::CreatePayment,
        Command::DeletePayment,
        Command::GivePointsBack,
        Command::CancelReservation,
    ];
    assert_eq!(
        serde_json::to_value(commands).unwrap(),
        json!([
            "check_user",
            "reserve_points",
            "check_fraud",
            "create_payment",
            "delete_payment",
            "give_points_back",
            "cancel_reservation",
        ])
    );
    assert_eq!(
        serde_json::to_value(Reply::PointsReserved(Some(ENTRY))).unwrap(),
        json!({"points_reserved": ENTRY})
    );
    assert_eq!(
        serde_json::to_value(Reply::TimedOut(Step::CheckFraud)).unwrap(),
        json!({"timed_out": "check_fraud"})
    );
    for reply in all_replies() {
        let text = serde_json::to_string(&reply).unwrap();
        assert_eq!(serde_json::from_str::<Reply>(&text).unwrap(), reply);
    }
}

#[test]
fn every_state_reads_back_equal_and_goes_on_from_there() {
    let mut turned_back = after(3);
    turned_back.handle(Reply::TimedOut(Step::CreatePayment), minute(9)).unwrap();
    for checkout in (0..=4).map(after).chain([turned_back]) {
        let json = serde_json::to_string(&checkout).unwrap();
        let back: Checkout = serde_json::from_str(&json).unwrap();
        assert_eq!(back, checkout);
        assert_eq!(back.waiting_for(), checkout.waiting_for());
    }
}
