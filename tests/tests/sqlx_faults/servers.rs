//! Databases of a test, and servers that may be killed.

use std::fs::File;
use std::path::PathBuf;
use std::process::Command;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};

use sqlx::{ConnectOptions, Connection, Executor};
use tokio::sync::{Mutex, MutexGuard};

use crate::server::Server;

/// A database of one test.
pub(crate) struct Scratch {
    server: Server,
    pub(crate) url: String,
}

impl Scratch {
    /// On the server that all tests share.
    pub(crate) async fn new(server: Server, name: &str) -> Self {
        Self { server, url: server.database(&own(name)).await }
    }

    /// Drops it; a test that fails leaves it to be looked at.
    pub(crate) async fn remove(self) {
        if self.server == Server::Sqlite {
            let path = self.url.strip_prefix("sqlite://").expect("a file");
            for end in ["", "-wal", "-shm"] {
                // The last session that ends removes the files beside it.
                drop(std::fs::remove_file(format!("{path}{end}")));
            }
        } else {
            let (_, database) = self.url.rsplit_once('/').expect("a URL with a database");
            run(&self.url, &format!("DROP DATABASE {database}")).await;
        }
    }
}

async fn run(url: &str, sql: &str) {
    let options: sqlx::mysql::MySqlConnectOptions = url.parse().expect("a URL of a server");
    let mut session = options.connect().await.expect("a session");
    session.execute(sqlx::raw_sql(sql)).await.expect("the right to do so");
    session.close().await.expect("a session that ends");
}

/// Of one test alone: the short and the long one of a name may run at once.
fn own(name: &str) -> String {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    format!("faults_{name}_{}", NEXT.fetch_add(1, Ordering::Relaxed))
}

/// A server of these tests alone, for one test at a time, also of another process that runs them. It is stopped
/// when it is dropped.
pub(crate) struct Own {
    server: Server,
    url: String,
    port: u16,
    _turn: MutexGuard<'static, ()>,
    /// On its data, until it is closed.
    _lock: File,
}

impl Own {
    /// Starts it, which makes its data at the first time.
    ///
    /// # Panics
    /// If it cannot be started, with what to install.
    pub(crate) async fn start(server: Server) -> Self {
        static TURNS: [OnceLock<Mutex<()>>; 3] = [const { OnceLock::new() }; 3];
        let turn = TURNS[server as usize].get_or_init(Mutex::default).lock().await;
        let lock = tokio::task::block_in_place(|| lock(server)).expect("a file to lock");
        let (url, port) = (String::new(), free_port(server));
        let mut own = Self { server, url, port, _turn: turn, _lock: lock };
        own.up();
        own
    }

    /// Starts it again on its data.
    pub(crate) fn up(&mut self) {
        let said = self.services("up").unwrap_or_else(|why| panic!("no server of its own:\n{why}"));
        let (_, url) = said.trim().split_once('=').expect("a line such as MYSQL_URL=mysql://..");
        url.clone_into(&mut self.url);
    }

    /// `kill -9`.
    pub(crate) fn kill(&self) {
        self.services("kill").unwrap_or_else(|why| panic!("not killed:\n{why}"));
    }

    /// A migrated database on it.
    pub(crate) async fn database(&self, name: &str) -> String {
        self.server.database_on(&self.url, &own(name)).await
    }

    /// Runs a statement as root.
    pub(crate) async fn run_as_root(&self, sql: &str) {
        let (_, place) = self.url.split_once('@').expect("a URL with a user");
        run(&format!("mysql://root@{place}"), sql).await;
    }

    fn services(&self, verb: &str) -> Result<String, String> {
        let (name, ..) = self.server.service();
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/../scripts/services");
        let data = servers().join(name);
        let mut command = Command::new(script);
        command.args([verb, name]).env("SERVICES_DATA", data).env("SERVICES_POOL", "128M");
        command.env(format!("SERVICES_{}_PORT", name.to_uppercase()), self.port.to_string());
        let log = match self.server {
            Server::MySql => "--innodb-redo-log-capacity=128M",
            Server::MariaDb | Server::Sqlite => "--innodb-log-file-size=96M",
        };
        command.env(format!("SERVICES_{}_ARGS", name.to_uppercase()), log);
        let done = command.output().expect("scripts/services");
        let (said, why) =
            (String::from_utf8_lossy(&done.stdout), String::from_utf8_lossy(&done.stderr));
        if done.status.success() { Ok(said.into_owned()) } else { Err(why.into_owned()) }
    }
}

fn servers() -> PathBuf {
    PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("servers")
}

/// Waits for another process that has a server on the same data.
fn lock(server: Server) -> std::io::Result<File> {
    let (name, ..) = server.service();
    std::fs::create_dir_all(servers())?;
    let file = File::create(servers().join(format!("{name}.lock")))?;
    if file.try_lock().is_err() {
        println!("other tests have {name} on the same data: waiting for them");
        file.lock()?;
    }
    Ok(file)
}

/// Below those that systems give away: nobody takes it while the server is dead.
fn free_port(server: Server) -> u16 {
    let least = if server == Server::MySql { 21_000 } else { 25_000 };
    let first = u16::try_from(std::process::id() % 4_000).unwrap_or(0);
    let mut ports = (0..4_000).map(|next| least + (first + next) % 4_000);
    let is_free = |port: &u16| std::net::TcpListener::bind(("127.0.0.1", *port)).is_ok();
    ports.find(is_free).expect("a free port between 21000 and 29000")
}

impl Drop for Own {
    fn drop(&mut self) {
        if let Err(why) = self.services("down") {
            println!("{why}");
        }
    }
}
