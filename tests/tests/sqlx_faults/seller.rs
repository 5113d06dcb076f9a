//! Another process that sells: this very program, started again for one test of it.

use std::process::Stdio;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use ticketing_sqlx::Options;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, ChildStdout, Command};

use crate::ledger::{Ledger, Line, pause};
use crate::load::Load;
use crate::server::block_on;
use crate::shop::{Hall, Shop, impatient};

/// Where a process is told what to do.
const ORDERS: &str = "TICKETING_SELLER";
/// How long a process may take to end after its time, and to say what is next.
const END_MAX: Duration = Duration::from_mins(1);

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Orders {
    pub(crate) url: String,
    pub(crate) hall: Hall,
    pub(crate) seed: u64,
    pub(crate) buyers: u64,
    pub(crate) time: Duration,
    /// How large a file may get, in blocks of 512 bytes.
    pub(crate) file_max: Option<u64>,
}

/// What a process says at its end.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Figures {
    pub(crate) sold: u64,
    pub(crate) failed: u64,
    pub(crate) flushes: u64,
    pub(crate) retried: u64,
}

/// A process that sells until it is told or made to stop.
pub(crate) struct Seller {
    child: Child,
    lines: tokio::io::Lines<BufReader<ChildStdout>>,
}

impl Seller {
    pub(crate) fn start(orders: &Orders) -> Self {
        let program = std::env::current_exe().expect("the program that runs");
        let test = ["--exact", "seller::sells", "--ignored", "--nocapture"];
        let mut command = match orders.file_max {
            None => Command::new(&program),
            Some(blocks) => {
                // A write beyond the limit fails, where by default it ends the process.
                let script = format!("trap '' XFSZ; ulimit -f {blocks}; exec \"$0\" \"$@\"");
                let mut shell = Command::new("sh");
                shell.args(["-c", &script]).arg(&program);
                shell
            }
        };
        let orders = serde_json::to_string(orders).expect("orders serialise");
        let command = command.args(test).env(ORDERS, orders).stdout(Stdio::piped());
        let mut child = command.kill_on_drop(true).spawn().expect("this program, once more");
        let out = child.stdout.take().expect("its output");
        Self { child, lines: BufReader::new(out).lines() }
    }

    /// Takes over what it was told until so many change sets were written; false if it ended before.
    pub(crate) async fn note_until(&mut self, ledger: &Ledger, written: usize) -> bool {
        let goal = ledger.tally().written + written;
        while let Some(line) = self.next().await {
            if let Some(line) = Line::parse(&line) {
                ledger.note(line);
            }
            if ledger.tally().written >= goal {
                return true;
            }
        }
        false
    }

    async fn next(&mut self) -> Option<String> {
        let line = tokio::time::timeout(END_MAX, self.lines.next_line()).await;
        line.expect("a process that says something").expect("its output")
    }

    /// `kill -9`; then takes over the rest of what it was told.
    pub(crate) async fn kill(mut self, ledger: &Ledger) {
        self.child.kill().await.expect("the right to kill it");
        while let Some(line) = self.next().await {
            if let Some(line) = Line::parse(&line) {
                ledger.note(line);
            }
        }
    }

    /// Takes over what it was told until it ends by itself.
    ///
    /// # Panics
    /// If it fails.
    pub(crate) async fn end(mut self, ledger: &Ledger) -> Figures {
        let mut figures = None;
        while let Some(line) = self.next().await {
            if let Some(line) = Line::parse(&line) {
                ledger.note(line);
            } else if let Some(json) = line.strip_prefix("@figures ") {
                figures = Some(serde_json::from_str(json).expect("figures"));
            }
        }
        let ended = self.child.wait().await.expect("its end");
        assert!(ended.success(), "the other process failed: {ended}");
        figures.expect("figures before its end")
    }
}

/// What the other process does. Without orders there is nothing to do.
#[test]
#[ignore = "other tests start it as a process of its own"]
fn sells() {
    if let Ok(orders) = std::env::var(ORDERS) {
        block_on(follow(&serde_json::from_str(&orders).expect("orders")));
    }
}

async fn follow(orders: &Orders) {
    let options = Options { lanes: 2, ..impatient() };
    let shop = Shop::try_open(&orders.url, options, orders.seed, Ledger::telling()).await;
    let shop = shop.expect("a database to sell from");
    let load = Load::start(&shop, orders.hall, orders.buyers, orders.seed);
    pause(orders.time).await;
    let failed = load.failed();
    let sold = load.end().await;
    if orders.file_max.is_none() {
        shop.ledger.settle(&shop.store).await;
    }
    let stats = shop.store.stats();
    let figures = Figures { sold, failed, flushes: stats.flushes, retried: stats.retried };
    println!("@figures {}", serde_json::to_string(&figures).expect("figures serialise"));
}
