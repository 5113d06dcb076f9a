//! Servers that do not answer, and sessions that are all taken.

use std::time::Duration;

use ticketing_core::id::{ReservationId, UserId};
use ticketing_core::money::Currency;
use ticketing_core::page::{Limit, PageRequest};
use ticketing_core::port::{Inspect, Reservations};
use ticketing_sqlx::Options;
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout};
use uuid::Uuid;

use crate::ledger::pause;
use crate::load::Load;
use crate::on_each;
use crate::proxy::Proxy;
use crate::server::Server;
use crate::servers::Scratch;
use crate::shop::{Shop, impatient};

/// What the bounds of [`impatient`] add up to for one read, and for one commit that tries four times, on a
/// machine that is busy.
const READ_MAX: Duration = Duration::from_secs(8);
const COMMIT_MAX: Duration = Duration::from_secs(40);

/// Every call ends in bounded time while the server is silent, and all is well when it speaks again.
async fn server_falls_silent(server: Server) {
    let scratch = Scratch::new(server, "silent").await;
    let proxy = Proxy::before(&scratch.url, 1).await;
    let options = Options { outcome_timeout: Duration::from_secs(2), ..impatient() };
    let shop = Shop::open(proxy.url(), options, 4).await;
    let hall = shop.stage(100).await;
    let load = Load::start(&shop, hall, 16, 21);
    load.sells(10, Duration::from_secs(30)).await;
    proxy.freeze();
    let began = Instant::now();
    let office = shop.counter();
    let user = UserId::from_uuid(Uuid::from_u128(1));
    // Each session is stuck by now.
    for _ in 0..3 {
        let read = timeout(READ_MAX, office.balance(user, Currency::KRW)).await;
        let error = read.expect("a read that ends").expect_err("a server that is silent");
        assert!(error.is_transient(), "{error:?}");
    }
    println!("the server is silent for {:?}", began.elapsed());
    proxy.thaw();
    // No session is lost for good.
    let read =
        timeout(READ_MAX, office.balance(user, Currency::KRW)).await.expect("a read that ends");
    read.or_else(|error| if error.is_transient() { Ok(Currency::KRW.zero()) } else { Err(error) })
        .expect("a server that speaks");
    load.sells(10, COMMIT_MAX).await;
    load.end().await;
    shop.judge(&scratch.url).await;
    shop.close().await;
    scratch.remove().await;
}

/// A session whose read is not answered is given up, by its time or by who asked, and the pool opens another.
async fn unanswered_reads_cost_no_session(server: Server) {
    let scratch = Scratch::new(server, "unanswered").await;
    let proxy = Proxy::before(&scratch.url, 1).await;
    let options = impatient();
    let sessions = usize::try_from(options.read_connections).expect("a few");
    let shop = Shop::open(proxy.url(), options, 10).await;
    let reads = |within: Duration| {
        let office = shop.counter();
        let user = UserId::from_uuid(Uuid::from_u128(1));
        let read = move |_| {
            let office = office.clone();
            async move { timeout(within, office.balance(user, Currency::KRW)).await }
        };
        (0..sessions).map(read).collect::<JoinSet<_>>().join_all()
    };
    for patience in [READ_MAX, Duration::from_millis(300)] {
        let answers = reads(READ_MAX).await;
        assert!(answers.iter().all(|read| matches!(read, Ok(Ok(_)))), "{answers:?}");
        proxy.mute(true);
        for answer in reads(patience).await {
            match answer {
                Ok(answer) => assert!(answer.is_err_and(|error| error.is_transient())),
                Err(_) => assert!(patience < READ_MAX, "a read does not end"),
            }
        }
        proxy.mute(false);
    }
    assert_eq!(proxy.met(), 2 * sessions);
    let answers = reads(READ_MAX).await;
    assert!(answers.iter().all(|read| matches!(read, Ok(Ok(_)))), "sessions are lost: {answers:?}");
    shop.close().await;
    scratch.remove().await;
}

/// Reads by key share statements; one that is not answered holds up nobody who asks later.
async fn unanswered_read_by_key_holds_up_no_other(server: Server) {
    let scratch = Scratch::new(server, "held_up").await;
    let proxy = Proxy::before(&scratch.url, 1).await;
    let options = Options { statement_timeout: Duration::from_mins(5), ..impatient() };
    let shop = Shop::open(proxy.url(), options, 11).await;
    let find = || {
        let (store, id) = (shop.store.clone(), ReservationId::generate(&*shop.memory.ids));
        async move { Reservations::find(&store, id).await }
    };
    assert_eq!(find().await.expect("a read"), None);
    proxy.mute(true);
    let unanswered = tokio::spawn(find());
    let met = async {
        while proxy.met() == 0 {
            pause(Duration::from_millis(5)).await;
        }
    };
    timeout(READ_MAX, met).await.expect("it is sent");
    proxy.mute(false);
    for _ in 0..3 {
        let read = timeout(READ_MAX, find()).await.expect("it does not wait for the other");
        assert_eq!(read.expect("a read"), None);
    }
    assert!(!unanswered.is_finished());
    unanswered.abort();
    shop.close().await;
    scratch.remove().await;
}

/// A store is closed in bounded time although its server is silent, and says what it left.
async fn silent_server_does_not_hold_up_the_end(server: Server) {
    let scratch = Scratch::new(server, "silent_end").await;
    let proxy = Proxy::before(&scratch.url, 1).await;
    // Nothing but the end itself bounds how long it takes.
    let options = Options { statement_timeout: Duration::from_mins(1), ..impatient() };
    let shop = Shop::open(proxy.url(), options, 5).await;
    let hall = shop.stage(100).await;
    let load = Load::start(&shop, hall, 16, 22);
    load.sells(5, Duration::from_secs(30)).await;
    proxy.freeze();
    pause(Duration::from_millis(100)).await;
    let closed = timeout(Duration::from_secs(6), shop.store.close(Duration::from_secs(1))).await;
    let closed = closed.expect("an end in bounded time");
    println!("{closed:?}");
    assert!(closed.not_committed + closed.unknown > 0, "16 buyers wait for it: {closed:?}");
    proxy.thaw();
    load.end().await;
    shop.judge(&scratch.url).await;
    scratch.remove().await;
}

/// One session for all reads: none hangs, those that wait too long fail, and the sale goes on.
async fn sessions_run_out(server: Server) {
    let scratch = Scratch::new(server, "sessions").await;
    let connect_timeout = Duration::from_millis(100);
    let options = Options { read_connections: 1, connect_timeout, ..impatient() };
    let mut tries = 0;
    let shop = loop {
        // A session of its own may take longer to open on a busy machine.
        let ledger = crate::ledger::Ledger::default();
        match Shop::try_open(&scratch.url, options.clone(), 6, ledger).await {
            Ok(shop) => break shop,
            Err(error) => assert!(tries < 20, "{error}"),
        }
        tries += 1;
    };
    let hall = shop.stage(100).await;
    let load = Load::start(&shop, hall, 8, 23);
    let mut reads = JoinSet::new();
    // More than one session answers in the time that they wait for it.
    for _ in 0..4_000 {
        let store = shop.store.clone();
        reads
            .spawn(async move { store.outbox(PageRequest::first(Limit::DEFAULT)).await.map(drop) });
    }
    let (mut answered, mut failed) = (0, 0);
    while let Some(read) = timeout(READ_MAX, reads.join_next()).await.expect("a read that ends") {
        match read.expect("a read does not panic") {
            Ok(()) => answered += 1,
            Err(error) if error.fault() == ticketing_core::error::Fault::Transient => failed += 1,
            Err(error) => panic!("{error}"),
        }
    }
    println!("{answered} reads answered, {failed} had no session in time");
    assert!(answered > 0 && failed > 0, "{answered} reads answered, {failed} failed");
    load.sells(5, Duration::from_secs(30)).await;
    load.end().await;
    shop.judge(&scratch.url).await;
    shop.close().await;
    scratch.remove().await;
}

on_each!(mysql: MySql, mariadb: MariaDb => {
    server_falls_silent();
    unanswered_read_by_key_holds_up_no_other();
    unanswered_reads_cost_no_session();
    silent_server_does_not_hold_up_the_end();
});

mod pool {
    use super::*;

    on_each!(sqlite: Sqlite, mysql: MySql, mariadb: MariaDb => { sessions_run_out(); });
}
