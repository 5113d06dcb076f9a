//! The rate after ten thousand purchases beside the rate after a million.

use std::sync::Arc;
use std::time::Duration;

use crate::link::Link;
use crate::measure::{Side, Turns, count, crowd, in_turns, median_rate};
use crate::report::{Bound, Report, progress};
use crate::server::Kind;
use crate::town::{Halls, Town};
use crate::{Bench, Failed};

const BUYERS: usize = 256;
const FEW: u32 = 10_000;
const MANY: u32 = 1_000_000;
/// Purchases between two lines of progress.
const STEP: u32 = 50_000;
/// The most time to make the rows of one step.
const FILLING: Duration = Duration::from_mins(30);
/// What grows with purchases; events are dropped once they are delivered, accounts and halls stay as they are.
const TABLES: [&str; 10] = [
    "tk_change_set",
    "tk_reservation",
    "tk_checkout",
    "tk_payment",
    "tk_ticket",
    "tk_seat_claim",
    "tk_allowance",
    "tk_receipt",
    "tk_entry",
    "tk_posting",
];

/// Two databases of one server, which share its buffer pool, measured in turns.
pub(crate) async fn run(bench: &Bench, report: &mut Report) -> Result<(), Failed> {
    report.title("growth");
    let (server, args) = (&bench.server, &bench.args);
    if server.kind != Kind::Sqlite {
        report.note("buffer pool, of both", &format!("{} MiB", server.buffer_pool_mib()));
    }
    let many_url = server.create("growth_many").await?;
    let options = args.options();
    let many = Arc::new(Town::build(&many_url, "many sold", Halls::ONE, &options).await?);
    fill(&many, MANY).await?;
    let few_url = server.create("growth_few").await?;
    let few = Arc::new(Town::build(&few_url, "few sold", Halls::ONE, &options).await?);
    fill(&few, FEW).await?;
    let enough = Bound::at_least(10_000_000.0);
    for (town, url, bound) in [(&few, &few_url, Bound::None), (&many, &many_url, enough)] {
        let (sold, rows) = (town.sold(), rows(url).await?);
        report.figure(&format!("rows after {sold} purchases"), rows, "", bound);
    }
    let sides: [Arc<dyn Side>; 2] = [Arc::clone(&few) as _, Arc::clone(&many) as _];
    let turns = Turns { tasks: BUYERS, rounds: args.rounds, lasts: args.lasts };
    let came = in_turns(server, &sides, turns).await?;
    for (town, came) in [&few, &many].into_iter().zip(&came) {
        let name = format!("{BUYERS} buyers, {}, {} by the end", town.name(), town.sold());
        report.figure(&name, median_rate(came), "/s", Bound::None);
    }
    let slower = median_rate(&came[0]) / median_rate(&came[1]);
    report.figure("slower by", slower, "x", Bound::AtMost(1.25));
    few.close().await?;
    many.close().await?;
    drop((sides, few, many));
    server.drop("growth_few").await?;
    server.drop("growth_many").await
}

async fn fill(town: &Arc<Town>, until: u32) -> Result<(), Failed> {
    let side: Arc<dyn Side> = Arc::clone(town) as _;
    while town.sold() < until {
        let missing = until - town.sold();
        side.stock(missing.min(STEP)).await?;
        let measure = crowd(&side, BUYERS, FILLING).await?;
        if measure.done == 0 {
            return Err(format!("expected {missing} purchases more, nothing is sold").into());
        }
        let (sold, rate) = (town.sold(), measure.rate());
        progress(&format!("{sold} of {until} sold, {rate:.0}/s"));
    }
    Ok(())
}

async fn rows(url: &str) -> Result<f64, Failed> {
    let mut link = Link::open(url).await?;
    let mut rows = 0;
    for table in TABLES {
        let counted = link.number(&format!("SELECT COUNT(*) FROM {table}"), &[]).await?;
        rows += u64::try_from(counted.unwrap_or(0))?;
    }
    Ok(count(rows))
}
