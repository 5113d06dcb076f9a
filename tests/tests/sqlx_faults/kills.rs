//! Servers that are killed, and servers that may not write.

use std::time::Duration;

use ticketing_core::change_set::ChangeSet;
use ticketing_core::error;
use ticketing_core::id::ChangeSetId;
use ticketing_core::memory::SystemClock;
use ticketing_core::port::{Clock as _, CommitError, Store as _};
use ticketing_core::seat::{ClaimOwner, SeatNo, Seats};
use ticketing_core::service::Failure;
use ticketing_core::service::performances::PerformanceError;
use ticketing_sqlx::Options;

use crate::ledger::pause;
use crate::load::Load;
use crate::on_each;
use crate::proxy::{Fault, Proxy};
use crate::server::Server;
use crate::servers::Own;
use crate::shop::{Hall, Shop, impatient};

/// How long a sale may take to go on after a server came back.
const BACK_MAX: Duration = Duration::from_mins(1);

/// `kill -9` in the middle of a sale, then a start on the same data, again and again.
async fn server_is_killed(server: Server, rounds: u64) {
    let mut own = Own::start(server).await;
    let url = own.database("killed").await;
    let options = Options { outcome_timeout: Duration::from_secs(20), ..impatient() };
    let shop = Shop::open(&url, options, 7).await;
    let hall = shop.stage(100).await;
    let load = Load::start(&shop, hall, 24, 31);
    for round in 0..rounds {
        load.sells(20 + 7 * round, BACK_MAX).await;
        tokio::task::block_in_place(|| own.kill());
        // Sometimes it is away for longer than a statement may take.
        pause(Duration::from_millis(1_500 * (round % 2))).await;
        tokio::task::block_in_place(|| own.up());
    }
    load.sells(20, BACK_MAX).await;
    load.end().await;
    shop.judge(&url).await;
    shop.close().await;
}

/// The server stops writing for a while, also between the statements of a transaction and its COMMIT.
async fn server_is_read_only(server: Server, rounds: u64) {
    let own = Own::start(server).await;
    let url = own.database("read_only").await;
    // Less than it may not write for: a refused COMMIT is an answer, not a lost one.
    let options = Options { outcome_timeout: Duration::from_secs(1), ..impatient() };
    let shop = Shop::open(&url, options, 8).await;
    let hall = shop.stage(100).await;
    let load = Load::start(&shop, hall, 24, 32);
    // MySQL waits for open transactions, or refuses their COMMIT; MariaDB spares nobody but root.
    let (on, off) = ("SET GLOBAL read_only = 1", "SET GLOBAL read_only = 0");
    for _ in 0..rounds {
        load.sells(10, BACK_MAX).await;
        own.run_as_root(on).await;
        let (sold, before) = (load.sold(), load.failed());
        pause(Duration::from_secs(2)).await;
        println!("{} sold, {} calls failed meanwhile", load.sold() - sold, load.failed() - before);
        assert!(load.failed() > before, "nothing failed on a server that may not write");
        own.run_as_root(off).await;
    }
    load.sells(20, BACK_MAX).await;
    load.end().await;
    let tally = shop.judge(&url).await;
    assert_eq!(tally.unknown, 0, "a server that answers leaves nothing unknown: {tally:?}");
    shop.close().await;
}

/// A COMMIT that the server refuses to write is refused, however long the server does so: with the events
/// before it, and alone.
async fn read_only_server_refuses_a_commit(server: Server) {
    let own = Own::start(server).await;
    let url = own.database("refused").await;
    let proxy = Proxy::before(&url, 1).await;
    let options = Options {
        statement_timeout: Duration::from_secs(30),
        outcome_timeout: Duration::from_secs(1),
        ..impatient()
    };
    let shop = Shop::open(proxy.url(), options, 9).await;
    let hall = shop.stage(10).await;
    let with_events = {
        let (office, Hall { seller, performance, .. }) = (shop.counter(), hall);
        async move { office.block(seller, performance, Seats::one(SeatNo(1))).await.map(drop) }
    };
    let answer = while_read_only(&own, &proxy, with_events).await;
    let is_refused = matches!(
        &answer,
        Err(PerformanceError::Failed(Failure::Port(error))) if error.fault() == error::Fault::Transient
    );
    assert!(is_refused, "{answer:?}");
    let alone = {
        let (store, id) = (shop.store.clone(), ChangeSetId::generate(&*shop.memory.ids));
        let changes = ChangeSet::new(id, SystemClock.now());
        let changes = changes.claim(hall.performance, Seats::one(SeatNo(2)), ClaimOwner::House);
        assert!(changes.events().is_empty());
        async move { store.commit(changes).await.map(drop) }
    };
    let answer = while_read_only(&own, &proxy, alone).await;
    let is_refused = matches!(
        &answer,
        Err(CommitError::Port(error)) if error.fault() == error::Fault::Transient
    );
    assert!(is_refused, "{answer:?}");
    let claimed = shop.counter().ports().claims.bits(hall.performance, hall.seats).await;
    let claimed = claimed.expect("a read");
    assert!((0..hall.seats).all(|seat| claimed.get(SeatNo(seat)).is_none()));
    shop.judge(&url).await;
    shop.close().await;
}

/// What a call answers whose COMMIT arrives at a server that only reads by then.
async fn while_read_only<T: Send + 'static>(
    own: &Own,
    proxy: &Proxy,
    call: impl Future<Output = T> + Send + 'static,
) -> T {
    let before = proxy.met();
    proxy.script([Fault::HoldBack]);
    let called = tokio::spawn(call);
    let met = async {
        while proxy.met() == before {
            pause(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(BACK_MAX, met).await.expect("a commit comes");
    own.run_as_root("SET GLOBAL read_only = 1").await;
    proxy.thaw();
    let answer = called.await.expect("no panic");
    own.run_as_root("SET GLOBAL read_only = 0").await;
    answer
}

on_each!(mysql: MySql, mariadb: MariaDb => {
    read_only_server_refuses_a_commit();
    server_is_killed(2);
    server_is_read_only(2);
});

mod long {
    use super::*;

    on_each!(mysql: MySql, mariadb: MariaDb => {
        #[ignore = "takes minutes"] server_is_killed(20);
        #[ignore = "takes a minute"] server_is_read_only(20);
    });
}
