//! Opens a store: the server, its settings, the schema, then the store over them.

use std::sync::Arc;
use std::time::Duration;

use ticketing_core::error::{Fault, PortError};
use ticketing_core::port::Clock;

use crate::db::fault::{Broken, read_failed};
use crate::db::{Connection, Database, Dialect, Row};
use crate::error::ConnectError;
use crate::flush::Executor;
use crate::lanes::{Lanes, Limits};
use crate::reads::{Gathered, Performances};
use crate::store::Shared;
use crate::{Options, Store, schema, server};

/// How often a session is asked for that did not come: many processes that open a new SQLite file at once
/// meet each other before they could wait for each other.
const TRIES_MAX: u32 = 6;
/// Before the second try; doubled before each further one.
const PAUSE: Duration = Duration::from_millis(20);
/// The most partitions that an outbox has, as [`Options::partitions`] bounds them.
const PARTITIONS_MAX: i64 = 1_024;
/// The sessions of a lane on MySQL: one commits while the other works.
#[cfg(feature = "mysql")]
const SESSIONS: u16 = 2;

/// What was found behind a URL.
struct Found {
    partitions: u16,
    warnings: Vec<String>,
}

impl Store {
    /// Opens a store over a database that [`Store::migrate`] has migrated: `mysql://user:password@host/name`,
    /// `mariadb://..` or `sqlite:///path/to/file`. Leases of the outbox run by `clock`.
    ///
    /// # Errors
    /// [`ConnectError`], whose texts never hold the URL.
    pub async fn connect(
        url: &str,
        options: Options,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, ConnectError> {
        options.check()?;
        let database = Database::new(url, &options)?;
        match find(&database, &options).await {
            Ok(found) => Ok(Self::over(database, options, clock, found)),
            Err(error) => {
                database.close().await;
                Err(error)
            }
        }
    }

    /// A store over one session that sees the database as it is when it is first read.
    pub(crate) fn frozen(&self) -> Self {
        let shared = &self.shared;
        let (options, clock) = (shared.options.clone(), Arc::clone(&shared.clock));
        let database = shared.database.frozen(options.connect_timeout);
        let found = Found { partitions: shared.partitions, warnings: Vec::new() };
        Self::over(database, options, clock, found)
    }

    /// The one place where a store comes to be.
    fn over(database: Database, options: Options, clock: Arc<dyn Clock>, found: Found) -> Self {
        let Found { partitions, warnings } = found;
        let (database, performances) = (Arc::new(database), Performances::new(&options));
        let lanes = match database.dialect() {
            #[cfg(feature = "mysql")]
            Dialect::MySql => (options.lanes, SESSIONS),
            // One may write at a time.
            #[cfg(feature = "sqlite")]
            Dialect::Sqlite => (1, 1),
        };
        let limits = Limits::of(&options, lanes, partitions);
        let lanes = {
            let (database, options) = (Arc::clone(&database), options.clone());
            Lanes::start(limits, move |turn| Executor::new(Arc::clone(&database), &options, turn))
        };
        let gathered = Arc::new(Gathered::new(Arc::clone(&database)));
        Self {
            shared: Arc::new(Shared {
                database,
                clock,
                options,
                partitions,
                warnings,
                performances,
                gathered,
                lanes,
            }),
        }
    }
}

async fn find(database: &Database, options: &Options) -> Result<Found, ConnectError> {
    let mut connection = session(database, options, "connect").await?;
    within(options.statement_timeout, "connect", async {
        let warnings = server::check(&mut connection, options.durability, "connect").await?;
        schema::check(&mut connection).await?;
        let partitions = partitions(&mut connection).await?;
        Ok(Found { partitions, warnings })
    })
    .await
}

/// A session, after a bounded number of tries.
pub(crate) async fn session(
    database: &Database,
    options: &Options,
    operation: &'static str,
) -> Result<Connection, ConnectError> {
    within(options.connect_timeout, operation, async {
        let mut tries = 1;
        loop {
            match database.connect().await.map_err(read_failed("store", operation)) {
                Err(error) if error.fault() == Fault::Transient && tries < TRIES_MAX => {
                    pause(PAUSE * 2_u32.pow(tries - 1)).await;
                    tries += 1;
                }
                answer => return answer.map_err(ConnectError::from),
            }
        }
    })
    .await
}

#[expect(
    clippy::disallowed_methods,
    reason = "no port is wired yet, and nothing decided hangs on it"
)]
pub(crate) async fn pause(time: Duration) {
    tokio::time::sleep(time).await;
}

/// The answer, or a transient failure if it takes longer.
pub(crate) async fn within<T>(
    time: Duration,
    operation: &'static str,
    answer: impl Future<Output = Result<T, ConnectError>>,
) -> Result<T, ConnectError> {
    match tokio::time::timeout(time, answer).await {
        Ok(answer) => answer,
        Err(elapsed) => {
            Err(PortError::new("store", operation, Fault::Transient).because(elapsed).into())
        }
    }
}

/// The partitions of the outbox, which are numbered from 0 without gaps, each with its reader.
async fn partitions(connection: &mut Connection) -> Result<u16, ConnectError> {
    let sql = "SELECT COUNT(*), COALESCE(MAX(p.part), -1), COUNT(r.part) FROM tk_outbox_part p \
               LEFT JOIN tk_outbox_reader r ON r.part = p.part";
    let rows = connection.fetch(sql, &[]).await.map_err(read_failed("store", "connect"))?;
    let row = rows.first().ok_or_else(|| broken("connect", Broken::null(0)))?;
    let read = || Ok::<_, Broken>((row.int(0)?, row.int(1)?, row.int(2)?));
    let (count, last, readers) = read().map_err(|error| broken("connect", error))?;
    match u16::try_from(count) {
        Ok(partitions)
            if (1..=PARTITIONS_MAX).contains(&count) && last + 1 == count && readers == count =>
        {
            Ok(partitions)
        }
        _ => Err(broken(
            "connect",
            format!(
                "expected partitions 0 to n of the outbox, at most {PARTITIONS_MAX}, each with its reader, \
                 got {count} up to {last} with {readers} readers"
            ),
        )),
    }
}

/// The one number that was asked for.
pub(crate) fn one(rows: &[Row], operation: &'static str) -> Result<i64, ConnectError> {
    let first = rows.first().ok_or_else(|| Broken::null(0));
    first.and_then(|row| row.int(0)).map_err(|error| broken(operation, error))
}

pub(crate) fn broken(
    operation: &'static str,
    error: impl Into<Box<dyn std::error::Error + Send + Sync>>,
) -> ConnectError {
    PortError::new("store", operation, Fault::Permanent).because(error).into()
}
