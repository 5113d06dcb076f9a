//! The store: one handle over sessions, lanes and cache.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use ticketing_core::change_set::ChangeSet;
use ticketing_core::port::{Clock, CommitError, Committed};

use tokio::time::timeout;

use crate::Options;
use crate::db::Database;
use crate::lanes::{Closed, Lanes, Stats};
use crate::reads::{Gathered, Performances};

/// How long the sessions that read may take to end.
const SESSIONS_END_MAX: Duration = Duration::from_secs(2);

/// A store in a database. Clones share it.
///
/// It implements every port that a store has: [`Store`](ticketing_core::port::Store), the read ports,
/// [`Inspect`](ticketing_core::port::Inspect), [`OutboxReader`](ticketing_core::port::OutboxReader) and
/// [`Retention`](ticketing_core::port::Retention).
#[derive(Clone)]
pub struct Store {
    pub(crate) shared: Arc<Shared>,
}

pub(crate) struct Shared {
    pub(crate) database: Arc<Database>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) options: Options,
    /// The partitions of the outbox, as the database has them.
    pub(crate) partitions: u16,
    pub(crate) warnings: Vec<String>,
    pub(crate) performances: Performances,
    pub(crate) gathered: Arc<Gathered>,
    pub(crate) lanes: Lanes,
}

impl std::fmt::Debug for Store {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Store({:?})", self.shared.options)
    }
}

impl Store {
    /// What of the server's settings may lose what it committed, if that was to be
    /// [warned](crate::Durability::Warned) of.
    pub fn warnings(&self) -> &[String] {
        &self.shared.warnings
    }

    /// What was committed since the store was opened.
    pub fn stats(&self) -> Stats {
        Stats { round_trips: self.database().round_trips(), ..self.shared.lanes.stats() }
    }

    /// Takes no change set any more, commits what is queued, and closes every session. After `within` the
    /// rest is refused, and counted in the answer.
    pub async fn close(&self, within: Duration) -> Closed {
        let closed = self.shared.lanes.close(within).await;
        // What does not end by then is a session whose server is silent.
        let _ = timeout(SESSIONS_END_MAX, self.shared.database.close()).await;
        closed
    }

    pub(crate) fn database(&self) -> &Database {
        &self.shared.database
    }
}

#[async_trait]
impl ticketing_core::port::Store for Store {
    async fn commit(&self, changes: ChangeSet) -> Result<Committed, CommitError> {
        self.shared.lanes.commit(changes).await
    }
}
