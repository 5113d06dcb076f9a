//! Closed loops of buyers, and sides that are measured in turns.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use tokio::task::JoinSet;
use tokio::time::Instant;

use crate::Failed;
use crate::report::progress;
use crate::server::{Counters, Server};

/// The longest that a loop waits for calls under way after its time is up.
const STRAGGLERS: Duration = Duration::from_mins(1);

/// One way of doing something, to be done by many at once.
#[async_trait]
pub(crate) trait Side: Send + Sync {
    fn name(&self) -> String;
    /// Makes ready for so many calls more; not measured.
    async fn stock(&self, calls: u32) -> Result<(), Failed>;
    /// Does it once; `false` if what was made ready is used up.
    async fn call(&self) -> Result<bool, Failed>;
    /// How often it has asked its database, if it knows: the server counts statements only.
    fn round_trips(&self) -> Option<u64> {
        None
    }
}

/// What one loop came to.
#[derive(Clone, Debug, Default)]
pub(crate) struct Measure {
    pub(crate) done: u64,
    pub(crate) failed: u64,
    pub(crate) elapsed: Duration,
    /// Ascending.
    latencies: Vec<Duration>,
    pub(crate) spent: Counters,
}

impl Measure {
    pub(crate) fn rate(&self) -> f64 {
        count(self.done) / self.elapsed.as_secs_f64().max(1e-9)
    }

    /// The latency that `percent` of a hundred calls do not exceed.
    pub(crate) fn latency(&self, percent: usize) -> Duration {
        let place = self.latencies.len().saturating_sub(1) * percent / 100;
        self.latencies.get(place).copied().unwrap_or_default()
    }
}

/// `tasks` loops that call one after another until the time is up.
pub(crate) async fn crowd(
    side: &Arc<dyn Side>,
    tasks: usize,
    lasts: Duration,
) -> Result<Measure, Failed> {
    let failed = Arc::new(AtomicU64::new(0));
    let start = Instant::now();
    let mut loops = JoinSet::new();
    for _ in 0..tasks {
        let (side, failed) = (Arc::clone(side), Arc::clone(&failed));
        loops.spawn(async move {
            let mut latencies = Vec::new();
            let mut first = None;
            loop {
                let begun = Instant::now();
                if begun - start >= lasts {
                    break;
                }
                match side.call().await {
                    Ok(true) => latencies.push(begun.elapsed()),
                    Ok(false) => break,
                    Err(error) => {
                        failed.fetch_add(1, Ordering::Relaxed);
                        first.get_or_insert(error);
                    }
                }
            }
            (latencies, first)
        });
    }
    let mut measure = Measure::default();
    let mut first = None;
    let all = async {
        while let Some(ended) = loops.join_next().await {
            let (mut latencies, error) = ended?;
            measure.latencies.append(&mut latencies);
            first = first.take().or(error);
        }
        Ok::<(), Failed>(())
    };
    let ended = tokio::time::timeout(lasts + STRAGGLERS, all).await;
    let Ok(ended) = ended else {
        let (left, name) = (loops.len(), side.name());
        return Err(format!("{name}: {left} of {tasks} calls did not end in {STRAGGLERS:?}").into());
    };
    ended?;
    measure.elapsed = start.elapsed();
    measure.done = measure.latencies.len() as u64;
    measure.failed = failed.load(Ordering::Relaxed);
    measure.latencies.sort_unstable();
    if let Some(error) = first {
        progress(&format!("{}: {} calls failed, one by: {error}", side.name(), measure.failed));
        if measure.done == 0 {
            return Err(error);
        }
    }
    Ok(measure)
}

/// How a comparison is run.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Turns {
    pub(crate) tasks: usize,
    pub(crate) rounds: usize,
    pub(crate) lasts: Duration,
}

/// Measures the sides one after another and then in the other order, round after round, so that what drifts
/// meets all alike. The measurements of each side.
pub(crate) async fn in_turns(
    server: &Server,
    sides: &[Arc<dyn Side>],
    turns: Turns,
) -> Result<Vec<Vec<Measure>>, Failed> {
    let Turns { tasks, rounds, lasts } = turns;
    let mut came = vec![Vec::new(); sides.len()];
    for side in sides {
        progress(&format!("{}, {tasks} at once: warming up", side.name()));
        side.stock(calls_max(lasts)).await?;
        crowd(side, tasks, lasts.min(Duration::from_secs(2))).await?;
    }
    for round in 1..=rounds {
        for place in (0..sides.len()).chain((0..sides.len()).rev()) {
            let side = &sides[place];
            side.stock(calls_max(lasts)).await?;
            let before = server.counters().await?.with("round_trips", side.round_trips());
            let mut measure = crowd(side, tasks, lasts).await?;
            let after = server.counters().await?.with("round_trips", side.round_trips());
            measure.spent = after.since(&before);
            let rate = measure.rate();
            progress(&format!(
                "round {round} of {rounds}, {}, {tasks} at once: {rate:.0}/s",
                side.name()
            ));
            came[place].push(measure);
        }
    }
    Ok(came)
}

/// More calls than any side makes in the time.
fn calls_max(lasts: Duration) -> u32 {
    u32::try_from(lasts.as_secs().max(1)).unwrap_or(u32::MAX).saturating_mul(12_000)
}

/// The middle value; of an even number, as turns always give, the mean of the two in the middle.
pub(crate) fn median(mut values: Vec<f64>) -> f64 {
    values.sort_unstable_by(f64::total_cmp);
    let half = values.len() / 2;
    match (values.get(half.wrapping_sub(1)), values.get(half)) {
        (Some(below), Some(above)) if values.len().is_multiple_of(2) => below.midpoint(*above),
        (_, Some(middle)) => *middle,
        (_, None) => f64::NAN,
    }
}

pub(crate) fn median_rate(measures: &[Measure]) -> f64 {
    median(measures.iter().map(Measure::rate).collect())
}

pub(crate) fn median_latency_ms(measures: &[Measure], percent: usize) -> f64 {
    median(measures.iter().map(|one| crate::report::ms(one.latency(percent))).collect())
}

#[expect(clippy::cast_precision_loss, reason = "counts of a bench stay far below 2^52")]
pub(crate) const fn count(count: u64) -> f64 {
    count as f64
}
