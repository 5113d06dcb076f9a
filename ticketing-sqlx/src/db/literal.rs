//! Statements with their values written into the text, so that several go to a MySQL server at once.
//!
//! A value can never end its literal: numbers are digits, bytes are hexadecimal, and in a text both characters
//! that mean something are doubled. That holds with and without `NO_BACKSLASH_ESCAPES`, which every session
//! switches off.

use std::fmt::Write;

use data_encoding::HEXLOWER;

use super::{Statement, Value};

/// The most bytes that are sent at once, unless one statement alone has more: a quarter of the least
/// `max_allowed_packet` that a server may have.
const TEXT_MAX: usize = 4 * 1_024 * 1_024;

/// The statements as few texts, each ended by a semicolon. One with more or fewer values than places is an
/// error.
pub(super) fn texts(statements: &[Statement<'_>]) -> Result<Vec<String>, sqlx::Error> {
    let mut texts = Vec::new();
    let mut text = String::new();
    for statement in statements {
        let length = length(statement);
        if !text.is_empty() && text.len() + length > TEXT_MAX {
            texts.push(std::mem::take(&mut text));
        }
        text.reserve(length);
        append(&mut text, statement)?;
    }
    if !text.is_empty() {
        texts.push(text);
    }
    Ok(texts)
}

/// About how long it becomes.
fn length(statement: &Statement<'_>) -> usize {
    let values = statement.values.iter().map(|value| match value {
        Value::Null | Value::Int(_) => 20,
        Value::Id(_) | Value::Bytes(_) => 2 * value.size() + 3,
        Value::Text(_) => value.size() + 2,
    });
    statement.sql.len() + values.sum::<usize>() + 1
}

fn append(text: &mut String, Statement { sql, values }: &Statement<'_>) -> Result<(), sqlx::Error> {
    let (places, got) = (sql.matches('?').count(), values.len());
    if places != got {
        let error = format!("expected {places} values, got {got}: {sql}");
        return Err(sqlx::Error::Encode(error.into()));
    }
    let mut parts = sql.split('?');
    text.push_str(parts.next().unwrap_or_default());
    for (value, part) in values.iter().zip(parts) {
        literal(text, value);
        text.push_str(part);
    }
    text.push(';');
    Ok(())
}

fn literal(text: &mut String, value: &Value<'_>) {
    match value {
        Value::Null => text.push_str("NULL"),
        // Text grows as long as there is memory.
        Value::Int(int) => drop(write!(text, "{int}")),
        Value::Id(id) => hexadecimal(text, id),
        Value::Bytes(bytes) => hexadecimal(text, bytes),
        Value::Text(value) => quoted(text, value),
    }
}

fn hexadecimal(text: &mut String, bytes: &[u8]) {
    text.push_str("x'");
    HEXLOWER.encode_append(bytes, text);
    text.push('\'');
}

fn quoted(text: &mut String, value: &str) {
    text.push('\'');
    let mut rest = value;
    while let Some(place) = rest.bytes().position(|byte| byte == b'\'' || byte == b'\\') {
        let (before, after) = rest.split_at(place + 1);
        text.push_str(before);
        text.push_str(&before[place..]);
        rest = after;
    }
    text.push_str(rest);
    text.push('\'');
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(sql: &str, values: Vec<Value<'_>>) -> String {
        texts(&[Statement { sql: sql.to_owned(), values }]).unwrap().concat()
    }

    #[test]
    fn values_stand_where_their_places_were() {
        let values = vec![
            Value::Int(-7),
            Value::Null,
            Value::Id([0xab; 16]),
            Value::bytes(vec![0, 255]),
            Value::text("seat"),
        ];
        let ids = "ab".repeat(16);
        let text = one("INSERT INTO t VALUES (?, ?, ?, ?, ?) -- end", values);
        let expected =
            format!("INSERT INTO t VALUES (-7, NULL, x'{ids}', x'00ff', 'seat') -- end;");
        assert_eq!(text, expected);
    }

    #[test]
    fn each_place_has_a_value() {
        for values in [vec![], vec![Value::Null, Value::Null]] {
            let statement = Statement { sql: "SELECT ?".to_owned(), values };
            assert!(texts(&[statement]).is_err());
        }
    }

    #[test]
    fn no_text_ends_its_literal() {
        let quote = |value: &'static str| one("?", vec![Value::text(value)]);
        assert_eq!(quote("it's"), "'it''s';");
        assert_eq!(quote(r"\'; DROP TABLE t; -- ?"), r"'\\''; DROP TABLE t; -- ?';");
        assert_eq!(quote(r"\\"), r"'\\\\';");
        assert_eq!(quote("'"), "'''';");
        assert_eq!(quote("표 ‘’ \u{0}\n\""), "'표 ‘’ \u{0}\n\"';");
        assert_eq!(quote(""), "'';");
    }

    #[test]
    fn a_text_is_bounded_unless_one_statement_is_larger() {
        let statement = |bytes| {
            let values = vec![Value::text("x".repeat(bytes))];
            Statement { sql: "SELECT ?".to_owned(), values }
        };
        let mib = 1_024 * 1_024;
        let lengths = |sizes: &[usize]| -> Vec<usize> {
            let statements: Vec<_> = sizes.iter().map(|mibs| statement(mibs * mib)).collect();
            texts(&statements).unwrap().iter().map(|text| text.len() / mib).collect()
        };
        assert_eq!(lengths(&[1, 1, 1]), [3]);
        assert_eq!(lengths(&[2, 3, 1]), [2, 3, 1]);
        assert_eq!(lengths(&[5, 1]), [5, 1]);
        assert!(texts(&[]).unwrap().is_empty());
    }
}
