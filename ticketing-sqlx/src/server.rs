//! What a server must be, and how it must be set, so that a commit is durable and a flush goes through.

use crate::Durability;
#[cfg(feature = "mysql")]
use crate::connect::broken;
use crate::db::fault::read_failed;
use crate::db::{Connection, Dialect};
use crate::error::ConnectError;

/// Refuses what a store cannot work with. Gives back what may lose a commit, if that is only to be warned
/// of.
pub(crate) async fn check(
    connection: &mut Connection,
    durability: Durability,
    operation: &'static str,
) -> Result<Vec<String>, ConnectError> {
    let failed = read_failed("store", operation);
    match connection.dialect() {
        #[cfg(feature = "mysql")]
        Dialect::MySql => {
            let rows = connection.fetch(mysql::SETTINGS, &[]).await.map_err(failed)?;
            let rows =
                rows.iter().map(|row| Ok((row.text(0)?.to_owned(), row.text(1)?.to_owned())));
            let settings: Result<Vec<_>, crate::db::fault::Broken> = rows.collect();
            let settings = settings.map_err(|error| broken(operation, error))?;
            mysql::check(&Settings(settings), durability)
        }
        #[cfg(feature = "sqlite")]
        Dialect::Sqlite => {
            let _ = durability;
            let rows = connection.fetch("PRAGMA journal_mode", &[]).await.map_err(&failed)?;
            let mode = rows.first().and_then(|row| row.text(0).ok()).unwrap_or_default().to_owned();
            let rows = connection.fetch("PRAGMA synchronous", &[]).await.map_err(&failed)?;
            let level = crate::connect::one(&rows, operation)?.to_string();
            sqlite(&Settings(vec![
                ("journal_mode".to_owned(), mode),
                ("synchronous".to_owned(), level),
            ]))
        }
    }
}

/// What a session says of itself.
struct Settings(Vec<(String, String)>);

impl Settings {
    fn get(&self, setting: &str) -> Option<&str> {
        let mut found = self.0.iter().filter(|(name, _)| name.eq_ignore_ascii_case(setting));
        found.next().map(|(_, value)| &**value)
    }

    /// Refuses a session where a setting is not as it must be. `None` is a server that does not have it.
    fn session(
        &self,
        setting: &'static str,
        expected: &'static str,
        is_good: impl Fn(Option<&str>) -> bool,
    ) -> Result<(), ConnectError> {
        let got = self.get(setting);
        if is_good(got) {
            return Ok(());
        }
        let got = got.unwrap_or("nothing").to_owned();
        Err(ConnectError::Session { setting, expected, got })
    }
}

/// Nobody sets this from outside, so there is nothing to warn of: a file system that cannot do it is refused.
#[cfg(feature = "sqlite")]
fn sqlite(settings: &Settings) -> Result<Vec<String>, ConnectError> {
    settings.session("journal_mode", "wal", |got| got == Some("wal"))?;
    // FULL or EXTRA.
    settings.session("synchronous", "2", |got| matches!(got, Some("2" | "3")))?;
    Ok(Vec::new())
}

#[cfg(feature = "mysql")]
mod mysql {
    use super::Settings;
    use crate::Durability;
    use crate::error::ConnectError;

    /// MariaDB still says `tx_isolation`.
    pub(super) const SETTINGS: &str = "SHOW SESSION VARIABLES WHERE Variable_name IN ('version', \
        'innodb_flush_log_at_trx_commit', 'log_bin', 'sync_binlog', 'binlog_format', \
        'max_allowed_packet', 'transaction_isolation', 'tx_isolation', 'sql_mode', 'autocommit')";

    /// The largest statement of a flush stays below it.
    const PACKET_LEAST: u64 = 16 * 1_024 * 1_024;

    pub(super) fn check(
        settings: &Settings,
        durability: Durability,
    ) -> Result<Vec<String>, ConnectError> {
        version(settings.get("version").unwrap_or_default())?;
        packet(settings)?;
        session(settings)?;
        let mut warnings = Vec::new();
        for error in not_durable(settings) {
            match durability {
                Durability::Required => return Err(error),
                Durability::Warned => warnings.push(error.to_string()),
            }
        }
        Ok(warnings)
    }

    /// `8.0.36-28`, `8.0.11-TiDB-v7.5.0`, `10.11.19-MariaDB-0+deb12u1-log`.
    fn version(got: &str) -> Result<(), ConnectError> {
        let mut numbers = got.split(|c: char| !c.is_ascii_digit()).map(str::parse::<u32>);
        let is_mariadb = got.to_ascii_lowercase().contains("mariadb");
        let least = if is_mariadb { (10, 6) } else { (8, 0) };
        match (numbers.next(), numbers.next()) {
            (Some(Ok(major)), Some(Ok(minor))) if (major, minor) >= least => Ok(()),
            _ => Err(ConnectError::Version { got: got.to_owned() }),
        }
    }

    fn packet(settings: &Settings) -> Result<(), ConnectError> {
        let setting = "max_allowed_packet";
        let got = settings.get(setting).and_then(|got| got.parse().ok()).unwrap_or(0);
        if got < PACKET_LEAST {
            return Err(ConnectError::Setting { setting, least: PACKET_LEAST, got });
        }
        Ok(())
    }

    fn session(settings: &Settings) -> Result<(), ConnectError> {
        let isolation = match settings.get("transaction_isolation") {
            Some(_) => "transaction_isolation",
            None => "tx_isolation",
        };
        let expected = "READ-COMMITTED";
        settings.session(isolation, expected, |got| got == Some(expected))?;
        settings.session("sql_mode", "STRICT_ALL_TABLES", |got| {
            got.is_some_and(|got| got.split(',').any(|mode| mode == "STRICT_ALL_TABLES"))
        })?;
        // A read that opens a transaction would see the same forever.
        settings.session("autocommit", "ON", |got| got == Some("ON"))?;
        let has_binlog = settings.get("log_bin") == Some("ON");
        // InnoDB refuses every write of READ COMMITTED that is to be logged as a statement.
        settings.session("binlog_format", "ROW", |got| !has_binlog || got != Some("STATEMENT"))
    }

    fn not_durable(settings: &Settings) -> impl Iterator<Item = ConnectError> {
        let has_binlog = settings.get("log_bin") == Some("ON");
        let names = ["innodb_flush_log_at_trx_commit", "sync_binlog"].into_iter();
        let names = names.filter(move |name| has_binlog || *name != "sync_binlog");
        names.filter_map(|setting| {
            let got = settings.get(setting).unwrap_or("nothing");
            let expected = "1";
            let got = got.to_owned();
            (got != expected).then_some(ConnectError::NotDurable { setting, expected, got })
        })
    }

    #[cfg(test)]
    mod tests {
        use super::*;

        fn settings(changed: &[(&str, &str)]) -> Settings {
            let good = [
                ("version", "9.7.4-2"),
                ("innodb_flush_log_at_trx_commit", "1"),
                ("log_bin", "ON"),
                ("sync_binlog", "1"),
                ("binlog_format", "ROW"),
                ("max_allowed_packet", "16777216"),
                ("transaction_isolation", "READ-COMMITTED"),
                ("sql_mode", "STRICT_ALL_TABLES,NO_ENGINE_SUBSTITUTION"),
                ("autocommit", "ON"),
            ];
            let own = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
            Settings(changed.iter().chain(&good).map(own).collect())
        }

        fn refused(changed: &[(&str, &str)]) -> String {
            check(&settings(changed), Durability::Required).unwrap_err().to_string()
        }

        #[test]
        fn old_servers_and_strangers_are_refused() {
            for good in ["8.0.36-28", "8.0.11-TiDB-v7.5.0", "10.6.1-MariaDB", "11.4.2-MariaDB-log"]
            {
                assert_eq!(version(good).ok(), Some(()), "{good}");
            }
            for old in ["5.7.44-log", "10.5.23-MariaDB-1", "8.0-mariadb", "", "8", "PostgreSQL 17"]
            {
                assert!(version(old).is_err(), "{old}");
            }
        }

        #[test]
        fn a_session_that_is_not_as_it_must_be_is_refused_with_the_setting() {
            assert_eq!(check(&settings(&[]), Durability::Required).unwrap(), [""; 0]);
            for (setting, value) in [
                ("transaction_isolation", "REPEATABLE-READ"),
                ("sql_mode", "NO_ENGINE_SUBSTITUTION"),
                ("autocommit", "OFF"),
                ("binlog_format", "STATEMENT"),
                ("max_allowed_packet", "16777215"),
            ] {
                let error = refused(&[(setting, value)]);
                assert!(error.contains(setting) && error.contains(value), "{setting}: {error}");
            }
            let without_log =
                [("log_bin", "OFF"), ("binlog_format", "STATEMENT"), ("sync_binlog", "0")];
            assert_eq!(check(&settings(&without_log), Durability::Required).unwrap(), [""; 0]);
        }

        #[test]
        fn settings_that_may_lose_a_commit_are_refused_or_warned_of() {
            let lossy = [("innodb_flush_log_at_trx_commit", "2"), ("sync_binlog", "0")];
            for one in lossy {
                assert!(refused(&[one]).contains(one.0), "{one:?}");
            }
            let warnings = check(&settings(&lossy), Durability::Warned).unwrap();
            assert_eq!(warnings.len(), 2);
            assert!(warnings[1].starts_with("expected sync_binlog = 1, got 0"), "{warnings:?}");
        }
    }
}

#[cfg(all(test, feature = "sqlite"))]
mod tests {
    use super::*;

    #[test]
    fn a_file_without_a_write_ahead_log_or_without_syncs_is_refused() {
        let check = |mode: &str, level: &str| {
            let mode = ("journal_mode".to_owned(), mode.to_owned());
            sqlite(&Settings(vec![mode, ("synchronous".to_owned(), level.to_owned())]))
        };
        assert!(check("wal", "2").is_ok() && check("wal", "3").is_ok());
        let error = check("delete", "2").unwrap_err();
        assert_eq!(error.to_string(), "expected journal_mode = wal in a session, got delete");
        assert!(check("wal", "1").is_err() && check("wal", "").is_err());
    }
}
