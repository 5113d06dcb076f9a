//! Property tests as a user of the crate writes them, with the strategies of
//! `ticketing_core::testing::strategies`.

use std::collections::BTreeMap;
use std::fmt::Debug;

use proptest::collection::vec;
use proptest::prelude::*;
use serde::Serialize;
use serde::de::DeserializeOwned;
use ticketing_core::change_set::Record;
use ticketing_core::fee::RefundLine;
use ticketing_core::memory::{Memory, MemoryStore};
use ticketing_core::money::{Currency, Money};
use ticketing_core::page::{Limit, PageRequest};
use ticketing_core::port::{Claims, Committed, Inspect, Store};
use ticketing_core::reservation::{Reservation, ReservationState};
use ticketing_core::seat::{SeatBits, SeatMap, SeatNo, SeatStatus};
use ticketing_core::testing::{block_on, strategies};

/// What is stored as JSON comes back the same.
fn reads_back<T>(value: &T) -> Result<(), TestCaseError>
where
    T: Serialize + DeserializeOwned + PartialEq + Debug,
{
    let json = serde_json::to_string(value).unwrap();
    let back: T = serde_json::from_str(&json).unwrap();
    prop_assert_eq!(&back, value);
    Ok(())
}

/// What seats that a reservation has look like in a seat map.
fn looks(reservation: &Reservation) -> Vec<(SeatNo, SeatStatus)> {
    let (seats, status) = match reservation.state() {
        ReservationState::Pending => (reservation.seats(), SeatStatus::PaymentPending),
        ReservationState::Confirmed { live, .. } => (live.clone(), SeatStatus::Sold),
        ReservationState::Cancelled { .. }
        | ReservationState::Expired
        | ReservationState::Refunded { .. } => return Vec::new(),
    };
    seats.iter().map(|seat| (seat, status)).collect()
}

fn reservations(store: &MemoryStore) -> Vec<Reservation> {
    let page = PageRequest::first(Limit::new(Limit::MAX).unwrap());
    block_on(store.reservations(page)).unwrap().items
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn a_split_loses_nothing_and_gives_nobody_more_than_his_part(
        weights in vec(strategies::money_between(Currency::EUR, 0..=strategies::PRICE_MAX), 1..9),
        rate in strategies::rates(),
    ) {
        let amount = Money::sum(Currency::EUR, weights.iter().copied()).unwrap().portion(rate);
        let parts = amount.split(&weights).unwrap();
        prop_assert_eq!(Money::sum(Currency::EUR, parts.iter().copied()), Ok(amount));
        for (part, weight) in parts.iter().zip(&weights) {
            prop_assert!(part.minor() <= weight.minor());
        }
    }

    #[test]
    fn refunds_give_back_what_was_paid_less_the_fees_and_never_more(
        mut payment in strategies::payments(),
        fees in vec(strategies::rates(), 8),
        parts in vec(strategies::rates(), 1..9),
    ) {
        let mut given = 0;
        for (share, fee) in payment.shares().iter().zip(fees) {
            let line = RefundLine::new(*share, share.paid().portion(fee)).unwrap();
            given += line.to_external().minor() + line.to_points().minor() + line.fee().minor();
        }
        prop_assert_eq!(Ok(given), payment.tenders().paid().map(Money::minor));

        for part in parts {
            let amount = payment.received().portion(part);
            let left = payment.received().sub(payment.refunded()).unwrap();
            prop_assert_eq!(payment.take_for_refund(amount).is_ok(), amount.minor() <= left.minor());
            prop_assert!(payment.refunded().minor() <= payment.received().minor());
        }
    }

    #[test]
    fn a_seat_map_agrees_with_the_reservations_after_any_history(
        history in strategies::histories(),
    ) {
        let store = Memory::new().store;
        let mut performances = BTreeMap::new();
        for changes in history {
            for record in changes.records() {
                if let Record::Performance(performance) = record {
                    performances.insert(performance.id(), performance.capacity());
                }
            }
            prop_assert_eq!(block_on(store.commit(changes)).unwrap(), Committed::Done);
        }
        for (id, capacity) in performances {
            let claims = block_on(store.bits(id, capacity)).unwrap();
            let map = SeatMap::new(claims, SeatBits::new(capacity));
            let mut expected: BTreeMap<SeatNo, SeatStatus> =
                reservations(&store).iter().flat_map(looks).collect();
            for (seat, status) in map.iter() {
                let free_or_blocked = [SeatStatus::Available, SeatStatus::Blocked];
                match expected.remove(&seat) {
                    Some(reserved) => prop_assert_eq!(status, reserved, "seat {}", seat),
                    None => prop_assert!(free_or_blocked.contains(&status), "{} {:?}", seat, status),
                }
            }
            prop_assert!(expected.is_empty(), "not in the hall: {:?}", expected);
        }
    }

    #[test]
    fn the_catalogue_reads_back(
        venue in strategies::venues(),
        show in strategies::shows(),
        performance in strategies::performances(),
    ) {
        reads_back(&venue)?;
        reads_back(&show)?;
        reads_back(&performance)?;
    }

    #[test]
    fn what_buyers_leave_behind_reads_back(
        reservation in strategies::reservations(),
        checkout in strategies::checkouts(),
        payment in strategies::payments(),
        refund in strategies::refunds(),
        ticket in strategies::tickets(),
        ledger in strategies::ledgers(),
    ) {
        reads_back(&reservation)?;
        reads_back(&checkout)?;
        reads_back(&payment)?;
        reads_back(&refund)?;
        reads_back(&ticket)?;
        reads_back(&ledger)?;
    }
}
