//! The seating plan of a performance: sections, rows and seats with labels and grades.

mod error;
mod grades;
mod plan;
mod spec;
#[cfg(test)]
mod tests;

pub use error::{LayoutAt, LayoutError, LayoutErrors};
pub use grades::GradeMap;
pub use spec::{LayoutSpec, RowSpec, SeatSpec, SectionSpec};

use std::borrow::Cow;
use std::fmt;

use serde::{Deserialize, Serialize};

use crate::label::{Grade, Label, SeatLabel, SectionName};
use crate::seat::SeatNo;
use crate::show::PriceList;
use plan::{Plan, PlanSection};

/// A seating plan that was checked whole and never changes. Its seats are numbered from 0 without
/// gaps: section by section, row by row.
///
/// Rows that number their seats alike share the labels, so that 100,000 seats take a few kilobytes,
/// also in JSON.
#[derive(Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "Plan<'static>")]
pub struct Layout {
    sections: Box<[Section]>,
    rows: Box<[Row]>,
    numbers: Box<[Numbers]>,
    grades: GradeMap,
    sections_by_name: Box<[u32]>,
    /// Rows by section, then by name: a section's rows fill the same places as in `rows`.
    rows_by_name: Box<[u32]>,
}

#[derive(Clone, PartialEq, Eq)]
struct Section {
    name: SectionName,
    first_row: u32,
}

#[derive(Clone, PartialEq, Eq)]
struct Row {
    section: u32,
    name: SeatLabel,
    first_seat: u32,
    numbers: u32,
}

/// The numbers of a row's seats, shared by all rows that have the same.
#[derive(Clone, PartialEq, Eq)]
struct Numbers {
    labels: Box<[SeatLabel]>,
    by_label: Box<[u32]>,
}

/// Where a seat is, as people say it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct SeatPlace {
    /// The section's name.
    pub section: SectionName,
    /// The row's name.
    pub row: SeatLabel,
    /// The seat's number in the row.
    pub number: SeatLabel,
}

impl fmt::Display for SeatPlace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}/{}", self.section, self.row, self.number)
    }
}

impl Layout {
    /// The most seats of a layout.
    pub const SEATS_MAX: u32 = 200_000;
    /// The most sections of a layout.
    pub const SECTIONS_MAX: usize = 1_000;
    /// The most grades of a layout, and of a price list.
    pub const GRADES_MAX: usize = 100;

    /// Checks a specification and numbers its seats.
    ///
    /// # Errors
    /// [`LayoutErrors`]: all that is wrong, not the first.
    pub fn new(spec: &LayoutSpec) -> Result<Self, LayoutErrors> {
        Plan::of(spec).check(None)
    }

    /// The same for a price list: grades without a price are among the errors.
    ///
    /// # Errors
    /// [`LayoutErrors`]: all that is wrong, not the first.
    pub fn priced(spec: &LayoutSpec, prices: &PriceList) -> Result<Self, LayoutErrors> {
        Plan::of(spec).check(Some(prices))
    }

    /// How many seats it has, at least one.
    #[expect(clippy::len_without_is_empty, reason = "never empty")]
    pub const fn len(&self) -> u32 {
        self.grades.len()
    }

    /// The grade of a seat; `None` beyond the last.
    pub fn grade(&self, seat: SeatNo) -> Option<&Grade> {
        self.grades.get(seat)
    }

    /// The grades of all seats.
    pub const fn grades(&self) -> &GradeMap {
        &self.grades
    }

    /// The names of the sections, in order.
    pub fn sections(&self) -> impl ExactSizeIterator<Item = &SectionName> {
        self.sections.iter().map(|section| &section.name)
    }

    /// Where a seat is; `None` beyond the last.
    pub fn place(&self, seat: SeatNo) -> Option<SeatPlace> {
        let after = self.rows.partition_point(|row| row.first_seat <= seat.0);
        let row = &self.rows[after.checked_sub(1)?];
        let numbers = &self.numbers[row.numbers as usize].labels;
        let number = numbers.get((seat.0 - row.first_seat) as usize)?;
        let section = &self.sections[row.section as usize].name;
        Some(SeatPlace { section: section.clone(), row: row.name.clone(), number: number.clone() })
    }

    /// The seat at a place, by its exact labels.
    pub fn find(&self, section: &str, row: &str, number: &str) -> Option<SeatNo> {
        let position = find(&self.sections_by_name, section, |at| &self.sections[at].name)?;
        let rows = &self.rows_by_name[self.rows_of(position)];
        let row = &self.rows[find(rows, row, |at| &self.rows[at].name)?];
        let numbers = &self.numbers[row.numbers as usize];
        let seat = find(&numbers.by_label, number, |at| &numbers.labels[at])?;
        Some(SeatNo(row.first_seat + u32::try_from(seat).ok()?))
    }

    /// Every seat with its place, ascending.
    pub fn seats(&self) -> impl Iterator<Item = (SeatNo, SeatPlace)> {
        (0..self.len()).map(SeatNo).filter_map(|seat| Some((seat, self.place(seat)?)))
    }

    /// The specification again, to be read or edited.
    pub fn to_spec(&self) -> LayoutSpec {
        let seat = |number: &SeatLabel, seat: u32| SeatSpec {
            number: number.to_string(),
            grade: self.grade(SeatNo(seat)).map_or_else(String::new, ToString::to_string),
        };
        let row = |row: &Row| RowSpec {
            name: row.name.to_string(),
            seats: self.numbers[row.numbers as usize]
                .labels
                .iter()
                .zip(row.first_seat..)
                .map(|(number, at)| seat(number, at))
                .collect(),
        };
        LayoutSpec::of(self.sections.iter().enumerate().map(|(position, section)| SectionSpec {
            name: section.name.to_string(),
            rows: self.rows[self.rows_of(position)].iter().map(row).collect(),
        }))
    }

    fn plan(&self) -> Plan<'_> {
        let (grades, runs) = self.grades.parts();
        let sections = self.sections.iter().enumerate().map(|(position, section)| {
            let rows = self.rows[self.rows_of(position)].iter();
            PlanSection {
                name: Cow::Borrowed(section.name.as_str()),
                rows: rows.map(|row| (Cow::Borrowed(row.name.as_str()), row.numbers)).collect(),
            }
        });
        let numbers = self.numbers.iter().map(|numbers| borrowed(&numbers.labels));
        Plan {
            sections: sections.collect(),
            numbers: numbers.collect(),
            grades: borrowed(grades),
            runs: runs.to_vec(),
        }
    }

    fn rows_of(&self, section: usize) -> std::ops::Range<usize> {
        let end =
            self.sections.get(section + 1).map_or(self.rows.len(), |next| next.first_row as usize);
        self.sections[section].first_row as usize..end
    }
}

fn borrowed<const MAX: usize>(labels: &[Label<MAX>]) -> Vec<Cow<'_, str>> {
    labels.iter().map(|label| Cow::Borrowed(label.as_str())).collect()
}

/// Looks a name up among positions that are sorted by name.
fn find<'l, const MAX: usize>(
    sorted: &[u32],
    name: &str,
    label: impl Fn(usize) -> &'l Label<MAX>,
) -> Option<usize> {
    let place = sorted.binary_search_by(|&at| label(at as usize).as_str().cmp(name)).ok()?;
    Some(sorted[place] as usize)
}

impl fmt::Debug for Layout {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Layout({} sections, {} seats)", self.sections.len(), self.len())
    }
}

impl Serialize for Layout {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.plan().serialize(serializer)
    }
}

impl TryFrom<Plan<'static>> for Layout {
    type Error = LayoutErrors;

    fn try_from(plan: Plan<'static>) -> Result<Self, LayoutErrors> {
        plan.check(None)
    }
}
