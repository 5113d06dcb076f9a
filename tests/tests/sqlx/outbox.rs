//! What a person sees of the outbox.

use sqlx::{Connection, MySqlConnection, SqliteConnection};
use ticketing_core::change_set::ChangeSet;
use ticketing_core::id::{ChangeSetId, EntryId, UserId};
use ticketing_core::ledger::{Booking, JournalEntry};
use ticketing_core::memory::SystemClock;
use ticketing_core::money::{Currency, Money};
use ticketing_core::page::{Limit, PageRequest};
use ticketing_core::port::{Clock, Inspect, OutboxRow, Store as _};
use tokio::task::JoinSet;

use crate::world::{Server, block_on, real};

const EVENTS: i64 = 40;
const LINES: &str = "SELECT CONCAT_WS(' ', partition_no, sequence, name, kind, aggregate, number, \
    occurred_at, stream, change_set), CAST(payload AS CHAR) FROM tk_v_outbox \
    ORDER BY partition_no, sequence";
const LAG: &str =
    "SELECT CAST(waiting AS CHAR), waiting_since FROM tk_v_outbox_part WHERE waiting > 0";
const BLOCKS: &str = "SELECT CAST(COUNT(*) AS CHAR), CAST(SUM(events) AS CHAR) FROM tk_outbox";

async fn read(server: Server, url: &str, sql: &'static str) -> Vec<(String, String)> {
    if server == Server::Sqlite {
        let mut session = SqliteConnection::connect(url).await.expect("the file");
        sqlx::query_as(sql).fetch_all(&mut session).await.expect("lines")
    } else {
        let mut session = MySqlConnection::connect(url).await.expect("the server");
        sqlx::query_as(sql).fetch_all(&mut session).await.expect("lines")
    }
}

fn line(row: &OutboxRow) -> String {
    let OutboxRow { partition, sequence, name, number, stream, change_set, .. } = row;
    let (kind, id) = (row.aggregate.kind, row.aggregate.id);
    let at = at(row);
    format!("{partition} {sequence} {name} {kind} {id} {number} {at} {} {change_set}", stream.0)
}

fn at(row: &OutboxRow) -> String {
    row.occurred_at.format("%Y-%m-%dT%H:%M:%S%.6fZ").to_string()
}

fn json(text: &[u8]) -> serde_json::Value {
    serde_json::from_slice(text).expect("json")
}

async fn each_event_is_a_line(server: Server) {
    let (url, store, ids) = real(server, "lines").await;
    let user = UserId::generate(&ids);
    let mut commits = JoinSet::new();
    for minor in 1..=EVENTS {
        let booking = Booking { id: EntryId::generate(&ids), at: SystemClock.now() };
        let amount = Money::from_minor(minor, Currency::KRW).expect("an amount");
        let entry = JournalEntry::top_up(booking, user, amount).expect("an entry");
        let changes = ChangeSet::new(ChangeSetId::generate(&ids), booking.at).post(entry);
        let store = store.clone();
        commits.spawn(async move { store.commit(changes).await.map(drop) });
    }
    while let Some(done) = commits.join_next().await {
        done.expect("a task that ends").expect("a commit");
    }
    let page = PageRequest::first(Limit::new(Limit::MAX).expect("the largest limit"));
    let events = store.outbox(page).await.expect("events").items;
    let lines = read(server, &url, LINES).await;
    let (seen, payloads): (Vec<_>, Vec<_>) = lines.into_iter().unzip();
    assert_eq!(seen, events.iter().map(line).collect::<Vec<_>>());
    for (event, payload) in events.iter().zip(&payloads) {
        assert_eq!(json(payload.as_bytes()), json(&event.payload));
    }
    let lag = read(server, &url, LAG).await;
    assert_eq!((lag.len(), lag[0].0.as_str()), (1, "40"));
    assert!(events.iter().any(|event| at(event) == lag[0].1), "{lag:?}");
    let blocks = read(server, &url, BLOCKS).await;
    let (blocks, events): (i64, i64) =
        (blocks[0].0.parse().expect("a count"), blocks[0].1.parse().expect("a sum"));
    assert_eq!(events, EVENTS);
    assert!(blocks < events / 2, "commits at once make {blocks} blocks");
}

#[test]
fn sqlite_shows_each_event_as_a_line() {
    block_on(each_event_is_a_line(Server::Sqlite));
}

#[test]
fn mysql_shows_each_event_as_a_line() {
    block_on(each_event_is_a_line(Server::MySql));
}

#[test]
fn mariadb_shows_each_event_as_a_line() {
    block_on(each_event_is_a_line(Server::MariaDb));
}
