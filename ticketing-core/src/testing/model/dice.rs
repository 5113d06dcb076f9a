//! Small choices from a seed.

use uuid::{Builder, Uuid};

use crate::memory::SeededRandom;
use crate::port::Random;

/// Throws that a seed decides.
#[derive(Debug)]
pub(super) struct Dice(SeededRandom);

impl Dice {
    pub(super) const fn new(seed: u64) -> Self {
        Self(SeededRandom::new(seed))
    }

    /// 0 up to and without `n`, which is at least 1.
    pub(super) fn below(&self, n: usize) -> usize {
        let n = u64::try_from(n).unwrap_or(u64::MAX).max(1);
        usize::try_from(self.0.next_u64() % n).unwrap_or(0)
    }

    /// `from` up to and with `to`.
    pub(super) fn between(&self, from: usize, to: usize) -> usize {
        from + self.below(to - from + 1)
    }

    /// True `percent` times of a hundred.
    pub(super) fn chance(&self, percent: usize) -> bool {
        self.below(100) < percent
    }

    /// One of some.
    pub(super) fn pick<T: Copy>(&self, of: &[T]) -> T {
        of[self.below(of.len())]
    }

    /// `count` different numbers below `n`, ascending; fewer if there are not so many.
    pub(super) fn some_of(&self, count: usize, n: u32) -> Vec<u32> {
        let mut rest: Vec<u32> = (0..n).collect();
        let count = count.min(rest.len());
        let mut some: Vec<u32> =
            (0..count).map(|_| rest.swap_remove(self.below(rest.len()))).collect();
        some.sort_unstable();
        some
    }

    /// One of some, each as often as its weight says.
    pub(super) fn weighted<T: Copy>(&self, of: &[(usize, T)]) -> T {
        let mut throw = self.below(of.iter().map(|(weight, _)| weight).sum());
        for (weight, choice) in of {
            match throw.checked_sub(*weight) {
                Some(rest) => throw = rest,
                None => return *choice,
            }
        }
        of[0].1
    }
}

/// The id of the `n`-th thing that a step of a run makes: the same in every run of the seed, whatever
/// other steps there are, and ascending with the steps.
pub(super) fn id(seed: u64, step: u32, n: u8) -> Uuid {
    const FIRST_MS: u64 = 1_800_000_000_000;
    let place = u64::from(step) << 8 | u64::from(n);
    let random = SeededRandom::new(seed ^ place.rotate_left(32));
    let mut rest = [n; 10];
    rest[2..].copy_from_slice(&random.next_u64().to_be_bytes());
    Builder::from_unix_timestamp_millis(FIRST_MS + u64::from(step), &rest).into_uuid()
}
