//! Where sessions come from.

use std::io::ErrorKind;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

#[cfg(feature = "mysql")]
use sqlx::mysql::MySqlConnectOptions;
#[cfg(feature = "sqlite")]
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqliteSynchronous};
use tokio::time::error::Elapsed;
use tokio::time::timeout;

use super::fault::{Wrong, wrong};
use super::sessions::{Lent, Sessions};
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
/// Pages of 4 KiB that SQLite's log holds before a commit copies them into the file.
#[cfg(feature = "sqlite")]
const LOG_PAGES: &str = "8000";

/// How sessions are opened, and those that read.
pub(crate) struct Database {
    driver: Driver,
    reading: Sessions,
    patience: Duration,
    /// Whether the one session that sees a single moment was opened.
    moment: Option<AtomicBool>,
    round_trips: AtomicU64,
}

#[derive(Clone)]
enum Driver {
    #[cfg(feature = "mysql")]
    MySql { read: Box<MySqlConnectOptions>, lane: Box<MySqlConnectOptions>, lock_wait: Duration },
    #[cfg(feature = "sqlite")]
    Sqlite { read: Box<SqliteConnectOptions>, lane: Box<SqliteConnectOptions> },
}

impl Database {
    /// Knows how to connect; nothing is connected yet. A file that is not there is refused.
    pub(crate) fn new(url: &str, options: &Options) -> Result<Self, ConnectError> {
        Ok(Self::over(Driver::parse(url, options, false)?, options))
    }

    /// The same, where a file that is not there is made.
    pub(crate) fn create(url: &str, options: &Options) -> Result<Self, ConnectError> {
        Ok(Self::over(Driver::parse(url, options, true)?, options))
    }

    fn over(driver: Driver, options: &Options) -> Self {
        let reading = Sessions::new(options.read_connections, options.connect_timeout);
        let (patience, round_trips) = (options.statement_timeout, AtomicU64::default());
        Self { driver, reading, patience, moment: None, round_trips }
    }

    /// The same database through one session, which opens a transaction that only reads. A session that
    /// breaks is not replaced: another would see another moment.
    pub(crate) fn frozen(&self, connect_timeout: Duration) -> Self {
        Self {
            driver: self.driver.clone(),
            reading: Sessions::new(1, connect_timeout),
            patience: self.patience,
            moment: Some(AtomicBool::new(false)),
            round_trips: AtomicU64::default(),
        }
    }

    /// How often the database was asked since this was made.
    pub(crate) fn round_trips(&self) -> u64 {
        self.round_trips.load(Ordering::Relaxed)
    }

    pub(crate) fn count_round_trip(&self) {
        self.round_trips.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) const fn dialect(&self) -> Dialect {
        match self.driver {
            #[cfg(feature = "mysql")]
            Driver::MySql { .. } => Dialect::MySql,
            #[cfg(feature = "sqlite")]
            Driver::Sqlite { .. } => Dialect::Sqlite,
        }
    }

    /// A session for a lane.
    pub(crate) async fn connect(&self) -> Result<Connection, sqlx::Error> {
        match &self.driver {
            #[cfg(feature = "mysql")]
            Driver::MySql { lane, lock_wait, .. } => mysql(lane, *lock_wait).await,
            #[cfg(feature = "sqlite")]
            Driver::Sqlite { lane, .. } => {
                Ok(Connection::Sqlite(sqlx::ConnectOptions::connect(&**lane).await?))
            }
        }
    }

    /// A session that reads.
    async fn open(&self) -> Result<Connection, sqlx::Error> {
        if let Some(is_taken) = &self.moment
            && is_taken.load(Ordering::Relaxed)
        {
            return Err(sqlx::Error::Protocol("the session of the snapshot is gone".to_owned()));
        }
        let mut connection = match &self.driver {
            #[cfg(feature = "mysql")]
            Driver::MySql { read, lock_wait, .. } => mysql(read, *lock_wait).await?,
            #[cfg(feature = "sqlite")]
            Driver::Sqlite { read, .. } => {
                Connection::Sqlite(sqlx::ConnectOptions::connect(&**read).await?)
            }
        };
        if let Some(is_taken) = &self.moment {
            for sql in self.dialect().begins_snapshot() {
                connection.run(sql).await?;
            }
            is_taken.store(true, Ordering::Relaxed);
        }
        Ok(connection)
    }

    /// Rows of a read. It is sent again, once, where a session that had served others before was cut off.
    pub(crate) async fn fetch(
        &self,
        sql: &str,
        values: &[Value<'_>],
    ) -> Result<Vec<Row>, sqlx::Error> {
        let mut is_again = false;
        loop {
            let mut lent = self.reading.lend(self.open()).await?;
            self.count_round_trip();
            let answer = timeout(self.patience, lent.connection.fetch(sql, values)).await;
            let was_used = lent.is_used;
            match self.back(lent, answer) {
                Err(error) if was_used && !is_again && is_cut(&error) => is_again = true,
                answer => return answer,
            }
        }
    }

    /// One statement that writes, as its own transaction.
    pub(crate) async fn execute(
        &self,
        sql: &str,
        values: &[Value<'_>],
    ) -> Result<Done, sqlx::Error> {
        let mut lent = self.reading.lend(self.open()).await?;
        self.count_round_trip();
        let answer = timeout(self.patience, lent.connection.execute(sql, values)).await;
        self.back(lent, answer)
    }

    /// Gives a session back that has answered. One that was not waited for ends, as does one that was cut
    /// off.
    fn back<T>(
        &self,
        lent: Lent<'_>,
        answer: Result<Result<T, sqlx::Error>, Elapsed>,
    ) -> Result<T, sqlx::Error> {
        let answer = answer.map_err(|elapsed| sqlx::Error::Io(elapsed.into()))?;
        match &answer {
            Err(error) if wrong(error) == Wrong::Gone => self.reading.forget(),
            _ => self.reading.give_back(lent),
        }
        answer
    }

    /// Closes the sessions that read.
    pub(crate) async fn close(&self) {
        self.reading.close().await;
    }
}

/// Whether the session ended under a statement, and not the time of the statement.
fn is_cut(error: &sqlx::Error) -> bool {
    let is_late = matches!(error, sqlx::Error::Io(error) if error.kind() == ErrorKind::TimedOut);
    wrong(error) == Wrong::Gone && !is_late
}

impl Driver {
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
        // Whatever the URL says: values are written into texts as this character set reads them.
        let parsed = parsed.charset("utf8mb4");
        let read = sqlx::ConnectOptions::disable_statement_logging(parsed);
        // A lane prepares nothing but its settings.
        let lane = Box::new(read.clone().statement_cache_capacity(0));
        let read = Box::new(read.statement_cache_capacity(READ_STATEMENTS_MAX));
        Ok(Self::MySql { read, lane, lock_wait: options.lock_wait })
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
            .busy_timeout(options.lock_wait)
            .pragma("wal_autocheckpoint", LOG_PAGES);
        // A statement of many rows notes what it changes, to take it back: in memory, not in a file.
        let lane = read.clone().pragma("temp_store", "MEMORY").statement_cache_capacity(0);
        let lane = Box::new(lane);
        let read = Box::new(read.statement_cache_capacity(READ_STATEMENTS_MAX));
        Ok(Self::Sqlite { read, lane })
    }
}

#[cfg(feature = "mysql")]
async fn mysql(
    options: &MySqlConnectOptions,
    lock_wait: Duration,
) -> Result<Connection, sqlx::Error> {
    let mut connection = sqlx::ConnectOptions::connect(options).await?;
    session(&mut connection, lock_wait).await?;
    Ok(Connection::MySql(connection))
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

#[cfg(all(test, feature = "mysql"))]
mod tests {
    use super::*;

    #[test]
    fn a_session_speaks_utf8mb4_whatever_the_url_says() {
        let url = "mysql://user@localhost/tickets?charset=gbk";
        let driver = Driver::parse(url, &Options::default(), false).unwrap();
        #[cfg_attr(
            not(feature = "sqlite"),
            expect(irrefutable_let_patterns, reason = "one driver")
        )]
        let Driver::MySql { read, lane, .. } = driver else { unreachable!("a URL of MySQL") };
        assert_eq!((read.get_charset(), lane.get_charset()), ("utf8mb4", "utf8mb4"));
    }
}
