//! Where the truth is kept, as it is said on the command line.

use std::ffi::OsStr;
use std::fmt;

use clap::builder::TypedValueParser;
use clap::error::ErrorKind;
use clap::{Arg, Command};
use serde::Serialize;

/// Where the truth is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum StoreKind {
    /// In this process.
    Memory,
    /// In a file.
    Sqlite,
    /// On a server of MySQL.
    Mysql,
    /// On a server of `MariaDB`, which speaks the same protocol.
    Mariadb,
}

impl StoreKind {
    /// The kind by what the server says that it is: a URL of `mysql:` may lead to either.
    pub(crate) fn by_server(self, server: &str) -> Self {
        match self {
            Self::Memory | Self::Sqlite => self,
            Self::Mysql | Self::Mariadb if server.contains("MariaDB") => Self::Mariadb,
            Self::Mysql | Self::Mariadb => Self::Mysql,
        }
    }
}

impl fmt::Display for StoreKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Memory => "memory",
            Self::Sqlite => "sqlite",
            Self::Mysql => "mysql",
            Self::Mariadb => "mariadb",
        })
    }
}

/// The URL of a database. It may hold a password, so it does not show.
#[derive(Clone, PartialEq, Eq)]
pub struct DatabaseUrl {
    kind: StoreKind,
    url: String,
}

impl fmt::Debug for DatabaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "DatabaseUrl({}:..)", self.kind)
    }
}

impl DatabaseUrl {
    fn new(text: &str) -> Option<Self> {
        let kind = match text.split_once(':')?.0 {
            "sqlite" => StoreKind::Sqlite,
            "mysql" => StoreKind::Mysql,
            "mariadb" => StoreKind::Mariadb,
            _ => return None,
        };
        Some(Self { kind, url: text.to_owned() })
    }

    /// What it says that it is.
    pub const fn kind(&self) -> StoreKind {
        self.kind
    }

    /// The whole of it, with the password: for the driver.
    pub(crate) fn secret(&self) -> &str {
        &self.url
    }
}

/// Memory, or a database.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StoreChoice {
    /// In this process.
    Memory,
    /// There.
    Database(DatabaseUrl),
}

const DATABASES: &str = "sqlite://PATH, mysql://USER:PASSWORD@HOST:PORT/NAME or mariadb://..";

/// Reads a [`StoreChoice`]. Its refusals do not repeat what they refuse, as those of other arguments do.
#[derive(Clone, Copy, Debug)]
pub struct StoreParser;

impl TypedValueParser for StoreParser {
    type Value = StoreChoice;

    fn parse_ref(
        &self,
        command: &Command,
        _: Option<&Arg>,
        text: &OsStr,
    ) -> Result<StoreChoice, clap::Error> {
        if text == "memory" {
            return Ok(StoreChoice::Memory);
        }
        let url = text.to_str().and_then(DatabaseUrl::new).map(StoreChoice::Database);
        url.ok_or_else(|| refuse(command, "memory or the URL of a database"))
    }
}

/// Reads a [`DatabaseUrl`], likewise.
#[derive(Clone, Copy, Debug)]
pub struct DatabaseParser;

impl TypedValueParser for DatabaseParser {
    type Value = DatabaseUrl;

    fn parse_ref(
        &self,
        command: &Command,
        _: Option<&Arg>,
        text: &OsStr,
    ) -> Result<DatabaseUrl, clap::Error> {
        let url = text.to_str().and_then(DatabaseUrl::new);
        url.ok_or_else(|| refuse(command, "the URL of a database"))
    }
}

fn refuse(command: &Command, expected: &str) -> clap::Error {
    let text = format!("--store: expected {expected}: {DATABASES}");
    command.clone().error(ErrorKind::ValueValidation, text)
}

/// A text without what could be a password: whatever stands between `://` and the last `@` of a word.
/// Arguments that are not known are repeated by who refuses them, and a URL may be one.
pub fn without_passwords(text: &str) -> String {
    let hidden = |word: &str| match (word.find("://"), word.rfind('@')) {
        (Some(scheme), Some(at)) if scheme + 3 <= at => {
            format!("{}://..{}", &word[..scheme], &word[at..])
        }
        _ => word.to_owned(),
    };
    text.split_inclusive(char::is_whitespace).map(hidden).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_never_shows() {
        let url = DatabaseUrl::new("mysql://me:s3cret@host/db").unwrap();
        assert_eq!(format!("{url:?}"), "DatabaseUrl(mysql:..)");
        assert_eq!(url.secret(), "mysql://me:s3cret@host/db");
        let told =
            without_passwords("error: 'mysql://me:s3c/r@et@host/db' is\n  odd, sqlite://a is not");
        assert_eq!(told, "error: 'mysql://..@host/db' is\n  odd, sqlite://a is not");
    }

    #[test]
    fn a_scheme_is_known_or_refused() {
        let kind = |text| DatabaseUrl::new(text).map(|url| url.kind());
        assert_eq!(kind("sqlite://target/sale.db"), Some(StoreKind::Sqlite));
        assert_eq!(kind("mariadb://host/db"), Some(StoreKind::Mariadb));
        for text in ["postgres://host/db", "target/sale.db", "mysql"] {
            assert_eq!(kind(text), None, "{text}");
        }
        let by_server = |server| StoreKind::Mysql.by_server(server);
        assert_eq!(by_server("10.11.19-MariaDB-0+deb12u1-log"), StoreKind::Mariadb);
        assert_eq!(by_server("9.7.4-2"), StoreKind::Mysql);
    }
}
