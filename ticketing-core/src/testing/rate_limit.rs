//! What every [`RateLimit`] must do.

use std::sync::Arc;
use std::time::Duration;

use super::Harness;
use super::suite::suite;
use crate::label::Token;
use crate::port::{Quota, RateDecision, RateLimit};

suite! { $ rate_limit: dyn RateLimit => rate_limit_conformance {
    never_more_than_the_quota,
    retry_after_is_kept,
} }

fn key(h: &Harness) -> Token {
    Token::new(&format!("conformance:{}", h.ids().next_id())).expect("a short key")
}

/// 50 calls at the same time: the burst goes through. Later only what the time gives, and a long rest
/// gives one burst, not more. Another key has its own.
pub async fn never_more_than_the_quota(h: &Harness, port: &Arc<dyn RateLimit>) {
    let quota = Quota { burst: 5, every: Duration::from_millis(200) };
    let key = key(h);
    let allowed_of_50 = async || {
        let tasks: Vec<_> = (0..50)
            .map(|_| {
                let (port, key, now) = (Arc::clone(port), key.clone(), h.now());
                async move { port.acquire(key, quota, now).await.expect("acquire") }
            })
            .collect();
        let decisions = h.race(tasks).await;
        decisions.into_iter().filter(|decision| *decision == RateDecision::Allowed).count()
    };
    let start = h.now();
    let mut allowed = allowed_of_50().await;
    let every = i64::try_from(quota.every.as_micros()).expect("a short time");
    let most = |h: &Harness| {
        let elapsed = (h.now() - start).num_microseconds().expect("a short test");
        5 + usize::try_from(elapsed / every).unwrap_or(0)
    };
    assert!((5..=most(h)).contains(&allowed), "allowed {allowed} of a burst of 5");
    for _ in 0..3 {
        h.advance(Duration::from_millis(300)).await;
        allowed += allowed_of_50().await;
        assert!(allowed <= most(h), "allowed {allowed}, at most {} in this time", most(h));
    }
    h.advance(quota.every * 10).await;
    let before_rest = h.now();
    let after_rest = allowed_of_50().await;
    let during = (h.now() - before_rest).num_microseconds().expect("a short test") / every;
    assert!(after_rest <= 5 + usize::try_from(during).unwrap_or(0), "{after_rest} after a rest");

    let other = port.acquire(self::key(h), quota, h.now()).await.expect("acquire");
    assert_eq!(other, RateDecision::Allowed, "another key's quota was used");
}

/// Who comes back after `retry_after` is let through.
pub async fn retry_after_is_kept(h: &Harness, port: &Arc<dyn RateLimit>) {
    let quota = Quota { burst: 3, every: Duration::from_millis(200) };
    let key = key(h);
    for _ in 0..4 {
        let mut limited = None;
        for _ in 0..50 {
            let decision = port.acquire(key.clone(), quota, h.now()).await.expect("acquire");
            if let RateDecision::Limited { retry_after } = decision {
                limited = Some(retry_after);
                break;
            }
        }
        let retry_after = limited.expect("50 calls at once are more than a burst of 3");
        assert!(retry_after > Duration::ZERO && retry_after <= quota.every, "{retry_after:?}");
        h.advance(retry_after).await;
        let decision = port.acquire(key.clone(), quota, h.now()).await.expect("acquire");
        assert_eq!(decision, RateDecision::Allowed, "limited after {retry_after:?}");
    }
}
