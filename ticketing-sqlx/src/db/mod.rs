//! The drivers behind one small door: statements with bound values in, rows out.
//!
//! SQL text is put together from constants only, by [`crate::sql`]; values are bound, or where several
//! statements go to a server at once, written as literals in one place.

pub(crate) mod fault;
#[cfg(feature = "mysql")]
mod literal;
#[cfg(feature = "mysql")]
mod mysql;
mod pool;
mod row;
mod sessions;
#[cfg(feature = "sqlite")]
mod sqlite;
mod value;

pub(crate) use pool::{Database, Dialect};
pub(crate) use row::Row;
pub(crate) use value::Value;

/// What a statement that writes says of itself.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Done {
    /// Rows that it inserted or deleted, or found to update; an upsert that updates counts two on MySQL.
    pub(crate) rows: u64,
    /// What `LAST_INSERT_ID(..)` was set to; 0 on SQLite.
    #[cfg(feature = "mysql")]
    pub(crate) last_id: u64,
}

/// A statement and the values of its places, each a `?`.
#[derive(Clone, Debug)]
pub(crate) struct Statement<'a> {
    pub(crate) sql: String,
    pub(crate) values: Vec<Value<'a>>,
}

/// What became of one statement of several.
#[derive(Default)]
pub(crate) struct Answer {
    pub(crate) rows: Vec<Row>,
    /// Rows that it inserted or deleted, or found to update.
    pub(crate) changed: u64,
    /// What `LAST_INSERT_ID(..)` was set to.
    #[cfg(feature = "mysql")]
    pub(crate) last_id: u64,
}

/// Why not all of several statements ran.
pub(crate) struct Stopped {
    /// Those that had been answered.
    pub(crate) answered: usize,
    pub(crate) error: sqlx::Error,
}

/// One session.
pub(crate) enum Connection {
    #[cfg(feature = "mysql")]
    MySql(sqlx::mysql::MySqlConnection),
    #[cfg(feature = "sqlite")]
    Sqlite(sqlx::sqlite::SqliteConnection),
}

macro_rules! each {
    ($of:expr, $connection:ident => $module:ident::$($call:tt)+) => {
        match $of {
            #[cfg(feature = "mysql")]
            Connection::MySql($connection) => mysql::$($call)+.await,
            #[cfg(feature = "sqlite")]
            Connection::Sqlite($connection) => sqlite::$($call)+.await,
        }
    };
}

impl Connection {
    pub(crate) const fn dialect(&self) -> Dialect {
        match self {
            #[cfg(feature = "mysql")]
            Self::MySql(_) => Dialect::MySql,
            #[cfg(feature = "sqlite")]
            Self::Sqlite(_) => Dialect::Sqlite,
        }
    }

    pub(crate) async fn execute(
        &mut self,
        sql: &str,
        values: &[Value<'_>],
    ) -> Result<Done, sqlx::Error> {
        each!(self, connection => driver::execute(connection, sql, values))
    }

    pub(crate) async fn fetch(
        &mut self,
        sql: &str,
        values: &[Value<'_>],
    ) -> Result<Vec<Row>, sqlx::Error> {
        each!(self, connection => driver::fetch(connection, sql, values))
    }

    /// Runs statements one after another, up to the first that fails: one answer for each. All of them are
    /// sent at once.
    pub(crate) async fn ask(
        &mut self,
        statements: &[Statement<'_>],
    ) -> Result<Vec<Answer>, Stopped> {
        let mut answers = Vec::with_capacity(statements.len());
        match each!(self, connection => driver::ask(connection, statements, &mut answers)) {
            Ok(()) => Ok(answers),
            Err(error) => Err(Stopped { answered: answers.len(), error }),
        }
    }

    /// Runs constant text without preparing it, such as `COMMIT`.
    pub(crate) async fn run(&mut self, sql: &'static str) -> Result<(), sqlx::Error> {
        each!(self, connection => driver::run(connection, sql))
    }

    /// Asks whether the session is still there.
    async fn ping(&mut self) -> Result<(), sqlx::Error> {
        match self {
            #[cfg(feature = "mysql")]
            Self::MySql(connection) => sqlx::Connection::ping(connection).await,
            #[cfg(feature = "sqlite")]
            Self::Sqlite(connection) => sqlx::Connection::ping(connection).await,
        }
    }

    async fn close(self) -> Result<(), sqlx::Error> {
        match self {
            #[cfg(feature = "mysql")]
            Self::MySql(connection) => sqlx::Connection::close(connection).await,
            #[cfg(feature = "sqlite")]
            Self::Sqlite(connection) => sqlx::Connection::close(connection).await,
        }
    }
}
