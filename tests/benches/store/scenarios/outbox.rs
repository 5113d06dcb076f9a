//! Events out: read after the cursor, move it, drop what is behind it.

use std::sync::Arc;
use std::sync::atomic::{AtomicU16, AtomicU64, Ordering};
use std::time::Duration;

use chrono::TimeDelta;
use ticketing_core::label::Label;
use ticketing_core::page::Limit;
use ticketing_core::port::Ports;
use tokio::task::JoinSet;
use tokio::time::Instant;

use crate::link::{Bound as Value, Link};
use crate::measure::{count, median};
use crate::report::{Bound, Report, progress};
use crate::town::{Halls, Town};
use crate::{Bench, Failed};

/// Events of each partition in one filling.
const EACH: i64 = 4_000;
/// Events of a block: about one purchase.
const EVENTS: i64 = 8;
/// Blocks of one statement that fills.
const ROWS: i64 = 50;
/// Fillings of a long run: ten million events.
const LONG: usize = 40;
/// Relays that share the partitions.
const RELAYS: usize = 4;
const TTL: Duration = Duration::from_mins(1);

const COLUMNS: &str = "part, sequence, events, occurred_at, body";

pub(crate) async fn run(bench: &Bench, report: &mut Report) -> Result<(), Failed> {
    report.title("the outbox: read, move the cursor, drop");
    let url = bench.server.create("outbox").await?;
    let town = Town::build(&url, "outbox", Halls::ONE, &bench.args.options()).await?;
    let mut link = Link::open(&url).await?;
    let event = bench.sample.steps[0].events.first().ok_or("expected an event")?;
    let payload = &event.payload;
    let partitions = town.ports.outbox.partitions().await?;
    let fillings = if bench.args.long { LONG } else { bench.args.rounds };
    for relays in [1, RELAYS] {
        let fillings = if relays == 1 { fillings.min(bench.args.rounds) } else { fillings };
        let mut rates = Vec::new();
        for filling in 1..=fillings {
            fill(&mut link, partitions, payload).await?;
            let rate = deliver(&town.ports, partitions, relays).await?;
            progress(&format!(
                "filling {filling} of {fillings}, {relays} relays: {rate:.0} events/s"
            ));
            rates.push(rate);
        }
        let quarter = rates.len().div_ceil(4);
        let first = median(rates[..quarter].to_vec());
        let last = median(rates[rates.len() - quarter..].to_vec());
        let delivered = i64::try_from(fillings)? * EACH * i64::from(partitions);
        let name = format!("{relays} relays, {delivered} events");
        let bound = if relays == 1 { Bound::None } else { Bound::at_least(50_000.0) };
        report.figure(&name, median(rates), " events/s", bound);
        if fillings > 1 {
            let bound = if bench.args.long { Bound::AtMost(1.25) } else { Bound::None };
            report.figure("  the first quarter's rate, of the last's", first / last, "x", bound);
        }
    }
    town.close().await?;
    drop(link);
    bench.server.drop("outbox").await
}

/// As many events in each partition; through SQL, since committing them would take most of the time.
async fn fill(link: &mut Link, partitions: u16, payload: &str) -> Result<(), Failed> {
    let last =
        link.number("SELECT last FROM tk_outbox_part WHERE part = ?", &[Value::Int(0)]).await?;
    let last = last.ok_or("expected a partition 0")?;
    let rows = vec!["(0, ?, ?, 1, ?)"; usize::try_from(ROWS)?].join(", ");
    let insert = format!("INSERT INTO tk_outbox ({COLUMNS}) VALUES {rows}");
    link.begin().await?;
    let blocks: Vec<i64> = (last..last + EACH).step_by(usize::try_from(EVENTS)?).collect();
    for blocks in blocks.chunks(usize::try_from(ROWS)?) {
        let bodies: Vec<String> = blocks.iter().map(|before| body(before + 1, payload)).collect();
        let mut values = Vec::new();
        for (before, body) in blocks.iter().zip(&bodies) {
            values.extend([Value::Int(before + EVENTS), Value::Int(EVENTS), Value::Text(body)]);
        }
        link.run(&insert, &values).await?;
    }
    let copy = format!(
        "INSERT INTO tk_outbox ({COLUMNS}) SELECT ?, sequence, events, occurred_at, body \
         FROM tk_outbox WHERE part = 0 AND sequence > ?"
    );
    for part in 1..partitions {
        link.run(&copy, &[Value::Int(i64::from(part)), Value::Int(last)]).await?;
    }
    link.run("UPDATE tk_outbox_part SET last = last + ?", &[Value::Int(EACH)]).await?;
    Ok(link.plain("COMMIT").await?)
}

/// The events of one change set, from a number on.
fn body(first: i64, payload: &str) -> String {
    let id = uuid::Uuid::from_u64_pair(1, first.unsigned_abs());
    let event = |number| {
        format!(
            "{{\"kind\":4,\"aggregate\":\"{id}\",\"number\":{number},\"name\":\"reservation.made\",\
             \"occurred_at\":1,\"payload\":{payload}}}"
        )
    };
    let events = (1..=EVENTS).map(event).collect::<Vec<_>>().join(",");
    format!(
        "[{{\"first\":{first},\"change_set\":\"{id}\",\"stream\":\"{id}\",\"events\":[{events}]}}]"
    )
}

/// Delivers all that waits; events a second.
async fn deliver(ports: &Ports, partitions: u16, relays: usize) -> Result<f64, Failed> {
    let (next, delivered) = (Arc::new(AtomicU16::new(0)), Arc::new(AtomicU64::new(0)));
    let start = Instant::now();
    let mut all = JoinSet::new();
    for relay in 0..relays {
        let (next, delivered) = (Arc::clone(&next), Arc::clone(&delivered));
        let ports = ports.clone();
        all.spawn(async move {
            let owner = Label::new(&format!("relay-{relay}"))?;
            loop {
                let part = next.fetch_add(1, Ordering::Relaxed);
                if part >= partitions {
                    return Ok::<(), Failed>(());
                }
                let events = partition(&ports, part, owner.clone()).await?;
                delivered.fetch_add(events, Ordering::Relaxed);
            }
        });
    }
    while let Some(ended) = all.join_next().await {
        ended??;
    }
    Ok(count(delivered.load(Ordering::Relaxed)) / start.elapsed().as_secs_f64())
}

async fn partition(ports: &Ports, part: u16, owner: Label<64>) -> Result<u64, Failed> {
    let limit = Limit::new(Limit::MAX)?;
    let lease = ports.outbox.lease(part, owner, TTL).await?;
    let lease = lease.ok_or("another has the partition")?;
    let mut events = 0;
    loop {
        let rows = ports.outbox.read(lease.clone(), limit).await?;
        let Some(last) = rows.last() else { break };
        ports.outbox.advance(lease.clone(), last.sequence).await?;
        events += rows.len() as u64;
        let before = ports.clock.now() + TimeDelta::days(1);
        ports.outbox.drop_published(part, before, limit).await?;
    }
    ports.outbox.give_up(lease).await?;
    Ok(events)
}
