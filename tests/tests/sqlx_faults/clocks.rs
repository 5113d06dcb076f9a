//! Clocks that jump while seats are sold and events are relayed.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use chrono::TimeDelta;
use ticketing_core::box_office::{BoxOffice, RelayOptions};
use ticketing_core::error::{Fault, PortError};
use ticketing_core::label::Label;
use ticketing_core::memory::SeededRandom;
use ticketing_core::page::{Limit, PageRequest};
use ticketing_core::port::{EventPublisher, OutboxError, OutboxRow, Ports, Random};
use ticketing_core::verify::PublishedEvents;

use crate::ledger::pause;
use crate::load::Load;
use crate::on_each;
use crate::server::Server;
use crate::servers::Scratch;
use crate::shop::{Shop, impatient};

/// How often what is left is relayed at the end: a lease that was taken before a clock jumped back may last.
const RUNS_MAX: u32 = 200;
/// How many partitions a run looks at while clocks jump, so that there are many runs.
const PARTITIONS: u16 = 4;

/// Two relays whose clocks jump each for itself, by up to half an hour, over a sale whose clocks do too: no
/// event is lost, however often a lease is taken away, and no reservation ends twice.
async fn clocks_jump(server: Server, time: Duration, seed: u64) {
    println!("seed {seed}");
    let scratch = Scratch::new(server, "clocks").await;
    let shops = [
        Shop::open(&scratch.url, impatient(), seed).await,
        Shop::open(&scratch.url, impatient(), seed + 1).await,
    ];
    let [first, second] = &shops;
    let hall = first.stage(100).await;
    let loads = [Load::start(first, hall, 8, seed), Load::start(second, hall, 8, seed + 2)];
    let random = SeededRandom::new(seed);
    let ends = tokio::time::Instant::now() + time;
    let (mut leased, mut fenced) = (0, 0);
    // Until a lease was taken away, which SQLite's busy writer lets them do seldom.
    let at_last = ends + Duration::from_secs(30);
    let now = tokio::time::Instant::now;
    while now() < ends || fenced == 0 && now() < at_last {
        let choice = usize::try_from(random.next_u64() % 2).expect("0 or 1");
        let seconds = i64::try_from(random.next_u64() % 3_600).expect("below an hour") - 1_800;
        shops[choice].clock.set_offset(TimeDelta::seconds(seconds));
        let start = random.next_u64();
        let (of_first, of_second) = tokio::join!(
            relay(first, "first", start, PARTITIONS),
            relay(second, "second", start, PARTITIONS)
        );
        leased += of_first.0 + of_second.0;
        fenced += of_first.1 + of_second.1;
        let page = PageRequest::first(Limit::DEFAULT);
        // What it finds due is due by a clock that may jump back.
        drop(shops[choice].counter().sweep_due(page).await);
        pause(Duration::from_millis(random.next_u64() % 50)).await;
    }
    let mut sold = 0;
    for load in loads {
        sold += load.end().await;
    }
    for shop in &shops {
        shop.clock.set_offset(TimeDelta::hours(1));
    }
    let mut published = PublishedEvents::new();
    relay_all(first).await;
    for shop in &shops {
        shop.memory.publisher.look_at_arrivals(|of, arrivals| {
            (1..=arrivals.highest())
                .filter(|n| arrivals.contains(*n))
                .for_each(|n| published.add(of, n));
        });
    }
    println!("{sold} sold, {leased} leases, {fenced} taken away");
    assert!(sold > 0 && fenced > 0, "{sold} sold, {leased} leases, {fenced} taken away");
    // What the second was told counts as the first's.
    second.ledger.settle(&second.store).await;
    second.ledger.hand_over(&first.ledger);
    first.judge_with(&scratch.url, Some(published)).await;
    for shop in shops {
        shop.close().await;
    }
    scratch.remove().await;
}

/// Takes its time, in which another may take the lease away.
struct Slow(Arc<dyn EventPublisher>);

#[async_trait]
impl EventPublisher for Slow {
    async fn publish(&self, events: Vec<OutboxRow>) -> Result<(), PortError> {
        pause(Duration::from_millis(5)).await;
        self.0.publish(events).await
    }
}

/// Two relays with this begin with the same partition.
struct Always(u64);

impl Random for Always {
    fn next_u64(&self) -> u64 {
        self.0
    }
}

/// How many partitions were leased, and how many of them another took over meanwhile.
async fn relay(shop: &Shop, owner: &str, start: u64, partitions_max: u16) -> (usize, usize) {
    let lease_ttl = Duration::from_secs(1);
    let options = RelayOptions { lease_ttl, partitions_max, ..RelayOptions::default() };
    let ports = shop.counter().ports().clone();
    let publisher = Arc::new(Slow(Arc::clone(&ports.publisher)));
    let office = BoxOffice::new(Ports { publisher, random: Arc::new(Always(start)), ..ports });
    let relayed = office.relay(&Label::new(owner).expect("a name"), &options).await;
    let relayed = relayed.expect("options in bounds");
    // SQLite's one writer may be busy.
    let is_transient = |error: &OutboxError| matches!(error, OutboxError::Port(error) if error.fault() == Fault::Transient);
    assert!(relayed.errors.iter().all(is_transient), "{relayed:?}");
    (relayed.leased, relayed.fenced)
}

async fn relay_all(shop: &Shop) {
    for _ in 0..RUNS_MAX {
        relay(shop, "first", 0, RelayOptions::default().partitions_max).await;
        let waiting = shop.counter().ports().outbox.waiting().await.expect("a count");
        if waiting == 0 {
            return;
        }
        pause(Duration::from_millis(20)).await;
    }
    panic!("events are left");
}

on_each!(sqlite: Sqlite, mysql: MySql, mariadb: MariaDb => {
    clocks_jump(Duration::from_secs(3), 51);
});

mod long {
    use super::*;

    on_each!(sqlite: Sqlite, mysql: MySql, mariadb: MariaDb => {
        #[ignore = "takes a minute"] clocks_jump(Duration::from_mins(1), 52);
    });
}
