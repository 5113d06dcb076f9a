//! The hall: what is for sale, and how a buyer picks seats in it.

use std::ops::Range;

use ticketing_core::layout::{LayoutSpec, RowSpec, SectionSpec};
use ticketing_core::money::{Currency, Money};
use ticketing_core::seat::{SeatMap, SeatNo, SeatStatus, Seats};

/// Seats of a full row.
pub(crate) const ROW: u32 = 40;
/// Of so many places near the favourite one is chosen.
const NEAR: u64 = 4;
/// Rows of a section.
const SECTION_ROWS: u32 = 25;

/// The grades from the front to the back: part of the rows in percent, name, price in won.
pub(crate) const GRADES: [(u32, &str, i64); 4] =
    [(10, "VIP", 150_000), (30, "R", 120_000), (40, "S", 90_000), (20, "A", 60_000)];

pub(crate) fn won(amount: i64) -> Money {
    Money::from_minor(amount, Currency::KRW).expect("prices are within the bounds of money")
}

/// A hall of so many seats in rows of [`ROW`]; the last row may be shorter.
pub(crate) fn layout(seats: u32) -> LayoutSpec {
    let rows = seats.div_ceil(ROW);
    let row = |number: u32| {
        let width = ROW.min(seats - number * ROW);
        RowSpec::numbered((number + 1).to_string(), grade_of(number, rows), width)
    };
    let numbers: Vec<u32> = (0..rows).collect();
    let sections = numbers.chunks(SECTION_ROWS as usize).enumerate();
    LayoutSpec::of(sections.map(|(number, rows)| SectionSpec {
        name: format!("S{}", number + 1),
        rows: rows.iter().copied().map(row).collect(),
    }))
}

fn grade_of(row: u32, rows: u32) -> &'static str {
    let mut percent_to = 0;
    for (percent, name, _) in GRADES {
        percent_to += percent;
        if row * 100 < rows * percent_to {
            return name;
        }
    }
    GRADES[GRADES.len() - 1].1
}

/// What a look at the hall came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Look {
    /// These are free, side by side, and near the favourite.
    Picked(Seats),
    /// Nothing is free now, but others are still deciding or paying.
    Later,
    /// Every seat is sold.
    SoldOut,
}

/// Picks `party` seats side by side, as near to the favourite as there are; fewer where there is no
/// such run. `pick` chooses among the nearest few, since two buyers with one taste would otherwise
/// always meet.
pub(crate) fn look(map: &SeatMap, favourite: (u16, u16), party: u16, pick: u64) -> Look {
    let counts = map.counts();
    if counts.available == 0 {
        let may_come_back = counts.held + counts.payment_pending > 0;
        return if may_come_back { Look::Later } else { Look::SoldOut };
    }
    let target = target(map, favourite);
    let runs = free_runs(map);
    for width in (1..=u32::from(party)).rev() {
        let mut near: Vec<u32> = runs
            .iter()
            .filter(|run| run.end - run.start >= width)
            .map(|run| target.clamp(run.start, run.end - width))
            .collect();
        if near.is_empty() {
            continue;
        }
        let choice = usize::try_from(pick % NEAR).unwrap_or(0).min(near.len() - 1);
        let (_, first, _) = near.select_nth_unstable_by_key(choice, |first| first.abs_diff(target));
        if let Ok(seats) = Seats::new((*first..*first + width).map(SeatNo)) {
            return Look::Picked(seats);
        }
    }
    Look::Later
}

fn target(map: &SeatMap, favourite: (u16, u16)) -> u32 {
    let capacity = u32::try_from(map.capacity()).unwrap_or(u32::MAX);
    let part = |of: u32, thousandths: u16| of * u32::from(thousandths) / 1_000;
    part(capacity.div_ceil(ROW), favourite.0) * ROW + part(ROW, favourite.1)
}

/// Free seats side by side in one row, from front to back.
fn free_runs(map: &SeatMap) -> Vec<Range<u32>> {
    let mut runs: Vec<Range<u32>> = Vec::new();
    for (SeatNo(seat), status) in map.iter() {
        if status != SeatStatus::Available {
            continue;
        }
        match runs.last_mut() {
            Some(run) if run.end == seat && seat % ROW != 0 => run.end = seat + 1,
            Some(_) | None => runs.push(seat..seat + 1),
        }
    }
    runs
}

#[cfg(test)]
mod tests {
    use ticketing_core::layout::Layout;
    use ticketing_core::seat::{ClaimBits, ClaimStatus, SeatBits};

    use super::*;

    fn map(capacity: u32, sold: impl IntoIterator<Item = u32>) -> SeatMap {
        let mut claims = ClaimBits::new(capacity);
        for seat in sold {
            claims.set(SeatNo(seat), Some(ClaimStatus::Sold));
        }
        SeatMap::new(claims, SeatBits::new(capacity))
    }

    #[test]
    fn a_hall_has_exactly_the_seats_asked_for() {
        for seats in [1, 39, 40, 41, 1_000, 10_007] {
            assert_eq!(Layout::new(&layout(seats)).unwrap().len(), seats);
        }
        let layout = Layout::new(&layout(10_000)).unwrap();
        assert_eq!(layout.grade(SeatNo(0)).unwrap().as_str(), "VIP");
        assert_eq!(layout.grade(SeatNo(9_999)).unwrap().as_str(), "A");
    }

    #[test]
    fn seats_are_side_by_side_in_one_row_and_near_the_favourite() {
        let Look::Picked(seats) = look(&map(400, []), (500, 500), 3, 0) else { panic!("none") };
        assert_eq!(seats.as_slice(), [SeatNo(220), SeatNo(221), SeatNo(222)]);
        let sold = (0..400).filter(|seat| !(38..42).contains(seat) && *seat != 7);
        let Look::Picked(seats) = look(&map(400, sold), (0, 0), 4, 0) else { panic!("none") };
        assert_eq!(
            seats.as_slice(),
            [SeatNo(38), SeatNo(39)],
            "four in a row would cross the aisle"
        );
    }

    #[test]
    fn a_full_hall_is_sold_out_only_if_nobody_can_lose_seats() {
        assert_eq!(look(&map(80, 0..80), (0, 0), 2, 0), Look::SoldOut);
        let mut claims = ClaimBits::new(2);
        claims.set(SeatNo(0), Some(ClaimStatus::Sold));
        claims.set(SeatNo(1), Some(ClaimStatus::Pending));
        assert_eq!(look(&SeatMap::new(claims, SeatBits::new(2)), (0, 0), 2, 0), Look::Later);
    }
}
