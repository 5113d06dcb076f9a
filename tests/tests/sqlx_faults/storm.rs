//! Everything at once: commits that go wrong, a network that stands still, a server that is killed.

use std::time::Duration;

use ticketing_core::memory::SeededRandom;
use ticketing_core::port::Random;
use ticketing_sqlx::Options;
use tokio::time::Instant;

use crate::ledger::pause;
use crate::load::Load;
use crate::on_each;
use crate::proxy::{Fault, Proxy};
use crate::server::Server;
use crate::servers::Own;
use crate::shop::{Shop, impatient};

/// How long a storm may take.
const STORM_MAX: Duration = Duration::from_hours(1);
/// A server is killed once in so many turns, the network stands still once in so many.
const KILLS: u64 = 15;
const FREEZES: u64 = 4;

/// So many purchases, while something goes wrong again and again.
async fn a_storm_is_sold_through(server: Server, purchases: u64, every: Duration, seed: u64) {
    println!("seed {seed}");
    let asked = std::env::var("STORM_PURCHASES").ok();
    let purchases =
        asked.map_or(purchases, |count| count.parse().expect("STORM_PURCHASES is a number"));
    let mut own = Own::start(server).await;
    let url = own.database("storm").await;
    let proxy = Proxy::before(&url, seed).await;
    let options = Options { outcome_timeout: Duration::from_secs(20), ..impatient() };
    let shop = Shop::open(proxy.url(), options, seed).await;
    // Tickets go back seldom: without seats enough, most of what is done is to be refused.
    let seats = u32::try_from(purchases / 2).expect("a hall");
    let hall = shop.stage(seats.max(2_000)).await;
    let load = Load::start(&shop, hall, 64, seed);
    let random = SeededRandom::new(seed);
    let (began, mut turns, mut kills, mut freezes) = (Instant::now(), 0_u64, 0, 0);
    let (step, mut told) = (purchases.div_ceil(20), 0);
    while load.sold() < purchases || kills == 0 {
        assert!(began.elapsed() < STORM_MAX, "{} of {purchases} sold", load.sold());
        turns += 1;
        if turns % KILLS == 0 {
            kills += 1;
            tokio::task::block_in_place(|| own.kill());
            tokio::task::block_in_place(|| own.up());
        } else if turns % FREEZES == 0 {
            freezes += 1;
            proxy.freeze();
            pause(Duration::from_millis(500 + random.next_u64() % 1_000)).await;
            proxy.thaw();
        } else {
            proxy.script([match random.next_u64() % 6 {
                0 => Fault::CutBefore,
                1 => Fault::CutWithin,
                2 => Fault::CutAtOnce,
                3 => Fault::CutAfter,
                4 => Fault::Late(Duration::from_millis(30)),
                _ => Fault::Late(Duration::from_millis(1_200)),
            }]);
        }
        pause(every / 2 + every * u32::try_from(random.next_u64() % 1_000).unwrap_or(0) / 1_000)
            .await;
        if load.sold() / step > told {
            told = load.sold() / step;
            let (sold, failed, met) = (load.sold(), load.failed(), proxy.met());
            println!(
                "{:.0?}: {sold} of {purchases} sold, {failed} calls failed; {kills} times killed, {freezes} times still, {met} commits hit",
                began.elapsed()
            );
        }
    }
    load.end().await;
    proxy.calm();
    assert!(kills > 0 && freezes > 0 && proxy.met() > 0, "{kills} {freezes} {}", proxy.met());
    shop.judge(&url).await;
    shop.close().await;
}

on_each!(mysql: MySql, mariadb: MariaDb => {
    a_storm_is_sold_through(300, Duration::from_millis(400), 61);
});

mod long {
    use super::*;

    on_each!(mysql: MySql, mariadb: MariaDb => {
        #[ignore = "takes a quarter of an hour in a release build"] a_storm_is_sold_through(100_000, Duration::from_secs(1), 62);
    });
}
