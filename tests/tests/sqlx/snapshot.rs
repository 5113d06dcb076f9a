//! A database at one moment, and what the ledger says twice.

use sqlx::{Connection, Executor, MySqlConnection, SqliteConnection};
use ticketing_core::change_set::ChangeSet;
use ticketing_core::id::{ChangeSetId, EntryId, UserId};
use ticketing_core::ledger::{Booking, JournalEntry};
use ticketing_core::memory::{ClockIds, SystemClock};
use ticketing_core::money::{Currency, Money};
use ticketing_core::page::{Limit, PageRequest};
use ticketing_core::port::{Clock, Store as _};
use ticketing_sqlx::{Books, Snapshot, Store};

use crate::world::{Server, block_on, real};

/// A database with a store over it.
struct Town {
    server: Server,
    url: String,
    store: Store,
    ids: ClockIds,
}

impl Town {
    async fn of(server: Server, name: &str) -> Self {
        let (url, store, ids) = real(server, name).await;
        Self { server, url, store, ids }
    }

    /// Gives somebody 1,000 won.
    async fn top_up(&self) {
        let now = SystemClock.now();
        let amount = Money::from_minor(1_000, Currency::KRW).expect("an amount");
        let booking = Booking { id: EntryId::generate(&self.ids), at: now };
        let entry = JournalEntry::top_up(booking, UserId::generate(&self.ids), amount);
        let changes = ChangeSet::new(ChangeSetId::generate(&self.ids), now);
        let changes = changes.post(entry.expect("an entry"));
        let _ = self.store.commit(changes).await.expect("a commit");
    }

    async fn books(&self) -> Books {
        let snapshot = self.store.snapshot().await.expect("a snapshot");
        let books = snapshot.check_books().await.expect("books");
        snapshot.close().await;
        books
    }

    /// Changes one row behind the store's back.
    async fn tamper(&self, sql: &'static str) {
        let rows = if self.server == Server::Sqlite {
            let mut session = SqliteConnection::connect(&self.url).await.expect("the file");
            session.execute(sql).await.expect("a statement").rows_affected()
        } else {
            let mut session = MySqlConnection::connect(&self.url).await.expect("the server");
            session.execute(sql).await.expect("a statement").rows_affected()
        };
        assert_eq!(rows, 1, "{sql}");
    }
}

async fn entries(snapshot: &Snapshot) -> usize {
    let page = PageRequest::first(Limit::new(Limit::MAX).expect("the largest limit"));
    snapshot.inspect().entries(page).await.expect("entries").items.len()
}

async fn stands_still(server: Server) {
    let town = Town::of(server, "moment").await;
    let empty = town.store.snapshot().await.expect("a snapshot");
    assert_eq!((empty.last_decided_at(), entries(&empty).await), (None, 0));
    town.top_up().await;
    let one = town.store.snapshot().await.expect("a snapshot");
    town.top_up().await;
    assert!(one.last_decided_at().is_some() && !one.has_dropped_events());
    assert_eq!((entries(&empty).await, entries(&one).await), (0, 1));
    let books = one.check_books().await.expect("books");
    assert!(books.are_sound(), "{books:?}");
    assert_eq!((books.postings.checked, books.balances.checked), (1, 2));
    empty.close().await;
    one.close().await;
}

async fn names_what_differs(server: Server) {
    let town = Town::of(server, "books").await;
    for _ in 0..5 {
        town.top_up().await;
    }
    assert!(town.books().await.are_sound());

    // Lanes add to slots of their own: one of them.
    town.tamper(
        "UPDATE tk_balance SET balance = balance + 7 \
         WHERE slot = (SELECT slot FROM (SELECT MIN(slot) AS slot FROM tk_balance) AS least)",
    )
    .await;
    let books = town.books().await;
    assert_eq!((books.balances.checked, books.balances.unlike, books.postings.unlike), (6, 1, 0));
    let told = "clearing in KRW: the balance is -4993, its postings sum to -5000";
    assert_eq!(books.balances.told, [told]);
    town.tamper(
        "UPDATE tk_balance SET balance = balance - 7 \
         WHERE slot = (SELECT slot FROM (SELECT MIN(slot) AS slot FROM tk_balance) AS least)",
    )
    .await;

    // To another account: the sum of the entry is as before.
    town.tamper("UPDATE tk_posting SET account = 9 WHERE account = 3 AND entry = (SELECT MIN(id) FROM tk_entry)").await;
    let books = town.books().await;
    assert_eq!((books.balances.unlike, books.postings.unlike), (2, 1));
    assert!(books.postings.told[0].ends_with("its postings are not those of its body"));
    town.tamper("UPDATE tk_posting SET account = 3 WHERE account = 9").await;
    assert!(town.books().await.are_sound());

    town.tamper("DELETE FROM tk_entry WHERE id = (SELECT id FROM (SELECT MIN(id) AS id FROM tk_entry) AS least)").await;
    let books = town.books().await;
    assert_eq!((books.postings.checked, books.postings.unlike), (4, 1));
}

macro_rules! on {
    ($($name:ident: $server:ident,)*) => {
        $(mod $name {
            use super::*;

            #[test]
            fn a_snapshot_sees_no_later_commit() {
                block_on(stands_still(Server::$server));
            }

            #[test]
            fn what_the_ledger_says_twice_is_compared() {
                block_on(names_what_differs(Server::$server));
            }
        })*
    };
}

on! { sqlite: Sqlite, mysql: MySql, mariadb: MariaDb, }
