//! Rows that do not read back, and cursors of other lists.

use ticketing_core::error::{Fault, PortError};
use ticketing_core::id::{PerformanceId, RefundId};
use ticketing_core::ledger::{Account, AccountKey};
use ticketing_core::money::Currency;
use ticketing_core::page::{Cursor, Limit, PageRequest};
use ticketing_core::port::{Claims, Inspect, Ledger, Receipts, Refunds, Reservations};
use ticketing_core::testing::sample;
use uuid::Uuid;

use super::fixture::{Fixture, block_on, noon};
use crate::Options;
use crate::db::Value;

const ID: Uuid = Uuid::from_u128(1);

fn first() -> PageRequest {
    PageRequest::first(Limit::DEFAULT)
}

/// Panics unless the error is of this call, for good, and gives nothing away.
fn expect_broken<T: std::fmt::Debug>(got: Result<T, PortError>, port: &str, operation: &str) {
    let error = got.expect_err("the row is broken");
    assert_eq!((error.port(), error.operation()), (port, operation));
    assert_eq!(error.fault(), Fault::Permanent);
    assert!(std::error::Error::source(&error).is_some(), "{error} has no cause");
    let text = format!("{error:?}");
    assert!(!text.contains("110-234"), "{text}");
}

#[test]
fn a_body_that_is_none_names_the_call_and_hides_what_it_holds() {
    block_on(async {
        let fixture = Fixture::new(Options::default()).await;
        for body in [r#"{"id": "110-234"}"#, r#"{"state": {"110-234": 1}}"#, "110-234", "{"] {
            let columns = [
                ("id", ID.into()),
                ("version", Value::Int(1)),
                ("replaced", Value::Int(0)),
                ("events", Value::Int(1)),
                ("saved_at", noon().into()),
                ("payment", ID.into()),
                ("due_at", Value::Int(1)),
                ("body", Value::text(body)),
            ];
            fixture.put("tk_refund", &columns).await;
            let store = &fixture.store;
            let id = RefundId::from_uuid(ID);
            expect_broken(Refunds::find(store, id).await, "refunds", "find");
            expect_broken(Refunds::due(store, noon(), first()).await, "refunds", "due");
            expect_broken(Inspect::refunds(store, first()).await, "inspect", "refunds");
        }
    });
}

#[test]
fn a_claim_of_no_known_status_is_no_free_seat() {
    block_on(async {
        let fixture = Fixture::new(Options::default()).await;
        let performance = PerformanceId::from_uuid(ID);
        for (seat, status) in [(0, 9), (-1, 1)] {
            let columns = [
                ("performance", ID.into()),
                ("seat", Value::Int(seat)),
                ("status", Value::Int(status)),
            ];
            fixture.put("tk_seat_claim", &columns).await;
            let store = &fixture.store;
            expect_broken(store.bits(performance, 10).await, "claims", "bits");
            let seats = sample::seats([0]);
            if seat == 0 {
                expect_broken(store.of_seats(performance, seats).await, "claims", "of_seats");
            }
            expect_broken(Inspect::claims(store, first()).await, "inspect", "claims");
            store.database().execute("DELETE FROM tk_seat_claim", &[]).await.unwrap();
        }
    });
}

#[test]
fn a_posting_without_its_entry_is_an_error() {
    block_on(async {
        let fixture = Fixture::new(Options::default()).await;
        let columns = [
            ("account", Value::Int(9)),
            ("owner", Uuid::nil().into()),
            ("currency", Value::text("KRW")),
            ("entry", ID.into()),
            ("amount", Value::Int(1)),
        ];
        fixture.put("tk_posting", &columns).await;
        let account = AccountKey { account: Account::Loss, currency: Currency::KRW };
        expect_broken(fixture.store.history(account, first()).await, "ledger", "history");
    });
}

#[test]
fn a_balance_out_of_range_is_an_error_and_no_other_amount() {
    block_on(async {
        let fixture = Fixture::new(Options::default()).await;
        for slot in 0..2 {
            let columns = [
                ("account", Value::Int(9)),
                ("owner", Uuid::nil().into()),
                ("currency", Value::text("KRW")),
                ("slot", Value::Int(slot)),
                ("balance", Value::Int(i64::MAX)),
            ];
            fixture.put("tk_balance", &columns).await;
        }
        let account = AccountKey { account: Account::Loss, currency: Currency::KRW };
        expect_broken(fixture.store.balance(account).await, "ledger", "balance");
        expect_broken(Inspect::balances(&fixture.store, first()).await, "inspect", "balances");
    });
}

#[test]
fn a_receipt_with_a_short_fingerprint_is_an_error() {
    block_on(async {
        let fixture = Fixture::new(Options::default()).await;
        let columns = [
            ("caller", ID.into()),
            ("operation", Value::text("reserve")),
            ("client_key", Value::text("a")),
            ("fingerprint", Value::bytes(&[1, 2, 3][..])),
            ("created_at", noon().into()),
        ];
        fixture.put("tk_receipt", &columns).await;
        let key = ticketing_core::change_set::ReceiptKey {
            caller: ticketing_core::id::UserId::from_uuid(ID),
            operation: "reserve".parse().unwrap(),
            key: "a".parse().unwrap(),
        };
        expect_broken(Receipts::find(&fixture.store, key).await, "receipts", "find");
    });
}

#[test]
fn a_cursor_of_another_list_is_refused() {
    block_on(async {
        let fixture = Fixture::new(Options::default()).await;
        let page = || PageRequest::next(Some(Cursor::after(&"110-234")), Limit::DEFAULT);
        let store = &fixture.store;
        let user = ticketing_core::id::UserId::from_uuid(ID);
        expect_broken(Reservations::of_user(store, user, page()).await, "reservations", "of_user");
        expect_broken(Reservations::due(store, noon(), page()).await, "reservations", "due");
        expect_broken(store.event_counts(page()).await, "inspect", "event_counts");
        expect_broken(Inspect::balances(store, page()).await, "inspect", "balances");
    });
}
