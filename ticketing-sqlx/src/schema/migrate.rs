//! Runs the migrations, by however many processes at once.
//!
//! Not sqlx's `Migrator`: its table `_sqlx_migrations` would be shared with the program around, its lock is
//! none on MariaDB (`GET_LOCK(.., -1)` answers NULL there, which is not looked at) and none on SQLite, and
//! waits without end on MySQL; and it never goes on after a migration that was cut off.

use std::time::Duration;

use sha2::{Digest, Sha256};
use ticketing_core::error::{Fault, PortError};

use super::{TABLES, VERSION, found, migrations};
use crate::connect::{one, session, within};
use crate::db::fault::{Broken, read_failed};
use crate::db::{Connection, Database, Dialect, Row, Value};
use crate::error::ConnectError;
use crate::{Options, Store, server, sql};

/// What ran.
const BOOKS: &str = "CREATE TABLE IF NOT EXISTS tk_migration \
                     (version BIGINT NOT NULL PRIMARY KEY, checksum BLOB NOT NULL)";
/// How often a migration is tried that met another process, or a server that was busy.
const TRIES_MAX: usize = 4;
/// How long the statements of all migrations may take: tables that are changed may be large.
const RUN_MAX: Duration = Duration::from_hours(1);

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
    // A lock is waited for as long, by the server.
    within(2 * options.statement_timeout, "migrate", lock(connection, options)).await?;
    let answer = within(RUN_MAX, "migrate", run(connection, options.partitions)).await;
    let unlock = unlock(connection, answer.is_ok());
    let unlocked = within(options.statement_timeout, "migrate", unlock).await;
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
    if let Some(newer) = ran.iter().map(|ran| ran.version).find(|version| *version > VERSION) {
        return Err(ConnectError::Newer { known: VERSION, found: newer });
    }
    for migration in migrations(connection.dialect()) {
        let version = migration.version;
        let checksum = Sha256::digest(migration.sql);
        match ran.iter().find(|ran| ran.version == version) {
            Some(ran) if ran.checksum != checksum[..] => {
                return Err(ConnectError::Changed { version });
            }
            Some(_) => {}
            None => {
                // Unless another tool ran it, or a process that died before it could write it down.
                if version > found {
                    connection.run(migration.sql).await.map_err(failed())?;
                }
                let values = [Value::Int(version), Value::bytes(checksum.to_vec())];
                let sql = "INSERT INTO tk_migration (version, checksum) VALUES (?, ?)";
                connection.execute(sql, &values).await.map_err(failed())?;
            }
        }
        if version == TABLES && found <= TABLES {
            divide(connection, partitions).await?;
        }
    }
    Ok(())
}

/// A migration that ran to its end, and the SHA-256 of its text.
struct Ran {
    version: i64,
    checksum: Vec<u8>,
}

async fn ran(connection: &mut Connection) -> Result<Vec<Ran>, ConnectError> {
    connection.run(BOOKS).await.map_err(failed())?;
    let sql = "SELECT version, checksum FROM tk_migration ORDER BY version";
    let rows = connection.fetch(sql, &[]).await.map_err(failed())?;
    let ran = |row: &Row| Ok(Ran { version: row.int(0)?, checksum: row.bytes(1)?.to_vec() });
    let read: Result<_, Broken> = rows.iter().map(ran).collect();
    read.map_err(|error| PortError::new("store", "migrate", Fault::Permanent).because(error).into())
}

fn failed() -> impl Fn(sqlx::Error) -> PortError {
    read_failed("store", "migrate")
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
