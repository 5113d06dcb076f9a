//! A disk that is full. Only SQLite writes to a disk that a test can fill: its process may write no larger
//! files.

use std::time::Duration;

use crate::load::Load;
use crate::seller::{Orders, Seller};
use crate::server::{Server, block_on};
use crate::servers::Scratch;
use crate::shop::{Shop, impatient};

#[test]
fn disk_is_full() {
    block_on(async {
        let scratch = Scratch::new(Server::Sqlite, "full").await;
        let shop = Shop::open(&scratch.url, impatient(), 9).await;
        let hall = shop.stage(200).await;
        let path = scratch.url.strip_prefix("sqlite://").expect("a file");
        for (seed, room) in [(41, 300), (42, 2_000)] {
            let blocks = std::fs::metadata(path).expect("a file").len() / 512;
            let orders = Orders {
                url: scratch.url.clone(),
                hall,
                seed,
                buyers: 16,
                time: Duration::from_secs(3),
                file_max: Some(blocks + room),
            };
            let figures = Seller::start(&orders).end(&shop.ledger).await;
            println!("{figures:?}");
            assert!(
                figures.failed > 0 && figures.retried > 0,
                "the disk was not full: {figures:?}"
            );
        }
        let load = Load::start(&shop, hall, 8, 43);
        load.sells(20, Duration::from_secs(30)).await;
        load.end().await;
        let tally = shop.judge(&scratch.url).await;
        assert!(tally.written > 0, "{tally:?}");
        shop.close().await;
        scratch.remove().await;
    });
}
