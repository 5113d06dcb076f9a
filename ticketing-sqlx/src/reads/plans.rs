//! How the database goes about each read: an index, or a walk over everything.

use std::borrow::Cow;

use ticketing_core::aggregate::{AggregateKind, AggregateRef};
use ticketing_core::change_set::{MessageKey, ReceiptKey};
use ticketing_core::error::PortError;
use ticketing_core::flush::{Lock, Reads};
use ticketing_core::id::{ChangeSetId, EntryId, PerformanceId, ShowId, UserId};
use ticketing_core::label::{Label, Token};
use ticketing_core::ledger::{Account, AccountKey};
use ticketing_core::money::Currency;
use ticketing_core::seat::SeatNo;
use uuid::Uuid;

use super::query::{Point, Sql};
use super::rows::{Decode, Read};
use super::{checkouts, claims, layouts, ledger, payments, receipts};
use super::{refunds, reservations, retention, tickets};
use crate::db::fault::Broken;
use crate::db::{Connection, Dialect, Row, Statement, Value};
use crate::{Store, books, flush, inspect, outbox, snapshot, sql};

/// How many rows [`fill`] puts into each table.
const ROWS: u32 = 100_000;
/// A row in the middle.
const SAMPLE: u32 = ROWS / 2;

/// Every statement of the reads, by the name of its file and its own.
pub(crate) fn all_queries(dialect: Dialect) -> Vec<(String, Cow<'static, str>)> {
    let files: [(&str, &[(&str, Sql)]); 12] = [
        ("layouts", layouts::QUERIES),
        ("reservations", reservations::QUERIES),
        ("checkouts", checkouts::QUERIES),
        ("payments", payments::QUERIES),
        ("refunds", refunds::QUERIES),
        ("tickets", tickets::QUERIES),
        ("ledger", ledger::QUERIES),
        ("claims", claims::QUERIES),
        ("retention", retention::QUERIES),
        ("inspect", inspect::QUERIES),
        ("books", books::QUERIES),
        ("snapshot", snapshot::QUERIES),
    ];
    let constant = files.into_iter().flat_map(|(file, queries)| {
        let text = move |(name, sql): &(&str, Sql)| {
            (format!("{file}::{name}"), Cow::Borrowed(sql.text(dialect)))
        };
        queries.iter().map(text)
    });
    let by_key: [(&str, &[(&str, &Point)]); 8] = [
        ("layouts", layouts::POINTS),
        ("reservations", reservations::POINTS),
        ("checkouts", checkouts::POINTS),
        ("payments", payments::POINTS),
        ("refunds", refunds::POINTS),
        ("tickets", tickets::POINTS),
        ("ledger", ledger::POINTS),
        ("receipts", receipts::POINTS),
    ];
    let by_key = by_key.into_iter().flat_map(move |(file, points)| {
        points.iter().flat_map(move |(name, point)| {
            [1, 2, sql::SIZE_MAX].map(|keys| {
                (format!("{file}::{name}({keys})"), Cow::Owned(point.text(dialect, keys)))
            })
        })
    });
    let of_seats = sql::SIZES
        .map(|size| (format!("claims::of_seats({size})"), Cow::Owned(claims::of_seats(size))));
    let of_flush = [1, 2, 256].into_iter().flat_map(|keys| {
        let texts = flush::all_queries(dialect, &everything(keys));
        texts.into_iter().map(move |text| (format!("flush({keys})"), Cow::Owned(text)))
    });
    let of_outbox = outbox::QUERIES.iter();
    let of_outbox = of_outbox.map(|(name, text)| (format!("outbox::{name}"), Cow::Borrowed(*text)));
    constant.chain(by_key).chain(of_seats).chain(of_flush).chain(of_outbox).collect()
}

/// A flush that locks and reads so many rows of each kind.
fn everything(keys: u32) -> Reads {
    let ids = || (1..=keys).map(|number| Uuid::from_u128(number.into()));
    let kinds = [
        AggregateKind::Venue,
        AggregateKind::Show,
        AggregateKind::Performance,
        AggregateKind::Reservation,
        AggregateKind::Checkout,
        AggregateKind::Payment,
        AggregateKind::Refund,
        AggregateKind::Ticket,
    ];
    let aggregates = kinds.into_iter().flat_map(|kind| {
        let locks = [Lock::Shared, Lock::Exclusive].into_iter();
        locks.flat_map(move |lock| ids().map(move |id| (AggregateRef { kind, id }, lock)))
    });
    let wallet = |id| AccountKey {
        account: Account::Wallet(UserId::from_uuid(id)),
        currency: Currency::KRW,
    };
    let receipt = |id| ReceiptKey {
        caller: UserId::from_uuid(id),
        operation: Label::new("a").expect("a label"),
        key: Token::new("a").expect("a token"),
    };
    let message = |_| MessageKey {
        consumer: Label::new("a").expect("a label"),
        id: Token::new("a").expect("a token"),
    };
    let (user, show) = (UserId::from_uuid, ShowId::from_uuid);
    Reads {
        wallets: ids().map(wallet).collect(),
        aggregates: aggregates.collect(),
        change_sets: ids().map(ChangeSetId::from_uuid).collect(),
        receipts: ids().map(receipt).collect(),
        messages: ids().map(message).collect(),
        claims: ids().map(|id| (PerformanceId::from_uuid(id), SeatNo(0))).collect(),
        allowances: ids().map(|id| (user(id), show(id))).collect(),
        entries: ids().map(EntryId::from_uuid).collect(),
        resolutions: ids().map(EntryId::from_uuid).collect(),
    }
}

/// Fills the empty tables of a migrated database with 100,000 rows each, which nothing can read back.
///
/// # Errors
/// Those of the database.
pub async fn fill(store: &Store) -> Result<(), PortError> {
    let read = store.reading("plans", "fill");
    for (table, columns) in TABLES {
        read.fetch(&filling(read.dialect(), table, columns), &[]).await?;
        let analyze = match read.dialect() {
            #[cfg(feature = "mysql")]
            Dialect::MySql => format!("ANALYZE TABLE {table}"),
            #[cfg(feature = "sqlite")]
            Dialect::Sqlite => format!("ANALYZE {table}"),
        };
        read.fetch(&analyze, &[]).await?;
    }
    // So that some of the events are old ones.
    let published = format!("UPDATE tk_outbox_reader SET published = {SAMPLE}");
    read.fetch(&published, &[]).await?;
    Ok(())
}

/// The reads of a filled database that go over a whole table or sort, each with its plan.
///
/// # Errors
/// Those of the database, and of a statement that it does not know how to run.
pub async fn refused_plans(store: &Store) -> Result<Vec<String>, PortError> {
    let read = store.reading("plans", "refused_plans");
    let mut session = session(store).await?;
    let mut refused = Vec::new();
    for (name, text) in all_queries(read.dialect()) {
        for line in explain(&read, &mut session, &text).await? {
            if let Some(flaw) = line.flaw {
                refused.push(format!("{name}: {flaw}: {}", line.text));
            }
        }
    }
    Ok(refused)
}

/// One step of a plan.
pub(crate) struct Step {
    pub(crate) text: String,
    /// Why no read may have it.
    pub(crate) flaw: Option<&'static str>,
}

/// A session that explains.
pub(crate) async fn session(store: &Store) -> Result<Connection, PortError> {
    let session = store.database().connect().await;
    session.map_err(|error| store.reading("plans", "session").refused(error))
}

/// How a statement would run with the values of a row in the middle. They are in the text: of a prepared
/// EXPLAIN, MySQL 9 describes other columns than it sends.
pub(crate) async fn explain(
    read: &Read<'_>,
    session: &mut Connection,
    text: &str,
) -> Result<Vec<Step>, PortError> {
    let values = samples(text).map_err(|error| read.refused(error))?;
    let (head, step): (_, Decode<Step>) = match read.dialect() {
        #[cfg(feature = "mysql")]
        Dialect::MySql => ("EXPLAIN FORMAT=TRADITIONAL ", mysql_step),
        #[cfg(feature = "sqlite")]
        Dialect::Sqlite => ("EXPLAIN QUERY PLAN ", sqlite_step),
    };
    let statement = Statement { sql: format!("{head}{text}"), values };
    let answers = session.ask(&[statement]).await;
    let answers = answers.map_err(|stopped| read.refused(stopped.error))?;
    let rows = answers.iter().flat_map(|answer| &answer.rows);
    rows.map(step).collect::<Result<_, _>>().map_err(|error| read.refused(error))
}

#[cfg(feature = "sqlite")]
fn sqlite_step(row: &Row) -> Result<Step, Broken> {
    let text = row.text(3)?.to_owned();
    let flaw = if text.starts_with("SCAN") {
        Some("walks a table")
    } else if text.contains("TEMP B-TREE") {
        Some("sorts")
    } else {
        None
    };
    Ok(Step { text, flaw })
}

/// The columns of MySQL's plan and of MariaDB's are not the same ones, but have the same names.
#[cfg(feature = "mysql")]
fn mysql_step(row: &Row) -> Result<Step, Broken> {
    let named = |name| Ok(row.text_named(name)?.unwrap_or("-"));
    let (table, kind, key) = (named("table")?, named("type")?, named("key")?);
    let extra = named("Extra")?;
    let flaw = if matches!(kind, "ALL" | "index") {
        Some("walks a table")
    } else if extra.contains("filesort") || extra.contains("temporary") {
        Some("sorts")
    } else if extra.contains("optimized away") {
        // The end of an index.
        None
    } else if table == "-" || key == "-" {
        Some("uses no index, or finds no row to plan for")
    } else {
        None
    };
    Ok(Step { text: format!("{table} {kind} {key} {extra}"), flaw })
}

/// A value for each parameter, as the column that it stands against wants it: another one each time, since
/// keys that are the same are planned as one.
fn samples(text: &str) -> Result<Vec<Value<'static>>, String> {
    let words = words(text);
    let mut columns: Vec<&str> = Vec::new();
    let parameters = words.iter().enumerate().filter(|(_, word)| **word == "?");
    let sample = |(place, _)| {
        let column = column(&words[..place])?;
        let before = columns.iter().filter(|known| **known == column).count();
        columns.push(column);
        sample(column, u32::try_from(before).unwrap_or(u32::MAX))
    };
    parameters.map(sample).collect()
}

/// The words and signs of a statement.
fn words(text: &str) -> Vec<&str> {
    let spaced = text.split_ascii_whitespace();
    spaced.flat_map(|word| word.split_inclusive(['(', ')', ','])).flat_map(apart).collect()
}

/// A word without the sign at its end, and the sign.
fn apart(word: &str) -> impl Iterator<Item = &str> {
    let sign = word.len() - usize::from(word.ends_with(['(', ')', ',']));
    let (word, sign) = word.split_at(sign);
    [word, sign].into_iter().filter(|part| !part.is_empty())
}

/// The column that a parameter stands against: of `before ?`, `before = ?`, `before IN (?, ?)` or
/// `(a, before) > (?, ?)`.
fn column<'a>(before: &[&'a str]) -> Result<&'a str, String> {
    let unknown = || format!("no column for a parameter after {before:?}");
    let (last, rest) = before.split_last().ok_or_else(unknown)?;
    match *last {
        "LIMIT" => Ok("LIMIT"),
        "=" | "<" | "<=" | ">" | ">=" => rest.last().copied().ok_or_else(unknown),
        "(" | "," => {
            let open = before.iter().rposition(|word| *word == "(").ok_or_else(unknown)?;
            let place = before[open..].iter().filter(|word| **word == ",").count();
            match &before[..open] {
                [.., column, "IN"] => Ok(column),
                [row @ .., ")", ">"] => {
                    let open = row.iter().rposition(|word| *word == "(").ok_or_else(unknown)?;
                    let mut names = row[open + 1..].iter().filter(|word| **word != ",");
                    names.nth(place).copied().ok_or_else(unknown)
                }
                _ => Err(unknown()),
            }
        }
        _ => Err(unknown()),
    }
}

fn sample(column: &str, before: u32) -> Result<Value<'static>, String> {
    let number = SAMPLE.saturating_add(before);
    let (table, name) = column.split_once('.').unwrap_or(("", column));
    Ok(match name {
        // Of a lease; an account's owner is an id.
        "owner" if table == "r" => Value::text(""),
        "id" | "caller" | "entry" | "live_in" | "owner" | "payment" | "pending" | "performance"
        | "reservation" | "seller" | "show_id" | "user_id" => {
            Uuid::from_u128(u128::from(number)).into()
        }
        "due_at" | "live_since" | "unsettled_since" | "created_at" | "handled_at"
        | "decided_at" | "sequence" => Value::Int(i64::from(SAMPLE)),
        "LIMIT" => Value::Int(101),
        "account" => Value::Int(6),
        "epoch" | "part" | "seat" | "slot" => Value::Int(0),
        "currency" => Value::text("KRW"),
        "message" => Value::text(number.to_string()),
        "client_key" | "consumer" | "operation" => Value::text("a"),
        other => return Err(format!("no sample for the column {other}")),
    })
}

/// The statement that fills a table from ten digits five times over.
fn filling(dialect: Dialect, table: &str, columns: &str) -> String {
    let columns = columns.split("; ").map(|column| column.split_once('=').unwrap_or((column, "")));
    let (names, filled): (Vec<&str>, Vec<String>) = columns
        .map(|(name, with)| match with.strip_prefix('#') {
            Some(number) => (name, id_of(dialect, number)),
            None => (name, with.to_owned()),
        })
        .unzip();
    let (names, filled) = (names.join(", "), filled.join(", "));
    let digits = (0..10).map(|digit| format!("SELECT {digit} AS d")).collect::<Vec<_>>();
    let digits = digits.join(" UNION ALL ");
    let number = "a.d + 10 * b.d + 100 * c.d + 1000 * e.d + 10000 * f.d";
    format!(
        "INSERT INTO {table} ({names}) SELECT {filled} FROM (SELECT {number} AS n FROM ({digits}) a \
        CROSS JOIN ({digits}) b CROSS JOIN ({digits}) c CROSS JOIN ({digits}) e CROSS JOIN ({digits}) f) r"
    )
}

/// The id whose number an expression gives.
fn id_of(dialect: Dialect, number: &str) -> String {
    match dialect {
        #[cfg(feature = "mysql")]
        Dialect::MySql => format!("UNHEX(LPAD(HEX({number}), 32, '0'))"),
        #[cfg(feature = "sqlite")]
        Dialect::Sqlite => format!("unhex(printf('%032x', {number}))"),
    }
}

/// What the columns of a table are filled with for a row `n`; `#` makes an id of a number. Ten rows belong to
/// the same thing.
const TABLES: [(&str, &str); 19] = [
    ("tk_venue", "id=#n; version=1; replaced=0; events=1; saved_at=n; body='{}'"),
    (
        "tk_show",
        "id=#n; version=1; replaced=0; events=1; saved_at=n; body='{}'; seller=#n - n % 10",
    ),
    (
        "tk_performance",
        "id=#n; version=1; replaced=0; events=1; saved_at=n; body='{}'; show_id=#n - n % 10; winding_up=1",
    ),
    (
        "tk_reservation",
        "id=#n; version=1; replaced=0; events=1; saved_at=n; body='{}'; user_id=#n - n % 10; \
        live_in=#n - n % 10; due_at=n",
    ),
    (
        "tk_checkout",
        "id=#n; version=1; replaced=0; events=1; saved_at=n; body='{}'; reservation=#n - n % 10; live_since=n",
    ),
    (
        "tk_payment",
        "id=#n; version=1; replaced=0; events=1; saved_at=n; body='{}'; reservation=#n - n % 10; \
        unsettled_since=n; to_close=1",
    ),
    (
        "tk_refund",
        "id=#n; version=1; replaced=0; events=1; saved_at=n; body='{}'; payment=#n - n % 10; due_at=n",
    ),
    (
        "tk_ticket",
        "id=#n; version=1; replaced=0; events=1; saved_at=n; body='{}'; reservation=#n - n % 10; \
        seat=n % 10; user_id=#n - n % 10",
    ),
    ("tk_seat_claim", "performance=#n - n % 1000; seat=n % 1000; status=1"),
    ("tk_allowance", "user_id=#n - n % 10; show_id=#n - n % 10; slot=n % 10; reservation=#n"),
    ("tk_change_set", "id=#n; decided_at=n"),
    ("tk_receipt", "caller=#n; operation='a'; client_key='a'; fingerprint=#n; created_at=n"),
    ("tk_message", "consumer='a'; message=n; handled_at=n"),
    ("tk_entry", "id=#n; booked_at=n; body='{}'"),
    ("tk_posting", "account=6; owner=#n - n % 10; currency='KRW'; entry=#n; amount=n"),
    ("tk_resolution", "pending=#n; entry=#n + 1"),
    ("tk_wallet", "user_id=#n; currency='KRW'; balance=n"),
    ("tk_balance", "account=6; owner=#n - n % 10; currency='KRW'; slot=n % 10; balance=n"),
    ("tk_outbox", "part=n % 64; sequence=n; events=1; occurred_at=n; body='[]'"),
];
