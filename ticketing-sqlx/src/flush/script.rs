//! What a flush does in one go: statements, and what each must come to.

use std::ops::Range;

use ticketing_core::aggregate::{AggregateKind, AggregateRef, Version};

use super::Failed;
use crate::db::{Answer, Dialect, Statement, Value};
use crate::sql::{SIZE_MAX, repeated};

/// The most bytes that one statement carries in its values, unless one row alone has more: a quarter of the
/// least `max_allowed_packet` that a server may have.
const STATEMENT_BYTES_MAX: usize = 4 * 1_024 * 1_024;
/// The most rows that one statement carries.
const ROWS_MAX: usize = 1_024;

/// What tells that nobody else was faster.
enum Expected<'a> {
    /// The statement says so itself.
    Success,
    /// So many rows were as they were read, as the statement counts them.
    Changed(u64),
    /// The rows have these versions.
    Versions(AggregateKind, &'a [(AggregateRef, Version)]),
}

pub(super) struct Script<'a> {
    dialect: Dialect,
    statements: Vec<Statement<'a>>,
    expected: Vec<Expected<'a>>,
}

impl<'a> Script<'a> {
    pub(super) const fn new(dialect: Dialect) -> Self {
        Self { dialect, statements: Vec::new(), expected: Vec::new() }
    }

    pub(super) const fn dialect(&self) -> Dialect {
        self.dialect
    }

    pub(super) fn statements(&self) -> &[Statement<'a>] {
        &self.statements
    }

    pub(super) fn into_statements(self) -> Vec<Statement<'a>> {
        self.statements
    }

    fn push(&mut self, sql: String, values: Vec<Value<'a>>, expected: Expected<'a>) {
        self.statements.push(Statement { sql, values });
        self.expected.push(expected);
    }

    /// Inserts rows; a key that is there already is another's.
    pub(super) fn insert(&mut self, table: &str, columns: usize, values: Vec<Value<'a>>) {
        self.insert_with(table, columns, values, "");
    }

    pub(super) fn insert_with(
        &mut self,
        table: &str,
        columns: usize,
        values: Vec<Value<'a>>,
        tail: &str,
    ) {
        self.put(table, columns, values, tail, None);
    }

    /// Updates rows by an upsert that must not insert.
    #[cfg(feature = "mysql")]
    pub(super) fn update_with(
        &mut self,
        table: &str,
        columns: usize,
        values: Vec<Value<'a>>,
        tail: &str,
    ) {
        let counts = Some(self.dialect.counts_for_update());
        self.put(table, columns, values, tail, counts);
    }

    fn put(
        &mut self,
        table: &str,
        columns: usize,
        values: Vec<Value<'a>>,
        tail: &str,
        counts: Option<u64>,
    ) {
        let head = format!("INSERT INTO {table} VALUES ");
        let row = repeated("(", "?", ", ", columns, ")");
        self.rows(columns, values, |rows| repeated(&head, &row, ", ", rows, tail), counts);
    }

    /// Writes rows in as few statements as may be; `counts` is what a statement must count for each row.
    pub(super) fn rows(
        &mut self,
        columns: usize,
        mut values: Vec<Value<'a>>,
        sql: impl Fn(usize) -> String,
        counts: Option<u64>,
    ) {
        while !values.is_empty() {
            let rows = rows_within(&values, columns);
            let after = values.split_off(rows * columns);
            let changed = |each| Expected::Changed(each * rows as u64);
            self.push(sql(rows), values, counts.map_or(Expected::Success, changed));
            values = after;
        }
    }

    /// Writes rows that must count so much in all, in one statement; gives them back if one does not hold them.
    pub(super) fn one_of(
        &mut self,
        columns: usize,
        values: Vec<Value<'a>>,
        sql: impl Fn(usize) -> String,
        counts: u64,
    ) -> Result<(), Vec<Value<'a>>> {
        let rows = values.len() / columns;
        if rows_within(&values, columns) < rows {
            return Err(values);
        }
        self.push(sql(rows), values, Expected::Changed(counts));
        Ok(())
    }

    /// Changes rows, each of which must be as it was read.
    pub(super) fn change<K, const N: usize>(
        &mut self,
        head: &str,
        each: &str,
        to: &[Value<'a>],
        rows: &[K],
        values: impl Fn(&K) -> [Value<'a>; N],
    ) {
        for chunk in rows.chunks(SIZE_MAX) {
            let sql = repeated(head, each, " OR ", chunk.len(), "");
            let values = to.iter().cloned().chain(chunk.iter().flat_map(&values)).collect();
            self.push(sql, values, Expected::Changed(chunk.len() as u64));
        }
    }

    /// A statement that changes one row, which is there.
    #[cfg(feature = "mysql")]
    pub(super) fn one(&mut self, sql: &str, values: Vec<Value<'a>>) -> Range<usize> {
        self.push(sql.to_owned(), values, Expected::Changed(1));
        self.statements.len() - 1..self.statements.len()
    }

    /// Reads rows by their keys; which statements answer. `head` and `tail` stand around the keys.
    pub(super) fn select<K>(
        &mut self,
        head: &str,
        tail: &str,
        keys: &[K],
        value: impl Fn(&K) -> Value<'a>,
    ) -> Range<usize> {
        let first = self.statements.len();
        for chunk in keys.chunks(SIZE_MAX) {
            let sql = repeated(head, "?", ", ", chunk.len(), tail);
            self.push(sql, chunk.iter().map(&value).collect(), Expected::Success);
        }
        first..self.statements.len()
    }

    /// Locks aggregates of a kind, which must be at these versions. `head` and `tail` stand around their ids.
    pub(super) fn guard(
        &mut self,
        head: &str,
        tail: &str,
        kind: AggregateKind,
        guards: &'a [(AggregateRef, Version)],
    ) {
        for chunk in guards.chunks(SIZE_MAX) {
            let values = chunk.iter().map(|(of, _)| of.id.into()).collect();
            let sql = repeated(head, "?", ", ", chunk.len(), tail);
            self.push(sql, values, Expected::Versions(kind, chunk));
        }
    }

    /// Whether everything was as it was expected.
    pub(super) fn check(&self, answers: &[Answer]) -> Result<(), Failed> {
        for (expected, answer) in self.expected.iter().zip(answers) {
            let is_met = match *expected {
                Expected::Success => true,
                Expected::Changed(rows) => answer.changed == rows,
                Expected::Versions(kind, guards) => has_versions(answer, kind, guards)?,
            };
            if !is_met {
                return Err(Failed::Raced);
            }
        }
        Ok(())
    }
}

fn has_versions(
    answer: &Answer,
    kind: AggregateKind,
    guards: &[(AggregateRef, Version)],
) -> Result<bool, Failed> {
    let mut found = Vec::with_capacity(answer.rows.len());
    for row in &answer.rows {
        found.push((AggregateRef { kind, id: row.id(0)? }, row.count(1)?));
    }
    found.sort_unstable();
    let version_of = |of: AggregateRef| {
        let place = found.binary_search_by_key(&of, |(found, _)| *found);
        place.map_or(0, |place| found[place].1)
    };
    Ok(guards.iter().all(|(of, version)| version_of(*of) == *version))
}

/// How many of the first rows one statement may carry: at least one, for a row alone is the server's to
/// refuse.
fn rows_within(values: &[Value<'_>], columns: usize) -> usize {
    let mut bytes = 0;
    let fits = |row: &&[Value<'_>]| {
        bytes += row.iter().map(Value::size).sum::<usize>();
        bytes <= STATEMENT_BYTES_MAX
    };
    values.chunks(columns).take(ROWS_MAX).take_while(fits).count().max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_statement_has_as_many_rows_as_its_bytes_allow() {
        let rows = |count: usize, bytes: usize| -> Vec<Value<'static>> {
            let row = || [Value::Int(1), Value::text("x".repeat(bytes))];
            (0..count).flat_map(|_| row()).collect()
        };
        assert_eq!(rows_within(&rows(300, 10), 2), 300);
        assert_eq!(rows_within(&rows(5, 1_024 * 1_024 - 8), 2), 4);
        assert_eq!(rows_within(&rows(5, 1_024 * 1_024 - 7), 2), 3);
        assert_eq!(rows_within(&rows(2, STATEMENT_BYTES_MAX + 1), 2), 1, "alone");
    }
}
