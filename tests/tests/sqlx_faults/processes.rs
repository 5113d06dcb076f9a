//! Several processes, and what is left of one that was killed.

use std::time::Duration;

use crate::ledger::pause;
use crate::load::Load;
use crate::on_each;
use crate::seller::{Orders, Seller};
use crate::server::Server;
use crate::servers::Scratch;
use crate::shop::{Shop, impatient};

const SEATS: u32 = 200;

/// Kills a process in the middle of its work, again and again; another one goes on over what it left.
async fn client_is_killed(server: Server, rounds: u64) {
    let scratch = Scratch::new(server, "client_killed").await;
    let shop = Shop::open(&scratch.url, impatient(), 1).await;
    let hall = shop.stage(SEATS).await;
    for round in 0..rounds {
        let orders = Orders {
            url: scratch.url.clone(),
            hall,
            seed: 100 + round,
            buyers: 24,
            // Longer than it lives, however busy the machine is.
            time: Duration::from_mins(10),
            file_max: None,
        };
        let mut seller = Seller::start(&orders);
        let is_alive =
            seller.note_until(&shop.ledger, 100 + 37 * usize::try_from(round).unwrap_or(0));
        assert!(is_alive.await, "it ended before it was killed");
        seller.kill(&shop.ledger).await;
        let load = Load::start(&shop, hall, 8, 200 + round);
        load.sells(5, Duration::from_secs(30)).await;
        load.end().await;
    }
    shop.judge(&scratch.url).await;
    shop.close().await;
    scratch.remove().await;
}

/// Two processes of two lanes each on the same seats, wallets, places and guards. SQLite has one writer, who
/// waits for the other process's.
async fn two_processes_sell_one_hall(server: Server, time: Duration) {
    let scratch = Scratch::new(server, "two_processes").await;
    let shop = Shop::open(&scratch.url, impatient(), 2).await;
    let hall = shop.stage(SEATS).await;
    let orders =
        Orders { url: scratch.url.clone(), hall, seed: 300, buyers: 32, time, file_max: None };
    let mut other = Seller::start(&orders);
    assert!(other.note_until(&shop.ledger, 1).await, "the other process sells nothing");
    let before = shop.ledger.tally();
    let load = Load::start(&shop, hall, 32, 301);
    let (others, ()) = tokio::join!(other.end(&shop.ledger), pause(time));
    let sold = load.end().await;
    let stats = shop.store.stats();
    println!("here {sold} sold, {stats:?}; there {others:?}");
    assert!(sold > 0 && others.sold > 0, "one sold nothing: {sold} here, {others:?}");
    let tally = shop.judge(&scratch.url).await;
    assert!(tally.refused > before.refused, "they never met: {tally:?}");
    let (flushes, retried) = (stats.flushes + others.flushes, stats.retried + others.retried);
    // One of the short run says little, and SQLite's are no deadlocks: the other process has the file.
    let is_rare = server == Server::Sqlite || retried <= 1 + flushes / 1_000;
    assert!(is_rare, "{retried} retries in {flushes} flushes");
    shop.close().await;
    scratch.remove().await;
}

on_each!(sqlite: Sqlite, mysql: MySql, mariadb: MariaDb => {
    client_is_killed(2);
    two_processes_sell_one_hall(Duration::from_secs(5));
});

mod long {
    use super::*;

    on_each!(sqlite: Sqlite, mysql: MySql, mariadb: MariaDb => {
        #[ignore = "takes minutes"] client_is_killed(20);
        #[ignore = "takes a minute"] two_processes_sell_one_hall(Duration::from_mins(1));
    });
}
