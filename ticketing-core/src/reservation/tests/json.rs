//! What is stored and what is told, byte by byte: names that others read never change by accident.

use serde_json::json;

use super::*;
use crate::change_set::ChangeSet;
use crate::id::ChangeSetId;

#[test]
fn events_have_the_names_and_fields_that_consumers_read() {
    let changes = ChangeSet::new(ChangeSetId::from_uuid(Uuid::from_u128(99)), minute(0));
    let changes = changes.save(made());
    let event = &changes.events()[0];
    assert_eq!((event.name, event.number), ("reservation.made", 1));
    assert_eq!(event.occurred_at, minute(0));
    assert_eq!(
        std::str::from_utf8(&event.payload).unwrap(),
        concat!(
            r#"{"type":"reservation.made","#,
            r#""reservation":"00000000-0000-0000-0000-000000000001","#,
            r#""performance":"00000000-0000-0000-0000-000000000006","#,
            r#""user":"00000000-0000-0000-0000-000000000005","#,
            r#""seats":[4,7],"total":{"currency":"KRW","minor":100000},"#,
            r#""expires_at":"1970-01-01T00:10:00Z"}"#
        )
    );
}

#[test]
fn a_whole_life_is_told_in_order() {
    let life = |at: At| -> Vec<serde_json::Value> {
        let events = pending_events(&at.reservation());
        events.iter().skip(1).map(|event| serde_json::to_value(event).unwrap()).collect()
    };
    let (id, payment) = (RESERVATION, PAYMENT);
    let started = json!({
        "type": "reservation.payment_started", "reservation": id, "payment": payment,
        "expires_at": "1970-01-01T00:11:00Z",
    });
    let confirmed = json!({
        "type": "reservation.confirmed", "reservation": id, "user": USER, "payment": payment,
        "total": {"currency": "KRW", "minor": 100_000}, "late": false,
    });
    let given_up = |seat: u32, left: u32, refund: &str| {
        json!({
            "type": "reservation.seats_given_up", "reservation": id, "seats": [seat], "left": left,
            "cause": {"refund": format!("00000000-0000-0000-0000-{refund:0>12}")},
        })
    };
    let refunded = [started.clone(), confirmed, given_up(4, 1, "a"), given_up(7, 0, "b")];
    assert_eq!(life(At::Refunded), refunded);
    let cancelled = json!({"type": "reservation.cancelled", "reservation": id, "reason": "buyer"});
    assert_eq!(life(At::CancelledByBuyer), [started.clone(), cancelled]);
    let expired = json!({"type": "reservation.expired", "reservation": id});
    assert_eq!(life(At::Expired), [started.clone(), expired]);
    let moved = json!({
        "type": "reservation.deadline_moved", "reservation": id,
        "expires_at": "1970-01-01T02:10:00Z",
    });
    assert_eq!(life(At::AwaitingDeposit), [started, moved]);
}

#[test]
fn every_state_reads_back_equal() {
    for at in At::ALL {
        let reservation = at.reservation();
        let json = serde_json::to_string(&reservation).unwrap();
        let back: Reservation = serde_json::from_str(&json).unwrap();
        assert_eq!(back, reservation, "{at:?}");
        assert_eq!(back.root().pending().len(), 0, "{at:?} stored events that the outbox has");
    }
}
