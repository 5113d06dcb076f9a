//! What every [`Random`] must do.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::Harness;
use super::suite::suite;
use crate::port::Random;

suite! { $ random: dyn Random => random_conformance { spreads } }

/// Of 4,096 numbers none comes twice, and each of the 64 bits is set in about half of them: within
/// seven standard deviations (32), which chance misses less than once in a billion runs.
pub async fn spreads(h: &Harness, port: &Arc<dyn Random>) {
    let tasks: Vec<_> = (0..4)
        .map(|_| {
            let port = Arc::clone(port);
            async move { (0..1_024).map(|_| port.next_u64()).collect::<Vec<_>>() }
        })
        .collect();
    let numbers: Vec<u64> = h.race(tasks).await.into_iter().flatten().collect();
    let different: BTreeSet<u64> = numbers.iter().copied().collect();
    assert_eq!(different.len(), numbers.len(), "a number came twice");
    for bit in 0..64 {
        let set = numbers.iter().filter(|number| **number >> bit & 1 == 1).count();
        assert!((2_048 - 224..=2_048 + 224).contains(&set), "bit {bit} is set {set} of 4096 times");
    }
}
