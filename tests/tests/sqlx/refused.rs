//! An event that the database itself refuses, just before COMMIT.

use sqlx::{Connection, Executor, MySqlConnection};
use ticketing_core::change_set::ChangeSet;
use ticketing_core::error::Fault;
use ticketing_core::id::{ChangeSetId, EntryId, UserId};
use ticketing_core::ledger::{Account, AccountKey, Booking, JournalEntry};
use ticketing_core::memory::SystemClock;
use ticketing_core::money::{Currency, Money};
use ticketing_core::port::{Clock, CommitError, Ledger as _, Store as _};
use tokio::task::JoinSet;

use crate::world::{Server, block_on, real};

const COUNT: usize = 12;

async fn an_event_that_is_refused_fails_alone(server: Server) {
    let (url, store, ids) = real(server, "refused").await;
    let refused = ChangeSetId::generate(&ids);
    let mut session = MySqlConnection::connect(&url).await.expect("the server");
    let rule =
        format!("ALTER TABLE tk_outbox ADD CONSTRAINT refuses CHECK (body NOT LIKE '%{refused}%')");
    session.execute(sqlx::raw_sql(&rule)).await.expect("a rule");
    let amount = Money::from_minor(1_000, Currency::KRW).expect("an amount");
    let mut commits = JoinSet::new();
    for number in 0..COUNT {
        let id = if number == COUNT / 2 { refused } else { ChangeSetId::generate(&ids) };
        let booking = Booking { id: EntryId::generate(&ids), at: SystemClock.now() };
        let user = UserId::generate(&ids);
        let entry = JournalEntry::top_up(booking, user, amount).expect("an entry");
        let changes = ChangeSet::new(id, booking.at).post(entry);
        let store = store.clone();
        commits.spawn(async move { (id, user, store.commit(changes).await) });
    }
    while let Some(ended) = commits.join_next().await {
        let (id, user, answer) = ended.expect("a task that ends");
        let wallet = AccountKey { account: Account::Wallet(user), currency: Currency::KRW };
        let balance = store.balance(wallet).await.expect("a balance");
        if id == refused {
            let is_permanent = matches!(
                &answer,
                Err(CommitError::Port(error)) if error.fault() == Fault::Permanent
            );
            assert!(is_permanent && balance == 0, "{answer:?}, {balance}");
        } else {
            assert!(answer.is_ok() && balance == 1_000, "{answer:?}, {balance}");
        }
    }
    let stats = store.stats();
    assert_eq!((stats.unknown, stats.retried), (0, 0), "an answer is an answer: {stats:?}");
}

#[test]
fn an_event_that_mysql_refuses_fails_alone() {
    block_on(an_event_that_is_refused_fails_alone(Server::MySql));
}

#[test]
fn an_event_that_mariadb_refuses_fails_alone() {
    block_on(an_event_that_is_refused_fails_alone(Server::MariaDb));
}
