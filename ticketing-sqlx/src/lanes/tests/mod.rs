//! Lanes over an executor in memory that a test holds still, lets go and breaks.

mod close;
mod crowd;
mod flushes;
mod turns;

use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures_util::FutureExt;
use rustc_hash::FxHashSet;
use ticketing_core::change_set::{ChangeSet, MessageKey};
use ticketing_core::chrono::{DateTime, TimeDelta, Utc};
use ticketing_core::flush::{
    Answer, BatchLimits, ExecError, FlushExecutor, QueueLimits, Reads, Rows, Writes,
};
use ticketing_core::id::{ChangeSetId, PerformanceId, ReservationId};
use ticketing_core::label::Label;
use ticketing_core::port::{CommitError, Committed};
use ticketing_core::seat::{Claim, ClaimOwner, ClaimStatus, SeatNo, Seats};
use tokio::sync::Semaphore;
use uuid::Uuid;

use super::{Lanes, Limits, Turn};

/// What stands in the "database" and what its sessions are told. Clones share it.
#[derive(Clone)]
struct World(Arc<Inner>);

struct Inner {
    tables: Mutex<Tables>,
    /// A write takes a permit; a test that gives none holds the flush still.
    permits: Semaphore,
    /// Flushes that stand before their write.
    arrived: Semaphore,
    sessions: AtomicUsize,
    dropped: AtomicUsize,
    /// Whether a session passes its turn before it writes.
    passes: AtomicBool,
}

#[derive(Default)]
struct Tables {
    claims: FxHashSet<(PerformanceId, SeatNo)>,
    ids: FxHashSet<ChangeSetId>,
    /// The change sets of each flush that was written, in order.
    flushed: Vec<Vec<ChangeSetId>>,
    /// Whether each read was one of every key.
    reads: Vec<bool>,
    faults: Vec<Fault>,
}

/// What befalls the next write.
enum Fault {
    Fail(ExecError),
    Panic,
}

struct Session(Arc<Inner>, Turn);

impl World {
    fn new() -> Self {
        Self(Arc::new(Inner {
            tables: Mutex::default(),
            permits: Semaphore::new(0),
            arrived: Semaphore::new(0),
            sessions: AtomicUsize::new(0),
            dropped: AtomicUsize::new(0),
            passes: AtomicBool::new(false),
        }))
    }

    /// One whose flushes run freely.
    fn free() -> Self {
        let world = Self::new();
        world.let_go(Semaphore::MAX_PERMITS / 2);
        world
    }

    fn lanes(&self, limits: Limits) -> Lanes {
        let inner = Arc::clone(&self.0);
        Lanes::start(limits, move |turn| {
            inner.sessions.fetch_add(1, Ordering::SeqCst);
            Session(Arc::clone(&inner), turn)
        })
    }

    /// Lets so many flushes write.
    fn let_go(&self, flushes: usize) {
        self.0.permits.add_permits(flushes);
    }

    /// Waits until a flush stands before its write.
    async fn flush_arrived(&self) {
        let arrived = tokio::time::timeout(Duration::from_secs(10), self.0.arrived.acquire());
        arrived.await.expect("a flush comes").expect("is never closed").forget();
    }

    fn tables<T>(&self, read: impl FnOnce(&mut Tables) -> T) -> T {
        read(&mut self.0.tables.lock().unwrap())
    }

    fn flushed(&self) -> Vec<Vec<ChangeSetId>> {
        self.tables(|tables| tables.flushed.clone())
    }

    fn break_next(&self, fault: Fault) {
        self.tables(|tables| tables.faults.push(fault));
    }
}

impl FlushExecutor for Session {
    type Rows = Rows;

    async fn lock_and_read(&mut self, reads: &Reads) -> Result<Rows, ExecError> {
        let mut tables = self.0.tables.lock().unwrap();
        tables.reads.push(!reads.change_sets.is_empty());
        let mut rows = Rows::default();
        let there = reads.claims.iter().filter(|key| tables.claims.contains(*key));
        let claim = Claim { owner: ClaimOwner::House, status: ClaimStatus::House };
        rows.claims.extend(there.map(|key| (*key, claim)));
        rows.change_sets.extend(reads.change_sets.iter().filter(|id| tables.ids.contains(*id)));
        Ok(rows)
    }

    async fn write(&mut self, batch: &[ChangeSet], writes: Writes) -> Result<(), ExecError> {
        if self.0.passes.load(Ordering::SeqCst) {
            self.1.pass();
        }
        self.0.arrived.add_permits(1);
        self.0.permits.acquire().await.expect("is never closed").forget();
        let mut tables = self.0.tables.lock().unwrap();
        match tables.faults.pop() {
            Some(Fault::Fail(error)) => return Err(error),
            Some(Fault::Panic) => {
                drop(tables);
                panic!("asked to panic");
            }
            None => {}
        }
        let claims = writes.claims_inserted.iter().map(|row| (row.performance, row.seat));
        if claims.clone().any(|key| tables.claims.contains(&key)) {
            return Err(ExecError::Raced);
        }
        tables.claims.extend(claims);
        tables.ids.extend(writes.change_sets.iter().map(|(id, _)| *id));
        tables.flushed.push(batch.iter().map(ChangeSet::id).collect());
        Ok(())
    }

    async fn rollback(&mut self) {}
}

impl Drop for Session {
    fn drop(&mut self) {
        self.0.dropped.fetch_add(1, Ordering::SeqCst);
    }
}

fn limits() -> Limits {
    let queue = QueueLimits { change_sets: 4_096, bytes: 1 << 24, retry_after: RETRY_AFTER };
    Limits { lanes: 1, sessions: 1, partitions: 16, queue, batch: BatchLimits::default() }
}

const RETRY_AFTER: Duration = Duration::from_millis(70);

fn uuid(n: usize) -> Uuid {
    Uuid::from_u128(n as u128 + 1)
}

fn id(n: usize) -> ChangeSetId {
    ChangeSetId::from_uuid(uuid(n))
}

fn now() -> DateTime<Utc> {
    DateTime::UNIX_EPOCH + TimeDelta::days(20_000)
}

/// The claim of seat `n` in a performance, in the change set of number `n`.
fn claim(n: usize, performance: usize) -> ChangeSet {
    claim_seat(n, performance, n)
}

fn claim_seat(n: usize, performance: usize, seat: usize) -> ChangeSet {
    let seats = Seats::new([SeatNo(u32::try_from(seat).unwrap())]).unwrap();
    let owner = ClaimOwner::Reservation(ReservationId::from_uuid(uuid(n)));
    ChangeSet::new(id(n), now()).claim(PerformanceId::from_uuid(uuid(performance)), seats, owner)
}

/// A change set that settles money.
fn settle(n: usize) -> ChangeSet {
    let message = Label::new(&format!("message-{n}")).unwrap();
    let key = MessageKey { consumer: Label::new("webhook").unwrap(), id: message };
    ChangeSet::new(id(n), now()).caused_by(key).settles_money()
}

type Call<'a> = Pin<Box<dyn Future<Output = Answer> + Send + 'a>>;

/// A commit that is queued: it was polled once.
fn queued(lanes: &Lanes, changes: ChangeSet) -> Call<'_> {
    let mut call: Call<'_> = Box::pin(lanes.commit(changes));
    assert!(call.as_mut().now_or_never().is_none(), "it waits for its answer");
    call
}

#[track_caller]
fn assert_done(answer: &Answer) {
    assert!(matches!(answer, Ok(Committed::Done)), "got {answer:?}");
}

/// An answer that must come; real time bounds a test that hangs.
async fn answer_of(call: impl Future<Output = Answer>) -> Answer {
    tokio::time::timeout(Duration::from_secs(30), call).await.expect("an answer comes")
}
