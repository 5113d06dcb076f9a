//! What every [`FraudCheck`] must do.

use std::sync::Arc;

use super::Harness;
use super::sample::{Sale, won};
use super::suite::suite;
use crate::id::{ReservationId, UserId};
use crate::port::{FraudCheck, FraudQuery, FraudVerdict};

suite! { $ fraud: dyn FraudCheck => fraud_conformance { failure_is_not_a_verdict } }

fn query(h: &Harness, user: UserId) -> FraudQuery {
    FraudQuery {
        user,
        reservation: ReservationId::generate(h.ids()),
        performance: Sale::new(h).performance,
        total: won(50_000),
    }
}

/// Takes a port that cannot reach its service: it says so, and neither clears nor suspects.
pub async fn failure_is_not_a_verdict(h: &Harness, port: &Arc<dyn FraudCheck>) {
    let query = query(h, UserId::generate(h.ids()));
    for _ in 0..3 {
        let answer = port.check(query.clone()).await;
        assert!(answer.is_err(), "the service is out of reach, but the port answered {answer:?}");
    }
}

/// Takes a port that works, and a buyer whose every purchase its service suspects: the verdict is that
/// of the buyer asked about, also when the same is asked again and many ask at once. Not part of
/// [`all`], whose port does not work.
///
/// # Panics
/// If the adapter breaks this.
pub async fn verdict_is_of_the_query(h: &Harness, port: &Arc<dyn FraudCheck>, suspected: UserId) {
    let asked: Vec<(FraudQuery, FraudVerdict)> = (0..10)
        .map(|number| match number % 2 {
            0 => (query(h, suspected), FraudVerdict::Suspected),
            _ => (query(h, UserId::generate(h.ids())), FraudVerdict::Clear),
        })
        .collect();
    for time in ["first", "second"] {
        let answers = h.race(asked.iter().map(|(query, _)| {
            let (port, query) = (Arc::clone(port), query.clone());
            async move { port.check(query).await }
        }));
        for ((query, expected), answer) in asked.iter().zip(answers.await) {
            let verdict = answer.expect("a service within reach");
            assert_eq!(verdict, *expected, "asked a {time} time about {query:?}");
        }
    }
}
