//! A session that speaks MySQL or SQLite, for the sides that are written by hand.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use sqlx::mysql::{MySqlArguments, MySqlConnectOptions, MySqlConnection, MySqlRow};
use sqlx::sqlite::{
    SqliteArguments, SqliteConnectOptions, SqliteConnection, SqliteJournalMode, SqliteRow,
    SqliteSynchronous,
};
use sqlx::{Arguments, ConnectOptions, Executor, Row};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use uuid::Uuid;

use crate::Failed;

/// How long SQLite waits for the one writer.
const BUSY: Duration = Duration::from_secs(30);

/// A bound value.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Bound<'a> {
    Int(i64),
    Id(Uuid),
    Text(&'a str),
    Bytes(&'a [u8]),
    Null,
}

pub(crate) enum Link {
    MySql(MySqlConnection),
    Sqlite(SqliteConnection),
}

macro_rules! bound {
    ($arguments:ty, $values:expr) => {{
        let mut arguments = <$arguments>::default();
        for value in $values {
            match value {
                Bound::Int(int) => arguments.add(*int),
                Bound::Id(id) => arguments.add(&id.as_bytes()[..]),
                Bound::Text(text) => arguments.add(*text),
                Bound::Bytes(bytes) => arguments.add(*bytes),
                Bound::Null => arguments.add(None::<i64>),
            }
            .map_err(sqlx::Error::Encode)?;
        }
        arguments
    }};
}

impl Link {
    pub(crate) async fn open(url: &str) -> Result<Self, Failed> {
        if url.starts_with("sqlite:") {
            let options: SqliteConnectOptions = url.parse()?;
            let options = options
                .create_if_missing(true)
                .journal_mode(SqliteJournalMode::Wal)
                .synchronous(SqliteSynchronous::Full)
                .foreign_keys(false)
                .busy_timeout(BUSY)
                .disable_statement_logging();
            return Ok(Self::Sqlite(options.connect().await?));
        }
        let options: MySqlConnectOptions = url.parse().map_err(|_| "expected a URL of a server")?;
        let mut session = options.disable_statement_logging().connect().await?;
        session.execute("SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED").await?;
        let sql = "SHOW VARIABLES WHERE Variable_name IN ('transaction_isolation', 'tx_isolation')";
        let row = session.fetch_one(sqlx::raw_sql(sql)).await?;
        let isolation: String = row.try_get_unchecked(1)?;
        if isolation != "READ-COMMITTED" {
            return Err(format!("expected READ-COMMITTED, got {isolation}").into());
        }
        Ok(Self::MySql(session))
    }

    /// A statement as each dialect has it: MySQL's, SQLite's.
    pub(crate) const fn choose(&self, [mysql, sqlite]: [&'static str; 2]) -> &'static str {
        match self {
            Self::MySql(_) => mysql,
            Self::Sqlite(_) => sqlite,
        }
    }

    /// Runs a prepared statement; how many rows it changed.
    pub(crate) async fn run(
        &mut self,
        sql: &str,
        values: &[Bound<'_>],
    ) -> Result<u64, sqlx::Error> {
        Ok(match self {
            Self::MySql(session) => {
                let query = sqlx::query_with(sql, bound!(MySqlArguments, values));
                session.execute(query).await?.rows_affected()
            }
            Self::Sqlite(session) => {
                let query = sqlx::query_with(sql, bound!(SqliteArguments, values));
                session.execute(query).await?.rows_affected()
            }
        })
    }

    /// The number in the first column of the first row.
    pub(crate) async fn number(
        &mut self,
        sql: &str,
        values: &[Bound<'_>],
    ) -> Result<Option<i64>, sqlx::Error> {
        match self {
            Self::MySql(session) => {
                let query = sqlx::query_with(sql, bound!(MySqlArguments, values));
                let row: Option<MySqlRow> = session.fetch_optional(query).await?;
                row.map(|row| row.try_get_unchecked(0)).transpose()
            }
            Self::Sqlite(session) => {
                let query = sqlx::query_with(sql, bound!(SqliteArguments, values));
                let row: Option<SqliteRow> = session.fetch_optional(query).await?;
                row.map(|row| row.try_get_unchecked(0)).transpose()
            }
        }
    }

    /// The numbers of the first column.
    pub(crate) async fn numbers(
        &mut self,
        sql: &str,
        values: &[Bound<'_>],
    ) -> Result<Vec<i64>, sqlx::Error> {
        match self {
            Self::MySql(session) => {
                let query = sqlx::query_with(sql, bound!(MySqlArguments, values));
                let rows = session.fetch_all(query).await?;
                rows.iter().map(|row| row.try_get_unchecked(0)).collect()
            }
            Self::Sqlite(session) => {
                let query = sqlx::query_with(sql, bound!(SqliteArguments, values));
                let rows = session.fetch_all(query).await?;
                rows.iter().map(|row| row.try_get_unchecked(0)).collect()
            }
        }
    }

    /// Runs text as it is, without preparing it; several statements may stand in it.
    pub(crate) async fn plain(&mut self, sql: &str) -> Result<(), sqlx::Error> {
        let sql = sqlx::raw_sql(sql);
        match self {
            Self::MySql(session) => session.execute(sql).await.map(drop),
            Self::Sqlite(session) => session.execute(sql).await.map(drop),
        }
    }

    /// Begins a transaction that will write.
    pub(crate) async fn begin(&mut self) -> Result<(), sqlx::Error> {
        let sql = self.choose(["BEGIN", "BEGIN IMMEDIATE"]);
        self.plain(sql).await
    }
}

/// A bounded number of sessions, each used by one at a time. It sends no ping before use.
#[derive(Clone)]
pub(crate) struct Links {
    idle: Arc<Mutex<Vec<Link>>>,
    permits: Arc<Semaphore>,
}

/// A session that goes back when dropped.
pub(crate) struct Lent {
    links: Links,
    link: Option<Link>,
    _permit: OwnedSemaphorePermit,
}

impl Links {
    pub(crate) async fn open(url: &str, sessions: usize) -> Result<Self, Failed> {
        let mut idle = Vec::with_capacity(sessions);
        for _ in 0..sessions {
            idle.push(Link::open(url).await?);
        }
        Ok(Self { idle: Arc::new(Mutex::new(idle)), permits: Arc::new(Semaphore::new(sessions)) })
    }

    pub(crate) async fn take(&self) -> Result<Lent, Failed> {
        let permit = Arc::clone(&self.permits).acquire_owned().await?;
        let link = self.idle.lock().expect("nobody panics with it").pop();
        Ok(Lent { links: self.clone(), link, _permit: permit })
    }
}

impl Lent {
    pub(crate) const fn link(&mut self) -> &mut Link {
        self.link.as_mut().expect("as many sessions as permits")
    }
}

impl Drop for Lent {
    fn drop(&mut self) {
        if let Some(link) = self.link.take() {
            self.links.idle.lock().expect("nobody panics with it").push(link);
        }
    }
}
