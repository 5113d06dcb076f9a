//! Every invariant, counted from the store and held against what stands outside it: the gateway's own
//! books, the topic that the events went to, the hold store.

use std::collections::BTreeMap;

use serde::Serialize;
use ticketing_core::error::PortError;
use ticketing_core::id::{PaymentId, RefundId};
use ticketing_core::ledger::{Account, EntrySubject};
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

/// All money at the gateway is in the books, payment by payment, and nothing in the books is not there.
async fn gateway_money(world: &World, inspect: &dyn Inspect) -> Result<Checked, PortError> {
    let mut payment_of: BTreeMap<RefundId, PaymentId> = BTreeMap::new();
    for_each!(inspect, refunds, |refund| {
        payment_of.insert(refund.id(), refund.payment());
    });
    let mut booked: BTreeMap<PaymentId, i64> = BTreeMap::new();
    for_each!(inspect, entries, |entry| {
        let payment = match entry.subject() {
            EntrySubject::Payment(payment) => Some(payment),
            EntrySubject::Refund(refund) => payment_of.get(&refund).copied(),
            // Points are topped up outside this gateway.
            _ => None,
        };
        let clearing = entry.postings().iter().filter(|p| p.account == Account::Clearing);
        if let Some(payment) = payment {
            let sum: i64 = clearing.map(|posting| posting.amount).sum();
            *booked.entry(payment).or_default() -= sum;
        }
    });
    let mut checked = Checked::new();
    for (payment, money) in world.memory.gateway.money().payments {
        let here = booked.remove(&payment).unwrap_or(0);
        let back = money.cancelled.minor() + money.reversed.minor();
        let there = money.captured.minor() - back;
        checked.look(here == there, || {
            format!("payment {payment}: {here} is booked, the gateway has {there}: {money:?}")
        });
    }
    for (payment, here) in booked {
        checked.look(here == 0, || {
            format!("payment {payment}: {here} is booked, the gateway knows nothing of it")
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
