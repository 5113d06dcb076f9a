//! The session of a lane.

use std::sync::Arc;
use std::time::Duration;

use ticketing_core::change_set::ChangeSet;
use ticketing_core::error::{Fault, PortError};
use ticketing_core::flush::{ExecError, FlushExecutor, Reads, Rows, Writes};
use tokio::time::{Instant, timeout, timeout_at};

use super::Failed;
use super::outcome::{self, Outcome};
use crate::Options;
use crate::connect::pause;
use crate::db::fault::Wrong;
use crate::db::{Answer, Connection, Database, Dialect, Statement, Stopped, Value};
use crate::lanes::Turn;

/// The pause between two tries to reach a database that is away.
const PAUSE: Duration = Duration::from_millis(100);
/// How long a database is looked for that has been away for long.
const SHORT: Duration = Duration::from_millis(500);

/// One lane's session, opened when it is needed and again when it broke.
pub(crate) struct Executor {
    database: Arc<Database>,
    turn: Turn,
    statement_timeout: Duration,
    outcome_timeout: Duration,
    session: Option<Session>,
    /// While no session opens: until when callers are kept waiting for one.
    patient_until: Option<Instant>,
}

/// A session with what is known of it.
pub(super) struct Session {
    database: Arc<Database>,
    connection: Connection,
    pub(super) dialect: Dialect,
    /// Where this session adds to accounts, so that two sessions seldom meet on one.
    pub(super) slot: i64,
    statement_timeout: Duration,
    is_open: bool,
}

/// A COMMIT without success.
struct NotCommitted {
    failed: Failed,
    /// Whether nothing is committed for sure.
    is_sure: bool,
}

impl Executor {
    pub(crate) fn new(database: Arc<Database>, options: &Options, turn: Turn) -> Self {
        let (statement_timeout, outcome_timeout) =
            (options.statement_timeout, options.outcome_timeout);
        let (session, patient_until) = (None, None);
        Self { database, turn, statement_timeout, outcome_timeout, session, patient_until }
    }

    /// The session, opened within a bounded time. A database that was away for so long is asked for shortly
    /// by every later try, until it is there again: who waits behind does not wait as long anew.
    async fn session(&mut self) -> Result<&mut Session, ExecError> {
        if self.session.is_none() {
            let now = Instant::now();
            let until = *self.patient_until.get_or_insert(now + self.outcome_timeout);
            let deadline = until.max(now + SHORT);
            self.session = Some(self.reach(deadline).await.map_err(|failed| {
                let error = PortError::new("store", "connect", Fault::Transient);
                ExecError::Retry(match failed {
                    Failed::Driver(cause) => error.because(cause),
                    Failed::Broken(_) | Failed::Raced | Failed::Silent => error,
                })
            })?);
            self.patient_until = None;
        }
        Ok(self.session.as_mut().expect("opened above"))
    }

    /// Opens a session, however often it takes until the deadline.
    async fn reach(&self, deadline: Instant) -> Result<Session, Failed> {
        loop {
            let opened =
                timeout_at(deadline, Session::open(&self.database, self.statement_timeout)).await;
            let failed = match opened {
                Ok(Ok(session)) => return Ok(session),
                Ok(Err(failed)) => failed,
                Err(_) => return Err(Failed::Silent),
            };
            if failed.wrong() == Wrong::Refused || Instant::now() + PAUSE >= deadline {
                return Err(failed);
            }
            pause(PAUSE).await;
        }
    }

    /// A failure that leaves the session of no use drops it, and with it the transaction. Whoever must try again
    /// may wait for long, and lets the lane's other session go on.
    fn failed(&mut self, failed: Failed) -> ExecError {
        if failed.wrong() == Wrong::Gone {
            self.session = None;
        }
        let error = failed.into_exec();
        if matches!(error, ExecError::Retry(_)) {
            self.turn.pass();
        }
        error
    }

    /// Finds out whether a transaction whose COMMIT was not answered is there.
    async fn find_out(&mut self, writes: &Writes) -> Result<(), ExecError> {
        self.session = None;
        let deadline = Instant::now() + self.outcome_timeout;
        loop {
            let found = timeout_at(deadline, async {
                let mut session = self.reach(deadline).await?;
                outcome::look(&mut session, writes).await
            });
            match found.await.unwrap_or(Err(Failed::Silent)) {
                Ok(Outcome::Committed) => return Ok(()),
                Ok(Outcome::RolledBack) => {
                    let error = PortError::new("store", "commit", Fault::Transient);
                    return Err(ExecError::Retry(error.because("the commit was rolled back")));
                }
                Err(_) if Instant::now() + PAUSE < deadline => pause(PAUSE).await,
                Err(_) => return Err(ExecError::Unknown),
            }
        }
    }
}

impl FlushExecutor for Executor {
    type Rows = Rows;

    async fn lock_and_read(&mut self, reads: &Reads) -> Result<Rows, ExecError> {
        let session = self.session().await?;
        let read = async {
            session.begin().await?;
            super::read::lock_and_read(session, reads).await
        };
        let read = read.await;
        read.map_err(|failed| self.failed(failed))
    }

    async fn write(&mut self, batch: &[ChangeSet], writes: Writes) -> Result<(), ExecError> {
        let session = self.session.as_mut().ok_or_else(|| Failed::Silent.into_exec())?;
        let events = match super::write::write(session, batch, &writes).await {
            Ok(events) => events,
            Err(failed) => return Err(self.failed(failed)),
        };
        self.turn.pass();
        match session.commit(events).await {
            Ok(()) => Ok(()),
            Err(NotCommitted { failed, is_sure: true }) => Err(self.failed(failed)),
            Err(NotCommitted { is_sure: false, .. }) => self.find_out(&writes).await,
        }
    }

    async fn rollback(&mut self) {
        if let Some(session) = &mut self.session
            && session.rollback().await.is_err()
        {
            self.session = None;
        }
    }
}

impl Session {
    async fn open(database: &Arc<Database>, statement_timeout: Duration) -> Result<Self, Failed> {
        let connection = database.connect().await?;
        let dialect = database.dialect();
        let (database, slot, is_open) = (Arc::clone(database), 0, false);
        let mut session = Self { database, connection, dialect, slot, statement_timeout, is_open };
        for sql in dialect.opens_session() {
            session.run(sql).await?;
        }
        if let Some(sql) = dialect.slot() {
            let answer = session.ask_one(sql, Vec::new()).await?;
            session.slot = answer.rows.first().map_or(Ok(0), |row| row.int(0))?;
            session.run("COMMIT").await?;
        }
        Ok(session)
    }

    pub(super) async fn begin(&mut self) -> Result<(), Failed> {
        if self.is_open {
            return Ok(());
        }
        if let Some(sql) = self.dialect.begin() {
            self.run(sql).await?;
        }
        self.is_open = true;
        Ok(())
    }

    /// Runs the last statements of the transaction and commits it, in one go.
    async fn commit(&mut self, mut last: Vec<Statement<'_>>) -> Result<(), NotCommitted> {
        let before = last.len();
        last.push(Statement { sql: "COMMIT".to_owned(), values: Vec::new() });
        self.database.count_round_trip();
        let answers = timeout(self.statement_timeout, self.connection.ask(&last)).await;
        match answers {
            Ok(Ok(_)) => {
                self.is_open = false;
                Ok(())
            }
            Ok(Err(Stopped { answered, error })) => {
                // The server does not go on after a statement that it refused. Refused because it only reads, a
                // COMMIT is rolled back.
                let is_answer = matches!(error, sqlx::Error::Database(_));
                let failed = Failed::Driver(error);
                let is_sure = is_answer && (answered < before || failed.is_read_only());
                Err(NotCommitted { failed, is_sure })
            }
            Err(_) => Err(NotCommitted { failed: Failed::Silent, is_sure: false }),
        }
    }

    pub(super) async fn rollback(&mut self) -> Result<(), Failed> {
        if self.is_open {
            self.run("ROLLBACK").await?;
            self.is_open = false;
        }
        Ok(())
    }

    /// Runs statements in one go: one answer for each, or the failure of the first that failed.
    pub(super) async fn ask(
        &mut self,
        statements: &[Statement<'_>],
    ) -> Result<Vec<Answer>, Failed> {
        if statements.is_empty() {
            return Ok(Vec::new());
        }
        self.database.count_round_trip();
        let answers = timeout(self.statement_timeout, self.connection.ask(statements));
        let answers = answers.await.map_err(|_| Failed::Silent)?;
        Ok(answers.map_err(|Stopped { error, .. }| error)?)
    }

    pub(super) async fn ask_one(
        &mut self,
        sql: &str,
        values: Vec<Value<'_>>,
    ) -> Result<Answer, Failed> {
        let answers = self.ask(&[Statement { sql: sql.to_owned(), values }]).await?;
        Ok(answers.into_iter().next().unwrap_or_default())
    }

    async fn run(&mut self, sql: &'static str) -> Result<(), Failed> {
        self.database.count_round_trip();
        let done = timeout(self.statement_timeout, self.connection.run(sql));
        Ok(done.await.map_err(|_| Failed::Silent)??)
    }
}
