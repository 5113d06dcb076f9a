//! A lively store verifies, and every way in which it can be broken is told.

mod fixture;
mod town;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use pollster::block_on;
use serde_json::json;
use uuid::Uuid;

use super::*;
use crate::aggregate::{AggregateKind, AggregateRef};
use crate::id::{HoldToken, PaymentId, UserId};
use crate::ledger::{Account, EntryKind};
use crate::page::Limit;
use crate::port::{Clock, HeldSeat};
use crate::seat::{ClaimOwner, ClaimStatus, SeatNo};
use fixture::{Fixture, edit};
use town::{Town, town};

fn options(town: &Town) -> VerifyOptions {
    let mut options = VerifyOptions::at(town.memory.clock.now());
    options.gateway = Some(GatewayTruth::from(&town.memory.gateway.money()));
    options.page = Limit::new(3).unwrap();
    options
}

/// The invariants that do not hold.
fn violated(store: &Fixture, options: &VerifyOptions) -> Vec<&'static str> {
    let report = block_on(verify(store, options)).unwrap();
    report.invariants.iter().filter(|found| !found.ok).map(|found| found.name).collect()
}

#[track_caller]
fn assert_violates(names: &[&str], break_it: impl FnOnce(&Town, &mut Fixture, &mut VerifyOptions)) {
    let town = town();
    let mut options = options(&town);
    let mut store = Fixture::copy(&town.memory.store);
    break_it(&town, &mut store, &mut options);
    assert_eq!(violated(&store, &options), names);
}

const SEATS: &str = "seats_with_two_owners";
const TICKETS: &str = "tickets_without_money";
const MONEY: &str = "money_without_ticket_or_refund";
const ENTRIES: &str = "entries_that_do_not_sum";
const WALLETS: &str = "wallets_below_zero";
const ALLOWANCES: &str = "allowances";
const EVENTS: &str = "events_missing_or_doubled";
const HOLDS: &str = "holds_leaked";
const STUCK: &str = "stuck_past_deadline";

#[test]
fn a_lively_store_keeps_every_invariant() {
    let town = town();
    let report = block_on(verify(&town.memory.store, &options(&town))).unwrap();
    assert!(report.is_sound(), "{report}");
    let names: Vec<&str> = report.invariants.iter().map(|found| found.name).collect();
    assert_eq!(names, INVARIANTS);
    let unlooked: Vec<_> = report.invariants.iter().filter(|found| found.checked == 0).collect();
    assert_eq!(unlooked, [report.get(HOLDS).unwrap()], "only holds were not given");
}

#[test]
fn an_empty_store_keeps_every_invariant() {
    let options = VerifyOptions::at(chrono::DateTime::UNIX_EPOCH);
    assert_eq!(violated(&Fixture::default(), &options), Vec::<&str>::new());
}

#[test]
fn a_seat_with_two_claims_or_a_wrong_one_is_told() {
    assert_violates(&[SEATS], |_, store, _| store.claims.push(store.claims[0]));
    assert_violates(&[SEATS], |_, store, _| {
        store.claims.pop();
    });
    assert_violates(&[SEATS], |_, store, _| store.claims[0].claim.status = ClaimStatus::Pending);
    assert_violates(&[SEATS], |_, store, _| store.claims[0].claim.owner = ClaimOwner::House);
    assert_violates(&[SEATS], |_, store, _| store.claims[0].seat = SeatNo(10));
    assert_violates(&[SEATS], |town, store, _| {
        let mut claim = store.claims[0];
        claim.seat = SeatNo(4);
        claim.claim.owner = ClaimOwner::Reservation(town.cancelled);
        store.claims.push(claim);
    });
    assert_violates(&[SEATS], |town, store, _| {
        let mut claim = store.claims[0];
        claim.seat = SeatNo(1);
        claim.claim.owner = ClaimOwner::Reservation(town.card.0);
        store.claims.push(claim);
    });
}

#[test]
fn two_reservations_of_one_seat_are_told() {
    assert_violates(&[SEATS], |town, store, _| {
        let pending = reservation(store, town.pending);
        edit(&mut store.reservations[pending], "/lines/0/seat", json!(0));
    });
}

#[test]
fn a_ticket_without_money_or_money_without_a_ticket_is_told() {
    let valid = |store: &Fixture| {
        let issued = |ticket: &crate::ticket::Ticket| ticket.state().name() == "issued";
        store.tickets.iter().position(issued).unwrap()
    };
    let void = |store: &Fixture| {
        let void = |ticket: &crate::ticket::Ticket| ticket.state().name() == "void";
        store.tickets.iter().position(void).unwrap()
    };
    assert_violates(&[TICKETS], |_, store, _| {
        let at = valid(store);
        store.tickets.remove(at);
    });
    assert_violates(&[TICKETS], |_, store, _| {
        let mut twin = store.tickets[valid(store)].clone();
        edit(&mut twin, "/id", json!(Uuid::from_u128(1)));
        store.tickets.push(twin);
    });
    assert_violates(&[TICKETS], |_, store, _| {
        let at = void(store);
        edit(&mut store.tickets[at], "/state", json!("issued"));
    });
    assert_violates(&[TICKETS, MONEY], |town, store, _| {
        let at = payment(store, town.card.1);
        edit(&mut store.payments[at], "/state", json!("expired"));
        edit(&mut store.payments[at], "/received", json!({"minor": 0, "currency": "KRW"}));
    });
    assert_violates(&[TICKETS], |town, store, _| {
        let used = |ticket: &crate::ticket::Ticket| ticket.reservation() == town.reversed.0;
        let at = store.tickets.iter().position(|t| used(t) && t.state().name() == "used").unwrap();
        edit(&mut store.tickets[at], "/state", json!("issued"));
    });
}

#[test]
fn money_that_is_not_accounted_for_is_told() {
    assert_violates(&[MONEY], |town, store, _| {
        let at = payment(store, town.card.1);
        edit(&mut store.payments[at], "/received", json!({"minor": 1, "currency": "KRW"}));
    });
    assert_violates(&[MONEY], |town, store, _| {
        let at = payment(store, town.card.1);
        edit(&mut store.payments[at], "/refunded", json!({"minor": 0, "currency": "KRW"}));
    });
    assert_violates(&[MONEY], |_, store, _| store.refunds.clear());
    assert_violates(&[MONEY, ENTRIES], |_, store, _| {
        edit(&mut store.refunds[0], "/state", json!("requested"));
    });
    assert_violates(&[MONEY], |_, store, _| {
        edit(&mut store.refunds[0], "/payment", json!(Uuid::from_u128(1)));
    });
    assert_violates(&[SEATS, TICKETS, MONEY, ALLOWANCES], |town, store, _| {
        let at = reservation(store, town.card.0);
        edit(&mut store.reservations[at], "/state/confirmed/live", json!([0, 1]));
    });
}

#[test]
fn money_that_only_the_gateway_or_only_we_know_of_is_told() {
    let at_gateway = |options: &mut VerifyOptions, id, by: i64| {
        let truth = options.gateway.as_mut().unwrap();
        truth.payments.entry(id).or_default().captured += by;
    };
    assert_violates(&[MONEY], |town, _, options| at_gateway(options, town.card.1, 1));
    assert_violates(&[MONEY], |town, _, options| {
        let truth = options.gateway.as_mut().unwrap();
        truth.payments.get_mut(&town.card.1).unwrap().cancelled += 1;
    });
    assert_violates(&[MONEY], |_, _, options| {
        at_gateway(options, PaymentId::from_uuid(Uuid::from_u128(1)), 1);
    });
    assert_violates(&[], |town, _, options| at_gateway(options, town.awaiting.1, 9_000));
    assert_violates(&[MONEY, STUCK], |town, _, options| {
        at_gateway(options, town.awaiting.1, 9_000);
        options.now += Duration::from_hours(24 * 5);
    });
}

#[test]
fn a_payment_of_another_gateway_is_not_held_against_this_one() {
    assert_violates(&[], |town, _, options| {
        let truth = options.gateway.as_mut().unwrap();
        truth.payments.remove(&town.card.1);
        truth.elsewhere.insert(town.card.1);
    });
}

#[test]
fn books_that_do_not_balance_are_told() {
    assert_violates(&[ENTRIES], |_, store, _| store.balances[0].amount += 1);
    assert_violates(&[ENTRIES], |_, store, _| {
        store.resolutions.pop();
    });
    assert_violates(&[ENTRIES], |_, store, _| store.resolutions.push(store.resolutions[0]));
    assert_violates(&[ENTRIES], |_, store, _| {
        store.resolutions[0].1 = crate::id::EntryId::from_uuid(Uuid::from_u128(1));
    });
    assert_violates(&[ENTRIES], |_, store, _| store.checkouts.clear());
    assert_violates(&[ENTRIES], |_, store, _| {
        let purchase =
            |entry: &Arc<crate::ledger::JournalEntry>| entry.kind() == EntryKind::PointsReserved;
        let at = store.entries.iter().position(purchase).unwrap();
        store.entries.remove(at);
    });
    assert_violates(&[ENTRIES], |town, store, _| {
        let at = payment(store, town.awaiting.1);
        edit(&mut store.payments[at], "/state", json!("expired"));
    });
}

#[test]
fn a_wallet_below_zero_is_told() {
    assert_violates(&[ENTRIES, WALLETS], |_, store, _| {
        let wallet =
            |row: &crate::port::BalanceRow| matches!(row.account.account, Account::Wallet(_));
        let at = store.balances.iter().position(wallet).unwrap();
        store.balances[at].amount = -1;
    });
}

#[test]
fn places_that_are_not_those_of_the_reservations_are_told() {
    assert_violates(&[ALLOWANCES], |_, store, _| store.allowances.push(store.allowances[0]));
    assert_violates(&[ALLOWANCES], |_, store, _| {
        store.allowances.pop();
    });
    assert_violates(&[ALLOWANCES], |town, store, _| {
        store.allowances[0].reservation = town.cancelled;
    });
}

#[test]
fn events_that_are_missing_doubled_or_out_of_order_are_told() {
    assert_violates(&[EVENTS], |_, store, _| {
        store.outbox.pop();
    });
    assert_violates(&[EVENTS], |_, store, _| {
        store.outbox.remove(1);
    });
    assert_violates(&[EVENTS], |_, store, _| {
        let last = store.outbox.last().unwrap().clone();
        let sequence = last.sequence + 1;
        store.outbox.push(crate::port::OutboxRow { sequence, ..last });
    });
    assert_violates(&[EVENTS], |_, store, _| {
        store.event_counts.remove(3);
    });
    assert_violates(&[EVENTS], |_, store, _| {
        let same = |pair: &[crate::port::OutboxRow]| pair[0].aggregate == pair[1].aggregate;
        let at = store.outbox.windows(2).position(same).unwrap();
        let number = store.outbox[at].number;
        store.outbox[at].number = store.outbox[at + 1].number;
        store.outbox[at + 1].number = number;
    });
    assert_violates(&[EVENTS], |_, store, _| {
        let row = store.outbox.iter_mut().find(|row| row.number == 2).unwrap();
        row.partition += 1;
    });
}

#[test]
fn events_that_left_the_outbox_are_where_they_were_published() {
    let drop_first = |store: &mut Fixture| -> AggregateRef {
        let partition = store.outbox[0].partition;
        let row = store.outbox.remove(0);
        assert_eq!(row.partition, partition);
        row.aggregate
    };
    assert_violates(&[EVENTS], |_, store, _| {
        drop_first(store);
    });
    assert_violates(&[], |_, store, options| {
        options.events_dropped_before = Some(options.now);
        drop_first(store);
    });
    assert_violates(&[EVENTS], |_, store, options| {
        options.events_dropped_before = Some(options.now - Duration::from_hours(1));
        drop_first(store);
    });
    assert_violates(&[], |_, store, options| {
        options.events_dropped_before = Some(options.now);
        let mut published = PublishedEvents::new();
        published.add(drop_first(store), 1);
        options.published = Some(published);
    });
    assert_violates(&[EVENTS], |_, store, options| {
        options.events_dropped_before = Some(options.now);
        options.published = Some(PublishedEvents::new());
        drop_first(store);
    });
    assert_violates(&[EVENTS], |_, _, options| {
        let stranger = AggregateRef { kind: AggregateKind::Payment, id: Uuid::from_u128(1) };
        let mut published = PublishedEvents::new();
        published.add(stranger, 1);
        options.published = Some(published);
    });
}

#[test]
fn a_hold_that_outlasts_its_buyer_is_told() {
    let hold = |town: &Town, options: &mut VerifyOptions, seat, minutes| {
        let held = HeldSeat {
            seat: SeatNo(seat),
            token: HoldToken::from_uuid(Uuid::from_u128(1)),
            holder: UserId::from_uuid(Uuid::from_u128(2)),
            expires_at: options.now + Duration::from_mins(minutes),
        };
        options.holds = Some(BTreeMap::from([(town.performance, vec![held])]));
    };
    assert_violates(&[], |town, _, options| hold(town, options, 8, 10));
    assert_violates(&[], |town, _, options| hold(town, options, 0, 11));
    assert_violates(&[HOLDS], |town, _, options| hold(town, options, 8, 11));
}

#[test]
fn what_should_have_moved_on_is_told() {
    let later = |options: &mut VerifyOptions, minutes| options.now += Duration::from_mins(minutes);
    assert_violates(&[], |_, _, options| later(options, 10 + 60));
    assert_violates(&[STUCK], |_, _, options| later(options, 10 + 61));
    let rested = |town: &Town, store: &mut Fixture| {
        let at = reservation(store, town.pending);
        edit(&mut store.reservations[at], "/expires_at", json!("2100-01-01T00:00:00Z"));
    };
    assert_violates(&[STUCK], |town, store, options| {
        rested(town, store);
        store.performances[0] = {
            let mut performance = crate::performance::Performance::clone(&store.performances[0]);
            let cancelled = json!({"cancelled": {"at": options.now, "wound_up": false}});
            edit(&mut performance, "/state", cancelled);
            Arc::new(performance)
        };
        later(options, 15 + 61);
    });
    assert_violates(&[STUCK], |town, store, options| {
        rested(town, store);
        edit(&mut store.checkouts[2], "/state", json!("started"));
        assert!(store.checkouts[2].points_entry().is_none());
        later(options, 62);
    });
    assert_violates(&[STUCK], |town, store, _| {
        let at = reservation(store, town.awaiting.0);
        edit(&mut store.reservations[at], "/payment", json!(null));
    });
    assert_violates(&[MONEY, ENTRIES, STUCK], |town, store, options| {
        rested(town, store);
        edit(&mut store.refunds[0], "/state", json!("requested"));
        later(options, 62);
    });
}

fn reservation(store: &Fixture, id: crate::id::ReservationId) -> usize {
    store.reservations.iter().position(|row| row.id() == id).unwrap()
}

fn payment(store: &Fixture, id: PaymentId) -> usize {
    store.payments.iter().position(|row| row.id() == id).unwrap()
}
