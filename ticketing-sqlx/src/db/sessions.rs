//! The sessions that read, and those that are lent one statement long.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::time::{Instant, timeout_at};

use super::Connection;

/// How long a session may rest before it is asked whether it is still there. Not at every statement: that
/// would be a round trip more for each.
const RESTED: Duration = Duration::from_secs(1);

/// A bounded number of sessions, opened when they are needed and kept until they break.
pub(super) struct Sessions {
    max: u32,
    connect_timeout: Duration,
    permits: Semaphore,
    idle: Mutex<Vec<Idle>>,
}

struct Idle {
    connection: Connection,
    since: Instant,
}

/// A session of a caller. Unless it is given back it ends: whoever drops it does not know whether its server
/// still works on a statement.
pub(super) struct Lent<'a> {
    pub(super) connection: Connection,
    /// Whether it served another caller before, and may have been cut off since.
    pub(super) is_used: bool,
    permit: SemaphorePermit<'a>,
}

impl Sessions {
    pub(super) fn new(max: u32, connect_timeout: Duration) -> Self {
        let permits = Semaphore::new(usize::try_from(max).unwrap_or(Semaphore::MAX_PERMITS));
        Self { max, connect_timeout, permits, idle: Mutex::default() }
    }

    fn idle(&self) -> MutexGuard<'_, Vec<Idle>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A session that waits or, without one, a new one: in all within the time that a session may take to
    /// open.
    pub(super) async fn lend(
        &self,
        open: impl Future<Output = Result<Connection, sqlx::Error>>,
    ) -> Result<Lent<'_>, sqlx::Error> {
        let deadline = Instant::now() + self.connect_timeout;
        let permit = timeout_at(deadline, self.permits.acquire()).await;
        let permit = permit.map_err(|_| sqlx::Error::PoolTimedOut)?;
        let permit = permit.map_err(|_| sqlx::Error::PoolClosed)?;
        loop {
            // The last one in: the others may rest until they end.
            let Some(Idle { mut connection, since }) = self.idle().pop() else { break };
            let is_there = since.elapsed() < RESTED
                || timeout_at(deadline, connection.ping()).await.is_ok_and(|pong| pong.is_ok());
            if is_there {
                return Ok(Lent { connection, is_used: true, permit });
            }
        }
        let opened = timeout_at(deadline, open).await;
        let connection = opened.map_err(|_| sqlx::Error::PoolTimedOut)??;
        Ok(Lent { connection, is_used: false, permit })
    }

    pub(super) fn give_back(&self, lent: Lent<'_>) {
        let Lent { connection, permit, .. } = lent;
        if !self.permits.is_closed() {
            self.idle().push(Idle { connection, since: Instant::now() });
        }
        drop(permit);
    }

    /// Ends the sessions that rest: one was cut off, and the others likely with it.
    pub(super) fn forget(&self) {
        let idle = std::mem::take(&mut *self.idle());
        drop(idle);
    }

    /// Lends no session any more, waits for those that are lent, and ends all.
    pub(super) async fn close(&self) {
        // Who waits for a session behind this one is refused at its end.
        let all = self.permits.acquire_many(self.max).await;
        self.permits.close();
        drop(all);
        let idle = std::mem::take(&mut *self.idle());
        for Idle { connection, .. } in idle {
            // One that is gone already has ended.
            let _ = connection.close().await;
        }
    }
}
