//! Receipts, and what is kept for a while only.

use chrono::TimeDelta;
use ticketing_core::change_set::{Receipt, ReceiptKey, ReceiptState, Response};
use ticketing_core::id::UserId;
use ticketing_core::page::Limit;
use ticketing_core::port::{Kept, Receipts, Retention};
use ticketing_core::testing::sample;
use uuid::Uuid;

use super::fixture::{Fixture, block_on, noon};
use crate::Options;
use crate::db::Value;

fn key(number: u8) -> ReceiptKey {
    ReceiptKey {
        caller: UserId::from_uuid(Uuid::from_u128(7)),
        operation: "reserve".parse().unwrap(),
        key: format!("키 {number}").parse().unwrap(),
    }
}

/// Every second call is still under way.
fn receipt(number: u8) -> Receipt {
    let state = if number.is_multiple_of(2) {
        ReceiptState::InProgress
    } else {
        ReceiptState::Done(Response::of(&format!("좌석 {number}")).unwrap())
    };
    let fingerprint = sample::fingerprint(&number.to_string());
    Receipt { fingerprint, state, created_at: noon() + TimeDelta::seconds(number.into()) }
}

#[test]
fn a_receipt_is_read_as_it_was_written() {
    block_on(async {
        let fixture = Fixture::new(Options::default()).await;
        for number in 0..4 {
            fixture.put_receipt(&key(number), &receipt(number)).await;
        }
        for number in 0..4 {
            let found = fixture.store.find(key(number)).await.unwrap();
            assert_eq!(found, Some(receipt(number)), "receipt {number}");
        }
        assert_eq!(fixture.store.find(key(4)).await.unwrap(), None);
        let stranger = ReceiptKey { caller: UserId::from_uuid(Uuid::nil()), ..key(1) };
        assert_eq!(fixture.store.find(stranger).await.unwrap(), None);
    });
}

#[test]
fn the_oldest_receipts_go_first_whatever_became_of_their_calls() {
    block_on(async {
        let fixture = Fixture::new(Options::default()).await;
        for number in [3, 0, 5, 2, 4, 1] {
            fixture.put_receipt(&key(number), &receipt(number)).await;
        }
        let left = async || {
            let mut left = Vec::new();
            for number in 0..6 {
                let found = Receipts::find(&fixture.store, key(number)).await.unwrap();
                left.extend(found.map(|_| number));
            }
            left
        };
        let before = noon() + TimeDelta::seconds(4);
        let some = Limit::new(3).unwrap();
        let purge = async || fixture.store.purge(Kept::Receipts, before, some).await.unwrap();
        assert_eq!((purge().await, left().await), (3, vec![3, 4, 5]));
        assert_eq!((purge().await, left().await), (1, vec![4, 5]), "only what is older");
        assert_eq!((purge().await, left().await), (0, vec![4, 5]));
    });
}

#[test]
fn messages_and_change_sets_go_by_their_age() {
    block_on(async {
        let fixture = Fixture::new(Options::default()).await;
        for number in 0..5_u8 {
            let at = noon() + TimeDelta::seconds(number.into());
            let message = format!("m{number}");
            let message = [
                ("consumer", Value::text("toss")),
                ("message", Value::text(message)),
                ("handled_at", at.into()),
            ];
            fixture.put("tk_message", &message).await;
            let id = Uuid::from_u128(number.into());
            let changes = [("id", id.into()), ("decided_at", at.into())];
            fixture.put("tk_change_set", &changes).await;
        }
        let before = noon() + TimeDelta::seconds(3);
        for (kept, table) in [(Kept::Messages, "tk_message"), (Kept::ChangeSets, "tk_change_set")] {
            let counts = async || {
                let sql = format!("SELECT COUNT(*) FROM {table}");
                fixture.store.database().fetch(&sql, &[]).await.unwrap()[0].int(0).unwrap()
            };
            let two = Limit::new(2).unwrap();
            for (dropped, left) in [(2, 3), (1, 2), (0, 2)] {
                let got = fixture.store.purge(kept, before, two).await.unwrap();
                assert_eq!((got, counts().await), (dropped, left), "{table}");
            }
        }
    });
}
