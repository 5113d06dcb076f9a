//! What one purchase through the services allocates, beside the bare loop of the same rows.
//!
//! `cargo bench -p ticketing-tests --bench allocations`

mod bare;
mod hall;

use pollster::block_on;

use bare::Bare;
use hall::Hall;

/// Purchases before the counted ones, so that no table is new.
const BEFORE: u32 = 5_000;
/// Purchases that are counted.
const COUNTED: u32 = 1_000;

fn main() {
    let template = bare::template();
    let hall = Hall::build(10_000);
    let mut bare = Bare::like(&template);
    (0..BEFORE).for_each(|seat| {
        block_on(hall.sell(seat));
        bare.write(seat);
    });
    let seats = BEFORE..BEFORE + COUNTED;
    let ours = allocation_counter::measure(|| {
        seats.clone().for_each(|seat| block_on(hall.sell(seat)));
    });
    let theirs = allocation_counter::measure(|| seats.for_each(|seat| bare.write(seat)));
    let events: usize = template.iter().map(|changes| changes.events().len()).sum();
    let each = |count: u64| count / u64::from(COUNTED);
    println!(
        "a purchase: {} commits, {} rows, {events} events; services {} allocations of {} bytes, bare \
         loop {} of {} bytes",
        template.len(),
        bare.rows(),
        each(ours.count_total),
        each(ours.bytes_total),
        each(theirs.count_total),
        each(theirs.bytes_total),
    );
}
