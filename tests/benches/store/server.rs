//! The database server: what it is, that it keeps what it commits, and what it counts.

use std::io::{Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use sqlx::mysql::{MySqlConnectOptions, MySqlConnection};
use sqlx::{ConnectOptions, Executor, Row};
use tokio::time::Instant;

use crate::Failed;
use crate::report::{Report, ms};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    MySql,
    MariaDb,
    Sqlite,
}

#[derive(Clone, Debug)]
pub(crate) struct Server {
    pub(crate) kind: Kind,
    version: String,
    /// The URL without a database; of SQLite, of the folder.
    base: String,
    /// Where the data is, if it is on this machine.
    data: Option<PathBuf>,
    buffer_pool: u64,
    settings: String,
}

/// What the server counted, for all its sessions.
#[derive(Clone, Debug, Default)]
pub(crate) struct Counters(Vec<(String, u64)>);

const COUNTED: &str = "SHOW GLOBAL STATUS WHERE Variable_name IN ('Questions', 'Com_stmt_prepare', 'Com_admin_commands', \
    'Com_commit', 'Com_rollback', 'Innodb_os_log_fsyncs', 'Innodb_data_fsyncs', 'Binlog_commits', \
    'Binlog_group_commits', 'Bytes_received', 'Bytes_sent', 'Innodb_os_log_written', \
    'Innodb_row_lock_waits')";
const SETTINGS: &str = "SHOW GLOBAL VARIABLES WHERE Variable_name IN ('version', 'datadir', 'log_bin', \
    'sync_binlog', 'innodb_flush_log_at_trx_commit', 'innodb_buffer_pool_size', 'max_connections')";

impl Server {
    /// Refuses a server that could lose what it committed: both sides would only look fast.
    pub(crate) async fn reach(url: &str) -> Result<Self, Failed> {
        if let Some(folder) = url.strip_prefix("sqlite:") {
            return Self::sqlite(folder);
        }
        let (base, _) = url.rsplit_once('/').ok_or("expected a URL with a database")?;
        let mut session = session(url).await?;
        let settings = pairs(&mut session, SETTINGS).await?;
        let get = |name: &str| {
            settings.iter().find(|(key, _)| key == name).map_or("", |(_, value)| value.as_str())
        };
        let must =
            [("innodb_flush_log_at_trx_commit", "1"), ("log_bin", "ON"), ("sync_binlog", "1")];
        for (name, value) in must {
            if get(name) != value {
                return Err(format!("expected {name} = {value}, got {}", get(name)).into());
            }
        }
        let version = get("version").to_owned();
        let kind = if version.contains("MariaDB") { Kind::MariaDb } else { Kind::MySql };
        let data = Some(PathBuf::from(get("datadir"))).filter(|path| path.is_dir());
        let buffer_pool = get("innodb_buffer_pool_size").parse()?;
        let described = format!(
            "flush at commit, binary log synced, READ COMMITTED, buffer pool {} MiB, at most {} sessions",
            buffer_pool >> 20,
            get("max_connections"),
        );
        Ok(Self { kind, version, base: base.to_owned(), data, buffer_pool, settings: described })
    }

    fn sqlite(folder: &str) -> Result<Self, Failed> {
        let folder = Path::new(folder.trim_start_matches("//")).join("ticketing_bench");
        std::fs::create_dir_all(&folder)?;
        Ok(Self {
            kind: Kind::Sqlite,
            version: "bundled".to_owned(),
            base: folder.display().to_string(),
            data: Some(folder.join("here")),
            buffer_pool: 0,
            settings: "WAL, synchronous = FULL".to_owned(),
        })
    }

    /// An empty database and its URL.
    pub(crate) async fn create(&self, name: &str) -> Result<String, Failed> {
        self.drop(name).await?;
        if self.kind == Kind::Sqlite {
            return Ok(format!("sqlite://{}", self.file(name).display()));
        }
        self.run(format!("CREATE DATABASE ticketing_bench_{name}")).await?;
        Ok(format!("{}/ticketing_bench_{name}", self.base))
    }

    pub(crate) async fn drop(&self, name: &str) -> Result<(), Failed> {
        if self.kind == Kind::Sqlite {
            for end in ["", "-wal", "-shm"] {
                let mut file = self.file(name).into_os_string();
                file.push(end);
                match std::fs::remove_file(file) {
                    Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error)?,
                    Ok(()) | Err(_) => {}
                }
            }
            return Ok(());
        }
        self.run(format!("DROP DATABASE IF EXISTS ticketing_bench_{name}")).await
    }

    fn file(&self, name: &str) -> PathBuf {
        Path::new(&self.base).join(format!("ticketing_bench_{name}.db"))
    }

    async fn run(&self, sql: String) -> Result<(), Failed> {
        let mut session = session(&self.base).await?;
        session.execute(sqlx::raw_sql(&sql)).await?;
        Ok(())
    }

    pub(crate) async fn counters(&self) -> Result<Counters, Failed> {
        if self.kind == Kind::Sqlite {
            return Ok(Counters::default());
        }
        let mut session = session(&self.base).await?;
        let pairs = pairs(&mut session, COUNTED).await?;
        Ok(Counters(
            pairs.into_iter().map(|(key, value)| (key, value.parse().unwrap_or(0))).collect(),
        ))
    }

    /// Says what machine the figures are of, and who else uses it.
    pub(crate) async fn describe(&self, report: &Report) -> Result<(), Failed> {
        report.title(&format!("{:?} {}", self.kind, self.version));
        report.note("settings", &self.settings);
        let beside = self.data.as_ref().and_then(|data| data.parent());
        let (folder, near) = match beside {
            Some(folder) => (folder, "beside the data directory"),
            None => (Path::new(env!("CARGO_TARGET_TMPDIR")), "in target/, the data is elsewhere"),
        };
        let fsync = fsync_p50(folder)?;
        report.note("fsync of 4 KiB, p50", &format!("{:.2} ms {near}", ms(fsync)));
        let before = self.counters().await?;
        let idle = Duration::from_millis(500);
        // A timeout of what never comes is a pause.
        drop(tokio::time::timeout(idle, std::future::pending::<()>()).await);
        let others = self.counters().await?.since(&before).get("Questions").unwrap_or(0);
        let load = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
        let load = load.split_whitespace().next().unwrap_or("unknown");
        let cores = std::thread::available_parallelism()?;
        report.note(
            "machine",
            &format!(
                "{cores} cores, load {load} before, {others} statements of others in {idle:?}"
            ),
        );
        Ok(())
    }

    pub(crate) const fn buffer_pool_mib(&self) -> u64 {
        self.buffer_pool >> 20
    }
}

impl Counters {
    pub(crate) fn since(&self, before: &Self) -> Self {
        let grown = |(name, now): &(String, u64)| {
            (name.clone(), now.saturating_sub(before.get(name).unwrap_or(0)))
        };
        Self(self.0.iter().map(grown).collect())
    }

    pub(crate) fn with(mut self, name: &str, count: Option<u64>) -> Self {
        self.0.extend(count.map(|count| (name.to_owned(), count)));
        self
    }

    /// `None` where nobody counts it.
    pub(crate) fn get(&self, name: &str) -> Option<u64> {
        self.0.iter().find(|(key, _)| key == name).map(|(_, count)| *count)
    }
}

async fn session(url: &str) -> Result<MySqlConnection, Failed> {
    let options: MySqlConnectOptions = url.parse().map_err(|_| "expected a URL of a server")?;
    Ok(options.disable_statement_logging().connect().await?)
}

async fn pairs(
    session: &mut MySqlConnection,
    sql: &'static str,
) -> Result<Vec<(String, String)>, Failed> {
    let rows = session.fetch_all(sqlx::raw_sql(sql)).await?;
    let pair =
        |row: sqlx::mysql::MySqlRow| Ok((row.try_get_unchecked(0)?, row.try_get_unchecked(1)?));
    rows.into_iter().map(pair).collect()
}

fn fsync_p50(folder: &Path) -> Result<Duration, Failed> {
    let path = folder.join(format!("ticketing_bench_fsync_{}", std::process::id()));
    let mut file = std::fs::File::create(&path)?;
    let block = [7_u8; 4_096];
    let mut times = Vec::new();
    for _ in 0..200 {
        let begun = Instant::now();
        file.seek(SeekFrom::Start(0))?;
        file.write_all(&block)?;
        file.sync_data()?;
        times.push(begun.elapsed());
    }
    std::fs::remove_file(path)?;
    times.sort_unstable();
    Ok(times[times.len() / 2])
}
