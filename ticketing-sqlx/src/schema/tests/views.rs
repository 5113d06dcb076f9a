//! The views show what core's own JSON and text say.

use std::fmt::Write;

use chrono::DateTime;
use proptest::strategy::{BoxedStrategy, Strategy, ValueTree};
use proptest::test_runner::TestRunner;
use serde_json::Value as Json;
use ticketing_core::aggregate::StreamKey;
use ticketing_core::id::ChangeSetId;
use ticketing_core::ledger::AccountKey;
use ticketing_core::money::{Currency, Money};
use ticketing_core::testing::strategies;
use uuid::Uuid;

use super::{rows, with};
use crate::codes;
use crate::db::{Connection, Row, Value};
use crate::fixture::{File, told};
use crate::outbox::block::Event;

fn drawn<T: std::fmt::Debug>(strategy: &BoxedStrategy<T>, count: usize) -> Vec<T> {
    let mut runner = TestRunner::deterministic();
    (0..count).map(|_| strategy.new_tree(&mut runner).unwrap().current()).collect()
}

/// The name of a state, whether it carries data or not.
fn tag(json: &Json) -> String {
    match json {
        Json::Object(object) => object.keys().next().unwrap().clone(),
        other => other.as_str().unwrap().to_owned(),
    }
}

fn text(json: &Json) -> Option<String> {
    json.as_str().map(str::to_owned)
}

/// Core's own text of an amount, without its currency.
fn amount(minor: i64, currency: Currency) -> String {
    let money = Money::from_minor(minor.abs(), currency).unwrap();
    let sign = if minor < 0 { "-" } else { "" };
    format!("{sign}{}", money.to_decimal())
}

fn money(json: &Json) -> String {
    let currency = json["currency"].as_str().unwrap().parse().unwrap();
    amount(json["minor"].as_i64().unwrap(), currency)
}

fn read(row: &Row, place: usize) -> Option<String> {
    row.bytes_or_null(place).unwrap()?;
    Some(row.text(place).unwrap().to_owned())
}

/// Stores an aggregate's JSON and reads columns of its view.
async fn seen(connection: &mut Connection, kind: &str, json: &Json, columns: &str) -> Row {
    let parents = match kind {
        "reservation" => "user_id",
        "payment" => "reservation",
        _ => "payment",
    };
    let id: Uuid = json["id"].as_str().unwrap().parse().unwrap();
    let sql = format!(
        "INSERT INTO tk_{kind} (id, version, replaced, events, saved_at, {parents}, body) \
         VALUES (?, 3, 2, 5, 90000061000002, ?, ?)"
    );
    let values = [id.into(), id.into(), Value::text(json.to_string())];
    connection.execute(&sql, &values).await.unwrap();
    let sql = format!("SELECT {columns}, version, saved_at FROM tk_v_{kind}");
    let mut found = rows(connection, &sql).await;
    assert_eq!(found.len(), 1, "of {kind} {id}");
    connection.execute(&format!("DELETE FROM tk_{kind}"), &[]).await.unwrap();
    found.remove(0)
}

fn check(row: &Row, expected: &[Option<String>], json: &Json) {
    let mut told = String::new();
    for (place, expected) in expected.iter().enumerate() {
        let got = read(row, place);
        if got != *expected {
            let _ = writeln!(told, "column {place}: expected {expected:?}, got {got:?}");
        }
    }
    assert!(told.is_empty(), "{told}{json:#}");
    assert_eq!(row.int(expected.len()).unwrap(), 3);
    let saved_at = read(row, expected.len() + 1);
    assert_eq!(saved_at.as_deref(), Some("1972-11-07T16:01:01.000002Z"));
}

#[tokio::test]
async fn a_reservation_is_readable_in_every_state() {
    let file = File::migrated(&with(1)).await;
    let mut connection = file.session().await;
    for reservation in drawn(&strategies::reservations(), 60) {
        let json = serde_json::to_value(&reservation).unwrap();
        let columns = "id, state, performance, show_id, user_id, total, currency, made_at, \
                       expires_at, payment, CAST(seats AS TEXT)";
        let row = seen(&mut connection, "reservation", &json, columns).await;
        let expected = [
            text(&json["id"]),
            Some(tag(&json["state"])),
            text(&json["performance"]),
            text(&json["show"]),
            text(&json["user"]),
            Some(money(&json["total"])),
            text(&json["total"]["currency"]),
            text(&json["made_at"]),
            text(&json["expires_at"]),
            text(&json["payment"]),
            Some(reservation.lines().len().to_string()),
        ];
        check(&row, &expected, &json);
    }
}

#[tokio::test]
async fn a_payment_is_readable_in_every_state() {
    let file = File::migrated(&with(1)).await;
    let mut connection = file.session().await;
    for payment in drawn(&strategies::payments(), 60) {
        let json = serde_json::to_value(&payment).unwrap();
        let columns = "id, state, reservation, performance, user_id, method, discount, points, \
                       external_part, received, refunded, currency, created_at, paid_at";
        let row = seen(&mut connection, "payment", &json, columns).await;
        let tenders = &json["tenders"];
        let expected = [
            text(&json["id"]),
            Some(tag(&json["state"])),
            text(&json["reservation"]),
            text(&json["performance"]),
            text(&json["user"]),
            text(&json["method"]),
            Some(money(&tenders["discount"])),
            Some(money(&tenders["points"])),
            Some(money(&tenders["external"])),
            Some(money(&json["received"])),
            Some(money(&json["refunded"])),
            text(&tenders["external"]["currency"]),
            text(&json["created_at"]),
            text(&json["paid_at"]),
        ];
        check(&row, &expected, &json);
    }
}

#[tokio::test]
async fn a_refund_is_readable_in_every_state() {
    let file = File::migrated(&with(1)).await;
    let mut connection = file.session().await;
    for refund in drawn(&strategies::refunds(), 60) {
        let json = serde_json::to_value(&refund).unwrap();
        let columns = "id, state, what, payment, reservation, user_id, external_part, points, \
                       stopped, taken_back, currency, requested_at, next_try_at, \
                       CAST(attempt AS TEXT)";
        let row = seen(&mut connection, "refund", &json, columns).await;
        let expected = [
            text(&json["id"]),
            Some(tag(&json["state"])),
            Some(tag(&json["what"])),
            text(&json["payment"]),
            text(&json["reservation"]),
            text(&json["user"]),
            Some(money(&json["external"])),
            Some(money(&json["points"])),
            Some(money(&json["stopped"])),
            Some(money(&json["taken_back"])),
            text(&json["external"]["currency"]),
            text(&json["requested_at"]),
            text(&json["next_try_at"]),
            Some(json["attempt"].to_string()),
        ];
        check(&row, &expected, &json);
    }
}

fn owner(account: &Json) -> Option<String> {
    text(account.as_object()?.values().next()?)
}

async fn insert(connection: &mut Connection, entry: &ticketing_core::ledger::JournalEntry) {
    let json = serde_json::to_string(entry).unwrap();
    let id = entry.id().as_uuid();
    let sql = "INSERT INTO tk_entry (id, booked_at, body) VALUES (?, 90000061000002, ?)";
    connection.execute(sql, &[id.into(), Value::text(json)]).await.unwrap();
    for (AccountKey { account, currency }, minor) in entry.lines() {
        let (code, owner) = codes::account(account).unwrap();
        let currency = Value::text(currency.code());
        let values = [Value::Int(code), owner.into(), currency, id.into(), Value::Int(minor)];
        let sql = "INSERT INTO tk_posting (account, owner, currency, entry, amount) \
                   VALUES (?, ?, ?, ?, ?)";
        connection.execute(sql, &values).await.unwrap();
    }
}

#[tokio::test]
async fn entries_and_postings_are_readable() {
    let file = File::migrated(&with(1)).await;
    let mut connection = file.session().await;
    let ledgers = strategies::ledgers();
    let ledgers = ledgers.prop_filter("some entries", |ledger| ledger.len() > 8).boxed();
    let mut count = 0;
    for entry in drawn(&ledgers, 6).into_iter().flatten() {
        count += 1;
        insert(&mut connection, &entry).await;
        let json = serde_json::to_value(&entry).unwrap();
        let sql =
            "SELECT id, kind, subject, subject_id, currency, resolves, booked_at FROM tk_v_entry";
        let found = rows(&mut connection, sql).await;
        let got: Vec<_> = (0..7).map(|place| read(&found[0], place)).collect();
        let booked_at = Some("1972-11-07T16:01:01.000002Z".to_owned());
        let expected = [
            text(&json["id"]),
            text(&json["kind"]),
            Some(tag(&json["subject"])),
            owner(&json["subject"]),
            text(&json["currency"]),
            text(&json["resolves"]),
            booked_at.clone(),
        ];
        assert_eq!(got, expected, "{json:#}");

        let sql = "SELECT entry, kind, account, owner, amount, currency, booked_at, \
                   CAST(minor_units AS TEXT) FROM tk_v_posting ORDER BY 3, 4";
        let found = rows(&mut connection, sql).await;
        let got: Vec<Vec<_>> =
            found.iter().map(|row| (0..8).map(|place| read(row, place)).collect()).collect();
        let mut expected: Vec<Vec<_>> = json["postings"]
            .as_array()
            .unwrap()
            .iter()
            .map(|posting| {
                let minor = posting["amount"].as_i64().unwrap();
                vec![
                    text(&json["id"]),
                    text(&json["kind"]),
                    Some(tag(&posting["account"])),
                    owner(&posting["account"]),
                    Some(amount(minor, entry.currency())),
                    text(&json["currency"]),
                    booked_at.clone(),
                    Some(minor.to_string()),
                ]
            })
            .collect();
        expected.sort_by_key(|columns| (columns[2].clone(), columns[3].clone()));
        assert_eq!(got, expected, "{json:#}");
        connection.run("DELETE FROM tk_entry").await.unwrap();
        connection.run("DELETE FROM tk_posting").await.unwrap();
    }
    assert!(count > 40, "{count} entries");
}

#[tokio::test]
async fn a_balance_is_the_sum_of_its_slots() {
    let file = File::migrated(&with(1)).await;
    let mut connection = file.session().await;
    let (user, seller) = (Uuid::from_u128(0x1234), Uuid::from_u128(0x9876));
    let insert = "INSERT INTO tk_balance (account, owner, currency, slot, balance) \
                  VALUES (?, ?, ?, ?, ?)";
    for (account, owner, currency, slot, balance) in [
        (6, seller, "USD", 0, -1_005),
        (6, seller, "USD", 7, 1_000),
        (6, seller, "KRW", 7, 1_000),
        (3, Uuid::nil(), "KWD", 1, -12_034),
    ] {
        let currency = Value::text(currency);
        let (slot, balance) = (Value::Int(slot), Value::Int(balance));
        let values = [Value::Int(account), owner.into(), currency, slot, balance];
        connection.execute(insert, &values).await.unwrap();
    }
    let insert = "INSERT INTO tk_wallet (user_id, currency, balance) VALUES (?, 'EUR', 250)";
    connection.execute(insert, &[user.into()]).await.unwrap();
    let sql = "SELECT account || ' ' || COALESCE(owner, '-') || ' ' || balance || ' ' || currency \
               || ' ' || minor_units FROM tk_v_balance ORDER BY 1";
    let found = rows(&mut connection, sql).await;
    let got: Vec<_> = found.iter().map(|row| read(row, 0).unwrap()).collect();
    let expected = [
        "clearing - -12.034 KWD -12034".to_owned(),
        format!("seller {seller} -0.05 USD -5"),
        format!("seller {seller} 1000 KRW 1000"),
        format!("wallet {user} 2.50 EUR 250"),
    ];
    assert_eq!(got, expected);
}

#[tokio::test]
async fn the_lag_of_the_outbox_is_readable() {
    let file = File::migrated(&with(2)).await;
    let mut connection = file.session().await;
    for sql in [
        "UPDATE tk_outbox_part SET last = 12 WHERE part = 1",
        "UPDATE tk_outbox_reader SET published = 9, epoch = 3, owner = 'relay-1', \
         expires_at = 90000061000002 WHERE part = 1",
        "INSERT INTO tk_outbox (part, sequence, events, occurred_at, body) \
         VALUES (1, 9, 9, 1, '[]'), (1, 11, 2, 90000061000003, '[]'), (1, 12, 1, 2, '[]')",
    ] {
        connection.run(sql).await.unwrap();
    }
    let sql = "SELECT partition_no || ' ' || last || ' ' || published || ' ' || waiting || ' ' || \
               COALESCE(waiting_since, '-') || ' ' || COALESCE(leased_by, '-') || ' ' \
               || COALESCE(leased_until, '-') || ' ' || epoch FROM tk_v_outbox_part \
               ORDER BY partition_no";
    let found = rows(&mut connection, sql).await;
    let got: Vec<_> = found.iter().map(|row| read(row, 0).unwrap()).collect();
    let second = "1 12 9 3 1972-11-07T16:01:01.000003Z relay-1 1972-11-07T16:01:01.000002Z 3";
    assert_eq!(got, ["0 0 0 0 - - - 0", second]);
}

#[tokio::test]
async fn every_event_of_the_outbox_is_a_line() {
    let file = File::migrated(&with(1)).await;
    let mut connection = file.session().await;
    let id = Uuid::from_u128;
    let payloads: Vec<String> = (0..12).map(|n| format!("{{\"n\":{n}}}")).collect();
    let event = |n: u8| Event {
        change_set: ChangeSetId::from_uuid(id(u128::from(n / 3))),
        stream: StreamKey(id(1)),
        kind: i64::from(n % 9 + 1),
        aggregate: id(2),
        number: n.into(),
        name: "a.b",
        occurred_at: DateTime::from_timestamp_micros(90_000_061_000_000 + i64::from(n)).unwrap(),
        payload: payloads[usize::from(n)].as_bytes(),
    };
    for events in [0..5, 5..12] {
        let first = i64::from(events.start) + 101;
        let events: Vec<_> = events.map(event).collect();
        for (sql, values) in told(0, first, &events) {
            connection.execute(&sql, &values).await.unwrap();
        }
    }
    let sql = "UPDATE tk_outbox SET events = 3 WHERE sequence = 105";
    connection.run(sql).await.unwrap();
    let sql = "SELECT partition_no || ' ' || sequence || ' ' || name || ' ' || kind || ' ' || aggregate \
               || ' ' || number || ' ' || occurred_at || ' ' || stream || ' ' || change_set || ' ' \
               || payload FROM tk_v_outbox ORDER BY sequence";
    let found = rows(&mut connection, sql).await;
    let got: Vec<_> = found.iter().map(|row| read(row, 0).unwrap()).collect();
    let line = |n: u8| {
        let (of, set) = (id(2), id(u128::from(n / 3)));
        let kind = codes::kind_of(i64::from(n % 9 + 1)).unwrap();
        let at = format!("1972-11-07T16:01:01.0000{n:02}Z");
        let sequence = 101 + u16::from(n);
        format!("0 {sequence} a.b {kind} {of} {n} {at} {} {set} {{\"n\":{n}}}", id(1))
    };
    assert_eq!(got, (2..12).map(line).collect::<Vec<_>>(), "but for those that were dropped");
}
