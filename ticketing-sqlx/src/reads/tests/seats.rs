//! Claims and places.

use ticketing_core::id::{PerformanceId, ReservationId};
use ticketing_core::port::Claims;
use ticketing_core::seat::{Claim, ClaimBits, ClaimOwner, ClaimStatus, SeatNo, Seats};
use uuid::Uuid;

use super::fixture::{Fixture, block_on};
use crate::db::Value;
use crate::reads::claims::bits;
use crate::{Options, codes};

const HERE: PerformanceId = PerformanceId::from_uuid(Uuid::from_u128(1));
const BUYER: ReservationId = ReservationId::from_uuid(Uuid::from_u128(2));

async fn claim(fixture: &Fixture, seat: u32, status: ClaimStatus) {
    let owner = match status {
        ClaimStatus::House => Value::Null,
        ClaimStatus::Pending | ClaimStatus::Sold => BUYER.as_uuid().into(),
    };
    let columns = [
        ("performance", HERE.as_uuid().into()),
        ("seat", Value::Int(seat.into())),
        ("status", codes::status(status).into()),
        ("owner", owner),
    ];
    fixture.put("tk_seat_claim", &columns).await;
}

fn status(seat: u32) -> ClaimStatus {
    [ClaimStatus::Pending, ClaimStatus::Sold, ClaimStatus::House][seat as usize % 3]
}

#[test]
fn more_seats_than_a_statement_has_keys_are_found_ascending() {
    block_on(async {
        let fixture = Fixture::new(Options::default()).await;
        for seat in (0..1_100).filter(|seat| seat % 4 != 0) {
            claim(&fixture, seat, status(seat)).await;
        }
        for most in [1, 2, 5, 255, 256, 257, 700, 1_000] {
            let seats = Seats::new((0..most).rev().map(SeatNo)).unwrap();
            let got = fixture.store.of_seats(HERE, seats).await.unwrap();
            let expected = (0..most).filter(|seat| seat % 4 != 0).map(|seat| {
                let status = status(seat);
                let owner = match status {
                    ClaimStatus::House => ClaimOwner::House,
                    ClaimStatus::Pending | ClaimStatus::Sold => ClaimOwner::Reservation(BUYER),
                };
                (SeatNo(seat), Claim { owner, status })
            });
            assert_eq!(got, expected.collect::<Vec<_>>(), "{most} seats");
        }
    });
}

#[test]
fn bits_are_of_the_seats_below_the_capacity() {
    block_on(async {
        let fixture = Fixture::new(Options::default()).await;
        let mut expected = ClaimBits::new(100);
        for seat in [0, 1, 2, 31, 32, 63, 64, 65, 98, 99, 100, 101, 5_000] {
            claim(&fixture, seat, status(seat)).await;
            expected.set(SeatNo(seat), Some(status(seat)));
        }
        assert_eq!(fixture.store.bits(HERE, 100).await.unwrap(), expected);
        let elsewhere = PerformanceId::from_uuid(Uuid::from_u128(3));
        assert_eq!(fixture.store.bits(elsewhere, 100).await.unwrap(), ClaimBits::new(100));
    });
}

#[test]
fn claims_that_were_cut_off_are_no_free_seats() {
    block_on(async {
        let fixture = Fixture::new(Options::default()).await;
        let told = async |row: &str| {
            let rows = fixture.store.database().fetch(&format!("SELECT {row}"), &[]).await.unwrap();
            bits(&rows[0], 10)
        };
        let mut expected = ClaimBits::new(10);
        assert_eq!(told("0, NULL").await.unwrap(), expected);
        expected.set(SeatNo(0), Some(ClaimStatus::Pending));
        expected.set(SeatNo(1), Some(ClaimStatus::House));
        assert_eq!(told("2, '1,259'").await.unwrap(), expected);
        for row in
            ["3, '1,259'", "1, '1,259'", "2, '1,'", "1, ''", "1, NULL", "1, '-1'", "1, '260'"]
        {
            assert!(told(row).await.is_err(), "{row}");
        }
    });
}
