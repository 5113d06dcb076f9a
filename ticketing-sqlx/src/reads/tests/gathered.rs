//! Many who ask for single rows at once.

use futures_util::FutureExt;
use futures_util::future::join_all;
use ticketing_core::change_set::{Receipt, ReceiptKey, ReceiptState};
use ticketing_core::id::UserId;
use ticketing_core::port::Receipts;
use ticketing_core::testing::sample;
use uuid::Uuid;

use super::fixture::{Fixture, block_on, noon};
use crate::Options;

/// More than two statements hold.
const CALLERS: u32 = 700;

/// The texts of one key are those of another, cut elsewhere.
fn key(number: u32) -> ReceiptKey {
    let (operation, key) = if number.is_multiple_of(2) { ("ab", "c") } else { ("a", "bc") };
    ReceiptKey {
        caller: UserId::from_uuid(Uuid::from_u128(u128::from(number / 2))),
        operation: operation.parse().unwrap(),
        key: key.parse().unwrap(),
    }
}

fn receipt(number: u32) -> Receipt {
    let fingerprint = sample::fingerprint(&number.to_string());
    Receipt { fingerprint, state: ReceiptState::InProgress, created_at: noon() }
}

/// Every third is not there.
async fn filled() -> Fixture {
    let fixture = Fixture::new(Options::default()).await;
    for number in (0..CALLERS).filter(|number| !number.is_multiple_of(3)) {
        fixture.put_receipt(&key(number), &receipt(number)).await;
    }
    fixture
}

#[test]
fn each_gets_the_row_of_its_own_key() {
    block_on(async {
        let fixture = filled().await;
        // Twice each: one row answers both.
        let asked = (0..CALLERS).chain(0..CALLERS);
        let found = asked.map(async |number| (number, fixture.store.find(key(number)).await));
        for (number, found) in join_all(found).await {
            let expected = (!number.is_multiple_of(3)).then(|| receipt(number));
            assert_eq!(found.unwrap(), expected, "receipt {number}");
        }
    });
}

#[test]
fn who_gives_up_takes_nobody_with_him() {
    block_on(async {
        let fixture = filled().await;
        let asked = (0..CALLERS).map(async |number| {
            let answer = fixture.store.find(key(number));
            // Some are polled once, so that they are asked for, and dropped.
            let answer =
                if number.is_multiple_of(2) { Some(answer.await) } else { answer.now_or_never() };
            (number, answer)
        });
        let answers = join_all(asked).await;
        assert!(answers.iter().any(|(_, found)| found.is_none()), "nobody gave up");
        for (number, found) in answers {
            let Some(found) = found else { continue };
            let expected = (!number.is_multiple_of(3)).then(|| receipt(number));
            assert_eq!(found.unwrap(), expected, "receipt {number}");
        }
    });
}
