//! Several events in one row.

use ticketing_core::page::PageRequest;
use ticketing_core::port::Inspect;

use super::*;

async fn rows(store: &Store) -> Vec<(i64, i64)> {
    let sql = "SELECT sequence, events FROM tk_outbox ORDER BY sequence";
    let rows = store.database().fetch(sql, &[]).await.unwrap();
    rows.iter().map(|row| (row.int(0).unwrap(), row.int(1).unwrap())).collect()
}

#[tokio::test]
async fn the_cursor_may_stand_inside_a_block() {
    let (_file, _clock, store) = opened().await;
    told_at_once(&store, &[1, 2, 3]).await;
    told_at_once(&store, &[4]).await;
    told_at_once(&store, &[5, 6]).await;
    assert_eq!(rows(&store).await, [(3, 3), (4, 1), (6, 2)]);
    let lease = taken(&store, "a").await;
    let all = store.read(lease.clone(), limit(9)).await.unwrap();
    assert_eq!(numbers(&all), [1, 2, 3, 4, 5, 6]);
    assert_eq!(all[4].payload, br#"{"n":5}"#);
    for cursor in 0..=6 {
        store.advance(lease.clone(), cursor).await.unwrap();
        for most in 1..=7 {
            let rows = store.read(lease.clone(), limit(most)).await.unwrap();
            let from = usize::try_from(cursor).unwrap();
            assert_eq!(rows, all[from..(from + most).min(6)], "{most} after {cursor}");
        }
    }
}

/// More blocks than one statement reads.
#[tokio::test]
async fn a_read_goes_on_until_it_has_enough() {
    let (_file, clock, store) = opened().await;
    for block in 0..100 {
        told_at_once(&store, &[1; 5][..=block % 5]).await;
    }
    let lease = taken(&store, "a").await;
    store.advance(lease.clone(), 2).await.unwrap();
    for (most, expected) in [(15, 15), (150, 150), (298, 298), (299, 298), (1_000, 298)] {
        let rows = store.read(lease.clone(), limit(most)).await.unwrap();
        assert_eq!(numbers(&rows), (3..3 + expected).collect::<Vec<_>>(), "of {most}");
    }
    let sql = "DELETE FROM tk_outbox WHERE sequence = 255";
    store.database().execute(sql, &[]).await.unwrap();
    let answer = store.read(lease.clone(), limit(1_000)).await;
    assert!(format!("{answer:?}").contains("expected event 251 of partition 1, got 256"));
    clock.advance(TTL);
    taken(&store, "b").await;
    assert!(is_fenced(&store.read(lease, limit(1_000)).await, 1));
}

#[tokio::test]
async fn a_payload_comes_back_byte_for_byte() {
    let (_file, _clock, store) = opened().await;
    let payloads = [
        r#"{"type":"a","n":1.0,"m":1e2,"z":-0.0,"big":123456789012345678901234567890}"#,
        r#"{ "spaced" : [ 1 , 2 ] , "same":1, "same":2 }"#,
        r#"{"text":"\u00e9 é \ud83c\udfab 🎫 \" \\ \/ \n \u0000 '' ? ]}]"}"#,
        "[]",
        r#""]},{""#,
        "null",
        r#"{"i":18446744073709551615,"j":-9223372036854775808,"d":0.1000}"#,
    ];
    let events = payloads.map(|payload| event(minute(1), payload.as_bytes()));
    put(&store, events.to_vec()).await;
    let lease = taken(&store, "a").await;
    let read = store.read(lease, limit(9)).await.unwrap();
    let listed = Inspect::outbox(&store, PageRequest::first(limit(9))).await.unwrap().items;
    assert_eq!(read, listed);
    let got: Vec<&str> = read.iter().map(|row| str::from_utf8(&row.payload).unwrap()).collect();
    assert_eq!(got, payloads);
}

#[tokio::test]
async fn a_block_that_is_not_published_to_its_end_is_kept() {
    let (_file, _clock, store) = opened().await;
    told_at_once(&store, &[1, 2]).await;
    told_at_once(&store, &[3, 9, 4]).await;
    told_at_once(&store, &[5]).await;
    let lease = taken(&store, "a").await;
    store.advance(lease.clone(), 4).await.unwrap();
    let dropped =
        async |before, most| store.drop_published(1, minute(before), limit(most)).await.unwrap();
    assert_eq!(dropped(100, 9).await, 2);
    assert_eq!(dropped(100, 9).await, 0);
    assert_eq!(rows(&store).await, [(5, 3), (6, 1)]);
    assert_eq!(numbers(&store.read(lease.clone(), limit(9)).await.unwrap()), [5, 6]);
    store.advance(lease, 6).await.unwrap();
    assert_eq!(dropped(9, 9).await, 0, "one of its events is young");
    assert_eq!(dropped(10, 9).await, 4);
    assert_eq!(rows(&store).await, []);
}

/// As many go as were asked for, so that a caller knows whether there are more.
#[tokio::test]
async fn a_block_that_is_too_large_for_the_limit_goes_in_parts() {
    let (_file, _clock, store) = opened().await;
    told_at_once(&store, &[1; 5]).await;
    told_at_once(&store, &[1; 2]).await;
    told_at_once(&store, &[1; 7]).await;
    let lease = taken(&store, "a").await;
    store.advance(lease.clone(), 14).await.unwrap();
    let listed = async || {
        let page = Inspect::outbox(&store, PageRequest::first(limit(99))).await.unwrap();
        numbers(&page.items)
    };
    let mut left = Vec::new();
    for (most, expected) in [(2, 2), (2, 2), (4, 4), (1, 1), (9, 5), (9, 0)] {
        let dropped = store.drop_published(1, minute(2), limit(most)).await.unwrap();
        assert_eq!(dropped, expected);
        left.push(listed().await);
    }
    let from = |first: u64| (first..=14).collect::<Vec<_>>();
    assert_eq!(left, [from(3), from(5), from(9), from(10), from(15), from(15)]);
    told_at_once(&store, &[1; 2]).await;
    assert_eq!(numbers(&store.read(lease, limit(9)).await.unwrap()), [15, 16]);
}

/// A body as it should be, and what is changed of it, of its row, and what is said about it.
const DAMAGES: [(&str, &str, &str); 14] = [
    ("body = ''", "", "the json is wrong"),
    ("body = '[]'", "", "expected 3 events up to 3, got 0"),
    ("body = '{}'", "", "the json is wrong"),
    ("body = substr(body, 1, 300)", "", "the json is wrong"),
    ("events = 4", "", "expected 4 events up to 3, got 3"),
    ("events = 0", "", "expected 0 events up to 3, got 3"),
    ("events = -1", "", "place: 2, source: TryFromIntError"),
    ("sequence = 4", "", "expected 3 events up to 4, got 3"),
    ("\"first\":1", "\"first\":2", "expected 3 events up to 3, got 3"),
    ("\"first\":1", "\"first\":18446744073709551615", "expected another event, at the end"),
    ("\"kind\":4", "\"kind\":99", "99 is no kind of aggregate"),
    ("\"occurred_at\":60000000", "\"occurred_at\":9223372036854775807", "is no time"),
    ("\"number\":7", "\"number\":-7", "the json is wrong"),
    ("-000000000002", "-0000geheim", "the json is wrong"),
];

#[tokio::test]
async fn a_body_that_is_damaged_is_an_error_and_shows_nothing() {
    for (damage, by, expected) in DAMAGES {
        let (_file, _clock, store) = opened().await;
        let payload = br#"{"account":"geheim"}"#;
        put(&store, vec![event(minute(1), payload); 3]).await;
        let (sql, values) = if damage.contains(" = ") {
            (format!("UPDATE tk_outbox SET {damage}"), Vec::new())
        } else {
            let values = vec![Value::text(damage), Value::text(by)];
            ("UPDATE tk_outbox SET body = replace(body, ?, ?)".to_owned(), values)
        };
        store.database().execute(&sql, &values).await.unwrap();
        let lease = taken(&store, "a").await;
        let Err(OutboxError::Port(read)) = store.read(lease, limit(9)).await else {
            panic!("{damage} was not noticed")
        };
        let listed = Inspect::outbox(&store, PageRequest::first(limit(9))).await.unwrap_err();
        for error in [read, listed] {
            assert_eq!(error.fault(), Fault::Permanent, "{damage}");
            let text = format!("{error:?}");
            assert!(text.contains(expected) && !text.contains("geheim"), "{damage}: {text}");
        }
    }
}

/// Each number stands in its block: two groups that do not fit are noticed.
#[tokio::test]
async fn groups_that_do_not_follow_each_other_are_an_error() {
    let (_file, _clock, store) = opened().await;
    let other = ChangeSetId::from_uuid(Uuid::from_u128(4));
    let first = event(minute(1), b"{}");
    put(&store, vec![first, Event { change_set: other, ..first }]).await;
    let sql = "UPDATE tk_outbox SET body = replace(body, '\"first\":2', '\"first\":3')";
    store.database().execute(sql, &[]).await.unwrap();
    let lease = taken(&store, "a").await;
    let answer = store.read(lease, limit(9)).await;
    assert!(format!("{answer:?}").contains("expected event 2, got 3"), "{answer:?}");
}
