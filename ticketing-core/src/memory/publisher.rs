use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;

use super::by_name::rates_by_name;
use super::lock;
use crate::aggregate::{AggregateRef, StreamKey};
use crate::error::{Fault, PortError};
use crate::policy::PolicyError;
use crate::port::{EventPublisher, OutboxRow, Random};

/// What happens to one call of `publish`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum PublishAct {
    /// All events arrive.
    Accept,
    /// None arrives, and the call fails.
    FailBefore,
    /// The first half arrives, and the call fails.
    FailHalfway,
    /// All arrive, and the call fails.
    FailAfter,
    /// All arrive, and then all once more.
    Twice,
}

/// How often a publisher misbehaves by chance, in thousandths of the calls, together at most 1,000.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PublisherFaults {
    /// See [`PublishAct::FailBefore`].
    pub fail_before: u16,
    /// See [`PublishAct::FailHalfway`].
    pub fail_halfway: u16,
    /// See [`PublishAct::FailAfter`].
    pub fail_after: u16,
    /// See [`PublishAct::Twice`].
    pub twice: u16,
}

rates_by_name! { PublisherFaults, "publisher": fail_before, fail_halfway, fail_after, twice }

impl PublisherFaults {
    fn rates(self) -> [(u16, PublishAct); 4] {
        [
            (self.fail_before, PublishAct::FailBefore),
            (self.fail_halfway, PublishAct::FailHalfway),
            (self.fail_after, PublishAct::FailAfter),
            (self.twice, PublishAct::Twice),
        ]
    }

    /// Refuses rates beyond the whole.
    ///
    /// # Errors
    /// [`PolicyError`] if they are more than 1,000 together.
    pub fn check(self) -> Result<(), PolicyError> {
        let sum: u32 = self.rates().into_iter().map(|(rate, _)| u32::from(rate)).sum();
        if sum <= 1_000 {
            return Ok(());
        }
        Err(PolicyError {
            field: "rates",
            expected: "at most 1000 thousandths in all".to_owned(),
            got: sum.to_string(),
        })
    }

    fn draw(self, random: &dyn Random) -> PublishAct {
        let mut left = random.next_u64() % 1_000;
        for (rate, act) in self.rates() {
            if left < u64::from(rate) {
                return act;
            }
            left -= u64::from(rate);
        }
        PublishAct::Accept
    }
}

/// What arrived of one aggregate's events, counted over all time.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Arrivals {
    /// Every number up to this one arrived.
    unbroken: u64,
    /// Numbers beyond that arrived.
    beyond: BTreeSet<u64>,
    /// How many deliveries there were, repeats included.
    pub deliveries: u64,
    /// How often an event arrived for the first time after a later one had.
    pub out_of_order: u64,
}

impl Arrivals {
    fn note(&mut self, number: u64) -> bool {
        self.deliveries += 1;
        if self.contains(number) {
            return false;
        }
        if number < self.highest() {
            self.out_of_order += 1;
        }
        // The usual case keeps nothing: an emptied set holds on to its memory, one for each aggregate.
        if number == self.unbroken + 1 {
            self.unbroken = number;
        } else {
            self.beyond.insert(number);
        }
        while self.beyond.remove(&(self.unbroken + 1)) {
            self.unbroken += 1;
        }
        true
    }

    /// The highest number that arrived; equals the aggregate's recorded events when all arrived.
    pub fn highest(&self) -> u64 {
        self.beyond.last().copied().unwrap_or(self.unbroken)
    }

    /// Whether the event of this number arrived.
    pub fn contains(&self, number: u64) -> bool {
        (1..=self.unbroken).contains(&number) || self.beyond.contains(&number)
    }

    /// How many different events arrived.
    pub fn distinct(&self) -> u64 {
        self.unbroken + self.beyond.len() as u64
    }

    /// How many below the highest never arrived.
    pub fn missing(&self) -> u64 {
        self.highest() - self.distinct()
    }

    /// How many deliveries were repeats.
    pub fn repeats(&self) -> u64 {
        self.deliveries - self.distinct()
    }
}

#[derive(Default)]
struct Topic {
    kept: VecDeque<OutboxRow>,
    arrivals: BTreeMap<AggregateRef, Arrivals>,
    script: VecDeque<PublishAct>,
    chance: Option<(Arc<dyn Random>, PublisherFaults)>,
    met: BTreeMap<&'static str, u64>,
}

/// Takes events in memory: counts all of them, and keeps the last ones.
pub struct MemoryPublisher {
    topic: Mutex<Topic>,
    keep_max: usize,
}

impl std::fmt::Debug for MemoryPublisher {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("MemoryPublisher").field("keep_max", &self.keep_max).finish_non_exhaustive()
    }
}

impl Default for MemoryPublisher {
    fn default() -> Self {
        Self::new(Self::KEEP_DEFAULT)
    }
}

impl MemoryPublisher {
    /// How many events are kept by default.
    pub const KEEP_DEFAULT: usize = 65_536;

    /// A publisher that accepts everything and keeps the last `keep_max` events, each as it arrived
    /// first; none if 0. Counts are kept of all.
    pub fn new(keep_max: usize) -> Self {
        Self { topic: Mutex::default(), keep_max }
    }

    /// The same, misbehaving by chance.
    ///
    /// # Errors
    /// Those of [`PublisherFaults::check`].
    pub fn seeded(
        keep_max: usize,
        random: Arc<dyn Random>,
        faults: PublisherFaults,
    ) -> Result<Self, PolicyError> {
        let publisher = Self::new(keep_max);
        publisher.set_faults(random, faults)?;
        Ok(publisher)
    }

    /// Misbehaves by another chance from now on, or by none with the default. What is scripted comes
    /// first.
    ///
    /// # Errors
    /// Those of [`PublisherFaults::check`]; then nothing changed.
    pub fn set_faults(
        &self,
        random: Arc<dyn Random>,
        faults: PublisherFaults,
    ) -> Result<(), PolicyError> {
        faults.check()?;
        lock(&self.topic).chance = Some((random, faults));
        Ok(())
    }

    /// What chance brought about, by the names of [`PublisherFaults::NAMES`]. What never happened is left out.
    pub fn faults_met(&self) -> BTreeMap<&'static str, u64> {
        lock(&self.topic).met.clone()
    }

    /// Says what happens to the next calls, before chance does.
    pub fn script(&self, acts: impl IntoIterator<Item = PublishAct>) {
        lock(&self.topic).script.extend(acts);
    }

    /// The events kept, in order of their first arrival.
    pub fn events(&self) -> Vec<OutboxRow> {
        lock(&self.topic).kept.iter().cloned().collect()
    }

    /// The events of one stream that are kept, in order of their first arrival.
    pub fn stream(&self, stream: StreamKey) -> Vec<OutboxRow> {
        let topic = lock(&self.topic);
        topic.kept.iter().filter(|row| row.stream == stream).cloned().collect()
    }

    /// What arrived of one aggregate.
    pub fn arrivals(&self, aggregate: AggregateRef) -> Arrivals {
        lock(&self.topic).arrivals.get(&aggregate).cloned().unwrap_or_default()
    }

    /// Shows what arrived of each aggregate, in the order of kinds and ids, without copying it. `each`
    /// must not call the publisher.
    pub fn look_at_arrivals(&self, mut each: impl FnMut(AggregateRef, &Arrivals)) {
        for (aggregate, arrivals) in &lock(&self.topic).arrivals {
            each(*aggregate, arrivals);
        }
    }

    /// What arrived of each aggregate.
    pub fn all_arrivals(&self) -> BTreeMap<AggregateRef, Arrivals> {
        lock(&self.topic).arrivals.clone()
    }
}

impl PublishAct {
    /// The name of the rate that brings it about.
    const fn fault(self) -> Option<&'static str> {
        match self {
            Self::Accept => None,
            Self::FailBefore => Some("publisher.fail_before"),
            Self::FailHalfway => Some("publisher.fail_halfway"),
            Self::FailAfter => Some("publisher.fail_after"),
            Self::Twice => Some("publisher.twice"),
        }
    }
}

impl Topic {
    fn by_chance(&mut self) -> PublishAct {
        let Some((random, faults)) = &self.chance else { return PublishAct::Accept };
        let act = faults.draw(&**random);
        if let Some(fault) = act.fault() {
            *self.met.entry(fault).or_default() += 1;
        }
        act
    }

    fn take(&mut self, row: &OutboxRow, keep_max: usize) {
        let first = self.arrivals.entry(row.aggregate).or_default().note(row.number);
        if first && keep_max > 0 {
            if self.kept.len() == keep_max {
                self.kept.pop_front();
            }
            self.kept.push_back(row.clone());
        }
    }
}

#[async_trait]
impl EventPublisher for MemoryPublisher {
    async fn publish(&self, events: Vec<OutboxRow>) -> Result<(), PortError> {
        let mut topic = lock(&self.topic);
        let act = topic.script.pop_front().unwrap_or_else(|| topic.by_chance());
        let (arrive, times) = match act {
            PublishAct::Accept | PublishAct::FailAfter => (events.len(), 1),
            PublishAct::FailBefore => (0, 1),
            PublishAct::FailHalfway => (events.len() / 2, 1),
            PublishAct::Twice => (events.len(), 2),
        };
        for _ in 0..times {
            for row in &events[..arrive] {
                topic.take(row, self.keep_max);
            }
        }
        match act {
            PublishAct::Accept | PublishAct::Twice => Ok(()),
            PublishAct::FailBefore => Err(PortError::new("publisher", "publish", Fault::Transient)),
            PublishAct::FailHalfway | PublishAct::FailAfter => {
                Err(PortError::new("publisher", "publish", Fault::Unknown))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use chrono::DateTime;
    use pollster::block_on;
    use uuid::Uuid;

    use super::*;
    use crate::aggregate::AggregateKind;
    use crate::id::ChangeSetId;
    use crate::memory::SeededRandom;

    fn aggregate(id: u128) -> AggregateRef {
        AggregateRef { kind: AggregateKind::Ticket, id: Uuid::from_u128(id) }
    }

    fn row(id: u128, number: u64) -> OutboxRow {
        OutboxRow {
            partition: 0,
            sequence: number,
            stream: StreamKey(Uuid::from_u128(id % 2)),
            aggregate: aggregate(id),
            number,
            name: "ticket.issued".into(),
            occurred_at: DateTime::from_timestamp(1_800_000_000, 0).unwrap(),
            change_set: ChangeSetId::from_uuid(Uuid::from_u128(1)),
            payload: b"{}".to_vec(),
        }
    }

    fn numbers(rows: &[OutboxRow]) -> Vec<u64> {
        rows.iter().map(|row| row.number).collect()
    }

    #[test]
    fn every_rate_brings_about_what_is_counted_by_its_name() {
        for name in PublisherFaults::NAMES {
            let mut faults = PublisherFaults::default();
            faults.set(name, 1_000).unwrap();
            let publisher =
                MemoryPublisher::seeded(9, Arc::new(SeededRandom::new(3)), faults).unwrap();
            let _ = block_on(publisher.publish(vec![row(1, 1)]));
            assert_eq!(publisher.faults_met(), BTreeMap::from([(*name, 1)]));
        }
    }

    #[test]
    fn each_fault_lets_arrive_what_it_says() {
        let publisher = MemoryPublisher::default();
        let acts = [
            (PublishAct::FailBefore, false, 0),
            (PublishAct::FailHalfway, false, 1),
            (PublishAct::FailAfter, false, 3),
            (PublishAct::Twice, true, 7),
            (PublishAct::Accept, true, 9),
        ];
        publisher.script(acts.map(|(act, ..)| act));
        for (act, accepted, deliveries) in acts {
            let answer = block_on(publisher.publish(vec![row(1, 1), row(1, 2)]));
            assert_eq!(answer.is_ok(), accepted, "{act:?}");
            assert_eq!(publisher.arrivals(aggregate(1)).deliveries, deliveries, "{act:?}");
        }
        let arrivals = publisher.arrivals(aggregate(1));
        assert_eq!((arrivals.distinct(), arrivals.repeats(), arrivals.missing()), (2, 7, 0));
        assert_eq!(numbers(&publisher.events()), [1, 2]);
    }

    #[test]
    fn missing_and_misplaced_events_are_counted_for_their_aggregate() {
        let publisher = MemoryPublisher::default();
        let rows = [row(1, 1), row(1, 4), row(2, 1), row(1, 2)];
        block_on(publisher.publish(rows.to_vec())).unwrap();
        let arrivals = publisher.arrivals(aggregate(1));
        assert_eq!((arrivals.missing(), arrivals.out_of_order, arrivals.highest()), (1, 1, 4));
        assert_eq!(
            [0, 1, 2, 3, 4, 5].map(|n| arrivals.contains(n)),
            [false, true, true, false, true, false]
        );
        block_on(publisher.publish(vec![row(1, 3)])).unwrap();
        assert_eq!(publisher.arrivals(aggregate(1)).missing(), 0);
        assert_eq!(publisher.all_arrivals().len(), 2);
        assert_eq!(numbers(&publisher.stream(row(1, 1).stream)), [1, 4, 2, 3]);
    }

    #[test]
    fn only_the_last_events_are_kept_but_all_are_counted() {
        let publisher = MemoryPublisher::new(2);
        block_on(publisher.publish((1..=5).map(|n| row(1, n)).collect())).unwrap();
        assert_eq!(numbers(&publisher.events()), [4, 5]);
        assert_eq!(publisher.arrivals(aggregate(1)).distinct(), 5);
        let counting = MemoryPublisher::new(0);
        block_on(counting.publish(vec![row(1, 1)])).unwrap();
        assert!(counting.events().is_empty());
        assert_eq!(counting.arrivals(aggregate(1)).distinct(), 1);
    }

    #[test]
    fn a_sender_that_repeats_until_accepted_loses_nothing_whatever_chance_does() {
        let faults =
            PublisherFaults { fail_before: 200, fail_halfway: 200, fail_after: 200, twice: 200 };
        let random = Arc::new(SeededRandom::new(4));
        let publisher = MemoryPublisher::seeded(1_000, random, faults).unwrap();
        let mut failures = 0;
        for batch in 0..20 {
            let rows: Vec<_> = (1..=10).map(|n| row(1, batch * 10 + n)).collect();
            while block_on(publisher.publish(rows.clone())).is_err() {
                failures += 1;
                assert!(failures < 1_000, "three failures in five");
            }
        }
        let arrivals = publisher.arrivals(aggregate(1));
        assert!(failures > 0 && arrivals.repeats() > 0);
        assert_eq!((arrivals.distinct(), arrivals.missing(), arrivals.out_of_order), (200, 0, 0));
        assert!(PublisherFaults { twice: 1_001, ..faults }.check().is_err());
    }

    #[test]
    fn faults_can_be_set_by_name_and_stopped() {
        let mut faults = PublisherFaults::default();
        faults.set("publisher.fail_after", 900).unwrap();
        faults.set("publisher.twice", 100).unwrap();
        assert_eq!(faults, PublisherFaults { fail_after: 900, twice: 100, ..Default::default() });
        assert_eq!(faults.get("publisher.fail_after"), Some(900));
        for (name, rate) in [("publisher.fail_before", 1), ("publisher.late", 1)] {
            let before = faults;
            assert!(faults.set(name, rate).is_err(), "{name}");
            assert_eq!(faults, before);
        }
        let publisher = MemoryPublisher::default();
        let random = Arc::new(SeededRandom::new(4));
        publisher.set_faults(random.clone(), faults).unwrap();
        let failures = |publisher: &MemoryPublisher| {
            (0..100).filter(|n| block_on(publisher.publish(vec![row(1, n + 1)])).is_err()).count()
        };
        assert!((80..100).contains(&failures(&publisher)));
        publisher.set_faults(random.clone(), PublisherFaults::default()).unwrap();
        assert_eq!(failures(&publisher), 0);
        let beyond = PublisherFaults { twice: 1_001, ..PublisherFaults::default() };
        assert!(publisher.set_faults(random, beyond).is_err());
        assert_eq!(failures(&publisher), 0);
    }
}
