//! The status of every seat, beside a bare SELECT over the same rows.

use ticketing_core::change_set::ChangeSet;
use ticketing_core::id::{ChangeSetId, SellerId};
use ticketing_core::seat::{ClaimOwner, SeatNo, Seats};
use tokio::time::Instant;

use crate::link::{Bound as Value, Link};
use crate::measure::median;
use crate::report::{Bound, Report, ms};
use crate::town::{Halls, Town};
use crate::{Bench, Failed, shop};

const SEATS: u32 = 50_000;
/// Seats that one change set claims.
const AT_ONCE: u32 = 1_000;
const READS: usize = 51;

pub(crate) async fn run(bench: &Bench, report: &mut Report) -> Result<(), Failed> {
    report.title("seat map");
    let url = bench.server.create("seat_map").await?;
    let town = Town::build(&url, "seat map", Halls::ONE, &bench.args.options()).await?;
    let ports = &town.ports;
    let seller = SellerId::generate(&*ports.ids);
    let performance = shop::stage(ports, seller, SEATS).await?;
    for from in (0..SEATS).step_by(AT_ONCE as usize) {
        let seats = Seats::new((from..from + AT_ONCE).map(SeatNo))?;
        let id = ChangeSetId::generate(&*ports.ids);
        let changes = ChangeSet::new(id, ports.clock.now());
        let _ = ports.store.commit(changes.claim(performance, seats, ClaimOwner::House)).await?;
    }
    let mut link = Link::open(&url).await?;
    let (mut ours, mut bare) = (Vec::new(), Vec::new());
    for _ in 0..READS {
        for is_ours in [true, false, false, true] {
            let begun = Instant::now();
            let (seats, times) = if is_ours {
                let bits = ports.claims.bits(performance, SEATS).await?;
                (usize::from(bits.get(SeatNo(SEATS - 1)).is_some()) * SEATS as usize, &mut ours)
            } else {
                let sql = "SELECT seat FROM tk_seat_claim WHERE performance = ?";
                let id = Value::Id(performance.as_uuid());
                (link.numbers(sql, &[id]).await?.len(), &mut bare)
            };
            times.push(ms(begun.elapsed()));
            if seats != SEATS as usize {
                return Err(format!("expected {SEATS} seats, got {seats}").into());
            }
        }
    }
    let (ours, bare) = (median(ours), median(bare));
    report.figure(&format!("status of {SEATS} seats"), ours, " ms", Bound::None);
    report.figure("a bare SELECT of them", bare, " ms", Bound::None);
    report.figure("of the bare one", ours / bare, "x", Bound::AtMost(1.5));
    town.close().await?;
    drop(link);
    bench.server.drop("seat_map").await
}
