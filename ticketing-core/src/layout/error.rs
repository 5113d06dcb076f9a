use std::fmt;

use crate::label::{Grade, LabelError};
use crate::layout::Layout;

/// Where in a layout something is wrong: positions counted from 1, in the order of the specification.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LayoutAt {
    /// The section.
    pub section: usize,
    /// The row in it, if it is about one.
    pub row: Option<usize>,
    /// The seat in the row, if it is about one.
    pub seat: Option<usize>,
}

impl LayoutAt {
    pub(super) const fn section(section: usize) -> Self {
        Self { section: section + 1, row: None, seat: None }
    }

    pub(super) const fn row(self, row: usize) -> Self {
        Self { row: Some(row + 1), ..self }
    }

    pub(super) const fn seat(self, seat: usize) -> Self {
        Self { seat: Some(seat + 1), ..self }
    }
}

impl fmt::Display for LayoutAt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "section {}", self.section)?;
        if let Some(row) = self.row {
            write!(f, ", row {row}")?;
        }
        if let Some(seat) = self.seat {
            write!(f, ", seat {seat}")?;
        }
        Ok(())
    }
}

/// One thing that is wrong with a layout.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum LayoutError {
    /// It has no section.
    #[error("expected 1 to {} sections, got none", Layout::SECTIONS_MAX)]
    NoSection,
    /// It has too many sections.
    #[error("expected 1 to {} sections, got {got}", Layout::SECTIONS_MAX)]
    TooManySections {
        /// How many it has.
        got: usize,
    },
    /// It has too many seats.
    #[error("expected at most {} seats, got {got}", Layout::SEATS_MAX)]
    TooManySeats {
        /// How many it has.
        got: usize,
    },
    /// It has too many different grades.
    #[error("expected at most {} grades, got {got}", Layout::GRADES_MAX)]
    TooManyGrades {
        /// How many it has.
        got: usize,
    },
    /// A section has no row.
    #[error("{at}: expected at least one row, got none")]
    EmptySection {
        /// The section.
        at: LayoutAt,
    },
    /// A row has no seat.
    #[error("{at}: expected at least one seat, got none")]
    EmptyRow {
        /// The row.
        at: LayoutAt,
    },
    /// The name of a section or a row, or the number of a seat, is no label.
    #[error("{at}: {error}")]
    Label {
        /// What it names.
        at: LayoutAt,
        /// What is wrong with it.
        error: LabelError,
    },
    /// A grade is no label.
    #[error("grade {got:?}: {error}")]
    Grade {
        /// The text that was given, cut to 64 characters.
        got: String,
        /// What is wrong with it.
        error: LabelError,
    },
    /// A section's name, a row's name in its section, or a seat's number in its row came before.
    #[error("{at}: {label:?} is there twice")]
    Repeated {
        /// The later one.
        at: LayoutAt,
        /// Its name or number.
        label: String,
    },
    /// Seats have a grade without a price.
    #[error("grade {grade} of {seats} seats has no price")]
    Unpriced {
        /// The grade.
        grade: Grade,
        /// How many seats have it.
        seats: u32,
    },
    /// The stored form of a layout contradicts itself.
    #[error("a stored layout is not sound: {0}")]
    Unsound(&'static str),
}

/// All that is wrong with a layout: at least one error.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LayoutErrors {
    listed: Vec<LayoutError>,
    total: usize,
}

impl LayoutErrors {
    /// The most errors that are listed; more are only counted.
    pub const LISTED_MAX: usize = 100;

    pub(super) const fn none() -> Self {
        Self { listed: Vec::new(), total: 0 }
    }

    pub(super) fn push(&mut self, error: LayoutError) {
        self.extend(1, std::iter::once(error));
    }

    /// Adds `count` errors, of which only those are made that are listed.
    pub(super) fn extend(&mut self, count: usize, errors: impl Iterator<Item = LayoutError>) {
        self.total = self.total.saturating_add(count);
        self.listed.extend(errors.take(Self::LISTED_MAX - self.listed.len()));
    }

    pub(super) fn unsound(what: &'static str) -> Self {
        Self { listed: vec![LayoutError::Unsound(what)], total: 1 }
    }

    pub(super) fn into_result(self) -> Result<(), Self> {
        if self.total == 0 { Ok(()) } else { Err(self) }
    }

    /// The first of them, at most [`LayoutErrors::LISTED_MAX`].
    pub fn as_slice(&self) -> &[LayoutError] {
        &self.listed
    }

    /// How many there are, those not listed included.
    pub const fn total(&self) -> usize {
        self.total
    }
}

impl fmt::Display for LayoutErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the layout has {} errors", self.total)?;
        for (position, error) in self.listed.iter().enumerate() {
            write!(f, "{} {error}", if position == 0 { ":" } else { ";" })?;
        }
        if self.total > self.listed.len() {
            f.write_str("; and more")?;
        }
        Ok(())
    }
}

impl std::error::Error for LayoutErrors {}
