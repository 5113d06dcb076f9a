//! Several processes on one database: the bench starts itself.

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use ticketing_core::id::PerformanceId;
use ticketing_sqlx::Options;

use crate::measure::{Side, count, crowd, median};
use crate::report::{Bound, Report, progress};
use crate::town::{Halls, Town};
use crate::{Bench, Failed};

const BUYERS: usize = 256;
const PROCESSES: u32 = 4;
/// The word that makes this program one of the processes.
const CHILD: &str = "--child";

/// What one process is told.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Job {
    url: String,
    tasks: usize,
    seconds: u64,
    every: u32,
    from: u32,
    seats: u32,
    performances: Vec<PerformanceId>,
    purchases: u32,
    read_connections: u32,
    lanes: u16,
}

/// What one process says at the end.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
struct Came {
    done: u64,
    failed: u64,
    seconds: f64,
    flushes: u64,
    change_sets: u64,
    raced: u64,
    retried: u64,
}

pub(crate) async fn run(bench: &Bench, report: &mut Report) -> Result<(), Failed> {
    report.title("processes on one database");
    let server = &bench.server;
    let url = server.create("processes").await?;
    let staff = Town::build(&url, "staff", Halls::ONE, &bench.args.options()).await?;
    let (mut alone, mut together) = (Vec::new(), Vec::new());
    let mut all = Came::default();
    for round in 1..=bench.args.rounds {
        for processes in [1, PROCESSES, PROCESSES, 1] {
            let fresh = Town::open(&url, "staff", Halls::ONE, &bench.args.options()).await?;
            let seconds = bench.args.lasts.as_secs().max(1);
            let purchases = u32::try_from(seconds).unwrap_or(1).saturating_mul(12_000);
            fresh.stock(purchases).await?;
            let job = Job {
                url: url.clone(),
                tasks: BUYERS / processes as usize,
                seconds,
                every: processes,
                from: 0,
                seats: Halls::ONE.seats,
                performances: fresh.performances(),
                purchases: purchases / processes,
                read_connections: bench.args.options().read_connections,
                lanes: bench.args.options().lanes,
            };
            fresh.close().await?;
            let came = tokio::task::spawn_blocking(move || start(&job, processes)).await??;
            let rate: f64 = came.iter().map(|one| count(one.done) / one.seconds.max(1e-9)).sum();
            progress(&format!("round {round}, {processes} processes: {rate:.0}/s"));
            if processes == 1 {
                alone.push(rate);
            } else {
                together.push(rate);
                for one in &came {
                    all.add(one);
                }
            }
        }
    }
    let (alone, together) = (median(alone), median(together));
    report.figure(&format!("{BUYERS} buyers, 1 process"), alone, "/s", Bound::None);
    report.figure(&format!("{BUYERS} buyers, {PROCESSES} processes"), together, "/s", Bound::None);
    report.figure("together, of one", together / alone, "x", Bound::at_least(0.9));
    report.note("in them", &format!("{all:?}"));
    staff.close().await?;
    server.drop("processes").await
}

impl Came {
    fn add(&mut self, other: &Self) {
        self.done += other.done;
        self.failed += other.failed;
        self.seconds += other.seconds;
        self.flushes += other.flushes;
        self.change_sets += other.change_sets;
        self.raced += other.raced;
        self.retried += other.retried;
    }
}

/// A process that is ended with who started it.
struct Started {
    child: Child,
    stdin: ChildStdin,
    stdout: BufReader<ChildStdout>,
}

impl Drop for Started {
    fn drop(&mut self) {
        // It ended by itself unless something went wrong.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

impl Started {
    fn by(job: &Job) -> Result<Self, Failed> {
        let mut child = Command::new(std::env::current_exe()?)
            .arg(CHILD)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let stdin = child.stdin.take().ok_or("no way to write to the process")?;
        let stdout = child.stdout.take().ok_or("no way to read from the process")?;
        let mut started = Self { child, stdin, stdout: BufReader::new(stdout) };
        // Not as an argument: the URL may hold a password.
        started.say(&serde_json::to_string(job)?)?;
        Ok(started)
    }

    fn say(&mut self, line: &str) -> Result<(), Failed> {
        writeln!(self.stdin, "{line}")?;
        Ok(self.stdin.flush()?)
    }

    fn hear(&mut self) -> Result<String, Failed> {
        let mut line = String::new();
        self.stdout.read_line(&mut line)?;
        if line.is_empty() { Err("a process ended early".into()) } else { Ok(line) }
    }
}

fn start(job: &Job, processes: u32) -> Result<Vec<Came>, Failed> {
    let each = (0..processes).map(|from| Started::by(&Job { from, ..job.clone() }));
    let mut all = each.collect::<Result<Vec<_>, _>>()?;
    for one in &mut all {
        one.hear()?;
    }
    for one in &mut all {
        one.say("go")?;
    }
    all.iter_mut().map(|one| Ok(serde_json::from_str(&one.hear()?)?)).collect()
}

/// Whether this program was started as one of the processes.
pub(crate) fn is_child() -> bool {
    std::env::args().nth(1).is_some_and(|word| word == CHILD)
}

/// What the parent says.
fn line() -> Result<String, Failed> {
    let mut line = String::new();
    match std::io::stdin().read_line(&mut line)? {
        0 => Err("expected a line".into()),
        _ => Ok(line),
    }
}

/// Sells what it is told to.
pub(crate) async fn child() -> Result<(), Failed> {
    let job: Job = serde_json::from_str(&line()?)?;
    let options =
        Options { read_connections: job.read_connections, lanes: job.lanes, ..Options::default() };
    let halls = Halls { sellers: 1, seats: job.seats, every: job.every, from: job.from };
    let town = Arc::new(Town::open(&job.url, "process", halls, &options).await?);
    town.adopt(job.performances, job.purchases);
    println!("ready");
    line()?;
    let side: Arc<dyn Side> = Arc::clone(&town) as _;
    let came = crowd(&side, job.tasks, Duration::from_secs(job.seconds)).await;
    let stats = town.stats();
    let came = came.map_err(|error| format!("{error}; {stats:?}"))?;
    let came = Came {
        done: came.done,
        failed: came.failed,
        seconds: came.elapsed.as_secs_f64(),
        flushes: stats.flushes,
        change_sets: stats.change_sets,
        raced: stats.raced,
        retried: stats.retried,
    };
    println!("{}", serde_json::to_string(&came)?);
    town.close().await?;
    Ok(())
}
