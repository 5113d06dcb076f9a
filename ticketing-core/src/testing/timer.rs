//! What every [`Timer`] must do. The timer belongs to the harness's clock.

use std::sync::Arc;
use std::time::Duration;

use futures_channel::oneshot;

use super::Harness;
use super::suite::{give_up_after, suite};
use crate::port::Timer;

suite! { $ timer: dyn Timer => timer_conformance { past_returns_at_once, wakes_at_or_after } }

/// A wait for now or for the past is over without waiting.
pub async fn past_returns_at_once(h: &Harness, port: &Arc<dyn Timer>) {
    for past in [Duration::ZERO, Duration::from_secs(1), Duration::from_hours(24)] {
        let at = h.now() - past;
        let waited = give_up_after(1, port.sleep_until(at)).await;
        assert!(waited.is_some(), "waits for what was {past:?} ago");
    }
}

/// Every sleeper wakes, none before its time, each for its own.
pub async fn wakes_at_or_after(h: &Harness, port: &Arc<dyn Timer>) {
    const STEP: Duration = Duration::from_millis(10);
    let mut sleepers = Vec::new();
    for ms in [50, 20, 50, 80] {
        let (send_started, started) = oneshot::channel();
        let (send_woken, mut woken) = oneshot::channel();
        let (port, clock) = (Arc::clone(port), h.clock());
        let at = h.now() + Duration::from_millis(ms);
        h.spawn(async move {
            let mut sleep = port.sleep_until(at);
            let early = give_up_after(1, &mut sleep).await;
            let _ = send_started.send(());
            if early.is_none() {
                sleep.await;
            }
            let _ = send_woken.send(clock.now());
        });
        started.await.expect("the sleeper panicked");
        assert!(
            !matches!(woken.try_recv(), Ok(Some(now)) if now < at),
            "woke before its time, at once"
        );
        sleepers.push((at, woken));
    }
    for _ in 0..20 {
        h.advance(STEP).await;
    }
    for (at, woken) in sleepers {
        let woken = woken.await.expect("the sleeper panicked");
        assert!(woken >= at, "woke at {woken}, before {at}");
    }
}
