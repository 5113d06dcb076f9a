//! A disk that is full. Only SQLite writes to a disk that a test can fill: its process may write no larger
//! files, or the file system is a small one.

use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use ticketing_sqlx::Store;
use tokio::time::Instant;

use crate::ledger::pause;
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

/// A file system of its own in memory.
struct Disk(PathBuf);

impl Disk {
    fn mount(name: &str, mib: u32) -> Self {
        let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name);
        std::fs::create_dir_all(&path).expect("a folder to mount it at");
        let disk = Self(path);
        disk.run("mount", &["-t", "tmpfs", "-o", &format!("size={mib}m"), "tmpfs"]);
        disk
    }

    fn grow(&self, mib: u32) {
        self.run("mount", &["-o", &format!("remount,size={mib}m")]);
    }

    fn run(&self, program: &str, words: &[&str]) {
        let done = Command::new(program).args(words).arg(&self.0).status();
        assert!(done.is_ok_and(|status| status.success()), "{program} {words:?} takes root");
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        // Lazily: who panics still has the file open.
        drop(Command::new("umount").arg("-l").arg(&self.0).status());
    }
}

/// What is sold until there is no room left is there, and the sale goes on when there is room again.
#[test]
#[ignore = "mounts a file system, which takes root on Linux"]
fn disk_has_no_room() {
    block_on(async {
        let disk = Disk::mount("no_room", 6);
        let url = format!("sqlite://{}", disk.0.join("shop.db").display());
        Store::migrate(&url, &impatient()).await.expect("room for its tables");
        let shop = Shop::open(&url, impatient(), 10).await;
        let hall = shop.stage(200).await;
        let load = Load::start(&shop, hall, 16, 44);
        let began = Instant::now();
        while shop.store.stats().retried < 20 {
            assert!(began.elapsed() < Duration::from_mins(1), "there is room: {:?}", shop.store);
            pause(Duration::from_millis(50)).await;
        }
        let before = shop.ledger.tally();
        disk.grow(256);
        load.sells(200, Duration::from_mins(1)).await;
        load.end().await;
        let after = shop.judge(&url).await;
        assert!(before.written > 0 && after.written > before.written, "{before:?}, {after:?}");
        shop.close().await;
    });
}
