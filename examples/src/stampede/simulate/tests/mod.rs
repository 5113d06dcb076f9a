//! A run that is broken on purpose: what is told about it is enough to find the mistake.

mod ends;
mod liveness;
mod rates;
mod seeds;

use std::sync::Arc;

use async_trait::async_trait;
use clap::Parser;
use ticketing_core::aggregate::AggregateKind;
use ticketing_core::change_set::{ChangeSet, Record};
use ticketing_core::error::PortError;
use ticketing_core::port::{CommitError, Committed, EventPublisher, OutboxRow, Ports, Store};
use ticketing_core::seat::{ClaimOwner, SeatNo, Seats};
use ticketing_core::ticket::TicketState;

use super::args::SimulateArgs;
use super::failure::Failed;
use super::many::simulate;

#[derive(Parser)]
struct Program {
    #[command(flatten)]
    args: SimulateArgs,
}

const SEAT: SeatNo = SeatNo(7);

/// A store that frees one seat of the hall as it is sold.
struct Leaky(Arc<dyn Store>);

#[async_trait]
impl Store for Leaky {
    async fn commit(&self, changes: ChangeSet) -> Result<Committed, CommitError> {
        let sold = changes.records().find_map(|record| match record {
            Record::Ticket(ticket) if ticket.seat() == SEAT => (*ticket.state()
                == TicketState::Issued)
                .then(|| (ticket.performance(), ticket.reservation())),
            _ => None,
        });
        let changes = match sold {
            Some((performance, reservation)) => {
                let owner = ClaimOwner::Reservation(reservation);
                changes.release(performance, Seats::one(SEAT), owner)
            }
            None => changes,
        };
        self.0.commit(changes).await
    }
}

fn leak(_: u64, ports: Ports) -> Ports {
    Ports { store: Arc::new(Leaky(Arc::clone(&ports.store))), ..ports }
}

/// A small season from seed 3 with the leak.
fn season(more: &[&str]) -> SimulateArgs {
    let small = ["simulate", "--seed", "3", "--seats", "40", "--buyers", "80", "--demand", "2"];
    let mut args = Program::parse_from(small.iter().chain(more)).args;
    args.sabotage = Some(leak);
    args
}

#[track_caller]
fn failed(args: &SimulateArgs) -> Failed {
    simulate(args, None).expect("it runs").failed.expect("it fails")
}

#[test]
fn a_broken_run_tells_its_seed_its_smallest_horizon_its_story_and_how_to_repeat_it() {
    let failed = failed(&season(&[]));
    let horizon = failed.horizon.expect("a smaller run fails too").as_secs();
    let text = failed.to_string();
    let lines: Vec<&str> = text.lines().collect();
    assert!(lines[0].starts_with("seed 3 broke at 2027-03-01 01:"), "{text}");
    let reservation = lines[1].split("reservation ").nth(1).and_then(|rest| rest.get(..36));
    let reservation = reservation.unwrap_or_else(|| panic!("no reservation is named: {text}"));
    assert!(lines[1].contains("seat 7 of performance") && lines[1].contains("is free"), "{text}");
    assert_eq!(lines[2], format!("smallest horizon that still fails: {horizon} s"));
    assert!(lines[3].starts_with("looked for by "), "{text}");
    assert_eq!(lines[4], "what happened to it last:");
    let story = &lines[5..lines.len() - 1];
    let tells = |what: &str| story.iter().any(|line| line.contains(what));
    assert!(tells(reservation) && tells("store.commit"), "{text}");
    assert!(tells("save ticket"), "the commit that broke it is not in its story: {text}");
    let last = lines[lines.len() - 1];
    let repeat =
        "repeat with: cargo run --release -p ticketing-examples --bin stampede -- simulate";
    assert!(last.starts_with(&format!("{repeat} --seed 3 --seats 40 ")), "{text}");
    assert!(last.ends_with(&format!(" --horizon {horizon}")), "{text}");
}

#[test]
fn the_report_names_the_seed_that_failed_what_broke_and_how_to_repeat_it() {
    let simulated = simulate(&season(&[]), None).expect("it runs");
    let failed = simulated.failed.expect("it fails");
    let json = serde_json::to_value(&simulated.report).expect("JSON");
    assert_eq!(json["failed"]["seed"], 3);
    assert_eq!(json["failed"]["broken"], failed.broken.text);
    assert_eq!(json["failed"]["smallest_horizon_s"], failed.horizon.expect("a horizon").as_secs());
    assert_eq!(json["failed"]["repeat"], failed.repeat);
    assert_eq!(json["invariants"]["written_as_on_the_model"]["ok"], false);
    let sound = SimulateArgs { sabotage: None, ..season(&[]) };
    let json = serde_json::to_value(simulate(&sound, None).expect("it runs").report).expect("JSON");
    assert!(json.get("failed").is_none(), "{json}");
}

#[test]
fn the_smallest_horizon_fails_and_a_second_less_does_not() {
    let horizon = failed(&season(&[])).horizon.expect("a smaller run fails too").as_secs();
    let again = failed(&season(&["--no-shrink", "--horizon", &horizon.to_string()]));
    assert!(again.broken.text.contains("seat 7 of performance"), "{again}");
    let less = season(&["--no-shrink", "--horizon", &(horizon - 1).to_string()]);
    assert_eq!(simulate(&less, None).expect("it runs").failed, None);
}

/// A topic that loses what happens to refunds: nothing that is written shows it, only the last count does.
struct Deaf(Arc<dyn EventPublisher>);

#[async_trait]
impl EventPublisher for Deaf {
    async fn publish(&self, mut events: Vec<OutboxRow>) -> Result<(), PortError> {
        events.retain(|event| event.aggregate.kind != AggregateKind::Refund);
        self.0.publish(events).await
    }
}

#[test]
fn what_only_the_last_count_finds_has_a_smallest_horizon_too() {
    let deafen = |_, ports: Ports| Ports { publisher: Arc::new(Deaf(ports.publisher)), ..ports };
    let season = |more: &[&str]| SimulateArgs { sabotage: Some(deafen), ..season(more) };
    let found = failed(&season(&[]));
    let text = found.to_string();
    assert!(text.starts_with("seed 3 broke at the end\n"), "{text}");
    let horizon =
        found.horizon.unwrap_or_else(|| panic!("a smaller run fails too: {text}")).as_secs();
    let again = failed(&season(&["--no-shrink", "--horizon", &horizon.to_string()]));
    assert_eq!(again.broken, found.broken);
    let less = season(&["--no-shrink", "--horizon", &(horizon - 1).to_string()]);
    assert_eq!(simulate(&less, None).expect("it runs").failed, None);
}
