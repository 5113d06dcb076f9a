//! Every invariant, counted from the store and held against what stands outside it: the gateway's own
//! books, the topic that the events went to, the hold store.

use std::collections::BTreeMap;

use serde::Serialize;
use ticketing_core::error::PortError;
use ticketing_core::ledger::{Account, EntryKind};
use ticketing_core::money::Currency;
use ticketing_core::page::PageRequest;
use ticketing_core::port::Inspect;
use ticketing_core::seat::SeatMap;

use super::figures::{PAGE, for_each};
use super::world::World;

/// What became of one invariant.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Checked {
    /// Whether it holds.
    pub ok: bool,
    /// How many things were looked at.
    pub checked: u64,
    /// The first things that break it.
    #[serde(skip)]
    pub broken: Vec<String>,
}

impl Checked {
    /// Things that break an invariant of which the text is kept.
    const BROKEN_MAX: usize = 10;

    pub(crate) fn new() -> Self {
        Self { ok: true, ..Self::default() }
    }

    /// Looks at one thing.
    pub(crate) fn look(&mut self, holds: bool, text: impl FnOnce() -> String) {
        self.checked += 1;
        if !holds {
            self.ok = false;
            if self.broken.len() < Self::BROKEN_MAX {
                self.broken.push(text());
            }
        }
    }
}

/// Every invariant by its name.
pub type Invariants = BTreeMap<&'static str, Checked>;

/// Checks everything.
///
/// # Errors
/// The store cannot be read.
pub async fn audit(world: &World, inspect: &dyn Inspect) -> Result<Invariants, PortError> {
    Ok(Invariants::from([
        ("gateway_money_is_booked", gateway_money(world, inspect).await?),
        ("events_arrive_once_and_in_order", events(world, inspect).await?),
        ("no_holds_leaked", holds(world).await?),
        ("no_call_met_a_defect", defects(world)),
    ]))
}

/// All money at the gateway is in the books, and nothing in the books is not there.
async fn gateway_money(world: &World, inspect: &dyn Inspect) -> Result<Checked, PortError> {
    let mut booked: BTreeMap<Currency, i128> = BTreeMap::new();
    for_each!(inspect, balances, |row| {
        if row.account.account == Account::Clearing {
            *booked.entry(row.account.currency).or_default() -= i128::from(row.amount);
        }
    });
    // Points are topped up outside this gateway.
    for_each!(inspect, entries, |entry| {
        if entry.kind() == EntryKind::TopUp {
            for posting in entry.postings().iter().filter(|p| p.account == Account::Clearing) {
                *booked.entry(entry.currency()).or_default() += i128::from(posting.amount);
            }
        }
    });
    let money = world.memory.gateway.money();
    let mut checked = Checked::new();
    checked.checked = money.payments.len() as u64;
    let totals = money.totals();
    for currency in booked.keys().chain(totals.keys()) {
        let here = booked.get(currency).copied().unwrap_or(0);
        let there = totals.get(currency).map_or(0, |totals| totals.net());
        checked.look(here == there, || {
            format!("{here} minor units of {currency} are booked, the gateway has {there}")
        });
    }
    Ok(checked)
}

/// Each aggregate's events arrived at the topic, all of them and in order.
async fn events(world: &World, inspect: &dyn Inspect) -> Result<Checked, PortError> {
    let mut arrivals = world.memory.publisher.all_arrivals();
    let mut checked = Checked::new();
    for_each!(inspect, event_counts, |row| {
        let arrived = arrivals.remove(&row.aggregate).unwrap_or_default();
        let (highest, missing) = (arrived.highest(), arrived.missing());
        let whole = highest == row.recorded && missing == 0 && arrived.out_of_order == 0;
        checked.look(whole, || {
            format!(
                "{}: {} events recorded, {highest} arrived, {missing} missing, {} out of order",
                row.aggregate, row.recorded, arrived.out_of_order
            )
        });
    });
    for aggregate in arrivals.keys() {
        checked.look(false, || format!("{aggregate}: its events are not in the store"));
    }
    Ok(checked)
}

/// No seat is held that nobody has a claim to.
async fn holds(world: &World) -> Result<Checked, PortError> {
    let held = held_seats(world).await?;
    let mut checked = Checked::new();
    checked.look(held == 0, || format!("{held} seats are held with no claim behind them"));
    checked.checked = u64::from(world.capacity);
    Ok(checked)
}

async fn held_seats(world: &World) -> Result<usize, PortError> {
    let ports = world.office.ports();
    let claims = ports.claims.bits(world.performance, world.capacity).await?;
    let held = ports.holds.held(world.performance, world.capacity, world.now()).await?;
    Ok(SeatMap::new(claims, held).counts().held)
}

/// No call ended as no correct system would let it end.
fn defects(world: &World) -> Checked {
    let calls = world.measures.figures().iter().map(|(_, figures)| figures.count).sum();
    Checked { ok: world.defects.count() == 0, checked: calls, broken: world.defects.first() }
}
