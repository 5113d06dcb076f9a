//! Every invariant, counted from the store and held against what stands outside it: the gateway's own
//! books, the topic that the events went to, the hold store.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde::ser::{Serialize, SerializeMap, Serializer};
use ticketing_core::error::PortError;
use ticketing_core::id::PerformanceId;
use ticketing_core::memory::Arrivals;
use ticketing_core::page::PageRequest;
use ticketing_core::port::HeldSeat;
use ticketing_core::verify::{
    GatewayTruth, Invariant, PublishedEvents, Report, VerifyOptions, verify,
};
use ticketing_sqlx::Books;

use super::database::Durable;
use super::figures::PAGE;
use super::world::World;

/// What became of one invariant.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Checked {
    /// Its name.
    #[serde(skip)]
    pub name: &'static str,
    /// Whether it holds.
    pub ok: bool,
    /// How many things were looked at.
    pub checked: u64,
    /// The first things that break it, in words.
    #[serde(skip)]
    pub broken: Vec<String>,
}

impl Checked {
    /// Things of which the texts are kept.
    const KEPT: usize = 20;

    /// Looks at one thing, which must hold.
    pub(crate) fn look(&mut self, holds: bool, text: impl FnOnce() -> String) {
        self.checked += 1;
        if !holds {
            self.ok = false;
            if self.broken.len() < Self::KEPT {
                self.broken.push(text());
            }
        }
    }
}

/// Every invariant, in a fixed order. As JSON an object by name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Invariants(pub Vec<Checked>);

impl Invariants {
    /// Adds what another run found out.
    pub(crate) fn add(&mut self, other: &Self) {
        for checked in &other.0 {
            match self.0.iter_mut().find(|sum| sum.name == checked.name) {
                Some(sum) => {
                    sum.ok &= checked.ok;
                    sum.checked += checked.checked;
                    sum.broken.extend(checked.broken.iter().cloned());
                }
                None => self.0.push(checked.clone()),
            }
        }
    }

    /// Whether all of them hold.
    pub fn hold(&self) -> bool {
        self.0.iter().all(|checked| checked.ok)
    }
}

impl Serialize for Invariants {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.len()))?;
        for checked in &self.0 {
            map.serialize_entry(checked.name, checked)?;
        }
        map.end()
    }
}

/// Checks everything. The run must be over: what still moves looks broken. Published events may be gone
/// from the store if they happened before `events_dropped_before`.
///
/// Of a database that held other sales, all of it is checked; but the payments that were there before are
/// not held against the gateway of this run, which knows nothing of them.
///
/// # Errors
/// The store or the hold store cannot be read.
pub(crate) async fn audit(
    world: &World,
    events_dropped_before: Option<DateTime<Utc>>,
) -> Result<Invariants, PortError> {
    let mut published = PublishedEvents::new();
    let mut order = Order::default();
    world.memory.publisher.look_at_arrivals(|aggregate, arrived| {
        order.look(arrived);
        for number in (1..=arrived.highest()).filter(|number| arrived.contains(*number)) {
            published.add(aggregate, number);
        }
    });
    let mut truth = GatewayTruth::from(&world.memory.gateway.money());
    let mut options = VerifyOptions {
        published: Some(published),
        events_dropped_before,
        holds: Some(holds(world).await?),
        ..VerifyOptions::at(world.now())
    };
    if let Some(Durable { before, .. }) = &world.durable {
        truth.elsewhere.clone_from(&before.payments);
        if before.has_dropped_events {
            options.published = None;
            options.events_dropped_before = Some(options.now);
        }
    }
    options.gateway = Some(truth);
    let mut invariants = checked(verify(&*world.store.inspect, &options).await?);
    if let Some(Durable { store, .. }) = &world.durable {
        let snapshot = store.snapshot().await?;
        let compared = snapshot.check_books().await;
        snapshot.close().await;
        invariants.extend(books(&compared?));
    }
    invariants.push(order.checked());
    invariants.push(defects(world));
    Ok(Invariants(invariants))
}

/// What a verification found.
pub(crate) fn checked(report: Report) -> Vec<Checked> {
    let checked = |invariant: Invariant| {
        let Invariant { name, ok, checked, violated, violations: mut broken } = invariant;
        tell_rest(violated, &mut broken);
        Checked { name, ok, checked, broken }
    };
    report.invariants.into_iter().map(checked).collect()
}

/// What the rows of a database say twice.
pub(crate) fn books(found: &Books) -> [Checked; 2] {
    [("balances_unlike_postings", &found.balances), ("postings_unlike_entries", &found.postings)]
        .map(|(name, compared)| {
            let mut broken = compared.told.clone();
            tell_rest(compared.unlike, &mut broken);
            Checked { name, ok: compared.unlike == 0, checked: compared.checked, broken }
        })
}

fn tell_rest(broken: u64, told: &mut Vec<String>) {
    let rest = broken.saturating_sub(told.len() as u64);
    if rest > 0 {
        told.push(format!("and {rest} more"));
    }
}

/// All seats that are held now.
async fn holds(world: &World) -> Result<BTreeMap<PerformanceId, Vec<HeldSeat>>, PortError> {
    let (ports, now) = (world.office.ports(), world.now());
    let mut all: BTreeMap<PerformanceId, Vec<HeldSeat>> = BTreeMap::new();
    for sale in &world.sales {
        let held = all.entry(sale.performance).or_default();
        let mut after = None;
        loop {
            let page = PageRequest::next(after, PAGE);
            let page = ports.holds.ending_after(sale.performance, now, page).await?;
            held.extend(page.items);
            after = page.next;
            if after.is_none() {
                break;
            }
        }
    }
    Ok(all)
}

/// Whether the events of an aggregate arrived in their order, each for its first time.
#[derive(Default)]
struct Order {
    looked_at: u64,
    out_of_order: u64,
}

impl Order {
    fn look(&mut self, arrived: &Arrivals) {
        self.looked_at += arrived.distinct();
        self.out_of_order += arrived.out_of_order;
    }

    fn checked(self) -> Checked {
        let Self { looked_at, out_of_order } = self;
        let text = || format!("{out_of_order} events arrived after a later one of their aggregate");
        Checked {
            name: "events_out_of_order",
            ok: out_of_order == 0,
            checked: looked_at,
            broken: (out_of_order > 0).then(text).into_iter().collect(),
        }
    }
}

/// No call ended as no correct system would let it end.
fn defects(world: &World) -> Checked {
    Checked {
        name: "calls_that_met_a_defect",
        ok: world.defects.count() == 0,
        checked: world.measures.figures().iter().map(|(_, figures)| figures.count).sum(),
        broken: world.defects.first(),
    }
}
