//! The databases under test.

use std::future::Future;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use sqlx::mysql::{MySqlConnectOptions, MySqlConnection};
use sqlx::{ConnectOptions, Connection, Executor, Row};
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
        self.database_on(&self.url(), name).await
    }

    /// Where it is.
    pub(crate) fn url(self) -> String {
        let (_, variable, default) = self.service();
        std::env::var(variable).unwrap_or_else(|_| default.to_owned())
    }

    /// The same on the server of this URL.
    ///
    /// # Panics
    /// If the server is not there.
    pub(crate) async fn database_on(self, url: &str, name: &str) -> String {
        let url = self.empty_on(url, name).await;
        Store::migrate(&url, &Options::default()).await.expect("a database that can be migrated");
        url
    }

    /// The same without a schema.
    pub(crate) async fn empty_on(self, url: &str, name: &str) -> String {
        match self {
            Self::Sqlite => format!("sqlite://{}", scratch().join(format!("{name}.db")).display()),
            Self::MySql | Self::MariaDb => self.create(url, name).await,
        }
    }

    async fn create(self, url: &str, name: &str) -> String {
        let (service, ..) = self.service();
        let database = format!("{PREFIX}{}_{name}", std::process::id());
        let server: MySqlConnectOptions = url.parse().expect("a URL of a server");
        let mut session = server.connect().await.unwrap_or_else(|error| {
            panic!("{service} is not there: start it by `scripts/services up {service}` ({error})")
        });
        drop_left(&mut session).await;
        for sql in ["DROP DATABASE IF EXISTS", "CREATE DATABASE"] {
            let sql = format!("{sql} {database}");
            session.execute(sqlx::raw_sql(&sql)).await.expect("the right to make databases");
        }
        session.close().await.expect("a session that ends");
        let (host, _) = url.rsplit_once('/').expect("a URL with a database");
        format!("{host}/{database}")
    }
}

/// What the name of a database of a test begins with; then come its process and its own name.
const PREFIX: &str = "ticketing_test_";

/// Drops what tests of processes left that are gone.
async fn drop_left(session: &mut MySqlConnection) {
    let sql = sqlx::raw_sql("SHOW DATABASES");
    let databases = session.fetch_all(sql).await.expect("the names of databases");
    for row in databases {
        let database: String = row.try_get_unchecked(0).expect("a name");
        let process = database.strip_prefix(PREFIX).and_then(|rest| rest.split('_').next());
        if process.is_some_and(is_gone) {
            // Another process may drop it too.
            let sql = format!("DROP DATABASE IF EXISTS {database}");
            drop(session.execute(sqlx::raw_sql(&sql)).await);
        }
    }
}

/// Whether a process is gone, where the system tells.
fn is_gone(process: &str) -> bool {
    let processes = Path::new("/proc");
    processes.join("self").exists() && !processes.join(process).exists()
}

/// Where the files of this run are. Those of runs that are over are removed.
fn scratch() -> PathBuf {
    static MADE: OnceLock<PathBuf> = OnceLock::new();
    let made = MADE.get_or_init(|| {
        let all = Path::new(env!("CARGO_TARGET_TMPDIR")).join("databases");
        let folder = all.join(std::process::id().to_string());
        std::fs::create_dir_all(&folder).expect("a folder for databases");
        for left in std::fs::read_dir(&all).expect("a folder that was made").flatten() {
            if left.file_name().to_str().is_some_and(is_gone) {
                drop(std::fs::remove_dir_all(left.path()));
            }
        }
        folder
    });
    made.clone()
}

pub(crate) fn block_on<F: Future>(test: F) -> F::Output {
    Runtime::new().expect("a runtime of several threads").block_on(test)
}
