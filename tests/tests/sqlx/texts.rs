//! Texts that mean something to SQL, and rows that are not there, on a real database.

use ticketing_core::change_set::{ChangeSet, Fingerprint, ReceiptKey, ReceiptState, Response};
use ticketing_core::id::{ChangeSetId, PerformanceId, ReservationId, SellerId, ShowId, UserId};
use ticketing_core::label::{Grade, Label, Title};
use ticketing_core::memory::SystemClock;
use ticketing_core::money::{BasisPoints, Currency, Money};
use ticketing_core::page::{Limit, PageRequest};
use ticketing_core::policy::SalesPolicy;
use ticketing_core::port::Store as _;
use ticketing_core::port::{Clock, CommitError, Inspect, Layouts as _, Receipts as _};
use ticketing_core::seat::{SeatNo, Seats};
use ticketing_core::show::{NewShow, PriceList, Show};

use crate::world::{Server, block_on, real};

const TEXTS: [&str; 6] = [
    r"it's",
    r"\'; DROP TABLE tk_show; -- ?",
    r"ends with \",
    r#""quoted" `ticks` ?; /* */ #"#,
    "표 ‘quoted’ 🎫 é",
    r"\\ \n \0 %_ ''",
];

/// In the title of a show and in the event of it, in a client's key, and in the answer that is kept.
async fn keeps_any_text(server: Server) {
    let (_, store, ids) = real(server, "texts").await;
    let now = SystemClock.now();
    let price = Money::from_minor(1_000, Currency::KRW).expect("a price");
    let (mut shows, mut keys) = (Vec::new(), Vec::new());
    for text in TEXTS {
        let new = NewShow {
            id: ShowId::generate(&ids),
            seller: SellerId::generate(&ids),
            title: Title::new(text).expect("a title"),
            commission: BasisPoints::percent(3),
            prices: PriceList::new([(Grade::new("R").expect("a grade"), price)]).expect("prices"),
            policy: SalesPolicy::default(),
        };
        let key = ReceiptKey {
            caller: UserId::generate(&ids),
            operation: Label::new("reserve").expect("an operation"),
            key: Label::new(text).expect("a key"),
        };
        let answer = Response::of(text).expect("an answer");
        shows.push(new.id);
        keys.push((key.clone(), answer.clone()));
        let changes = ChangeSet::new(ChangeSetId::generate(&ids), now);
        let show = Show::create(new, now).expect("a show");
        let changes = changes.save(show).receipt(key, Fingerprint([7; 32]), answer);
        let _ = store.commit(changes).await.expect("a commit");
    }
    for ((show, (key, answer)), text) in shows.into_iter().zip(keys).zip(TEXTS) {
        let show = store.show(show).await.expect("a read").expect("the show");
        assert_eq!(show.title().as_str(), text);
        let kept = store.find(key).await.expect("a read").expect("the receipt");
        assert_eq!(kept.state, ReceiptState::Done(answer));
    }
    let page = PageRequest::first(Limit::new(Limit::MAX).expect("the largest limit"));
    let events = store.outbox(page).await.expect("events").items;
    assert_eq!(events.len(), TEXTS.len());
    for event in events {
        serde_json::from_slice::<serde_json::Value>(&event.payload).expect("json");
    }
}

/// A sale of a seat that nobody claimed, which a flush takes for claimed at first.
async fn sells_no_claim_that_is_not_there(server: Server) {
    let (_, store, ids) = real(server, "no_claim").await;
    let performance = PerformanceId::generate(&ids);
    let seat = Seats::one(SeatNo(1));
    for _ in 0..2 {
        let changes = ChangeSet::new(ChangeSetId::generate(&ids), SystemClock.now());
        let sale = changes.sell(performance, seat.clone(), ReservationId::generate(&ids));
        let answer = store.commit(sale).await;
        assert!(
            matches!(&answer, Err(CommitError::SeatTaken(taken)) if *taken == seat),
            "{answer:?}"
        );
        let page = PageRequest::first(Limit::new(Limit::MAX).expect("the largest limit"));
        assert!(store.claims(page).await.expect("claims").items.is_empty());
    }
    assert!(store.stats().raced > 0, "the first one hoped");
}

macro_rules! on_each {
    ($($name:ident: $server:ident;)+) => {$(
        mod $name {
            use super::*;

            #[test]
            fn keeps_any_text() {
                block_on(super::keeps_any_text(Server::$server));
            }

            #[test]
            fn sells_no_claim_that_is_not_there() {
                block_on(super::sells_no_claim_that_is_not_there(Server::$server));
            }
        }
    )+};
}

on_each! {
    sqlite: Sqlite;
    mysql: MySql;
    mariadb: MariaDb;
}
