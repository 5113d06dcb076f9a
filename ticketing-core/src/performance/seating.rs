//! What a performance sells: its seats with their grades and prices.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::state::PerformanceRefusal;
use crate::aggregate::Applied;
use crate::label::Grade;
use crate::layout::{GradeMap, Layout};
use crate::money::Money;
use crate::reservation::SeatLine;
use crate::seat::{SeatNo, Seats};
use crate::show::PriceList;

/// A layout whose every seat has a grade that is priced, also after seats were regraded.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Stored")]
pub(super) struct Seating {
    layout: Arc<Layout>,
    regraded: Option<Arc<GradeMap>>,
    prices: Arc<PriceList>,
}

#[derive(Deserialize)]
struct Stored {
    layout: Arc<Layout>,
    regraded: Option<Arc<GradeMap>>,
    prices: Arc<PriceList>,
}

impl TryFrom<Stored> for Seating {
    type Error = String;

    fn try_from(stored: Stored) -> Result<Self, String> {
        let Stored { layout, regraded, prices } = stored;
        let seating = Self { layout, regraded, prices };
        if seating.grades().len() != seating.capacity() {
            return Err(format!(
                "expected grades of {} seats, got {}",
                seating.capacity(),
                seating.grades().len()
            ));
        }
        seating.priced().map_err(|grades| format!("grades {grades:?} have no price"))
    }
}

impl Seating {
    /// Answers with every grade that has no price, ascending.
    pub(super) fn new(layout: Arc<Layout>, prices: Arc<PriceList>) -> Result<Self, Vec<Grade>> {
        Self { layout, regraded: None, prices }.priced()
    }

    fn priced(self) -> Result<Self, Vec<Grade>> {
        let unpriced: Vec<Grade> = self
            .grades()
            .counts()
            .into_keys()
            .filter(|grade| self.prices.get(grade).is_none())
            .cloned()
            .collect();
        if unpriced.is_empty() { Ok(self) } else { Err(unpriced) }
    }

    pub(super) const fn layout(&self) -> &Arc<Layout> {
        &self.layout
    }

    pub(super) const fn prices(&self) -> &Arc<PriceList> {
        &self.prices
    }

    pub(super) fn capacity(&self) -> u32 {
        self.layout.len()
    }

    pub(super) fn grades(&self) -> &GradeMap {
        self.regraded.as_deref().unwrap_or_else(|| self.layout.grades())
    }

    pub(super) fn lines(&self, seats: &Seats) -> Result<Vec<SeatLine>, PerformanceRefusal> {
        seats.iter().map(|seat| self.line(seat)).collect()
    }

    fn line(&self, seat: SeatNo) -> Result<SeatLine, PerformanceRefusal> {
        let grade = self.grades().get(seat).ok_or_else(|| self.no_such(seat))?.clone();
        match self.prices.get(&grade) {
            Some(price) => Ok(SeatLine { seat, grade, price }),
            None => Err(PerformanceRefusal::Unpriced(grade)),
        }
    }

    pub(super) fn must_have(&self, seats: &Seats) -> Result<(), PerformanceRefusal> {
        match seats.iter().find(|seat| seat.0 >= self.capacity()) {
            Some(seat) => Err(self.no_such(seat)),
            None => Ok(()),
        }
    }

    fn no_such(&self, seat: SeatNo) -> PerformanceRefusal {
        PerformanceRefusal::NoSuchSeat { seat, capacity: self.capacity() }
    }

    pub(super) fn reprice(
        &mut self,
        grade: &Grade,
        price: Money,
    ) -> Result<Applied, PerformanceRefusal> {
        if self.prices.get(grade) == Some(price) {
            return Ok(Applied::Already);
        }
        Arc::make_mut(&mut self.prices).set(grade.clone(), price)?;
        Ok(Applied::Now)
    }

    pub(super) fn regrade(
        &mut self,
        seats: &Seats,
        grade: &Grade,
    ) -> Result<Applied, PerformanceRefusal> {
        self.must_have(seats)?;
        if self.prices.get(grade).is_none() {
            return Err(PerformanceRefusal::Unpriced(grade.clone()));
        }
        if seats.iter().all(|seat| self.grades().get(seat) == Some(grade)) {
            return Ok(Applied::Already);
        }
        self.regraded = Some(Arc::new(self.grades().regraded(seats, grade)));
        Ok(Applied::Now)
    }
}
