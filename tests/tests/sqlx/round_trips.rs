//! What a flush asks of a server.

use ticketing_core::change_set::ChangeSet;
use ticketing_core::id::{ChangeSetId, EntryId, UserId};
use ticketing_core::ledger::{Booking, JournalEntry};
use ticketing_core::memory::SystemClock;
use ticketing_core::money::{Currency, Money};
use ticketing_core::port::{Clock, Store as _};

use crate::world::{Server, block_on, real};

/// Enough that both sessions of the lane are open.
const FIRST: u64 = 4;
const COUNTED: u64 = 10;

/// Everything in one go, then the events with COMMIT.
async fn a_flush_is_two_round_trips(server: Server) {
    let (_, store, ids) = real(server, "trips").await;
    let mut before = store.stats();
    for number in 0..FIRST + COUNTED {
        if number == FIRST {
            before = store.stats();
        }
        let booking = Booking { id: EntryId::generate(&ids), at: SystemClock.now() };
        let amount = Money::from_minor(1_000, Currency::KRW).expect("an amount");
        let entry = JournalEntry::top_up(booking, UserId::generate(&ids), amount);
        let changes = ChangeSet::new(ChangeSetId::generate(&ids), booking.at);
        let _ = store.commit(changes.post(entry.expect("an entry"))).await.expect("a commit");
    }
    let after = store.stats();
    assert_eq!(after.flushes - before.flushes, COUNTED);
    assert_eq!(after.round_trips - before.round_trips, 2 * COUNTED);
}

#[test]
fn a_flush_of_mysql_is_two_round_trips() {
    block_on(a_flush_is_two_round_trips(Server::MySql));
}

#[test]
fn a_flush_of_mariadb_is_two_round_trips() {
    block_on(a_flush_is_two_round_trips(Server::MariaDb));
}
