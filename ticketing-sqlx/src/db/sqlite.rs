//! SQLite: the calls of the driver, nothing else.

use futures_util::TryStreamExt;
use sqlx::sqlite::{SqliteArguments, SqliteConnection};
use sqlx::{Arguments, Either, Executor};

use super::{Answer, Done, Row, Statement, Value};

fn bound<'q>(values: &'q [Value<'_>]) -> Result<SqliteArguments<'q>, sqlx::Error> {
    let mut arguments = SqliteArguments::default();
    bind(&mut arguments, values)?;
    Ok(arguments)
}

fn bind<'q>(
    arguments: &mut SqliteArguments<'q>,
    values: &'q [Value<'_>],
) -> Result<(), sqlx::Error> {
    arguments.reserve(values.len(), values.len() * 16);
    for value in values {
        match value {
            Value::Null => arguments.add(None::<i64>),
            Value::Int(int) => arguments.add(*int),
            Value::Id(id) => arguments.add(&id[..]),
            Value::Bytes(bytes) => arguments.add(&**bytes),
            Value::Text(text) => arguments.add(&**text),
        }
        .map_err(sqlx::Error::Encode)?;
    }
    Ok(())
}

pub(super) async fn execute(
    connection: &mut SqliteConnection,
    sql: &str,
    values: &[Value<'_>],
) -> Result<Done, sqlx::Error> {
    let query = sqlx::query_with(sql, bound(values)?);
    let done = connection.execute(query).await?;
    Ok(Done {
        rows: done.rows_affected(),
        #[cfg(feature = "mysql")]
        last_id: 0,
    })
}

pub(super) async fn fetch(
    connection: &mut SqliteConnection,
    sql: &str,
    values: &[Value<'_>],
) -> Result<Vec<Row>, sqlx::Error> {
    let query = sqlx::query_with(sql, bound(values)?);
    connection.fetch(query).map_ok(Row::Sqlite).try_collect().await
}

/// Runs constant text without preparing it.
pub(super) async fn run(
    connection: &mut SqliteConnection,
    sql: &'static str,
) -> Result<(), sqlx::Error> {
    connection.execute(sqlx::raw_sql(sql)).await.map(drop)
}

/// Runs all as one text: the thread of the connection is asked once, not once for each.
pub(super) async fn ask(
    connection: &mut SqliteConnection,
    statements: &[Statement<'_>],
    answers: &mut Vec<Answer>,
) -> Result<(), sqlx::Error> {
    let mut text = String::with_capacity(statements.iter().map(|one| one.sql.len() + 2).sum());
    let mut arguments = SqliteArguments::default();
    for Statement { sql, values } in statements {
        text.push_str(sql);
        text.push_str(";\n");
        bind(&mut arguments, values)?;
    }
    let query = sqlx::query_with(&text, arguments).persistent(false);
    let mut came = connection.fetch_many(query);
    let mut answer = Answer::default();
    while let Some(next) = came.try_next().await? {
        match next {
            Either::Right(row) => answer.rows.push(Row::Sqlite(row)),
            Either::Left(done) => {
                answer.changed = done.rows_affected();
                answers.push(std::mem::take(&mut answer));
            }
        }
    }
    Ok(())
}
