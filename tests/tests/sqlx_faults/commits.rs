//! Connections that are cut, held up or slow at COMMIT, and anywhere else.

use std::time::Duration;

use ticketing_core::box_office::TopUp;
use ticketing_core::id::UserId;
use ticketing_core::label::Token;
use ticketing_core::memory::SeededRandom;
use ticketing_core::money::{Currency, Money};
use ticketing_core::port::Random;
use ticketing_core::service::Failure;
use ticketing_core::service::wallet::TopUpError;
use uuid::Uuid;

use crate::ledger::pause;
use crate::load::Load;
use crate::on_each;
use crate::proxy::{Fault, Proxy};
use crate::server::Server;
use crate::servers::Scratch;
use crate::shop::{PRICE, Shop, impatient};

/// How a change set does whose COMMIT meets a fault.
struct Case {
    scratch: Scratch,
    proxy: Proxy,
    shop: Shop,
}

impl Case {
    async fn new(server: Server, name: &str) -> Self {
        let scratch = Scratch::new(server, name).await;
        let proxy = Proxy::before(&scratch.url, 1).await;
        let shop = Shop::open(proxy.url(), impatient(), 3).await;
        Self { scratch, proxy, shop }
    }

    /// Commits one change set.
    async fn commit(&self, number: u128) -> Result<(), TopUpError> {
        let wanted = TopUp {
            user: UserId::from_uuid(Uuid::from_u128(number)),
            amount: Money::from_minor(PRICE, Currency::KRW).expect("an amount"),
            key: Token::new(&number.to_string()).expect("a key"),
        };
        self.shop.counter().top_up(wanted).await.map(drop)
    }

    async fn end(self, written: usize) {
        self.proxy.calm();
        let tally = self.shop.judge(&self.scratch.url).await;
        assert_eq!((tally.written, tally.refused), (written, 0), "{tally:?}");
        self.shop.close().await;
        self.scratch.remove().await;
    }
}

/// The caller is told the truth at once, and the flush runs again exactly if it was rolled back.
async fn lost_commit_is_found_out(server: Server) {
    let case = Case::new(server, "lost_commit").await;
    let faults = [
        (Fault::CutBefore, Some(1)),
        (Fault::CutWithin, Some(1)),
        // The server may notice either first.
        (Fault::CutAtOnce, None),
        (Fault::CutAfter, Some(0)),
        // Longer than the statement may take: the outcome is looked for while it is still open.
        (Fault::Late(Duration::from_millis(1_500)), Some(0)),
        (Fault::HoldAnswer, Some(0)),
    ];
    let count = faults.len();
    for (number, (fault, retries)) in (1..).zip(faults) {
        let before = case.shop.store.stats();
        case.proxy.script([fault]);
        case.commit(number).await.unwrap_or_else(|error| panic!("{fault:?}: {error}"));
        let retried = case.shop.store.stats().retried - before.retried;
        assert!(retries.is_none_or(|retries| retries == retried), "{fault:?}: {retried} retries");
    }
    assert_eq!(case.proxy.met(), count);
    case.end(count).await;
}

/// A COMMIT on its way for longer than it is looked for: unknown, and later committed.
async fn commit_on_its_way_is_unknown(server: Server) {
    let case = Case::new(server, "unknown_commit").await;
    case.proxy.script([Fault::HoldBack]);
    let answer = case.commit(1).await;
    let unknown = matches!(answer, Err(TopUpError::Failed(Failure::Unknown(_))));
    assert!(unknown, "expected Unknown, got {answer:?}");
    // Others are not held up by it.
    case.commit(2).await.expect("a commit beside it");
    case.proxy.thaw();
    case.end(2).await;
}

/// A crowd whose commits go wrong in every way.
async fn commits_go_wrong(server: Server, time: Duration, seed: u64) {
    println!("seed {seed}");
    let case = Case::new(server, "commits_go_wrong").await;
    let hall = case.shop.stage(100).await;
    let load = Load::start(&case.shop, hall, 24, seed);
    let random = SeededRandom::new(seed);
    let kinds = [
        Fault::CutBefore,
        Fault::CutWithin,
        Fault::CutAtOnce,
        Fault::CutAfter,
        Fault::Late(Duration::from_millis(30)),
        Fault::Late(Duration::from_millis(1_200)),
    ];
    let ends = tokio::time::Instant::now() + time;
    let mut asked = 0;
    while tokio::time::Instant::now() < ends {
        // Each kind comes up, then any.
        let kind = if asked < kinds.len() { asked as u64 } else { random.next_u64() };
        case.proxy.script([kinds[usize::try_from(kind % kinds.len() as u64).unwrap_or(0)]]);
        asked += 1;
        pause(Duration::from_millis(50 + random.next_u64() % 100)).await;
    }
    load.end().await;
    assert!(case.proxy.met() >= kinds.len(), "only {} faults happened", case.proxy.met());
    case.proxy.calm();
    let tally = case.shop.judge(&case.scratch.url).await;
    assert!(tally.written > 20, "{tally:?}");
    case.shop.close().await;
    case.scratch.remove().await;
}

/// Connections that are cut after any number of bytes.
async fn connections_are_cut_anywhere(server: Server, time: Duration, seed: u64) {
    println!("seed {seed}");
    let case = Case::new(server, "cut_anywhere").await;
    let hall = case.shop.stage(100).await;
    case.proxy.cut_after(Some(1_000..200_000));
    let load = Load::start(&case.shop, hall, 24, seed);
    pause(time).await;
    case.proxy.cut_after(None);
    load.sells(20, Duration::from_secs(30)).await;
    load.end().await;
    assert!(case.proxy.met() > 0, "no connection was cut");
    case.proxy.calm();
    let tally = case.shop.judge(&case.scratch.url).await;
    assert!(tally.written > 20, "{tally:?}");
    case.shop.close().await;
    case.scratch.remove().await;
}

on_each!(mysql: MySql, mariadb: MariaDb => {
    lost_commit_is_found_out();
    commit_on_its_way_is_unknown();
    commits_go_wrong(Duration::from_secs(4), 11);
    connections_are_cut_anywhere(Duration::from_secs(3), 12);
});

mod long {
    use super::*;

    on_each!(mysql: MySql, mariadb: MariaDb => {
        #[ignore = "takes a minute"] commits_go_wrong(Duration::from_mins(1), 13);
        #[ignore = "takes a minute"] connections_are_cut_anywhere(Duration::from_mins(1), 14);
    });
}
