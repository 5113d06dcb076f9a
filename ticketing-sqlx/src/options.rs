//! What a store can be told.

use std::time::Duration;

use crate::error::OptionsError;

/// How a store works. Every field has a bound, which [`Options::check`] names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Options {
    /// The lanes that commit side by side: 1 to 16, default 1. On MySQL each has two sessions, of which one
    /// commits while the other works; SQLite has one session in all. More lanes make smaller batches: worth it
    /// only where the server has more cores than one lane uses.
    pub lanes: u16,
    /// The most change sets in one transaction: 1 to 1,024, default 256.
    pub batch_max: usize,
    /// How many change sets may wait to be committed: 4 to 65,536, default 4,096. A quarter is kept for those
    /// that settle money.
    pub queue_max: usize,
    /// How many bytes may wait, as [`ChangeSet::bytes`](ticketing_core::change_set::ChangeSet::bytes)
    /// counts them: 64 KiB to 1 GiB, default 16 MiB.
    pub queue_bytes_max: usize,
    /// What a caller is told to wait whom the full queue refused: 1 ms to 10 s, default 50 ms.
    pub retry_after: Duration,
    /// The sessions that read: 1 to 256, default 8.
    pub read_connections: u32,
    /// How long a session may take to open: 100 ms to 60 s, default 5 s.
    pub connect_timeout: Duration,
    /// How long a statement waits for a lock: 1 s to 60 s, in whole seconds on MySQL; default 5 s.
    pub lock_wait: Duration,
    /// How long a statement may take before its server counts as gone: 1 s to 10 min, default 30 s.
    pub statement_timeout: Duration,
    /// How long the outcome of a COMMIT is looked for whose answer was lost, and how long a flush tries to
    /// reach the database: 1 s to 10 min, default 20 s.
    pub outcome_timeout: Duration,
    /// The partitions of the outbox, fixed when the database is first migrated: 1 to 1,024, default 64.
    pub partitions: u16,
    /// The performances that are kept in memory for [`Layouts::performance`]: 0 to 65,536, default 256.
    ///
    /// [`Layouts::performance`]: ticketing_core::port::Layouts::performance
    pub performances_cached_max: usize,
    /// How old a cached performance may be: 0 to 1 h, default 5 s.
    pub performances_cached_for: Duration,
    /// What to do where the server may lose what it committed.
    pub durability: Durability,
}

/// What to do where a server's settings let it lose what it committed
/// (`innodb_flush_log_at_trx_commit`, `sync_binlog`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Durability {
    /// Refuse to connect.
    #[default]
    Required,
    /// Connect, and name the settings in [`Store::warnings`](crate::Store::warnings).
    Warned,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            lanes: 1,
            batch_max: 256,
            queue_max: 4_096,
            queue_bytes_max: 16 * 1_024 * 1_024,
            retry_after: Duration::from_millis(50),
            read_connections: 8,
            connect_timeout: Duration::from_secs(5),
            lock_wait: Duration::from_secs(5),
            statement_timeout: Duration::from_secs(30),
            outcome_timeout: Duration::from_secs(20),
            partitions: 64,
            performances_cached_max: 256,
            performances_cached_for: Duration::from_secs(5),
            durability: Durability::Required,
        }
    }
}

impl Options {
    /// Checks every bound.
    ///
    /// # Errors
    /// [`OptionsError`] names the first field that is out of bounds.
    pub fn check(&self) -> Result<(), OptionsError> {
        let ms = |time: Duration| u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
        let fields = [
            ("lanes", u64::from(self.lanes), 1, 16),
            ("batch_max", self.batch_max as u64, 1, 1_024),
            ("queue_max", self.queue_max as u64, 4, 65_536),
            ("queue_bytes_max", self.queue_bytes_max as u64, 65_536, 1 << 30),
            ("retry_after (ms)", ms(self.retry_after), 1, 10_000),
            ("read_connections", u64::from(self.read_connections), 1, 256),
            ("connect_timeout (ms)", ms(self.connect_timeout), 100, 60_000),
            ("lock_wait (ms)", ms(self.lock_wait), 1_000, 60_000),
            ("statement_timeout (ms)", ms(self.statement_timeout), 1_000, 600_000),
            ("outcome_timeout (ms)", ms(self.outcome_timeout), 1_000, 600_000),
            ("partitions", u64::from(self.partitions), 1, 1_024),
            ("performances_cached_max", self.performances_cached_max as u64, 0, 65_536),
            ("performances_cached_for (ms)", ms(self.performances_cached_for), 0, 3_600_000),
        ];
        match fields.into_iter().find(|(_, got, least, most)| !(least..=most).contains(&got)) {
            Some((field, got, least, most)) => Err(OptionsError { field, got, least, most }),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_out_of_bounds_is_named_with_its_bounds() {
        assert_eq!(Options::default().check(), Ok(()));
        let error = Options { lanes: 17, ..Options::default() }.check().unwrap_err();
        assert_eq!(error.to_string(), "expected lanes of 1 to 16, got 17");
        let lock_wait = Duration::from_millis(999);
        let error = Options { lock_wait, ..Options::default() }.check().unwrap_err();
        assert_eq!(error.to_string(), "expected lock_wait (ms) of 1000 to 60000, got 999");
    }
}
