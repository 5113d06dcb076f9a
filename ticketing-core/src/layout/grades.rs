use std::collections::BTreeMap;
use std::ops::Range;

use serde::{Deserialize, Serialize};

use crate::label::Grade;
use crate::seat::{SeatNo, Seats};

/// The grade of every seat of a performance, as runs of neighbours that share one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Stored")]
pub struct GradeMap {
    len: u32,
    grades: Box<[Grade]>,
    runs: Box<[Run]>,
}

/// The first seat of a run, and the place of its grade in the list of grades.
pub(super) type Run = (u32, u32);

#[derive(Deserialize)]
struct Stored {
    len: u32,
    grades: Box<[Grade]>,
    runs: Box<[Run]>,
}

impl TryFrom<Stored> for GradeMap {
    type Error = &'static str;

    fn try_from(stored: Stored) -> Result<Self, Self::Error> {
        Self::from_parts(stored.len, stored.grades, stored.runs)
    }
}

impl GradeMap {
    pub(super) fn from_parts(
        len: u32,
        grades: Box<[Grade]>,
        runs: Box<[Run]>,
    ) -> Result<Self, &'static str> {
        if runs.first().map(|run| run.0) != (len > 0).then_some(0) {
            return Err("expected runs of grades from the first seat on");
        }
        if !runs.is_sorted_by(|a, b| a.0 < b.0) || runs.last().is_some_and(|run| run.0 >= len) {
            return Err("expected runs of grades in the order of seats");
        }
        if runs.iter().any(|run| run.1 as usize >= grades.len()) {
            return Err("expected runs of listed grades");
        }
        Ok(Self { len, grades, runs })
    }

    pub(super) fn parts(&self) -> (&[Grade], &[Run]) {
        (&self.grades, &self.runs)
    }

    /// How many seats there are.
    #[expect(clippy::len_without_is_empty, reason = "a layout has at least one seat")]
    pub const fn len(&self) -> u32 {
        self.len
    }

    /// The grade of a seat; `None` beyond the last.
    pub fn get(&self, seat: SeatNo) -> Option<&Grade> {
        if seat.0 >= self.len {
            return None;
        }
        let run = self.run_of(seat.0).checked_sub(1)?;
        self.grades.get(self.runs[run].1 as usize)
    }

    /// How many seats have each grade; a grade without seats is not there.
    pub fn counts(&self) -> BTreeMap<&Grade, u32> {
        let mut counts = BTreeMap::new();
        for (seats, grade) in self.runs_in(0..self.len) {
            *counts.entry(grade).or_default() += seats;
        }
        counts
    }

    /// The same with another grade for some seats; those beyond the last are left out.
    #[must_use]
    pub fn regraded(&self, seats: &Seats, grade: &Grade) -> Self {
        let (mut len, mut grades, mut runs) = (0, Vec::new(), Vec::<Run>::new());
        let mut push = |seats: u32, grade: &Grade| {
            let id = grades.iter().position(|known| known == grade).unwrap_or_else(|| {
                grades.push(grade.clone());
                grades.len() - 1
            });
            let id = u32::try_from(id).unwrap_or(u32::MAX);
            if runs.last().is_none_or(|&(_, last)| last != id) {
                runs.push((len, id));
            }
            len += seats;
        };
        let mut next = 0;
        for seat in seats.iter().filter(|seat| seat.0 < self.len) {
            self.runs_in(next..seat.0).for_each(|(count, before)| push(count, before));
            push(1, grade);
            next = seat.0 + 1;
        }
        self.runs_in(next..self.len).for_each(|(count, before)| push(count, before));
        Self { len, grades: grades.into(), runs: runs.into() }
    }

    /// How many runs start at or before a seat.
    fn run_of(&self, seat: u32) -> usize {
        self.runs.partition_point(|run| run.0 <= seat)
    }

    /// The runs in a range of seats, cut at its ends, as lengths with grades.
    fn runs_in(&self, seats: Range<u32>) -> impl Iterator<Item = (u32, &Grade)> {
        let first = self.run_of(seats.start).saturating_sub(1);
        (first..self.runs.len()).take_while(move |&run| self.runs[run].0 < seats.end).filter_map(
            move |run| {
                let (start, grade) = self.runs[run];
                let end = self.runs.get(run + 1).map_or(self.len, |next| next.0);
                let count = end.min(seats.end).checked_sub(start.max(seats.start))?;
                (count > 0).then_some((count, &self.grades[grade as usize]))
            },
        )
    }
}
