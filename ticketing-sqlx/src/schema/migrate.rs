//! Runs the migrations, by however many processes at once.
//!
//! sqlx's [`Migrate`] runs them and keeps their checksums, in a table of its own name, so that it never meets
//! the `_sqlx_migrations` of the program around. Its `Migrator` is not used. Its lock is none on MariaDB
//! (`GET_LOCK(.., -1)` answers NULL there, which is not looked at) and none on SQLite, and waits without end
//! on MySQL; what it runs cannot be spawned; and it never goes on after a migration that was cut off.

use std::borrow::Cow;

use sqlx::SqlSafeStr;
use sqlx::migrate::{AppliedMigration, Migrate, MigrateError, MigrationType};
use ticketing_core::error::{Fault, PortError};

use super::{Migration, TABLES, VERSION, found, migrations};
use crate::connect::{one, session, within};
use crate::db::fault::read_failed;
use crate::db::{Connection, Database, Dialect, Value};
use crate::error::ConnectError;
use crate::{Options, Store, server, sql};

/// Where sqlx keeps the checksums of what ran.
const BOOKS: &str = "tk_migrations";
/// How often a migration is tried that met another process, or a server that was busy.
const TRIES_MAX: usize = 4;

impl Store {
    /// Brings a database to the schema of this release; one that is there already is left alone. Any number
    /// of processes may do it at once. A migration that was cut off runs again.
    ///
    /// The outbox gets `options.partitions` the first time, and keeps that number.
    ///
    /// # Errors
    /// [`ConnectError::Newer`] and [`ConnectError::Changed`] if another release migrated it, and what
    /// [`Store::connect`] refuses of a server.
    pub async fn migrate(url: &str, options: &Options) -> Result<(), ConnectError> {
        options.check()?;
        let database = Database::create(url, options)?;
        let answer = in_tries(&database, options).await;
        database.close().await;
        answer
    }
}

async fn in_tries(database: &Database, options: &Options) -> Result<(), ConnectError> {
    let mut tries = 1;
    loop {
        let mut connection = session(database, options, "migrate").await?;
        match alone(&mut connection, options).await {
            Err(ConnectError::Failed(error))
                if error.fault() == Fault::Transient && tries < TRIES_MAX =>
            {
                tries += 1;
            }
            answer => return answer,
        }
    }
}

async fn alone(connection: &mut Connection, options: &Options) -> Result<(), ConnectError> {
    let settings = server::check(connection, options.durability, "migrate");
    within(options.statement_timeout, "migrate", settings).await?;
    lock(connection, options).await?;
    let answer = run(connection, options.partitions).await;
    let unlocked = unlock(connection, answer.is_ok()).await;
    answer.and(unlocked)
}

/// Waits until no other process migrates this database.
async fn lock(connection: &mut Connection, options: &Options) -> Result<(), ConnectError> {
    let failed = read_failed("store", "migrate");
    match connection.dialect() {
        #[cfg(feature = "mysql")]
        Dialect::MySql => {
            let seconds = i64::try_from(options.statement_timeout.as_secs()).unwrap_or(i64::MAX);
            let wait = [Value::Int(seconds)];
            // Without it, a table that somebody reads is waited for a year.
            let sql = "SET SESSION lock_wait_timeout = ?";
            connection.execute(sql, &wait).await.map_err(&failed)?;
            // Names are the server's, of at most 64 characters. MySQL 9.7 has no MD5 and no SHA1.
            let sql = "SELECT COALESCE(GET_LOCK( \
                       CONCAT('tk_migrate ', LEFT(SHA2(DATABASE(), 256), 48)), ?), 0)";
            let rows = connection.fetch(sql, &wait).await.map_err(&failed)?;
            if one(&rows, "migrate")? == 1 {
                return Ok(());
            }
            let error = PortError::new("store", "migrate", Fault::Transient);
            Err(error.because("another process migrates this database and does not end").into())
        }
        #[cfg(feature = "sqlite")]
        Dialect::Sqlite => {
            let _ = options;
            connection.run("BEGIN IMMEDIATE").await.map_err(|error| failed(error).into())
        }
    }
}

async fn unlock(connection: &mut Connection, is_done: bool) -> Result<(), ConnectError> {
    let sql = match connection.dialect() {
        #[cfg(feature = "mysql")]
        Dialect::MySql => "DO RELEASE_ALL_LOCKS()",
        #[cfg(feature = "sqlite")]
        Dialect::Sqlite if is_done => "COMMIT",
        #[cfg(feature = "sqlite")]
        Dialect::Sqlite => "ROLLBACK",
    };
    let _ = is_done;
    connection.run(sql).await.map_err(|error| read_failed("store", "migrate")(error).into())
}

async fn run(connection: &mut Connection, partitions: u16) -> Result<(), ConnectError> {
    let found = found(connection, "migrate").await?;
    if found > VERSION {
        return Err(ConnectError::Newer { known: VERSION, found });
    }
    let ran = ran(connection).await?;
    if let Some(newer) = ran.iter().find(|ran| ran.version > VERSION) {
        return Err(ConnectError::Newer { known: VERSION, found: newer.version });
    }
    for migration in migrations(connection.dialect()) {
        let version = migration.version;
        let migration = for_sqlx(migration);
        match ran.iter().find(|ran| ran.version == version) {
            Some(ran) if ran.checksum != migration.checksum => {
                return Err(ConnectError::Changed { version });
            }
            Some(_) => {}
            // Another tool ran it, or a process that died before it could write it down.
            None if version <= found => {
                books(connection).skip(BOOKS, &migration).await.map_err(failed)?;
            }
            None => {
                books(connection).apply(BOOKS, &migration).await.map_err(failed)?;
            }
        }
        if version == TABLES && found <= TABLES {
            divide(connection, partitions).await?;
        }
    }
    Ok(())
}

/// What ran here, less what did not end: the lock is ours, so nobody is at it any more.
async fn ran(connection: &mut Connection) -> Result<Vec<AppliedMigration>, ConnectError> {
    books(connection).ensure_migrations_table(BOOKS).await.map_err(failed)?;
    let sql = "DELETE FROM tk_migrations WHERE success = FALSE";
    connection.execute(sql, &[]).await.map_err(read_failed("store", "migrate"))?;
    books(connection).list_applied_migrations(BOOKS).await.map_err(failed)
}

fn books(connection: &mut Connection) -> &mut (dyn Migrate + Send) {
    match connection {
        #[cfg(feature = "mysql")]
        Connection::MySql(connection) => connection,
        #[cfg(feature = "sqlite")]
        Connection::Sqlite(connection) => connection,
    }
}

fn for_sqlx(migration: &Migration) -> sqlx::migrate::Migration {
    let Migration { version, name, sql } = *migration;
    // On SQLite the transaction of the lock is around it; MySQL commits as it likes.
    let is_without_transaction = true;
    let (name, sql) = (Cow::Borrowed(name), sql.into_sql_str());
    let kind = MigrationType::Simple;
    sqlx::migrate::Migration::new(version, name, kind, sql, is_without_transaction)
}

fn failed(error: MigrateError) -> ConnectError {
    match error {
        MigrateError::Execute(error) | MigrateError::ExecuteMigration(error, _) => {
            read_failed("store", "migrate")(error).into()
        }
        error => PortError::new("store", "migrate", Fault::Permanent).because(error).into(),
    }
}

/// Gives the outbox its partitions, unless it has some. One statement: all of them or none.
async fn divide(connection: &mut Connection, partitions: u16) -> Result<(), ConnectError> {
    let failed = read_failed("store", "migrate");
    let sql = "SELECT COUNT(*) FROM tk_outbox_part";
    let rows = connection.fetch(sql, &[]).await.map_err(&failed)?;
    if one(&rows, "migrate")? > 0 {
        return Ok(());
    }
    let head = "INSERT INTO tk_outbox_part (part, last) VALUES ";
    let sql = sql::repeated(head, "(?, 0)", ", ", partitions.into(), "");
    let parts: Vec<Value<'_>> = (0..partitions).map(|part| Value::Int(part.into())).collect();
    connection.execute(&sql, &parts).await.map_err(failed)?;
    Ok(())
}
