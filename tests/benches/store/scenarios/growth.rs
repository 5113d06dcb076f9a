//! The rate after ten thousand purchases, and after a million.

use std::sync::Arc;
use std::time::Duration;

use crate::measure::{Side, crowd};
use crate::report::{Bound, Report, progress};
use crate::town::{Halls, Town};
use crate::{Bench, Failed};

const BUYERS: usize = 256;
const FEW: u32 = 10_000;
const MANY: u32 = 1_000_000;
/// The most time to make the rows.
const FILLING: Duration = Duration::from_hours(1);

pub(crate) async fn run(bench: &Bench, report: &mut Report) -> Result<(), Failed> {
    report.title("growth");
    let server = &bench.server;
    report.note("buffer pool", &format!("{} MiB", server.buffer_pool_mib()));
    let url = server.create("growth").await?;
    let town = Arc::new(Town::build(&url, "ours", Halls::ONE, &bench.args.options()).await?);
    let side: Arc<dyn Side> = Arc::clone(&town) as _;
    let mut rates = Vec::new();
    for until in [FEW, MANY] {
        progress(&format!("selling until {until} are sold"));
        let missing = until.saturating_sub(town.sold());
        if missing > 0 {
            side.stock(missing).await?;
            crowd(&side, BUYERS, FILLING).await?;
        }
        let from = town.sold();
        let lasts = bench.args.lasts * u32::try_from(bench.args.rounds).unwrap_or(1);
        side.stock(u32::try_from(lasts.as_secs().max(1))?.saturating_mul(12_000)).await?;
        let rate = crowd(&side, BUYERS, lasts).await?.rate();
        report.figure(&format!("{BUYERS} buyers, after {from} purchases"), rate, "/s", Bound::None);
        rates.push(rate);
    }
    report.figure("slower by", rates[0] / rates[1], "x", Bound::AtMost(1.25));
    town.close().await?;
    drop((side, town));
    server.drop("growth").await
}
