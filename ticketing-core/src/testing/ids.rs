//! What every [`IdGenerator`] must do. Its clock is the harness's.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use super::Harness;
use super::suite::suite;
use crate::port::IdGenerator;

suite! { $ ids: dyn IdGenerator => ids_conformance { never_twice, carry_the_time } }

/// 16,000 ids made by 8 tasks at the same time are all different.
pub async fn never_twice(h: &Harness, port: &Arc<dyn IdGenerator>) {
    let tasks: Vec<_> = (0..8)
        .map(|_| {
            let port = Arc::clone(port);
            async move { (0..2_000).map(|_| port.next_id()).collect::<Vec<_>>() }
        })
        .collect();
    let ids: Vec<_> = h.race(tasks).await.into_iter().flatten().collect();
    let different: BTreeSet<_> = ids.iter().copied().collect();
    assert_eq!(different.len(), ids.len(), "an id was given twice");
}

/// Every id is a UUIDv7 of the millisecond in which it was made.
pub async fn carry_the_time(h: &Harness, port: &Arc<dyn IdGenerator>) {
    for _ in 0..5 {
        let before = h.now().timestamp_millis();
        let id = port.next_id();
        let after = h.now().timestamp_millis();
        assert_eq!(id.get_version_num(), 7, "{id} is no UUIDv7");
        let (seconds, nanos) = id.get_timestamp().expect("a UUIDv7 carries a time").to_unix();
        let millis =
            i64::try_from(seconds).expect("this age") * 1_000 + i64::from(nanos / 1_000_000);
        assert!((before..=after).contains(&millis), "{millis} is not in {before}..={after}");
        h.advance(Duration::from_millis(7)).await;
    }
}
