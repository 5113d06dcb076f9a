//! Purchases on a database, beside the same rows written by hand. Prints figures with what they should be;
//! asserts nothing about time, and ends with success whatever they are.
//!
//! `cargo bench -p ticketing-tests --bench store -- --url mysql://user@host/database`; the bench makes and
//! drops databases named `ticketing_bench_..` on that server. `--url sqlite:FOLDER` measures SQLite. Measure on
//! a machine that does nothing else: the figures say what load it began with.

mod args;
mod link;
mod measure;
mod report;
mod sample;
mod scenarios;
mod server;
mod shop;
mod textbook;
mod town;

use std::sync::Arc;

use args::Args;
use report::Report;
use sample::Sample;
use scenarios::{growth, outbox, processes, purchases, seat_map, sellers};
use server::{Kind, Server};

type Failed = Box<dyn std::error::Error + Send + Sync>;

/// What every scenario is given.
struct Bench {
    args: Args,
    server: Server,
    sample: Arc<Sample>,
}

#[tokio::main]
async fn main() -> Result<(), Failed> {
    if processes::is_child() {
        return processes::child().await;
    }
    let args = Args::read(std::env::args().skip(1))?;
    let server = Server::reach(&args.url).await?;
    let mut report = Report::default();
    server.describe(&report).await?;
    let sample = Arc::new(Sample::take().await?);
    let bench = Bench { args, server, sample };
    let is_file = bench.server.kind == Kind::Sqlite;
    match bench.args.only.as_deref() {
        Some("growth") if !bench.args.long => {
            return Err("--only growth: expected --long too".into());
        }
        Some(only @ ("sellers" | "processes")) if is_file => {
            return Err(format!("--only {only}: expected a server, SQLite has one writer").into());
        }
        _ => {}
    }
    let wants = |name| bench.args.wants(name);
    if wants("purchases") {
        purchases::run(&bench, &mut report).await?;
    }
    if wants("sellers") && !is_file {
        sellers::run(&bench, &mut report).await?;
    }
    if wants("processes") && !is_file {
        processes::run(&bench, &mut report).await?;
    }
    if wants("outbox") {
        outbox::run(&bench, &mut report).await?;
    }
    if wants("seat_map") {
        seat_map::run(&bench, &mut report).await?;
    }
    if wants("growth") && bench.args.long {
        growth::run(&bench, &mut report).await?;
    }
    report.end();
    Ok(())
}
