//! A change set that its caller sends again elsewhere, while the store looks for the COMMIT that it was in.

use std::time::Duration;

use ticketing_core::change_set::ChangeSet;
use ticketing_core::id::{ChangeSetId, EntryId, UserId};
use ticketing_core::ledger::{Account, AccountKey, Booking, JournalEntry};
use ticketing_core::memory::SystemClock;
use ticketing_core::money::{Currency, Money};
use ticketing_core::port::{Clock, Committed, Ledger, Store as _};
use ticketing_sqlx::{Options, Store};

use crate::ledger::pause;
use crate::on_each;
use crate::proxy::{Fault, Proxy};
use crate::server::Server;
use crate::servers::Scratch;
use crate::shop::{PRICE, Shop, impatient};

const PATIENCE: Duration = Duration::from_secs(30);

/// Points for a user who has none.
fn top_up(shop: &Shop) -> (UserId, ChangeSet) {
    let (ids, at) = (&*shop.memory.ids, SystemClock.now());
    let user = UserId::generate(ids);
    let amount = Money::from_minor(PRICE, Currency::KRW).expect("an amount");
    let booking = Booking { id: EntryId::generate(ids), at };
    let entry = JournalEntry::top_up(booking, user, amount).expect("an entry");
    (user, ChangeSet::new(ChangeSetId::generate(ids), at).post(entry))
}

async fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    let is_so = async {
        while !is_so() {
            pause(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(PATIENCE, is_so).await.expect(what);
}

/// The COMMIT of two change sets is lost and rolled back; the first is committed by another store before it
/// is looked for. That it is there does not mean that the second is.
async fn lost_commit_is_not_taken_for_another_stores(server: Server) {
    let scratch = Scratch::new(server, "resent").await;
    let proxy = Proxy::before(&scratch.url, 1).await;
    let options =
        Options { lanes: 1, statement_timeout: PATIENCE, outcome_timeout: PATIENCE, ..impatient() };
    let shop = Shop::open(proxy.url(), options, 4).await;
    let other = Store::connect(&scratch.url, impatient(), std::sync::Arc::new(SystemClock)).await;
    let other = other.expect("the database itself");
    // Both sessions of the lane are open.
    for _ in 0..4 {
        let _ = shop.store.commit(top_up(&shop).1).await.expect("nothing is in its way");
    }

    let [before, first, second] = [(); 3].map(|()| top_up(&shop));
    assert!(first.1.id() < second.1.id());
    let send = |changes: &ChangeSet| {
        let (store, changes) = (shop.store.clone(), changes.clone());
        tokio::spawn(async move { store.commit(changes).await })
    };
    proxy.freeze();
    let met = proxy.met();
    proxy.script([Fault::Late(Duration::ZERO), Fault::CutAndFreeze]);
    let reads = shop.store.stats().reads;
    let earlier = send(&before.1);
    until("a flush begins", || shop.store.stats().reads > reads).await;
    let (one, two) = (send(&first.1), send(&second.1));
    until("both wait", || shop.store.stats().waiting == 2).await;
    proxy.thaw();
    until("the commit of both is cut", || proxy.met() == met + 2).await;
    let again = other.commit(first.1.clone()).await;
    assert!(matches!(again, Ok(Committed::Done)), "{again:?}");
    proxy.thaw();
    for call in [earlier, one, two] {
        let answer = call.await.expect("no panic");
        assert!(matches!(answer, Ok(Committed::Done)), "{answer:?}");
    }
    for (user, _) in [before, first, second] {
        let wallet = AccountKey { account: Account::Wallet(user), currency: Currency::KRW };
        assert_eq!(other.balance(wallet).await.expect("a read"), PRICE);
    }
    shop.close().await;
    let closed = other.close(PATIENCE).await;
    assert_eq!((closed.not_committed, closed.unknown), (0, 0));
    scratch.remove().await;
}

on_each!(mysql: MySql, mariadb: MariaDb => {
    lost_commit_is_not_taken_for_another_stores();
});
