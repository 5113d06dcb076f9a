//! Reads that all ports share: one row, all rows, one page.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use serde::Serialize;
use serde::de::DeserializeOwned;
use ticketing_core::error::{Fault, PortError};
use ticketing_core::page::{Cursor, Page, PageRequest};
use uuid::Uuid;

use super::gather::Gathered;
use super::query::{Point, Sql, after};
use crate::Store;
use crate::db::fault::{Broken, fault, read_failed};
use crate::db::{Database, Dialect, Row, Value};

/// How a row becomes an item.
pub(crate) type Decode<T> = fn(&Row) -> Result<T, Broken>;

/// One call of a port: what it reads from, and what its errors name.
#[derive(Clone, Copy)]
pub(crate) struct Read<'a> {
    database: &'a Database,
    gathered: &'a Arc<Gathered>,
    port: &'static str,
    operation: &'static str,
}

impl Store {
    pub(crate) fn reading(&self, port: &'static str, operation: &'static str) -> Read<'_> {
        Read { database: self.database(), gathered: &self.shared.gathered, port, operation }
    }
}

impl Read<'_> {
    pub(crate) const fn dialect(&self) -> Dialect {
        self.database.dialect()
    }

    /// The same call will fail again.
    pub(crate) fn refused(
        &self,
        error: impl Into<Box<dyn std::error::Error + Send + Sync>>,
    ) -> PortError {
        PortError::new(self.port, self.operation, Fault::Permanent).because(error)
    }

    /// Rows of a statement that is not constant.
    pub(crate) async fn fetch(
        &self,
        sql: &str,
        values: &[Value<'_>],
    ) -> Result<Vec<Row>, PortError> {
        let rows = self.database.fetch(sql, values).await;
        rows.map_err(read_failed(self.port, self.operation))
    }

    /// How many rows a statement deleted.
    pub(crate) async fn execute(&self, sql: Sql, values: &[Value<'_>]) -> Result<u64, PortError> {
        let done = self.database.execute(sql.text(self.dialect()), values).await;
        Ok(done.map_err(read_failed(self.port, self.operation))?.rows)
    }

    pub(crate) async fn rows(&self, sql: Sql, values: &[Value<'_>]) -> Result<Vec<Row>, PortError> {
        self.fetch(sql.text(self.dialect()), values).await
    }

    /// All items of a list that is bounded by itself.
    pub(crate) async fn all<T>(
        &self,
        sql: Sql,
        values: &[Value<'_>],
        item: Decode<T>,
    ) -> Result<Vec<T>, PortError> {
        let rows = self.rows(sql, values).await?;
        rows.iter().map(item).collect::<Result<_, _>>().map_err(|error| self.refused(error))
    }

    /// The item of a key, read together with those that others ask for.
    pub(crate) async fn point<T, const N: usize>(
        &self,
        point: &'static Point,
        key: [Value<'static>; N],
        item: Decode<T>,
    ) -> Result<Option<T>, PortError> {
        let found = self.gathered.find(point, key.into()).await;
        let row = found.map_err(|error| {
            PortError::new(self.port, self.operation, fault(&error)).because(error)
        })?;
        row.as_deref().map(item).transpose().map_err(|error| self.refused(error))
    }

    /// The one item of a statement.
    pub(crate) async fn one<T>(
        &self,
        sql: Sql,
        key: &[Value<'_>],
        item: Decode<T>,
    ) -> Result<Option<T>, PortError> {
        let rows = self.rows(sql, key).await?;
        rows.first().map(item).transpose().map_err(|error| self.refused(error))
    }

    /// A page of a list in the order of ids. `sql` selects the id first and takes `of`, the least id and a
    /// limit.
    pub(crate) async fn page<T>(
        &self,
        sql: Sql,
        of: impl IntoIterator<Item = Value<'_>>,
        page: &PageRequest,
        item: Decode<T>,
    ) -> Result<Page<T>, PortError> {
        let Some(from) = next_id(self.after(page)?) else { return Ok(end()) };
        let mut values: Vec<Value<'_>> = of.into_iter().collect();
        values.extend([from.into(), one_more(page)]);
        let rows = self.rows(sql, &values).await?;
        self.cut(page, &rows, |row| row.id(0), item)
    }

    /// A page of a list in the order of (instant, id), up to and with `until`. `sql` selects the id first and
    /// the instant third.
    pub(crate) async fn page_until<T>(
        &self,
        sql: Sql,
        until: DateTime<Utc>,
        page: &PageRequest,
        item: Decode<T>,
    ) -> Result<Page<T>, PortError> {
        let last = self.after::<(DateTime<Utc>, Uuid)>(page)?;
        let (at, id) = match last {
            Some((at, id)) => (Value::from(at), id),
            None => (Value::Int(i64::MIN), Uuid::nil()),
        };
        let key = |row: &Row| Ok((row.time(2)?, row.id(0)?));
        self.page_after(sql, [until.into()], [at, id.into()], page, key, item).await
    }

    /// A page of a list whose key has several columns: `sql` takes `of`, what [`after`] makes of the last
    /// key, and a limit.
    pub(crate) async fn page_after<'v, K: Serialize, T, const N: usize>(
        &self,
        sql: Sql,
        of: impl IntoIterator<Item = Value<'v>>,
        last: [Value<'v>; N],
        page: &PageRequest,
        key: Decode<K>,
        item: Decode<T>,
    ) -> Result<Page<T>, PortError> {
        let mut values: Vec<Value<'v>> = of.into_iter().collect();
        values.extend(after(self.dialect(), last));
        values.push(one_more(page));
        let rows = self.rows(sql, &values).await?;
        self.cut(page, &rows, key, item)
    }

    /// The key that a page starts after.
    pub(crate) fn after<K: DeserializeOwned>(
        &self,
        page: &PageRequest,
    ) -> Result<Option<K>, PortError> {
        let key = page.after.as_ref().map(Cursor::key).transpose();
        key.map_err(|error| self.refused(error))
    }

    /// Makes a page of rows, of which one more than the limit may be there.
    pub(crate) fn cut<K: Serialize, T>(
        &self,
        page: &PageRequest,
        rows: &[Row],
        key: Decode<K>,
        item: Decode<T>,
    ) -> Result<Page<T>, PortError> {
        let limit = page.limit.get();
        let own = &rows[..rows.len().min(limit)];
        let cut = || {
            let items = own.iter().map(item).collect::<Result<_, _>>()?;
            let last = own.last().filter(|_| rows.len() > limit);
            let next = last.map(|row| Ok(Cursor::after(&key(row)?))).transpose()?;
            Ok(Page { items, next })
        };
        cut().map_err(|error: Broken| self.refused(error))
    }
}

/// What comes after the last item.
pub(crate) const fn end<T>() -> Page<T> {
    Page { items: Vec::new(), next: None }
}

/// The least id after one, or the least of all; `None` after the last.
pub(crate) fn next_id(after: Option<Uuid>) -> Option<Uuid> {
    match after {
        None => Some(Uuid::nil()),
        Some(id) => id.as_u128().checked_add(1).map(Uuid::from_u128),
    }
}

/// The limit of a query that tells whether there is a next page.
pub(crate) fn one_more(page: &PageRequest) -> Value<'static> {
    Value::count(page.limit.get() as u64 + 1)
}

/// The aggregate in `body`, the second column.
pub(crate) fn body<T: DeserializeOwned>(row: &Row) -> Result<T, Broken> {
    row.json(1)
}

/// The same, shared.
pub(crate) fn shared<T: DeserializeOwned>(row: &Row) -> Result<Arc<T>, Broken> {
    row.json(1).map(Arc::new)
}
