//! Where sessions come from.

use std::time::Duration;

#[cfg(feature = "mysql")]
use sqlx::mysql::{MySqlConnectOptions, MySqlPool, MySqlPoolOptions};
#[cfg(feature = "sqlite")]
use sqlx::sqlite::{
    SqliteConnectOptions, SqliteJournalMode, SqlitePool, SqlitePoolOptions, SqliteSynchronous,
};

use tokio::time::error::Elapsed;
use tokio::time::timeout;

use super::{Connection, Done, Row, Value};
use crate::Options;
use crate::error::ConnectError;

/// Which SQL is spoken. MySQL and MariaDB speak the same here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Dialect {
    #[cfg(feature = "mysql")]
    MySql,
    #[cfg(feature = "sqlite")]
    Sqlite,
}

/// Prepared statements of a session that reads: a few shapes of each read.
const READ_STATEMENTS_MAX: usize = 256;
/// Prepared statements of a lane: every size of every statement of a flush.
const LANE_STATEMENTS_MAX: usize = 768;

/// How sessions are opened, and those that read.
pub(crate) enum Database {
    #[cfg(feature = "mysql")]
    MySql {
        pool: MySqlPool,
        lane: Box<MySqlConnectOptions>,
        lock_wait: Duration,
        patience: Duration,
    },
    #[cfg(feature = "sqlite")]
    Sqlite { pool: SqlitePool, lane: Box<SqliteConnectOptions>, patience: Duration },
}

impl Database {
    /// Knows how to connect; nothing is connected yet. A file that is not there is refused.
    pub(crate) fn new(url: &str, options: &Options) -> Result<Self, ConnectError> {
        Self::parse(url, options, false)
    }

    /// The same, where a file that is not there is made.
    pub(crate) fn create(url: &str, options: &Options) -> Result<Self, ConnectError> {
        Self::parse(url, options, true)
    }

    fn parse(url: &str, options: &Options, create: bool) -> Result<Self, ConnectError> {
        #[cfg(not(feature = "sqlite"))]
        let _ = create;
        let scheme = url.split_once(':').map_or("", |(scheme, _)| scheme);
        match scheme {
            #[cfg(feature = "mysql")]
            "mysql" | "mariadb" => Self::mysql(url, options),
            #[cfg(feature = "sqlite")]
            "sqlite" => Self::sqlite(url, options, create),
            _ => Err(ConnectError::Scheme { expected: SCHEMES }),
        }
    }

    #[cfg(feature = "mysql")]
    fn mysql(url: &str, options: &Options) -> Result<Self, ConnectError> {
        let parsed: MySqlConnectOptions = url.parse().map_err(|_| ConnectError::Url)?;
        if parsed.get_database().is_none_or(str::is_empty) {
            return Err(ConnectError::NoDatabase);
        }
        let read = sqlx::ConnectOptions::disable_statement_logging(parsed);
        let lane = read.clone().statement_cache_capacity(LANE_STATEMENTS_MAX);
        let read = read.statement_cache_capacity(READ_STATEMENTS_MAX);
        let lock_wait = options.lock_wait;
        let pool = MySqlPoolOptions::new()
            .max_connections(options.read_connections)
            .acquire_timeout(options.connect_timeout)
            .after_connect(move |connection, _| {
                Box::pin(async move { session(connection, lock_wait).await })
            })
            .connect_lazy_with(read);
        let patience = options.statement_timeout;
        Ok(Self::MySql { pool, lane: Box::new(lane), lock_wait, patience })
    }

    #[cfg(feature = "sqlite")]
    fn sqlite(url: &str, options: &Options, create: bool) -> Result<Self, ConnectError> {
        let parsed: SqliteConnectOptions = url.parse().map_err(|_| ConnectError::Url)?;
        if url.contains(":memory:") || url.contains("mode=memory") {
            return Err(ConnectError::InMemory);
        }
        if !create && !parsed.get_filename().exists() {
            return Err(ConnectError::NotMigrated { expected: crate::schema::VERSION, found: 0 });
        }
        let read = sqlx::ConnectOptions::disable_statement_logging(parsed)
            .create_if_missing(create)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Full)
            .foreign_keys(false)
            .busy_timeout(options.lock_wait);
        let lane = read.clone().statement_cache_capacity(LANE_STATEMENTS_MAX);
        let read = read.statement_cache_capacity(READ_STATEMENTS_MAX);
        let pool = SqlitePoolOptions::new()
            .max_connections(options.read_connections)
            .acquire_timeout(options.connect_timeout)
            .connect_lazy_with(read);
        let patience = options.statement_timeout;
        Ok(Self::Sqlite { pool, lane: Box::new(lane), patience })
    }

    pub(crate) const fn dialect(&self) -> Dialect {
        match self {
            #[cfg(feature = "mysql")]
            Self::MySql { .. } => Dialect::MySql,
            #[cfg(feature = "sqlite")]
            Self::Sqlite { .. } => Dialect::Sqlite,
        }
    }

    /// A session of its own, outside of the pool.
    pub(crate) async fn connect(&self) -> Result<Connection, sqlx::Error> {
        match self {
            #[cfg(feature = "mysql")]
            Self::MySql { lane, lock_wait, .. } => {
                let mut connection = sqlx::ConnectOptions::connect(&**lane).await?;
                session(&mut connection, *lock_wait).await?;
                Ok(Connection::MySql(connection))
            }
            #[cfg(feature = "sqlite")]
            Self::Sqlite { lane, .. } => {
                Ok(Connection::Sqlite(sqlx::ConnectOptions::connect(&**lane).await?))
            }
        }
    }

    pub(crate) async fn fetch(
        &self,
        sql: &str,
        values: &[Value<'_>],
    ) -> Result<Vec<Row>, sqlx::Error> {
        match self {
            #[cfg(feature = "mysql")]
            Self::MySql { pool, patience, .. } => {
                let mut lent = Lent::new(pool.acquire().await?, |session| drop(session.detach()));
                let answer = super::mysql::fetch(lent.session(), sql, values);
                let answer = timeout(*patience, answer).await;
                lent.back(answer)
            }
            #[cfg(feature = "sqlite")]
            Self::Sqlite { pool, patience, .. } => {
                let mut lent = Lent::new(pool.acquire().await?, |session| drop(session.detach()));
                let answer = super::sqlite::fetch(lent.session(), sql, values);
                let answer = timeout(*patience, answer).await;
                lent.back(answer)
            }
        }
    }

    pub(crate) async fn execute(
        &self,
        sql: &str,
        values: &[Value<'_>],
    ) -> Result<Done, sqlx::Error> {
        match self {
            #[cfg(feature = "mysql")]
            Self::MySql { pool, patience, .. } => {
                let mut lent = Lent::new(pool.acquire().await?, |session| drop(session.detach()));
                let answer = super::mysql::execute(lent.session(), sql, values);
                let answer = timeout(*patience, answer).await;
                lent.back(answer)
            }
            #[cfg(feature = "sqlite")]
            Self::Sqlite { pool, patience, .. } => {
                let mut lent = Lent::new(pool.acquire().await?, |session| drop(session.detach()));
                let answer = super::sqlite::execute(lent.session(), sql, values);
                let answer = timeout(*patience, answer).await;
                lent.back(answer)
            }
        }
    }

    /// Closes the sessions that read.
    pub(crate) async fn close(&self) {
        match self {
            #[cfg(feature = "mysql")]
            Self::MySql { pool, .. } => pool.close().await,
            #[cfg(feature = "sqlite")]
            Self::Sqlite { pool, .. } => pool.close().await,
        }
    }
}

/// A session that reads. If it was not waited for, by us or by whoever dropped the read, it is given up: the
/// pool would wait for its server without a bound, and be one session short.
struct Lent<S> {
    session: Option<S>,
    give_up: fn(S),
}

impl<S> Lent<S> {
    const fn new(session: S, give_up: fn(S)) -> Self {
        Self { session: Some(session), give_up }
    }

    fn session(&mut self) -> &mut S {
        self.session.as_mut().expect("it is lent until it goes back")
    }

    /// Gives it back to the pool if it has answered.
    fn back<T>(
        mut self,
        answer: Result<Result<T, sqlx::Error>, Elapsed>,
    ) -> Result<T, sqlx::Error> {
        let answer = answer.map_err(|elapsed| sqlx::Error::Io(elapsed.into()))?;
        drop(self.session.take());
        answer
    }
}

impl<S> Drop for Lent<S> {
    fn drop(&mut self) {
        if let Some(session) = self.session.take() {
            (self.give_up)(session);
        }
    }
}

/// What every session is told, whatever the server's defaults are.
#[cfg(feature = "mysql")]
pub(super) async fn session(
    connection: &mut sqlx::mysql::MySqlConnection,
    lock_wait: Duration,
) -> Result<(), sqlx::Error> {
    use super::mysql::{execute, run};
    run(connection, "SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED").await?;
    run(
        connection,
        "SET SESSION sql_mode = 'STRICT_ALL_TABLES,ERROR_FOR_DIVISION_BY_ZERO,NO_ENGINE_SUBSTITUTION'",
    )
    .await?;
    // The claims of a whole performance come as one text.
    run(connection, "SET SESSION group_concat_max_len = 16777216").await?;
    let seconds = i64::try_from(lock_wait.as_secs().max(1)).unwrap_or(i64::MAX);
    let wait = [Value::Int(seconds)];
    execute(connection, "SET SESSION innodb_lock_wait_timeout = ?", &wait).await.map(drop)
}

/// The schemes of the features that are on.
const SCHEMES: &str = if cfg!(all(feature = "mysql", feature = "sqlite")) {
    "mysql:, mariadb: or sqlite:"
} else if cfg!(feature = "mysql") {
    "mysql: or mariadb:"
} else {
    "sqlite:"
};
