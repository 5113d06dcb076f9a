//! Whole purchases through the in-memory adapters on one thread, beside a bare loop that puts the same
//! rows into hash maps. Prints ratios and counts; asserts nothing about time.
//!
//! `cargo bench -p ticketing-tests --bench core [-- --seats 10000,100000,1000000]`; the bench `allocations`
//! counts, apart, since counting costs time.
//!
//! The largest hall needs gigabytes. An allocator that gives them back between halls makes it pay for the
//! kernel's clearing of every page anew; with glibc, `MALLOC_TRIM_THRESHOLD_=60000000000
//! MALLOC_MMAP_THRESHOLD_=60000000000` in the environment keeps that out of the growth figure.

mod bare;
mod hall;
mod maps;

use std::time::{Duration, Instant};

use pollster::block_on;

use bare::Bare;
use hall::Hall;

/// Purchases of one measurement.
const PURCHASES: u32 = 10_000;
/// Rounds of services, bare, bare, services.
const ROUNDS: usize = 5;

fn main() {
    let sizes = sizes();
    let template = bare::template();
    compare(&template);
    growth(&sizes);
    maps::status_of_a_large_hall();
}

fn sizes() -> Vec<u32> {
    let mut args = std::env::args();
    let given = args.find(|arg| arg == "--seats").and_then(|_| args.next());
    match given {
        Some(list) => {
            list.split(',').map(|size| size.parse().expect("a number of seats")).collect()
        }
        None => vec![10_000, 100_000, 1_000_000],
    }
}

#[expect(clippy::disallowed_methods, reason = "measuring the program itself")]
fn timed(work: impl FnOnce()) -> Duration {
    let start = Instant::now();
    work();
    start.elapsed()
}

fn services() -> Duration {
    let hall = Hall::build(PURCHASES);
    timed(|| (0..PURCHASES).for_each(|seat| block_on(hall.sell(seat))))
}

fn bare_loop(template: &[ticketing_core::change_set::ChangeSet]) -> Duration {
    let mut bare = Bare::like(template);
    timed(|| (0..PURCHASES).for_each(|seat| bare.write(seat)))
}

fn compare(template: &[ticketing_core::change_set::ChangeSet]) {
    let (mut ours, mut bares) = (Vec::new(), Vec::new());
    services();
    bare_loop(template);
    for _ in 0..ROUNDS {
        ours.push(services());
        bares.push(bare_loop(template));
        bares.push(bare_loop(template));
        ours.push(services());
    }
    let (ours, bare) = (median(&mut ours), median(&mut bares));
    println!(
        "{PURCHASES} purchases of {} rows, median of {}: services {:.2} us each ({:.0}/s), bare loop {:.2} us \
         each, ratio {:.2} (at most 5)",
        Bare::like(template).rows(),
        ROUNDS * 2,
        per_purchase_us(ours, PURCHASES),
        f64::from(PURCHASES) / ours.as_secs_f64(),
        per_purchase_us(bare, PURCHASES),
        ours.as_secs_f64() / bare.as_secs_f64(),
    );
}

/// Sells out halls of growing size, the smaller ones several times over. The largest is sold out once
/// before, so that no hall pays for the machine's first touch of the memory.
fn growth(sizes: &[u32]) {
    let largest = sizes.iter().copied().max().unwrap_or(0);
    sell_out(largest);
    let mut first = None;
    for &seats in sizes {
        let rounds = (largest / seats.max(1)).clamp(1, 5) as usize;
        let mut times: Vec<Duration> = (0..rounds).map(|_| sell_out(seats)).collect();
        let each = per_purchase_us(median(&mut times), seats);
        let first = *first.get_or_insert(each);
        println!(
            "{seats} seats sold out: {each:.2} us each ({:.0}/s), {:.2} of the smallest hall",
            1e6 / each,
            each / first
        );
    }
}

fn sell_out(seats: u32) -> Duration {
    let hall = Hall::build(seats);
    timed(|| (0..seats).for_each(|seat| block_on(hall.sell(seat))))
}

pub(crate) fn median(times: &mut [Duration]) -> Duration {
    times.sort_unstable();
    times[times.len() / 2]
}

fn per_purchase_us(time: Duration, purchases: u32) -> f64 {
    time.as_secs_f64() * 1e6 / f64::from(purchases)
}
