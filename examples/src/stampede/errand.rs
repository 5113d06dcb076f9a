//! What buyers do after their visit: deposit, give tickets back, name an account for the money, go in; and
//! what sellers do at a time.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use chrono::{DateTime, Utc};
use ticketing_core::box_office::{CancelReservation, RefundSeats};
use ticketing_core::error::Fault;
use ticketing_core::id::{PaymentId, PerformanceId, RefundId, ReservationId, UserId};
use ticketing_core::label::{Label, Token};
use ticketing_core::money::Money;
use ticketing_core::port::RefundAccount;
use ticketing_core::refund::RefundState;
use ticketing_core::seat::Seats;
use ticketing_core::service::cancel::CancelError;
use ticketing_core::service::cancel_performance::CancelPerformanceError;
use ticketing_core::service::refund::RefundError;

use super::defect::Strange;
use super::doors::{self, Guest};
use super::faults::count;
use super::measure::Step;
use super::notices;
use super::person::Person;
use super::world::World;

const DAY: Duration = Duration::from_hours(24);
/// A buyer whose call failed tries it again.
pub(crate) const AGAIN: Duration = Duration::from_secs(30);

/// Something that will be done at a time.
#[derive(Clone, Debug)]
pub(crate) enum Errand {
    /// Transfer money to the account of a payment.
    Deposit { payment: PaymentId, amount: Money },
    /// Have the bank take the deposit back.
    TakeBack { payment: PaymentId },
    /// Not the buyer's: the gateway's statement of the day names the payment.
    Statement { payment: PaymentId },
    /// Give paid seats back; `None` for all.
    GiveBack {
        person: Person,
        reservation: ReservationId,
        seats: Option<Seats>,
        /// The same seats were given back before.
        again: bool,
    },
    /// Name the account that a refund goes to.
    NameAccount { user: UserId, refund: RefundId },
    /// Cancel a reservation that waits for its deposit.
    CallOff { person: Person, reservation: ReservationId },
    /// Not a buyer's: the doors of the performance at a place in the calendar open.
    OpenDoors { place: usize },
    /// Show a ticket at a door.
    GoIn(Box<Guest>),
    /// The seller's: a performance will not take place.
    CallOffPerformance { performance: PerformanceId },
}

/// Errands by the time they are due. Bounded by the buyers: each leaves a handful.
#[derive(Debug, Default)]
pub(crate) struct Errands(Mutex<Agenda>);

#[derive(Debug, Default)]
struct Agenda {
    number: u64,
    errands: BTreeMap<(DateTime<Utc>, u64), Errand>,
}

impl Errands {
    pub(crate) fn add(&self, at: DateTime<Utc>, errand: Errand) {
        let mut agenda = self.lock();
        agenda.number += 1;
        let number = agenda.number;
        agenda.errands.insert((at, number), errand);
    }

    pub(crate) fn take_due(&self, now: DateTime<Utc>, max: usize) -> Vec<Errand> {
        let mut agenda = self.lock();
        let mut due = Vec::new();
        while due.len() < max
            && let Some(first) = agenda.errands.first_entry()
            && first.key().0 <= now
        {
            due.push(first.remove());
        }
        due
    }

    /// The first of all that are planned.
    pub(crate) fn next(&self) -> Option<(DateTime<Utc>, Errand)> {
        self.lock().errands.first_key_value().map(|((at, _), errand)| (*at, errand.clone()))
    }

    pub(crate) fn last_at(&self) -> Option<DateTime<Utc>> {
        self.lock().errands.last_key_value().map(|((at, _), _)| *at)
    }

    pub(crate) fn next_at(&self) -> Option<DateTime<Utc>> {
        self.lock().errands.first_key_value().map(|((at, _), _)| *at)
    }

    fn lock(&self) -> MutexGuard<'_, Agenda> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Runs the errands that are due, at most `max`, one after the other; how many there were.
pub(crate) async fn run_due(world: &Arc<World>, max: usize) -> usize {
    let due = world.errands.take_due(world.now(), max);
    let count = due.len();
    for errand in due {
        errand.run(world).await;
    }
    count
}

impl Errand {
    pub(crate) async fn run(self, world: &World) {
        match self {
            // The bank refuses what comes too late or twice: then nothing moved.
            Self::Deposit { payment, amount } => {
                let _ = world.memory.gateway.deposit(payment, amount);
            }
            Self::TakeBack { payment } => {
                // The notice may be lost; the statement is not.
                if world.memory.gateway.reverse_deposit(payment).is_ok() {
                    count(&world.around.deposits_reversed);
                    world.errands.add(world.now() + DAY, Self::Statement { payment });
                }
            }
            Self::Statement { payment } => {
                if notices::statement(world, payment).await {
                    counts_no_more_than_is_kept(world, payment).await;
                } else {
                    world.errands.add(world.now() + DAY, Self::Statement { payment });
                }
            }
            Self::GiveBack { person, reservation, seats, again } => {
                give_back(world, &person, reservation, (seats, again)).await;
            }
            Self::NameAccount { user, refund } => name_account(world, user, refund).await,
            Self::CallOff { person, reservation } => call_off(world, person, reservation).await,
            Self::OpenDoors { place } => {
                if let Err(error) = doors::open(world, place).await {
                    world.defects.note("doors", &error);
                }
            }
            Self::GoIn(guest) => doors::go_in(world, *guest).await,
            Self::CallOffPerformance { performance } => {
                call_off_performance(world, performance).await;
            }
        }
    }
}

/// Once the statement was taken in, nothing counts as received that the bank took back.
async fn counts_no_more_than_is_kept(world: &World, payment: PaymentId) {
    let found = match world.store.payments.find(payment).await {
        Ok(Some(found)) => found,
        Ok(None) => {
            let text = format!("payment {payment} of the statement is not in the store");
            return world.defects.note("statement", &Strange(text));
        }
        Err(error) if error.fault() == Fault::Transient => {
            return world.errands.add(world.now() + AGAIN, Errand::Statement { payment });
        }
        Err(error) => return world.defects.note("statement", &error),
    };
    let kept = world.memory.gateway.money_of(payment).map(|money| money.kept());
    if kept.is_none_or(|kept| kept.minor() < found.received().minor()) {
        let received = found.received();
        let text = format!(
            "payment {payment} counts {received} as received, {kept:?} is what the bank left at the gateway"
        );
        world.defects.note("statement", &Strange(text));
    }
}

async fn give_back(
    world: &World,
    person: &Person,
    reservation: ReservationId,
    (seats, again): (Option<Seats>, bool),
) {
    let key = if again { "give-back-again" } else { "give-back" };
    let request = RefundSeats {
        user: person.user,
        reservation,
        seats: seats.clone(),
        key: Token::new(&format!("{key}-{}", person.index)).ok(),
    };
    let call = world.call(|office| async move { office.refund(request).await });
    match world.measures.time(Step::Refund, call).await {
        Ok(view) if again => {
            let text = format!("refund {} is of seats that were given back before", view.refund);
            world.defects.note("give back", &Strange(text));
        }
        Ok(view) => {
            if seats.is_some() {
                let again = Errand::GiveBack { person: *person, reservation, seats, again: true };
                world.errands.add(world.now() + AGAIN, again);
            }
            if matches!(view.state, RefundState::NeedsAccount { .. })
                && let Some(after) = person.names_account_after
            {
                let errand = Errand::NameAccount { user: person.user, refund: view.refund };
                world.errands.add(world.now() + after, errand);
            }
        }
        Err(RefundError::Failed(failure)) if failure.is_transient() => {
            let again = Errand::GiveBack { person: *person, reservation, seats, again };
            world.errands.add(world.now() + AGAIN, again);
        }
        Err(RefundError::Failed(failure)) => world.defects.note("refund", &failure),
        // Not paid, given back before, or too late: the buyer is told so.
        Err(_) => {}
    }
}

async fn name_account(world: &World, user: UserId, refund: RefundId) {
    let call = world
        .call(|office| async move { office.set_refund_account(user, refund, account()).await });
    match call.await {
        Err(RefundError::Failed(failure)) if failure.is_transient() => {
            let again = Errand::NameAccount { user, refund };
            world.errands.add(world.now() + AGAIN, again);
        }
        Err(RefundError::Failed(failure)) => world.defects.note("refund account", &failure),
        Ok(()) | Err(_) => {}
    }
}

async fn call_off(world: &World, person: Person, reservation: ReservationId) {
    let key = Token::new(&format!("call-off-{}", person.index)).ok();
    let request = CancelReservation { user: person.user, reservation, key };
    let call = world.call(|office| async move { office.cancel_reservation(request).await });
    match world.measures.time(Step::Cancel, call).await {
        Err(CancelError::Failed(failure)) if failure.is_transient() => {
            world.errands.add(world.now() + AGAIN, Errand::CallOff { person, reservation });
        }
        Err(CancelError::Failed(failure)) => world.defects.note("call off", &failure),
        // The money was faster.
        Ok(_) | Err(_) => {}
    }
}

async fn call_off_performance(world: &World, performance: PerformanceId) {
    let seller = world.seller;
    let call =
        world.call(|office| async move { office.cancel_performance(seller, performance).await });
    match call.await {
        Err(CancelPerformanceError::Failed(failure)) if failure.is_transient() => {
            let again = Errand::CallOffPerformance { performance };
            world.errands.add(world.now() + AGAIN, again);
        }
        Ok(()) => count(&world.around.performances_called_off),
        // Too late for it.
        Err(CancelPerformanceError::Performance(_)) => {}
        Err(error) => world.defects.note("call off a performance", &error),
    }
}

/// The account that refunds of deposits go to.
pub(crate) fn account() -> RefundAccount {
    let label = |text: &str| Label::new(text).expect("short and not empty");
    let holder = Label::new("A. Buyer").expect("short and not empty");
    RefundAccount::new(label("Bank"), label("110-000-000000"), holder)
}
