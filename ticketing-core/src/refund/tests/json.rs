//! What is stored and what is told, byte by byte.

use serde_json::json;

use super::*;
use crate::change_set::ChangeSet;
use crate::id::ChangeSetId;

#[test]
fn events_have_the_names_and_fields_that_consumers_read() {
    let changes = ChangeSet::new(ChangeSetId::from_uuid(Uuid::from_u128(99)), minute(0));
    let changes = changes.save(to_card());
    let event = &changes.events()[0];
    assert_eq!((event.name, event.number), ("refund.requested", 1));
    let won = |minor| format!(r#"{{"currency":"KRW","minor":{minor}}}"#);
    let line = format!(
        r#"{{"share":{{"seat":7,"price":{},"discount":{},"points":{},"external":{}}},"fee":{}}}"#,
        won(40_000),
        won(0),
        won(12_000),
        won(28_000),
        won(0)
    );
    assert_eq!(
        std::str::from_utf8(&event.payload).unwrap(),
        format!(
            r#"{{"type":"refund.requested","refund":"00000000-0000-0000-0000-00000000001e","payment":"00000000-0000-0000-0000-000000000003","what":{{"seats":[{line}]}},"external":{},"points":{}}}"#,
            won(28_000),
            won(12_000)
        )
    );
    assert_eq!(changes.stream(), StreamKey(paid_by_card().reservation().as_uuid()));
}

#[test]
fn a_whole_life_is_told_in_order() {
    let life = |at: At| -> Vec<serde_json::Value> {
        let events = pending_events(&at.refund());
        events.iter().skip(1).map(|event| serde_json::to_value(event).unwrap()).collect()
    };
    let succeeded = |minor: i64, sent: &str| {
        json!({
            "type": "refund.succeeded", "refund": REFUND,
            "external": {"currency": "KRW", "minor": minor}, "sent": sent,
        })
    };
    let needs_account = json!({"type": "refund.needs_account", "refund": REFUND});
    let failed = json!({
        "type": "refund.failed", "refund": REFUND, "attempt": 1, "code": "NOT_AVAILABLE_BANK",
    });
    assert_eq!(life(At::SentByGateway), [succeeded(28_000, "gateway")]);
    assert_eq!(life(At::SentNothing), [succeeded(0, "nothing")]);
    assert_eq!(life(At::SentAsPoints), [needs_account, succeeded(28_000, "points")]);
    assert_eq!(life(At::Failed), [failed]);
    let stopped = json!({"type": "refund.stopped", "refund": REFUND});
    assert_eq!(life(At::Stopped), std::slice::from_ref(&stopped));
    let mut less = to_card();
    less.take_back(won(8_000), minute(11)).unwrap();
    let last = |it: &Refund| serde_json::to_value(pending_events(it).last().unwrap()).unwrap();
    let reduced = json!({
        "type": "refund.reduced", "refund": REFUND,
        "left": {"currency": "KRW", "minor": 20_000},
    });
    assert_eq!(last(&less), reduced);
    less.take_back(won(20_000), minute(12)).unwrap();
    assert_eq!(last(&less), stopped);
}

#[test]
fn every_state_reads_back_equal_with_its_account() {
    for at in At::ALL {
        let refund = at.refund();
        let json = serde_json::to_string(&refund).unwrap();
        let back: Refund = serde_json::from_str(&json).unwrap();
        assert_eq!(back, refund, "{at:?}");
        assert_eq!(back.account(), refund.account(), "{at:?}");
    }
}
