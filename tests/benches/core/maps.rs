//! The status of every seat of a large hall.

use std::sync::Arc;

use pollster::block_on;
use ticketing_core::seat::SeatMap;

use crate::hall::Hall;
use crate::{median, timed};

const SEATS: u32 = 100_000;
const READS: usize = 101;

/// Reads the seat map of 100,000 seats, a third of them sold, and counts its statuses.
pub(crate) fn status_of_a_large_hall() {
    let hall = Hall::build(SEATS);
    let id = hall.performances[0];
    (0..SEATS).step_by(3).for_each(|seat| block_on(hall.sell(seat)));
    let ports = Arc::new(hall.ports);
    let mut counts = None;
    let mut times = Vec::with_capacity(READS);
    for _ in 0..READS {
        times.push(timed(|| {
            let now = ports.clock.now();
            let claims = block_on(ports.claims.bits(id, SEATS)).unwrap();
            let held = block_on(ports.holds.held(id, SEATS, now)).unwrap();
            counts = Some(SeatMap::new(claims, held).counts());
        }));
    }
    println!(
        "seat map of {SEATS} seats: {:.0} us (under 1000), {counts:?}",
        median(&mut times).as_secs_f64() * 1e6
    );
}
