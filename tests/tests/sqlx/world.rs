//! The databases under test.

use std::future::Future;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use sqlx::{AssertSqlSafe, ConnectOptions, Connection, Executor};
use ticketing_core::memory::{ClockIds, ManualClock, SeededRandom};
use ticketing_core::port::Clock;
use ticketing_core::testing::{Harness, StorePorts};
use ticketing_sqlx::{Options, Store};
use tokio::runtime::Runtime;
use tokio::sync::OnceCell;

/// One of the databases that the adapter serves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Server {
    Sqlite,
    MySql,
    MariaDb,
}

impl Server {
    /// Its name in `scripts/services`, the variable that says where it is, and where it is without one.
    const fn service(self) -> (&'static str, &'static str, &'static str) {
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
        let url = if self == Self::Sqlite {
            format!("sqlite://{}", scratch().join(format!("{name}.db")).display())
        } else {
            self.create(name).await
        };
        Store::migrate(&url, &options()).await.expect("a database that can be migrated");
        url
    }

    async fn create(self, name: &str) -> String {
        let (service, variable, default) = self.service();
        let url = std::env::var(variable).unwrap_or_else(|_| default.to_owned());
        let database = format!("ticketing_{name}");
        let server: sqlx::mysql::MySqlConnectOptions = url.parse().expect("a URL of a server");
        let mut session = server.connect().await.unwrap_or_else(|error| {
            panic!("{service} is not there: start it by `scripts/services up {service}` ({error})")
        });
        for sql in ["DROP DATABASE IF EXISTS", "CREATE DATABASE"] {
            let sql = sqlx::raw_sql(AssertSqlSafe(format!("{sql} {database}")));
            session.execute(sql).await.expect("the right to make databases");
        }
        session.close().await.expect("a session that ends");
        let (host, _) = url.rsplit_once('/').expect("a URL with a database");
        format!("{host}/{database}")
    }

    /// The database that the rules of this run share: none looks at rows but its own.
    async fn shared(self) -> &'static str {
        static SHARED: [OnceCell<String>; 3] = [const { OnceCell::const_new() }; 3];
        let name = || format!("shared_{}", std::process::id());
        SHARED[self as usize].get_or_init(|| async move { self.database(&name()).await }).await
    }

    /// A fresh store over the shared database.
    pub(crate) async fn fresh(self) -> (Harness, StorePorts) {
        open(self.shared().await).await
    }

    /// A store over a database of its own.
    pub(crate) async fn alone(self) -> (Harness, StorePorts) {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let name = format!("alone_{}_{count}", std::process::id());
        open(&self.database(&name).await).await
    }
}

async fn open(url: &str) -> (Harness, StorePorts) {
    let clock = ManualClock::at("2027-03-01T11:00:00Z".parse().expect("an instant"));
    let shared: Arc<dyn Clock> = Arc::new(clock.clone());
    let ids = ClockIds::new(Arc::clone(&shared), Arc::new(SeededRandom::from_entropy()));
    let store = Store::connect(url, options(), Arc::clone(&shared)).await;
    let store = Arc::new(store.expect("a database that was migrated"));
    let harness = Harness::new(
        shared,
        Arc::new(ids),
        |task| drop(tokio::spawn(task)),
        move |by| {
            clock.advance(by);
            Box::pin(std::future::ready(()))
        },
    );
    (harness, StorePorts::of(&store))
}

fn options() -> Options {
    Options::default()
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
