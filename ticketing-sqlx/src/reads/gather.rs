//! Reads of one row by its key, many of which make one statement.
//!
//! There is no timer: who asks while others of the same table are answered goes into the next statement. A
//! read still sees all that was committed before it was asked for.

use std::collections::VecDeque;
use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rustc_hash::FxHashMap;
use tokio::sync::oneshot;

use super::query::Point;
use crate::db::fault::Broken;
use crate::db::{Database, Row, Value};
use crate::sql::{SIZE_MAX, size_for};

/// The statements of one table that run at a time. A second one would only share the keys of the first: hundreds of
/// keys take a millisecond.
const STATEMENTS_MAX: usize = 1;
/// A statement that takes longer may never be answered, so nobody waits for it but those who asked with it. How
/// many there are of these is bounded by the sessions that read.
const SLOW: Duration = Duration::from_millis(250);

/// What is read by key. The keys that wait are bounded by their callers.
pub(crate) struct Gathered {
    database: Arc<Database>,
    tables: Mutex<FxHashMap<&'static str, Table>>,
}

#[derive(Default)]
struct Table {
    waiting: VecDeque<Wanted>,
    running: usize,
}

struct Wanted {
    key: Vec<Value<'static>>,
    reply: oneshot::Sender<Answer>,
}

type Answer = Result<Option<Arc<Row>>, Arc<sqlx::Error>>;

impl Gathered {
    pub(crate) fn new(database: Arc<Database>) -> Self {
        Self { database, tables: Mutex::default() }
    }

    fn tables(&self) -> MutexGuard<'_, FxHashMap<&'static str, Table>> {
        self.tables.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The row of a key.
    pub(super) async fn find(
        self: &Arc<Self>,
        point: &'static Point,
        key: Vec<Value<'static>>,
    ) -> Answer {
        let (reply, answer) = oneshot::channel();
        let starts = {
            let mut tables = self.tables();
            let table = tables.entry(point.table).or_default();
            table.waiting.push_back(Wanted { key, reply });
            let starts = table.running < STATEMENTS_MAX;
            table.running += usize::from(starts);
            starts
        };
        if starts {
            // A task of its own: who drops this call does not drop the statement of the others.
            tokio::spawn(Running { gathered: Arc::clone(self), point, is_over: false }.run());
        }
        let gone = |_| Err(Arc::new(sqlx::Error::WorkerCrashed));
        answer.await.unwrap_or_else(gone)
    }

    async fn answer(&self, point: &Point, batch: Vec<Wanted>) {
        let (mut keys, replies): (Vec<_>, Vec<_>) =
            batch.into_iter().map(|wanted| (wanted.key, wanted.reply)).unzip();
        let names: Vec<Box<[u8]>> = keys.iter().map(|key| name(key)).collect();
        let (count, size) = (keys.len(), size_for(keys.len()));
        let last = keys[count - 1].clone();
        keys.resize(size, last);
        let values: Vec<Value<'_>> = keys.into_iter().flatten().collect();
        let sql = point.text(self.database.dialect(), size);
        let rows = self.database.fetch(&sql, &values).await.and_then(|rows| {
            let by_name = rows.into_iter().map(|row| Ok((point.name(&row)?, Arc::new(row))));
            let rows: Result<FxHashMap<_, _>, Broken> = by_name.collect();
            rows.map_err(|error| sqlx::Error::Decode(error.into()))
        });
        let rows = rows.map_err(Arc::new);
        for (name, reply) in names.iter().zip(replies) {
            // Nobody there: the caller was dropped.
            drop(reply.send(match &rows {
                Ok(rows) => Ok(rows.get(name).cloned()),
                Err(error) => Err(Arc::clone(error)),
            }));
        }
    }
}

/// A task that reads until nobody waits.
struct Running {
    gathered: Arc<Gathered>,
    point: &'static Point,
    is_over: bool,
}

impl Running {
    async fn run(mut self) {
        while let Some(batch) = self.next() {
            let gathered = Arc::clone(&self.gathered);
            let mut answered = pin!(gathered.answer(self.point, batch));
            if tokio::time::timeout(SLOW, &mut answered).await.is_err() {
                self.step_aside();
                return answered.await;
            }
        }
    }

    /// Lets others read who wait, or come.
    fn step_aside(&mut self) {
        let mut tables = self.gathered.tables();
        let table = tables.entry(self.point.table).or_default();
        let (gathered, point) = (Arc::clone(&self.gathered), self.point);
        self.is_over = true;
        if table.waiting.is_empty() {
            table.running -= 1;
        } else {
            tokio::spawn(Self { gathered, point, is_over: false }.run());
        }
    }

    /// Those who wait, as many as one statement takes; none means that this is over.
    fn next(&mut self) -> Option<Vec<Wanted>> {
        let mut tables = self.gathered.tables();
        let table = tables.entry(self.point.table).or_default();
        let count = table.waiting.len().min(SIZE_MAX);
        if count == 0 {
            table.running -= 1;
            self.is_over = true;
            return None;
        }
        Some(table.waiting.drain(..count).collect())
    }
}

impl Drop for Running {
    /// Cut off with its runtime, or by a panic: nobody waits for ever.
    fn drop(&mut self) {
        if self.is_over {
            return;
        }
        let mut tables = self.gathered.tables();
        let table = tables.entry(self.point.table).or_default();
        table.running -= 1;
        if table.running == 0 {
            table.waiting.clear();
        }
    }
}

/// What tells a key from another.
fn name(key: &[Value<'_>]) -> Box<[u8]> {
    let mut name = Vec::with_capacity(16);
    for value in key {
        match value {
            Value::Id(id) => name.extend_from_slice(id),
            Value::Text(text) => ended(&mut name, text),
            Value::Null | Value::Int(_) | Value::Bytes(_) => {}
        }
    }
    name.into()
}

/// No text holds this byte.
fn ended(name: &mut Vec<u8>, text: &str) {
    name.extend_from_slice(text.as_bytes());
    name.push(u8::MAX);
}

impl Point {
    fn name(&self, row: &Row) -> Result<Box<[u8]>, Broken> {
        let mut name = Vec::with_capacity(16);
        for column in self.key {
            match *column {
                KeyColumn::Id(place) => name.extend_from_slice(row.bytes(place)?),
                KeyColumn::Text(place) => ended(&mut name, row.text(place)?),
            }
        }
        Ok(name.into())
    }
}

/// Where a column of the key stands in the row.
#[derive(Clone, Copy, Debug)]
pub(crate) enum KeyColumn {
    Id(usize),
    Text(usize),
}
