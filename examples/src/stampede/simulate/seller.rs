//! The seller, who changes performances while they are sold: keeps seats back and gives them to the sale,
//! prices a grade anew, gives seats another grade, and calls some performances off.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use chrono::TimeDelta;
use ticketing_core::id::PerformanceId;
use ticketing_core::label::Grade;
use ticketing_core::money::Money;
use ticketing_core::seat::{SeatNo, Seats};
use ticketing_core::service::performances::PerformanceError;

use super::calendar::Calendar;
use super::rates::Around;
use crate::stampede::doors;
use crate::stampede::errand::Errand;
use crate::stampede::faults::count;
use crate::stampede::hall::{GRADES, won};
use crate::stampede::person::Dice;
use crate::stampede::world::World;

const HOUR: Duration = Duration::from_hours(1);

/// Writes down when the doors open, and which performances will be called off when: in the middle of the
/// sale, in the weeks after it, or about when the doors open.
pub(super) fn plan(world: &World, around: Around) {
    for (place, sale) in world.sales.iter().enumerate() {
        world.errands.add(sale.starts_at - doors::OPEN_BEFORE, Errand::OpenDoors { place });
        let dice = Dice::of(world.seed ^ 0x5e11, u32::try_from(place).unwrap_or(u32::MAX));
        if !dice.happens(around.called_off) {
            continue;
        }
        let minutes =
            |least, most| dice.time(Duration::from_mins(least), Duration::from_mins(most));
        let at = match dice.below(10) {
            0..6 => sale.opens_at + minutes(1, 40),
            6..8 => sale.opens_at + minutes(60, 8 * 24 * 60),
            _ => sale.starts_at - TimeDelta::hours(2) + minutes(0, 6 * 60),
        };
        world.errands.add(at, Errand::CallOffPerformance { performance: sale.performance });
    }
}

/// One change of a performance.
#[derive(Clone, Debug)]
enum Change {
    KeepBack(Seats),
    Give(Seats),
    Reprice(Grade, Money),
    Regrade(Seats, Grade),
}

/// Changes a performance after another, `around.changes` times an hour each, until the buyers are gone.
pub(super) async fn change(
    world: Arc<World>,
    calendar: Arc<Calendar>,
    around: Around,
    quiet: Arc<AtomicBool>,
) {
    if around.changes == 0 {
        return;
    }
    let dice = Dice::of(world.seed ^ 0x5e11_e500, 0);
    let mut kept_back = Vec::new();
    while !quiet.load(Ordering::Relaxed) {
        world.wait(dice.time(Duration::ZERO, 2 * HOUR / around.changes)).await;
        for performance in calendar.open(world.now()) {
            let change = draw(&world, performance, &dice, &mut kept_back);
            make(&world, performance, change).await;
        }
    }
}

fn draw(
    world: &World,
    performance: PerformanceId,
    dice: &Dice,
    kept_back: &mut Vec<(PerformanceId, Seats)>,
) -> Change {
    let grade = |number: u64| {
        let (_, name, price) = GRADES[usize::try_from(number).unwrap_or(0) % GRADES.len()];
        (Grade::new(name).expect("short and not empty"), price)
    };
    let seat = || {
        let number = dice.below(u64::from(world.capacity));
        Seats::one(SeatNo(u32::try_from(number).unwrap_or(0)))
    };
    if let Some(place) = kept_back.iter().position(|(of, _)| *of == performance) {
        return Change::Give(kept_back.swap_remove(place).1);
    }
    match dice.below(10) {
        0..4 => {
            let seats = seat();
            kept_back.push((performance, seats.clone()));
            Change::KeepBack(seats)
        }
        4..8 => {
            let (grade, price) = grade(dice.number() % 4);
            // As printed, or somewhat less: then nothing divides evenly any more.
            let off = if dice.happens(300) { 0 } else { dice.below(10_000) };
            Change::Reprice(grade, won(price - i64::try_from(off).unwrap_or(0)))
        }
        _ => Change::Regrade(seat(), grade(dice.number() % 4).0),
    }
}

async fn make(world: &World, performance: PerformanceId, change: Change) {
    let seller = world.seller;
    let call = world.call(|office| async move {
        match change {
            Change::KeepBack(seats) => office.block(seller, performance, seats).await,
            Change::Give(seats) => office.unblock(seller, performance, seats).await,
            Change::Reprice(grade, price) => {
                office.reprice(seller, performance, grade, price).await
            }
            Change::Regrade(seats, grade) => {
                office.regrade(seller, performance, seats, grade).await
            }
        }
    });
    match call.await {
        Ok(()) => count(&world.around.seller_changes),
        // Somebody has the seat, or the performance was called off.
        Err(PerformanceError::SeatsClaimed(_) | PerformanceError::Performance(_)) => {}
        Err(error) => world.defects.note_unless_transient("seller", &error),
    }
}
