//! The text of the reads: written once, put together from constants at compile time.
//!
//! A list names its index: the planner of neither server is asked whether another one looks cheaper on a
//! day when its statistics are old. Lists of one column go on at the next key, so that their text is the
//! same for each page; lists of several go on after the last key, which SQLite reads as a row of values and
//! MySQL and MariaDB use an index for only if it is spelled out.

use super::gather::KeyColumn;
use crate::db::{Dialect, Value};
use crate::sql::repeated;

/// One statement.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sql {
    #[cfg_attr(not(feature = "mysql"), expect(dead_code, reason = "the other dialect"))]
    pub(crate) mysql: &'static str,
    #[cfg_attr(not(feature = "sqlite"), expect(dead_code, reason = "the other dialect"))]
    pub(crate) sqlite: &'static str,
}

impl Sql {
    pub(crate) const fn text(self, dialect: Dialect) -> &'static str {
        match dialect {
            #[cfg(feature = "mysql")]
            Dialect::MySql => self.mysql,
            #[cfg(feature = "sqlite")]
            Dialect::Sqlite => self.sqlite,
        }
    }
}

/// The values of a key of several columns, for the text of [`after2!`] and [`after3!`].
pub(crate) fn after<const N: usize>(dialect: Dialect, key: [Value<'_>; N]) -> Vec<Value<'_>> {
    match dialect {
        #[cfg(feature = "mysql")]
        Dialect::MySql => {
            let copies = |place| if place + 1 < N { 2 } else { 1 };
            let key = key.into_iter().enumerate();
            key.flat_map(|(place, value)| std::iter::repeat_n(value, copies(place))).collect()
        }
        #[cfg(feature = "sqlite")]
        Dialect::Sqlite => key.into(),
    }
}

/// A read of one row by its key. Many keys make one statement.
#[derive(Debug)]
pub(crate) struct Point {
    pub(crate) table: &'static str,
    /// What stands before the keys.
    pub(crate) head: Sql,
    pub(crate) each: &'static str,
    pub(crate) between: &'static str,
    pub(crate) tail: &'static str,
    /// Where the key stands in the row.
    pub(crate) key: &'static [KeyColumn],
}

impl Point {
    /// The text for so many keys.
    pub(crate) fn text(&self, dialect: Dialect, keys: usize) -> String {
        repeated(self.head.text(dialect), self.each, self.between, keys, self.tail)
    }
}

/// The same text for all.
macro_rules! same {
    ($($text:expr),+) => {
        Sql { mysql: concat!($($text),+), sqlite: concat!($($text),+) }
    };
}

/// Beyond a key of two columns.
macro_rules! after2 {
    (mysql $a:literal $b:literal) => {
        concat!("(", $a, " > ? OR (", $a, " = ? AND ", $b, " > ?))")
    };
    (sqlite $a:literal $b:literal) => {
        concat!("(", $a, ", ", $b, ") > (?, ?)")
    };
}

/// Beyond a key of three columns.
macro_rules! after3 {
    (mysql $a:literal $b:literal $c:literal) => {
        concat!("(", $a, " > ? OR (", $a, " = ? AND ", after2!(mysql $b $c), "))")
    };
    (sqlite $a:literal $b:literal $c:literal) => {
        concat!("(", $a, ", ", $b, ", ", $c, ") > (?, ?, ?)")
    };
}

/// The aggregate of an id.
macro_rules! one {
    ($table:literal) => {
        Point {
            table: $table,
            head: Sql {
                mysql: concat!(
                    "SELECT id, body FROM ",
                    $table,
                    " FORCE INDEX (PRIMARY) WHERE id IN ("
                ),
                sqlite: concat!("SELECT id, body FROM ", $table, " WHERE id IN ("),
            },
            each: "?",
            between: ", ",
            tail: ")",
            key: &[KeyColumn::Id(0)],
        }
    };
}

/// A page of a whole table in the order of ids.
macro_rules! scan {
    ($columns:literal, $table:literal) => {
        Sql {
            mysql: concat!(
                "SELECT ",
                $columns,
                " FROM ",
                $table,
                " FORCE INDEX (PRIMARY) WHERE id >= ? ORDER BY id LIMIT ?"
            ),
            sqlite: concat!(
                "SELECT ",
                $columns,
                " FROM ",
                $table,
                " WHERE id >= ? ORDER BY id LIMIT ?"
            ),
        }
    };
}

/// What an index has where `$which` holds, ordered and bounded by `$rest`.
macro_rules! indexed {
    ($table:literal, $index:literal, $which:expr, $rest:expr) => {
        Sql {
            mysql: concat!(
                "SELECT id, body FROM ",
                $table,
                " FORCE INDEX (",
                $index,
                ") WHERE ",
                $which,
                $rest
            ),
            sqlite: concat!(
                "SELECT id, body FROM ",
                $table,
                " INDEXED BY ",
                $table,
                "_",
                $index,
                " WHERE ",
                $which,
                $rest
            ),
        }
    };
}

/// A page of an index that ends with the id.
macro_rules! list {
    ($table:literal, $index:literal, $which:literal) => {
        indexed!($table, $index, $which, " AND id >= ? ORDER BY id LIMIT ?")
    };
}

/// A page of an index by instant, up to and with one.
macro_rules! until {
    ($table:literal, $index:literal, $at:literal) => {
        Sql {
            mysql: concat!(
                "SELECT id, body, ", $at, " FROM ", $table, " FORCE INDEX (", $index, ") WHERE ",
                $at, " <= ? AND ", after2!(mysql $at "id"), " ORDER BY ", $at, ", id LIMIT ?"
            ),
            sqlite: concat!(
                "SELECT id, body, ", $at, " FROM ", $table, " INDEXED BY ", $table, "_", $index,
                " WHERE ", $at, " <= ? AND ", after2!(sqlite $at "id"), " ORDER BY ", $at,
                ", id LIMIT ?"
            ),
        }
    };
}

/// A page of a table whose key has two columns.
macro_rules! scan2 {
    ($columns:literal, $table:literal, $a:literal, $b:literal) => {
        Sql {
            mysql: concat!(
                "SELECT ", $columns, " FROM ", $table, " FORCE INDEX (PRIMARY) WHERE ",
                after2!(mysql $a $b), " ORDER BY ", $a, ", ", $b, " LIMIT ?"
            ),
            sqlite: concat!(
                "SELECT ", $columns, " FROM ", $table, " WHERE ", after2!(sqlite $a $b),
                " ORDER BY ", $a, ", ", $b, " LIMIT ?"
            ),
        }
    };
}

/// A page of a table whose key begins with three columns; `$group` stands before the order.
macro_rules! scan3 {
    ($columns:literal, $table:literal, $a:literal, $b:literal, $c:literal, $group:literal) => {
        Sql {
            mysql: concat!(
                "SELECT ", $columns, " FROM ", $table, " FORCE INDEX (PRIMARY) WHERE ",
                after3!(mysql $a $b $c), $group, " ORDER BY ", $a, ", ", $b, ", ", $c, " LIMIT ?"
            ),
            sqlite: concat!(
                "SELECT ", $columns, " FROM ", $table, " WHERE ", after3!(sqlite $a $b $c), $group,
                " ORDER BY ", $a, ", ", $b, ", ", $c, " LIMIT ?"
            ),
        }
    };
}

/// Names statements, and lists them for the test of their plans.
macro_rules! queries {
    ($($name:ident = $sql:expr;)+) => {
        $(const $name: Sql = $sql;)+
        /// Every statement of this file by its name.
        #[cfg(any(test, feature = "testing"))]
        pub(crate) const QUERIES: &[(&str, Sql)] = &[$((stringify!($name), $name)),+];
    };
}

/// Names reads by key, and lists them for the test of their plans.
macro_rules! points {
    ($($name:ident = $point:expr;)+) => {
        $(static $name: Point = $point;)+
        /// Every read by key of this file by its name.
        #[cfg(any(test, feature = "testing"))]
        pub(crate) const POINTS: &[(&str, &Point)] = &[$((stringify!($name), &$name)),+];
    };
}

pub(crate) use {
    after2, after3, indexed, list, one, points, queries, same, scan, scan2, scan3, until,
};
