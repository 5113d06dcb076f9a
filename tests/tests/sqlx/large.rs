//! One change set of more rows than a statement carries, on a real database.

use std::collections::BTreeSet;

use chrono::TimeDelta;
use ticketing_core::aggregate::Aggregate as _;
use ticketing_core::change_set::ChangeSet;
use ticketing_core::id::{
    ChangeSetId, HoldToken, PerformanceId, ReservationId, ShowId, TicketId, UserId,
};
use ticketing_core::label::{Grade, Label};
use ticketing_core::memory::{ClockIds, SystemClock};
use ticketing_core::money::{Currency, Money};
use ticketing_core::page::{Limit, PageRequest};
use ticketing_core::policy::Deadlines;
use ticketing_core::port::{Clock, CommitError, Inspect, Store as _};
use ticketing_core::reservation::{NewReservation, Reservation, SeatLine};
use ticketing_core::seat::SeatNo;
use ticketing_core::ticket::{Ticket, TicketState};
use ticketing_sqlx::Store;

use crate::world::{Server, block_on, real};

/// More than the 1,024 rows of one statement.
const ROWS: usize = 1_030;

fn reservation(ids: &ClockIds) -> Reservation {
    let now = SystemClock.now();
    let price = Money::from_minor(1_000, Currency::KRW).expect("a price");
    let grade = Grade::new("R").expect("a grade");
    let new = NewReservation {
        id: ReservationId::generate(ids),
        performance: PerformanceId::generate(ids),
        show: ShowId::generate(ids),
        starts_at: now + TimeDelta::days(30),
        user: UserId::generate(ids),
        lines: vec![SeatLine { seat: SeatNo(0), grade, price }],
        hold: HoldToken::generate(ids),
    };
    Reservation::make(new, &Deadlines::default(), now).expect("a reservation")
}

async fn all(store: &Store) -> Vec<Ticket> {
    let (mut found, mut after) = (Vec::new(), None);
    loop {
        let page = PageRequest::next(after, Limit::new(Limit::MAX).expect("the largest limit"));
        let page = Inspect::tickets(store, page).await.expect("a read");
        found.extend(page.items);
        after = page.next;
        if after.is_none() {
            return found;
        }
    }
}

fn admitted(mut ticket: Ticket) -> Ticket {
    let gate = Label::new("A").expect("a gate");
    ticket.admit(gate, SystemClock.now()).expect("nobody went in with it");
    ticket
}

async fn many_rows_are_one_commit(server: Server) {
    let (_, store, ids) = real(server, "large").await;
    let empty = || ChangeSet::new(ChangeSetId::generate(&ids), SystemClock.now());
    let of = reservation(&ids);
    let issue = |_| Ticket::issue(TicketId::generate(&ids), &of, SeatNo(0), SystemClock.now());
    let new = (0..ROWS).map(issue).fold(empty(), ChangeSet::save);
    let _ = store.commit(new).await.expect("they are new");
    let issued = all(&store).await;
    let different: BTreeSet<_> = issued.iter().map(Ticket::id).collect();
    assert_eq!((issued.len(), different.len()), (ROWS, ROWS));

    let mut some = issued.clone();
    let last = some.pop().expect("there are some");
    let used = some.into_iter().map(admitted).fold(empty(), ChangeSet::save);
    let _ = store.commit(used).await.expect("each is as it was read");
    let is_used = |ticket: &Ticket| matches!(ticket.state(), TicketState::Used { .. });
    assert_eq!(all(&store).await.iter().filter(|ticket| is_used(ticket)).count(), ROWS - 1);

    // One of them all is stale: none is written.
    let stale = issued[ROWS / 2].reference();
    let again = [last, issued[ROWS / 2].clone()].into_iter().map(admitted);
    let refused = store.commit(again.fold(empty(), ChangeSet::save)).await;
    assert!(matches!(refused, Err(CommitError::Conflict(of)) if of == stale), "{refused:?}");
    assert_eq!(all(&store).await.iter().filter(|ticket| is_used(ticket)).count(), ROWS - 1);
}

/// New and known rows of one table in one change set: few, and more than a statement takes.
async fn new_and_known_rows_are_one_commit(server: Server) {
    let (_, store, ids) = real(server, "mixed").await;
    let empty = || ChangeSet::new(ChangeSetId::generate(&ids), SystemClock.now());
    let of = reservation(&ids);
    let issue = || Ticket::issue(TicketId::generate(&ids), &of, SeatNo(0), SystemClock.now());
    let is_used = |ticket: &Ticket| matches!(ticket.state(), TicketState::Used { .. });
    let mut used = 0;
    for rows in [2, ROWS / 2 + 100] {
        let new = (0..rows).map(|_| issue()).fold(empty(), ChangeSet::save);
        let _ = store.commit(new).await.expect("they are new");
        let known: Vec<_> = all(&store).await.into_iter().filter(|known| !is_used(known)).collect();
        let taken = known.iter().take(rows).cloned().map(admitted);
        let both = taken.chain((0..rows).map(|_| issue())).fold(empty(), ChangeSet::save);
        let _ = store.commit(both).await.expect("some are new, the others as they were read");
        used += rows;
        assert_eq!(all(&store).await.iter().filter(|ticket| is_used(ticket)).count(), used);
    }

    // One beside them is not as it was read, or is there already: none is written.
    let before = all(&store).await;
    let fresh: Vec<_> = before.iter().filter(|known| !is_used(known)).cloned().collect();
    let (stale, known) = (&fresh[0], &fresh[1]);
    let _ = store.commit(empty().save(admitted(stale.clone()))).await.expect("it is fresh");
    let late = empty().save(admitted(stale.clone())).save(admitted(known.clone())).save(issue());
    let refused = store.commit(late).await;
    let is_it = |of| of == stale.reference();
    assert!(matches!(refused, Err(CommitError::Conflict(of)) if is_it(of)), "{refused:?}");
    let there = Ticket::issue(stale.id(), &of, SeatNo(0), SystemClock.now());
    let refused = store.commit(empty().save(there).save(admitted(known.clone()))).await;
    assert!(matches!(refused, Err(CommitError::Conflict(of)) if is_it(of)), "{refused:?}");
    let after = all(&store).await;
    assert_eq!(after.len(), before.len());
    assert_eq!(after.iter().filter(|ticket| is_used(ticket)).count(), used + 1);
}

#[test]
fn new_and_known_rows_are_one_commit_on_sqlite() {
    block_on(new_and_known_rows_are_one_commit(Server::Sqlite));
}

#[test]
fn new_and_known_rows_are_one_commit_on_mysql() {
    block_on(new_and_known_rows_are_one_commit(Server::MySql));
}

#[test]
fn new_and_known_rows_are_one_commit_on_mariadb() {
    block_on(new_and_known_rows_are_one_commit(Server::MariaDb));
}

#[test]
fn many_rows_are_one_commit_on_sqlite() {
    block_on(many_rows_are_one_commit(Server::Sqlite));
}

#[test]
fn many_rows_are_one_commit_on_mysql() {
    block_on(many_rows_are_one_commit(Server::MySql));
}

#[test]
fn many_rows_are_one_commit_on_mariadb() {
    block_on(many_rows_are_one_commit(Server::MariaDb));
}
