//! What is still open when it should have ended is named, whatever it is.

use std::fmt::Display;
use std::time::Duration;

use chrono::{DateTime, Utc};
use proptest::strategy::{BoxedStrategy, Strategy, ValueTree};
use proptest::test_runner::TestRunner;
use ticketing_core::aggregate::Aggregate;
use ticketing_core::change_set::{ChangeSet, Record};
use ticketing_core::id::{ChangeSetId, PaymentId};
use ticketing_core::memory::ManualClock;
use ticketing_core::payment::Payment;
use ticketing_core::port::{Clock, Store};
use ticketing_core::testing::strategies::{
    CheckoutAt, PaymentAt, PerformanceAt, RefundAt, ReservationAt, checkouts_in, payments_in,
    performances_in, refunds_in, reservations_in,
};
use ticketing_core::testing::{block_on, strategies};

use super::*;
use crate::stampede::errand::Errand;
use crate::stampede::simulate::liveness::Liveness;
use crate::stampede::simulate::season::plan;
use crate::stampede::time::WorldClock;
use crate::stampede::world::{World, begins_at};

const HOUR: Duration = Duration::from_hours(1);
const DAY: Duration = Duration::from_hours(24);

/// A world in which nobody does anything.
struct Still {
    clock: ManualClock,
    world: World,
}

impl Still {
    fn new() -> Self {
        let clock = ManualClock::at(begins_at());
        let args = season(&[]);
        let plan = plan(&args, args.seed, &args.rates().expect("rates"));
        let world = World::new(&plan, WorldClock::Virtual(clock.clone()), |_| ());
        Self { world: block_on(world).expect("a world"), clock }
    }

    fn with<A: Aggregate + Into<Record>>(self, aggregate: A) -> Self {
        let id = ChangeSetId::generate(&*self.world.office.ports().ids);
        let changes = ChangeSet::new(id, self.clock.now()).save(aggregate);
        let _ = block_on(self.world.memory.store.commit(changes)).expect("it is new");
        self
    }

    /// All whose instants are drawn is over by then.
    fn long_after(self) -> Self {
        self.clock.set("2100-01-01T00:00:00Z".parse().expect("an instant"));
        self
    }

    /// What is told after some time of all that is open, by looks a day apart or less.
    fn told(&self, liveness: &mut Liveness, after: Duration) -> Option<String> {
        let outside = vec![(1, "the bank's notice".to_owned())];
        self.clock.advance(after);
        let look = liveness.look(&self.world, outside);
        block_on(look).expect("it reads").map(|broken| broken.text)
    }
}

fn drawn<A: std::fmt::Debug>(of: &BoxedStrategy<A>, is_wanted: impl Fn(&A) -> bool) -> A {
    let mut runner = TestRunner::deterministic();
    let mut draws = (0..1_000).map(|_| of.new_tree(&mut runner).expect("it draws").current());
    draws.find(is_wanted).expect("one of a thousand is wanted")
}

/// Open for longer than two days, something is named; up to then it is not.
#[track_caller]
fn is_named(still: Still, what: &impl Display) {
    let still = still.long_after();
    let mut liveness = Liveness::from_now(&still.world);
    assert_eq!(still.told(&mut liveness, Duration::ZERO), None);
    assert_eq!(still.told(&mut liveness, DAY), None);
    assert_eq!(still.told(&mut liveness, DAY), None, "it ends at the last instant");
    let told = still.told(&mut liveness, 12 * HOUR).expect("something has not ended");
    let what = what.to_string();
    assert!(told.starts_with("everything_ends: ") && told.contains(&what), "{what} in {told}");
}

#[test]
fn whatever_stays_open_is_named() {
    let of = drawn(&reservations_in(ReservationAt::Pending), |_| true);
    let what = format!("reservation {} is still pending", of.id());
    is_named(Still::new().with(of), &what);
    for at in [CheckoutAt::Started, CheckoutAt::Compensating] {
        let of = drawn(&checkouts_in(at), |_| true);
        let what = format!("checkout {} is still under way", of.id());
        is_named(Still::new().with(of), &what);
    }
    for at in [PaymentAt::Processing, PaymentAt::Unknown] {
        let of = drawn(&payments_in(at), |_| true);
        let what = format!("payment {} still waits for the gateway's word", of.id());
        is_named(Still::new().with(of), &what);
    }
    let of = drawn(&strategies::payments(), Payment::needs_closing);
    let what = format!("the account of payment {} is still to be closed", of.id());
    is_named(Still::new().with(of), &what);
    for at in [RefundAt::Requested, RefundAt::Processing, RefundAt::Unknown] {
        let of = drawn(&refunds_in(at), |_| true);
        let what = format!("refund {} is still to be made", of.id());
        is_named(Still::new().with(of), &what);
    }
    let of = drawn(&refunds_in(RefundAt::NeedsAccount), |_| true);
    let what = format!("refund {} still waits for an account", of.id());
    is_named(Still::new().with(of), &what);
    let of = drawn(&performances_in(PerformanceAt::Cancelled), |_| true);
    let what = format!("performance {} is still not wound up", of.id());
    is_named(Still::new().with(of), &what);
    let of = drawn(&reservations_in(ReservationAt::Confirmed), |_| true);
    let what = format!("event 1 of {}, ", of.id());
    is_named(Still::new().with(of), &what);
    is_named(Still::new(), &"the bank's notice still waits for its end");
}

#[test]
fn what_has_a_deadline_may_stay_open_until_then() {
    let of = drawn(&reservations_in(ReservationAt::Pending), |_| true);
    let (id, latest) = (of.id(), of.latest());
    let still = Still::new().with(of);
    still.clock.set(latest - 3 * DAY);
    let mut liveness = Liveness::from_now(&still.world);
    let mut is_told = |after| {
        let told = still.told(&mut liveness, after).unwrap_or_default();
        told.contains(&format!("reservation {id} is still pending"))
    };
    assert!(!is_told(Duration::ZERO) && !is_told(3 * DAY) && !is_told(2 * DAY));
    assert!(is_told(12 * HOUR));
}

#[test]
fn what_is_planned_and_never_done_is_named() {
    let still = Still::new();
    let at: DateTime<Utc> = begins_at() + 5 * DAY;
    let payment = PaymentId::generate(&*still.world.office.ports().ids);
    still.world.errands.add(at, Errand::TakeBack { payment });
    let mut liveness = Liveness::from_now(&still.world);
    let told = |liveness: &mut Liveness, after| {
        still.clock.set(at + after);
        // Nothing is seen open for longer than it may be.
        let look = liveness.look(&still.world, Vec::new());
        block_on(look).expect("it reads").map(|broken| broken.text)
    };
    assert_eq!(told(&mut liveness, 30 * DAY), None);
    let told = told(&mut liveness, 31 * DAY).expect("it is long over");
    let expected =
        format!("everything_ends: TakeBack {{ payment: PaymentId({payment}) }}, planned");
    assert!(told.starts_with(&expected), "{told}");
    assert!(told.contains(&format!("planned for {at}, is still left")), "{told}");
}

#[test]
fn what_is_looked_at_is_counted_once() {
    let still = Still::new().long_after();
    let before = {
        let mut liveness = Liveness::from_now(&still.world);
        let _ = still.told(&mut liveness, Duration::ZERO);
        liveness.seen()
    };
    let of = drawn(&reservations_in(ReservationAt::Pending), |_| true);
    let still = still.with(of);
    let mut liveness = Liveness::from_now(&still.world);
    let _ = still.told(&mut liveness, Duration::ZERO);
    let _ = still.told(&mut liveness, DAY);
    assert_eq!(liveness.seen(), before + 2, "the reservation and its event");
}
