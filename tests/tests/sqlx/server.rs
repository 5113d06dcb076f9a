//! The databases under test.

use std::future::Future;
use std::path::PathBuf;

use sqlx::{ConnectOptions, Connection, Executor};
use ticketing_sqlx::{Options, Store};
use tokio::runtime::Runtime;

/// One of the databases that the adapter serves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Server {
    Sqlite,
    MySql,
    MariaDb,
}

impl Server {
    /// Its name in `scripts/services`, the variable that says where it is, and where it is without one.
    pub(crate) const fn service(self) -> (&'static str, &'static str, &'static str) {
        match self {
            Self::MySql => {
                ("mysql", "MYSQL_URL", "mysql://ticketing:ticketing@127.0.0.1:33307/ticketing")
            }
            Self::MariaDb => {
                ("mariadb", "MARIADB_URL", "mysql://ticketing:ticketing@127.0.0.1:33308/ticketing")
            }
            Self::Sqlite => ("sqlite", "SQLITE_URL", ""),
        }
    }

    /// A database of this name, empty but for its schema, and its URL.
    ///
    /// # Panics
    /// If the server is not there.
    pub(crate) async fn database(self, name: &str) -> String {
        let (_, variable, default) = self.service();
        let url = std::env::var(variable).unwrap_or_else(|_| default.to_owned());
        self.database_on(&url, name).await
    }

    /// The same on the server of this URL.
    ///
    /// # Panics
    /// If the server is not there.
    pub(crate) async fn database_on(self, url: &str, name: &str) -> String {
        let url = if self == Self::Sqlite {
            format!("sqlite://{}", scratch().join(format!("{name}.db")).display())
        } else {
            self.create(url, name).await
        };
        Store::migrate(&url, &Options::default()).await.expect("a database that can be migrated");
        url
    }

    async fn create(self, url: &str, name: &str) -> String {
        let (service, ..) = self.service();
        let database = format!("ticketing_{name}");
        let server: sqlx::mysql::MySqlConnectOptions = url.parse().expect("a URL of a server");
        let mut session = server.connect().await.unwrap_or_else(|error| {
            panic!("{service} is not there: start it by `scripts/services up {service}` ({error})")
        });
        for sql in ["DROP DATABASE IF EXISTS", "CREATE DATABASE"] {
            let sql = format!("{sql} {database}");
            session.execute(sqlx::raw_sql(&sql)).await.expect("the right to make databases");
        }
        session.close().await.expect("a session that ends");
        let (host, _) = url.rsplit_once('/').expect("a URL with a database");
        format!("{host}/{database}")
    }
}

/// Where the files of this run are.
fn scratch() -> PathBuf {
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(std::process::id().to_string());
    std::fs::create_dir_all(&folder).expect("a folder for databases");
    folder
}

pub(crate) fn block_on<F: Future>(test: F) -> F::Output {
    Runtime::new().expect("a runtime of several threads").block_on(test)
}
