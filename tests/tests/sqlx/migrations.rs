//! Migrations of a real database: many at once, cut off, and by another release.

use std::sync::Arc;

use sqlx::{ConnectOptions, Connection, Executor};
use ticketing_core::memory::SystemClock;
use ticketing_sqlx::{ConnectError, Options, Store};
use tokio::task::JoinSet;

use crate::world::{Server, block_on};

async fn run(server: Server, url: &str, sql: &'static str) {
    let sql = sqlx::raw_sql(sql);
    if server == Server::Sqlite {
        let options: sqlx::sqlite::SqliteConnectOptions = url.parse().expect("a URL");
        let mut session = options.connect().await.expect("a session");
        session.execute(sql).await.expect("a statement");
        session.close().await.expect("a session that ends");
    } else {
        let options: sqlx::mysql::MySqlConnectOptions = url.parse().expect("a URL");
        let mut session = options.connect().await.expect("a session");
        session.execute(sql).await.expect("a statement");
        session.close().await.expect("a session that ends");
    }
}

async fn connects(url: &str) -> Result<(), ConnectError> {
    Store::connect(url, Options::default(), Arc::new(SystemClock)).await.map(drop)
}

async fn ten_at_once_migrate(server: Server) {
    let url = server.empty_on(&server.url(), "ten_at_once").await;
    let mut ten = JoinSet::new();
    for _ in 0..10 {
        let url = url.clone();
        ten.spawn(async move { Store::migrate(&url, &Options::default()).await });
    }
    while let Some(migrated) = ten.join_next().await {
        migrated.expect("no panic").expect("each finds it migrated, or does it");
    }
    connects(&url).await.expect("a database that was migrated");
}

/// As a process leaves it that dies after it made the tables and before it wrote that down. On SQLite a
/// migration is one transaction.
async fn a_migration_that_was_cut_off_is_gone_on_with(server: Server) {
    let url = server.database("cut_off").await;
    for sql in [
        "DELETE FROM tk_migration",
        "DELETE FROM tk_schema WHERE version > 1",
        "DROP VIEW tk_v_balance",
    ] {
        run(server, &url, sql).await;
    }
    let refused = connects(&url).await;
    assert!(matches!(refused, Err(ConnectError::NotMigrated { .. })), "{refused:?}");
    Store::migrate(&url, &Options::default()).await.expect("it goes on");
    connects(&url).await.expect("a database that was migrated");
    run(server, &url, "SELECT * FROM tk_v_balance").await;
}

async fn a_newer_schema_is_refused(server: Server) {
    let url = server.database("newer").await;
    run(server, &url, "INSERT INTO tk_schema (version) VALUES (99)").await;
    for refused in [connects(&url).await, Store::migrate(&url, &Options::default()).await] {
        assert!(matches!(refused, Err(ConnectError::Newer { found: 99, .. })), "{refused:?}");
    }
}

async fn a_migration_of_another_text_is_refused(server: Server) {
    let url = server.database("changed").await;
    run(server, &url, "UPDATE tk_migration SET checksum = 'other' WHERE version = 2").await;
    let refused = Store::migrate(&url, &Options::default()).await;
    assert!(matches!(refused, Err(ConnectError::Changed { version: 2 })), "{refused:?}");
}

macro_rules! on_each {
    ($($name:ident: $server:ident),*) => {$(
        mod $name {
            use super::{Server, block_on};

            #[test]
            fn ten_at_once_migrate() {
                block_on(super::ten_at_once_migrate(Server::$server));
            }

            #[test]
            fn a_newer_schema_is_refused() {
                block_on(super::a_newer_schema_is_refused(Server::$server));
            }

            #[test]
            fn a_migration_of_another_text_is_refused() {
                block_on(super::a_migration_of_another_text_is_refused(Server::$server));
            }
        }
    )*};
}

on_each!(sqlite: Sqlite, mysql: MySql, mariadb: MariaDb);

#[test]
fn a_migration_that_was_cut_off_is_gone_on_with_on_mysql() {
    block_on(a_migration_that_was_cut_off_is_gone_on_with(Server::MySql));
}

#[test]
fn a_migration_that_was_cut_off_is_gone_on_with_on_mariadb() {
    block_on(a_migration_that_was_cut_off_is_gone_on_with(Server::MariaDb));
}

/// MySQL makes keys for itself; the MariaDB of the tests has none.
#[test]
fn a_url_that_demands_tls_gets_it_or_is_refused() {
    block_on(async {
        let demanding = async |server: Server, mode: &str| {
            let url = server.database(&format!("tls_{mode}").to_lowercase()).await;
            connects(&format!("{url}?ssl-mode={mode}")).await
        };
        demanding(Server::MySql, "REQUIRED").await.expect("a server with TLS");
        for (server, mode) in [(Server::MariaDb, "REQUIRED"), (Server::MySql, "VERIFY_CA")] {
            let refused = demanding(server, mode).await;
            assert!(matches!(refused, Err(ConnectError::Failed(_))), "{mode}: {refused:?}");
        }
    });
}
