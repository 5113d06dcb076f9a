use proptest::strategy::{Strategy, ValueTree};
use proptest::test_runner::TestRunner;

use super::DomainModel;
use crate::aggregate::AggregateKind;
use crate::change_set::{ChangeSet, Record};
use crate::ledger::EntryKind;
use crate::performance::Performance;
use crate::reservation::ReservationState;
use crate::testing::model::ModelStore;
use crate::testing::strategies::histories;
use crate::ticket::{Ticket, TicketState};

/// Histories that are looked at for something that can be broken.
const SAMPLES: usize = 60;

fn samples() -> Vec<Vec<ChangeSet>> {
    let mut runner = TestRunner::deterministic();
    let mut sample = || histories().new_tree(&mut runner).unwrap().current();
    (0..SAMPLES).map(|_| sample()).collect()
}

/// What is wrong with a history, if its rows are right.
fn run(history: &[ChangeSet]) -> Option<String> {
    let (mut rows, mut domain) = (ModelStore::new(), DomainModel::new());
    for changes in history {
        rows.must_accept(changes).unwrap_or_else(|violation| panic!("{violation}"));
        if let Err(violation) = domain.must_fit(&rows, changes) {
            assert_eq!(violation.change_set, changes.id());
            return Some(violation.text);
        }
    }
    None
}

/// Breaks the first change set that can be broken, and says what the model finds. `break_it` gives what is
/// written instead.
#[track_caller]
fn found(break_it: impl Fn(&ChangeSet) -> Option<Vec<ChangeSet>>) -> String {
    for mut history in samples() {
        let broken = history
            .iter()
            .enumerate()
            .find_map(|(place, changes)| break_it(changes).map(|instead| (place, instead)));
        if let Some((place, instead)) = broken {
            history.truncate(place);
            history.extend(instead);
            return run(&history).expect("what was broken is found");
        }
    }
    panic!("no history can be broken like this")
}

#[track_caller]
fn assert_found(text: &str, break_it: impl Fn(&ChangeSet) -> Option<Vec<ChangeSet>>) {
    let found = found(break_it);
    assert!(found.contains(text), "expected {text:?} in {found:?}");
}

fn edited(changes: &ChangeSet, edit: impl Fn(&mut ChangeSet)) -> Vec<ChangeSet> {
    let mut changes = changes.clone();
    edit(&mut changes);
    vec![changes]
}

fn sells(changes: &ChangeSet) -> bool {
    changes.records().any(|record| match record {
        Record::Ticket(ticket) => *ticket.state() == TicketState::Issued,
        _ => false,
    })
}

fn makes_reservation(changes: &ChangeSet) -> bool {
    changes.saves.iter().any(|save| {
        save.expected == 0 && save.record.aggregate().reference().kind == AggregateKind::Reservation
    })
}

fn used(changes: &ChangeSet) -> Option<Ticket> {
    changes.records().find_map(|record| match record {
        Record::Ticket(ticket) if matches!(ticket.state(), TicketState::Used { .. }) => {
            Some(Ticket::clone(ticket))
        }
        _ => None,
    })
}

fn drop_saves(changes: &mut ChangeSet, kind: AggregateKind) {
    changes.saves.retain(|save| save.record.aggregate().reference().kind != kind);
    changes.events.retain(|event| event.aggregate.kind != kind);
}

#[test]
fn what_use_cases_write_fits() {
    for history in samples() {
        assert_eq!(run(&history), None);
    }
}

#[test]
fn seats_places_and_tickets_are_those_of_the_reservation() {
    assert_found("is pending for reservation", |changes| {
        sells(changes).then(|| edited(changes, |changes| changes.claims.clear()))
    });
    assert_found("has no ticket of reservation", |changes| {
        sells(changes)
            .then(|| edited(changes, |changes| drop_saves(changes, AggregateKind::Ticket)))
    });
    assert_found("places, got 0", |changes| {
        makes_reservation(changes).then(|| edited(changes, |changes| changes.allowances.clear()))
    });
}

#[test]
fn a_ticket_is_used_once() {
    assert_found("was used, is used", |changes| {
        let again =
            ChangeSet::new(crate::id::ChangeSetId::from_uuid(uuid::Uuid::max()), changes.at);
        Some(vec![changes.clone(), again.save(used(changes)?)])
    });
}

#[test]
fn money_is_booked_as_it_came_and_went() {
    assert_found("booked are 0", |changes| {
        let purchase = |changes: &ChangeSet| {
            changes
                .entries
                .iter()
                .any(|entry| entry.kind() == EntryKind::Purchase && entry.resolves().is_none())
        };
        purchase(changes).then(|| {
            edited(changes, |changes| {
                changes.entries.clear();
                changes.events.retain(|event| event.aggregate.kind != AggregateKind::Entry);
            })
        })
    });
    assert_found("which is not saved", |changes| {
        let sent = changes.entries.iter().any(|entry| entry.kind() == EntryKind::RefundSent);
        sent.then(|| edited(changes, |changes| drop_saves(changes, AggregateKind::Refund)))
    });
}

#[test]
fn nothing_lapses_before_its_time() {
    assert_found("was pending, is expired at", |changes| {
        let expires = changes.records().find_map(|record| match record {
            Record::Reservation(now) if *now.state() == ReservationState::Expired => {
                Some(now.made_at())
            }
            _ => None,
        });
        expires.map(|at| edited(changes, |changes| changes.at = at))
    });
}

#[test]
fn nothing_is_reserved_of_a_performance_that_is_cancelled() {
    let performances = std::cell::RefCell::new(Vec::new());
    assert_found("is cancelled", |changes| {
        for record in changes.records() {
            if let Record::Performance(performance) = record {
                performances.borrow_mut().push(Performance::clone(performance));
            }
        }
        let reserves = makes_reservation(changes);
        let mut performance = performances.borrow().last().filter(|_| reserves).cloned()?;
        performance.cancel(changes.at).ok()?;
        let cancel =
            ChangeSet::new(crate::id::ChangeSetId::from_uuid(uuid::Uuid::max()), changes.at);
        let mut unguarded = changes.clone();
        unguarded.guards.clear();
        Some(vec![cancel.save(performance), unguarded])
    });
}
