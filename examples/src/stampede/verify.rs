//! `stampede verify`: every invariant of a database that was sold from, or is.

mod watched;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use serde::Serialize;
use ticketing_core::error::PortError;
use ticketing_core::memory::SystemClock;
use ticketing_core::port::Clock;
use ticketing_core::verify::{VerifyOptions, verify};
use ticketing_sqlx::{ConnectError, Options, Snapshot, Store};

use self::watched::Watched;
use super::args::JsonTarget;
use super::audit::{Invariants, books, checked};
use super::report::show_checks;
use super::run::rounded;
use super::stopwatch::Stopwatch;
use super::store::{DatabaseParser, DatabaseUrl, StoreKind};

/// How often it is told how far it is.
const LINE_EVERY: Duration = Duration::from_secs(1);
/// The most that a store lets a statement take.
const STATEMENT_MAX: Duration = Duration::from_mins(10);

/// Count every invariant of a database, and change nothing
///
/// Everything is read in one transaction, as it is at one moment, so the database may be sold from meanwhile.
/// What is overdue by more than an hour counts as stuck. Exits with 0 if every invariant holds, with 1 if
/// one is broken, with 2 if the database cannot be read.
#[derive(Clone, Debug, clap::Args)]
pub struct VerifyArgs {
    /// The database: `sqlite://PATH`, `mysql://USER:PASSWORD@HOST:PORT/NAME` or `mariadb://..`
    #[arg(long, value_name = "URL", value_parser = DatabaseParser)]
    pub store: DatabaseUrl,
    /// Published events before this time may have been dropped; default: none was, or where the database
    /// says that some were, any
    #[arg(long, value_name = "TIME")]
    pub dropped_before: Option<DateTime<Utc>>,
    /// Write what was found as JSON to a file, or to standard output with `-`
    #[arg(long, value_name = "PATH|-")]
    pub json: Option<JsonTarget>,
}

/// Why a database was not verified.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum VerifyError {
    /// It cannot be opened.
    #[error("the database cannot be opened")]
    Connect(#[from] ConnectError),
    /// It cannot be read.
    #[error("the database cannot be read")]
    Read(#[from] PortError),
}

/// What was found. Its JSON keys are stable.
#[derive(Clone, Debug, Serialize)]
pub struct Verified {
    /// What was run.
    pub mode: &'static str,
    /// What was read.
    pub store: StoreKind,
    /// What the server says that it is.
    pub server: String,
    /// The time that deadlines were compared with: now, or when the last change was decided if that is later.
    pub now: DateTime<Utc>,
    /// Wall time that it took.
    pub duration_s: f64,
    /// What was checked.
    pub invariants: Invariants,
    /// Whether events may be missing because they were dropped, without it being known which.
    pub events_dropped: bool,
}

impl Verified {
    /// The exit status of a program that ran this: 0 if every invariant holds, else 1.
    pub fn exit_status(&self) -> u8 {
        u8::from(!self.invariants.hold())
    }
}

impl fmt::Display for Verified {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { store, server, now, duration_s, .. } = self;
        writeln!(
            f,
            "verify: {store} {server}, as of {}; {duration_s:.1} s",
            now.format("%F %T UTC")
        )?;
        if self.events_dropped {
            writeln!(
                f,
                "events were dropped: one that is gone counts as dropped, see --dropped-before"
            )?;
        }
        writeln!(f)?;
        show_checks(f, &self.invariants)
    }
}

/// Checks a database.
///
/// # Errors
/// [`VerifyError`]. A broken invariant is no error.
pub async fn run(args: &VerifyArgs) -> Result<Verified, VerifyError> {
    let wall = Stopwatch::start();
    let clock = Arc::new(SystemClock);
    // The sums over all postings are one statement each.
    let options = Options { statement_timeout: STATEMENT_MAX, ..Options::default() };
    let store = Store::connect(args.store.secret(), options, clock).await?;
    let snapshot = store.snapshot().await?;
    let found = check(args, &snapshot).await;
    snapshot.close().await;
    let _ = store.close(LINE_EVERY).await;
    Ok(Verified { duration_s: rounded(wall.elapsed().as_secs_f64()), ..found? })
}

async fn check(args: &VerifyArgs, snapshot: &Snapshot) -> Result<Verified, PortError> {
    let now = SystemClock.now().max(snapshot.last_decided_at().unwrap_or(DateTime::UNIX_EPOCH));
    let events_dropped = snapshot.has_dropped_events() && args.dropped_before.is_none();
    let events_dropped_before = args.dropped_before.or(events_dropped.then_some(now));
    let options = VerifyOptions { events_dropped_before, ..VerifyOptions::at(now) };
    let watched = Watched::new(snapshot.inspect());
    let mut reading = std::pin::pin!(verify(&watched, &options));
    let report = loop {
        match tokio::time::timeout(LINE_EVERY, &mut reading).await {
            Ok(report) => break report?,
            Err(_) => eprintln!("{watched}"),
        }
    };
    eprintln!("{watched}; comparing postings and balances");
    let mut invariants = checked(report);
    invariants.extend(books(&snapshot.check_books().await?));
    Ok(Verified {
        mode: "verify",
        store: args.store.kind().by_server(snapshot.server()),
        server: snapshot.server().to_owned(),
        now,
        duration_s: 0.0,
        invariants: Invariants(invariants),
        events_dropped,
    })
}
