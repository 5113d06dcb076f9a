//! The compact form of a layout, and its check.

use std::borrow::Cow;
use std::hash::Hash;

use rustc_hash::FxHashMap;
use serde::{Deserialize, Serialize};

use super::error::{LayoutAt, LayoutError, LayoutErrors};
use super::grades::{GradeMap, Run};
use super::spec::LayoutSpec;
use super::{Layout, Numbers, Row, Section};
use crate::label::{Grade, Label, LabelError};
use crate::show::PriceList;

/// A layout as it is stored: rows that number their seats alike share one list, neighbours of one
/// grade share one run. Nothing in it is checked.
#[derive(Serialize, Deserialize)]
pub(super) struct Plan<'a> {
    pub(super) sections: Vec<PlanSection<'a>>,
    pub(super) numbers: Vec<Vec<Cow<'a, str>>>,
    pub(super) grades: Vec<Cow<'a, str>>,
    pub(super) runs: Vec<Run>,
}

#[derive(Serialize, Deserialize)]
pub(super) struct PlanSection<'a> {
    pub(super) name: Cow<'a, str>,
    /// Each row's name, and the place of its list in the numbers.
    pub(super) rows: Vec<(Cow<'a, str>, u32)>,
}

impl<'a> Plan<'a> {
    pub(super) fn of(spec: &'a LayoutSpec) -> Self {
        let mut lists = Places::default();
        let mut grades = Places::default();
        let mut runs: Vec<Run> = Vec::new();
        let mut next: u32 = 0;
        let mut sections = Vec::with_capacity(spec.sections.len());
        for section in &spec.sections {
            let mut rows = Vec::with_capacity(section.rows.len());
            for row in &section.rows {
                let list = row.seats.iter().map(|seat| seat.number.trim()).collect::<Vec<_>>();
                rows.push((Cow::Borrowed(row.name.as_str()), lists.of(list)));
                for seat in &row.seats {
                    let grade = grades.of(seat.grade.trim());
                    if runs.last().is_none_or(|run| run.1 != grade) {
                        runs.push((next, grade));
                    }
                    next = next.saturating_add(1);
                }
            }
            sections.push(PlanSection { name: Cow::Borrowed(&section.name), rows });
        }
        let borrowed = |list: Vec<&'a str>| list.into_iter().map(Cow::Borrowed).collect();
        Self {
            sections,
            numbers: lists.values.into_iter().map(borrowed).collect(),
            grades: borrowed(grades.values),
            runs,
        }
    }

    /// Checks everything and says all that is wrong; with prices also which grades have none.
    pub(super) fn check(self, prices: Option<&PriceList>) -> Result<Layout, LayoutErrors> {
        let mut errors = LayoutErrors::none();
        let lists: Vec<Names<16>> = self.numbers.iter().map(Names::read).collect();
        let seats = self.count_seats(&mut errors);
        let sections = Names::read(self.sections.iter().map(|section| &section.name));
        sections.report(&mut errors, LayoutAt::section);
        let rows: Vec<Names<16>> = self
            .sections
            .iter()
            .map(|section| Names::read(section.rows.iter().map(|(name, _)| name)))
            .collect();
        for (position, (section, names)) in self.sections.iter().zip(&rows).enumerate() {
            let at = LayoutAt::section(position);
            if section.rows.is_empty() {
                errors.push(LayoutError::EmptySection { at });
            }
            names.report(&mut errors, |row| at.row(row));
            for (row, &(_, list)) in section.rows.iter().enumerate() {
                let Some(numbers) = lists.get(list as usize) else {
                    errors.push(LayoutError::Unsound("expected rows with listed numbers"));
                    continue;
                };
                if numbers.labels.is_empty() {
                    errors.push(LayoutError::EmptyRow { at: at.row(row) });
                }
                numbers.report(&mut errors, |seat| at.row(row).seat(seat));
            }
        }
        let grades = read_grades(&self.grades, self.runs, seats, prices, &mut errors);
        errors.into_result()?;
        let grades = grades.map_err(LayoutErrors::unsound)?;
        Ok(build(&self.sections, sections, rows, lists, grades))
    }

    fn count_seats(&self, errors: &mut LayoutErrors) -> u32 {
        let sections = self.sections.len();
        if sections == 0 {
            errors.push(LayoutError::NoSection);
        }
        if sections > Layout::SECTIONS_MAX {
            errors.push(LayoutError::TooManySections { got: sections });
        }
        let rows = self.sections.iter().flat_map(|section| &section.rows);
        let lengths = rows.filter_map(|row| self.numbers.get(row.1 as usize)).map(Vec::len);
        let got = lengths.fold(0, usize::saturating_add);
        if got > Layout::SEATS_MAX as usize {
            errors.push(LayoutError::TooManySeats { got });
        }
        number(got)
    }
}

/// Puts together what was checked: every label is there, every list is known.
fn build(
    plan: &[PlanSection<'_>],
    sections: Names<40>,
    rows: Vec<Names<16>>,
    lists: Vec<Names<16>>,
    grades: GradeMap,
) -> Layout {
    let mut layout = Layout {
        sections: Box::default(),
        rows: Box::default(),
        numbers: lists
            .into_iter()
            .map(|list| Numbers {
                labels: list.labels.into_iter().flatten().collect(),
                by_label: list.by_name,
            })
            .collect(),
        grades,
        sections_by_name: sections.by_name,
        rows_by_name: Box::default(),
    };
    let (mut starts, mut all_rows, mut by_name) = (Vec::new(), Vec::new(), Vec::new());
    let mut first_seat = 0;
    for (section, (planned, names)) in plan.iter().zip(rows).enumerate() {
        let first_row = number(all_rows.len());
        starts.push(first_row);
        by_name.extend(names.by_name.iter().map(|row| first_row + row));
        for (name, &(_, numbers)) in names.labels.into_iter().flatten().zip(&planned.rows) {
            all_rows.push(Row { section: number(section), name, first_seat, numbers });
            first_seat += number(layout.numbers[numbers as usize].labels.len());
        }
    }
    let names = sections.labels.into_iter().flatten();
    layout.sections =
        names.zip(starts).map(|(name, first_row)| Section { name, first_row }).collect();
    layout.rows = all_rows.into();
    layout.rows_by_name = by_name.into();
    layout
}

fn read_grades(
    texts: &[Cow<'_, str>],
    runs: Vec<Run>,
    seats: u32,
    prices: Option<&PriceList>,
    errors: &mut LayoutErrors,
) -> Result<GradeMap, &'static str> {
    if texts.len() > Layout::GRADES_MAX {
        errors.push(LayoutError::TooManyGrades { got: texts.len() });
    }
    let mut counts = vec![0_u32; texts.len()];
    for (position, &(first, grade)) in runs.iter().enumerate() {
        let end = runs.get(position + 1).map_or(seats, |next| next.0);
        if let Some(count) = counts.get_mut(grade as usize) {
            *count = count.saturating_add(end.saturating_sub(first));
        }
    }
    let mut grades = Vec::with_capacity(texts.len());
    for (text, seats) in texts.iter().zip(counts) {
        match Grade::new(text) {
            Ok(grade) => {
                if prices.is_some_and(|prices| prices.get(&grade).is_none()) {
                    errors.push(LayoutError::Unpriced { grade: grade.clone(), seats });
                }
                grades.push(grade);
            }
            Err(error) => {
                errors.push(LayoutError::Grade { got: text.chars().take(64).collect(), error });
            }
        }
    }
    GradeMap::from_parts(seats, grades.into(), runs.into())
}

/// Names of neighbours: read, sorted, and what is wrong with them.
struct Names<const MAX: usize> {
    labels: Vec<Option<Label<MAX>>>,
    by_name: Box<[u32]>,
    flaws: Vec<(usize, Flaw)>,
}

enum Flaw {
    Unreadable(LabelError),
    Repeated(String),
}

impl<const MAX: usize> Names<MAX> {
    fn read<'t, 's: 't>(texts: impl IntoIterator<Item = &'t Cow<'s, str>>) -> Self {
        let mut flaws = Vec::new();
        let mut read = |(position, text): (usize, &Cow<'_, str>)| match Label::new(text) {
            Ok(label) => Some(label),
            Err(error) => {
                flaws.push((position, Flaw::Unreadable(error)));
                None
            }
        };
        let labels: Vec<Option<Label<MAX>>> =
            texts.into_iter().enumerate().map(&mut read).collect();
        let mut by_name: Vec<u32> = (0..number(labels.len())).collect();
        by_name.sort_by_key(|&position| &labels[position as usize]);
        for pair in by_name.windows(2) {
            let (before, after) = (&labels[pair[0] as usize], &labels[pair[1] as usize]);
            if let (Some(_), Some(label)) = (before, after)
                && before == after
            {
                flaws.push((pair[1] as usize, Flaw::Repeated(label.to_string())));
            }
        }
        flaws.sort_by_key(|flaw| flaw.0);
        Self { labels, by_name: by_name.into(), flaws }
    }

    fn report(&self, errors: &mut LayoutErrors, at: impl Fn(usize) -> LayoutAt) {
        let all = self.flaws.iter().map(|(position, flaw)| match flaw {
            Flaw::Unreadable(error) => {
                LayoutError::Label { at: at(*position), error: error.clone() }
            }
            Flaw::Repeated(label) => {
                LayoutError::Repeated { at: at(*position), label: label.clone() }
            }
        });
        errors.extend(self.flaws.len(), all);
    }
}

/// Different values, each with its place.
struct Places<V> {
    values: Vec<V>,
    places: FxHashMap<V, u32>,
}

impl<V> Default for Places<V> {
    fn default() -> Self {
        Self { values: Vec::new(), places: FxHashMap::default() }
    }
}

impl<V: Clone + Eq + Hash> Places<V> {
    fn of(&mut self, value: V) -> u32 {
        *self.places.entry(value).or_insert_with_key(|value| {
            self.values.push(value.clone());
            number(self.values.len() - 1)
        })
    }
}

/// A count as a number; what is too large for one was refused before, or will be.
fn number(count: usize) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}
