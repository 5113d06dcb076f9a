//! What is stored and what is told, byte by byte.

use serde_json::json;

use super::*;
use crate::change_set::ChangeSet;
use crate::id::ChangeSetId;

#[test]
fn events_have_the_names_and_fields_that_consumers_read() {
    let changes = ChangeSet::new(ChangeSetId::from_uuid(Uuid::from_u128(99)), minute(0));
    let changes = changes.save(created(Some(Method::BankTransfer)));
    let event = &changes.events()[0];
    assert_eq!((event.name, event.number), ("payment.created", 1));
    assert_eq!(
        std::str::from_utf8(&event.payload).unwrap(),
        concat!(
            r#"{"type":"payment.created","payment":"00000000-0000-0000-0000-000000000003","#,
            r#""reservation":"00000000-0000-0000-0000-000000000001","#,
            r#""user":"00000000-0000-0000-0000-000000000005","#,
            r#""points":{"currency":"KRW","minor":30000},"#,
            r#""external":{"currency":"KRW","minor":70000},"method":"bank_transfer"}"#
        )
    );
    assert_eq!(changes.stream(), made().stream(), "in the reservation's stream");
}

#[test]
fn a_whole_life_is_told_in_order() {
    let life = |at: At| -> Vec<serde_json::Value> {
        let events = pending_events(&at.payment());
        events.iter().skip(1).map(|event| serde_json::to_value(event).unwrap()).collect()
    };
    let (payment, reservation) = (PAYMENT, made().id());
    let one = |name: &str| json!({"type": format!("payment.{name}"), "payment": payment});
    let awaiting = json!({
        "type": "payment.awaiting_deposit", "payment": payment, "due_at": "1970-01-01T01:40:00Z",
    });
    let succeeded = json!({
        "type": "payment.succeeded", "payment": payment, "reservation": reservation,
        "external": {"currency": "KRW", "minor": 70_000}, "honoured": "in_time",
    });
    let reversed =
        json!({"type": "payment.reversed", "payment": payment, "reservation": reservation});
    assert_eq!(life(At::Reversed), [one("sent"), awaiting.clone(), succeeded, reversed]);
    assert_eq!(life(At::Expired), [one("sent"), awaiting, one("expired")]);
    assert_eq!(life(At::ConfirmUnknown), [one("sent"), one("became_unknown")]);
    assert_eq!(life(At::CancelledCard), [one("cancelled")]);
    let failed = json!({
        "type": "payment.failed", "payment": payment, "reason": {"declined": {"code": "NO_FUNDS"}},
    });
    assert_eq!(life(At::Failed), [one("sent"), failed]);
    let mut closed = At::Expired.payment();
    closed.account_closed(minute(140));
    let last = serde_json::to_value(pending_events(&closed).last().unwrap()).unwrap();
    assert_eq!(last, one("account_closed"));
}

#[test]
fn every_state_reads_back_equal_with_its_account() {
    for at in At::ALL {
        let mut payment = at.payment();
        if payment.method() == Some(Method::BankTransfer) {
            payment.set_refund_account(Some(refund_account())).unwrap();
        }
        let json = serde_json::to_string(&payment).unwrap();
        let back: Payment = serde_json::from_str(&json).unwrap();
        assert_eq!(back, payment, "{at:?}");
        assert_eq!(back.refund_account(), payment.refund_account(), "{at:?}");
    }
}
