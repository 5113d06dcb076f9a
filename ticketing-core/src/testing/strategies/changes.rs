//! Change sets that a store accepts.

use proptest::option;
use proptest::prelude::*;

use super::catalogue::{performances_in, shows, venues};
use super::checkout::checkouts;
use super::layout::seats;
use super::purchase::{Sale, sales};
use super::refund::refunded_payments;
use super::reservation::{ReservationAt, reservations_in};
use super::value::{Origin, PRICE_MAX, amount, currencies, labels, minor_between, origins};
use super::{PerformanceAt, performances};
use crate::change_set::{ChangeSet, Fingerprint, MessageKey, ReceiptKey, Response};
use crate::checkout::Checkout;
use crate::id::{ChangeSetId, EntryId, PerformanceId, UserId};
use crate::label::{Label, Token};
use crate::ledger::{Booking, JournalEntry};
use crate::memory::ClockIds;
use crate::money::Money;
use crate::payment::Payment;
use crate::performance::Performance;
use crate::refund::Refund;
use crate::reservation::Reservation;
use crate::seat::{ClaimOwner, Seats};
use crate::show::Show;
use crate::venue::Venue;

/// Change sets that an empty store accepts: catalogue, a reserve, a whole sale, a refund with its
/// payment, a checkout, a top-up, seats blocked by the house; some with a receipt or after a message.
/// They shrink to a new venue.
///
/// ```
/// use proptest::prelude::*;
/// use ticketing_core::testing::strategies;
///
/// proptest!(|(changes in strategies::change_sets())| {
///     prop_assert_eq!(changes.check(), Ok(()));
/// });
/// ```
pub fn change_sets() -> BoxedStrategy<ChangeSet> {
    let receipt = (labels(), labels(), any::<[u8; 32]>().no_shrink(), option::of(".{0,100}"));
    let receipt = receipt.prop_map(|(operation, key, print, answer)| {
        let answer = answer.map(|text| Response::of(&text).expect("a short answer"));
        Kept { operation, key, print: Fingerprint(print), answer }
    });
    let message = (labels(), labels()).prop_map(|(consumer, id)| MessageKey { consumer, id });
    let about = (option::weighted(0.3, receipt), option::weighted(0.3, message), any::<bool>());
    (origins(), writes(), about)
        .prop_map(|(origin, writes, (receipt, message, settles_money))| {
            let ids = origin.ids();
            let changes = ChangeSet::new(ChangeSetId::generate(&ids), origin.at);
            let mut changes = writes.into_changes(changes, &origin, &ids);
            if let Some(message) = message {
                changes = changes.caused_by(message);
            }
            if let Some(receipt) = receipt {
                changes = receipt.into_changes(changes, &ids);
            }
            if settles_money { changes.settles_money() } else { changes }
        })
        .boxed()
}

/// The call that a change set answers, or begins.
#[derive(Clone, Debug)]
struct Kept {
    operation: Label<32>,
    key: Token,
    print: Fingerprint,
    answer: Option<Response>,
}

impl Kept {
    fn into_changes(self, changes: ChangeSet, ids: &ClockIds) -> ChangeSet {
        let caller = UserId::generate(ids);
        let key = ReceiptKey { caller, operation: self.operation, key: self.key };
        match self.answer {
            Some(answer) => changes.receipt(key, self.print, answer),
            None => changes.begin_receipt(key, self.print),
        }
    }
}

/// What a change set is about.
#[derive(Clone, Debug)]
enum Writes {
    Venue(Venue),
    Show(Show),
    Performance(Performance),
    Reserve { reservation: Reservation, places_left: u16 },
    Sale(Sale),
    Refund(Payment, Refund),
    Checkout(Checkout),
    TopUp(Money),
    Block(Seats),
}

fn writes() -> BoxedStrategy<Writes> {
    let reserve = (reservations_in(ReservationAt::Pending), 0..5_u16)
        .prop_map(|(reservation, places_left)| Writes::Reserve { reservation, places_left });
    let top_up = (currencies(), minor_between(1..=PRICE_MAX))
        .prop_map(|(currency, minor)| Writes::TopUp(amount(minor, currency)));
    prop_oneof![
        1 => venues().prop_map(Writes::Venue),
        1 => shows().prop_map(Writes::Show),
        1 => prop_oneof![performances_in(PerformanceAt::Scheduled), performances()]
            .prop_map(Writes::Performance),
        3 => reserve,
        3 => sales().prop_map(Writes::Sale),
        2 => refunded_payments().prop_map(|(payment, refund)| Writes::Refund(payment, refund)),
        2 => checkouts().prop_map(Writes::Checkout),
        2 => top_up,
        1 => seats(500, 20).prop_map(Writes::Block),
    ]
    .boxed()
}

impl Writes {
    fn into_changes(self, changes: ChangeSet, origin: &Origin, ids: &ClockIds) -> ChangeSet {
        match self {
            Self::Venue(venue) => changes.save(venue),
            Self::Show(show) => changes.save(show),
            Self::Performance(performance) => changes.save(performance),
            Self::Reserve { reservation, places_left } => {
                claimed(changes, &reservation, places_left).save(reservation)
            }
            Self::Sale(Sale { reservation, payment, tickets }) => {
                let (performance, seats) = (reservation.performance(), reservation.seats());
                let changes = claimed(changes, &reservation, 0)
                    .sell(performance, seats, reservation.id())
                    .save(reservation)
                    .save(payment);
                tickets.into_iter().fold(changes, ChangeSet::save)
            }
            Self::Refund(payment, refund) => changes.save(payment).save(refund),
            Self::Checkout(checkout) => changes.save(checkout),
            Self::TopUp(amount) => {
                let booking = Booking { id: EntryId::generate(ids), at: origin.at };
                let entry = JournalEntry::top_up(booking, UserId::generate(ids), amount);
                changes.post(entry.expect("an amount above zero"))
            }
            Self::Block(seats) => {
                changes.claim(PerformanceId::generate(ids), seats, ClaimOwner::House)
            }
        }
    }
}

/// The claims and places of a reservation, of a user who may have a few more.
fn claimed(changes: ChangeSet, reservation: &Reservation, places_left: u16) -> ChangeSet {
    let (id, count) = (reservation.id(), reservation.seat_count());
    changes
        .claim(reservation.performance(), reservation.seats(), ClaimOwner::Reservation(id))
        .allow(reservation.user(), reservation.show(), count, count + places_left, id)
}
