//! What every [`Clock`] must do.

use std::sync::Arc;
use std::time::Duration;

use super::Harness;
use super::suite::suite;
use crate::port::Clock;

suite! { $ clock: dyn Clock => clock_conformance { is_at_most_microseconds } }

/// No time has more than six digits after the second: what a store keeps reads back equal.
pub async fn is_at_most_microseconds(h: &Harness, port: &Arc<dyn Clock>) {
    for _ in 0..200 {
        for _ in 0..20 {
            let now = port.now();
            assert_eq!(now.timestamp_subsec_nanos() % 1_000, 0, "nanoseconds in {now:?}");
        }
        h.advance(Duration::from_nanos(1_501)).await;
    }
}
