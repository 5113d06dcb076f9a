//! Seating plans, price lists that fit them, and seats.

use std::collections::BTreeSet;

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;

use super::simplest::simplest_first;
use super::value::{amount, currencies, prices};
use crate::label::Grade;
use crate::layout::{Layout, LayoutSpec, RowSpec, SeatSpec, SectionSpec};
use crate::money::Currency;
use crate::seat::{SeatNo, Seats};
use crate::show::PriceList;

/// The codes of the grades that are drawn.
const GRADES: [&str; 4] = ["R", "S", "VIP", "휠체어"];

/// Grades of a small set, so that they meet.
///
/// ```
/// use proptest::prelude::*;
/// use ticketing_core::label::Grade;
/// use ticketing_core::testing::strategies;
///
/// proptest!(|(grade in strategies::grades())| {
///     prop_assert_eq!(Grade::new(grade.as_str()), Ok(grade));
/// });
/// ```
pub fn grades() -> BoxedStrategy<Grade> {
    select(GRADES.map(grade).to_vec()).boxed()
}

/// Specifications of 1 to 4 sections of 1 to 5 rows of 1 to 12 seats: rows of one grade and of several,
/// named and numbered in several ways, with more than nine of a kind. They shrink to a single seat.
///
/// ```
/// use proptest::prelude::*;
/// use ticketing_core::layout::Layout;
/// use ticketing_core::testing::strategies;
///
/// proptest!(|(spec in strategies::layout_specs())| {
///     prop_assert_eq!(Layout::new(&spec).unwrap().to_spec(), spec);
/// });
/// ```
pub fn layout_specs() -> BoxedStrategy<LayoutSpec> {
    let row = (vec(0..GRADES.len(), 1..=12), any::<bool>(), 0..Naming::ALL.len());
    let section = (vec(row, 1..=5), 0..Naming::ALL.len());
    let specs = (vec(section, 1..=4), 0..Naming::ALL.len()).prop_map(|(sections, naming)| {
        let sections = (0..).zip(sections).map(|(place, (rows, naming_of_rows))| SectionSpec {
            name: name(place, naming),
            rows: (0..)
                .zip(rows)
                .map(|(place, row)| row_spec(place, row, naming_of_rows))
                .collect(),
        });
        LayoutSpec::of(sections)
    });
    simplest_first(one_seat(), specs)
}

fn one_seat() -> LayoutSpec {
    LayoutSpec::of([SectionSpec::grid("1", GRADES[0], 1, 1)])
}

fn row_spec(
    place: u32,
    (grades, is_mixed, naming): (Vec<usize>, bool, usize),
    naming_of_rows: usize,
) -> RowSpec {
    let first = grades[0];
    let seats = (0..).zip(grades).map(|(place, grade)| SeatSpec {
        number: name(place, naming),
        grade: GRADES[if is_mixed { grade } else { first }].to_owned(),
    });
    RowSpec { name: name(place, naming_of_rows), seats: seats.collect() }
}

#[derive(Clone, Copy)]
enum Naming {
    Ascending,
    Odd,
    Descending,
    Lettered,
}

impl Naming {
    const ALL: [Self; 4] = [Self::Ascending, Self::Odd, Self::Descending, Self::Lettered];
}

/// A name that no other place has under the same naming.
fn name(place: u32, naming: usize) -> String {
    match Naming::ALL[naming] {
        Naming::Ascending => format!("{}", place + 1),
        Naming::Odd => format!("{}", place * 2 + 1),
        Naming::Descending => format!("{}", 99 - place),
        Naming::Lettered => format!("{}열", char::from_u32('A' as u32 + place).unwrap_or('?')),
    }
}

/// The layouts of [`layout_specs`]: 1 to 240 seats.
///
/// ```
/// use proptest::prelude::*;
/// use ticketing_core::testing::strategies;
///
/// proptest!(|(layout in strategies::layouts())| {
///     for (seat, place) in layout.seats() {
///         let found =
///             layout.find(place.section.as_str(), place.row.as_str(), place.number.as_str());
///         prop_assert_eq!(found, Some(seat));
///     }
/// });
/// ```
pub fn layouts() -> BoxedStrategy<Layout> {
    layout_specs()
        .prop_map(|spec| Layout::new(&spec).expect("names differ and counts are small"))
        .boxed()
}

/// Lists with a price above zero for some grades, at least one, in one currency. Prices are at most
/// [`PRICE_MAX`](super::PRICE_MAX).
///
/// ```
/// use proptest::prelude::*;
/// use ticketing_core::money::Currency;
/// use ticketing_core::testing::strategies;
///
/// proptest!(|(prices in strategies::price_lists(Currency::KRW))| {
///     prop_assert!(prices.iter().all(|(_, price)| !price.is_zero()));
/// });
/// ```
pub fn price_lists(currency: Currency) -> BoxedStrategy<PriceList> {
    vec(prices(), 1..=GRADES.len())
        .prop_map(move |prices| {
            let grades = GRADES.map(grade);
            price_list(grades.into_iter().zip(prices), currency)
        })
        .boxed()
}

/// Lists that price every grade of a layout, some of them with a grade that no seat has.
///
/// ```
/// use proptest::prelude::*;
/// use ticketing_core::layout::Layout;
/// use ticketing_core::money::Currency;
/// use ticketing_core::testing::strategies;
///
/// let specs = strategies::layout_specs();
/// let priced = specs.prop_flat_map(|spec| {
///     let layout = Layout::new(&spec).unwrap();
///     (Just(spec), strategies::price_lists_for(&layout, Currency::USD))
/// });
/// proptest!(|((spec, prices) in priced)| {
///     prop_assert!(Layout::priced(&spec, &prices).is_ok());
/// });
/// ```
pub fn price_lists_for(layout: &Layout, currency: Currency) -> BoxedStrategy<PriceList> {
    let grades: Vec<Grade> = layout.grades().counts().into_keys().cloned().collect();
    let more = proptest::option::weighted(0.2, prices());
    (vec(prices(), grades.len()), more)
        .prop_map(move |(prices, more)| {
            let unused = more.map(|price| (grade("unused"), price));
            price_list(grades.iter().cloned().zip(prices).chain(unused), currency)
        })
        .boxed()
}

/// Layouts with prices for all their grades, in any of [`currencies`].
///
/// ```
/// use proptest::prelude::*;
/// use ticketing_core::testing::strategies;
///
/// proptest!(|((layout, prices) in strategies::priced_layouts())| {
///     for grade in layout.grades().counts().into_keys() {
///         prop_assert!(prices.get(grade).is_some());
///     }
/// });
/// ```
pub fn priced_layouts() -> BoxedStrategy<(Layout, PriceList)> {
    (layouts(), currencies(), vec(prices(), GRADES.len()))
        .prop_map(|(layout, currency, prices)| {
            let used = layout.grades().counts();
            let priced = GRADES.map(grade).into_iter().zip(prices);
            let list = price_list(priced.filter(|(grade, _)| used.contains_key(grade)), currency);
            (layout, list)
        })
        .boxed()
}

/// Seats of a performance, the first and the last often.
///
/// # Panics
/// If the capacity is zero.
///
/// ```
/// use proptest::prelude::*;
/// use ticketing_core::testing::strategies;
///
/// proptest!(|(seat in strategies::seat_nos(500))| prop_assert!(seat.0 < 500));
/// ```
pub fn seat_nos(capacity: u32) -> BoxedStrategy<SeatNo> {
    assert!(capacity > 0, "expected at least one seat, got none");
    let seats = prop_oneof![6 => 0..capacity, 1 => Just(0), 1 => Just(capacity - 1)];
    simplest_first(SeatNo(0), seats.prop_map(SeatNo))
}

/// One to `most` seats of a performance: neighbours, or seats from all over the hall. They shrink to
/// the first seat alone.
///
/// # Panics
/// If the capacity is zero, or `most` is zero or more than [`Seats::MAX`].
///
/// ```
/// use proptest::prelude::*;
/// use ticketing_core::testing::strategies;
///
/// proptest!(|(seats in strategies::seats(500, 4))| {
///     prop_assert!((1..=4).contains(&seats.len()));
///     prop_assert!(seats.iter().all(|seat| seat.0 < 500));
/// });
/// ```
pub fn seats(capacity: u32, most: usize) -> BoxedStrategy<Seats> {
    assert!((1..=Seats::MAX).contains(&most), "expected 1 to {} seats, got {most}", Seats::MAX);
    let neighbours = (seat_nos(capacity), 1..=most).prop_map(move |(first, count)| {
        let seats = (first.0..capacity).take(count).map(SeatNo);
        Seats::new(seats).expect("at least one seat, and different ones")
    });
    let scattered = vec(seat_nos(capacity), 1..=most).prop_map(|seats| {
        let different: BTreeSet<SeatNo> = seats.into_iter().collect();
        Seats::new(different).expect("at least one seat, and different ones")
    });
    simplest_first(Seats::one(SeatNo(0)), prop_oneof![neighbours, scattered])
}

pub(super) fn grade(code: &str) -> Grade {
    Grade::new(code).expect("a short code")
}

fn price_list(prices: impl Iterator<Item = (Grade, i64)>, currency: Currency) -> PriceList {
    let prices = prices.map(|(grade, minor)| (grade, amount(minor, currency)));
    PriceList::new(prices).expect("prices above zero of different grades")
}
