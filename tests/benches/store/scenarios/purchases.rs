//! Purchases against the textbook: crowds of buyers, and one alone.

use std::sync::Arc;

use crate::measure::{
    Measure, Side, Turns, count, in_turns, median, median_latency_ms, median_rate,
};
use crate::report::{Bound, Report};
use crate::server::{Counters, Kind};
use crate::textbook::{Balance, Textbook};
use crate::town::{Halls, Town};
use crate::{Bench, Failed};

/// Sessions of the textbook.
const SESSIONS: usize = 64;
/// Buyers on SQLite.
const FILE_BUYERS: usize = 64;

pub(crate) async fn run(bench: &Bench, report: &mut Report) -> Result<(), Failed> {
    report.title("purchases: reserve, checkout, intent, outcome");
    let sample = &bench.sample;
    let written = format!(
        "{} change sets, {} rows written or checked, {} of them events; by hand {} rows written",
        sample.steps.len(),
        sample.rows,
        sample.events(),
        sample.rows_by_hand()
    );
    report.note("a purchase has", &written);
    let is_file = bench.server.kind == Kind::Sqlite;
    // On a file one writer behind a lock may beat 64 that wait for each other: the better one counts.
    let rivals = match (bench.args.ours, is_file) {
        (true, _) => Vec::new(),
        (false, true) => vec![(Balance::Row, SESSIONS), (Balance::Row, 1)],
        (false, false) => vec![(Balance::Row, SESSIONS), (Balance::Summed, SESSIONS)],
    };
    let town = Arc::new(open(bench).await?);
    let mut sides: Vec<Arc<dyn Side>> = vec![Arc::clone(&town) as _];
    for &(balance, sessions) in &rivals {
        sides.push(Arc::new(Textbook::open(&bench.server, sample, balance, sessions).await?));
    }
    let crowds = if is_file { vec![FILE_BUYERS] } else { bench.args.buyers.clone() };
    for tasks in crowds {
        crowd(bench, report, &sides, tasks).await?;
    }
    if !is_file {
        alone(bench, report, &sides).await?;
    }
    let stats = town.stats();
    let each = count(stats.change_sets) / count(stats.flushes.max(1));
    let batches = format!("{each:.1} change sets; {stats:?}");
    report.note("a flush has", &batches);
    town.close().await?;
    drop((sides, town));
    for (balance, sessions) in rivals {
        Textbook::drop(&bench.server, balance, sessions).await?;
    }
    bench.server.drop("purchases").await
}

async fn open(bench: &Bench) -> Result<Town, Failed> {
    Town::build(&bench.server.create("purchases").await?, "ours", Halls::ONE, &bench.args.options())
        .await
}

async fn crowd(
    bench: &Bench,
    report: &mut Report,
    sides: &[Arc<dyn Side>],
    tasks: usize,
) -> Result<(), Failed> {
    let turns = Turns { tasks, rounds: bench.args.rounds, lasts: bench.args.lasts };
    let came = in_turns(&bench.server, sides, turns).await?;
    for (side, came) in sides.iter().zip(&came) {
        say(report, &format!("{tasks} buyers, {}", side.name()), came);
    }
    if bench.args.ours {
        return Ok(());
    }
    let ours = median_rate(&came[0]);
    let ratio = |theirs: &[Measure]| ours / median_rate(theirs);
    if bench.server.kind == Kind::Sqlite {
        let better = ratio(&came[1]).min(ratio(&came[2]));
        let name = format!("{tasks} buyers, against the better textbook");
        report.figure(&name, better, "x", Bound::at_least(10.0));
        return Ok(());
    }
    let name = format!("{tasks} buyers, against the textbook");
    report.figure(&name, ratio(&came[1]), "x", floor(bench.server.kind, tasks));
    let name = format!("{tasks} buyers, against the one without a balance");
    report.figure(&name, ratio(&came[2]), "x", Bound::None);
    Ok(())
}

fn floor(kind: Kind, tasks: usize) -> Bound {
    let (floor, aim) = match (kind, tasks) {
        (Kind::MySql, 64) => (8.0, 10.0),
        (Kind::MySql, 256) => (15.0, 20.0),
        (Kind::MySql, 1_024) => (18.0, 25.0),
        (Kind::MariaDb, 64) => (5.0, 10.0),
        (Kind::MariaDb, 256) => (12.0, 20.0),
        (Kind::MariaDb, 1_024) => (14.0, 25.0),
        (Kind::MySql | Kind::MariaDb | Kind::Sqlite, _) => return Bound::None,
    };
    Bound::AtLeast { floor, aim }
}

async fn alone(bench: &Bench, report: &mut Report, sides: &[Arc<dyn Side>]) -> Result<(), Failed> {
    let turns = Turns { tasks: 1, rounds: bench.args.rounds, lasts: bench.args.lasts };
    let came = in_turns(&bench.server, sides, turns).await?;
    for (side, came) in sides.iter().zip(&came) {
        say(report, &format!("1 buyer, {}", side.name()), came);
    }
    if bench.args.ours {
        return Ok(());
    }
    let ratio = median_latency_ms(&came[0], 50) / median_latency_ms(&came[1], 50);
    report.figure("1 buyer, latency of the textbook's", ratio, "x", Bound::AtMost(1.0));
    Ok(())
}

/// The rate, the latencies, and what one purchase cost the server.
pub(crate) fn say(report: &mut Report, name: &str, came: &[Measure]) {
    report.figure(name, median_rate(came), "/s", Bound::None);
    let latency = format!(
        "p50 {:.2} ms, p99 {:.2} ms",
        median_latency_ms(came, 50),
        median_latency_ms(came, 99)
    );
    report.note("", &latency);
    let each = |of: &dyn Fn(&Counters) -> Option<u64>| {
        let per = came.iter().map(|one| Some(count(of(&one.spent)?) / count(one.done.max(1))));
        per.collect::<Option<Vec<f64>>>().map(median)
    };
    let sum = |names: &'static [&'static str]| {
        move |spent: &Counters| names.iter().map(|name| spent.get(name)).sum::<Option<u64>>()
    };
    let figures = [
        ("statements", each(&sum(&["Questions"]))),
        ("pings", each(&sum(&["Com_admin_commands"]))),
        // By hand each statement is one, and neither a ping nor a prepare counts as a question.
        (
            "round trips",
            each(&sum(&["round_trips"]))
                .or_else(|| each(&sum(&["Questions", "Com_stmt_prepare", "Com_admin_commands"]))),
        ),
        ("redo fsyncs", each(&sum(&["Innodb_os_log_fsyncs"]))),
        ("binlog syncs", each(&sum(&["Binlog_group_commits"]))),
        ("all InnoDB fsyncs", each(&sum(&["Innodb_data_fsyncs"]))),
        ("bytes in", each(&sum(&["Bytes_received"]))),
        ("bytes out", each(&sum(&["Bytes_sent"]))),
        ("redo bytes", each(&sum(&["Innodb_os_log_written"]))),
    ];
    let known = figures.into_iter().filter_map(|(what, value)| Some((what, value?)));
    let texts: Vec<String> = known.map(|(what, value)| format!("{value:.2} {what}")).collect();
    if !texts.is_empty() {
        report.note("  each", &texts.join(", "));
    }
    let failed: u64 = came.iter().map(|one| one.failed).sum();
    if failed > 0 {
        report.note("", &format!("{failed} FAILED"));
    }
}
