//! Versions of every kind of aggregate.

use crate::aggregate::{Aggregate, AggregateKind, AggregateRef, Version};
use crate::change_set::{ChangeSet, ReceiptKey, Record};
use crate::id::{
    CheckoutId, PaymentId, PerformanceId, RefundId, ReservationId, SellerId, ShowId, TicketId,
    VenueId,
};
use crate::payment::Method;
use crate::port::CommitError;
use crate::testing::ports::collect;
use crate::testing::reads::catalogue::{performance, show, venue};
use crate::testing::reads::{confirm, trade};
use crate::testing::sample::{self, Sale, answer, fingerprint, seats};
use crate::testing::{Harness, StorePorts};
use crate::ticket::Ticket;

/// An aggregate of any kind, as if loaded at a version.
trait Kind: Send + Sync {
    fn of(&self) -> AggregateRef;
    /// Adds its save; at version 0 with the events of its creation.
    fn save(&self, changes: ChangeSet, at: Version) -> ChangeSet;
    fn guard(&self, changes: ChangeSet, at: Version) -> ChangeSet;
}

impl<A: Aggregate + Into<Record> + Clone + Send + Sync> Kind for A {
    fn of(&self) -> AggregateRef {
        self.reference()
    }

    fn save(&self, changes: ChangeSet, at: Version) -> ChangeSet {
        changes.save(loaded(self, at))
    }

    fn guard(&self, changes: ChangeSet, at: Version) -> ChangeSet {
        changes.guard(&loaded(self, at))
    }
}

fn loaded<A: Aggregate + Clone>(new: &A, at: Version) -> A {
    let mut aggregate = new.clone();
    for _ in 0..at {
        drop(aggregate.root_mut().committed());
    }
    aggregate
}

/// A new one of each kind that is saved, not committed.
fn one_of_each(h: &Harness, sale: &Sale) -> Vec<Box<dyn Kind>> {
    let show = show(h, SellerId::generate(h.ids()));
    let mut reservation = sale.reservation(h, &seats([0]));
    let id = PaymentId::generate(h.ids());
    let (checkout, mut payment) = trade::attempt(h, &mut reservation, (id, Method::Card), h.now());
    trade::pay(&mut payment, h.now());
    let refund = trade::refund(&mut payment, (RefundId::generate(h.ids()), 100, 0), h.now());
    let mut sold = sale.reservation(h, &seats([1]));
    confirm(h, &mut sold);
    let ticket = Ticket::issue(TicketId::generate(h.ids()), &sold, sold.lines()[0].seat, h.now());
    vec![
        Box::new(venue(h)),
        Box::new(performance(h, &show)),
        Box::new(show),
        Box::new(reservation),
        Box::new(checkout),
        Box::new(payment),
        Box::new(refund),
        Box::new(ticket),
    ]
}

async fn version(ports: &StorePorts, of: AggregateRef) -> Version {
    fn at<A: Aggregate>(found: Option<A>) -> Version {
        found.map_or(0, |found| found.root().version())
    }
    let (layouts, id) = (&ports.layouts, of.id);
    match of.kind {
        AggregateKind::Venue => {
            let found = layouts.venue(VenueId::from_uuid(id)).await.expect("venue");
            found.map_or(0, |found| found.root().version())
        }
        AggregateKind::Show => {
            let found = layouts.show(ShowId::from_uuid(id)).await.expect("show");
            found.map_or(0, |found| found.root().version())
        }
        AggregateKind::Performance => {
            let found = layouts.fresh_performance(PerformanceId::from_uuid(id)).await;
            found.expect("performance").map_or(0, |found| found.root().version())
        }
        AggregateKind::Reservation => at(ports.reservation(ReservationId::from_uuid(id)).await),
        AggregateKind::Checkout => {
            at(ports.checkouts.find(CheckoutId::from_uuid(id)).await.expect("checkout"))
        }
        AggregateKind::Payment => {
            at(ports.payments.find(PaymentId::from_uuid(id)).await.expect("payment"))
        }
        AggregateKind::Refund => {
            at(ports.refunds.find(RefundId::from_uuid(id)).await.expect("refund"))
        }
        AggregateKind::Ticket => {
            at(ports.tickets.find(TicketId::from_uuid(id)).await.expect("ticket"))
        }
        AggregateKind::Entry => panic!("an entry has no version"),
    }
}

/// Change sets that each write a claim and a receipt beside what they are about.
struct Writer<'a> {
    h: &'a Harness,
    ports: &'a StorePorts,
    performance: PerformanceId,
    seats: u32,
    refused: Vec<(ChangeSet, u32, ReceiptKey)>,
}

impl<'a> Writer<'a> {
    fn new(h: &'a Harness, ports: &'a StorePorts) -> Self {
        let performance = Sale::new(h).performance;
        Self { h, ports, performance, seats: 0, refused: Vec::new() }
    }

    fn begin(&mut self) -> (ChangeSet, u32, ReceiptKey) {
        let (seat, key) = (self.seats, sample::receipt_key(self.h));
        self.seats += 1;
        let changes = sample::changes(self.h)
            .claim(self.performance, seats([seat]), sample::owner(self.h))
            .receipt(key.clone(), fingerprint("a"), answer("a"));
        (changes, seat, key)
    }

    async fn writes(&mut self, what: &str, add: impl FnOnce(ChangeSet) -> ChangeSet) {
        let (changes, ..) = self.begin();
        self.ports.done(&add(changes), what).await;
    }

    async fn conflicts(
        &mut self,
        of: AggregateRef,
        what: &str,
        add: impl FnOnce(ChangeSet) -> ChangeSet,
    ) {
        let (changes, seat, key) = self.begin();
        let changes = add(changes);
        let answer = self.ports.commit(&changes).await;
        assert!(
            matches!(&answer, Err(CommitError::Conflict(got)) if *got == of),
            "expected Conflict({of}) for {what}, got {answer:?}"
        );
        self.refused.push((changes, seat, key));
    }

    /// Panics if anything of a refused change set was written.
    async fn expect_nothing_of_the_refused(&self) {
        let told = collect(1_000, |page| self.ports.inspect.outbox(page)).await;
        for (changes, seat, key) in &self.refused {
            let claim = self.ports.claim(self.performance, *seat).await;
            assert_eq!(claim, None, "a claim stands of what was refused: {changes:?}");
            let is_kept = self.ports.has_receipt(key).await;
            assert!(!is_kept, "an answer was kept of what was refused: {changes:?}");
            let is_told = told.iter().any(|row| row.change_set == changes.id());
            assert!(!is_told, "an event was told of what was refused: {changes:?}");
        }
    }
}

/// Whatever its kind, an aggregate is saved only at the version that the store has.
pub async fn every_kind_is_saved_at_its_version(h: &Harness, ports: &StorePorts) {
    let sale = Sale::new(h);
    let mut writer = Writer::new(h, ports);
    let kinds = one_of_each(h, &sale);
    for kind in &kinds {
        let of = kind.of();
        writer.conflicts(of, "a save at version 1 of none", |set| kind.save(set, 1)).await;
        writer.writes("a first save", |set| kind.save(set, 0)).await;
        writer.writes("a save at version 1 of 1", |set| kind.save(set, 1)).await;
        writer.writes("a save at version 2 of 2", |set| kind.save(set, 2)).await;
        for (at, what) in [
            (0, "a save as new of what is there"),
            (1, "a save at version 1 of 3"),
            (2, "a save at version 2 of 3"),
            (4, "a save at version 4 of 3"),
        ] {
            writer.conflicts(of, what, |set| kind.save(set, at)).await;
        }
    }
    for kind in &kinds {
        let now = version(ports, kind.of()).await;
        assert_eq!(now, 3, "the version of {}, which was saved three times", kind.of());
    }
    writer.expect_nothing_of_the_refused().await;
}

/// Whatever its kind, what was read but not written must be unchanged at COMMIT; among many guards the
/// one that fails is named.
pub async fn every_kind_is_guarded_at_its_version(h: &Harness, ports: &StorePorts) {
    let sale = Sale::new(h);
    let mut writer = Writer::new(h, ports);
    let kinds = one_of_each(h, &sale);
    for kind in &kinds {
        writer.writes("a first save", |set| kind.save(set, 0)).await;
    }
    for kind in &kinds {
        writer.writes("a guard as it is", |set| kind.guard(set, 1)).await;
        writer.conflicts(kind.of(), "a guard of none", |set| kind.guard(set, 0)).await;
        writer.conflicts(kind.of(), "a guard at version 2 of 1", |set| kind.guard(set, 2)).await;
    }
    let all = |set, changed: Option<AggregateRef>| {
        kinds.iter().fold(set, |set, kind| {
            let at = if changed == Some(kind.of()) { 1 } else { 2 };
            kind.guard(set, at)
        })
    };
    for kind in &kinds {
        writer.writes("a second save", |set| kind.save(set, 1)).await;
    }
    for kind in &kinds {
        let what = "a guard at version 1 of 2 among others as they are";
        writer.conflicts(kind.of(), what, |set| all(set, Some(kind.of()))).await;
    }
    writer.writes("guards of all as they are", |set| all(set, None)).await;
    for kind in &kinds {
        let now = version(ports, kind.of()).await;
        assert_eq!(now, 2, "the version of {}: a guard changes nothing", kind.of());
    }
    writer.expect_nothing_of_the_refused().await;
}
