//! MySQL and MariaDB: the calls of the driver, nothing else.

use futures_util::TryStreamExt;
use sqlx::mysql::{MySqlArguments, MySqlConnection};
use sqlx::{Arguments, Either, Executor};

use super::literal::texts;
use super::{Answer, Done, Row, Statement, Value};

fn bound(values: &[Value<'_>]) -> Result<MySqlArguments, sqlx::Error> {
    let mut arguments = MySqlArguments::default();
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
    Ok(arguments)
}

pub(super) async fn execute(
    connection: &mut MySqlConnection,
    sql: &str,
    values: &[Value<'_>],
) -> Result<Done, sqlx::Error> {
    let query = sqlx::query_with(sql, bound(values)?);
    let done = connection.execute(query).await?;
    Ok(Done { rows: done.rows_affected(), last_id: done.last_insert_id() })
}

pub(super) async fn fetch(
    connection: &mut MySqlConnection,
    sql: &str,
    values: &[Value<'_>],
) -> Result<Vec<Row>, sqlx::Error> {
    let query = sqlx::query_with(sql, bound(values)?);
    connection.fetch(query).map_ok(Row::MySql).try_collect().await
}

/// Runs constant text without preparing it.
pub(super) async fn run(
    connection: &mut MySqlConnection,
    sql: &'static str,
) -> Result<(), sqlx::Error> {
    connection.execute(sqlx::raw_sql(sql)).await.map(drop)
}

pub(super) async fn ask(
    connection: &mut MySqlConnection,
    statements: &[Statement<'_>],
    answers: &mut Vec<Answer>,
) -> Result<(), sqlx::Error> {
    for text in texts(statements)? {
        let mut came = connection.fetch_many(sqlx::raw_sql(&text));
        let mut answer = Answer::default();
        while let Some(next) = came.try_next().await? {
            match next {
                Either::Right(row) => answer.rows.push(Row::MySql(row)),
                Either::Left(done) => {
                    answer.changed = done.rows_affected();
                    answer.last_id = done.last_insert_id();
                    answers.push(std::mem::take(&mut answer));
                }
            }
        }
    }
    let (expected, got) = (statements.len(), answers.len());
    if expected == got {
        return Ok(());
    }
    Err(sqlx::Error::Protocol(format!("expected {expected} answers, got {got}")))
}
