mod views;

use ticketing_core::ledger::Account;
use ticketing_core::money::Currency;

use super::*;
use crate::db::{Row, Value};
use crate::fixture::{File, clock};
use crate::{Options, Store, codes};

async fn connect(file: &File) -> Result<Store, ConnectError> {
    let clock = std::sync::Arc::new(clock());
    Store::connect(&file.url(), Options::default(), clock).await
}

async fn rows(connection: &mut Connection, sql: &str) -> Vec<Row> {
    connection.fetch(sql, &[]).await.unwrap()
}

async fn number(connection: &mut Connection, sql: &str) -> i64 {
    rows(connection, sql).await[0].int(0).unwrap()
}

fn with(partitions: u16) -> Options {
    Options { partitions, ..Options::default() }
}

#[test]
fn versions_count_from_one_in_every_dialect() {
    let versions: Vec<i64> = SQLITE.iter().map(|migration| migration.version).collect();
    assert_eq!(versions, (1..=VERSION).collect::<Vec<_>>());
    #[cfg(feature = "mysql")]
    for (one, other) in MYSQL.iter().zip(SQLITE) {
        assert_eq!((MYSQL.len(), one.version, one.name), (SQLITE.len(), other.version, other.name));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn ten_processes_that_migrate_at_once_all_find_it_done() {
    let file = File::new();
    let tasks: Vec<_> = (0..10)
        .map(|_| {
            let url = file.url();
            tokio::spawn(async move { Store::migrate(&url, &with(7)).await })
        })
        .collect();
    for task in tasks {
        task.await.unwrap().unwrap();
    }
    let mut connection = file.session().await;
    assert_eq!(number(&mut connection, "SELECT COUNT(*) FROM tk_migration").await, VERSION);
    assert_eq!(number(&mut connection, "SELECT COUNT(*) FROM tk_outbox_reader").await, 7);
    assert!(connect(&file).await.is_ok());
}

#[tokio::test]
async fn partitions_stay_as_they_were_first() {
    let file = File::migrated(&with(3)).await;
    Store::migrate(&file.url(), &with(5)).await.unwrap();
    let store = connect(&file).await.unwrap();
    assert_eq!(store.shared.partitions, 3);
}

#[tokio::test]
async fn a_database_of_another_version_is_refused() {
    let file = File::new();
    let error = connect(&file).await.unwrap_err();
    assert!(matches!(error, ConnectError::NotMigrated { expected: VERSION, found: 0 }), "{error}");
    file.session().await.run(SQLITE[0].sql).await.unwrap();
    let error = connect(&file).await.unwrap_err();
    assert!(matches!(error, ConnectError::NotMigrated { expected: VERSION, found: 1 }), "{error}");

    let file = File::migrated(&with(1)).await;
    file.session().await.run("INSERT INTO tk_schema (version) VALUES (1000)").await.unwrap();
    let known = VERSION;
    for error in [
        connect(&file).await.unwrap_err(),
        Store::migrate(&file.url(), &with(1)).await.unwrap_err(),
    ] {
        let ConnectError::Newer { known: told, found: 1_000 } = error else { panic!("{error}") };
        assert_eq!(told, known);
    }
}

#[tokio::test]
async fn a_migration_that_was_changed_is_named() {
    let file = File::migrated(&with(1)).await;
    let sql = "UPDATE tk_migration SET checksum = x'00' WHERE version = 2";
    file.session().await.run(sql).await.unwrap();
    let error = Store::migrate(&file.url(), &with(1)).await.unwrap_err();
    assert!(matches!(error, ConnectError::Changed { version: 2 }), "{error}");
    let sql = "UPDATE tk_migration SET version = 3 WHERE version = 2";
    file.session().await.run(sql).await.unwrap();
    let error = Store::migrate(&file.url(), &with(1)).await.unwrap_err();
    assert!(matches!(error, ConnectError::Newer { known: VERSION, found: 3 }), "{error}");
}

#[tokio::test]
async fn a_migration_that_fails_leaves_nothing_behind() {
    let file = File::new();
    file.session().await.run("CREATE TABLE tk_currency (code TEXT)").await.unwrap();
    assert!(Store::migrate(&file.url(), &with(1)).await.is_err());
    let mut connection = file.session().await;
    let tables = "SELECT COUNT(*) FROM sqlite_master WHERE type = 'table'";
    assert_eq!(number(&mut connection, tables).await, 1);
    connection.run("DROP TABLE tk_currency").await.unwrap();
    Store::migrate(&file.url(), &with(1)).await.unwrap();
}

#[tokio::test]
async fn another_tool_may_run_the_migrations() {
    let file = File::new();
    for migration in SQLITE {
        file.session().await.run(migration.sql).await.unwrap();
    }
    let store = connect(&file).await.unwrap();
    assert_eq!(store.shared.partitions, Options::default().partitions);
    for _ in 0..2 {
        Store::migrate(&file.url(), &with(1)).await.unwrap();
    }
    let mut connection = file.session().await;
    assert_eq!(number(&mut connection, "SELECT COUNT(*) FROM tk_migration").await, VERSION);
}

#[tokio::test]
async fn an_outbox_without_some_of_its_partitions_is_refused() {
    for sql in [
        "DELETE FROM tk_outbox_part WHERE part = 1",
        "DELETE FROM tk_outbox_reader WHERE part = 2",
        "DELETE FROM tk_outbox_part",
        "UPDATE tk_outbox_part SET part = 9 WHERE part = 0",
    ] {
        let file = File::migrated(&with(3)).await;
        file.session().await.run(sql).await.unwrap();
        let error = connect(&file).await.unwrap_err();
        assert!(matches!(&error, ConnectError::Failed(_)), "{sql}: {error}");
    }
}

#[tokio::test]
async fn no_error_shows_the_password() {
    for url in ["mysql://me:geheim@127.0.0.1:1/ticketing", "mysql://me:geheim@", "geheim://x"] {
        let clock = std::sync::Arc::new(clock());
        let options = Options { connect_timeout: std::time::Duration::from_millis(100), ..with(1) };
        let error = Store::connect(url, options, clock).await.unwrap_err();
        assert!(!format!("{error} {error:?}").contains("geheim"), "{error:?}");
    }
}

/// A currency that core learns later needs a migration.
#[tokio::test]
async fn the_views_know_the_currencies_that_core_knows() {
    let letters = || 'A'..='Z';
    let codes =
        letters().flat_map(|a| letters().flat_map(move |b| letters().map(move |c| [a, b, c])));
    let known = codes.filter_map(|code| code.iter().collect::<String>().parse::<Currency>().ok());
    let known: Vec<_> = known
        .map(|currency| (currency.code().to_owned(), i64::from(currency.digits())))
        .map(|(code, digits)| (code, digits, 10_i64.pow(u32::try_from(digits).unwrap())))
        .collect();
    let file = File::migrated(&with(1)).await;
    let mut connection = file.session().await;
    let sql = "SELECT code, digits, unit FROM tk_currency ORDER BY code";
    let stored: Vec<_> = rows(&mut connection, sql)
        .await
        .iter()
        .map(|row| (row.text(0).unwrap().to_owned(), row.int(1).unwrap(), row.int(2).unwrap()))
        .collect();
    assert!(known.len() > 150, "{known:?}");
    assert_eq!(stored, known);
    #[cfg(feature = "mysql")]
    for (code, digits, unit) in known {
        assert!(MYSQL[1].sql.contains(&format!("('{code}', {digits}, {unit})")), "{code}");
    }
}

/// MySQL would walk over a whole partition for the block that is published next, so the view asks for each
/// number that may be its last.
#[cfg(feature = "mysql")]
#[test]
fn the_views_know_how_many_events_a_block_has() {
    let bound = format!("FROM places WHERE n < {})", crate::outbox::block::EVENTS_MAX);
    assert!(MYSQL[1].sql.contains(&bound), "{bound}");
}

#[tokio::test]
async fn the_views_name_accounts_as_core_does() {
    let file = File::migrated(&with(1)).await;
    let mut connection = file.session().await;
    let owner = uuid::Uuid::from_u128(7);
    let accounts: Vec<(i64, Account)> =
        (0..100).filter_map(|code| Some((code, codes::account_of(code, owner)?))).collect();
    assert_eq!(accounts.len(), 9);
    for (code, account) in accounts {
        let values = [Value::Int(code), owner.into()];
        let sql = "INSERT INTO tk_balance (account, owner, currency, slot, balance) \
                   VALUES (?, ?, 'KRW', 0, 1)";
        connection.execute(sql, &values).await.unwrap();
        let name = rows(&mut connection, "SELECT account FROM tk_v_balance").await;
        let name = name[0].text(0).unwrap().to_owned();
        let json = serde_json::to_value(account).unwrap();
        let expected = json.as_object().map_or(&json, |_| &serde_json::Value::Null);
        let expected = expected.as_str().map_or_else(
            || json.as_object().unwrap().keys().next().unwrap().clone(),
            str::to_owned,
        );
        assert_eq!(name, expected);
        connection.run("DELETE FROM tk_balance").await.unwrap();
    }
}
